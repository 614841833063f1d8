"""The jobs of a model: monitor, retrain, and rollback."""

from typing import Any

import dagster as dg

from retrain_assets.production.assets import pool_of
from retrain_assets.resources import MODEL_TAG, OUTCOME_TAG, Clock, Frame, Home, refused

MONITOR = ("raw_data", "outcomes", "predictions", "drift_report", "performance_report", "probation_report")
RETRAIN = (
    "feature_windows",
    "candidate_recent",
    "candidate_history",
    "candidate_model",
    "validation_report",
    "production_model",
)


def job_name(model: str, job: str) -> str:
    """The name of one of a model's jobs.

    >>> job_name("taxi_charge", "retrain")
    'taxi_charge__retrain'
    """
    return f"{model}__{job}"


def jobs(frame: Frame) -> list[Any]:
    """Monitor and retrain one period; roll the live model back."""
    return [
        _asset_job(
            frame, "monitor", MONITOR, "Take a period in, score it, and report drift, quality and probation.", 3600
        ),
        _asset_job(
            frame, "retrain", RETRAIN, "Train both strategies, judge the better, promote it if it passes.", 21600
        ),
        _rollback_job(frame),
    ]


def _asset_job(frame: Frame, job: str, assets: tuple[str, ...], description: str, seconds: int) -> Any:
    return dg.define_asset_job(
        job_name(frame.model, job),
        selection=dg.AssetSelection.assets(*(frame.key(asset) for asset in assets)),
        description=description,
        tags={MODEL_TAG: frame.model, "dagster/max_runtime_seconds": str(seconds)},
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
            "period": dg.Field(
                str, is_required=False, description="Period whose evidence asks for it; without it the newest one."
            ),
            "automatic": dg.Field(
                bool, default_value=False, description="No person asks, so that a person's hold stops it."
            ),
        },
    )
    def roll_back(context: dg.OpExecutionContext, home: Home, clock: Clock) -> None:
        from retrain_assets.errors import RetrainError
        from retrain_assets.production.promotion import headline
        from retrain_assets.production.rollback import roll_back as withdraw

        config, run = context.op_config, f"run {context.run.run_id[:8]}"
        actor = f"probation, {run}" if config["automatic"] else context.run.tags.get("dagster/user", run)
        periods = home.store(frame.model).periods("performance_report", "json")
        try:
            event = withdraw(
                home.registry(frame.model),
                expected_live=config.get("expected_live"),
                reason=config["reason"],
                at=clock.now(),
                actor=actor,
                period=config.get("period", periods[-1] if periods else frame.calendar.first),
                automatic=config["automatic"],
            )
        except RetrainError as refusal:
            raise refused(context, f"rollback refused: {refusal}") from refusal
        context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "rolled_back"})
        context.log_event(
            dg.AssetMaterialization(
                frame.key("production_model"),
                partition=event.period,
                metadata={
                    "rollback": True,
                    "live": event.to_version,
                    "version": int(str(event.to_version).removeprefix("v")),
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


def rollback_config(model: str, reason: str, expected_live: str, **more: Any) -> dict[str, Any]:
    """The run config of a rollback, for whoever launches the job.

    >>> rollback_config("taxi", "complaints", "9f")["ops"]["taxi__roll_back"]["config"]["reason"]
    'complaints'
    """
    config = {"reason": reason, "expected_live": expected_live, **more}
    return {"ops": {f"{model}__roll_back": {"config": config}}}
