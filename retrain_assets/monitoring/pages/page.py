"""The two monitoring reports as documents: what moved, what it costs, how good the live model was and should be.

Made from stored records and the picture drawn from them, so that the asset page, the HTML file and the command line say
the same, and say it again for an old period. Pure: the same records give the same bytes.
"""

from __future__ import annotations

from dataclasses import asdict

from retrain_assets.documents.page import html_page, table, text
from retrain_assets.errors import NotFound
from retrain_assets.monitoring.drift.report import ColumnDrift
from retrain_assets.monitoring.estimation.estimator import ASSUMES, LossEstimate
from retrain_assets.monitoring.impact.cost import Change, ColumnCost
from retrain_assets.monitoring.pages.drift_plot import drift_picture, what_moved
from retrain_assets.monitoring.pages.performance_plot import (
    PerformanceHistory,
    performance_history,
    performance_picture,
)
from retrain_assets.monitoring.pages.performance_text import (
    performance_sentences,
)
from retrain_assets.monitoring.performance.business_metrics import BusinessMeasurement
from retrain_assets.monitoring.performance.report import PerformanceReport, Quality
from retrain_assets.monitoring.records.drift_record import DriftRecord, read_drift
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, read_performance
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore

ASSETS = ("drift_report", "performance_report")

IMPACT = {"since": "since", "importance": "share of the model", "weight": "weight"}
"""What a table says of a column's impact, by its name in the record."""

READING_DRIFT = """Every column of the period against the periods that the live model was trained on, the period being
the unit of evidence: a report without any change in the world warns in at most one case of twenty. *quiet*: no change
beyond chance. *small*: a certain change, too small to matter. *warn*: certain and large enough; *confirmed* when the
same came again in the next period. *insufficient*: it cannot be told yet. p is adjusted for every test of the report;
the distances decide nothing. PSI is in nats, Jensen-Shannon in bits, Wasserstein in standard deviations of the
reference; missing is the change in the share of rows without a value, new the share of rows in categories without
precedent. Where the model's own weights are known: the share of the model is what it gains by the column, and weight is
that times the share of rows that moved."""

READING_PERFORMANCE = """Measured: the mean loss per row of the outcomes that arrived in the period, of rows that this
version scored, with one-sided 95 % limits. Estimated: what is to be expected on rows whose outcomes are still out; it
is never mixed with what was measured, and the later truth of the same rows is put beside it. The baseline is the loss
that the version showed before it was promoted. Excess is loss beyond the baseline, summed over rows since the last
attempt to retrain; it asks for a retrain when it exceeds what a retrain costs."""


def drift_lead(record: DriftRecord) -> list[str]:
    """What the report says first: what changed, since when and at what cost where that is known, then what moved."""
    first = record.impact_sentence
    return [said for said in (first, record.sentence.removeprefix(first).strip()) if said]


def drift_markdown(model: str, record: DriftRecord, picture: str) -> str:
    """The drift report of a period.

    Args:
        model: Its name.
        record: As `drift_step` writes it.
        picture: Of `drift_picture`, as Markdown.
    """
    parts = [f"# Drift report: {text(model)} {text(record.period)}"]
    if record.version is None:
        return "\n\n".join([*parts, f"> No model was live in {text(record.period)}."]) + "\n"
    parts += [f"> **{text(said)}**" for said in drift_lead(record)]
    parts += [picture, "## Every column, those that matter first", table(column_rows(record))]
    parts += ["## Compared", table(_compared(record)), "## How to read this", READING_DRIFT]
    return "\n\n".join(parts) + "\n"


def column_rows(record: DriftRecord) -> list[dict[str, object]]:
    """One line for each column, those that matter first, with what its drift means to the model where that is known."""
    impact = {one.column: one for one in record.impact}
    return [_column(column, impact.get(column.column), bool(impact)) for column in record.columns]


def outcome_of(column: ColumnDrift) -> str:
    """The column's outcome, or that it came again."""
    return "confirmed" if column.confirmed else column.outcome.value


def performance_lead(record: PerformanceRecord) -> list[str]:
    """What the report says first: what is lost and where, what was measured and estimated, each business metric."""
    business = [one.sentence for one in record.business if one.sentence]
    return [*performance_sentences(record), *business]


def performance_markdown(model: str, period: str, history: PerformanceHistory, picture: str) -> str:
    """The performance report of a period, the last one of the history.

    Args:
        model: Its name.
        period: Which one.
        history: Its records up to the period.
        picture: Of `performance_picture`, as Markdown.
    """
    parts = [f"# Performance report: {text(model)} {text(period)}"]
    if period not in history.periods:
        return "\n\n".join([*parts, f"> No model was live in {text(period)}."]) + "\n"
    record = history.records[-1]
    parts += [f"> **{text(said)}**" for said in performance_lead(record)]
    parts += [picture, "## Loss per row", table(loss_rows(record))]
    if record.impact:
        parts += ["## What the drifted rows lose", table([_impact(one) for one in record.impact])]
    if record.business:
        parts += ["## Business metrics", table([_business(one) for one in record.business])]
    if record.report and record.report.by_group:
        parts += ["## Groups, the costliest first", table([asdict(row) for row in record.report.by_group])]
    if truths := truth_rows(record):
        parts += ["## Estimates and the later truth of the same rows", table(truths)]
    parts += ["## Decisions", table(_decisions(history)), "## How to read this", f"{READING_PERFORMANCE} {ASSUMES}"]
    return "\n\n".join(parts) + "\n"


def loss_rows(record: PerformanceRecord) -> list[dict[str, object]]:
    """What was measured and what is estimated, each with its rows, limits and baseline."""
    report, guess = record.report, record.estimated
    rows = [_losses("measured", report, report.baseline, report.excess_sum)] if report else []
    if guess and guess.estimate:
        rows.append(_losses("estimated", guess.estimate, guess.baseline, guess.excess_sum))
    return rows


def truth_rows(record: PerformanceRecord) -> list[dict[str, object]]:
    """The estimates so far, each with what was measured later on, the newest first."""
    return [
        {
            "period": one.period,
            "version": one.version,
            "rows": one.rows,
            "estimated": one.loss,
            "low": one.low,
            "high": one.high,
            "measured": one.truth.loss if one.truth else None,
            "error": one.error,
            "contradicted": one.truth.contradicted if one.truth else None,
        }
        for one in reversed(record.estimates)
    ]


def drift_document(model: str, store: PeriodStore, registry: Registry, period: str) -> str:
    """The drift report of a period from what is stored, with its picture."""
    record = read_drift(store, period) or DriftRecord(period, None)
    picture = drift_picture(store, registry, period) if record.version else ""
    return drift_markdown(model, record, picture)


def performance_document(
    model: str, store: PeriodStore, registry: Registry, period: str, loss: str, retrain_cost: float | None
) -> str:
    """The performance report of a period from what is stored, with its picture."""
    history = performance_history(store, registry, period)
    picture = performance_picture(history, loss, retrain_cost) if period in history.periods else ""
    return performance_markdown(model, period, history, picture)


def monitoring_html(model: str, period: str, *documents: str) -> bytes:
    """One or both reports of a period as one HTML file."""
    return html_page(f"Monitoring: {model} {period}", "\n\n".join(documents))


def monitored_period(model: str, store: PeriodStore, period: str | None = None) -> str:
    """A period that has a monitoring report, or the last one.

    Raises:
        NotFound: There is no such report; the message names the first and the last.
    """
    known = sorted({known for asset in ASSETS for known in store.periods(asset, "json")})
    if not known:
        raise NotFound(f"{model}: no period was monitored yet. Run `retrain monitor {model} --period P`.")
    asked = known[-1] if period is None else period
    if asked not in known:
        raise NotFound(
            f"{model}: no monitoring report of {asked!r}. Known: {len(known)} periods from {known[0]} to {known[-1]}."
        )
    return asked


def monitoring_words(store: PeriodStore, period: str) -> list[str]:
    """Both reports of a period for a terminal: what is lost, their sentences, columns that are not quiet or sound."""
    drift = read_drift(store, period) or DriftRecord(period, None)
    performance = read_performance(store, period)
    told = performance_lead(performance) if performance and performance.version else []
    measured = performance.report if performance else None
    lost = [measured.sentence] if measured and measured.outcome is Quality.WARN and measured.sentence in told else []
    lines = lost + (drift_lead(drift) if drift.version else [f"{period}: no model was live."])
    noted = [column for column in drift.columns if column.problem or outcome_of(column) != "quiet"]
    lines += [f"  {outcome_of(column):<12} {column.column:<20} {what_moved(column)}" for column in noted]
    return lines + [said for said in told if said not in lost]


def _column(column: ColumnDrift, impact: Change | None, weighed: bool) -> dict[str, object]:
    return {
        "column": column.column,
        "outcome": outcome_of(column),
        "what moved": what_moved(column),
        **({shown: getattr(impact, name, None) for name, shown in IMPACT.items()} if weighed else {}),
        "p": column.p_value,
        "PSI": column.psi,
        "Jensen-Shannon": column.jensen_shannon,
        "KS": column.ks,
        "Wasserstein": column.wasserstein,
        "total variation": column.total_variation,
        "missing": column.missing_shift,
        "new": column.new_share,
    }


def _losses(
    how: str, one: PerformanceReport | LossEstimate, baseline: float | None, excess: float
) -> dict[str, object]:
    numbers = {"rows": one.rows, "a row": one.loss, "low": one.low, "high": one.high}
    return {"loss": how, **numbers, "baseline": baseline, "excess": excess}


def _impact(one: ColumnCost) -> dict[str, object]:
    numbers = {"a row": one.loss, "other rows": one.rest, "excess": one.excess}
    return {"rows with": one.words, "rows": one.rows, **numbers}


def _compared(record: DriftRecord) -> list[dict[str, object]]:
    names = ("features", "scores and their uncertainty")
    return [
        {
            "compared": name,
            "version": record.version,
            "rows": report.rows,
            "reference periods": report.reference_periods,
            "tests": report.tests,
            "asks for a retrain": report.triggers,
        }
        for name, report in zip(names, record.reports, strict=False)
    ]


def _business(one: BusinessMeasurement) -> dict[str, object]:
    names = ("name", "value", "low", "high", "threshold", "unit", "rows", "outcome")
    return {name: getattr(one, name) for name in names}


def _decisions(history: PerformanceHistory) -> list[dict[str, object]]:
    """The newest first; only those that the picture has room for."""
    first = history.periods[0]
    return [
        {"period": event.period, "action": event.action, "live": event.to_version, "why": event.reason}
        for event in reversed(history.events)
        if event.period >= first
    ]
