"""What other drift tools take for the same question: the same halves as Parquet, one thread, CPU seconds and memory.

    python -m benchmarks.monitoring.peers [--rows 1000000] [--columns 50] [--only evidently,nannyml] [--limit 1800]

Each tool is installed by pip into a virtual environment of its own under `--folder` (kept), for none of them fits
beside this project's pandas, and runs in a process of its own. A tool that cannot be installed, fails, takes longer
than the limit (seconds of the clock) or is killed for its memory says so in its line of the table, and the others go
on. Each is asked for what its documentation shows first: a drift report of every column, second half against first
half. Ratios are to one `numpy.searchsorted` pass over the same columns, taken in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.monitoring.speed import COLUMNS, ONE_THREAD, ROWS, frame_of, measured

FOLDER = Path(tempfile.gettempdir()) / "retrain_peers"
"""Where the environments of the tools are made, and kept."""

LIMIT_SECONDS = 1800
"""How long a tool may take, loading included; the slowest that ends takes some minutes for a million rows."""

Line = tuple[str, bool]

MEASURE = """
import json, os, resource, sys, time, warnings
warnings.filterwarnings("ignore")
os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
import pandas as pd
before, now = (pd.read_parquet(path) for path in sys.argv[1:3])
{imports}
held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
{work}
taken = time.process_time() - began
extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024
print(json.dumps({"seconds": taken, "extra": extra}))
"""

BESIDE = ("numpy<2", "pandas<3", "pyarrow<20", "scikit-learn<1.6", "setuptools<81", "statsmodels", "ipython")
"""What some of them import, and their own requirements do not name or do not hold back."""

TOOLS = {
    "evidently": (
        "from evidently import Report\nfrom evidently.presets import DataDriftPreset",
        "Report([DataDriftPreset()]).run(now, before).dict()",
    ),
    "nannyml": (
        "import nannyml",
        "tool = nannyml.UnivariateDriftCalculator(column_names=list(before), chunk_number=10)\n"
        "tool.fit(before)\ntool.calculate(now).to_df()",
    ),
    "alibi-detect": (
        "from alibi_detect.cd import KSDrift",
        "KSDrift(before.fillna(before.mean()).to_numpy(), p_val=0.05).predict(now.fillna(before.mean()).to_numpy())",
    ),
    "whylogs": (
        "import whylogs\nfrom whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores",
        "views = [whylogs.log(pandas=each).view() for each in (now, before)]\n"
        "calculate_drift_scores(target_view=views[0], reference_view=views[1], with_thresholds=True)",
    ),
    "deepchecks": (
        "from deepchecks.tabular import Dataset\nfrom deepchecks.tabular.checks import FeatureDrift",
        "FeatureDrift(n_samples=100_000).run(Dataset(before, cat_features=[]), Dataset(now, cat_features=[]))",
    ),
}


def lines(
    rows: int, columns: int, folder: Path, tools: Sequence[str] = tuple(TOOLS), limit: float = LIMIT_SECONDS
) -> Iterator[Line]:
    """One line for the pass, one for ours, one for each tool."""
    print(f"{f'{rows:,} rows x {columns} numeric columns, one thread':<44}{'CPU s':>9}{'/ pass':>9}{'extra MB':>10}")
    ours = measured("frames", rows, 3, columns)
    yield f"{'numpy searchsorted, one pass':<44}{ours['pass']:>9.2f}{1.0:>9.2f}", True
    yield _told("this project, edges to verdict", ours["report"], ours["extra"], ours["pass"]), True
    with tempfile.TemporaryDirectory() as data:
        frame = frame_of(rows, columns)
        halves = [Path(data) / f"{name}.parquet" for name in ("before", "now")]
        for path, part in zip(halves, (frame[: rows // 2], frame[rows // 2 :]), strict=True):
            part.reset_index(drop=True).to_parquet(path)
        del frame
        for tool in tools:
            python, problem = installed(tool, folder)
            if not problem:
                figures, problem = asked(tool, python, halves, limit)
            if problem:
                yield f"{tool:<44}{problem}", True
            else:
                yield _told(f"{tool} {version(tool, python)}", figures["seconds"], figures["extra"], ours["pass"]), True


def installed(tool: str, folder: Path) -> tuple[Path, str]:
    """The interpreter of the tool's environment, made where it is not there, and what went wrong."""
    python = folder / tool / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / tool)], check=True)
    command = [str(python), "-m", "pip", "install", "-q", tool, *BESIDE]
    done = subprocess.run(command, capture_output=True, text=True)
    return python, f"does not install: {_last(done.stderr)}" if done.returncode else ""


def asked(tool: str, python: Path, halves: list[Path], limit: float) -> tuple[dict[str, float], str]:
    """The tool's figures, or what went wrong."""
    imports, work = TOOLS[tool]
    code = MEASURE.replace("{imports}", imports).replace("{work}", work)
    command = [str(python), "-c", code, *map(str, halves)]
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": "", "DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=limit)
    except subprocess.TimeoutExpired:
        return {}, f"takes longer than {limit:,.0f} s"
    if done.returncode < 0:
        return {}, f"killed by {signal.Signals(-done.returncode).name}, as the system does for memory"
    if done.returncode:
        return {}, f"fails: {_last(done.stderr)}"
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures, ""


def version(tool: str, python: Path) -> str:
    """The version of the tool that was measured."""
    code = f"from importlib.metadata import version; print(version({tool!r}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _told(text: str, seconds: float, extra: float, unit: float) -> str:
    return f"{text:<44}{seconds:>9.2f}{seconds / unit:>9.2f}{extra:>10.0f}"


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1][:160]


def _tools(text: str) -> tuple[str, ...]:
    chosen = tuple(name.strip() for name in text.split(","))
    if unknown := [name for name in chosen if name not in TOOLS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is not measured here; known are {', '.join(TOOLS)}")
    return chosen


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--columns", type=int, default=COLUMNS)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--only", type=_tools, default=tuple(TOOLS), metavar="NAME,NAME", help=", ".join(TOOLS))
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="seconds that a tool may take")
    given = parser.parse_args()
    for line, _ in lines(given.rows, given.columns, given.folder, given.only, given.limit):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
