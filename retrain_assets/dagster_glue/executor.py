"""How runs are carried out: one process per run by default, for a dozen steps of a second each."""

import multiprocessing
import os
import signal
from functools import cache
from multiprocessing.connection import wait
from threading import Thread

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


def end_with_the_run() -> None:
    """In the process of a step, end it as soon as the process of its run is gone, which would else go on by itself.

    A step that outlived its run would write beside the run that takes its place.
    """
    run = multiprocessing.parent_process()
    if run is not None and os.environ.get("RETRAIN_EXECUTOR") == "multiprocess" and not _WATCHED:
        _WATCHED.append(run.sentinel)
        Thread(target=_end_after, args=(run.sentinel,), name="run", daemon=True).start()


_WATCHED: list[int] = []


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
