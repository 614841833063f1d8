"""Print the tables of monitoring and say which stated number is missed.

    python -m benchmarks.monitoring [--level] [--power] [--real] [--label-free] [--speed] [--peers] [--fast]

`--level` asks how often the drift verdict warns where nothing drifts, `--power` how often it names what does, `--real`
what it says of the shipped data, `--label-free` how right a loss estimated without outcomes is, `--speed` what a report
costs, `--peers` what other tools cost; without any, all but the peers. Each table of shares asks the project's own
verdict about freshly made-up periods, with fixed seeds; `+-` is the Monte-Carlo standard error. `--fast` asks less
often and forgives one such error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.monitoring import history
from benchmarks.monitoring.cases import level, power
from benchmarks.monitoring.label_free import label_free_table
from benchmarks.tables import Line, arguments, print_parts, shares


def main() -> int:
    """Measure, print, and count what is missed."""
    parser = arguments(__doc__)
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
    return print_parts("monitoring", [parts[name] for name in chosen], asked["fast"])


def level_table(fast: bool) -> Iterator[Line]:
    """False alarms."""
    return shares("share of false alarms", level(), fast, spare=0.0)


def power_table(fast: bool) -> Iterator[Line]:
    """What is found."""
    return shares("share found", power(), fast, spare=0.0)


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


if __name__ == "__main__":
    sys.exit(main())
