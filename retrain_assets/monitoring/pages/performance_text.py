"""What a performance record says, in the order that a reader needs: a fault, the loss, its likely place, the rest."""

from __future__ import annotations

from retrain_assets.alerts import Kind
from retrain_assets.documents.units import plural
from retrain_assets.model import Model
from retrain_assets.monitoring.performance.report import REHEARSAL, Baseline, PerformanceReport, Quality
from retrain_assets.monitoring.records.performance_record import PerformanceRecord

_SURELY = ". With 95 % confidence it is at least "


def without_limits(sentence: str) -> str:
    """A measured sentence as far as a first glance needs it: the loss and what was expected, not how surely it is more.

    >>> without_limits("v3 was worse than expected. With 95 % confidence it is at least $1.93: $1,186 more error.")
    'v3 was worse than expected.'
    """
    told, surely, _ = sentence.partition(_SURELY)
    return f"{told}." if surely else sentence


def performance_sentences(record: PerformanceRecord) -> list[str]:
    """Say whether the outcomes look faulty, how good the model was, what drift costs and what is estimated."""
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


def measured_sentence(model: Model, record: PerformanceRecord, promised: Baseline, since: str = "") -> str:
    """How the measured loss compares with the expected one, and what has piled up; empty without a report.

    A loss surely above comes with its beginning, its sum over the period, and whether it is larger where drift is.

    Args:
        model: Its facts.
        record: With the report.
        promised: What the version was promoted with.
        since: The day of the last attempt to retrain, from which on the excess is summed; empty without one.
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
        return f"{_worse(model, record, report, promised)}{_piled_up(model, record, promised, since)}.{skipped}"
    rows = units.rows(report.rows)
    which = f"on {rows} whose outcomes arrived {when}" if report.of_late_outcomes else f"{when} ({rows})"
    level = f"{units.level(report.version, report.loss)} {which}"
    if report.outcome is Quality.INSUFFICIENT:
        return f"{level}; too little is known of what to expect to compare.{skipped}"
    limit = _not_surely(model, report, promised)
    return f"{level}; {expected(model, promised)}{limit}{_piled_up(model, record, promised, since)}.{skipped}"


def _not_surely(model: Model, report: PerformanceReport, promised: Baseline) -> str:
    """What so few rows leave open of a loss that is not surely above; empty where they tell enough."""
    units = model.units
    if report.loss is not None and report.low is not None and report.loss > promised.high:
        return f": not surely more, at least {units.figure(max(report.low, 0.0))} with 95 % confidence"
    if report.few and report.high is not None:
        return f": so few {plural(model.row_name)} do not exclude {units.figure(report.high)}"
    return ""


def expected(model: Model, promised: Baseline) -> str:
    """Which mean loss is expected, where that is from if not from the version's test, and up to which limit."""
    units, found = model.units, promised.source == REHEARSAL
    rehearsed = f", from its rehearsal on older {plural(model.calendar.every)};" if found else ","
    return f"expected {units.figure(promised.mean)}{rehearsed} at most {units.figure(promised.high)}"


def _worse(model: Model, record: PerformanceRecord, report: PerformanceReport, promised: Baseline) -> str:
    units, since = model.units, record.loss_since or report.period
    known = model.calendar.during(since) if since == report.period else f"since {model.calendar.words(since)}"
    verb = "was" if since == report.period else "has been"
    begun = f", as {record.worse_before} was before it" if record.worse_before else ""
    rows, every = units.rows(report.rows), model.calendar.every
    which = (
        f"on {rows} whose outcomes arrived in the {every}" if report.of_late_outcomes else f"over the {every} ({rows})"
    )
    return (
        f"{report.version} {verb} worse than expected {known}{begun}: {units.reached(report.loss or 0.0)} {which}; "
        f"{expected(model, promised)}{_SURELY}"
        f"{units.figure(report.low or 0.0)}; {units.more(report.excess_sum, promised.than)}"
        f"{_in_drifted_rows(record)}"
    )


def _piled_up(model: Model, record: PerformanceRecord, promised: Baseline, since: str) -> str:
    """What has piled up since the last attempt to retrain, and what of it does not count yet."""
    report, units = record.report, model.units
    if report is None or (report.counts and record.accumulated_excess in (0.0, report.excess_sum)):
        return ""
    aside = "" if report.counts else f", without the {units.total(report.excess_sum)} of suspected outcomes"
    begun = f"since the attempt of {since}" if since else "so far"
    return f"; {units.excess(record.accumulated_excess, promised.than)} {begun}{aside}"


def _in_drifted_rows(record: PerformanceRecord) -> str:
    """Whether the rows of a drifted feature that grew in number lose more than the others; the impact says how much."""
    if not record.impact:
        return "" if record.impact_sentence else "; no drifted feature explains it"
    if any(one.shows for one in record.impact):
        return "; where features drifted the error is larger"
    if any(one.rest is None for one in record.impact):
        return "; whether drift explains it cannot be told"
    return "; no larger error shows where features drifted"
