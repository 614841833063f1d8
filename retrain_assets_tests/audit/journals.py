"""Journals of made-up events for the tests of what they mean: months from 2019-01 on, decided at each month's end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import RULINGS, Entry, Event, GateUse, Terms

MONTHS = Calendar(every="month", start="2019-01-01")


def journal(*steps: tuple[str, str] | tuple[str, str, str]) -> tuple[Event, ...]:
    """Events from (period, action) or (period, action, version to go to); attempts use gate rows, others none."""
    events: list[Event] = []
    live: str | None = None
    number = 0
    for period, action, *to in steps:
        before = live
        if action in ("bootstrap", "promoted"):
            number += 1
            live = f"v{number}"
        elif action == "rolled_back":
            live = to[0]
        elif action == "retired":
            live = None
        events.append(event(events, period, action, before, live))
    return tuple(events)


def until(events: tuple[Event, ...], end: datetime, subject: str | None = None) -> tuple[Event, ...]:
    """The same events, the holds among them with an end."""
    terms = Terms(subject, end)
    return tuple(replace(event, terms=terms) if event.action == "held" else event for event in events)


def event(before: list[Event], period: str, action: str, from_version: str | None, to_version: str | None) -> Event:
    start, end = MONTHS.bounds(period)
    gate = None
    if action in ("bootstrap", "promoted", "rejected", "insufficient", "identical"):
        gate = GateUse(period, start.isoformat(), end.isoformat(), 100, period, "c", from_version, action)  # type: ignore[arg-type]
    entry: dict[str, Any] = {
        "at": end,
        "period": period,
        "action": action,
        "from_version": from_version,
        "to_version": to_version,
        "from_digest": from_version and f"digest {from_version}",
        "to_digest": to_version and f"digest {to_version}",
        "actor": "ada",
        "reason": "because",
        "evidence": None,
        "gate": gate,
    }
    if action in RULINGS:
        entry |= {"person": True, "terms": Terms(None, None)}
    return Event.seal(Entry(**entry), len(before) + 1, before[-1].hash if before else "")
