"""What a performance record says, in the order that a reader needs: a fault, the loss, its likely place, the rest."""

from __future__ import annotations

from retrain_assets.alerts import Kind
from retrain_assets.monitoring.performance.report import Quality
from retrain_assets.monitoring.records.performance_record import PerformanceRecord


def performance_sentences(record: PerformanceRecord) -> list[str]:
    """Say whether the outcomes look faulty, what is lost, what drift costs, what was measured and what estimated."""
    jump, report, guess, labels = record.label_jump, record.report, record.estimated, record.label_drift
    parts = [
        f"{jump.sentence}; promotion is held until a person releases it." if jump else "",
        loss_sentence(record),
        record.impact_sentence,
        labels.sentence if labels and labels.warned and not jump else "",
        f"Measured. {report.sentence}" if report else "Measured: nothing, no outcome of its rows arrived.",
        f"Estimated. {guess.sentence}" if guess else "",
    ]
    return [part for part in parts if part]


def performance_facts(record: PerformanceRecord) -> list[tuple[Kind, str]]:
    """What somebody should hear of a performance record: the kind of alert and its sentence."""
    report, jump, guess = record.report, record.label_jump, record.estimated
    found: list[tuple[Kind, str]] = []
    if report and report.outcome is Quality.WARN:
        found.append(("performance", report.sentence))
    if jump:
        found.append(("label_jump", f"{jump.sentence}. Promotion is held until a person releases it."))
    if guess and guess.outcome is Quality.WARN:
        found.append(("estimate", guess.sentence))
    return [*found, *(("business", one.sentence) for one in record.business if one.outcome is Quality.WARN)]


def loss_sentence(record: PerformanceRecord) -> str:
    """Since when the loss is above what the version was promoted with, what that cost, and how much of it drift tells.

    Empty while the loss is not surely above.
    """
    report = record.report
    if report is None or report.outcome is not Quality.WARN or report.excess_per_row is None:
        return ""
    since = record.loss_since or report.period
    return (
        f"{report.period}: {report.version} loses more than it was promoted with, since {since}: {report.loss:.4g} a "
        f"row against {report.baseline:.4g}, {report.excess_sum:,.0f} {record.loss} more in the period"
        f"{_in_drifted_rows(record, report.excess_sum)}."
    )


def _in_drifted_rows(record: PerformanceRecord, excess: float) -> str:
    """How much of an excess lies in the costliest of the slices that grew; slices overlap, so they are not summed."""
    if not record.impact:
        return "; no feature that drifted tells why"
    most = max(one.excess for one in record.impact)
    if not most > 0:
        return ", none of it where features drifted"
    share = 100 * most / excess
    told = f"{share:.0f} %" if share >= 1 else "less than 1 %"
    return f", {'all' if share >= 100 else f'{told}'} of it where a feature drifted"
