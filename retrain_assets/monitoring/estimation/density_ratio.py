"""Telling new rows from known ones with small LightGBM models, and weighing the known ones by the answer.

Every prediction for a row that is used is by a model that did not see it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain_assets.errors import DataError
from retrain_assets.metrics.metric import metric

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = NDArray[np.float64]

FOLDS = 2
_HEAVIEST = 50.0
_CERTAIN_Z = 2.326
_ROUNDS = 50
_TREES = {"learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": 100, "verbose": -1, "deterministic": True}


@dataclass(frozen=True)
class Ratio:
    """How much more often the like of each known row occurs among the new rows.

    Attributes:
        weights: Shape (n,), mean 1; all 1 where the two are not told apart.
        separation: AUC of telling new rows from known ones, on rows not trained on: .5 when they are alike.
        shifted: Whether that is above .5 beyond chance (one-sided 1 %).
    """

    weights: Floats
    separation: float
    shifted: bool

    @property
    def effective_rows(self) -> float:
        """(Σw)²/Σw²: how many unweighted rows would be as good."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())


@dataclass(frozen=True)
class SmallTrees:
    """A small LightGBM model that is fitted on one half of some rows, to predict the other.

    Attributes:
        objective: LightGBM's name of it.
        rounds: Boosting rounds.
        seed: The same rows and seed give the same model.
    """

    objective: str
    rounds: int
    seed: int

    def fit(self, rows: pa.Table, target: Floats, held_out: int) -> lgb.Booster:
        """Fit the rows that are not in a fold; row i is in fold i modulo 2."""
        from retrain_assets.scoring.booster import lgb, require_numbers

        require_numbers(rows)
        inside = np.arange(rows.num_rows) % FOLDS != held_out
        data = lgb.Dataset(rows.filter(pa.array(inside)), target[inside])
        settings = {
            **_TREES,
            "objective": self.objective,
            "seed": self.seed,
            "num_threads": 1,
            "force_row_wise": True,
        }
        return lgb.train(settings, data, self.rounds)


def density_ratio(known: pa.Table, waiting: pa.Table, *, seed: int = 0) -> Ratio:
    """Weigh known rows so that they look like the waiting ones.

    w(x) = P(waiting | x) / P(known | x) · n_known / n_waiting, from trees fitted on the other half of the rows, at most
    50, scaled to mean 1. Where the two are not told apart beyond chance every weight is 1, for weights then only add
    noise.

    Source: Bickel, Brückner & Scheffer (2009), JMLR 10; Białek et al. (2024), arXiv 2401.08348.

    >>> random = np.random.default_rng(7)
    >>> old, new = random.uniform(size=3000), random.beta(2, 1, 3000)
    >>> ratio = density_ratio(pa.table({"x": old}), pa.table({"x": new}))
    >>> ratio.shifted, bool(abs(np.average(old, weights=ratio.weights) - 2 / 3) < 0.03)
    (True, True)
    """
    if known.column_names != waiting.column_names:
        raise DataError(
            f"known rows have {', '.join(known.column_names)}; waiting rows have {', '.join(waiting.column_names)}. "
            "Encode both with the same contract."
        )
    rows = pa.concat_tables([known, waiting], promote_options="permissive").combine_chunks()
    new = np.repeat([0.0, 1.0], [known.num_rows, waiting.num_rows])
    trees = SmallTrees("binary", _ROUNDS, seed)
    share = predicted_elsewhere([trees.fit(rows, new, held_out=fold) for fold in range(FOLDS)], rows)
    separation = metric("auc").value(new, share)
    chance = math.sqrt((len(new) + 1) / (12 * known.num_rows * waiting.num_rows))
    shifted = separation > 0.5 + _CERTAIN_Z * chance
    if not shifted:
        return Ratio(np.ones(known.num_rows), separation, False)
    odds = share[: known.num_rows] / (1 - share[: known.num_rows]) * known.num_rows / waiting.num_rows
    weights = np.minimum(odds, _HEAVIEST)
    return Ratio(weights / weights.mean(), separation, True)


def predicted_elsewhere(models: Sequence[lgb.Booster], rows: pa.Table) -> Floats:
    """What each row's value is to the model that did not see it."""
    fold = np.arange(rows.num_rows) % FOLDS
    predicted = np.empty(rows.num_rows)
    for number, model in enumerate(models):
        predicted[fold == number] = np.asarray(model.predict(rows.filter(pa.array(fold == number))))
    return predicted
