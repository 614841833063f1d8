"""The rollback sensor, and the alert sensors that read every finished run for facts that somebody should hear of.

A rejected candidate is news about the candidate; a crash is news about the pipeline. They are told apart by the run's
outcome tag.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from retrain_assets import alerts as facts
from retrain_assets.alerts import Alert
from retrain_assets.production.jobs import job_name, rollback_config
from retrain_assets.resources import (
    EVENT_TAG,
    KIND_TAG,
    MODEL_TAG,
    OUTCOME_TAG,
    TRIGGER_TAG,
    Clock,
    Frame,
    Home,
    cause_of,
)

ROLLBACK_PRIORITY = "10"
NORMAL_ENDS = ("rejected", "insufficient", "identical")


def rollback_sensor(frame: Frame) -> dg.SensorDefinition:
    """Launches the rollback that a probation report asks for; it reads metadata and the journal, never rows."""
    key = frame.key("probation_report")

    @dg.sensor(
        name=f"{frame.model}__rollback_trigger",
        job_name=job_name(frame.model, "rollback"),
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Withdraws a promoted model as soon as a probation report asks for it; a person's hold stops it.",
    )
    def rollback_trigger(context: dg.SensorEvaluationContext, home: Home, clock: Clock) -> Any:
        after = int(context.cursor) if context.cursor else None
        chosen = dg.AssetRecordsFilter(asset_key=key, after_storage_id=after) if after else key
        records = context.instance.fetch_materializations(chosen, limit=1000, ascending=True).records
        if not records:
            return dg.SkipReason("no new probation report")
        cursor = str(records[-1].storage_id)
        asking = [record for record in records if _value(record, "asks_rollback")]
        if not asking:
            return dg.SensorResult(skip_reason=f"{len(records)} new report(s), none asks for a rollback", cursor=cursor)
        asked = asking[-1]
        registry, digest = home.registry(frame.model), _value(asked, "digest")
        live = registry.live()
        if live is None or live.digest != digest:
            gone = f"{_value(asked, 'version')} is not live any more, so there is nothing to withdraw"
            return dg.SensorResult(skip_reason=gone, cursor=cursor)
        from retrain_assets.production.rollback import hold_on_live

        if hold := hold_on_live(registry, clock.now()):
            sentence = f"{_sentence_of(asked)} Not rolled back: {hold}"
            publish_all([_alert(clock, frame, str(asked.partition_key), "held", sentence)], home)
            return dg.SkipReason(sentence)  # the cursor stays, so that the end of the hold is noticed
        return dg.SensorResult(cursor=cursor, run_requests=[_rollback_request(frame, asked)])

    return rollback_trigger


def _rollback_request(frame: Frame, asked: Any) -> dg.RunRequest:
    """The run that a report asks for, keyed by model, version and period."""
    digest, period = str(_value(asked, "digest")), str(asked.partition_key)
    identity = rollback_id(frame.model, digest, period)
    reason, since = _sentence_of(asked), str(_value(asked, "decided_in"))
    return dg.RunRequest(
        run_key=identity,
        run_config=rollback_config(frame.model, reason, digest, period=since),
        tags={
            TRIGGER_TAG: identity,
            KIND_TAG: "probation",
            MODEL_TAG: frame.model,
            "dagster/priority": ROLLBACK_PRIORITY,
        },
    )


def rollback_id(model: str, digest: str, period: str) -> str:
    """The identity of one withdrawal, so that the same evidence never starts two.

    >>> rollback_id("taxi", "9f" * 32, "2019-06")
    'taxi:rollback:9f9f9f9f9f9f:2019-06'
    """
    return f"{model}:rollback:{digest[:12]}:{period}"


def withdrawal_due(instance: dg.DagsterInstance, home: Home, model: str, at: datetime) -> str:
    """The period whose probation report asks for a rollback that no run was started for yet; empty without one.

    What follows a rollback (the next period's scores, a retrain) waits for it; a hold, or a rollback that was started
    and failed, keeps nobody waiting.
    """
    from retrain_assets.production.probation import pending
    from retrain_assets.production.rollback import hold_on_live

    store, registry = home.store(model), home.registry(model)
    asked = pending(store, registry)
    if not asked or hold_on_live(registry, at):
        return ""
    digest, period = asked
    runs = dg.RunsFilter(tags={TRIGGER_TAG: rollback_id(model, digest, period)})
    return "" if instance.get_run_records(runs, limit=1) else period


def _value(record: Any, name: str) -> Any:
    """One metadata value of a materialization."""
    found = record.asset_materialization.metadata.get(name)
    return found.value if found is not None else None


def _sentence_of(record: Any) -> str:
    return f"{str(_value(record, 'summary')).split('**: ', 1)[-1]}."


def alert_sensors(frame: Frame, jobs: list[Any]) -> list[dg.SensorDefinition]:
    """One sensor for runs that failed, one for runs that succeeded."""

    @dg.run_status_sensor(
        name=f"{frame.model}__alerts_failed",
        run_status=dg.DagsterRunStatus.FAILURE,
        monitored_jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells a rejected candidate from a broken pipeline, and says so.",
    )
    def failed(context: dg.RunStatusSensorContext, home: Home, clock: Clock) -> None:
        publish_all(failure_alerts(context.instance, context.dagster_run, frame, home, clock), home)

    @dg.run_status_sensor(
        name=f"{frame.model}__alerts",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Says what crossed a threshold, and what was promoted or rolled back.",
    )
    def succeeded(context: dg.RunStatusSensorContext, home: Home, clock: Clock) -> None:
        publish_all(success_alerts(context.dagster_run, frame, home, clock), home)

    return [failed, succeeded]


def failure_alerts(
    instance: dg.DagsterInstance, run: dg.DagsterRun, frame: Frame, home: Home, clock: Clock
) -> list[Alert]:
    """The one fact of a failed run."""
    period = run.tags.get("dagster/partition", "")
    outcome = run.tags.get(OUTCOME_TAG, "")
    if outcome in NORMAL_ENDS:
        record = home.store(frame.model).read_json("validation_report", period)
        sentence = _verdict_sentence(record) if record else f"the retrain of {period} found no fresh gate rows"
        return [_alert(clock, frame, period, outcome, sentence)]
    failures = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    causes = [cause_of(entry.dagster_event.step_failure_data.error) for entry in failures if entry.dagster_event]
    sentence = f"{run.job_name} failed: {'; '.join(causes) or 'no step began'}"
    kind = outcome if outcome in ("refused", "rolled_back") else "crash"
    failure = _alert(clock, frame, period, kind, sentence)
    monitored = run.job_name == job_name(frame.model, "monitor")
    probation = _probation_alerts(home.store(frame.model), frame, clock, period) if monitored else []
    return [failure, *probation, *_move_alerts(run, frame, home)]


def success_alerts(run: dg.DagsterRun, frame: Frame, home: Home, clock: Clock) -> list[Alert]:
    """The facts of a run that succeeded."""
    period = run.tags.get("dagster/partition", "")
    store = home.store(frame.model)
    if run.job_name == job_name(frame.model, "monitor"):
        drift = store.read_json("drift_report", period) or {}
        record = store.read_json("performance_report", period) or {}
        performance = record.get("report", {})
        alerts = [_alert(clock, frame, period, "drift", drift["sentence"])] if drift.get("warned") else []
        if performance.get("outcome") == "warn":
            alerts.append(_alert(clock, frame, period, "performance", performance["sentence"]))
        if jump := record.get("label_jump"):
            held = f"{jump['sentence']}. Promotion is held until a person releases it."
            alerts.append(_alert(clock, frame, period, "label_jump", held))
        if record.get("estimated", {}).get("outcome") == "warn":
            alerts.append(_alert(clock, frame, period, "estimate", record["estimated"]["sentence"]))
        business = record.get("business", [])
        alerts += [
            _alert(clock, frame, period, "business", one["sentence"]) for one in business if one["outcome"] == "warn"
        ]
        return [*alerts, *_probation_alerts(store, frame, clock, period), *_rollbacks(frame, home)]
    return _move_alerts(run, frame, home)


def _move_alerts(run: dg.DagsterRun, frame: Frame, home: Home) -> list[Alert]:
    """The move of the live pointer that a run made; none when it made none."""
    from retrain_assets.production.notices import notice
    from retrain_assets.registry.history import History

    events = home.registry(frame.model).history()
    own = [event for event in events if str(event.seq) == run.tags.get(EVENT_TAG)]
    return [notice(frame.model, History(events), event) for event in own]


def _rollbacks(frame: Frame, home: Home) -> list[Alert]:
    """The newest rollback, in case whoever made it died before telling."""
    from retrain_assets.production.notices import rollback_notices

    return rollback_notices(home.registry(frame.model))


def _probation_alerts(store: Any, frame: Frame, clock: Clock, period: str) -> list[Alert]:
    """What a probation found wrong, or that it could tell nothing, or that it ended without having tested anything."""
    from retrain_assets.production.probation import Status

    record = store.read_json("probation_report", period) or {}
    wrong = "status" in record and Status(record["status"]).needs_a_person
    return [_alert(clock, frame, period, "probation", record["sentence"])] if wrong else []


def publish_all(alerts: list[Alert], home: Home) -> None:
    """Publish each alert once, those of one model and period as one message."""
    facts.publish_all(alerts, Path(home.path))


def _alert(clock: Clock, frame: Frame, period: str, kind: Any, sentence: str) -> Alert:
    return Alert(clock.now().isoformat(), frame.model, period, kind, sentence)


def _verdict_sentence(record: dict[str, Any]) -> str:
    from retrain_assets.verdict import Verdict

    return Verdict.from_dict(record).reason
