"""Is the policy backtest right, and what does it cost?

    python -m benchmarks.backtest [--fast] [--streams DIR]

Three parts: the schedules that a paper published, replayed (skipped, and said, without the folder of streams); the
oracle against all paths of small matrices, and against `retrainopt` where it is installed; and the cold backtest of the
shipped models against the LightGBM calls that it consists of, then the same from what is kept. `--fast` leaves the
third out.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks.backtest.noaa import PUBLISHED, replayed
from retrain_assets.backtest.matrix.loss_matrix import LossMatrix
from retrain_assets.backtest.policies.oracle import oracle
from retrain_assets.backtest.policies.path import PolicyPath
from retrain_assets.backtest.record import read_backtest
from retrain_assets.store import PeriodStore

PROJECT = Path(__file__).parents[2]
NEVER_WITHIN, EACH_WITHIN, MEDIAN_WITHIN, ORACLE_WITHIN = 1e-6, 0.005, 0.001, 1e-9
COLD_SECONDS, CACHED_SECONDS, MOST_RATIO = 240.0, 3.0, 1.2
MODELS = ("taxi_charge", "flight_delays")


def published(folder: Path) -> Iterator[tuple[str, bool]]:
    """The published schedules: a line each, and whether it is as near as promised."""
    if not (folder / PUBLISHED).exists():
        yield f"published schedules: skipped, no {folder / PUBLISHED}", True
        return
    found = replayed(folder)
    yield f"{'schedule':<10}{'retrains':>9}{'published':>12}{'replayed':>12}{'difference':>12}", True
    for one in found:
        limit = EACH_WITHIN if one.retrains else NEVER_WITHIN
        line = f"{one.detector:<10}{one.retrains:>9}{one.published:>12.6f}{one.replayed:>12.6f}{one.difference:>12.1e}"
        yield line, one.difference <= limit
    middle = statistics.median(one.difference for one in found[1:])
    yield f"median difference {middle:.1e} (at most {MEDIAN_WITHIN:g})", middle <= MEDIAN_WITHIN


def random_matrix(rng: np.random.Generator, origins: int) -> LossMatrix:
    """Random losses of daily origins."""
    moments = np.datetime64("2024-01-01", "us") + np.timedelta64(1, "D") * np.arange(origins)
    losses = rng.gamma(2, 1, (origins, origins))
    losses[np.arange(origins)[None, :] < np.arange(origins)[:, None]] = np.nan
    days, unknown = moments.astype("datetime64[D]"), np.full(origins, np.nan)
    return LossMatrix(moments, moments, days, np.ones(origins), losses, timedelta(0), moments, unknown)


def optimal(repetitions: int) -> Iterator[tuple[str, bool]]:
    """The oracle against every path, and against another program's exact schedule."""
    rng = np.random.default_rng(16)
    gap = 0.0
    for _ in range(repetitions):
        matrix, cost = random_matrix(rng, int(rng.integers(2, 11))), float(rng.gamma(2, 1))
        later = range(1, matrix.origins)
        paths = (
            PolicyPath(matrix, matrix.whole, (0, *chosen))
            for count in range(matrix.origins)
            for chosen in combinations(later, count)
        )
        least = min(path.cost(cost) for path in paths)
        gap = max(gap, abs(oracle(matrix, matrix.whole, cost).cost(cost) - least))
    yield f"oracle against every path of {repetitions} matrices: largest difference {gap:.1e}", gap <= ORACLE_WITHIN
    if find_spec("retrainopt") is None:
        yield "oracle against retrainopt: skipped, it is not installed (extra `test`)", True
        return
    from retrainopt.core.dp import solve_exact_schedule

    gap = 0.0
    for _ in range(repetitions):
        matrix, cost = random_matrix(rng, int(rng.integers(2, 61))), float(rng.gamma(2, 1))
        models = {
            (-1, 0) if origin == 0 else (origin, 1): {
                "training_cost": cost if origin else 0.0,
                "future_losses": {day: float(matrix.losses[origin, day]) for day in range(origin, matrix.origins)},
            }
            for origin in range(matrix.origins)
        }
        least = solve_exact_schedule(matrix.origins, models)[0]
        gap = max(gap, abs(oracle(matrix, matrix.whole, cost).cost(cost) - least))
    yield f"oracle against retrainopt on {repetitions} matrices: largest difference {gap:.1e}", gap <= ORACLE_WITHIN


def cost() -> Iterator[tuple[str, bool]]:
    """Cold and cached backtests of the shipped models, in a home of their own."""
    total = 0.0
    for model in MODELS:
        with tempfile.TemporaryDirectory() as home:
            cold, spent = _timed(model, home)
            record = read_backtest(PeriodStore(Path(home) / "data" / model))
            assert record is not None
            cached, _ = _timed(model, home)
            ratio = spent / record.cpu_seconds
            total += cold
            yield (
                f"{model}: {record.fits} models, {cold:.0f} s cold ({spent:.0f} s of CPU, {ratio:.2f} x LightGBM's), "
                f"{cached:.1f} s cached",
                ratio <= MOST_RATIO and cached <= CACHED_SECONDS,
            )
    yield f"together {total:.0f} s cold on {len(os.sched_getaffinity(0))} cores", total <= COLD_SECONDS


def _timed(model: str, home: str) -> tuple[float, float]:
    """Wall and CPU seconds of one backtest in a process of its own."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-c", "from retrain_assets.cli.main import main; main()", "backtest", model]
    subprocess.run(command, env=os.environ | {"RETRAIN_HOME": home}, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return time.monotonic() - began, spent


def main() -> int:
    """Measure, print, and say which promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="no cold backtests, few matrices")
    parser.add_argument("--streams", type=Path, default=PROJECT.parent / "shared" / "data" / "streams")
    said = parser.parse_args()
    parts = [published(said.streams), optimal(20 if said.fast else 200), *([] if said.fast else [cost()])]
    missed = 0
    for part in parts:
        for line, kept in part:
            print(line if kept else f"{line}   MISSED", flush=True)
            missed += not kept
    print(f"backtest: {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
