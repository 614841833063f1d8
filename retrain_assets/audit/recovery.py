"""Tell what a rollback took back, what is live since, and what the difference was."""

from __future__ import annotations

from retrain_assets.model import Model
from retrain_assets.production.probation.record import ProbationRecord
from retrain_assets.production.probation.text import capped
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.journal.history import FALLBACK, History


def recovery(history: History, probation: ProbationRecord | None, model: Model) -> str | None:
    """What the last rollback took back and why, and what is live since.

    None where no rollback put the live version there, and where it is the trivial baseline, which does nobody good.

    Args:
        history: Of the model.
        probation: The newest probation report; None without one.
        model: Whose it is.
    """
    last = history.moves[-1] if history.moves else None
    if last is None or last.action != "rolled_back" or last.to_version in (None, FALLBACK):
        return None
    if not last.withdraws:
        return f"{last.to_version} is live again: {last.actor} put it back on {last.at:%Y-%m-%d} ({_why(last)})."
    stands = f"{last.to_version}, in service before, is live."
    difference = _difference(last, probation, model)
    return f"{_taken_back(last, harm=bool(difference))}; {stands}{difference}"


def _taken_back(rollback: Event, *, harm: bool) -> str:
    """Who took what back, and why where no harm was measured: a model that does not load did none."""
    day = f"{rollback.at:%Y-%m-%d}"
    if rollback.person:
        return f"{rollback.actor} took {rollback.from_version} back on {day} ({_why(rollback)})"
    if not harm:
        return f"{rollback.from_version} was taken back on {day} ({_why(rollback)})"
    return f"{rollback.from_version} did harm and was taken back on {day}"


def _why(rollback: Event) -> str:
    return rollback.reason.rstrip(".")


def _difference(rollback: Event, probation: ProbationRecord | None, model: Model) -> str:
    """The mean loss of both versions on the same rows; empty where the report compares others."""
    compared, measured = (probation.comparison, probation.measurement) if probation else (None, None)
    if probation is None or compared is None or measured is None or compared.digest != rollback.from_digest:
        return ""
    if measured.loss is None or measured.previous_loss is None:
        return ""
    units = model.units
    rows = f"the same {units.rows(measured.rows)} {model.calendar.during(probation.period)}"
    both = units.levels(compared.previous, measured.previous_loss, compared.version, measured.loss)
    return f" On {rows} {both}{capped(measured, units)}."
