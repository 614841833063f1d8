"""What a performance record says, in the order that a reader needs: a fault, the loss, its likely place, the rest."""

from __future__ import annotations

from retrain_assets.alerts import Kind
from retrain_assets.documents.units import LossUnits, amount, plural
from retrain_assets.model import Model
from retrain_assets.monitoring.performance.report import REHEARSAL, Baseline, PerformanceReport, Quality
from retrain_assets.monitoring.records.performance_record import PerformanceRecord


def performance_sentences(record: PerformanceRecord) -> list[str]:
    """Say whether the outcomes look faulty, what is lost, what drift costs and what is estimated, in that order."""
    jump, report, guess, labels = record.label_jump, record.report, record.estimated, record.label_drift
    parts = [
        f"{jump.sentence}; promotion is held until a person releases it." if jump else "",
        report.sentence if report else "Nothing is measured: no outcome of its rows arrived.",
        record.impact_sentence,
        labels.sentence if labels and labels.warned and not jump else "",
        guess.sentence if guess else "",
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


def measured_sentence(model: Model, record: PerformanceRecord, promised: Baseline) -> str:
    """How the measured loss compares with the promised one, and what was lost; empty without a report.

    A loss surely above comes with its beginning, its sum over the period, and how much of it lies where drift is.
    """
    report = record.report
    if report is None:
        return ""
    units, when = model.units, model.calendar.during(report.period)
    skipped = f" {units.rows(report.without_loss)} had no finite loss." if report.without_loss else ""
    if report.loss is None or report.low is None:
        what = f"no outcome of {report.version} arrived" if report.loss is None else "one outcome alone arrived"
        return f"{when[0].upper()}{when[1:]} {what}: nothing to compare.{skipped}"
    if report.outcome is Quality.WARN:
        return f"{_worse(model, record, report, promised)}{skipped}"
    lost = f"{report.version} lost {units.a_row(report.loss)} {when} on {units.rows(report.rows)}"
    if report.outcome is Quality.INSUFFICIENT:
        return f"{lost}; too little is known of the promised loss to compare.{skipped}"
    chance, mean = amount(promised.high, units.loss), amount(promised.mean, units.loss)
    if report.loss > promised.high:
        least = f"it is at least {amount(report.low, units.loss)} with 95 % confidence"
        said = f"{lost}, not surely more than promised ({mean}; up to {chance} is within chance): {least}"
    else:
        said = f"{lost}, as promised ({mean}; up to {chance} is within chance)"
    return f"{said}{_piled_up(model, record)}.{skipped}"


def _worse(model: Model, record: PerformanceRecord, report: PerformanceReport, promised: Baseline) -> str:
    units, since = model.units, record.loss_since or report.period
    known = model.calendar.during(since) if since == report.period else f"since {model.calendar.words(since)}"
    verb = "was" if since == report.period else "has been"
    return (
        f"{report.version} {verb} worse than promised {known}: {units.a_row(report.loss or 0.0)} where "
        f"{amount(report.baseline or 0.0, units.loss)} was promised{_by(promised, units)}, "
        f"{units.total(report.excess_sum)} more over the {model.calendar.every}, all {plural(units.row)} together"
        f"{_in_drifted_rows(record, report.excess_sum)}. It is at least "
        f"{amount(report.low or 0.0, units.loss)} with 95 % confidence, on {units.rows(report.rows)}"
        f"{_piled_up(model, record)}."
    )


def _by(promised: Baseline, units: LossUnits) -> str:
    """Where a promise comes from, when it is another figure than the test of the version showed."""
    return f" by its rehearsal on older {plural(units.row)}" if promised.source == REHEARSAL else ""


def _piled_up(model: Model, record: PerformanceRecord) -> str:
    """What has been lost beyond the promise since the attempt before, and what of it does not count yet."""
    report, units = record.report, model.units
    if report is None or (report.counts and not record.accumulated_excess > 0):
        return ""
    aside = "" if report.counts else f", without the {units.total(report.excess_sum)} of suspected outcomes"
    return f"; {units.total(record.accumulated_excess)} lost beyond the promise since the retrain before{aside}"


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
