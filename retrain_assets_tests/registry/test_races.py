"""Many at once: exactly one wins, nothing is torn, and a killed holder frees the lock."""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from benchmarks.worlds.verdicts import (
    candidate,
    fresh,
    gate,
    moment,
    promote,
    promote_only,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.errors import Conflict, RetrainError, WrongChampion
from retrain_assets.registry.journal.events import PROMOTIONS
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.storage.disk import exclusive

ROUNDS, RACERS = 25, 4


def attempt(root: Path, number: int, racer: int, start) -> str:  # type: ignore[no-untyped-def]
    """Promote one's own candidate against the version that was live before the start; the outcome's name."""
    registry = fresh(root)
    rows = gate(RACERS * number + racer)
    judged = verdict(registry, number, candidate(registry, f"{number} by {racer}"), gate=rows)
    registry.record(judged, at=moment(number), actor="run 1")
    start.wait()
    try:
        return promote_only(registry, judged, number, actor=f"racer {racer}").action
    except RetrainError as refusal:
        return type(refusal).__name__


def test_of_racing_threads_exactly_one_promotes_in_every_round(tmp_path: Path) -> None:
    with ThreadPoolExecutor(RACERS) as pool:
        for number in range(ROUNDS):
            start = Barrier(RACERS, timeout=120)
            racing = [pool.submit(attempt, tmp_path, number, racer, start) for racer in range(RACERS)]
            outcomes = [racer.result() for racer in racing]
            won = [outcome for outcome in outcomes if outcome in ("bootstrap", "promoted")]
            assert len(won) == 1
            assert set(outcomes) - set(won) <= {"WrongChampion", "Conflict"}
    check(fresh(tmp_path))


def check(registry: Registry) -> None:
    events = [event for event in registry.history() if event.action in PROMOTIONS]
    assert len(registry.history()) == ROUNDS * (RACERS + 1)
    assert [event.to_version for event in events] == [f"v{number + 1}" for number in range(ROUNDS)]
    assert [event.from_digest for event in events[1:]] == [event.to_digest for event in events[:-1]]
    assert registry.verify() == []


def race(root: Path, racer: int, start: multiprocessing.synchronize.Barrier, said) -> None:  # type: ignore[no-untyped-def]
    """One process of the race: an attempt a round."""
    outcomes = []
    for number in range(ROUNDS):
        outcomes.append(attempt(root, number, racer, start))
        start.wait()
    said.put(outcomes)


def test_of_racing_processes_exactly_one_promotes_in_every_round(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, said = context.Barrier(RACERS, timeout=120), context.Queue()
    racers = [context.Process(target=race, args=(tmp_path, racer, start, said), daemon=True) for racer in range(RACERS)]
    for racer in racers:
        racer.start()
    outcomes = [said.get(timeout=120) for _ in racers]
    for racer in racers:
        racer.join()
    for of_round in zip(*outcomes, strict=True):
        assert sum(outcome in ("bootstrap", "promoted") for outcome in of_round) == 1, of_round
    check(fresh(tmp_path))


def test_of_racing_rollbacks_of_one_version_exactly_one_happens(registry: Registry) -> None:
    promoted(registry, [0, 1, 2])
    meant = registry.live().digest

    def roll_back(racer: int) -> str:
        try:
            return rolled_back(fresh(registry.folder.parent), 3, expected_live=meant, actor=f"{racer}").action
        except Conflict:
            return "Conflict"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(roll_back, range(8)))
    assert outcomes == ["Conflict"] * 7 + ["rolled_back"]
    assert registry.live().name == "v2"


def test_readers_beside_writers_never_see_a_broken_or_backward_journal(registry: Registry) -> None:
    def write() -> None:
        promoted(registry, range(8))

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(write)
        lengths = [0]
        while not writing.done():
            lengths.append(len(fresh(registry.folder.parent).history()))
        writing.result()
    assert lengths == sorted(lengths)


def test_the_same_files_added_at_once_become_one_version(tmp_path: Path) -> None:
    files = {"model.bst": b"tree" * 10_000}
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: fresh(tmp_path).add(files), range(16)))
    assert len(digests) == 1
    assert fresh(tmp_path).read(digests.pop()) == files


HOLD = """
import sys, time
from pathlib import Path
from retrain_assets.registry.storage.disk import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_holder_frees_the_lock(registry: Registry) -> None:
    promoted(registry, [0])
    lock = registry.folder / "journal.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Conflict, match="another process has held the lock for 0.05 s"), exclusive(lock, 0.05):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    begin = time.monotonic()
    promoted(registry, [1])
    assert time.monotonic() - begin < 20


def test_a_loser_may_judge_again_and_then_wins(tmp_path: Path) -> None:
    registry = fresh(tmp_path)
    promoted(registry, [0])
    early = verdict(registry, 2, candidate(registry, "early"))
    promoted(registry, [1])
    with pytest.raises(WrongChampion, match="The live version stays v2"):
        promote_only(registry, early, 2)
    assert promote(registry, verdict(registry, 2, candidate(registry, "early")), 2).to_version == "v3"
