"""What starts runs by itself: a period whose data is there, and evidence that asks for a retrain.

Both sensors read reports and the journal, never rows, and skip with a sentence.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.tags import AGAIN_TAG, KIND_TAG, MODEL_TAG, OUTCOME_TAG, TRIGGER_TAG
from retrain_assets.raw.policy import Source

IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


Withdrawal = Callable[[dg.DagsterInstance, Home, str, datetime], str]
"""Says which period asks for a rollback that has not been started; empty without one."""


def monitoring_sensors(
    frame: Frame,
    source: Source,
    max_delay: timedelta | None,
    watch: Callable[[], Any],
    monitor: str,
    retrain: str,
    withdrawal: Withdrawal,
) -> list[dg.SensorDefinition]:
    """The new-data sensor and the retrain trigger; `watch()` gives the trigger decision, `withdrawal` goes first."""
    return [
        _new_data(frame, source, max_delay, watch, monitor, withdrawal),
        _retrain_trigger(frame, watch, retrain, withdrawal),
    ]


def _new_data(
    frame: Frame,
    source: Source,
    max_delay: timedelta | None,
    watch: Callable[[], Any],
    monitor: str,
    withdrawal: Withdrawal,
) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{frame.model}__new_data",
        job_name=monitor,
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Monitors the next period once it has ended, one period after the other.",
    )
    def new_data(context: dg.SensorEvaluationContext, home: Home, clock: Clock) -> Any:
        from retrain_assets.alerts import Alert, publish
        from retrain_assets.errors import SourceError
        from retrain_assets.raw.sources import fingerprint

        store = home.store(frame.model)
        period = next_period(frame, store.periods("performance_report", "json"), clock.now())
        if period is None:
            return dg.SkipReason("every period that has ended is monitored")
        if in_flight(context.instance, frame.model):
            return dg.SkipReason(f"a run of {frame.model} is in flight; {period} comes next")
        asking = withdrawal(context.instance, home, frame.model, clock.now())
        if asking:
            return dg.SkipReason(f"the rollback that {asking} asked for comes before {period}")
        due = _due(context.instance, frame, watch(), store, home.registry(frame.model))
        if due is not None:
            return dg.SkipReason(f"the retrain that {due.period} asked for comes before {period}")
        try:
            data = fingerprint(source)
        except SourceError as error:
            return dg.SkipReason(str(error))
        if any(table is not None and table.sql for table in (source.features, source.outcomes)):
            data = f"{data}:{clock.now():%Y-%m-%d}"  # a query does not tell that its rows changed: ask once a day
        # A period that a withdrawn model could not score is tried again with its successor.
        rollbacks = sum(event.action == "rolled_back" for event in home.registry(frame.model).history())
        run_key = f"{frame.model}:{period}:{data}{f':{rollbacks}' if rollbacks else ''}"
        late = clock.now() - frame.calendar.bounds(period)[1]
        if max_delay is not None and late > max_delay and tried(context.instance, run_key):
            days = max_delay / timedelta(days=1)
            sentence = f"{period} ended more than {days:g} d ago and its rows are not there, or break the contract"
            publish(Alert(clock.now().isoformat(), frame.model, period, "stale", sentence), Path(home.path))
            return dg.SkipReason(sentence)
        return dg.RunRequest(run_key=run_key, partition_key=period)

    return new_data


def _retrain_trigger(
    frame: Frame, watch: Callable[[], Any], retrain: str, withdrawal: Withdrawal
) -> dg.SensorDefinition:
    key = frame.key("performance_report")

    @dg.sensor(
        name=f"{frame.model}__retrain_trigger",
        job_name=retrain,
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a retrain when the newest reports ask for one; the same evidence never starts two.",
    )
    def retrain_trigger(context: dg.SensorEvaluationContext, home: Home, clock: Clock) -> Any:
        again = killed(context.instance, retrain)
        if again is not None and not in_flight(context.instance, frame.model):
            return dg.SensorResult(cursor=context.cursor, run_requests=[again])
        after = int(context.cursor) if context.cursor else None
        chosen = dg.AssetRecordsFilter(asset_key=key, after_storage_id=after) if after else key
        records = context.instance.fetch_materializations(chosen, limit=1000, ascending=True).records
        if not records:
            return dg.SkipReason("no new performance report")
        if in_flight(context.instance, frame.model):
            return dg.SkipReason(f"a run of {frame.model} is in flight; will look again")
        asking = withdrawal(context.instance, home, frame.model, clock.now())
        if asking:
            return dg.SkipReason(f"the rollback that {asking} asked for comes before a retrain; will look again")
        cursor = str(records[-1].storage_id)
        store = home.store(frame.model)
        period = store.periods("performance_report", "json")[-1]
        decision = watch().decide(store, home.registry(frame.model), period)
        trigger_id = getattr(decision, "id", None)
        if trigger_id is None:
            return dg.SensorResult(skip_reason=f"{period}: {decision.reason}", cursor=cursor)
        if started(context.instance, trigger_id):
            return dg.SensorResult(skip_reason=f"{period}: this evidence started a retrain before", cursor=cursor)
        return dg.SensorResult(cursor=cursor, run_requests=[request(decision)])

    return retrain_trigger


def request(trigger: Any) -> dg.RunRequest:
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
    if run is None or run.status is not dg.DagsterRunStatus.FAILURE or {OUTCOME_TAG, AGAIN_TAG} & run.tags.keys():
        return None
    period = run.tags.get("dagster/partition")
    if period is None or instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        return None
    tags = {tag: run.tags[tag] for tag in (TRIGGER_TAG, KIND_TAG, MODEL_TAG) if tag in run.tags}
    return dg.RunRequest(run_key=f"{run.run_id}:again", partition_key=period, tags=tags | {AGAIN_TAG: run.run_id})


def next_period(frame: Frame, monitored: list[str], now: datetime) -> str | None:
    """The first ended period that is not monitored yet."""
    done = set(monitored)
    return next((period for period in frame.calendar.ended_by(now) if period not in done), None)


def in_flight(instance: dg.DagsterInstance, model: str) -> bool:
    """Whether a run of the model is queued or running."""
    runs = dg.RunsFilter(tags={MODEL_TAG: model}, statuses=IN_FLIGHT)
    return bool(instance.get_run_records(runs, limit=1))


def tried(instance: dg.DagsterInstance, run_key: str) -> bool:
    """Whether a run was started for this period with these very data."""
    return bool(instance.get_run_records(dg.RunsFilter(tags={"dagster/run_key": run_key}), limit=1))


def started(instance: dg.DagsterInstance, trigger_id: str) -> bool:
    """Whether a trigger has started a run before."""
    return bool(instance.get_run_records(dg.RunsFilter(tags={TRIGGER_TAG: trigger_id}), limit=1))


def _due(instance: dg.DagsterInstance, frame: Frame, watch: Any, store: Any, registry: Any) -> Any:
    """The trigger of the newest monitored period that has not started a run yet."""
    monitored = store.periods("performance_report", "json")
    if not monitored:
        return None
    decision = watch.decide(store, registry, monitored[-1])
    trigger_id = getattr(decision, "id", None)
    return decision if trigger_id is not None and not started(instance, trigger_id) else None
