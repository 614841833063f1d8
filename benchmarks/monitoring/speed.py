"""What a drift report costs: CPU seconds and memory against one `numpy.searchsorted` pass over the same columns.

    python -m benchmarks.monitoring.speed [--fast]

Every measurement is a process of its own with one thread, and every ratio is of medians taken in turn in one process.
Report and pass both begin with the pandas frame. The pass is what numpy takes for it: each column brought to the type
of its edges (of float64 columns a view, of the flights' small integers and floats a copy) and searched once; of a
categorical column its codes, which is less than looking its names up. `flights, the pass without bringing columns to
float64` leaves that copy out, and is printed for comparison only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROWS, COLUMNS, PERIODS = 1_000_000, 50, 12
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS"), "1")
DATA = Path(__file__).parents[2] / "data"
MB = 2**20

Line = tuple[str, bool]
"""A printed line, and whether the numbers in it are as stated."""


def lines(fast: bool) -> Iterator[Line]:
    """The whole table; `fast` asks less often of a tenth of the rows, where fixed costs weigh more."""
    rows, repeats = (ROWS // 10, 3) if fast else (ROWS, 5)
    frames = measured("frames", rows, repeats)
    title = f"{rows:,} rows x {COLUMNS} numeric columns, one thread"
    print(f"{title:<72}{'value':>9}  must be")
    yield _seconds("numpy searchsorted, one pass over the columns", frames["pass"])
    yield _seconds("report from frames: edges, profiles, distances, verdict", frames["report"])
    yield _ratio("the report / the pass", frames["report"] / frames["pass"], 0.8)
    yield _ratio("the current half against stored profiles / the pass", frames["stored"] / frames["pass"], 0.4)
    yield _megabytes("extra memory of the report, MB", frames["extra"], 100.0)
    streamed = measured("parquet", rows, repeats)
    yield _ratio("the report streamed from Parquet / the pass", streamed["report"] / streamed["pass"], 0.8)
    small, large = (measured("memory", n, 1)["extra"] for n in (rows, 4 * rows))
    yield _megabytes(f"extra memory streamed, {rows:,} rows, MB", small, 100.0)
    yield _megabytes(f"extra memory streamed, {4 * rows:,} rows, MB", large, small + 16)
    flights = measured("flights", 0, repeats)
    yield _ratio("flights, 336,776 rows x 23 columns: the report / the pass", flights["report"] / flights["pass"], 0.5)
    ready = flights["report"] / flights["ready"]
    yield f"{'flights, the pass without bringing columns to float64':<72}{ready:>9.2f}", True
    past = measured("past", 0, 3 if fast else 9)
    yield _seconds("one period's report, 10 past periods", past["10"])
    yield _ratio("the same with 200 past periods / with 10", past["200"] / past["10"], 1.25)
    imported = measured("import", 0, 3)
    yield f"{'import of the drift report, CPU s':<72}{imported['seconds']:>9.2f}  <= 2", imported["seconds"] <= 2


def measured(what: str, rows: int, repeats: int, columns: int = COLUMNS) -> dict[str, float]:
    """Figures of one measurement, taken in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.monitoring.speed", "--only", what, str(rows), str(repeats)]
    command += ["--columns", str(columns)]
    done = subprocess.run(command, env=os.environ | ONE_THREAD, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"measuring {what} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def in_turn(repeats: int, **works: Callable[[], object]) -> dict[str, float]:
    """Median CPU seconds of each work, done once to warm up and then in turn."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            began = time.process_time()
            work()
            if turn:
                taken[name].append(time.process_time() - began)
    return {name: statistics.median(each) for name, each in taken.items()}


def extra_memory(work: Callable[[], object]) -> float:
    """Bytes that a process held at its worst during a work beyond what it held before."""
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark begins anew
    before = _status("VmRSS")
    work()
    return _status("VmHWM") - before


def frame_of(rows: int, columns: int = COLUMNS, seed: int = 5) -> Any:
    """Numbers of five kinds: normal, skewed, prices, counts, and normal with 5 % missing."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    kinds = (
        lambda: rng.normal(size=rows),
        lambda: rng.lognormal(0, 1, rows),
        lambda: rng.exponential(20, rows).round(2),
        lambda: rng.poisson(300, rows).astype(float),
        lambda: np.where(rng.random(rows) < 0.05, np.nan, rng.normal(size=rows)),
    )
    return pd.DataFrame({f"x{at:02}": kinds[at % len(kinds)]() for at in range(columns)})


def frames(rows: int, repeats: int, columns: int = COLUMNS) -> dict[str, float]:
    """The report on a pandas frame, on its second half alone, the pass, and the report's extra memory."""
    from retrain_assets.monitoring.profiles.files import profiles_from_parquet, profiles_to_parquet

    frame = frame_of(rows, columns)
    names, half = list(frame.columns), rows // 2
    edges, reference = _reference(_table(frame[:half]), names, [])
    kept = profiles_to_parquet(reference.items())

    def report() -> None:
        table = _table(frame)
        _verdict(*_reference(table.slice(0, half), names, []), table.slice(half))

    def stored() -> None:
        table = _table(frame[half:])
        _verdict(edges, profiles_from_parquet(kept, edges), table)

    taken = in_turn(repeats, **{"pass": _pass_over(frame, edges)}, report=report, stored=stored)
    return taken | {"extra": extra_memory(report)}


def parquet(rows: int, repeats: int) -> dict[str, float]:
    """The report streamed from one file per period, and the pass over the same columns."""
    frame = frame_of(rows)
    with tempfile.TemporaryDirectory() as folder:
        files = _files(frame, Path(folder))
        edges, _ = _reference_of_files(files[:-1], list(frame.columns))
        return in_turn(repeats, **{"pass": _pass_over(frame, edges)}, report=lambda: _streamed(files, frame.columns))


def memory(rows: int, repeats: int) -> dict[str, float]:
    """Extra memory of the streamed report; the files are written by another process, so that nothing is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "benchmarks.monitoring.speed", "--write", folder, str(rows)], check=True)
        files = sorted(Path(folder).glob("*.parquet"))
        _streamed(files, ["x00"])  # loads what is loaded once
        names = [f"x{at:02}" for at in range(10)]
        return {"extra": extra_memory(lambda: [_streamed(files, names) for _ in range(repeats)])}


def flights(rows: int, repeats: int) -> dict[str, float]:
    """The report on the shipped flights, the second half of the year against the first, from a frame."""
    import numpy as np
    import pandas as pd

    frame = pd.read_parquet(DATA / "nyc_flights.parquet").drop(columns=["flight_id", "sched_dep", "flight", "late"])
    named = list(frame.select_dtypes("category").columns)
    numeric = [name for name in frame.columns if name not in named]
    half = len(frame) // 2
    edges, _ = _reference(_table(frame[:half]), numeric, named)

    def report() -> None:
        table = _table(frame)
        _verdict(*_reference(table.slice(0, half), numeric, named), table.slice(half))

    columns = list(_ready(frame, edges))
    passes = {"pass": _pass_over(frame, edges), "ready": lambda: [np.searchsorted(*column) for column in columns]}
    return in_turn(3 * repeats, **passes, report=report)  # a tenth of a second each


def past(rows: int, repeats: int) -> dict[str, float]:
    """One period's drift report of 20,000 rows and 10 columns, with everything read from and written to disk."""
    taken = {}
    with tempfile.TemporaryDirectory() as folder:
        for months in (10, 200):
            report = _with_past(Path(folder) / str(months), months)
            taken |= in_turn(repeats, **{str(months): report})
    return taken


def imported(rows: int, repeats: int) -> dict[str, float]:
    """CPU seconds of a fresh interpreter that imports the drift report."""
    taken = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", "import retrain_assets.monitoring.performance_step"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"seconds": statistics.median(taken)}


MEASURES: Mapping[str, Callable[..., dict[str, float]]] = {
    "frames": frames, "parquet": parquet, "memory": memory, "flights": flights, "past": past, "import": imported,
}  # fmt: skip


def _reference(table: Any, numeric: list[str], named: list[str]) -> tuple[Any, dict[str, Any]]:
    from retrain_assets.monitoring.profiles.profile import reference_profiles

    step = -(-table.num_rows // PERIODS)
    return reference_profiles({f"{at:02}": table.slice(at * step, step) for at in range(PERIODS)}, numeric, named)


def _reference_of_files(files: list[Path], names: list[str]) -> tuple[Any, dict[str, Any]]:
    from retrain_assets.monitoring.profiles.column_reader import ParquetRows
    from retrain_assets.monitoring.profiles.profile import reference_profiles

    return reference_profiles({file.stem: ParquetRows([file]) for file in files}, names, [])


def _streamed(files: list[Path], names: Any) -> None:
    from retrain_assets.monitoring.profiles.column_reader import ParquetRows

    _verdict(*_reference_of_files(files[:-1], list(names)), ParquetRows(files[-1:]))


def _verdict(edges: Any, reference: Mapping[str, Any], current: Any) -> None:
    from retrain_assets.monitoring.drift.report import drift
    from retrain_assets.monitoring.policy import DriftPolicy
    from retrain_assets.monitoring.profiles.profile import profile

    report = drift(DriftPolicy(reference_periods=PERIODS), reference, profile(current, edges), "now", None)
    if report.reference_periods != PERIODS or not report.tests:
        raise RuntimeError(f"the report tested nothing: {report.sentence}")


def _table(frame: Any) -> Any:
    """The frame in Arrow; columns of plain numbers are views of it, with NaN as it stands."""
    import numpy as np
    import pyarrow as pa

    plain = [isinstance(kind, np.dtype) and kind.kind in "fiu" for kind in frame.dtypes]
    return pa.table(
        {
            name: pa.array(frame[name].to_numpy()) if numbers else pa.array(frame[name], from_pandas=True)
            for name, numbers in zip(frame.columns, plain, strict=True)
        }
    )


def _pass_over(frame: Any, edges: Any) -> Callable[[], None]:
    """One `searchsorted` per column, from the frame."""
    import numpy as np

    def work() -> None:
        for points, values in _ready(frame, edges):
            np.searchsorted(points, values)

    return work


def _ready(frame: Any, edges: Any) -> Iterator[tuple[Any, Any]]:
    """Per column the sorted points and the values to find among them, categories as their codes."""
    import numpy as np

    for name in frame.columns:
        if edges.kind(name) == "categorical":
            yield np.arange(len(edges.categories[name]), dtype=float), frame[name].cat.codes.to_numpy(float)
        else:
            yield edges.numeric[name], frame[name].to_numpy(float)


def _files(frame: Any, folder: Path) -> list[Path]:
    """Twelve files of the first half and one of the second, as the store writes them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from retrain_assets.store import COMPRESSION

    half = len(frame) // 2
    step = -(-half // PERIODS)
    bounds = [(at, min(at + step, half)) for at in range(0, half, step)] + [(half, len(frame))]
    paths = [folder / f"{number:02}.parquet" for number in range(len(bounds))]
    for path, (start, end) in zip(paths, bounds, strict=True):
        pq.write_table(pa.Table.from_pandas(frame[start:end], preserve_index=False), path, compression=COMPRESSION)
    return paths


def _with_past(folder: Path, months: int) -> Callable[[], object]:
    """The last report of a version that has reported on so many months, as something to be done again."""
    import pyarrow as pa

    from retrain_assets.model import Model, PeriodAccess
    from retrain_assets.monitoring.drift_step import drift_step
    from retrain_assets.monitoring.policy import DriftPolicy
    from retrain_assets.monitoring.profiles.files import reference_files
    from retrain_assets.periods import Calendar
    from retrain_assets.raw.policy import Columns
    from retrain_assets.store import PeriodStore

    periods = [f"{2000 + month // 12}-{1 + month % 12:02}" for month in range(1, months + 2)]
    store, table = PeriodStore(folder), pa.Table.from_pandas(frame_of(20_000, 10), preserve_index=False)
    files = reference_files(*_reference(table, table.column_names, []))
    version = SimpleNamespace(name="v1", digest="d1", period="2000-01")
    registry: Any = SimpleNamespace(served_in=lambda _: version, read=lambda _: files)
    columns = Columns.model_validate({"numeric": table.column_names})
    months_of = Calendar(every="month", start="2000-01-01")
    model = Model("rides", "regression", 2, months_of, "id", "time", "label", timedelta(0), "mae")

    def report(period: str) -> object:
        return drift_step(model, PeriodAccess(store, registry, period), columns, DriftPolicy())

    for period in periods:
        store.write_table("raw_data", period, table)
        store.write_table("predictions", period, pa.table({"score": table["x00"]}))
        report(period)
    return lambda: report(periods[-1])


def _status(field: str) -> float:
    """A figure of this process in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / MB


def _seconds(text: str, value: float) -> Line:
    return f"{text + ', CPU s':<72}{value:>9.3f}", True


def _ratio(text: str, value: float, most: float) -> Line:
    return f"{text:<72}{value:>9.2f}  <= {most:g}", value <= most


def _megabytes(text: str, value: float, most: float) -> Line:
    return f"{text:<72}{value:>9.0f}  <= {most:.0f}", value <= most


def main() -> int:
    """Print the table, or one measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="a tenth of the rows, fewer repetitions")
    parser.add_argument("--only", nargs=3, metavar=("WHAT", "ROWS", "REPEATS"), help=argparse.SUPPRESS)
    parser.add_argument("--columns", type=int, default=COLUMNS, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, metavar=("FOLDER", "ROWS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        _files(frame_of(int(asked.write[1]), 10), Path(asked.write[0]))
        return 0
    if asked.only:
        import pyarrow as pa

        pa.set_cpu_count(1)
        what, rows, repeats = asked.only
        options = {"columns": asked.columns} if what == "frames" else {}
        print(json.dumps(MEASURES[what](int(rows), int(repeats), **options)))
        return 0
    missed = 0
    for line, kept in lines(asked.fast):
        print(line if kept else f"{line}  MISSED", flush=True)
        missed += not kept
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
