"""`retrain score` on a Parquet file against LightGBM's own predict calls on the same rows, encoded beforehand.

Both in CPU seconds of one thread, in one process, piece by piece in turn; memory is the peak of a process of its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

MOST_RATIO, MOST_GROWTH_MB = 1.15, 32.0
_ROWS_A_GROUP = 1 << 17

Line = tuple[str, bool]
"""A printed line, and whether the number in it is as stated."""


def lines(rows: int) -> Iterator[Line]:
    """Measure the ratio on so many rows, and the memory against a quarter of them."""
    with tempfile.TemporaryDirectory() as folder:
        small, whole = (_measured(Path(folder), count) for count in (rows // 4, rows))
    title = f"retrain score, {rows:,} rows x 30 from Parquet"
    yield f"{title}, CPU seconds: {whole['whole']:.1f}; bare predict calls {whole['bare']:.1f}", True
    ratio = whole["whole"] / whole["bare"]
    yield f"{title} / bare predict calls: {ratio:.3f} (at most {MOST_RATIO})", ratio <= MOST_RATIO
    growth = whole["peak"] - small["peak"]
    yield (
        f"peak memory {whole['peak']:.0f} MB, with a quarter of the rows {small['peak']:.0f} MB "
        f"(at most {MOST_GROWTH_MB:.0f} more)",
        growth <= MOST_GROWTH_MB,
    )


def _measured(folder: Path, rows: int) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.serving.score", str(folder), str(rows)]
    for step in ("write", "measure"):
        done = subprocess.run([*command, step], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
    return {name: float(value) for name, value in json.loads(done.stdout).items()}


def _write(folder: Path, rows: int) -> None:
    import pyarrow.parquet as pq

    from benchmarks.serving import model

    for name, data in model.version_files().items():
        (folder / name).write_bytes(data)
    writer = None
    for seed, first in enumerate(range(0, rows, _ROWS_A_GROUP)):
        table = model.rows(min(_ROWS_A_GROUP, rows - first), seed)
        writer = writer or pq.ParquetWriter(folder / "rows.parquet", table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _measure(folder: Path) -> dict[str, float]:
    """CPU seconds of the whole, then of the bare calls on the same rows, and the peak before the latter."""
    from retrain_assets.raw.policy import Table  # before Arrow, whose memory pool it chooses

    import pyarrow as pa  # isort: skip
    import pyarrow.parquet as pq  # isort: skip

    from retrain_assets.registry.journal.history import Version
    from retrain_assets.scoring.scorer import Scorer
    from retrain_assets.serving.batch import Batch
    from retrain_assets.serving.live import LiveModel

    pa.set_cpu_count(1)
    files = {name: (folder / name).read_bytes() for name in ("model.bst", "features.json")}
    scorer = Scorer.from_files(files, "v1", "9f" * 32)
    live = LiveModel("rows", Version(1, "9f" * 32, "2026-01", datetime(2026, 1, 1)), scorer)
    table = Table(path=str(folder / "rows.parquet"))
    began = time.process_time()
    Batch(live, ("id", "at"), datetime(2026, 1, 2)).score(str(table.path), table, str(folder / "out.parquet"))
    whole = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bare = 0.0
    for batch in pq.ParquetFile(folder / "rows.parquet").iter_batches(_ROWS_A_GROUP):
        encoded, _ = scorer.encoded(pa.Table.from_batches([batch]))
        began = time.process_time()
        scorer.booster.predict(encoded)
        bare += time.process_time() - began
    return {"whole": whole, "bare": bare, "peak": peak}


if __name__ == "__main__":
    place, count, step = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if step == "write":
        _write(place, count)
    else:
        print(json.dumps(_measure(place)))
