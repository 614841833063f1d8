"""End a retrain well where nothing could be put to the gate: the live version is kept, and the period says so.

Whoever tells of a run that kept the live version finds here why it did.
"""

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import sentence
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.dagster_glue.run_history import EVENTS
from retrain_assets.dagster_glue.tags import HELD_BACK, OUTCOME_TAG, UNDECIDED


def keep_live(
    context: dg.AssetExecutionContext, frame: Frame, home: Home, reason: str, outcome: str = UNDECIDED
) -> None:
    """Record that a retrain keeps what is live, for there is nothing to judge; the steps that follow are skipped.

    The asset that calls it yields no output, so its output must not be required.

    Args:
        context: Of the step.
        frame: Of the model.
        home: Where its registry is.
        reason: What is lacking, or what stands against a retrain.
        outcome: `insufficient`, or `held_back` where a person's decision or a declared rest stands against it.
    """
    registry = home.registry(frame.model)
    live = registry.live()
    kept = f"kept {live.name}" if live else "no version is live yet"
    why = "nothing was trained" if outcome == HELD_BACK else "there is nothing to judge"
    reason = reason.rstrip(".")
    context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: outcome})
    context.log.info(f"{outcome}: {reason}")
    context.log_event(
        dg.AssetMaterialization(
            frame.key("production_model"),
            partition=context.partition_key,
            metadata={
                "summary": sentence("**{}**, {}: {}.", kept, why, reason),
                "decision": outcome,
                "reason": reason,
                "live": live.name if live else "none",
                EVENTS: len(registry.history()),
            },
        )
    )


def reason_in(event: dg.DagsterEvent, frame: Frame) -> str:
    """Why the live version was kept, where an event is the decision of a period; empty for any other event."""
    if not event.is_step_materialization or event.asset_key != frame.key("production_model"):
        return ""
    reason = event.step_materialization_data.materialization.metadata.get("reason")
    return str(reason.value) if reason else ""
