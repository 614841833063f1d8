"""Tenures: from when to when a version was live, which event put it there, and which took it away.

Pure functions of a journal's events; what else is known about a version stands in its folder and its verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import MOVES, Event


@dataclass(frozen=True)
class Tenure:
    """One stretch of time in which one version was live; a version that a rollback brought back has several.

    Args:
        version: Its name, such as `v3`.
        digest: Of its folder.
        began: The event that put it in service.
        ended: The event that took it out; None while it is live.
    """

    version: str
    digest: str
    began: Event
    ended: Event | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether it ended by being rolled back or retired, and not by something better."""
        return self.ended is not None and self.ended.action != "promoted"

    def covers(self, moment: datetime) -> bool:
        """Whether it was live at a moment; at the moment of a move the new version is."""
        return self.began.at <= moment and (self.ended is None or moment < self.ended.at)

    def periods(self, calendar: Calendar, until: str) -> list[str]:
        """The periods it served up to and including `until`: those after the decision that put it in service."""
        last = min(self.ended.period, until) if self.ended else until
        return calendar.between(calendar.shift(self.began.period, 1), last)


def tenures(events: Sequence[Event]) -> tuple[Tenure, ...]:
    """Every tenure, oldest first; each ends where the next begins, the last one with a retirement or not at all."""
    moves = [event for event in events if moved(event)]
    return tuple(
        Tenure(move.to_version, str(move.to_digest), move, end)
        for move, end in zip_longest(moves, moves[1:])
        if move.to_version is not None
    )


def moved(event: Event) -> bool:
    """Whether an event changed what is live."""
    return event.action in MOVES


def live_at(events: Sequence[Event], moment: datetime) -> Tenure | None:
    """The tenure of a moment (wall clock); None when nothing was live.

    After a clock that ran backwards two tenures may claim one moment; the later in the journal counts.
    """
    return next((tenure for tenure in reversed(tenures(events)) if tenure.covers(moment)), None)


@dataclass(frozen=True)
class HeldSpan:
    """One stretch of time in which a person held a model, a candidate or a version.

    Args:
        begun: The hold.
        released: The release that ended it; None when it expired or lasts.
        until: When it expired or will (wall clock); None when a release ended it or none will without one.
    """

    begun: Event
    released: Event | None = None
    until: datetime | None = None


def held_spans(events: Sequence[Event]) -> Iterator[HeldSpan]:
    """Each stretch under a hold, in the order in which they end; holds on the same subject that meet are one."""
    standing: dict[str | None, HeldSpan] = {}
    for event in events:
        subject = event.terms.subject if event.terms else None
        span = standing.get(subject)
        if event.action not in ("held", "released"):
            continue
        if span is not None and span.until is not None and span.until <= event.at:
            yield standing.pop(subject)
            span = None
        if event.action == "released" and span is not None:
            yield HeldSpan(standing.pop(subject).begun, event)
        elif event.action == "held" and event.terms is not None:
            ends = (event.terms.until, span.until if span else event.terms.until)
            last = None if None in ends else max(end for end in ends if end)
            standing[subject] = HeldSpan(span.begun if span else event, until=last)
    yield from standing.values()
