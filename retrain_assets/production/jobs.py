"""The jobs of a model: monitor, retrain, and rollback."""

from typing import Any

import dagster as dg

from retrain_assets.audit.assets import ASSET as HISTORY
from retrain_assets.audit.assets import audit_hooks
from retrain_assets.production.assets import pool_of
from retrain_assets.resources import MODEL_TAG, OUTCOME_TAG, Clock, Frame, Home, refused

AUTOMATIC = (
    "dagster/sensor_name",
    "dagster/schedule_name",
    "dagster/auto_materialize",
    "dagster/from_automation_condition",
    "dagster/backfill",
)
"""Tags by which Dagster marks the runs that no person launched one by one."""
MONITOR = ("raw_data", "outcomes", "predictions", "drift_report", "performance_report", HISTORY)
RETRAIN = (
    "feature_windows",
    "candidate_recent",
    "candidate_history",
    "candidate_model",
    "validation_report",
    "production_model",
    HISTORY,
)


def job_name(model: str, job: str) -> str:
    """The name of one of a model's jobs.

    >>> job_name("taxi_charge", "retrain")
    'taxi_charge__retrain'
    """
    return f"{model}__{job}"


def jobs(frame: Frame) -> list[Any]:
    """Monitor and retrain one period; roll the live model back.

    The deployment history is the last asset of both, and follows a refused candidate and a rollback by hooks.
    """
    after_failure, after_success = audit_hooks(frame)
    return [
        _asset_job(frame, "monitor", MONITOR, "Take a period in, score it, and report drift and quality.", 3600),
        _asset_job(
            frame,
            "retrain",
            RETRAIN,
            "Train both strategies, judge the better, promote it if it passes.",
            21600,
            after_failure,
        ),
        _rollback_job(frame).with_hooks({after_success}),
    ]


def _asset_job(
    frame: Frame, job: str, assets: tuple[str, ...], description: str, seconds: int, *hooks: dg.HookDefinition
) -> Any:
    return dg.define_asset_job(
        job_name(frame.model, job),
        selection=dg.AssetSelection.assets(*(frame.key(asset) for asset in assets)),
        description=description,
        tags={MODEL_TAG: frame.model, "dagster/max_runtime_seconds": str(seconds)},
        hooks=set(hooks),
    )


def _rollback_job(frame: Frame) -> dg.JobDefinition:
    @dg.op(
        name=f"{frame.model}__roll_back",
        pool=pool_of(frame.model),
        config_schema={
            "reason": dg.Field(str, description="Why; kept in the history for good."),
            "expected_live": dg.Field(
                str, is_required=False, description="Digest of the version to leave; refused when another one is live."
            ),
            "person": dg.Field(
                str,
                is_required=False,
                description="Your name, when you decide this yourself: a person may do what a hold forbids a run.",
            ),
        },
    )
    def roll_back(context: dg.OpExecutionContext, home: Home, clock: Clock) -> None:
        from retrain_assets.errors import RetrainError
        from retrain_assets.production.promotion import headline
        from retrain_assets.production.rollback import probe_model

        person = context.op_config.get("person")
        run = context.run.tags.get("dagster/user", f"run {context.run.run_id[:8]}")
        periods = home.store(frame.model).periods("performance_report", "json")
        launched = [tag for tag in AUTOMATIC if tag in context.run.tags]
        if person is not None and launched:
            raise refused(context, f"rollback refused: the run was started by automation ({launched[0]}), not {person}")
        try:
            event = home.registry(frame.model).rollback(
                expected_live=context.op_config.get("expected_live"),
                reason=context.op_config["reason"],
                at=clock.now(),
                actor=run if person is None else person,
                period=periods[-1] if periods else frame.calendar.first,
                probe=probe_model,
                person=person is not None,
            )
        except (RetrainError, ValueError) as refusal:
            raise refused(context, f"rollback refused: {refusal}") from refusal
        context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "rolled_back"})
        context.log_event(
            dg.AssetMaterialization(
                frame.key("production_model"),
                partition=event.period,
                metadata={
                    "rollback": True,
                    "live": event.to_version,
                    "version": int(event.to_version.removeprefix("v")),
                    "summary": dg.MetadataValue.md(headline(event)),
                },
            )
        )

    @dg.job(
        name=job_name(frame.model, "rollback"),
        description="Put the version served before back in place, after checking that it loads and scores.",
        tags={MODEL_TAG: frame.model, "dagster/max_runtime_seconds": "600"},
    )
    def rollback() -> None:
        roll_back()

    return rollback
