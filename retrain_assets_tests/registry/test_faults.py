"""Every kind of fault once or at every step: the pointer names a whole version, and nothing is promoted twice.

`benchmarks.faults` makes two thousand of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from benchmarks.worlds import crashes, faults
from benchmarks.worlds.crashes import steps_of
from benchmarks.worlds.faults import SYSTEM_ERRORS
from benchmarks.worlds.interrupted import MOVES, Bases, bases
from retrain_assets.errors import IntegrityError
from retrain_assets.registry.journal import chain
from retrain_assets.registry.storage.disk import LocalStorage

NUMBERS = [number for numbers in SYSTEM_ERRORS.values() for number in numbers]
"""Each refuses at another step, so that together they refuse at every one."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return bases(tmp_path_factory.mktemp("bases"))


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    known = chain._KNOWN
    with crashes.unflushed():
        yield
    chain._KNOWN = known


@pytest.mark.parametrize(
    ("name", "which", "last"),
    [("promote", "short", 200), ("promote", "round", 20), ("rollback", "short", 200), ("record", "short", 200)],
)
def test_a_process_killed_at_any_step_of_a_move_leaves_the_old_state_or_the_new(
    copied: Bases, tmp_path: Path, name: str, which: str, last: int
) -> None:
    """Of a move that completes a checkpoint, the steps of the checkpoint and those around it, which come last."""
    steps = steps_of(MOVES[name], copied.copy(which, tmp_path / "count"))
    assert steps >= 15
    for at in range(max(0, steps - last), steps):
        root = copied.copy(which, tmp_path / str(at))
        assert faults.killed(root, MOVES[name], at) == [], f"step {at} of {steps}"


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", ["promote", "rollback"])
def test_a_disk_that_refuses_at_some_step_is_named_and_leaves_the_old_state_or_the_new(
    copied: Bases, tmp_path: Path, name: str, number: int
) -> None:
    """Of a move that completes a checkpoint, its last steps."""
    for which, last in (("short", 200), ("round", 20)):
        steps = steps_of(MOVES[name], copied.copy(which, tmp_path / f"{which} count"))
        for at in range(max(0, steps - last), steps):
            if at % len(NUMBERS) == NUMBERS.index(number):
                root, forever = copied.copy(which, tmp_path / f"{which} {at}"), bool(at // len(NUMBERS) % 2)
                found = faults.refused_by_the_system(root, MOVES[name], at, number, forever)
                assert found == [], f"step {at} of {steps}"


@pytest.mark.parametrize(
    "kind",
    [
        "damaged_model",
        "missing_version",
        "torn_event",
        "lost_derived",
        "changed_evidence",
        "clock_backwards",
        "partial_restore",
    ],
)
def test_what_is_damaged_is_named_and_never_served(copied: Bases, tmp_path: Path, kind: str) -> None:
    for seed in range(12):
        which = "round" if kind == "lost_derived" or seed % 2 else "short"
        root = copied.copy(which, tmp_path / str(seed))
        assert getattr(faults, kind)(root, Random(seed)) == [], f"seed {seed}"


def test_of_two_processes_exactly_one_moves_the_pointer(copied: Bases, tmp_path: Path) -> None:
    root = copied.copy("short", tmp_path / "race")
    for number in range(10, 30):
        assert faults.race(root, number, Random(number)) == []


def test_of_two_different_moves_each_is_made_whole_or_refused(copied: Bases, tmp_path: Path) -> None:
    root = copied.copy("short", tmp_path / "race")
    for number in range(10, 30):
        assert faults.mixed_race(root, number, Random(number)) == []


def test_a_process_killed_with_the_locks_in_its_hands_frees_them(copied: Bases, tmp_path: Path) -> None:
    assert faults.holder_killed(copied.copy("short", tmp_path / "held")) == []


def test_the_injections_find_a_storage_that_writes_in_place(
    copied: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_place(self: LocalStorage, name: str, data: bytes) -> None:
        handle = os.open(self.root / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(handle, data)
        os.close(handle)

    monkeypatch.setattr(LocalStorage, "create", in_place)
    steps = steps_of(MOVES["rollback"], copied.copy("short", tmp_path / "count"))
    found = []
    for at in range(steps):
        try:
            found += faults.killed(copied.copy("short", tmp_path / str(at)), MOVES["rollback"], at)
        except IntegrityError as damage:
            found.append(str(damage))
    assert any("is no event" in violation for violation in found)
