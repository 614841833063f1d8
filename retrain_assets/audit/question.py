"""Find what somebody asks about: the moment, or the decision, that a typed text names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from retrain_assets.errors import NotFound
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import ATTEMPTS, MOVES, PROMOTIONS, Event

DAY = "%Y-%m-%d"
RESOLUTION = timedelta(microseconds=1)


def last_instant(text: str, calendar: Calendar) -> datetime:
    """The moment that a person means: a time as it stands, a day or a period at its last instant.

    Raises:
        ValueError: It is neither time, day nor period, or has a time zone.

    >>> months = Calendar(every="month", start="2018-01-01")
    >>> last_instant("2019-05-03", months)
    datetime.datetime(2019, 5, 3, 23, 59, 59, 999999)
    >>> last_instant("2019-05-03T10:30", months), last_instant("2019-05", months).day
    (datetime.datetime(2019, 5, 3, 10, 30), 31)
    """
    try:
        moment = datetime.fromisoformat(text)
        named = calendar.format != DAY and calendar.key(moment) == text  # an hour's key reads as a time as well
    except ValueError:
        moment, named = datetime.max, True
    if named:
        try:
            return calendar.bounds(text)[1] - RESOLUTION
        except ValueError as error:
            raise ValueError(
                f"{text!r} is no day like 2019-05-03, no time like 2019-05-03T10:30, and {error}"
            ) from None
    if moment.tzinfo is not None:
        raise ValueError(f"{text!r} has a time zone; the journal keeps plain wall-clock times. Leave the zone out.")
    whole_day = not any(mark in text for mark in "T :")
    return moment + (timedelta(days=1) - RESOLUTION) if whole_day else moment


def decision_named(model: str, events: Sequence[Event], which: str | None) -> Event:
    """The event that a person means.

    Args:
        model: For messages.
        events: Of the journal, oldest first.
        which: A version (`v3`), a period, or an event (`e12`); None for the last attempt or move.

    Raises:
        NotFound: There is no such decision.
    """
    if not events:
        raise NotFound(f"{model}: no decision yet. Run `retrain replay {model}` or `retrain run {model} --period P`.")
    if which is None:
        chosen = [event for event in events if event.action in (*ATTEMPTS, *MOVES)] or list(events)
    else:
        of_period = [event for event in events if event.period == which and event.action != "pruned"]
        chosen = (
            [event for event in events if which == f"e{event.seq}"]
            or [event for event in of_period if event.action in (*ATTEMPTS, *MOVES)]
            or of_period
            or [event for event in events if event.action in PROMOTIONS and event.to_version == which]
        )
    if not chosen:
        known = sorted({event.period for event in events} | {event.to_version for event in events if event.to_version})
        raise NotFound(
            f"{model}: no decision {which!r}. Known: {', '.join(known)}, and events e1 to e{events[-1].seq}; a moment "
            "goes by --at."
        )
    return chosen[-1]
