"""The loss by day of the models of one origin, on every day after their training, and their rehearsal."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.matrix.origins import MatrixOrigin
from retrain_assets.candidates.boosting.model_average import from_raw
from retrain_assets.candidates.policy import AVERAGE
from retrain_assets.candidates.strategies import Recipe, TrainingRows
from retrain_assets.metrics.metric import metric
from retrain_assets.monitoring.drift.score_columns import uncertainty
from retrain_assets.scoring.booster import load
from retrain_assets.store import Json, PeriodStore
from retrain_assets.windows.cut import Span

ASSET = "backtest_losses"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ChunkLosses:
    """One stored period's days: sums by day of the loss, and of a classifier's uncertainty, of every strategy.

    Attributes:
        digest: Of the rows and outcomes that were scored.
        days: The days with rows, as ISO text, in order.
        rows: Rows of each day.
        losses: Summed loss of each day, by strategy.
        doubts: Summed uncertainty of each day, by strategy; empty for a regression.
    """

    digest: str
    days: tuple[str, ...]
    rows: tuple[int, ...]
    losses: Mapping[str, tuple[float, ...]]
    doubts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class LossRecord:
    """What the models of one origin lost.

    Attributes:
        key: Digest of the models and of the rounds with which they serve.
        rounds: Boosting rounds by strategy.
        chunks: Losses by stored period.
        rehearsal: Mean loss on the selection rows, by strategy, with the rounds that were best before them; empty while
            the outcomes of the selection rows are not known.
        selection_rows: Rows behind the rehearsal.
        seconds: CPU time of LightGBM.
    """

    key: str
    rounds: Mapping[str, int]
    chunks: Mapping[str, ChunkLosses] = field(default_factory=dict)
    rehearsal: Mapping[str, float] = field(default_factory=dict)
    selection_rows: int = 0
    seconds: float = 0.0

    def to_dict(self) -> Json:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> LossRecord:
        """The inverse of `to_dict`."""
        chunks = {
            period: ChunkLosses(
                chunk["digest"],
                tuple(chunk["days"]),
                tuple(chunk["rows"]),
                {name: tuple(sums) for name, sums in chunk["losses"].items()},
                {name: tuple(sums) for name, sums in chunk["doubts"].items()},
            )
            for period, chunk in record["chunks"].items()
        }
        return cls(**{**record, "chunks": chunks})


@dataclass(frozen=True)
class LossFiles:
    """The stored loss records of a model, by origin."""

    store: PeriodStore

    def read(self, origin: str) -> LossRecord | None:
        """What is stored of an origin; None where nothing is."""
        path = self.store.path(ASSET, origin, "json")
        return LossRecord.from_dict(json.loads(path.read_bytes())) if path.exists() else None

    def write(self, origin: str, record: LossRecord) -> None:
        """Keep an origin's record."""
        self.store.write_bytes(ASSET, origin, "json", json.dumps(record.to_dict()).encode())


@dataclass(frozen=True)
class TrainedModels:
    """The models of one origin.

    Attributes:
        models: Text by strategy.
        rounds: How many rounds each serves with.
        stopped_at: The round that was best on the rows after training, by strategy; empty while it is not known.
    """

    models: Mapping[str, bytes]
    rounds: Mapping[str, int]
    stopped_at: Mapping[str, int] = field(default_factory=dict)


def scored(
    rows: EncodedHistory, origin: MatrixOrigin, trained: TrainedModels, recipe: Recipe, wanted: Mapping[str, str]
) -> LossRecord:
    """Score the models of an origin on the rows of some stored periods that came after their training.

    Args:
        rows: All labelled rows.
        origin: Where the models were trained.
        trained: The models.
        recipe: The loss, the objective and the calendar.
        wanted: Digest of the rows of each stored period that is to be scored.
    """
    record = LossRecord("", dict(trained.rounds))
    seconds = 0.0
    if wanted:
        calendar = recipe.model.calendar
        bounds = [calendar.bounds(period) for period in sorted(wanted)]
        start = max(bounds[0][0], origin.trained_until)
        later = rows.rows.within(Span((), start, max(start, bounds[-1][1])))
        began = time.process_time()
        raw = _raw_scores(later, trained.models, trained.rounds)
        seconds += time.process_time() - began
        record = replace(record, chunks=_by_period(later, raw, recipe, wanted))
    selection = rows.rows.within(origin.selection)
    if trained.stopped_at and len(selection):
        began = time.process_time()
        raw = _raw_scores(selection, trained.models, trained.stopped_at)
        seconds += time.process_time() - began
        means = {name: float(_row_losses(selection, scores, recipe).mean()) for name, scores in raw.items()}
        record = replace(record, rehearsal=means, selection_rows=len(selection))
    return replace(record, seconds=round(seconds, 3))


def _raw_scores(rows: TrainingRows, models: Mapping[str, bytes], rounds: Mapping[str, int]) -> dict[str, Floats]:
    """Raw scores by strategy, and their mean where there are two."""
    raw = {}
    for name, model in models.items():
        booster = load(model)
        classes = booster.num_model_per_iteration()
        if len(rows):
            found = booster.predict(rows.features, raw_score=True, num_iteration=rounds[name], num_threads=1)
        else:
            found = np.empty((0, classes) if classes > 1 else 0)
        raw[name] = np.asarray(found, dtype=np.float64)
    if len(raw) > 1:
        raw[AVERAGE] = np.asarray(np.mean(list(raw.values()), axis=0))
    return raw


def _row_losses(rows: TrainingRows, raw: Floats, recipe: Recipe) -> Floats:
    scores = from_raw(raw, recipe.training.objective)
    return np.asarray(metric(recipe.model.loss).row_losses(rows.label, scores), dtype=np.float64)


def _by_period(
    rows: TrainingRows, raw: Mapping[str, Floats], recipe: Recipe, wanted: Mapping[str, str]
) -> dict[str, ChunkLosses]:
    """Sums by day, cut where a stored period ends."""
    calendar, task = recipe.model.calendar, recipe.model.task
    time_of_rows = np.asarray(rows.time.to_numpy(), dtype="datetime64[us]")
    losses = {name: _row_losses(rows, scores, recipe) for name, scores in raw.items()}
    doubts: dict[str, Floats] = {}
    for name, scores in raw.items():
        found = uncertainty(task, from_raw(scores, recipe.training.objective))
        if found is not None:
            doubts[name] = found
    chunks = {}
    for period in sorted(wanted):
        start, end = (np.datetime64(moment, "us") for moment in calendar.bounds(period))
        first, last = np.searchsorted(time_of_rows, [start, end])
        days, place = np.unique(time_of_rows[first:last].astype("datetime64[D]"), return_inverse=True)
        chunks[period] = ChunkLosses(
            wanted[period],
            tuple(str(day) for day in days),
            tuple(np.bincount(place, minlength=len(days)).tolist()),
            {name: _sums(place, values[first:last], len(days)) for name, values in losses.items()},
            {name: _sums(place, values[first:last], len(days)) for name, values in doubts.items()},
        )
    return chunks


def _sums(place: NDArray[np.intp], values: Floats, days: int) -> tuple[float, ...]:
    return tuple(np.bincount(place, weights=values, minlength=days).tolist())


def later_periods(origin: MatrixOrigin, periods: Sequence[str], end_of: Mapping[str, datetime]) -> list[str]:
    """The stored periods that hold a moment after an origin's training."""
    return [period for period in periods if end_of[period] > origin.trained_until]
