"""A model's past and present in words, from its journal and reports: what `status` and `history` print."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from retrain_assets.monitoring.records.drift_record import read_drift
from retrain_assets.monitoring.records.performance_record import monitored_periods, read_performance
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rules import until
from retrain_assets.store import PeriodStore


def status_of(
    model: str, store: PeriodStore, registry: Registry, watch: Any, calendar: Calendar, at: datetime
) -> dict[str, Any]:
    """Where a model stands: live version and age, what people decided, last reports, and what the next retrain awaits.

    `at` is now, wall clock: holds and approvals expire.
    """
    registry = registry.snapshot()
    history = History(registry.history())
    live = history.live
    monitored = monitored_periods(store)
    last = monitored[-1] if monitored else None
    record: dict[str, Any] = {
        "model": model,
        "live": live.name if live else None,
        "decided_in": live.period if live else None,
        "age_periods": calendar.distance(live.period, last) if live and last else None,
        "last_period": last,
        "drift": None,
        "performance": None,
        "probation": None,
        "next_retrain": None,
        **standing(history, at),
        "cooldown": _cooldown(history, watch, calendar, last),
    }
    if last is None:
        return record
    drift = read_drift(store, last)
    record["drift"] = drift.sentence or None if drift else None
    performance = read_performance(store, last)
    record["performance"] = performance.report.sentence if performance and performance.report else None
    record["probation"] = (store.read_json("probation_report", last) or {}).get("sentence")
    decision = watch.decide(store, registry, last)
    record["next_retrain"] = decision.reason
    for name, share in getattr(decision, "closeness", {}).items():
        record[f"close_{name}"] = f"{share:.0%}"
    return record


def standing(history: History, at: datetime) -> dict[str, Any]:
    """The rulings of people in force at a moment, in words: the retirement, the holds, the approvals."""
    names = {version.digest: version.name for version in history.versions}
    in_force = [ruling for ruling in history.rulings if ruling.terms and ruling.terms.stands(at)]
    words = {
        action: [_ruling(past, names) for past in in_force if past.action == action] for action in ("held", "approved")
    }
    retired = history.retired
    return {
        "retired": f"by {retired.actor} in {retired.period}: {retired.reason}" if retired else None,
        "holds": "; ".join(words["held"]) or None,
        "approvals": "; ".join(words["approved"]) or None,
        "anchor": history.anchor.name if history.anchor else None,
    }


def _ruling(event: Event, names: dict[str, str]) -> str:
    subject = event.terms.subject if event.terms else None
    bound = names.get(subject, f"candidate {subject[:12]}") if subject else "the model"
    return f"{bound} by {event.actor} {until(event)}: {event.reason}"


def _cooldown(history: History, watch: Any, calendar: Calendar, last: str | None) -> str | None:
    """Until when promotion rests after the last rollback; None when it does not."""
    rollback = history.last_rollback
    if rollback is None:
        return None
    allowed = watch.rollback_cooldown.first_after(calendar, rollback.failure_period)
    if last is not None and last >= allowed:
        return None
    return f"after the rollback of {rollback.failure_period}; {allowed} is the first period that may promote"


def decisions(registry: Registry) -> list[Event]:
    """The events that decided something, oldest first.

    Left out are deleted files, about which nothing was decided, and a verdict that passed where its promotion follows.
    """
    history = History(registry.history())
    promoted = {event.evidence for event in history.moves}
    return [
        event
        for event in history.events
        if event.action != "pruned" and not (event.action == "passed" and event.evidence in promoted)
    ]


def history_of(registry: Registry) -> list[dict[str, Any]]:
    """Every decision, oldest first."""
    names = ("period", "action", "from_version", "to_version", "actor", "reason")
    return [
        {"at": event.at.isoformat(), **{name: getattr(event, name) for name in names}} for event in decisions(registry)
    ]
