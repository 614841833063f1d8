"""Dagster's run queue, in which runs that nobody tagged take their turn too, so that a rollback waits behind none.

`dagster.yaml` names it. Jobs carry the tag of their turn by themselves; a materialization or a backfill that somebody
starts from an asset's page does not, and two hundred of them would take every place.
"""

from collections.abc import Mapping

from dagster._core.run_coordinator.base import SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator
from dagster._core.storage.dagster_run import DagsterRun

from retrain_assets.dagster_glue.tags import MODEL_TAG, TURN_TAG

ROLLBACK = "__rollback"
"""What the name of a rollback's job ends with; it takes no turn."""


class TurnTakingRunCoordinator(QueuedRunCoordinator):
    """Queues runs as Dagster does, each with the tag of its turn."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Queue a run."""
        if tags := turn_of(context.dagster_run):
            self._instance.add_run_tags(context.dagster_run.run_id, tags)
        return super().submit_run(context)


def turn_of(run: DagsterRun) -> Mapping[str, str]:
    """The tags that a run lacks: the turn of its model, or one of its own where it is of none or of several."""
    if TURN_TAG in run.tags or run.job_name.endswith(ROLLBACK):
        return {}
    models = {key.path[0] for key in run.asset_selection or ()}
    if len(models) != 1:
        return {TURN_TAG: run.run_id}
    (model,) = models
    return {TURN_TAG: model, MODEL_TAG: model}
