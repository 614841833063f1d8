"""One fit per origin and strategy: the model, and how many of its rounds were best on the rows that came after.

A model is trained further than its own best round, as far as early stopping goes, and stored whole: with how many
rounds it serves is known only from the rehearsals before it (`rehearsals`), and a LightGBM model of fewer rounds is its
beginning.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.matrix.origins import MatrixOrigin
from retrain_assets.candidates.boosting.lightgbm_model import fit, fit_past_stop
from retrain_assets.candidates.boosting.model_average import from_raw
from retrain_assets.candidates.rolling_origins import held_out
from retrain_assets.candidates.strategies import Recipe, TrainingRows, row_weights
from retrain_assets.metrics.metric import metric
from retrain_assets.scoring.booster import load
from retrain_assets.store import Json, PeriodStore

ASSET = "backtest_models"
_LEVEL = 1


@dataclass(frozen=True)
class FitRecord:
    """What one fit left behind, its model's text in a file beside it.

    Attributes:
        key: Digest of everything that the fit depends on.
        trees: Boosting rounds in the model.
        rows: Training rows.
        stopped_at: The round that was best on the rows after the training ones; None while these are not known.
        held_out_at: The round that was best on a share of the training rows, where no origin before has been rehearsed.
        seconds: CPU time of LightGBM.
        problem: Why nothing could be trained; empty where it could.
    """

    key: str
    trees: int = 0
    rows: int = 0
    stopped_at: int | None = None
    held_out_at: int | None = None
    seconds: float = 0.0
    problem: str = ""

    def to_dict(self) -> Json:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> FitRecord:
        """The inverse of `to_dict`."""
        return cls(**record)


@dataclass(frozen=True)
class FitFiles:
    """The stored fits of a model, by origin and strategy."""

    store: PeriodStore

    def read(self, origin: str, strategy: str) -> FitRecord | None:
        """What is stored of a fit; None where nothing is."""
        record = self.store.read_json(ASSET, f"{origin}.{strategy}")
        return FitRecord.from_dict(record) if record is not None else None

    def model(self, origin: str, strategy: str) -> bytes:
        """The text of a fitted model."""
        return gzip.decompress(self.store.read_bytes(ASSET, f"{origin}.{strategy}", "gz"))

    def write(self, origin: str, strategy: str, record: FitRecord, model: bytes | None) -> None:
        """Keep a fit; the record comes last, so that it never speaks of a model that is not there."""
        if model is not None:
            self.store.write_bytes(ASSET, f"{origin}.{strategy}", "gz", gzip.compress(model, _LEVEL, mtime=0))
        self.store.write_json(ASSET, f"{origin}.{strategy}", record.to_dict())


def train_at(
    rows: EncodedHistory, origin: MatrixOrigin, strategy: str, recipe: Recipe, *, stop_known: bool, first: bool
) -> tuple[bytes, FitRecord]:
    """Train one strategy at one origin on what was known there.

    Args:
        rows: All labelled rows.
        origin: Where.
        strategy: "recent" or "history".
        recipe: Everything else about the training.
        stop_known: Whether the outcomes of all rows that may stop the training early are known.
        first: Whether no origin before has been rehearsed, so that a held-out share must tell the number of rounds.

    Raises:
        NotEnoughData: No row to train on, or a single class.
    """
    train = rows.training(origin, strategy, recipe)
    weight = row_weights(train, strategy, origin.span(strategy), recipe)
    later = rows.rows.within(origin.stop)
    began = time.process_time()
    stopped: int | None = None
    if stop_known and len(later):
        examples = train.examples(rows.contract, weight)
        model, stopped = fit_past_stop(recipe.learner, examples, later.examples(rows.contract), recipe.model.loss)
    else:
        model = fit(recipe.learner, train.examples(rows.contract, weight), recipe.training.max_rounds)
    held = _held_out_round(train, weight, rows, recipe) if first else None
    seconds = round(time.process_time() - began, 3)
    trees = load(model).current_iteration()
    return model, FitRecord("", trees, len(train), stopped, held, seconds)


def longer(rows: EncodedHistory, origin: MatrixOrigin, strategy: str, recipe: Recipe, rounds: int) -> bytes:
    """The same model with more rounds than its own early stopping would have left it."""
    train = rows.training(origin, strategy, recipe)
    weight = row_weights(train, strategy, origin.span(strategy), recipe)
    return fit(recipe.learner, train.examples(rows.contract, weight), rounds)


def best_round(model: bytes, later: TrainingRows, recipe: Recipe) -> int:
    """The round at which early stopping would have ended, from the losses of a trained model's rounds on later rows."""
    booster, objective = load(model), recipe.training.objective
    raw: NDArray[np.float64] | float = 0.0
    losses = []
    for number in range(booster.current_iteration()):
        raw = raw + np.asarray(
            booster.predict(later.features, raw_score=True, start_iteration=number, num_iteration=1, num_threads=1)
        )
        scores = from_raw(np.asarray(raw), objective)
        losses.append(float(np.mean(metric(recipe.model.loss).row_losses(later.label, scores))))
    return stopping_round(losses, recipe.training.early_stopping_rounds)


def stopping_round(losses: Sequence[float], patience: int) -> int:
    """The best round up to the first that is `patience` rounds after it, counted from 1.

    >>> stopping_round([5.0, 4.0, 4.5, 4.6, 3.0], patience=2), stopping_round([5.0, 4.0, 4.5, 4.6, 3.0], patience=4)
    (2, 5)
    """
    best = 0
    for number, loss in enumerate(losses):
        if loss < losses[best]:
            best = number
        if number - best >= patience:
            break
    return best + 1


def _held_out_round(
    train: TrainingRows, weight: NDArray[np.float32] | None, rows: EncodedHistory, recipe: Recipe
) -> int:
    """The best round on a share of the training rows, as a retrain without any origin to rehearse takes it."""
    out = held_out(train.key)
    kept, later = train.where(~out), train.where(out)
    examples = kept.examples(rows.contract, None if weight is None else weight[~out])
    return fit_past_stop(recipe.learner, examples, later.examples(rows.contract), recipe.model.loss)[1]
