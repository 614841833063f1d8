"""The two strategies, and training one of them: which rows of history, with which weight.

- **recent**: the last periods only, all rows alike; quick to follow an abrupt change. Rows of declared rare types are
  kept whatever their age.
- **history**: everything, a row's weight halving every so many periods; keeps what is seasonal or rare.

Which of them to prefer, and for how many rounds, is found in `rolling_origins`.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from retrain_assets.candidates.boosting.lightgbm_model import Examples, Learner, check_labels, fit, release_memory
from retrain_assets.candidates.policy import RareType, TrainingPolicy
from retrain_assets.candidates.rare_types import of_any_type
from retrain_assets.errors import DataError, NotEnoughData, SpecError
from retrain_assets.model import Model
from retrain_assets.periods import Length
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.training_record import AveragedModel
from retrain_assets.scoring.booster import importance
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.features import compact, contract_of, encode
from retrain_assets.store import LABEL
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import effective_rows, weights

STRATEGIES = ("recent", "history")
LARGEST_IMPORTANCES = 20

Loader = Callable[[Span], pa.Table]
"""Gives the labelled rows of a span: features, key, time and `label`."""


@dataclass(frozen=True)
class Recipe:
    """Everything about training a model but its rows.

    Early stopping and the choice between strategies go by the model's loss; `half_life` is the age at which
    a row counts half under the history strategy.
    """

    model: Model
    columns: Columns
    training: TrainingPolicy
    half_life: Length

    @property
    def kept(self) -> tuple[RareType, ...]:
        """The rare types of which no row is too old for the recent strategy."""
        return self.training.coverage.kept

    @property
    def learner(self) -> Learner:
        """How LightGBM is fitted."""
        return Learner(self.training, self.model.task, self.model.classes)


class HeldRows:
    """Labelled rows in memory, sorted by time: a loader whose spans are slices, not copies.

    Load the widest span once (`rolling_origins.widest`), then rehearse and train on slices of it.
    """

    def __init__(self, rows: pa.Table, recipe: Recipe) -> None:
        """Take the rows, sorted by time and key if they are in no time order, with their categories made compact.

        Raises:
            DataError: A row has no time.
        """
        if not _in_order(rows, recipe.model.time):
            rows = rows.sort_by([(recipe.model.time, "ascending"), (recipe.model.key, "ascending")])
        self._rows = compact(rows)
        self._time = recipe.model.time
        release_memory()

    def __call__(self, span: Span) -> pa.Table:
        """The rows with start <= time < end."""
        return self._rows.slice(*_bounds(self._rows[self._time], span))


@dataclass(frozen=True)
class TrainingRows:
    """Encoded rows with their labels, sorted by time; a part of them shares their memory.

    `rare` says which rows are of a type that the recent strategy keeps whatever their age.
    """

    features: pa.Table
    label: pa.ChunkedArray
    time: pa.ChunkedArray
    key: pa.ChunkedArray
    rare: pa.ChunkedArray

    def examples(self, contract: FeatureContract, weight: NDArray[np.float32] | None = None) -> Examples:
        """The rows as LightGBM reads them."""
        return Examples(self.features, self.label, weight, contract.categorical)

    @classmethod
    def of(cls, table: pa.Table, contract: FeatureContract, recipe: Recipe) -> TrainingRows:
        """Labelled rows, sorted by time, as the model reads them.

        Raises:
            DataError: A label is missing or no class of the task, a column cannot be read, or time runs backwards.
        """
        if not _in_order(table, recipe.model.time):
            raise DataError(f"{table.num_rows:,} rows are not sorted by {recipe.model.time}: hold them as HeldRows")
        check_labels(table[LABEL], recipe.model.task, recipe.model.classes)
        rare = pa.chunked_array([of_any_type(table, recipe.kept)])
        return cls(encode(table, contract).table, table[LABEL], table[recipe.model.time], table[recipe.model.key], rare)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.label)

    def within(self, span: Span) -> TrainingRows:
        """The rows with start <= time < end, not copied."""
        return self._slice(*_bounds(self.time, span))

    def where(self, chosen: NDArray[np.bool_]) -> TrainingRows:
        """A copy of the chosen rows."""
        mask = pa.array(chosen)
        return TrainingRows(
            self.features.filter(mask),
            self.label.filter(mask),
            self.time.filter(mask),
            self.key.filter(mask),
            self.rare.filter(mask),
        )

    def training(self, span: Span, strategy: str, recipe: Recipe) -> TrainingRows:
        """The rows that train a strategy on a span: those in it, and for `recent` older ones of the types it keeps."""
        inside = self.within(span)
        if strategy != "recent" or not recipe.kept:
            return inside
        older = self._slice(0, _bounds(self.time, span)[0])
        older = older.where(older.rare.to_numpy())
        return TrainingRows(
            pa.concat_tables([older.features, inside.features]),
            *(
                pa.chunked_array(
                    [*getattr(older, name).chunks, *getattr(inside, name).chunks], getattr(inside, name).type
                )
                for name in ("label", "time", "key", "rare")
            ),
        )

    def _slice(self, offset: int, length: int) -> TrainingRows:
        part = (offset, length)
        return TrainingRows(
            self.features.slice(*part),
            self.label.slice(*part),
            self.time.slice(*part),
            self.key.slice(*part),
            self.rare.slice(*part),
        )


@dataclass(frozen=True)
class Trained:
    """A model and what trained it.

    Attributes:
        model: LightGBM's text.
        contract: What it reads.
        strategy: Which strategy trained it; the average for a merged one.
        rounds: Boosting rounds.
        rows: Training rows.
        effective_rows: How many equally weighted rows they are worth.
        baseline: The constant score of the trivial model (see `baseline_of`).
        window: The span of the training rows, and the stored periods that hold them.
        parts: The two models that an average was made of, by strategy.
    """

    model: bytes = field(repr=False)
    contract: FeatureContract
    strategy: str
    rounds: int
    rows: int
    effective_rows: float
    baseline: float | tuple[float, ...]
    window: Span
    parts: Mapping[str, AveragedModel] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of the model's text."""
        return hashlib.sha256(self.model).hexdigest()

    @cached_property
    def importance(self) -> dict[str, float]:
        """Share of the total gain of the 20 features that the model uses most, the largest first."""
        return dict(list(importance(self.model).items())[:LARGEST_IMPORTANCES])

    @property
    def part(self) -> AveragedModel:
        """What an average records of this model."""
        window = self.window
        return AveragedModel(
            self.rounds, self.rows, self.effective_rows, window.start.isoformat(), window.end.isoformat()
        )


def train_strategy(loader: Loader, span: Span, strategy: str, rounds: int, recipe: Recipe) -> Trained:
    """One strategy's model of a span; the same rows give the same bytes.

    The feature contract comes from the span's own rows, so that a level which only older rows held counts as unseen.

    Args:
        loader: Gives the span's labelled rows in time order; a `HeldRows` gives them without a copy.
        span: What to train on, the `recent` or the `history` span of the windows.
        strategy: "recent" or "history".
        rounds: Boosting rounds, as found by `rolling_origins.rehearse`.
        recipe: Everything else.

    Raises:
        NotEnoughData: The span holds no labelled row, or a single class.
        DataError: A column or a label cannot be used.
    """
    table = training_table(loader, span, strategy, recipe)
    if not table.num_rows:
        raise NotEnoughData(f"{strategy}: no labelled row in {span}: widen the window")
    contract = contract_of(table, recipe.columns)
    rows = TrainingRows.of(table, contract, recipe)
    weight = row_weights(rows, strategy, span, recipe)
    model = recipe.model
    return Trained(
        model=fit(recipe.learner, rows.examples(contract, weight), rounds),
        contract=contract,
        strategy=strategy,
        rounds=rounds,
        rows=len(rows),
        effective_rows=effective_row_count(weight, len(rows)),
        baseline=baseline_of(rows.label, model.task, model.classes, model.loss),
        window=span,
    )


def training_table(loader: Loader, span: Span, strategy: str, recipe: Recipe) -> pa.Table:
    """The rows that train a strategy on a span, in time order: `TrainingRows.training` before anything is encoded."""
    if strategy != "recent" or not recipe.kept:
        return loader(span)
    older = loader(replace(span, start=datetime.min, end=span.start))
    older = older.filter(pa.array(of_any_type(older, recipe.kept)))
    return pa.concat_tables([older, loader(span)]).unify_dictionaries()


def row_weights(rows: TrainingRows, strategy: str, span: Span, recipe: Recipe) -> NDArray[np.float32] | None:
    """The weights of the rows that train a strategy on a span, of mean 1, or None where all rows count alike.

    Old rows of a rare class would tell the recent strategy that the class is common. Every row of a kept class
    therefore weighs the window's share of all history's time, so that all of them together weigh what the class brings
    on average in a window of that length. Rows kept by a feature's value weigh 1: they say nothing about how common
    their outcomes are.
    """
    classes = [rare.label for rare in recipe.kept if rare.label is not None]
    if strategy != "recent" or not classes:
        return strategy_weights(strategy, rows.time, span.end, recipe)
    since = recipe.model.calendar.bounds(recipe.model.calendar.first)[0]
    share = (span.end - span.start) / (span.end - min(since, span.start))
    raw = np.where(np.isin(rows.label.to_numpy(), classes), share, 1.0)
    return np.asarray(raw / raw.mean(), dtype=np.float32)


def strategy_weights(strategy: str, time: ArrayLike, as_of: datetime, recipe: Recipe) -> NDArray[np.float32] | None:
    """The rows' weights under a strategy, of mean 1, or None where all rows count alike.

    Raises:
        SpecError: There is no such strategy.
    """
    if strategy not in STRATEGIES:
        raise SpecError(f"unknown strategy {strategy!r}: use one of {', '.join(STRATEGIES)}")
    if strategy == "recent":
        return None
    return np.asarray(weights(np.asarray(time), recipe.model.calendar, as_of, recipe.half_life), dtype=np.float32)


def effective_row_count(weight: NDArray[np.float32] | None, rows: int) -> float:
    """How many equally weighted rows the weighted ones are worth, (Σw)²/Σw²."""
    return float(rows) if weight is None else float(effective_rows(weight))


def baseline_of(label: ArrayLike, task: str, n_classes: int, loss: str) -> float | tuple[float, ...]:
    """The best constant score on the training labels, which a model must beat to be worth anything.

    For regression the median where the loss is the absolute error, else the mean; the share of label 1 for binary; the
    share of each class for several.

    >>> baseline_of([1.0, 2.0, 9.0], "regression", 0, "mae"), baseline_of([0, 1, 1, 1], "binary", 2, "log_loss")
    (2.0, 0.75)
    >>> baseline_of([0, 2, 2, 2], "multiclass", 3, "log_loss")
    (0.25, 0.0, 0.75)
    """
    values = np.asarray(label, dtype=np.float64)
    if task == "multiclass":
        counts = np.bincount(values.astype(np.int64), minlength=n_classes)
        return tuple(float(count) / len(values) for count in counts)
    return float(np.median(values)) if task == "regression" and loss == "mae" else float(values.mean())


def _in_order(rows: pa.Table, time: str) -> bool:
    """Whether time never runs backwards."""
    missing = rows[time].null_count
    if missing:
        raise DataError(f"{missing:,} of {rows.num_rows:,} labelled rows have no {time}: reject them when read")
    last = None
    for chunk in rows[time].chunks:
        moments = chunk.to_numpy(zero_copy_only=False)
        if (moments[1:] < moments[:-1]).any() or (last is not None and (moments[:1] < last).any()):
            return False
        last = moments[-1] if len(moments) else last
    return True


def _bounds(time: pa.ChunkedArray, span: Span) -> tuple[int, int]:
    """Offset and number of the rows of a span, found without a copy of the times."""
    first, last = (
        bisect_left(range(len(time)), moment, key=lambda row: time[row].as_py()) for moment in (span.start, span.end)
    )
    return first, last - first
