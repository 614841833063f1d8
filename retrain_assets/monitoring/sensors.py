"""What starts runs by itself: a period whose data is there, and evidence that asks for a retrain.

Both sensors skip with a sentence. They read reports and the journal; of a period's rows only whether there are any.
They take over a model that a person has started, and start none.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.tags import (
    AGAIN_TAG,
    KIND_TAG,
    MODEL_TAG,
    OUTCOME_TAG,
    PARTITION_TAG,
    TRIGGER_TAG,
    TURN_TAG,
)
from retrain_assets.documents.units import counted, plural
from retrain_assets.model import Model
from retrain_assets.monitoring.first_run import how_to_start, started
from retrain_assets.raw.policy import Source

if TYPE_CHECKING:
    from retrain_assets.monitoring.triggers.decision import Trigger
    from retrain_assets.monitoring.triggers.evidence import Watch
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import PeriodStore

IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 60.0, 3600.0

Withdrawal = Callable[[dg.DagsterInstance, Home, str, datetime], str]
"""Says which period asks for a rollback that has not been started; empty without one."""


@dataclass(frozen=True)
class Arrivals:
    """Where the model's rows come from, and how long after the end of a period they may take; None waits silently."""

    model: Model
    source: Source
    max_delay: timedelta | None

    def rows(self, period: str) -> int:
        """How many rows of a period are there; only keys and times are read.

        Raises:
            SourceError: The source is there and cannot be read.
        """
        from retrain_assets.raw.sources import read_rows

        found = read_rows(self.source, [], *self.model.calendar.bounds(period)).table[self.source.time]
        return len(found) - int(found.null_count)

    def is_gap(self, period: str, now: datetime) -> bool:
        """Whether a period without rows is no longer waited for: later rows are there, or it is overdue."""
        from retrain_assets.raw.sources import newest_time

        end = self.model.calendar.bounds(period)[1]
        return self.overdue(period, now) or newest_time(self.source, end) is not None

    def overdue(self, period: str, now: datetime) -> bool:
        """Whether the rows of a period should have been there by now."""
        return self.max_delay is not None and now - self.model.calendar.bounds(period)[1] > self.max_delay


@dataclass(frozen=True)
class Loop:
    """What runs next, and what goes before it.

    Attributes:
        watch: Gives the trigger decision.
        monitor: Name of the monitoring job.
        retrain: Name of the retrain job.
        withdrawal: Says which rollback goes first.
    """

    watch: "Callable[[], Watch]"
    monitor: str
    retrain: str
    withdrawal: Withdrawal


def monitoring_sensors(frame: Frame, arrivals: Arrivals, loop: Loop) -> list[dg.SensorDefinition]:
    """The new-data sensor and the retrain trigger."""
    return [_new_data(frame, arrivals, loop), _retrain_trigger(frame, loop)]


def _new_data(frame: Frame, arrivals: Arrivals, loop: Loop) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{frame.model}__new_data",
        job_name=loop.monitor,
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Monitors the next period once it has ended and its {plural(frame.row_name)} are there, one period after "
            "the other. The first run of a model is launched by a person."
        ),
    )
    def new_data(context: dg.SensorEvaluationContext, home: Home, clock: Clock) -> dg.SensorResult | dg.SkipReason:
        store, registry, now = home.store(frame.model), home.registry(frame.model), clock.now()
        pending = pending_periods(frame, store.periods("performance_report", "json"), now)
        if not pending:
            return dg.SkipReason("every period that has ended is monitored")
        if not _taken_up(context.instance, home, frame.model):
            return dg.SkipReason(_waits(frame))
        if in_flight(context.instance, frame.model):
            return dg.SkipReason(f"a run of {frame.model} is in flight; {pending[0]} comes next")
        asking = loop.withdrawal(context.instance, home, frame.model, now)
        if asking:
            return dg.SkipReason(f"the rollback that {asking} asked for comes before {pending[0]}")
        due = _due(context.instance, loop.watch(), store, registry)
        if due is not None:
            return dg.SkipReason(f"the retrain that {due.period} asked for comes before {pending[0]}")
        look = _look(arrivals, pending, now, context.cursor or "")
        for period, sentence in look.late:
            publish_late(frame, home, now, period, sentence)
        if look.period is None:
            return dg.SensorResult(skip_reason=look.reason, cursor=look.cursor)
        # A period that a withdrawn model could not score is tried again with its successor.
        rollbacks = sum(event.action == "rolled_back" for event in registry.history())
        run_key = f"{frame.model}:{look.period}:{look.data}{f':{rollbacks}' if rollbacks else ''}"
        kills = kills_of(context.instance, loop.monitor, look.period)
        if waiting := patience(look.period, kills, time.time()):
            return dg.SensorResult(skip_reason=waiting, cursor=look.cursor)
        run_key += f":after {len(kills)} kills" if kills else ""
        if arrivals.overdue(look.period, now) and tried(context.instance, run_key):
            several = plural(frame.row_name)
            failed = f"a run of its {several} failed. Look at the run, mend the {several}."
            sentence = f"{_ended(arrivals, look.period)}, and {failed}"
            publish_late(frame, home, now, look.period, sentence)
            return dg.SensorResult(skip_reason=sentence, cursor=look.cursor)
        request = dg.RunRequest(run_key=run_key, partition_key=look.period)
        return dg.SensorResult(run_requests=[request], cursor=look.cursor)

    return new_data


@dataclass(frozen=True)
class _Look:
    """What a look at the source found: the period to run, or why there is none, and the periods that are overdue."""

    period: str | None
    reason: str
    data: str
    cursor: str
    late: tuple[tuple[str, str], ...] = ()


def _look(arrivals: Arrivals, pending: list[str], now: datetime, cursor: str) -> _Look:
    """Find the next period whose rows are there; a source that has not changed since is not read again.

    A period without rows is waited for. Once it is overdue, or where no delay is declared, a later period whose rows
    are there goes first: a gap is a fact, and nothing waits for it.
    """
    from retrain_assets.errors import SourceError
    from retrain_assets.raw.sources import fingerprint

    source, first = arrivals.source, pending[0]
    try:
        data = fingerprint(source)
    except SourceError as error:
        late = ((first, f"{_ended(arrivals, first)}. {error}"),) if arrivals.overdue(first, now) else ()
        return _Look(None, str(error), "", "", late)
    if any(table is not None and table.sql for table in (source.features, source.outcomes)):
        data = f"{data}:{now:%Y-%m-%d}"  # a query does not tell that its rows changed: ask once a day
    seen = f"{pending[0]}:{pending[-1]}:{data}"
    empty: list[str] = []
    for period in pending if cursor != seen else ():
        try:
            there = arrivals.rows(period) > 0
        except SourceError:
            there = True  # the run names the fault
        if there:
            return _Look(period, "", data, "", _late(arrivals, empty, now))
        empty.append(period)
        if arrivals.max_delay is not None and not arrivals.overdue(period, now):
            break
    model = arrivals.model
    since = f"{model.calendar.bounds(first)[1]:%Y-%m-%d}"
    reason = f"waits for the {plural(model.row_name)} of {model.calendar.words(first)}, which ended on {since}"
    return _Look(None, reason, data, seen, _late(arrivals, empty or [first], now))


def _late(arrivals: Arrivals, empty: list[str], now: datetime) -> tuple[tuple[str, str], ...]:
    """The overdue ones among periods without rows, each with its sentence."""
    late = [period for period in empty if arrivals.overdue(period, now)]
    next_step = "Deliver them, or ask whoever does; monitoring goes on by itself"
    lacks = f"its {plural(arrivals.model.row_name)} are not there. {next_step}."
    return tuple((period, f"{_ended(arrivals, period)}, and {lacks}") for period in late)


def _ended(arrivals: Arrivals, period: str) -> str:
    days = arrivals.max_delay / timedelta(days=1) if arrivals.max_delay else 0.0
    words = arrivals.model.calendar.words(period)
    return f"{words[0].upper()}{words[1:]} ended more than {counted(days, 'day')} ago"


def publish_late(frame: Frame, home: Home, now: datetime, period: str, sentence: str) -> None:
    """Say once that a period is overdue."""
    from retrain_assets.alerts import Alert, publish

    publish(Alert(now.isoformat(), frame.model, period, "stale", sentence), Path(home.path))


def _retrain_trigger(frame: Frame, loop: Loop) -> dg.SensorDefinition:
    key = frame.key("performance_report")

    @dg.sensor(
        name=f"{frame.model}__retrain_trigger",
        job_name=loop.retrain,
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a retrain when the newest reports ask for one; the same evidence never starts two.",
    )
    def retrain_trigger(
        context: dg.SensorEvaluationContext, home: Home, clock: Clock
    ) -> dg.SensorResult | dg.SkipReason:
        from retrain_assets.monitoring.triggers.decision import NoRetrain

        again = killed(context.instance, loop.retrain)
        if again is not None and not in_flight(context.instance, frame.model):
            return dg.SensorResult(cursor=context.cursor, run_requests=[again])
        after = int(context.cursor) if context.cursor else None
        chosen = dg.AssetRecordsFilter(asset_key=key, after_storage_id=after) if after else key
        records = context.instance.fetch_materializations(chosen, limit=1000, ascending=True).records
        if not records and not _taken_up(context.instance, home, frame.model):
            return dg.SkipReason(_waits(frame))
        store, registry = home.store(frame.model), home.registry(frame.model)
        # a first backtest, or a person's release, may let a report ask that asked for nothing when it was new
        due = None if records else _due(context.instance, loop.watch(), store, registry)
        if not records and due is None:
            return dg.SkipReason("no new performance report")
        if in_flight(context.instance, frame.model):
            return dg.SkipReason(f"a run of {frame.model} is in flight; will look again")
        asking = loop.withdrawal(context.instance, home, frame.model, clock.now())
        if asking:
            return dg.SkipReason(f"the rollback that {asking} asked for comes before a retrain; will look again")
        if due is not None:
            return dg.SensorResult(cursor=context.cursor, run_requests=[request(due)])
        cursor = str(records[-1].storage_id)
        period = store.periods("performance_report", "json")[-1]
        decision = loop.watch().decide(store, registry, period)
        if isinstance(decision, NoRetrain):
            return dg.SensorResult(skip_reason=f"{period}: {decision.reason}", cursor=cursor)
        if fired(context.instance, decision.id):
            return dg.SensorResult(skip_reason=f"{period}: this evidence started a retrain before", cursor=cursor)
        return dg.SensorResult(cursor=cursor, run_requests=[request(decision)])

    return retrain_trigger


def request(trigger: "Trigger") -> dg.RunRequest:
    """The run that a trigger asks for, keyed and tagged by the trigger's id."""
    tags = {TRIGGER_TAG: trigger.id, KIND_TAG: trigger.kind, MODEL_TAG: trigger.model}
    return dg.RunRequest(run_key=trigger.id, partition_key=trigger.period, tags=tags)


def killed(instance: dg.DagsterInstance, retrain: str) -> dg.RunRequest | None:
    """The last retrain once more, where it was killed: its evidence would not ask again. None where it ended by itself.

    A run that was killed failed without a failed step and without an outcome. It is asked for once; a second kill is
    for a person to look at.
    """
    last = instance.get_runs(dg.RunsFilter(job_name=retrain), limit=1)
    run = last[0] if last else None
    if run is None or AGAIN_TAG in run.tags or not was_killed(instance, run):
        return None
    period = run.tags.get(PARTITION_TAG)
    if period is None:
        return None
    tags = {tag: run.tags[tag] for tag in (TRIGGER_TAG, KIND_TAG, MODEL_TAG) if tag in run.tags}
    return dg.RunRequest(run_key=f"{run.run_id}:again", partition_key=period, tags=tags | {AGAIN_TAG: run.run_id})


def was_killed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run failed without saying so itself: without a failed step and without an outcome."""
    if run.status is not dg.DagsterRunStatus.FAILURE or OUTCOME_TAG in run.tags:
        return False
    return not instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)


def kills_of(instance: dg.DagsterInstance, monitor: str, period: str) -> list[float]:
    """When the monitoring runs of a period that were killed were known to be, the latest last."""
    failed = dg.RunsFilter(job_name=monitor, tags={PARTITION_TAG: period}, statuses=[dg.DagsterRunStatus.FAILURE])
    records = instance.get_run_records(failed)
    return sorted(record.end_time or 0.0 for record in records if was_killed(instance, record.dagster_run))


def patience(period: str, kills: list[float], now: float) -> str:
    """Why a period whose runs were killed is not started again now; at once after one kill, then ever later, to hourly.

    Args:
        period: Which one.
        kills: When its runs were killed, in seconds since 1970, the latest last.
        now: The same clock's time, which is that of the run records.

    >>> patience("2019-05", [], now=100.0), patience("2019-05", [100.0], now=100.0)
    ('', '')
    >>> patience("2019-05", [0.0, 100.0], now=110.0)
    '2 runs of 2019-05 were killed; the next begins in 50 s'
    """
    if len(kills) < 2:
        return ""
    left = kills[-1] + min(FIRST_RETRY_SECONDS * 2 ** (len(kills) - 2), LAST_RETRY_SECONDS) - now
    return f"{len(kills)} runs of {period} were killed; the next begins in {left:.0f} s" if left > 0 else ""


def pending_periods(frame: Frame, monitored: list[str], now: datetime) -> list[str]:
    """The ended periods that are not monitored yet, in order."""
    done = set(monitored)
    return [period for period in frame.calendar.ended_by(now) if period not in done]


def in_flight(instance: dg.DagsterInstance, model: str) -> bool:
    """Whether a run of the model is queued or running that monitoring and retraining take turns with."""
    records = instance.get_run_records(dg.RunsFilter(tags={MODEL_TAG: model}, statuses=IN_FLIGHT))
    return any(record.dagster_run.tags.get(TURN_TAG, model) == model for record in records)


def _taken_up(instance: dg.DagsterInstance, home: Home, model: str) -> bool:
    """Whether a person has started the model: it has results, or a run of it was launched, however it ended."""
    runs = dg.RunsFilter(tags={MODEL_TAG: model})
    return started(home.store(model), home.registry(model)) or bool(instance.get_run_records(runs, limit=1))


def _waits(frame: Frame) -> str:
    return f"waits for its first run, which a person starts. {how_to_start(frame.model, frame.calendar)}"


def tried(instance: dg.DagsterInstance, run_key: str) -> bool:
    """Whether a run was started for this period with these very data."""
    return bool(instance.get_run_records(dg.RunsFilter(tags={"dagster/run_key": run_key}), limit=1))


def fired(instance: dg.DagsterInstance, trigger_id: str) -> bool:
    """Whether a trigger has started a run before."""
    return bool(instance.get_run_records(dg.RunsFilter(tags={TRIGGER_TAG: trigger_id}), limit=1))


def _due(instance: dg.DagsterInstance, watch: "Watch", store: "PeriodStore", registry: "Registry") -> "Trigger | None":
    """The trigger of the newest monitored period that has not started a run yet."""
    from retrain_assets.monitoring.triggers.decision import Trigger

    monitored = store.periods("performance_report", "json")
    if not monitored:
        return None
    decision = watch.decide(store, registry, monitored[-1])
    return decision if isinstance(decision, Trigger) and not fired(instance, decision.id) else None
