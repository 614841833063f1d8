"""Runs whose process is gone: they are marked as failed, and give back their place in a pool and in the queue.

Dagster's default launcher does not look whether the process of a run lives. Killed with its daemon, a run would stay
STARTED until its maximum run time, six hours, and keep the place that later runs of the model wait for. So whoever
carries a run out holds a lock that the end of the process releases, a crash too:

- a process of the `retrain` command one for all its runs, which carry the lock's name as a tag (`alive`);
- a process that Dagster launched one by the name of the run (`carry_out`), from its first step on;
- the daemon that launches runs one for those that have not begun (`launching`).

`fail_crashed` is asked by every command that runs something and by `retrain dev` before it serves; the daemon asks
`is_gone` by the run launcher (`run_launcher`).
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import dagster as dg

from retrain_assets.errors import Conflict
from retrain_assets.registry.storage.disk import exclusive

PROCESS_TAG = ".dagster/retrain_process"
LAUNCHER_TAG = ".dagster/retrain_launcher"
"""The lists of runs show no tag that begins so: no person needs these."""

GONE = "The process of this run is gone: it was killed, or the machine went down."
FIRST_STEP_SECONDS = 15.0
"""How long a run that has begun may take to its first step, from where on a lock shows that its process lives."""

LOOK_SECONDS = 2.0
"""How long whoever looks at a lock may hold it, and how old one must be before nobody's hold of it tells anything."""

_EARLIER_TAG = "retrain/process"  # on runs of earlier releases
_UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
SWEPT_AFTER_SECONDS = 86_400.0
"""From which age on a lock that nobody holds is removed; a younger one may be about to be held."""
_OWN = ExitStack()
"""The locks that this process holds until its end, which alone releases them."""
_LAUNCHER, _HELD = uuid4().hex, set[Path]()


@contextmanager
def alive(instance: dg.DagsterInstance) -> Iterator[dict[str, str]]:
    """Be known to live while this lasts.

    Args:
        instance: Where the runs are recorded.

    Returns:
        The tags of the runs that this process carries out.
    """
    token = uuid4().hex
    path = _lock_of(instance, token)
    with exclusive(path):
        try:
            yield {PROCESS_TAG: token}
        finally:
            path.unlink(missing_ok=True)


def carry_out(instance: dg.DagsterInstance, run_id: str) -> None:
    """Be known as the process of a run until this process ends, which is later than the run's last event.

    Raises:
        Conflict: Another process carries the same run out.
    """
    _OWN.enter_context(exclusive(_lock_of(instance, run_id), LOOK_SECONDS))  # somebody may be looking right now


def launching(instance: dg.DagsterInstance) -> dict[str, str]:
    """Be known to launch runs until this process ends; the tags of the runs that it launches.

    Old locks are swept, for a deployment of which only the daemon runs.
    """
    _sweep(instance)
    path = _lock_of(instance, _LAUNCHER)
    if path not in _HELD:
        _OWN.enter_context(exclusive(path))
        _HELD.add(path)
    return {LAUNCHER_TAG: _LAUNCHER}


def fail_crashed(instance: dg.DagsterInstance) -> list[str]:
    """Mark every run under way whose process is gone as failed, free its slots, and return the runs' ids."""
    records = instance.get_run_records(dg.RunsFilter(statuses=_UNDER_WAY))
    found = [record.dagster_run for record in records if is_gone(instance, record.dagster_run.run_id)]
    for run in found:
        instance.report_run_failed(run, GONE)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        for token in (run.run_id, _token(run)):
            if token:
                _lock_of(instance, token).unlink(missing_ok=True)
    _sweep(instance)
    return [run.run_id for run in found]


def is_gone(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the process of a run has ended without saying so; False where no lock tells of it."""
    record = instance.get_run_record_by_id(run_id)
    if record is None or not _is_released(instance, record):
        return False
    now = instance.get_run_by_id(run_id)  # a process says how its run ended before its lock goes
    return now is not None and now.status in _UNDER_WAY


def _is_released(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    run = record.dagster_run
    own, launcher, token = _lock_of(instance, run.run_id), run.tags.get(LAUNCHER_TAG), _token(run)
    if own.exists():
        return time.time() - own.stat().st_mtime > LOOK_SECONDS and _free(own)  # a younger one is about to be held
    if launcher is None:  # asked first: a run that is launched again in the UI has the tags of the one before
        return token is not None and _free(_lock_of(instance, token))
    begun = record.start_time
    return _free(_lock_of(instance, launcher)) and (begun is None or time.time() - begun > FIRST_STEP_SECONDS)


def _token(run: dg.DagsterRun) -> str | None:
    """The name of the lock of the command that carries a run out; None of one that Dagster launched."""
    return run.tags.get(PROCESS_TAG) or run.tags.get(_EARLIER_TAG)


def _free(path: Path) -> bool:
    """Whether nobody holds a lock, or it is gone."""
    if not path.exists():
        return True
    try:
        with exclusive(path, 0):
            return True
    except Conflict:
        return False


def _sweep(instance: dg.DagsterInstance) -> None:
    """Remove the locks of processes that have long ended."""
    for path in _folder(instance).glob("*.lock"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > SWEPT_AFTER_SECONDS and _free(path):
                path.unlink()


def _lock_of(instance: dg.DagsterInstance, token: str) -> Path:
    return _folder(instance) / f"{token}.lock"


def _folder(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory) / "processes"
