"""Small models with a past: each past is lived once in a test run, then copied, its run history too, for every test."""

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import pytest

from benchmarks.worlds.parcels import World, failure_of, make_world, open_world, rows_of
from retrain_assets.documents import figure
from retrain_assets.validation.pages import forest_plot

DOT = b"\x89PNG\r\n\x1a\n"
"""What stands for a picture that nobody looks at."""


@contextmanager
def undrawn() -> Iterator[None]:
    """Runs draw no pictures: a third of what the runs of a small model cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure, "_png", lambda figure, dpi: DOT)
        patch.setattr(figure, "_drawn", lambda figure_of, narrow: "" if narrow else figure.png(None))
        for draw in ("forest_figure", "narrow_figure"):
            patch.setattr(forest_plot, draw, lambda verdict, label_unit: None)
        patch.setattr(forest_plot, "svg", lambda figure: "<svg></svg>")
        yield


@contextmanager
def once(path: Path) -> Iterator[bool]:
    """Whether this process is the one that makes a file or folder; the other workers wait until it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not path.exists()


@dataclass(frozen=True)
class Past:
    """The rows and the spec of a small model, and the runs so far: a job and the number of the week."""

    weeks: int
    slower_from: int | None
    changes: dict[str, Any]
    runs: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """A name for each past."""
        said = json.dumps([self.weeks, self.slower_from, self.changes, self.runs], sort_keys=True, default=str)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def up_to(self, monitored: int, retrained: Sequence[int]) -> "Past":
        """The same model after so many monitored weeks, with a retrain at the end of some of them."""
        runs = [(job, week) for week in range(1, monitored + 1) for job in ("monitor", "retrain")]
        return replace(self, runs=tuple(run for run in runs if run[0] == "monitor" or run[1] in retrained))

    def earlier(self) -> Iterator["Past"]:
        """The same model after fewer runs, the most first."""
        for number in range(len(self.runs) - 1, 0, -1):
            yield replace(self, runs=self.runs[:number])


def past(weeks: int = 9, slower_from: int | None = None, **changes: Any) -> Past:
    """The past of a model to which nothing has happened: rows of so many weeks, and changes to the spec."""
    return Past(weeks, slower_from, changes)


@dataclass(frozen=True)
class PastWorlds:
    """The pasts that were lived so far in this test run, in a folder that all its workers share."""

    folder: Path

    def copy(self, past: Past, folder: Path, instance: dg.DagsterInstance) -> World:
        """A world with this past in a folder of its own, its run history in an instance that had none."""
        with once(self.folder / past.name) as missing:
            if missing:
                self._live(past)
        return _copied(self.folder / past.name, folder, instance)

    def _live(self, past: Past) -> None:
        """Run what no kept past has run, and keep the world after each run."""
        with TemporaryDirectory() as folder, dg.DagsterInstance.ephemeral() as instance, undrawn():
            known = next((found for found in past.earlier() if (self.folder / found.name).exists()), None)
            if known:
                world = _copied(self.folder / known.name, Path(folder), instance)
            else:
                world = make_world(Path(folder), rows_of(past.weeks, past.slower_from), instance, **past.changes)
            for number in range(len(known.runs) if known else 0, len(past.runs)):
                job, week = past.runs[number]
                result = world.run(job, world.weeks(week)[-1])
                assert result.success, failure_of(result)
                self._keep(replace(past, runs=past.runs[: number + 1]), world)

    def _keep(self, past: Past, world: World) -> None:
        making = Path(shutil.copytree(world.folder, self.folder / f"{past.name}.{os.getpid()}"))
        for name, opened in _histories(world.instance):
            with closing(sqlite3.connect(making / name)) as file, opened as source:
                source.backup(file)
        try:
            making.rename(self.folder / past.name)
        except OSError:  # another worker has lived it too
            shutil.rmtree(making)


def _copied(kept: Path, folder: Path, instance: dg.DagsterInstance) -> World:
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    for name, opened in _histories(instance):
        with closing(sqlite3.connect(folder / name)) as file, opened as target:
            file.backup(target)
        (folder / name).unlink()
    return open_world(folder, instance)


def _histories(instance: dg.DagsterInstance) -> list[tuple[str, AbstractContextManager[sqlite3.Connection]]]:
    """The two databases of an instance in memory, each with the name of the file that keeps it."""
    return [
        ("runs.sqlite", _database(instance.run_storage.connect())),
        ("events.sqlite", _database(instance.event_log_storage.index_connection())),
    ]


@contextmanager
def _database(opened: AbstractContextManager[Any]) -> Iterator[sqlite3.Connection]:
    with opened as connection:
        yield connection.connection.driver_connection
