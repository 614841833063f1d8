"""Print the tables of monitoring and say which stated number is missed.

    python -m benchmarks.monitoring [--level] [--power] [--real] [--label-free] [--speed] [--peers] [--fast]

`--level` asks how often the drift verdict warns where nothing drifts, `--power` how often it names what does, `--real`
what it says of the shipped data, `--label-free` how right a loss estimated without outcomes is, `--speed` what a report
costs, `--peers` what other tools cost; without any, all but the peers. Each table of shares asks the project's own
verdict about freshly made-up periods, with fixed seeds; `+-` is the Monte-Carlo standard error. `--fast` asks less
often and forgives one such error.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.gate.cases import FORGIVEN, Case, ask_often
from benchmarks.monitoring import history
from benchmarks.monitoring.cases import level, power
from benchmarks.monitoring.label_free import label_free_table

Line = tuple[str, bool]
"""A printed line, and whether the numbers in it are as stated."""


def main() -> int:
    """Measure, print, and count what is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="fewer repetitions")
    parts = {
        "level": level_table,
        "power": power_table,
        "real": real_table,
        "label_free": label_free_table,
        "speed": speed_table,
        "peers": peer_table,
    }
    for name in parts:
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_true")
    asked = vars(parser.parse_args())
    chosen = [name for name in parts if asked[name]] or [name for name in parts if name != "peers"]
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


def speed_table(fast: bool) -> Iterator[Line]:
    """What a report costs."""
    from benchmarks.monitoring.speed import lines

    return lines(fast)


def peer_table(fast: bool) -> Iterator[Line]:
    """What other tools cost on the same frames; they are installed on first use."""
    from benchmarks.monitoring import peers

    rows, columns = (100_000, 20) if fast else (peers.ROWS, peers.COLUMNS)
    return peers.lines(rows, columns, peers.FOLDER)


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
