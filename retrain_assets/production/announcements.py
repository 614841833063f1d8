"""What is said of a move of the live pointer: the same words whoever launched it, so that it is said once.

A rollback tells of itself, for no daemon may be there to do it (command line, a program). Every later monitoring run
tells of the newest one again, and `publish` leaves out what was told: a process that died in between loses no alert.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from retrain_assets.alerts import LONGEST, ONE_ANSWER, PASSED_OVER, Alert, Kind, brief, publish
from retrain_assets.registry.journal.events import PROMOTIONS, Event
from retrain_assets.registry.journal.history import FALLBACK, History
from retrain_assets.registry.registry import Registry

_LOG = logging.getLogger("retrain_assets.alerts")


def notice(model: str, history: History, event: Event, owners: Sequence[str] = ()) -> Alert:
    """The alert of a promotion or a rollback, at the time and period of its event.

    Args:
        model: Its name.
        history: Its journal.
        event: Of the journal.
        owners: Who answers for the model; the first of them is asked to look at what was rolled back.
    """
    kind: Kind = "rolled_back" if event.action == "rolled_back" else "promoted"
    approved = _approval_of(history, event) if kind == "rolled_back" else None
    on_approval = f". {event.from_version} had been promoted on the approval of {approved.actor}" if approved else ""
    before = f"it was {event.from_version}" if event.from_version else "no version was before"
    known = f"{event.to_version} is live, {before}: {event.reason}"
    known = f"{known.rstrip('.')}{on_approval}" if approved else known
    said = _rollback_sentence(event, on_approval, owners) if kind == "rolled_back" else brief(known)
    return Alert(event.at.isoformat(), model, event.period, kind, said, "" if said == known else known)


def _rollback_sentence(event: Event, on_approval: str, owners: Sequence[str]) -> str:
    """What was withdrawn and why, what is live now, and what is to be done; the period stands in the alert."""
    why, passed, damaged = event.reason.removeprefix(f"{event.period}: ").partition(PASSED_OVER)
    left = event.from_version
    looks = f"{owners[0]} looks" if owners else "look"
    asks = f"{on_approval}. Nothing to do now; {looks} at {left}{'' if owners else ' when there is time'}."
    if event.to_version == FALLBACK:
        asks = f"{on_approval}{ONE_ANSWER}: restore a version, or train one."
    after = f"{passed}{damaged}".rstrip(".") + f"{on_approval}." if passed else asks
    withdrawn = brief(f"{left} was rolled back, {event.to_version} is live: {why}".rstrip("."), LONGEST - len(after))
    return f"{withdrawn.rstrip('.')}{after}"


def rollback_notices(registry: Registry, owners: Sequence[str] = ()) -> list[Alert]:
    """The alert of the newest rollback that took a version out of service; none when there was none."""
    history = History(registry.history())
    rollback = history.last_rollback
    return [notice(registry.model, history, rollback, owners)] if rollback else []


def tell_rollback(registry: Registry, home: Path, owners: Sequence[str] = ()) -> None:
    """Publish the newest rollback unless that was done; what cannot be told is logged, for the rollback stands."""
    try:
        for alert in rollback_notices(registry, owners):
            publish(alert, home)
    except Exception as fault:  # a full disk, a damaged journal: the pointer has moved, or the caller says why not
        _LOG.error("%s: a rollback could not be told: %s: %s", registry.model, type(fault).__name__, fault)


def _approval_of(history: History, rollback: Event) -> Event | None:
    """The approval on which the version that a rollback left had been promoted; None when it passed by itself."""
    earlier = [event for event in history.events if event.seq < rollback.seq]
    promotions = [e for e in earlier if e.action in PROMOTIONS and e.to_digest == rollback.from_digest]
    if not promotions or promotions[-1].gate is not None:
        return None
    last = promotions[-1]
    return next((e for e in reversed(earlier) if e.action == "approved" and e.evidence == last.evidence), None)
