"""Two thousand faults put into a registry on purpose, and how many of them it did not survive.

    python -m benchmarks.faults            2,000 injections over all kinds, with a fixed seed
    python -m benchmarks.faults --fast     200

After each injection the live pointer must name one complete version, history and pointer must agree or `verify` must
say what is wrong, a repair must mend what it can without moving the pointer, the interrupted move must be repeatable,
and nothing may be promoted twice. The last dozen are kills of the real daemon, and of the daemon with everything that
it runs, while the sensors run the loop (`worlds.live_kills`); it must go on after each and come to its end. Ends with a
table, one summary line, and exit code 1 on any violation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.worlds import crashes, faults, interrupted
from benchmarks.worlds.faults import SYSTEM_ERRORS
from benchmarks.worlds.interrupted import MOVES, Bases
from benchmarks.worlds.live_kills import LiveHome, killed_live, recovered

SEED = 20_260_101
LIVE_KILLS = 6
VICTIMS = {"daemon": "daemon killed at work", "both": "daemon killed with all that it runs"}
Injection = Callable[[Path, Random], list[str]]


@dataclass
class Kind:
    """One kind of fault: how often, of 2,000 injections, on which registry, and how to make it."""

    name: str
    share: int
    which: tuple[str, ...]
    inject: Injection


def kinds(counts: dict[tuple[str, str], int]) -> list[Kind]:
    """Every kind; `counts` says how many steps each move takes on each registry."""
    both, short, whole = ("short", "round"), ("short",), ("round",)
    killed = [
        Kind(
            f"killed in {name}, {which} journal",
            100 if name == "judge" else 70,
            (which,),
            _killed(name, counts[name, which]),
        )
        for name in MOVES
        for which in ("short", "round")
        if (name, which) not in (("record", "round"), ("promote stored", "short"))
    ]
    refused = [
        Kind(f"disk {kind} in {name}", 60, whole, _refused(name, kind, counts[name, "round"]))
        for kind in SYSTEM_ERRORS
        for name in ("promote", "rollback", "judge")
    ]
    return [
        *killed,
        *refused,
        Kind("damaged model", 60, both, faults.damaged_model),
        Kind("missing version", 40, both, faults.missing_version),
        Kind("torn, edited or lost event", 100, both, faults.torn_event),
        Kind("lost or damaged checkpoint", 20, whole, faults.lost_derived),
        Kind("lost or edited verdict", 20, both, faults.changed_evidence),
        Kind("clock going backwards", 100, both, faults.clock_backwards),
        Kind("folders restored without the others", 248, both, faults.partial_restore),
        Kind("killed with the locks held", 20, short, lambda root, _: faults.holder_killed(root)),
    ]


def _killed(name: str, steps: int) -> Injection:
    order = iter(range(10**6))  # every step in turn, then again from the first

    return lambda root, _: faults.killed(root, MOVES[name], next(order) % steps)


def _refused(name: str, kind: str, steps: int) -> Injection:
    def inject(root: Path, rng: Random) -> list[str]:
        number, forever = rng.choice(SYSTEM_ERRORS[kind]), rng.random() < 0.5
        return faults.refused_by_the_system(root, MOVES[name], rng.randrange(steps), number, forever)

    return inject


def run(kind: Kind, times: int, bases: Bases, folder: Path) -> list[str]:
    """The violations of so many injections of a kind, each in its own copy and with its own seed."""
    found: list[str] = []
    for number in range(times):
        rng = Random(f"{SEED} {kind.name} {number}")
        root = bases.copy(rng.choice(kind.which), folder / f"{kind.name} {number}".replace(" ", "_"))
        found += _survived(f"{kind.name}, injection {number}", lambda root=root, rng=rng: kind.inject(root, rng))  # type: ignore[misc]
    return found


def races(times: int, bases: Bases, folder: Path, race: Callable[[Path, int, Random], list[str]]) -> list[str]:
    """Two processes at once, again and again on one registry."""
    root = bases.copy("short", folder / race.__name__)
    found: list[str] = []
    for number in range(10, 10 + times):
        rng = Random(f"{SEED} {race.__name__} {number}")
        found += _survived(f"{race.__name__} {number}", lambda number=number, rng=rng: race(root, number, rng))  # type: ignore[misc]
    return found


def live(times: int, folder: Path, victims: tuple[str, ...]) -> dict[str, list[str]]:
    """The violations of so many kills of each victim in one home, one after the other, and of its end."""
    home = LiveHome.made(folder / "live")
    found: dict[str, list[str]] = {victim: [] for victim in victims}
    for number in range(times):
        for victim in victims:
            rng = Random(f"{SEED} {victim} {number}")
            kill = partial(killed_live, home, rng, victim)
            found[victim] += _survived(f"{victim} killed, injection {number}", kill)
    found[victims[-1]] += _survived("after the last kill", partial(recovered, home))
    return found


def _survived(name: str, inject: Callable[[], list[str]]) -> Iterator[str]:
    try:
        violations = inject()
    except Exception as error:  # whatever an injection brings to light is a violation, and the others go on
        violations = [f"{type(error).__name__}: {error}"]
    yield from (f"{name}: {violation}" for violation in violations)


def main() -> int:
    """Inject, print, and say whether anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="a tenth of the injections")
    parser.add_argument("--folder", help="where to put the registries, for trying another file system")
    options = parser.parse_args()
    share = 0.1 if options.fast else 1.0
    began, injections, violations = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(dir=options.folder) as name, crashes.unflushed():
        folder = Path(name)
        bases = interrupted.bases(folder / "bases")
        counts = {
            (move, which): crashes.steps_of(MOVES[move], bases.copy(which, folder / f"count {move} {which}"))
            for move in MOVES
            for which in ("short", "round")
        }
        print(f"{'kind':<42}{'injections':>12}{'violations':>12}")
        rows: list[tuple[str, int, Callable[[int], list[str]]]] = [
            (kind.name, round(kind.share * share), lambda times, kind=kind: run(kind, times, bases, folder))  # type: ignore[misc]
            for kind in kinds(counts)
        ]
        raced = (("two of one kind racing", 150, faults.race), ("two kinds racing", 250, faults.mixed_race))
        for title, times, race in raced:
            rows.append((title, round(times * share), lambda times, race=race: races(times, bases, folder, race)))  # type: ignore[misc]
        for title, times, inject in rows:
            found = inject(times)
            injections, violations = injections + times, violations + len(found)
            _print(title, times, found)
        kills = max(1, round(LIVE_KILLS * share))
        for victim, found in live(kills, folder, tuple(VICTIMS)).items():
            injections, violations = injections + kills, violations + len(found)
            _print(VICTIMS[victim], kills, found)
    print(f"faults: {injections} injections, {violations} violations, {time.monotonic() - began:.0f} s")
    return 1 if violations else 0


def _print(title: str, times: int, found: list[str]) -> None:
    print(f"{title:<42}{times:>12}{len(found):>12}", flush=True)
    for violation in found:
        print(f"  {violation}")


if __name__ == "__main__":
    sys.exit(main())
