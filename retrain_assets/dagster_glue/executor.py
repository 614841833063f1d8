"""How runs are carried out: one process per run by default, for a dozen steps of a second each."""

import os
from functools import cache

import dagster as dg

from retrain_assets.dagster_glue.pools import waking_executor


def run_executor() -> dg.ExecutorDefinition:
    """The executor of every run: one process; RETRAIN_EXECUTOR=multiprocess gives every step its own."""
    return _executor(os.environ.get("RETRAIN_EXECUTOR", "in_process"))


@cache  # merged definitions must name the very same object
def _executor(kind: str) -> dg.ExecutorDefinition:
    if kind == "multiprocess":
        preload = ["dagster", "retrain_assets.definitions", "lightgbm"]
        start = {"forkserver": {"preload_modules": preload}}
        return waking_executor(dg.multiprocess_executor.configured({"max_concurrent": 2, "start_method": start}))
    return waking_executor(dg.in_process_executor)
