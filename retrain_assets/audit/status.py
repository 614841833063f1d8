"""Tell a model's present and past from its journal and reports: what `retrain status` and `history` print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

from retrain_assets.audit.gap import gap_until, measured_last
from retrain_assets.audit.model_status import (
    AS_EXPECTED,
    BROKEN,
    CONSTANT,
    DAMAGED,
    DRIFTS,
    FAILED,
    FEW_OUTCOMES,
    NEW,
    NO_MODEL,
    NO_OUTCOMES,
    NO_ROWS,
    OVERDUE,
    RETIRED,
    SAFE,
    UNMONITORED,
    WORSE,
    Fault,
    ModelStatus,
    Standing,
)
from retrain_assets.audit.recovery import recovery
from retrain_assets.audit.status_record import ASSET, read_status
from retrain_assets.documents.units import counted, first_few, plural
from retrain_assets.errors import IntegrityError, NotFound
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.pages.performance_text import without_limits
from retrain_assets.monitoring.performance.report import Quality
from retrain_assets.monitoring.records.drift_record import DriftRecord, read_drift
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, monitored_periods, read_performance
from retrain_assets.monitoring.triggers.decision import NoRetrain, Trigger
from retrain_assets.periods import Calendar
from retrain_assets.production.probation.record import ProbationRecord, stored_record
from retrain_assets.registry.journal.attempts import kept_because
from retrain_assets.registry.journal.events import KEPT, PROMOTIONS, Event, in_short, spoken
from retrain_assets.registry.journal.history import FALLBACK, History, Version
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rules import until
from retrain_assets.store import PeriodStore
from retrain_assets.windows.cut import Wait, Windows

if TYPE_CHECKING:
    from retrain_assets.monitoring.triggers.evidence import Watch

_LOOKED_AT = 24  # statuses of periods, each a small file


def last_period(store: PeriodStore, registry: Registry) -> str | None:
    """The last period that was monitored, decided, or whose run failed; None where nothing ever ran."""
    decided = (event.period for event in registry.history()[-1:])
    return max([*monitored_periods(store)[-1:], *store.periods(ASSET, "json")[-1:], *decided], default=None)


def last_fault(store: PeriodStore, period: str) -> Fault | None:
    """What broke a run of the last periods up to one, and was not run again since; None where nothing did."""
    known = [each for each in store.periods(ASSET, "json") if each <= period][-_LOOKED_AT:]
    for each in reversed(known):
        record = read_status(store, each)
        if record and record.fault:
            return Fault(each, record.fault, each in monitored_periods(store))
    return None


def status_of(access: PeriodAccess, watch: Watch, at: datetime) -> ModelStatus:
    """Tell where a model stands as of a period.

    Args:
        access: The model's reports, versions and journal; what was monitored or decided later is left out.
        watch: When it is retrained.
        at: Now, wall clock: holds and approvals expire.
    """
    store, registry, calendar = access.store, access.registry.snapshot(access.period), watch.model.calendar
    history = History(registry.history())
    live = history.live
    last = max((period for period in monitored_periods(store) if period <= access.period), default=None)
    age = calendar.distance(live.period, last) if live and last else None
    decided, rested = decided_of(history), _rested(history, watch, last)
    status = ModelStatus(
        model=watch.model.name,
        live=live.name if live else None,
        decided_in=live.period if live else None,
        live_since=_day(live.at) if live else None,
        back_since=_back_since(history),
        left_on=_day(history.moves[-1].at) if history.moves and live is None else None,
        way_back=access.registry.way_back() or None,
        age_periods=age,
        age=counted(age, calendar.every) if age and not _moved_after(live, calendar, last) else None,
        last_period=last,
        last_decision=_decision(decided[-1], decided[-1].reason) if decided else None,
        last_action=in_short(decided[-1]) if decided else None,
        last_change=_change(decided[-1]) if decided else None,
        standing=standing(history, at),
        damaged=_damage(access.registry, live),
        in_vain=_in_vain(decided),
        cooldown=_cooldown(history, rested) if rested else None,
        rest_until=_day(rested) if rested else None,
        calendar=calendar,
    )
    if status.damaged:
        return replace(status, health=DAMAGED)
    if last is None:
        return status if live is None else _unmonitored(status, calendar.shift(live.period, 1))
    drift, performance, probation = read_drift(store, last), read_performance(store, last), stored_record(store, last)
    decision = watch.decide(store, registry, last)
    measured = performance.report if performance else None
    safe = recovery(history, probation, watch.model)
    health = _health(status, performance, drift, safe is not None)
    first = None if live else _first_model(watch, watch.windows_at(store, registry, last), decision.reason, last)
    gap = gap_until(store, watch.model, last)
    return replace(
        status,
        health=NO_ROWS if gap and health in (AS_EXPECTED, NO_OUTCOMES, FEW_OUTCOMES) else health,
        recovery=f"{safe}{_own_trouble(store, live.name, last)}" if safe and live else safe,
        drift=drift.sentence or None if drift else None,
        performance=told.sentence if (told := measured or measured_last(store, last)) else None,
        told_by=watch.model.units.rows(measured.rows) if measured and measured.few else None,
        gap=gap,
        written=performance.written or None if performance else None,
        ended=_ended(calendar, last),
        broken=_broken(drift, live, last) if drift else None,
        tested_broken=_tested_broken(registry, live, drift),
        probation=probation.sentence if probation else None,
        no_way_back=no_way_back(status.live, probation, watch.model),
        next_retrain=(
            f"a retrain is due: {decision.reason}" if isinstance(decision, Trigger) else first or decision.reason
        ),
        next_look=None if first else _next_look(watch, last, at, live.name if live else None),
        due=isinstance(decision, Trigger),
        rest_until=status.rest_until or _rest_of(decision),
        closeness={} if isinstance(decision, Trigger) else decision.closeness,
    )


def _broken(drift: DriftRecord, live: Version | None, last: str) -> str | None:
    """Which columns broke, and whether the live version was tested on such rows; None where none did."""
    told = "; ".join(f"{one.column}: {one.fault}" for one in drift.broken)
    tested = f". {live.name} was tested on such rows" if live and live.period == last else ""
    return f"{told}{tested}" if told else None


def _damage(registry: Registry, live: Version | None) -> str | None:
    """What keeps the live version, or the history, from being read; None where nothing does."""
    if live is None:
        return "the registry holds no history, and there was one" if registry.forgotten() else None
    if live.digest in registry.deleted():
        return None  # of a period looked at again, whose version retention deleted since
    try:
        registry.read(live.digest)
    except (NotFound, IntegrityError, OSError) as fault:
        return str(fault).rstrip(".")
    return None


def _tested_broken(registry: Registry, live: Version | None, drift: DriftRecord | None) -> str | None:
    """Columns that were broken when the live version was tested and are whole now; None where there is none."""
    if live is None or live.name == FALLBACK:
        return None
    now = {column.column for column in drift.broken} if drift else set()
    return first_few([name for name in registry.verdict(live).broken if name not in now]) or None


def _own_trouble(store: PeriodStore, live: str, last: str) -> str:
    """That a version which is back did worse than expected itself when it was measured last; empty where it did not."""
    report = measured_last(store, last, live)
    worse = report is not None and report.outcome is Quality.WARN
    return f" Before that, {without_limits(report.sentence)}" if report and worse else ""


def _moved_after(live: Version | None, calendar: Calendar, last: str | None) -> bool:
    """Whether a version went live after the periods that it is looked at in, so that their count is no age of it."""
    return live is not None and last is not None and live.at > calendar.bounds(last)[1]


def _first_model(watch: Watch, windows: Windows | Wait, waits: str, last: str) -> str | None:
    """When the first model can be trained; None where something else stands in its way."""
    if not isinstance(windows, Wait) or windows.reason != waits:
        return None
    calendar, more = watch.calendar, windows.periods
    rows, until = plural(watch.model.row_name), calendar.words(calendar.shift(last, more))
    needed = f"{counted(more, calendar.every)} more {'is' if more == 1 else 'are'} needed"
    return f"the first model is trained once the {rows} of {until} are in: {needed}"


def no_way_back(live: str | None, probation: ProbationRecord | None, model: Model) -> str:
    """That the version before was no better on the rows of the newest probation report; empty where it was, or none."""
    compared, found = (probation.comparison, probation.measurement) if probation else (None, None)
    if compared is None or found is None or compared.version != live:
        return ""
    if found.loss is None or found.previous_loss is None or found.previous_loss < found.loss:
        return ""
    both = model.units.levels(compared.previous, found.previous_loss, compared.version, found.loss)
    return f", nor does going back: on the same {model.units.rows(found.rows)} {both}"


def _ended(calendar: Calendar, last: str) -> str | None:
    """The day on which the spec's calendar ends, where the last monitored period was its last."""
    ended = calendar.bounds(calendar.shift(last, 1))[1]
    return _day(calendar.end) if calendar.end is not None and ended > calendar.end else None


def _next_look(watch: Watch, last: str, at: datetime, live: str | None) -> str:
    """Which period is monitored after the last one, and from when on; of one that has ended, what it waits for."""
    model, calendar = watch.model, watch.model.calendar
    period = calendar.shift(last, 1)
    ended, when = calendar.bounds(period)[1], calendar.decided_on(period)
    if over := _ended(calendar, last):
        return f"watching ended on {over}{f', nobody looks after {live}' if live else ''}"
    if ended > at:
        return f"{calendar.words(period)} is monitored from {when} on"
    rows = plural(model.row_name)
    if watch.max_delay is not None and at > ended + watch.max_delay:
        return f"{OVERDUE} since {_day(ended + watch.max_delay)}: the {rows} of {calendar.words(period)}, ended {when}"
    return f"{calendar.words(period)}, ended {when}, is monitored once its {rows} are there"


def _unmonitored(status: ModelStatus, period: str) -> ModelStatus:
    """A version that was put in charge before any period was monitored: an adopted one, or of a restored history."""
    command = f"retrain monitor {status.model} --period {period}"
    return replace(status, health=UNMONITORED, next_retrain=f"the first monitored period: `{command}`")


def with_fault(status: ModelStatus, fault: Fault | None) -> ModelStatus:
    """The status after a run that something broke; the same one where nothing did."""
    return replace(status, fault=fault, health=FAILED) if fault and not status.damaged else status


def _change(event: Event) -> str | None:
    """A verdict by what decided it, a rollback also by what was lost, without the rest; None of another decision."""
    clauses = 1 if event.action in (*PROMOTIONS, *KEPT) else 2 if event.action == "rolled_back" else 0
    return _decision(event, "; ".join(event.reason.split("; ")[:clauses])) if clauses else None


def _in_vain(decided: Sequence[Event]) -> int:
    """How many of the last decisions in a row kept the live version after its candidate was judged no better."""
    return sum(1 for _ in takewhile(lambda event: event.action in ("rejected", "identical"), reversed(decided)))


def _back_since(history: History) -> str | None:
    """The day of the last move, where that was a rollback to a version."""
    last = history.moves[-1] if history.moves else None
    return _day(last.at) if last is not None and last.action == "rolled_back" and history.live is not None else None


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _decision(event: Event, why: str) -> str:
    move = f" {event.to_version}" if event.to_version and event.to_version != event.from_version else ""
    reason = why.removeprefix(f"{event.period}: ")
    if event.action in KEPT:
        kept = f"kept {event.from_version}" if event.from_version else "no version is live yet"
        return f"{_day(event.at)}: {kept}, {': '.join(filter(None, kept_because(event.action, reason)))}"
    action = "rolled back to" if event.action == "rolled_back" else spoken(event.action)
    return f"{_day(event.at)}: {action}{move}, {reason}"


def _health(
    status: ModelStatus, performance: PerformanceRecord | None, drift: DriftRecord | None, rolled_back: bool
) -> str:
    """How the live model is, in a few words."""
    measured = performance.report if performance else None
    if status.standing.retired:
        return RETIRED
    if status.live is None:
        return NO_MODEL
    if status.live == FALLBACK:
        return CONSTANT
    if drift is not None and drift.broken:
        return BROKEN
    if performance is not None and performance.version != status.live:
        return SAFE if rolled_back else NEW
    if measured is not None and measured.outcome is Quality.WARN:
        return WORSE
    told = measured is not None and measured.outcome is Quality.QUIET and not measured.of_late_outcomes
    if drift is not None and drift.triggers and not told:
        return DRIFTS
    if measured is None:
        return NO_OUTCOMES
    return AS_EXPECTED if measured.outcome is Quality.QUIET else FEW_OUTCOMES


def standing(history: History, at: datetime) -> Standing:
    """Tell the rulings of people in force at a moment: the retirement, the holds, the approvals."""
    in_force = [ruling for ruling in history.rulings if ruling.terms and ruling.terms.stands(at)]

    def told(action: str) -> str | None:
        return "; ".join(_ruling(past, history.names) for past in in_force if past.action == action) or None

    retired = history.retired
    return Standing(
        retired=f"by {retired.actor} in {retired.period}: {retired.reason}" if retired else None,
        holds=told("held"),
        approvals=told("approved"),
        anchor=history.anchor.name if history.anchor else None,
        open_ended=tuple(
            history.names.get(past.terms.subject, past.terms.subject[:12]) if past.terms.subject else ""
            for past in in_force
            if past.action == "held" and past.terms and past.terms.until is None
        ),
    )


def _ruling(event: Event, names: dict[str, str]) -> str:
    subject = event.terms.subject if event.terms else None
    bound = names.get(subject, f"candidate {subject[:12]}") if subject else "the model"
    return f"{bound} by {event.actor} {until(event)}: {event.reason}"


def _rested(history: History, watch: Watch, last: str | None) -> datetime | None:
    """Until when promotion rests after the last rollback; None when it does not.

    A decision falls at the end of its period: that is the moment that is named.
    """
    rollback, calendar = history.last_rollback, watch.model.calendar
    if rollback is None:
        return None
    allowed = watch.rollback_cooldown.first_after(calendar, rollback.failure_period)
    return None if last is not None and last >= allowed else calendar.bounds(allowed)[1]


def _cooldown(history: History, rested: datetime) -> str:
    withdrawn = history.last_rollback.from_version if history.last_rollback else None
    return f"no promotion before {_day(rested)} (cool-down after the rollback of {withdrawn})"


def _rest_of(decision: Trigger | NoRetrain) -> str | None:
    """The day on which the cool-down ends that a retrain waits for."""
    until = decision.rest_until if isinstance(decision, NoRetrain) else None
    return _day(until) if until else None


def decisions(registry: Registry) -> list[Event]:
    """The events that decided something, oldest first.

    Left out are deleted files, about which nothing was decided, and a verdict that passed where its promotion follows.
    """
    return decided_of(History(registry.history()))


def decided_of(history: History) -> list[Event]:
    """The same of a history that is at hand."""
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
