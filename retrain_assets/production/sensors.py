"""The alert sensors: every finished run of a model's jobs is read for facts that somebody should hear of.

A rejected candidate is news about the candidate; a crash is news about the pipeline. They are told apart by the run's
outcome tag.
"""

from pathlib import Path
from typing import Any

import dagster as dg

from retrain_assets.alerts import Alert, publish
from retrain_assets.production.jobs import job_name
from retrain_assets.resources import OUTCOME_TAG, Clock, Frame, Home, cause_of

NORMAL_ENDS = ("rejected", "insufficient", "identical")


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
    return [_alert(clock, frame, period, "refused" if outcome == "refused" else "crash", sentence)]


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
        business = record.get("business", [])
        return alerts + [
            _alert(clock, frame, period, "business", one["sentence"]) for one in business if one["outcome"] == "warn"
        ]
    events = home.registry(frame.model).history()
    moves = [event for event in events if event.action in ("bootstrap", "promoted", "rolled_back")]
    if not moves:
        return []
    kind = "rolled_back" if moves[-1].action == "rolled_back" else "promoted"
    sentence = f"{moves[-1].to_version} is live, it was {moves[-1].from_version or 'nothing'}: {moves[-1].reason}"
    return [_alert(clock, frame, moves[-1].period, kind, sentence)]


def publish_all(alerts: list[Alert], home: Home) -> None:
    """Publish each alert once."""
    for alert in alerts:
        publish(alert, Path(home.path))


def _alert(clock: Clock, frame: Frame, period: str, kind: Any, sentence: str) -> Alert:
    return Alert(clock.now().isoformat(), frame.model, period, kind, sentence)


def _verdict_sentence(record: dict[str, Any]) -> str:
    from retrain_assets.verdict import Verdict

    return Verdict.from_dict(record).reason
