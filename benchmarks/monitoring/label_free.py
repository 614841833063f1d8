"""How near accuracy estimated without outcomes comes to the later truth, on the census, next to NannyML.

    python -m benchmarks.monitoring.label_free [--fast] [--peers FOLDER]

Two arrangements, both fixed beforehand: reference is 2015, and 2016 to 2018 are cut into chunks of 5,000 rows in file
order.

- NannyML's own: the census frames that come with the package, all people, scored by the package's own model.
- Ours: the shipped file, which leaves out children under 16 (never asked, so always right); a LightGBM model with the
  shipped spec's features is trained on every second row of 2015, the other half is the reference.

Beside the errors stands the floor: the mean error that the chance of 5,000 outcomes alone makes with a perfect
estimate, E|N(0, p(1 - p)/5,000)|. NannyML 0.13.1 is installed into an environment of its own; `--fast` leaves it and
its frames out and takes every fifth chunk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from retrain_assets.monitoring.estimation.estimator import LabelledRows, LossEstimate, UnlabelledRows, estimate
from retrain_assets.monitoring.estimation.expected_loss import calibrated, expected_metrics
from retrain_assets.spec.loading import SHIPPED, load_spec

CHUNK = 5000
LARGEST_ERROR = 0.0045
PEER = ("nannyml==0.13.1", "statsmodels")  # nannyml imports statsmodels without asking for it
PEERS = Path(tempfile.gettempdir()) / "retrain_assets_peers"
CENSUS = Path(__file__).parents[2] / "data" / "acs_ma_employment.parquet"

Floats = NDArray[np.float64]
Line = tuple[str, bool]
"""A printed line, and whether the numbers in it are as stated."""


@dataclass(frozen=True)
class Frames:
    """Known rows of the reference, and the later rows with the truth that no estimator is shown."""

    known: LabelledRows
    later: UnlabelledRows
    truth: Floats

    @property
    def starts(self) -> Sequence[int]:
        """Where each whole chunk begins."""
        return range(0, len(self.truth) - CHUNK + 1, CHUNK)


@dataclass(frozen=True)
class Errors:
    """Per chunk the estimated less the true accuracy: calibration alone, and ours; the floor; CPU seconds a chunk."""

    plain: Floats
    ours: Floats
    floor: float
    cpu_seconds: float


def main() -> int:
    """Measure, print, and count what is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="no peer, every fifth chunk")
    parser.add_argument("--peers", type=Path, default=PEERS, help="where NannyML's environment is made")
    asked, began, missed, figures = parser.parse_args(), time.perf_counter(), 0, 0
    for line, kept in label_free_table(asked.fast, asked.peers):
        print(line if kept else f"{line}  MISSED", flush=True)
        missed, figures = missed + (not kept), figures + 1
    print(f"label-free: {figures} figures in {time.perf_counter() - began:.0f} s, missed: {missed or 'none'}")
    return 1 if missed else 0


def label_free_table(fast: bool, peers: Path = PEERS) -> Iterator[Line]:
    """Mean absolute error of the estimated accuracy, with what it must be."""
    print(f"{'accuracy without outcomes, census, chunks of 5,000 rows':<70}{'MAE':>8}{'bias':>9}  must be")
    step = 5 if fast else 1
    python = None if fast else peer_python(peers)
    if python is not None:
        with tempfile.TemporaryDirectory() as folder:
            theirs, _ = by_nannyml(python, Path(folder), package=True)
            frames = package_frames(Path(folder))
            yield from _lines("NannyML's frames and model", frames, step, theirs, LARGEST_ERROR)
    frames = shipped_frames()
    theirs = None
    if python is not None:
        with tempfile.TemporaryDirectory() as folder:
            write_frames(frames, Path(folder))
            theirs, _ = by_nannyml(python, Path(folder), package=False)
    yield from _lines("the shipped file, no children", frames, step, theirs, None)


def _lines(name: str, frames: Frames, step: int, theirs: Floats | None, limit: float | None) -> Iterator[Line]:
    found = errors(frames, step)
    chunks = len(found.ours)
    if theirs is not None:
        peer = theirs[::step] - true_accuracy(frames, step)
        yield _line(f"{name}: NannyML's CBPE", peer, ""), True
    yield _line(f"{name}: calibration alone", found.plain, ""), True
    error, rival = float(np.abs(found.ours).mean()), float(np.abs(found.plain).mean())
    must = f"<= {limit}" if limit is not None else f"<= {rival:.5f}, calibration alone"
    yield _line(f"{name}: ours, {chunks} chunks", found.ours, must), error <= (limit if limit is not None else rival)
    yield f"{name + ': floor of chance':<70}{found.floor:>8.5f}{0:>9.5f}", True
    yield f"{name + ': CPU s a chunk':<70}{found.cpu_seconds:>8.2f}", True


def _line(what: str, error: Floats, must: str) -> str:
    return f"{what:<70}{np.abs(error).mean():>8.5f}{error.mean():>+9.5f}  {must}".rstrip()


def errors(frames: Frames, step: int = 1) -> Errors:
    """Errors of every `step`-th chunk."""
    plain, ours, floor = [], [], []
    began = time.process_time()
    for start, true in zip(frames.starts[::step], true_accuracy(frames, step), strict=True):
        chunk = UnlabelledRows(frames.later.features.slice(start, CHUNK), frames.later.scores[start : start + CHUNK])
        found = estimate("binary", "log_loss", frames.known, chunk)
        if not isinstance(found, LossEstimate):
            raise RuntimeError(f"chunk at row {start:,}: {found.reason}")
        ours.append(found.metrics["accuracy"] - true)
        even = np.ones(len(frames.known.label))
        probability = calibrated(frames.known.scores, frames.known.label, even, chunk.scores)
        plain.append(expected_metrics(chunk.scores, probability, 0.5)["accuracy"] - true)
        floor.append(np.sqrt((probability * (1 - probability)).mean() / CHUNK * 2 / np.pi))
    seconds = (time.process_time() - began) / len(ours)
    return Errors(np.array(plain), np.array(ours), float(np.mean(floor)), seconds)


def true_accuracy(frames: Frames, step: int = 1) -> Floats:
    """Accuracy of every `step`-th chunk."""
    right = (frames.later.scores >= 0.5) == (frames.truth == 1)
    return np.array([right[start : start + CHUNK].mean() for start in frames.starts[::step]])


def shipped_frames() -> Frames:
    """The shipped census: a model of every second row of 2015, its other rows as reference, and the later years."""
    rows, spec = pd.read_parquet(CENSUS), load_spec(SHIPPED / "employment.yaml")
    features, first = numbers(rows[list(spec.columns.features)]), (rows["year"] == 2015).to_numpy()
    label = rows[spec.source.label].to_numpy(dtype=float)
    trained, held_out = first & (np.arange(len(rows)) % 2 == 0), first & (np.arange(len(rows)) % 2 == 1)
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True}
    model = lgb.train(settings, lgb.Dataset(features.filter(pa.array(trained)), label[trained]), 100)
    scores = np.asarray(model.predict(features))
    known = LabelledRows(features.filter(pa.array(held_out)), scores[held_out], label[held_out])
    return Frames(known, UnlabelledRows(features.filter(pa.array(~first)), scores[~first]), label[~first])


def package_frames(folder: Path) -> Frames:
    """NannyML's frames, as its script has put them into a folder."""
    reference, later = (pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", "analysis"))
    names = [name for name in reference if name not in ("id", "year", "truth", "called", "probability")]
    features = numbers(pd.concat([reference[names].astype(object), later[names].astype(object)]).infer_objects())
    known = LabelledRows(
        features.slice(0, len(reference)), reference["probability"].to_numpy(), reference["truth"].to_numpy(dtype=float)
    )
    waiting = UnlabelledRows(features.slice(len(reference)), later["probability"].to_numpy())
    return Frames(known, waiting, later["truth"].to_numpy(dtype=float))


def numbers(rows: pd.DataFrame) -> pa.Table:
    """Every column as numbers, categories by their place in the alphabet."""
    codes = {
        name: column.astype("category").cat.codes if not pd.api.types.is_numeric_dtype(column) else column
        for name, column in rows.items()
    }
    return pa.table({name: np.asarray(column, dtype=float) for name, column in codes.items()})


def write_frames(frames: Frames, folder: Path) -> None:
    """Put frames where NannyML's script reads them."""
    sides = {"reference": (frames.known.scores, frames.known.label), "analysis": (frames.later.scores, frames.truth)}
    for name, (scores, truth) in sides.items():
        table = pd.DataFrame({"probability": scores, "called": (scores >= 0.5).astype(int), "truth": truth.astype(int)})
        table.to_parquet(folder / f"{name}.parquet")


def by_nannyml(python: Path, folder: Path, package: bool) -> tuple[Floats, float]:
    """NannyML's estimate of each whole chunk, and its CPU seconds."""
    script = Path(__file__).with_name("peer_cbpe.py")
    command = [str(python), str(script), str(folder), *(["package"] if package else [])]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": ""})
    record = json.loads((folder / "estimates.json").read_text())
    return np.array(record["accuracy"]), float(record["cpu_seconds"])


def peer_python(peers: Path) -> Path:
    """The python of an environment with NannyML, made on first use."""
    folder = peers / "nannyml"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER], check=True)
    return python


if __name__ == "__main__":
    sys.exit(main())
