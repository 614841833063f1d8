"""Runs of the command line whose process is gone: they are marked as failed, and give back their place in a pool.

A run that the UI or a sensor launches is watched by Dagster's daemon. A run in a process of the `retrain` command is
not: killed, it would stay STARTED for ever and keep the slot that every later promotion and rollback waits for. So each
such process holds a lock that its end releases, a crash too, and its runs carry the lock's name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import dagster as dg

from retrain_assets.errors import Conflict
from retrain_assets.registry.storage.disk import exclusive

PROCESS_TAG = "retrain/process"
_UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


@contextmanager
def alive(home: Path) -> Iterator[dict[str, str]]:
    """Be known to live while this lasts.

    Args:
        home: RETRAIN_HOME.

    Returns:
        The tags of the runs that this process carries out.
    """
    token = uuid4().hex
    path = _lock_of(home, token)
    with exclusive(path):
        try:
            yield {PROCESS_TAG: token}
        finally:
            path.unlink(missing_ok=True)


def fail_crashed(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Mark every run under way whose process is gone as failed, free its slots, and return the runs' ids."""
    found = [
        run for run in instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY)) if _gone(home, run.tags.get(PROCESS_TAG))
    ]
    for run in found:
        instance.report_run_failed(run, "The process of this run is gone: it was killed, or the machine went down.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in found]


def _gone(home: Path, token: str | None) -> bool:
    """Whether the process of that name has ended; False for a run that carries no name."""
    if token is None:
        return False
    path = _lock_of(home, token)
    try:
        with exclusive(path, 0):
            path.unlink(missing_ok=True)
            return True
    except Conflict:
        return False


def _lock_of(home: Path, token: str) -> Path:
    return home / "dagster" / "processes" / f"{token}.lock"
