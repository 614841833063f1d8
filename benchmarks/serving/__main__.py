"""What it costs to use the live model.

    python -m benchmarks.serving score [--rows 1000000]     retrain score against bare LightGBM predict calls
    python -m benchmarks.serving latency [--requests 4000]  one row through the server against Booster.predict
    python -m benchmarks.serving swap [--requests 10000]    promotions and rollbacks under load
    python -m benchmarks.serving kill                       what a SIGKILL takes from the served log

Ends with one summary line, and exit code 1 when a stated number is missed.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.serving import kill, latency, score, swap


def main() -> None:
    """Print the lines of one part, and leave with exit code 1 when a number is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["score", "latency", "swap", "kill"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int)
    told = parser.parse_args()
    parts = {
        "score": lambda: score.lines(told.rows),
        "latency": lambda: latency.lines(told.requests or 4_000),
        "kill": lambda: kill.lines(kill.ROUNDS),
        "swap": lambda: swap.lines(told.requests or 10_000),
    }
    kept = 0, 0
    for line, holds in parts[told.part]():
        print(line if holds else f"{line} MISSED", flush=True)
        kept = kept[0] + holds, kept[1] + 1
    print(f"{kept[0]} of {kept[1]} lines as stated")
    sys.exit(kept[0] != kept[1])


if __name__ == "__main__":
    main()
