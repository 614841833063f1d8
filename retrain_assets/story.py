"""A model's past and present in words, from its journal and reports: what `status` and `history` print."""

from __future__ import annotations

from typing import Any

from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore
from retrain_assets.windows.periods import Calendar


def status_of(model: str, store: PeriodStore, registry: Registry, watch: Any, calendar: Calendar) -> dict[str, Any]:
    """Where a model stands: live version and age, last reports, and what the next retrain waits for."""
    live = registry.live()
    monitored = store.periods("performance_report", "json")
    last = monitored[-1] if monitored else None
    record: dict[str, Any] = {
        "model": model,
        "live": live.name if live else None,
        "decided_in": live.period if live else None,
        "age_periods": calendar.distance(live.period, last) if live and last else None,
        "last_period": last,
        "drift": None,
        "performance": None,
        "next_retrain": None,
    }
    if last is None:
        return record
    drift = store.read_json("drift_report", last) or {}
    record["drift"] = drift.get("sentence")
    record["performance"] = (store.read_json("performance_report", last) or {}).get("report", {}).get("sentence")
    decision = watch.decide(store, registry, last)
    record["next_retrain"] = decision.reason
    for name, share in getattr(decision, "closeness", {}).items():
        record[f"close_{name}"] = f"{share:.0%}"
    return record


def history_of(registry: Registry) -> list[dict[str, Any]]:
    """Every decision, oldest first."""
    names = ("period", "action", "from_version", "to_version", "actor", "reason")
    return [
        {"at": event.at.isoformat(), **{name: getattr(event, name) for name in names}} for event in registry.history()
    ]
