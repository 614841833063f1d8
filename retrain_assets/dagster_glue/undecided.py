"""End a retrain well where nothing could be put to the gate: the live version is kept, and the period says so."""

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import sentence
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.dagster_glue.run_history import EVENTS
from retrain_assets.dagster_glue.tags import OUTCOME_TAG


def keep_live(context: dg.AssetExecutionContext, frame: Frame, home: Home, reason: str) -> None:
    """Record that a retrain keeps what is live, for there is nothing to judge; the steps that follow are skipped.

    The asset that calls it yields no output, so its output must not be required.

    Args:
        context: Of the step.
        frame: Of the model.
        home: Where its registry is.
        reason: What is lacking, without the full stop.
    """
    registry = home.registry(frame.model)
    live = registry.live()
    kept = f"kept {live.name}" if live else "no version is live yet"
    context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "insufficient"})
    context.log.info(f"insufficient: {reason}")
    context.log_event(
        dg.AssetMaterialization(
            frame.key("production_model"),
            partition=context.partition_key,
            metadata={
                "summary": sentence("**{}**: there is nothing to judge. {}.", kept, reason.rstrip(".")),
                "decision": "insufficient",
                "reason": reason,
                "live": live.name if live else "none",
                EVENTS: len(registry.history()),
            },
        )
    )
