"""The jobs of a model: monitor, retrain, and rollback."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from pydantic import Field

from retrain_assets.audit.assets import audit_hooks
from retrain_assets.audit.status_record import ASSET as STATUS
from retrain_assets.backtest.assets import ASSET as BACKTEST
from retrain_assets.dagster_glue.executor import run_executor
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import actor_of, refused
from retrain_assets.dagster_glue.tags import EVENT_TAG, KIND_TAG, MODEL_TAG, OUTCOME_TAG, TURN_TAG
from retrain_assets.documents.units import plural
from retrain_assets.production.assets import pool_of

if TYPE_CHECKING:
    from retrain_assets.monitoring.triggers.evidence import Watch
    from retrain_assets.registry.registry import Event, Registry, RollbackRequest
    from retrain_assets.store import PeriodStore
    from retrain_assets.validation.suite.proposals import Harvest

Job = dg.JobDefinition | UnresolvedAssetJobDefinition
"""A job, or one of assets whose graph Dagster makes when it knows them all."""

AUTOMATIC = (
    "dagster/sensor_name",
    "dagster/schedule_name",
    "dagster/auto_materialize",
    "dagster/from_automation_condition",
    "dagster/backfill",
)
"""Tags by which Dagster marks the runs that no person launched one by one."""
MONITOR = (
    "raw_data",
    "outcomes",
    "predictions",
    "drift_report",
    "performance_report",
    "probation_report",
    STATUS,
    BACKTEST,
)
ROLLBACK_PRIORITY = "10"
"""In the queue, so that of the runs that wait for a place a rollback gets the first."""
PROPOSED_CASES = 10
"""How many hard cases a rollback proposes for the regression suite."""
RETRAIN = (
    "feature_windows",
    "candidate_recent",
    "candidate_history",
    "candidate_model",
    "validation_report",
    "production_model",
    STATUS,
)


class RollbackConfig(dg.Config):
    """What a launch of the rollback job says."""

    reason: str = Field(description="Why; kept in the history for good.")
    expected_live: str = Field(
        description="The version to leave, like v3, or its digest (none: where none is live); refused when another one "
        "is live, so that a second launch does not go back a further version."
    )
    person: str | None = Field(
        default=None,
        description="Your name, when you decide this yourself: a person may do what a hold forbids a run.",
    )
    to: str | None = Field(
        default=None,
        description="An earlier version to return to, like v2; without it the one served before. For when that one is "
        "damaged, or was no better.",
    )
    period: str | None = Field(
        default=None, description="Period whose evidence asks for it; without it the newest one."
    )
    failed_in: str | None = Field(
        default=None,
        description="Period that showed the failure, where the rollback is booked in an earlier one: the cool-down and "
        "what the next candidate must have learnt count from it.",
    )


def job_name(model: str, job: str) -> str:
    """The name of one of a model's jobs.

    >>> job_name("taxi_charge", "retrain")
    'taxi_charge__retrain'
    """
    return f"{model}__{job}"


def jobs(
    frame: Frame,
    harvest: "Callable[[], Harvest]",
    watch: "Callable[[], Watch]",
    renew: "Callable[[PeriodStore, Registry], None]",
) -> list[Job]:
    """Monitor and retrain one period; roll the live model back, after which `harvest()` proposes suite cases.

    `renew()` then writes the pages anew that the rollback made false.

    The model's status is the last asset of both, and follows a failed run and a rollback by hooks.
    """
    after_failure, after_success = audit_hooks(frame, watch)
    return [
        _asset_job(
            frame,
            "monitor",
            MONITOR,
            "Take a period in, score it, and report drift, quality and probation.",
            3600,
            after_failure,
        ),
        _asset_job(
            frame,
            "retrain",
            RETRAIN,
            "Train both strategies, judge the better, promote it if it passes.",
            21600,
            after_failure,
        ),
        _rollback_job(frame, harvest, renew).with_hooks({after_success}),
    ]


def _asset_job(
    frame: Frame, job: str, assets: tuple[str, ...], description: str, seconds: int, *hooks: dg.HookDefinition
) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        job_name(frame.model, job),
        selection=dg.AssetSelection.assets(*(frame.key(asset) for asset in assets)),
        description=description,
        tags={MODEL_TAG: frame.model, TURN_TAG: frame.model, "dagster/max_runtime_seconds": str(seconds)},
        hooks=set(hooks),
        executor_def=run_executor(),
    )


def _rollback_job(
    frame: Frame, harvest: "Callable[[], Harvest]", renew: "Callable[[PeriodStore, Registry], None]"
) -> dg.JobDefinition:
    @dg.op(
        name=f"{frame.model}__roll_back",
        pool=pool_of(frame.model),
    )
    def roll_back(context: dg.OpExecutionContext, config: RollbackConfig, home: Home, clock: Clock) -> None:
        from retrain_assets.errors import NothingChanged, RetrainError
        from retrain_assets.production.announcements import tell_rollback
        from retrain_assets.production.rollback import roll_back as withdraw

        store, registry = home.store(frame.model), home.registry(frame.model)
        request = _request(context, config, frame, store.periods("performance_report", "json"), clock.now())
        try:
            for named in (request.period, request.failed_in or request.period):
                _refuse_unknown(frame, named, store.periods("raw_data"))
            event = withdraw(registry, request)
        except NothingChanged as same:
            context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "rolled_back"})
            raise dg.Failure(f"rolled back to the same model: {same}", allow_retries=False) from same
        except (RetrainError, ValueError) as refusal:
            raise refused(context, f"rollback refused: {refusal}") from refusal
        finally:
            tell_rollback(registry, Path(home.path), frame.owners)
            renew(store, registry)
        context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "rolled_back", EVENT_TAG: str(event.seq)})
        try:
            proposed = len(harvest().after_rollback(store, registry, event, PROPOSED_CASES))
        except Exception as fault:  # the rollback stands whatever becomes of proposals
            context.log.warning(f"no cases proposed for the regression suite: {fault}")
            proposed = 0
        context.log_event(_rolled_back(frame, event, proposed))

    @dg.job(
        name=job_name(frame.model, "rollback"),
        description="Put the version served before back in place, after checking that it loads and scores.",
        tags={MODEL_TAG: frame.model, "dagster/max_runtime_seconds": "600", "dagster/priority": ROLLBACK_PRIORITY},
        executor_def=run_executor(),
    )
    def rollback() -> None:
        roll_back()

    return rollback


def _request(
    context: dg.OpExecutionContext, config: RollbackConfig, frame: Frame, monitored: list[str], at: datetime
) -> "RollbackRequest":
    """What is asked of the registry, as of the newest monitored period where none is named.

    Raises:
        Failure: The run says that a person decided, and automation started it.
    """
    from retrain_assets.registry.registry import RollbackRequest

    person, launched = config.person, [tag for tag in AUTOMATIC if tag in context.run.tags]
    if person is not None and launched:
        raise refused(context, f"rollback refused: the run was started by automation ({launched[0]}), not {person}")
    return RollbackRequest(
        reason=config.reason,
        at=at,
        actor=_actor(context.run) if person is None else person,
        period=config.period or (monitored[-1] if monitored else frame.calendar.first),
        expected_live=config.expected_live,
        to=config.to,
        person=person is not None,
        failed_in=config.failed_in,
    )


def _rolled_back(frame: Frame, event: "Event", proposed: int) -> dg.AssetMaterialization:
    """The rollback as it is drawn beside the decisions of retrains."""
    from retrain_assets.production.promotion import headline

    return dg.AssetMaterialization(
        frame.key("production_model"),
        partition=event.period,
        metadata={
            "rollback": True,
            "proposed_cases": proposed,
            "live": event.to_version,
            "version": int(str(event.to_version).removeprefix("v")),
            "summary": dg.MetadataValue.md(headline(event)),
        },
    )


def _refuse_unknown(frame: Frame, period: str, stored: list[str]) -> None:
    """Refuse a period that is none of the model's, or has no rows yet: a line of the journal is there for good.

    Raises:
        ValueError: It is.
    """
    frame.calendar.bounds(period)
    first, last = frame.calendar.first, max(stored, default=frame.calendar.first)
    if not first <= period <= last:
        raise ValueError(
            f"{frame.model} has no {plural(frame.row_name)} of {period}: its periods go from {first} to {last}. Name "
            "the period whose evidence asks for it."
        )


def _actor(run: dg.DagsterRun) -> str:
    """Who asks when no person signs: the probation, or the run."""
    return f"probation, run {run.run_id[:8]}" if run.tags.get(KIND_TAG) == "probation" else actor_of(run)


def rollback_config(model: str, reason: str, expected_live: str, **more: str | None) -> dict[str, object]:
    """The run config of a rollback, for whoever launches the job.

    >>> rollback_config("taxi", "complaints", "9f")["ops"]["taxi__roll_back"]["config"]["reason"]
    'complaints'
    """
    config = {"reason": reason, "expected_live": expected_live, **more}
    return {"ops": {f"{model}__roll_back": {"config": config}}}
