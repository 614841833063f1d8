"""The code location: load the specs, and give their runs an executor; nothing else."""

import dagster as dg

from retrain_assets.dagster_glue.executor import run_executor
from retrain_assets.dagster_glue.resources import Clock, usual_resources
from retrain_assets.pipeline import build_model_defs
from retrain_assets.spec import load_specs


def bound(replay_at: str | None = None) -> dg.Definitions:
    """Build every model's definitions with the resources of this environment."""
    resources = usual_resources()
    if replay_at is not None:
        resources = {**resources, "clock": Clock(replay_at=replay_at)}
    models = [build_model_defs(spec, resources) for spec in load_specs().values()]
    return dg.Definitions.merge(*models, dg.Definitions(resources=resources, executor=run_executor()))


defs = bound()
