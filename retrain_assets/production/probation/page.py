"""The probation report of a period as a document: how the new version does beside the one before, and the evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from retrain_assets.documents.page import PICTURE, Document, Drawing, Part, Tone, fact_rows, html_page, table, text
from retrain_assets.documents.units import LossUnits, amount, capital, certainty, difference, plural
from retrain_assets.model import Model
from retrain_assets.production.probation.anytime_valid import Conclusion
from retrain_assets.production.probation.group_watch import GroupAccount, WatchStatus
from retrain_assets.production.probation.plot import probation_drawing
from retrain_assets.production.probation.record import ASSET, Measurement, ProbationRecord, Status, stored_record
from retrain_assets.production.probation.text import capped, written
from retrain_assets.production.probation.trial import counted
from retrain_assets.registry.registry import Event, Registry
from retrain_assets.store import PeriodStore

PROBATION = "probation"
"""The name of the picture."""

TONES: Mapping[Status, Tone] = {
    Status.HARMED: "broken",
    Status.TRIPWIRE: "broken",
    Status.CONFIRMED: "well",
    Status.UNPROVEN: "unknown",
    Status.BLIND: "unknown",
}

BY_ITSELF = "The rollback sensor takes it back by itself, unless a hold keeps it: nobody has to do anything."

_PAST = {" is worse than ": " was worse than ", " must go at once": " had to go at once"}
"""What is said of a version that was taken back since."""

READING = """Both versions score the same rows. First how much more error the new one made than the one before, block by
block: above the line it is worse, and the band holds the truth with confidence at every look. Then the e-value: from
the dashed line on it is decided, for the new version or against it."""


LIMITS = """Each limit of the mean difference holds with {} confidence, at every look."""

CAPPED = """A row's loss counts up to {} here, so that one huge miss cannot decide; the performance report has the means
without that."""


def probation_document(
    model: Model, record: ProbationRecord, events: Iterable[Event] = ()
) -> tuple[Document, dict[str, Drawing]]:
    """The report of a period, and its picture where there is one.

    Args:
        model: Its facts.
        record: The period's record.
        events: The journal, which says whether the rollback that the record asks for was made.
    """
    drawing = probation_drawing(record, model.units.loss)
    parts = []
    if drawing is not None and record.comparison is not None:
        place = f"![{PROBATION} of {text(record.comparison.version)} up to {text(record.period)}]({PICTURE}{PROBATION})"
        parts.append(Part("How the evidence grew", place, ("probation", "block", "e-value"), READING))
    if record.measurement is not None:
        rows = _measured(model.units, record)
        terms = ("probation", "block", "e-value", "confirmed, unproven")
        parts.append(Part("What was measured", table(rows), terms, _read_as(record.measurement, model.units)))
    if record.groups:
        groups = [_group(account, model) for account in sorted(record.groups, key=_worst_first)]
        parts.append(Part(f"Watched groups ({len(groups)})", table(groups), ("watched", "margin")))
    document = Document(
        f"Probation report: {model.name} {record.period}",
        _answer(record, withdrawal(record, events)),
        tuple(parts),
        TONES.get(record.status, "note"),
        model.row_name,
        model.calendar.dated(record.period, record.written),
    )
    return document, {PROBATION: drawing} if drawing is not None else {}


def harm_found(model: Model, store: PeriodStore, period: str) -> str:
    """What a period's probation found against the live version, for the performance report; empty for nothing.

    A version may keep its promise and still be worse than the one that it replaced would have been.
    """
    record = stored_record(store, period)
    if record is None or record.status is not Status.HARMED or record.comparison is None:
        return ""
    compared, found, units = record.comparison, record.measurement, model.units
    if found is None or found.ruling is not Conclusion.WORSE or found.loss is None or found.previous_loss is None:
        return ""
    return (
        f"But {compared.version} did worse than {compared.previous} would have: {units.reached(found.loss)} against "
        f"{units.figure(found.previous_loss)} on the same {units.rows(found.rows)}{capped(found, units)}; see the "
        "probation report."
    )


def withdrawal(record: ProbationRecord, events: Iterable[Event]) -> Event | None:
    """The rollback that a record asked for; None where it asks for none, or none was made."""
    if record.comparison is None or not record.status.asks_rollback:
        return None
    left = record.comparison.digest
    moves = (event for event in events if event.action == "rolled_back" and event.from_digest == left)
    return next((event for event in moves if event.period >= record.decided_in), None)


def write_withdrawn(model: Model, store: PeriodStore, registry: Registry) -> None:
    """Write the page of the newest probation anew, once the rollback that it asks for was made."""
    periods, events = store.periods(ASSET, "json"), registry.history()
    record = stored_record(store, periods[-1]) if periods else None
    if record is None or withdrawal(record, events) is None:
        return
    document, pictures = probation_document(model, record, events)
    store.write_bytes(ASSET, record.period, "html", html_page(document.title, document, pictures=pictures))


def _answer(record: ProbationRecord, made: Event | None) -> tuple[str, ...]:
    """What the record says, and what becomes of the version where it asks for its rollback."""
    first, *others = said(record)
    if not record.status.asks_rollback:
        return (first, *others)
    if made is None:
        return (first, BY_ITSELF, *others)
    for now, then in _PAST.items():
        first = first.replace(now, then, 1)
    joint = " and" if " was worse than " in first else f"; {made.from_version}"
    return (f"{first.rstrip('.')}{joint} was taken back on {made.at:%Y-%m-%d}.", *others)


def said(record: ProbationRecord) -> tuple[str, ...]:
    """What a record says, one sentence a clause, without the period, which stands in the title.

    >>> said(ProbationRecord("2019-03", Status.IDLE, "2019-03: no probation: v2 is confirmed; 3 rides", "2019-03"))
    ('No probation: v2 is confirmed.', '3 rides.')
    """
    clauses = record.sentence.removeprefix(f"{record.period}: ").split("; ")
    return tuple(f"{capital(clause).rstrip('.')}." for clause in clauses if clause)


def _read_as(found: Measurement, units: LossUnits) -> str:
    """What the limits of the mean difference, and a cap of the losses, mean."""
    capped = CAPPED.format(units.total(found.loss_cap)) if found.loss_cap is not None else ""
    return " ".join(said for said in (LIMITS.format(_level(found)), capped) if said)


def _level(found: Measurement) -> str:
    """The confidence of each limit; the e-value that decides is 1/(2·alpha)."""
    return certainty(1 / (2 * found.line))


def _measured(units: LossUnits, record: ProbationRecord) -> list[dict[str, object]]:
    found, compared = record.measurement, record.comparison
    if found is None or compared is None:
        return []
    facts = {
        f"loss {units.each} of {compared.version} in this period": _amount(found.loss, units),
        f"loss {units.each} of {compared.previous} on the same": _amount(found.previous_loss, units),
        f"{plural(units.row)} in this period, so far": f"{found.rows:,}, {found.rows_total:,}",
        "mean difference so far": _difference(found, units),
        "evidence so far": counted(len(found.blocks), found.block_days),
        "e-value": f"{written(found.e_value)}; {written(found.line)} decides",
        "ends at the latest with": found.limit,
    }
    return fact_rows(facts)


def _difference(found: Measurement, units: LossUnits) -> str:
    if not math.isfinite(found.mean):
        return "unknown"
    known = math.isfinite(found.low) and math.isfinite(found.high)
    worse = found.mean > 0
    ends = (found.low, found.high) if worse else (-found.high, -found.low)
    limits = f" ({_amount(ends[0], units)} to {_amount(ends[1], units)}, {_level(found)} each)" if known else ""
    return f"{'worse' if worse else 'better'} by {_amount(abs(found.mean), units)}{limits}"


def _amount(value: float | None, units: LossUnits) -> str:
    return "unknown" if value is None or not math.isfinite(value) else amount(value, units.loss)


def _worst_first(account: GroupAccount) -> tuple[bool, float]:
    harm = math.nan if account.harm is None else account.harm / (account.watched.margin or 1.0)
    return account.status is not WatchStatus.HARMED, -harm if math.isfinite(harm) else math.inf


def _sided(harm: float | None, unit: str) -> str:
    return "" if harm is None else f"{'worse' if harm > 0 else 'better'} by {difference(abs(harm), unit)}"


def _group(account: GroupAccount, model: Model) -> dict[str, object]:
    unit = model.label_unit if account.watched.metric == "mae" else "share"
    return {
        "group": account.watched.group,
        "metric": account.watched.metric,
        "stands": str(account.status),
        f"than with {account.reference}": _sided(account.harm, unit),
        "margin": difference(account.watched.margin, unit),
        plural(model.row_name): account.rows,
    }
