"""How good is a model on rows whose outcomes are not known yet? An estimate, and what it takes for granted.

Classifiers by calibrated confidence: isotonic regression on rows with outcomes turns scores into probabilities, and
these into the loss and the confusion matrix to be expected (`expected`); what known rows lost beyond that corrects the
loss. Where the new rows are told apart from the
known ones, the known ones are weighted by how much more often their like occurs now (`density`). Regression by direct
loss estimation: a small model of the row loss, learnt from the known rows.

Both assume that outcomes still follow from features as they did, which nothing without outcomes can show. No file is
read here; which rows are known and which are waiting is decided in `label_free`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain_assets.errors import DataError
from retrain_assets.metrics.metric import metric
from retrain_assets.model import Task
from retrain_assets.monitoring.estimation.density_ratio import FOLDS, SmallTrees, density_ratio, predicted_elsewhere
from retrain_assets.monitoring.estimation.expected_loss import (
    calibrated,
    expected_cost,
    expected_losses,
    expected_metrics,
)
from retrain_assets.store import Json

Floats = NDArray[np.float64]

FEWEST_ROWS = 1000
"""Known rows, and effective ones after weighting, below which nothing is estimated."""

ASSUMES = (
    "It takes for granted that outcomes follow from the features as they did (a change of that only the later truth "
    "can show), that rows like the new ones have known outcomes, and that scores ranked alike are right alike."
)

_ROUNDS = 60


@dataclass(frozen=True)
class EstimationPolicy:
    """What is estimated without outcomes besides the loss.

    Attributes:
        threshold: From which score on a row counts as class 1 (two classes).
        costs: Per name a cost matrix, `matrix[outcome][decision]`, whose expected cost per row is wanted (two classes).
        seed: Of the trees; the same input and seed give the same numbers.
    """

    threshold: float = 0.5
    costs: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    seed: int = 7


@dataclass(frozen=True)
class LabelledRows:
    """Rows with outcomes that the model never trained on.

    Args:
        features: Numbers only, as `scoring.features.encode` gives them; n rows.
        scores: Shape (n,), or (n, k) for k classes.
        label: Shape (n,).
    """

    features: pa.Table
    scores: Floats
    label: Floats

    def __post_init__(self) -> None:
        _same_rows("known", self.features, self.scores, self.label)


@dataclass(frozen=True)
class UnlabelledRows:
    """Rows without outcomes; features and scores as in `LabelledRows`."""

    features: pa.Table
    scores: Floats

    def __post_init__(self) -> None:
        _same_rows("waiting", self.features, self.scores)


@dataclass(frozen=True)
class LossEstimate:
    """The loss to be expected on rows without outcomes.

    Attributes:
        loss: Mean loss per row; `low` and `high` are the 5 and 95 % points of what the later truth should be.
        metrics: What else is to be expected, such as accuracy, auc and f1; empty for regression.
        reference_rows: Known rows behind it, and `effective_rows` after weighting.
        separation: See `Ratio`; None where no weights are needed.
    """

    rows: int
    loss: float
    low: float
    high: float
    method: str
    reference_rows: int
    effective_rows: float
    separation: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, record: Json) -> LossEstimate:
        """Read the fields from a record that may hold more; an unknown metric is stored as null."""
        own = {one.name: record[one.name] for one in fields(cls) if one.name in record}
        known = {name: math.nan if value is None else value for name, value in own.get("metrics", {}).items()}
        return cls(**{**own, "metrics": known})


@dataclass(frozen=True)
class NoEstimate:
    """No estimate, and why."""

    reason: str


def estimate(
    task: Task,
    loss: str,
    known: LabelledRows,
    waiting: UnlabelledRows,
    policy: EstimationPolicy | None = None,
) -> LossEstimate | NoEstimate:
    """Estimate the mean loss, and for classifiers the usual metrics, of rows without outcomes.

    Args:
        task: What the model predicts.
        loss: Name of a mean loss of that task.
        known: Rows with outcomes.
        waiting: Rows without.
        policy: What is estimated besides; without it the usual metrics alone.

    Returns:
        The estimate, or why there is none: fewer than 1,000 known rows (or effective ones), or no row is waiting.

    Raises:
        DataError: A score or a label is not finite, or features of the two do not match.

    >>> random = np.random.default_rng(7)
    >>> score = random.uniform(0.01, 0.99, 4000)
    >>> rows = pa.table({"x": score})
    >>> known = LabelledRows(rows, score, (random.uniform(size=4000) < score).astype(float))
    >>> found = estimate("binary", "log_loss", known, UnlabelledRows(rows, score))
    >>> round(found.loss, 1), round(found.metrics["accuracy"], 1)
    (0.5, 0.8)
    """
    _refuse_unusable(known, waiting)
    if not len(waiting.scores):
        return NoEstimate("no row waits for its outcome")
    if len(known.label) < FEWEST_ROWS:
        return NoEstimate(f"{len(known.label):,} rows with known outcomes, {FEWEST_ROWS:,} are needed for an estimate")
    policy = policy or EstimationPolicy()
    if task == "regression":
        return _values(loss, known, waiting, policy)
    return _classes(loss, known, waiting, policy)


def _classes(
    loss: str, known: LabelledRows, waiting: UnlabelledRows, policy: EstimationPolicy
) -> LossEstimate | NoEstimate:
    ratio = density_ratio(
        _with_scores(known.features, known.scores), _with_scores(waiting.features, waiting.scores), seed=policy.seed
    )
    if not ratio.effective_rows >= FEWEST_ROWS:
        return NoEstimate(
            f"the new rows are unlike those with known outcomes: weighted to their like, {len(known.label):,} rows are "
            f"worth {ratio.effective_rows:,.0f}, {FEWEST_ROWS:,} are needed for an estimate"
        )
    probability = calibrated(known.scores, known.label, ratio.weights, waiting.scores)
    expected = expected_losses(loss, waiting.scores, probability)
    residuals = _residuals(loss, known, ratio.weights)
    level = float(expected.mean() + np.average(residuals, weights=ratio.weights))
    low, high = _limits(level, residuals, ratio.weights, len(expected))
    return LossEstimate(
        rows=len(expected),
        loss=level,
        low=low,
        high=high,
        method="calibrated confidence" + (", weighted by a density ratio" if ratio.shifted else ""),
        reference_rows=len(known.label),
        effective_rows=ratio.effective_rows,
        separation=ratio.separation,
        metrics=expected_metrics(waiting.scores, probability, policy.threshold)
        | {
            name: expected_cost(waiting.scores, probability, policy.threshold, matrix)
            for name, matrix in policy.costs.items()
        },
    )


def _values(loss: str, known: LabelledRows, waiting: UnlabelledRows, policy: EstimationPolicy) -> LossEstimate:
    """Direct loss estimation: the mean of a model of the row loss over the waiting rows.

    Each half of the known rows gives a model; their residuals are of the other half.
    """
    losses = metric(loss).row_losses(known.label, known.scores)
    features = _with_scores(known.features, known.scores)
    new = _with_scores(waiting.features, waiting.scores)
    trees = SmallTrees("regression", _ROUNDS, policy.seed)
    models = [trees.fit(features, losses, held_out=fold) for fold in range(FOLDS)]
    expected = np.mean([model.predict(new) for model in models], axis=0)
    residuals = losses - predicted_elsewhere(models, features)
    level = float(expected.mean() + residuals.mean())
    low, high = _limits(level, residuals, np.ones(len(losses)), len(expected))
    return LossEstimate(len(expected), level, low, high, "direct loss estimation", len(losses), float(len(losses)))


def _residuals(loss: str, known: LabelledRows, weights: Floats) -> Floats:
    """Each known row's loss less what the other half of the known rows lets expect of it, shape (n,).

    Their weighted mean corrects the estimate: isotonic regression runs to 0 and 1 at its ends, where a log loss is
    large.
    """
    losses, fold = metric(loss).row_losses(known.label, known.scores), np.arange(len(known.label)) % FOLDS
    expected = np.empty(len(losses))
    for number in range(FOLDS):
        own, other = fold == number, fold != number
        probability = calibrated(known.scores[other], known.label[other], weights[other], known.scores[own])
        expected[own] = expected_losses(loss, known.scores[own], probability)
    return losses - expected


def _limits(level: float, residuals: Floats, weights: Floats, rows: int) -> tuple[float, float]:
    """5 and 95 % points of the later truth: chance of the new rows' outcomes, and of the known ones'."""
    variance = float(np.average((residuals - np.average(residuals, weights=weights)) ** 2, weights=weights))
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    reach = 1.645 * math.sqrt(variance * (1 / rows + 1 / effective))
    return level - reach, level + reach


def _with_scores(features: pa.Table, scores: Floats) -> pa.Table:
    """Features and scores as one table of numbers, under names that LightGBM takes."""
    columns = scores[:, None] if scores.ndim == 1 else scores
    named = features.rename_columns([f"f{at}" for at in range(features.num_columns)])
    for at in range(columns.shape[1]):
        named = named.append_column(f"score{at}", pa.array(columns[:, at]))
    return named


def _same_rows(what: str, features: pa.Table, *columns: Floats) -> None:
    sizes = {len(column) for column in columns} | {features.num_rows}
    if len(sizes) > 1:
        raise DataError(f"{what} rows: features, scores and labels have {sorted(sizes)} rows. Join them by key first.")


def _refuse_unusable(known: LabelledRows, waiting: UnlabelledRows) -> None:
    columns = {"known scores": known.scores, "known labels": known.label, "waiting scores": waiting.scores}
    for what, values in columns.items():
        bad = int(values.size - np.isfinite(values).sum())
        if bad:
            raise DataError(f"{bad:,} of {values.size:,} {what} are not finite. Leave those rows out first.")
