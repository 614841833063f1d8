"""What a performance record says, in the order that a reader needs: a fault, the loss, its likely place, the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retrain_assets.monitoring.drift.report import DriftReport
from retrain_assets.monitoring.performance.report import PerformanceReport, Quality


def performance_sentences(record: Mapping[str, Any]) -> list[str]:
    """Whether the outcomes look like a fault, what is lost, what changed and costs, what was measured, what estimated.

    Args:
        record: As `reports.performance_step` writes it.
    """
    jump, report, guess = record.get("label_jump"), record.get("report"), record.get("estimated")
    labels = DriftReport.from_dict(record["label_drift"]) if "label_drift" in record else None
    parts = [
        f"{jump['sentence']}; promotion is held until a person releases it." if jump else "",
        loss_sentence(record),
        record.get("impact_sentence", ""),
        labels.sentence if labels and labels.warned and not jump else "",
        f"Measured. {report['sentence']}" if report else "Measured: nothing, no outcome of its rows arrived.",
        f"Estimated. {guess['sentence']}" if guess else "",
    ]
    return [part for part in parts if part]


def loss_sentence(record: Mapping[str, Any]) -> str:
    """Since when the loss is above what the version was promoted with, what that cost, and how much of it drift tells.

    Empty while the loss is not surely above.
    """
    report = read_performance(record)
    if report is None or report.outcome is not Quality.WARN or report.excess_per_row is None:
        return ""
    since = record.get("loss_since", report.period)
    return (
        f"{report.period}: {report.version} loses more than it was promoted with, since {since}: {report.loss:.4g} a "
        f"row against {report.baseline:.4g}, {report.excess_sum:,.0f} {record['loss']} more in the period"
        f"{_in_drifted_rows(record, report.excess_sum)}."
    )


def read_performance(record: Mapping[str, Any]) -> PerformanceReport | None:
    """The measured report inside a performance record, when there was something to measure."""
    return PerformanceReport.from_dict(record["report"]) if "report" in record else None


def _in_drifted_rows(record: Mapping[str, Any], excess: float) -> str:
    """How much of an excess lies in the costliest of the slices that grew; slices overlap, so they are not summed."""
    if not record.get("impact"):
        return "; no feature that drifted tells why"
    most = max(one["excess"] for one in record["impact"])
    if not most > 0:
        return ", none of it where features drifted"
    share = 100 * most / excess
    told = f"{share:.0f} %" if share >= 1 else "less than 1 %"
    return f", {'all' if share >= 100 else f'{told}'} of it where a feature drifted"
