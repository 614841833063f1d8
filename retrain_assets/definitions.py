"""The code location: load the specs, bind resources and executor; nothing else."""

import os
from pathlib import Path

import dagster as dg

from retrain_assets.dagster_glue.pools import waking_executor
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.pipeline import build_model_defs
from retrain_assets.spec import load_specs


def executor() -> dg.ExecutorDefinition:
    """One process per run; RETRAIN_EXECUTOR=multiprocess gives every step its own."""
    if os.environ.get("RETRAIN_EXECUTOR") == "multiprocess":
        preload = ["dagster", "retrain_assets.definitions", "lightgbm"]
        start = {"forkserver": {"preload_modules": preload}}
        return waking_executor(dg.multiprocess_executor.configured({"max_concurrent": 2, "start_method": start}))
    return waking_executor(dg.in_process_executor)


def bound(replay_at: str | None = None) -> dg.Definitions:
    """Every model's definitions with the resources of this environment."""
    home = Path(os.environ.get("RETRAIN_HOME", ".retrain")).absolute()
    models = [build_model_defs(spec) for spec in load_specs().values()]
    resources = {"home": Home(path=str(home)), "clock": Clock(replay_at=replay_at)}
    return dg.Definitions.merge(*models, dg.Definitions(resources=resources, executor=executor()))


defs = bound()
