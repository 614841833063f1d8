"""The rollback sensor, and the alert sensors that read every finished run for facts that somebody should hear of.

A rejected candidate is news about the candidate, and its run succeeded; a crash is news about the pipeline. Which
decision a run took stands in its outcome tag.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import dagster as dg

from retrain_assets import alerts as facts
from retrain_assets.alerts import Alert, Kind
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import cause_of
from retrain_assets.dagster_glue.tags import (
    AGAIN_TAG,
    EVENT_TAG,
    KEPT,
    KIND_TAG,
    MODEL_TAG,
    OUTCOME_TAG,
    PARTITION_TAG,
    TRIGGER_TAG,
)
from retrain_assets.dagster_glue.undecided import reason_in
from retrain_assets.documents.units import counted
from retrain_assets.errors import RetrainError
from retrain_assets.monitoring.sensors import was_killed
from retrain_assets.production.jobs import ROLLBACK_PRIORITY, Job, job_name, rollback_config

if TYPE_CHECKING:
    from retrain_assets.monitoring.triggers.evidence import Watch
    from retrain_assets.production.probation.record import ProbationRecord
    from retrain_assets.store import PeriodStore

TOLD_WHOLE = ("crash", "refused", "rolled_back")
"""Alerts of failed runs, whose sentence ends with the next step."""

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 60.0, 3600.0


def rollback_sensor(frame: Frame) -> dg.SensorDefinition:
    """Launches the rollback that the newest probation report asks for, as it stands now; it reads no rows."""

    @dg.sensor(
        name=f"{frame.model}__rollback_trigger",
        job_name=job_name(frame.model, "rollback"),
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Withdraws a promoted model as soon as a probation report asks for it; a person's hold stops it.",
    )
    def rollback_trigger(
        context: dg.SensorEvaluationContext, home: Home, clock: Clock
    ) -> dg.RunRequest | dg.SkipReason:
        from retrain_assets.production.probation.trial import asking
        from retrain_assets.production.rollback import hold_on_live

        registry = home.registry(frame.model)
        record = asking(home.store(frame.model), registry)
        if record is None:
            return dg.SkipReason("the newest probation report does not ask for a rollback of the live version")
        if hold := hold_on_live(registry, clock.now()):
            sentence = f"{record.sentence}. Not rolled back: {hold}"
            publish_all([_alert(clock, frame, record.period, "held", sentence)], home)
            return dg.SkipReason(sentence)
        identity = _identity(frame.model, record)
        started = context.instance.get_run_records(dg.RunsFilter(tags={TRIGGER_TAG: identity}))
        if waiting := _not_again_yet(started):
            return dg.SkipReason(waiting)
        return _rollback_request(frame, record, identity, len(started))

    return rollback_trigger


def _not_again_yet(started: Sequence[dg.RunRecord]) -> str:
    """Why a rollback that was started is not started again now; a failed one is, ever more patiently, up to hourly."""
    if not started:
        return ""
    if any(record.dagster_run.is_success or not record.dagster_run.is_finished for record in started):
        return "the rollback is on its way"
    wait = min(FIRST_RETRY_SECONDS * 2 ** (len(started) - 1), LAST_RETRY_SECONDS)
    left = max(record.end_time or 0.0 for record in started) + wait - time.time()
    return f"{counted(len(started), 'rollback run')} failed; the next begins in {left:.0f} s" if left > 0 else ""


def _rollback_request(frame: Frame, record: "ProbationRecord", identity: str, attempt: int) -> dg.RunRequest:
    """The run that a report asks for, keyed by model, version, period and attempt."""
    booked = {"period": record.decided_in}
    if record.period != record.decided_in:
        booked["failed_in"] = record.period
    leaving = record.comparison.digest if record.comparison else ""
    return dg.RunRequest(
        run_key=f"{identity}:{attempt}",
        run_config=rollback_config(frame.model, f"{record.sentence}.", leaving, **booked),
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


def _identity(model: str, record: "ProbationRecord") -> str:
    return rollback_id(model, record.comparison.digest if record.comparison else "", record.period)


def withdrawal_due(instance: dg.DagsterInstance, home: Home, model: str, at: datetime) -> str:
    """The period whose probation report asks for a rollback that no run was started for yet; empty without one.

    What follows a rollback (the next period's scores, a retrain) waits for it; a hold, or a rollback that was started
    and failed, keeps nobody waiting.
    """
    from retrain_assets.production.probation.trial import asking
    from retrain_assets.production.rollback import hold_on_live

    store, registry = home.store(model), home.registry(model)
    record = asking(store, registry)
    if record is None or hold_on_live(registry, at):
        return ""
    runs = dg.RunsFilter(tags={TRIGGER_TAG: _identity(model, record)})
    return "" if instance.get_run_records(runs, limit=1) else record.period


def alert_sensors(frame: Frame, jobs: Sequence[Job], watch: "Callable[[], Watch]") -> list[dg.SensorDefinition]:
    """One sensor for runs that failed, one for runs that succeeded; `watch` gives what the status of a model needs."""

    @dg.run_status_sensor(
        name=f"{frame.model}__alerts_failed",
        run_status=dg.DagsterRunStatus.FAILURE,
        monitored_jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Says what is broken: a failed run always means that something is.",
    )
    def failed(context: dg.RunStatusSensorContext, home: Home, clock: Clock) -> None:
        run = context.dagster_run
        publish_all(failure_alerts(context.instance, run, frame, home, clock), home)
        tell_killed(context.instance, run, frame, home, watch)

    @dg.run_status_sensor(
        name=f"{frame.model}__alerts",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Says what crossed a threshold, and what was promoted, kept or rolled back.",
    )
    def succeeded(context: dg.RunStatusSensorContext, home: Home, clock: Clock) -> None:
        publish_all(success_alerts(context.instance, context.dagster_run, frame, home, clock), home)

    return [failed, succeeded]


def failure_alerts(
    instance: dg.DagsterInstance, run: dg.DagsterRun, frame: Frame, home: Home, clock: Clock
) -> list[Alert]:
    """The one fact of a failed run."""
    period = run.tags.get(PARTITION_TAG, "")
    outcome = run.tags.get(OUTCOME_TAG, "")
    if outcome in KEPT:
        return [_kept_alert(instance, run, frame, home, clock)]
    failures = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    causes = [cause_of(entry.dagster_event.step_failure_data.error) for entry in failures if entry.dagster_event]
    sentence = f"{run.job_name} failed: {'; '.join(causes)}" if causes else _killed(run, frame, period)
    kind = outcome if outcome in ("refused", "rolled_back") else "crash"
    failure = _alert(clock, frame, period, kind, sentence)
    monitored = run.job_name == job_name(frame.model, "monitor")
    probation = _probation_alerts(home.store(frame.model), frame, clock, period) if monitored else []
    try:
        moves = _move_alerts(run, frame, home)
    except RetrainError as damaged:  # the failure itself is told all the same
        moves = [_alert(clock, frame, period, "crash", f"the journal cannot be read: {damaged}")]
    return [failure, *probation, *moves]


def tell_killed(
    instance: dg.DagsterInstance, run: dg.DagsterRun, frame: Frame, home: Home, watch: "Callable[[], Watch]"
) -> None:
    """Write what a killed run could not: the status of its period, with its end as what broke."""
    period = run.tags.get(PARTITION_TAG)
    if period is None or not was_killed(instance, run):
        return
    from retrain_assets.audit.assets import report_killed

    report_killed(frame, home.at(frame.model, period), watch(), instance, (run.run_id, _killed(run, frame, period)))


def _killed(run: dg.DagsterRun, frame: Frame, period: str) -> str:
    """What is said of a run that failed without a failed step: it was killed, or never began."""
    said = f"{run.job_name} of {period or 'no period'} was killed before it ended"
    if run.job_name == job_name(frame.model, "monitor"):
        return f"{said}. It is started again by itself"
    if run.job_name != job_name(frame.model, "retrain"):
        return said
    if AGAIN_TAG in run.tags:
        again = f"`retrain run {frame.model} --period {period}`"
        return f"{said}, for the second time. It is not asked for again: look at the run, then {again}"
    return f"{said}. It is asked for once more by itself"


def success_alerts(
    instance: dg.DagsterInstance, run: dg.DagsterRun, frame: Frame, home: Home, clock: Clock
) -> list[Alert]:
    """The facts of a run that succeeded."""
    period = run.tags.get(PARTITION_TAG, "")
    store = home.store(frame.model)
    if run.job_name == job_name(frame.model, "monitor"):
        from retrain_assets.monitoring.pages.performance_text import performance_facts
        from retrain_assets.monitoring.pages.summary import drift_fact
        from retrain_assets.monitoring.records.drift_record import read_drift
        from retrain_assets.monitoring.records.performance_record import read_performance
        from retrain_assets.monitoring.records.skew_record import read_skew

        drift, record = read_drift(store, period), read_performance(store, period)
        kind: Kind = "broken" if drift and drift.broken else "drift"
        alerts = [_alert(clock, frame, period, kind, drift_fact(drift))] if drift and drift.warned else []
        said = performance_facts(record) if record else []
        alerts += [_alert(clock, frame, period, kind, sentence) for kind, sentence in said]
        skew = read_skew(store, period)
        told = zip(skew.facts(), skew.facts(frame.row_name), strict=True) if skew else ()
        alerts += [_alert(clock, frame, period, "skew", fact, said) for fact, said in told]
        return [*alerts, *_probation_alerts(store, frame, clock, period), *_rollbacks(frame, home)]
    if run.tags.get(OUTCOME_TAG, "") in KEPT:
        return [_kept_alert(instance, run, frame, home, clock)]
    return _move_alerts(run, frame, home)


def _kept_alert(instance: dg.DagsterInstance, run: dg.DagsterRun, frame: Frame, home: Home, clock: Clock) -> Alert:
    """Why the live version was not replaced: what the run's decision says, else the verdict that it reached."""
    from retrain_assets.verdict import Verdict

    period, outcome = run.tags.get(PARTITION_TAG, ""), run.tags[OUTCOME_TAG]
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    reasons = [reason for entry in events if entry.dagster_event if (reason := reason_in(entry.dagster_event, frame))]
    record = home.store(frame.model).read_json("validation_report", period)
    said = Verdict.from_dict(record).reason if record else f"the retrain of {period} had nothing to judge"
    return _alert(clock, frame, period, outcome, reasons[-1] if reasons else said)


def _move_alerts(run: dg.DagsterRun, frame: Frame, home: Home) -> list[Alert]:
    """The move of the live pointer that a run made; none when it made none, or put a version back where none was."""
    from retrain_assets.production.announcements import notice
    from retrain_assets.registry.journal.history import History

    events = home.registry(frame.model).history()
    own = [event for event in events if str(event.seq) == run.tags.get(EVENT_TAG)]
    own = [event for event in own if event.withdraws or event.action != "rolled_back"]
    return [notice(frame.model, History(events), event, frame.owners) for event in own]


def _rollbacks(frame: Frame, home: Home) -> list[Alert]:
    """The newest rollback, in case whoever made it died before telling."""
    from retrain_assets.production.announcements import rollback_notices

    return rollback_notices(home.registry(frame.model), frame.owners)


def _probation_alerts(store: "PeriodStore", frame: Frame, clock: Clock, period: str) -> list[Alert]:
    """What a probation found wrong, or that it could tell nothing, or that it ended without having tested anything."""
    from retrain_assets.production.probation.record import stored_record

    record = stored_record(store, period)
    wrong = record is not None and record.status.needs_a_person
    return [_alert(clock, frame, period, "probation", record.sentence)] if record and wrong else []


def publish_all(alerts: list[Alert], home: Home) -> None:
    """Publish each alert once, those of one model and period as one message."""
    facts.publish_all(alerts, Path(home.path))


def _alert(clock: Clock, frame: Frame, period: str, kind: str, sentence: str, told: str = "") -> Alert:
    """An alert whose sentence fits a phone; a failure keeps all of its cause.

    Args:
        clock: Says when.
        frame: Of the model.
        period: As of which.
        kind: Of the alert.
        sentence: The fact, by which it is known whether it was told already.
        told: The same in the model's words, where they differ.
    """
    said = sentence if kind in TOLD_WHOLE else facts.brief(told or sentence)
    known = "" if said == sentence else sentence
    return Alert(clock.now().isoformat(), frame.model, period, cast("facts.Kind", kind), said, known)
