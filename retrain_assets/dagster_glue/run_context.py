"""What an asset asks of its run: its period, how to refuse it, why it failed."""

import re
from typing import Protocol

import dagster as dg

from retrain_assets.dagster_glue.tags import OUTCOME_TAG, USER_TAG


class StepError(Protocol):
    """What Dagster keeps of an error in a step."""

    @property
    def message(self) -> str:
        """Its class and what it says."""

    @property
    def cause(self) -> "StepError | None":
        """The error behind it."""


def refused(context: dg.AssetExecutionContext | dg.OpExecutionContext, sentence: str) -> dg.Failure:
    """The end of a run that asked for something it may not have: tagged, so that it is no crash, and never retried."""
    context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "refused"})
    return dg.Failure(sentence, allow_retries=False)


def actor_of(run: dg.DagsterRun) -> str:
    """Who asks, where no person signs: whoever launched the run, or the run itself."""
    return run.tags.get(USER_TAG, f"run {run.run_id[:8]}")


def cause_of(error: StepError | None) -> str:
    """What went wrong in a failed step: the innermost error's message, after its class where it is none of ours."""
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return "unknown"
    message = str(error.message).strip().removeprefix("dagster._core.definitions.events.Failure: ")
    return re.sub(r"^(\w+\.)+(\w+: )", r"\2", re.sub(r"^retrain_assets\.errors\.\w+: ", "", message))


def period_of(context: dg.AssetExecutionContext) -> str:
    """The period a run is for.

    Raises:
        dagster.Failure: The run has no partition key; Dagster would treat the asset as unpartitioned.
    """
    if not context.has_partition_key:
        raise dg.Failure(
            f"{context.asset_key.to_user_string()} belongs to a period: launch it with a partition key "
            "(--partition PERIOD, or pick one in the launch dialog).",
            allow_retries=False,
        )
    return str(context.partition_key)
