"""Tell a model's present and past from its journal and reports: what `retrain status` and `history` print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from retrain_assets.monitoring.performance.report import PerformanceReport, Quality
from retrain_assets.monitoring.records.drift_record import DriftRecord, read_drift
from retrain_assets.monitoring.records.performance_record import monitored_periods, read_performance
from retrain_assets.periods import Calendar
from retrain_assets.production.probation.record import stored_record
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rules import until
from retrain_assets.store import PeriodStore


@dataclass(frozen=True)
class Standing:
    """The rulings of people in force at a moment, in words; None where there is none."""

    retired: str | None = None
    holds: str | None = None
    approvals: str | None = None
    anchor: str | None = None


@dataclass(frozen=True)
class ModelStatus:
    """Where a model stands: what is live, what the last reports say, what people decided, and what comes next.

    Attributes:
        model: Name of the model.
        live: Name of the live version; None while there is none.
        decided_in: The period in which it was decided that it becomes live.
        age_periods: Periods since then, up to the last one monitored.
        last_period: The last period that was monitored; None where nothing ever ran.
        health: The answer in a few words.
        drift: What the last drift report says.
        performance: What the last performance report says of the loss; None while no outcome is known.
        probation: What the last probation report says.
        next_retrain: What the next retrain waits for.
        standing: What people decided.
        cooldown: Until when promotion rests after a rollback.
        closeness: How close each reason to retrain is, from 0 to 1.
    """

    model: str
    live: str | None = None
    decided_in: str | None = None
    age_periods: int | None = None
    last_period: str | None = None
    health: str = "never ran"
    drift: str | None = None
    performance: str | None = None
    probation: str | None = None
    next_retrain: str | None = None
    standing: Standing = Standing()
    cooldown: str | None = None
    closeness: Mapping[str, float] = field(default_factory=dict)

    @property
    def ran(self) -> bool:
        """Whether anything was ever done with the model."""
        return self.last_period is not None or self.live is not None

    @property
    def details(self) -> dict[str, str | int | None]:
        """Everything but the model's name, by what it is called in words."""
        return {
            "live": self.live,
            "decided in": self.decided_in,
            "age periods": self.age_periods,
            "last period": self.last_period,
            "health": self.health,
            "drift": self.drift,
            "performance": self.performance,
            "probation": self.probation,
            "next retrain": self.next_retrain,
            "retired": self.standing.retired,
            "holds": self.standing.holds,
            "approvals": self.standing.approvals,
            "anchor": self.standing.anchor,
            "cooldown": self.cooldown,
            **{f"close {name.replace('_', ' ')}": f"{share:.0%}" for name, share in self.closeness.items()},
        }

    def to_dict(self) -> dict[str, str | int | None]:
        """As plain JSON values."""
        return {"model": self.model, **{name.replace(" ", "_"): value for name, value in self.details.items()}}


def status_of(
    model: str, store: PeriodStore, registry: Registry, watch: Any, calendar: Calendar, at: datetime
) -> ModelStatus:
    """Tell where a model stands.

    Args:
        model: Its name.
        store: Its reports.
        registry: Its versions and journal.
        watch: When it is retrained.
        calendar: Its periods.
        at: Now, wall clock: holds and approvals expire.
    """
    registry = registry.snapshot()
    history = History(registry.history())
    live = history.live
    monitored = monitored_periods(store)
    last = monitored[-1] if monitored else None
    status = ModelStatus(
        model=model,
        live=live.name if live else None,
        decided_in=live.period if live else None,
        age_periods=calendar.distance(live.period, last) if live and last else None,
        last_period=last,
        standing=standing(history, at),
        cooldown=_cooldown(history, watch, calendar, last),
    )
    if last is None:
        return status
    drift, performance, probation = read_drift(store, last), read_performance(store, last), stored_record(store, last)
    decision = watch.decide(store, registry, last)
    measured = performance.report if performance else None
    return replace(
        status,
        health=_health(status, drift, measured),
        drift=drift.sentence or None if drift else None,
        performance=measured.sentence if measured else None,
        probation=probation.sentence if probation else None,
        next_retrain=decision.reason,
        closeness=getattr(decision, "closeness", {}),
    )


def _health(status: ModelStatus, drift: DriftRecord | None, measured: PerformanceReport | None) -> str:
    """How the live model is, in a few words."""
    if status.standing.retired:
        return "retired"
    if status.live is None:
        return "no live model yet"
    if measured is not None and measured.outcome is Quality.WARN:
        return "worse than promised"
    if drift is not None and drift.triggers:
        return "its data drift"
    if measured is None:
        return "no outcomes yet"
    return "as promised" if measured.outcome is Quality.QUIET else "too few outcomes"


def standing(history: History, at: datetime) -> Standing:
    """Tell the rulings of people in force at a moment: the retirement, the holds, the approvals."""
    names = {version.digest: version.name for version in history.versions}
    in_force = [ruling for ruling in history.rulings if ruling.terms and ruling.terms.stands(at)]

    def told(action: str) -> str | None:
        return "; ".join(_ruling(past, names) for past in in_force if past.action == action) or None

    retired = history.retired
    return Standing(
        retired=f"by {retired.actor} in {retired.period}: {retired.reason}" if retired else None,
        holds=told("held"),
        approvals=told("approved"),
        anchor=history.anchor.name if history.anchor else None,
    )


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


def decision_record(event: Event) -> dict[str, str | None]:
    """A decision as plain JSON values."""
    names = ("period", "action", "from_version", "to_version", "actor", "reason")
    return {"at": event.at.isoformat(), **{name: getattr(event, name) for name in names}}


def history_of(registry: Registry) -> list[dict[str, str | None]]:
    """Every decision, oldest first, as plain JSON values."""
    return [decision_record(event) for event in decisions(registry)]
