"""Print the tables of monitoring and say which stated number is missed.

    python -m benchmarks.monitoring [--level] [--power] [--real] [--fast]

`--level` asks how often the drift verdict warns where nothing drifts, `--power` how often it names what does, `--real`
what it says of the shipped data; without any, all. Each table asks the project's own verdict about freshly made-up
periods, with fixed seeds; `+-` is the Monte-Carlo standard error. `--fast` asks less often and forgives one such error.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.gate.cases import FORGIVEN, Case, ask_often
from benchmarks.monitoring import history
from benchmarks.monitoring.cases import level, power

Line = tuple[str, bool]
"""A printed line, and whether the numbers in it are as stated."""


def main() -> int:
    """Measure, print, and count what is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="fewer repetitions")
    parts = {"level": level_table, "power": power_table, "real": real_table}
    for name in parts:
        parser.add_argument(f"--{name}", action="store_true")
    asked = vars(parser.parse_args())
    chosen = [name for name in parts if asked[name]] or list(parts)
    began, figures, missed = time.perf_counter(), 0, []
    for name in chosen:
        for line, kept in parts[name](asked["fast"]):
            print(line if kept else f"{line}  MISSED", flush=True)
            figures += 1
            if not kept:
                missed.append(line.split("  ")[0])
        print()
    took = time.perf_counter() - began
    print(f"monitoring: {figures} figures in {took:.0f} s, missed: {'; '.join(missed) or 'none'}")
    return 1 if missed else 0


def level_table(fast: bool) -> Iterator[Line]:
    """False alarms."""
    yield from _asked("share of false alarms", level(), fast)


def power_table(fast: bool) -> Iterator[Line]:
    """What is found."""
    yield from _asked("share found", power(), fast)


def real_table(fast: bool) -> Iterator[Line]:
    """What the shipped data's own history says."""
    weeks = history.flight_weeks()
    warned = [week.key for week in weeks if week.warned]
    share = len(warned) / len(weeks)
    yield f"flights: {share:.3f} of {len(weeks)} weeks warn, must be <= .25", share <= history.LARGEST_SHARE
    yield f"flights: {', '.join(warned)}; Christmas must be among them", history.CHRISTMAS in warned
    known: set[str] = set()
    for month in history.taxi_months():
        fresh = set(month.warned) - known
        known |= fresh
        wanted = history.EXPECTED.get(month.key, set())
        yield f"taxi {month.key}: new {', '.join(sorted(fresh)) or '-'}; of {len(month.warned)}", wanted <= fresh


def _asked(title: str, cases: Sequence[Case], fast: bool) -> Iterator[Line]:
    print(f"{title:<90}{'share':>7}{'+-':>7}{'asked':>7}  must be")
    for case in cases:
        reps = case.fast if fast else case.reps
        if reps:
            found = ask_often(case, reps)
            line = f"{case.name:<90}{found.share:>7.4f}{found.error:>7.4f}{reps:>7}  {case.limit}"
            yield line, found.within(FORGIVEN if fast else 0.0)


if __name__ == "__main__":
    sys.exit(main())
