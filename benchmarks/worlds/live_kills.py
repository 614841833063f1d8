"""The daemon, or the daemon with everything that it runs, killed again and again while the sensors run the loop.

The real `retrain dev` over the small world of parcels: it monitors week after week, retrains and promotes by itself. It
is killed at a random moment of a run, started again, and so on; in the end it must have monitored every week, with a
registry that is whole, no claim left, no verdict promoted twice, and no run that hangs.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import dagster as dg

import retrain_assets
from benchmarks.worlds.interrupted import twice
from benchmarks.worlds.parcels import make_world, rows_of
from retrain_assets.cli.runner import prepare_instance
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore

WEEKS, MODEL = 32, "delivery"
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
PATIENCE_SECONDS = 1200.0


@dataclass(frozen=True)
class LiveHome:
    """A home that was started by hand: five weeks are monitored and a first model is live."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> LiveHome:
        """Make it; in the tenth week every parcel begins to take half an hour longer."""
        with prepare_instance(folder / "home") as instance:
            make_world(folder, rows_of(WEEKS, slower_from=10), instance, period=PERIOD).bootstrapped()
        return cls(folder)

    @property
    def registry(self) -> Registry:
        """What is decided."""
        return Registry(self.folder / "home" / "registry", MODEL)

    def monitored(self) -> list[str]:
        """The weeks whose performance is known."""
        return list(PeriodStore(self.folder / "home" / "data" / MODEL).periods("performance_report", "json"))

    def runs(self, *statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
        """The runs in these states."""
        with dg.DagsterInstance.from_config(str(self.folder / "home" / "dagster")) as instance:
            return list(instance.get_runs(dg.RunsFilter(statuses=list(statuses))))


PERIOD = {"every": "week", "start": "2024-01-01", "end": "2024-08-12"}


def killed_live(home: LiveHome, rng: Random, victim: str) -> list[str]:
    """Start, see that it goes on, and kill the victim (`daemon` or `both`) at a random moment of the next run.

    It goes on where a run succeeds after the start, whatever the kill before has left; and the registry stays whole.
    """
    begun, ended = ({run.run_id for run in home.runs(*known)} for known in (UNDER_WAY, [dg.DagsterRunStatus.SUCCESS]))

    def next_one() -> bool:
        went_on = any(run.run_id not in ended for run in home.runs(dg.DagsterRunStatus.SUCCESS))
        return went_on and any(run.run_id not in begun for run in home.runs(dg.DagsterRunStatus.STARTED))

    with _dev(home.folder) as process:
        if not _wait(next_one, process):
            return [f"it does not go on: {_end_of_log(home.folder)}"]
        time.sleep(rng.uniform(0, 6))
        if victim == "daemon":
            for pid in _daemons(process.pid):
                os.kill(pid, signal.SIGKILL)
            time.sleep(1)
        else:
            os.killpg(process.pid, signal.SIGKILL)
    left = [problem for problem in home.registry.verify() if "--repair" not in problem]
    return [f"verify finds what no repair mends: {left}"] if left else []


def recovered(home: LiveHome) -> list[str]:
    """Start once more and let it go on: what is wrong once it has done everything, or takes too long."""

    def done() -> bool | None:
        return (len(home.monitored()) >= WEEKS and not home.runs(*UNDER_WAY)) or None

    with _dev(home.folder) as process:
        in_time = _wait(done, process)
    found = (
        []
        if in_time
        else [f"{len(home.monitored())} of {WEEKS} weeks are monitored, under way: {home.runs(*UNDER_WAY)}"]
    )
    registry = home.registry
    found += [*registry.verify(), *twice(registry)]
    claims = sorted((registry.folder / "claims").glob("*.json"))
    return [*found, *(f"a claim is left: {path.name}" for path in claims)]


def _wait(asked: Callable[[], object], process: subprocess.Popen[bytes]) -> object:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if answer := asked():
            return answer
        time.sleep(1)
    return None


def _daemons(group: int) -> list[int]:
    """The processes of a group that are Dagster's daemon."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(path.name)) == group and b"dagster._daemon" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


@contextmanager
def _dev(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "RETRAIN_HOME": str(folder / "home"),
        "RETRAIN_MODELS": str(folder),
        "RETRAIN_SHIPPED": "0",
        "PYTHONPATH": str(Path(retrain_assets.__file__).parents[1]),
        "RETRAIN_REPORTS_URL": f"http://127.0.0.1:{_free_port()}",
    }
    command = [sys.executable, "-c", "from retrain_assets.cli.main import main; main()", "dev"]
    with (folder / "dev.log").open("wb") as out:
        process = subprocess.Popen(
            [*command, "--port", str(_free_port())],
            cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_of_log(folder: Path) -> str:
    return (folder / "dev.log").read_text(errors="replace")[-2000:]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
