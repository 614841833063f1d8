"""Published retraining schedules on a public stream, replayed by the engine that replays our policies.

Lukats, Zielinski, Hahn & Stahl (2024), Int. J. Data Science and Analytics, doi 10.1007/s41060-024-00620-y, publish the
accuracy of a Gaussian naive Bayes on the NOAA weather stream, never retrained and retrained where drift detectors said
so. The learner is plugged into the evaluation matrix in place of LightGBM: row by row it is asked, then forgets all
if the row is a retrain position, then learns the row. A retrain position is an origin, a published schedule is a path.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from retrain_assets.backtest.matrix.loss_matrix import LossMatrix, Stretch
from retrain_assets.backtest.policies.path import PolicyPath

TABLE, PUBLISHED = "noaa_weather.parquet", "noaa_published_policies.json"
FIRST_ROWS = 1000
"""The never-retrained model learns so many rows, and then no more."""

_SMALL = 1e-9
_CONSTANT = 1e-10

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """The stream: features of shape (rows, 8), centred, and the class of each row."""

    features: Floats
    label: NDArray[np.int64]

    @classmethod
    def read(cls, path: Path) -> Rows:
        """Read the float32 columns, rounded to two decimals, in float64."""
        table = pq.read_table(path).sort_by("day_id")
        names = [name for name in table.column_names if name not in ("day_id", "day", "rain")]
        values = np.column_stack([table[name].to_numpy().astype(np.float64).round(2) for name in names])
        return cls(values - values.mean(axis=0), table["rain"].to_numpy().astype(np.int64))


def errors(rows: Rows, start: int, learns_until: int | None = None) -> Floats:
    """Whether the model that begins to learn with a row is wrong on each row after it, shape (rows,); NaN before.

    Gaussian naive Bayes from running sums: variance with n − 1, density plus 1e-9 before the log, density 0 where the
    variance is 0, prior the share of the class; a class that was not seen is not predicted.

    Args:
        rows: The stream.
        start: The first row that it learns.
        learns_until: The row before which it stops learning; None for none.
    """
    values, label = rows.features[start:], rows.label[start:]
    scores = np.full((2, len(values) - 1), -np.inf)
    known = np.arange(1, len(values))
    if learns_until is not None:
        known = np.minimum(known, learns_until - start)
    for number in (0, 1):
        mine = (label == number).astype(np.float64)
        count = np.cumsum(mine)[known - 1]
        total = np.cumsum(values * mine[:, None], axis=0)[known - 1]
        squares = np.cumsum(values**2 * mine[:, None], axis=0)[known - 1]
        some = count > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total / count[:, None]
            variance = (squares - total * mean) / (count - 1)[:, None]
            variance = np.where((count > 1)[:, None] & (variance > _CONSTANT), variance, 0.0)
            density = np.exp(-((values[1:] - mean) ** 2) / (2 * variance)) / np.sqrt(2 * math.pi * variance)
            density = np.where(variance > 0, density, 0.0)
            log_prior = np.log(count / known)
        scores[number] = np.where(some, log_prior + np.log(density + _SMALL).sum(axis=1), -np.inf)
    wrong = np.full(len(rows.label), np.nan)
    wrong[start + 1 :] = (scores[1] > scores[0]) != (label[1:] == 1)
    return wrong


def path_of(rows: Rows, positions: Sequence[int]) -> PolicyPath:
    """A published schedule as a path: the model of each position, in service from the next row on."""
    starts = [0, *(position for position in positions if position < len(rows.label) - 1)]
    days = (np.datetime64("1949-01-01") + np.arange(len(rows.label))).astype("datetime64[D]")
    losses = np.stack([errors(rows, start) for start in starts])
    return PolicyPath(*_matrix(days, losses, starts), tuple(range(len(starts))))


def never(rows: Rows) -> PolicyPath:
    """The model that learns the first thousand rows and no more."""
    days = (np.datetime64("1949-01-01") + np.arange(len(rows.label))).astype("datetime64[D]")
    return PolicyPath(*_matrix(days, errors(rows, 0, FIRST_ROWS)[None, :], [0]), (0,))


def _matrix(days: NDArray[np.datetime64], losses: Floats, starts: Sequence[int]) -> tuple[LossMatrix, Stretch]:
    """The matrix of these models, and all of it."""
    moments = days.astype("datetime64[us]")[np.array(starts) + 1]
    unknown = np.full(len(starts), np.nan)
    matrix = LossMatrix(moments, moments, days, np.ones(days.size), losses, timedelta(0), moments, unknown)
    return matrix, matrix.whole


@dataclass(frozen=True)
class Replayed:
    """A schedule: who published it, its retrains, and both accuracies."""

    detector: str
    retrains: int
    published: float
    replayed: float

    @property
    def difference(self) -> float:
        """How far the two are apart."""
        return abs(self.published - self.replayed)


def replayed(folder: Path) -> list[Replayed]:
    """Every published schedule, the never-retrained model first."""
    rows = Rows.read(folder / TABLE)
    record = json.loads((folder / PUBLISHED).read_text())
    found = [Replayed("never", 0, record["never"], 1 - never(rows).mean_loss)]
    for one in record["retrained"]:
        accuracy = 1 - path_of(rows, one["positions"]).mean_loss
        found.append(Replayed(one["detector"], one["retrains"], one["accuracy"], accuracy))
    return found
