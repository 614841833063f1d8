"""What a long journal costs: status, promote and append at 100, 1,000 and 10,000 real events.

    python -m benchmarks.history

Every event is one that the registry itself writes, hash-chained and in a file of its own: attempts with gate rows and
verdicts, beside the promotion of the live model. `status` is read by a fresh process, and its start-up (everything but
reading the model) is taken off. `append` is a rejected attempt recorded, `promote` one that passed recorded and then
promoted, both by a process that has read the journal before, as a replay or a daemon has; beside them stands the first
one of a fresh process. Ratios are of medians within one run. Exit code 1 when status takes 0.3 s or more at 10,000
events, or when append or promote there take more than 1.5 times what they take at 100.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import dagster as dg

from benchmarks.worlds.crashes import unflushed
from benchmarks.worlds.parcels import make_world, rows_of
from benchmarks.worlds.verdicts import content, no_rest
from retrain_assets.audit.status import last_period, status_of
from retrain_assets.model import PeriodAccess
from retrain_assets.pipeline import watch
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rules import PromotionRules
from retrain_assets.spec.loading import load_spec
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import CHECKS, Finding, GateWindow, Outcome, Verdict

SIZES = (100, 1_000, 10_000)
REPEATS = 15
STATUS_SECONDS = 0.3
SLOWER = 1.5
RULES = "5" * 64
SPARE = 100
"""Weeks between the attempts that fill the journal and those that are timed."""
START = datetime(2024, 3, 4)


def judged(registry: Registry, number: int, candidate: str, outcome: Outcome) -> Verdict:
    """A verdict of the week so many after (below 0: before) the small world's, on rows of its own."""
    start = START + timedelta(weeks=number)
    period, live = start.strftime("%Y-%m-%d"), registry.live()
    return Verdict(
        model=registry.model,
        period=period,
        findings=tuple(Finding(check, outcome, f"{check}: 9,000 rows") for check in CHECKS),
        gate=GateWindow((period,), start.isoformat(), (start + timedelta(weeks=1)).isoformat(), 9_000, f"{number}"),
        candidate_digest=candidate,
        champion_digest=live.digest if live else None,
        policy_sha256=RULES,
        code_version="1.0.0",
        evidence={"trained_until": start.isoformat(), "baseline": {}},
    )


def promote(registry: Registry, number: int) -> None:
    """A new candidate is judged well and promoted, which is two events."""
    digest = registry.add({"model.bst": f"tree {number}".encode(), "training.json": b"{}"})
    verdict = judged(registry, number, digest, Outcome.PASS)
    moved = {"at": START + timedelta(weeks=number + 1), "actor": "run 1"}
    registry.record(verdict, **moved)
    registry.promote(verdict, verdict.champion_digest, PromotionRules(RULES, content, no_rest), **moved)


def reject(registry: Registry, number: int, candidate: str) -> None:
    """A candidate is judged badly, which is one event."""
    verdict = judged(registry, number, candidate, Outcome.FAIL)
    registry.record(verdict, at=START + timedelta(weeks=number + 1), actor="run 1")


def fill(registry: Registry, until: int) -> None:
    """Put attempts of weeks before the small world's into a registry until its journal holds so many events."""
    candidate = registry.add({"model.bst": b"a tree that is worse", "training.json": b"{}"})
    for number in range(len(registry.history()), until):
        reject(registry, number - SIZES[-1] - SPARE, candidate)


def homes(folder: Path) -> dict[int, Path]:
    """A home for each size: the small world with its first model live, then attempts up to that many events."""
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(folder / "world", rows_of(6), instance).bootstrapped()
    grown, found = folder / "world", {}
    for size in SIZES:
        with unflushed():
            fill(Registry(grown / "home" / "registry", "delivery"), size)
        found[size] = Path(shutil.copytree(grown, folder / f"{size}"))
        print(f"{size:,} events are written", flush=True)
    return found


def status_seconds(world: Path) -> float:
    """What `retrain status` works on in a process that has started and read the model's spec."""
    spec = load_spec(world / "delivery.yaml")
    store = PeriodStore(world / "home" / "data" / spec.name)
    begun = time.perf_counter()
    registry = Registry(world / "home" / "registry", spec.name)
    period = last_period(store, registry) or spec.period.key(START)
    status_of(PeriodAccess(store, registry, period), watch(spec), START)
    return time.perf_counter() - begun


def first_seconds(world: Path) -> dict[str, float]:
    """Status, and the first promotion, of a process that has just started."""
    status = status_seconds(world)
    registry = Registry(world / "home" / "registry", "delivery")
    number = SPARE
    return {"status": status, "first promote": _timed(lambda: promote(registry, number))}


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def in_a_fresh_process(world: Path) -> dict[str, float]:
    """`first_seconds` of a new process."""
    words = [sys.executable, "-m", "benchmarks.history", "--first", str(world)]
    answer = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    measured: dict[str, float] = json.loads(answer.splitlines()[-1])
    return measured


def measure(found: dict[int, Path]) -> dict[str, dict[int, list[float]]]:
    """Seconds of each work at each size; the sizes take turns, so that a busy moment meets all of them."""
    seconds: dict[str, dict[int, list[float]]] = {}
    registries = {size: Registry(world / "home" / "registry", "delivery") for size, world in found.items()}
    worse = {
        size: each.add({"model.bst": b"a tree that is worse", "training.json": b"{}"})
        for size, each in registries.items()
    }

    def note(name: str, size: int, value: float) -> None:
        seconds.setdefault(name, {}).setdefault(size, []).append(value)

    for _ in range(5):
        for size, world in found.items():
            copy = world.with_name(f"{world.name} copied")
            for name, value in in_a_fresh_process(Path(shutil.copytree(world, copy))).items():
                note(name, size, value)
            shutil.rmtree(copy)
    for repeat in range(-1, REPEATS):
        for size, registry in registries.items():
            number = 2 * (repeat + 1)
            append = _timed(lambda each=registry, at=number, digest=worse[size]: reject(each, at, digest))
            moved = _timed(lambda each=registry, at=number + 1: promote(each, at))
            if repeat >= 0:  # the first reads the journal
                note("append", size, append)
                note("promote", size, moved)
    return seconds


def main() -> None:
    """Fill, measure, print a table and a summary line; exit 1 when a stated number is missed."""
    if sys.argv[1:2] == ["--first"]:
        sys.stdout.write(json.dumps(first_seconds(Path(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(homes(Path(folder)))
    sys.stdout.write(f"\n{'median milliseconds at':<24}{''.join(f'{size:>10,}' for size in SIZES)}{'ratio':>8}\n")
    middle = {name: {size: median(values) for size, values in by.items()} for name, by in seconds.items()}
    ratio = {name: by[SIZES[-1]] / by[SIZES[0]] for name, by in middle.items()}
    for name, by in middle.items():
        cells = "".join(f"{1000 * by[size]:>10.1f}" for size in SIZES)
        sys.stdout.write(f"{name:<24}{cells}{ratio[name]:>8.2f}\n")
    status = middle["status"][SIZES[-1]]
    good = status < STATUS_SECONDS and all(ratio[name] <= SLOWER for name in ("append", "promote"))
    sys.stdout.write(
        f"history: {'ok' if good else 'MISSED'}: status at {SIZES[-1]:,} events {status:.3f} s besides start-up (below "
        f"{STATUS_SECONDS}), append {ratio['append']:.2f} x and promote {ratio['promote']:.2f} x of what they take at "
        f"{SIZES[0]} (at most {SLOWER})\n"
    )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
