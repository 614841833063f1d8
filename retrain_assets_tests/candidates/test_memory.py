"""What training takes beyond the loaded process: at most three times its window, bins and all."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrain_assets.store import LABEL

ROWS, NUMERIC, CATEGORIES = 200_000, 18, 5
PROGRAM = """
import sys
from dataclasses import replace
import pyarrow as pa, pyarrow.parquet as pq
from retrain_assets.candidates.strategies import HeldRows, train_strategy
from retrain_assets.raw.policy import Columns
from benchmarks.worlds.changes import LATE, span

def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))

def train(path):
    names = pq.read_schema(path).names
    columns = Columns(
        numeric=[name for name in names if name.startswith("n")], categorical=[name for name in names if name[0] == "c"]
    )
    recipe = replace(LATE, columns=columns)
    rows = pq.read_table(path, use_threads=False)
    size = rows.nbytes
    held = HeldRows(rows, recipe)
    del rows
    open("/proc/self/clear_refs", "w").write("5")
    train_strategy(held, span("2018-01-01", "2019-01-01"), "history", 20, recipe)
    return size

train(sys.argv[1])
before = kilobytes("VmRSS") * 1024
size = train(sys.argv[2])
print((kilobytes("VmHWM") * 1024 - before) / size)
"""


def _rows(count: int) -> pa.Table:
    rng = np.random.default_rng(9)
    zones = np.array([f"Z{code:03d}" for code in range(100)])
    seconds = np.sort(rng.integers(0, 365 * 86_400, count))
    first = rng.normal(size=count).astype(np.float32)
    return pa.table(
        {
            "trip": np.arange(count, dtype=np.int32),
            "at": np.datetime64("2018-01-01", "us") + seconds.astype("m8[s]"),
            LABEL: (first + rng.normal(size=count) > 0).astype(float),
            "n0": first,
            **{f"n{number}": rng.normal(size=count).astype(np.float32) for number in range(1, NUMERIC)},
            **{
                f"c{number}": pa.DictionaryArray.from_arrays(rng.integers(0, 100, count).astype(np.int32), zones)
                for number in range(CATEGORIES)
            },
        }
    )


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the peak is read from Linux's /proc")
def test_a_training_run_takes_at_most_three_times_its_window(tmp_path: Path) -> None:
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    pq.write_table(_rows(5_000), small)
    pq.write_table(_rows(ROWS), large)
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM, small, large],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"},
    )
    assert 1 < float(program.stdout) <= 3
