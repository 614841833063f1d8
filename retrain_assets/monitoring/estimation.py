"""How good is a model on rows whose outcomes are not known yet? An estimate, and what it takes for granted.

Classifiers by calibrated confidence: isotonic regression on rows with outcomes turns scores into probabilities, and
these into the loss and the confusion matrix to be expected. Where the new rows are told apart from the known ones, the
known ones are weighted by how much more often their like occurs now. Regression by direct loss estimation: a small
model of the row loss, learnt from the known rows.

Both assume that outcomes still follow from features as they did, which nothing without outcomes can show. No file is
read here and no policy known; which rows are known and which are waiting is decided in `waiting`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from retrain_assets.errors import DataError
from retrain_assets.metrics import metric, predicted_class

Floats = NDArray[np.float64]
Task = Literal["binary", "multiclass", "regression"]

FEWEST_ROWS = 1000
"""Known rows, and effective ones after weighting, below which nothing is estimated."""

ASSUMES = (
    "It takes for granted that outcomes follow from the features as they did (a change of that only the later truth "
    "can show), that rows like the new ones have known outcomes, and that scores ranked alike are right alike."
)

_FOLDS = 2
_HEAVIEST = 50.0
_CERTAIN_Z = 2.326
_TREES = {"learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": 100, "verbose": -1, "deterministic": True}
_DENSITY_ROUNDS, _LOSS_ROUNDS = 50, 60


@dataclass(frozen=True)
class Known:
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
class Waiting:
    """Rows without outcomes; features and scores as in `Known`."""

    features: pa.Table
    scores: Floats

    def __post_init__(self) -> None:
        _same_rows("waiting", self.features, self.scores)


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
class Estimate:
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

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Unknown:
    """No estimate, and why."""

    reason: str


def estimate(
    task: Task,
    loss: str,
    known: Known,
    waiting: Waiting,
    *,
    threshold: float = 0.5,
    costs: Mapping[str, ArrayLike] | None = None,
    seed: int = 0,
    threads: int = 1,
) -> Estimate | Unknown:
    """Estimate the mean loss, and for classifiers the usual metrics, of rows without outcomes.

    Args:
        task: What the model predicts.
        loss: Name of a mean loss of that task.
        known: Rows with outcomes.
        waiting: Rows without.
        threshold: From which score on a row counts as class 1 (two classes).
        costs: Per name a cost matrix, `matrix[outcome][decision]`, whose expected cost per row is wanted (two classes).
        seed: Of the trees; the same input and seed give the same numbers.
        threads: Threads for LightGBM.

    Returns:
        The estimate, or why there is none: fewer than 1,000 known rows (or effective ones), or no row is waiting.

    Raises:
        DataError: A score or a label is not finite, or features of the two do not match.

    >>> random = np.random.default_rng(7)
    >>> score = random.uniform(0.01, 0.99, 4000)
    >>> rows = pa.table({"x": score})
    >>> known = Known(rows, score, (random.uniform(size=4000) < score).astype(float))
    >>> found = estimate("binary", "log_loss", known, Waiting(rows, score))
    >>> round(found.loss, 2), round(found.metrics["accuracy"], 2)
    (0.5, 0.75)
    """
    _refuse_unusable(known, waiting)
    if not len(waiting.scores):
        return Unknown("no row waits for its outcome")
    if len(known.label) < FEWEST_ROWS:
        return Unknown(f"{len(known.label):,} rows with known outcomes, {FEWEST_ROWS:,} are needed for an estimate")
    if task == "regression":
        return _values(loss, known, waiting, seed, threads)
    return _classes(loss, known, waiting, threshold, costs or {}, seed, threads)


def density_ratio(known: pa.Table, waiting: pa.Table, *, seed: int = 0, threads: int = 1) -> Ratio:
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
    share = _out_of_fold(rows, new, "binary", _DENSITY_ROUNDS, seed, threads)
    separation = metric("auc").value(new, share)
    chance = math.sqrt((len(new) + 1) / (12 * known.num_rows * waiting.num_rows))
    shifted = separation > 0.5 + _CERTAIN_Z * chance
    if not shifted:
        return Ratio(np.ones(known.num_rows), separation, False)
    odds = share[: known.num_rows] / (1 - share[: known.num_rows]) * known.num_rows / waiting.num_rows
    weights = np.minimum(odds, _HEAVIEST)
    return Ratio(weights / weights.mean(), separation, True)


def calibrated(scores: Floats, label: Floats, weights: Floats, new_scores: Floats) -> Floats:
    """Probabilities that new scores stand for, learnt from scores with outcomes.

    Isotonic regression; of several classes one against all others, scaled to sum to 1.

    Returns:
        The shape of `new_scores`: P(label = 1), or a share per class.

    Source: Zadrozny & Elkan (2002), KDD.

    >>> calibrated(np.array([0.2, 0.2, 0.8, 0.8]), np.array([0.0, 0.0, 0.0, 1.0]), np.ones(4), np.array([0.2, 0.9]))
    array([0. , 0.5])
    """
    if scores.ndim == 1:
        return _isotonic(scores, label, weights, new_scores)
    classes = range(scores.shape[1])
    parts = [_isotonic(scores[:, k], (label == k).astype(float), weights, new_scores[:, k]) for k in classes]
    shares = np.column_stack(parts)
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(shares, total, out=np.full(shares.shape, 1 / len(parts)), where=total > 0))


def expected_losses(loss: str, scores: Floats, probability: Floats) -> Floats:
    """Expected loss of each row, shape (n,): Σ_k P(label = k)·loss(k, score).

    >>> expected_losses("brier", np.array([0.5]), np.array([0.9]))
    array([0.25])
    """
    return np.asarray(sum(share * losses for share, losses in _by_label(loss, scores, probability)))


def expected_metrics(scores: Floats, probability: Floats, threshold: float) -> dict[str, float]:
    """Accuracy of a classifier to be expected; of two classes also auc, tpr, fpr, precision and f1.

    The confusion matrix is Σp over the rows called 1 (true positives), Σ(1 − p) over the same rows (false positives),
    and so on; AUC is the share of pairs in the right order, a row being a positive with weight p and a negative with
    weight 1 − p. A metric without a denominator is NaN.

    >>> found = expected_metrics(np.array([0.2, 0.9]), np.array([0.25, 0.75]), 0.5)
    >>> {name: round(value, 3) for name, value in found.items()}
    {'accuracy': 0.75, 'auc': 0.75, 'tpr': 0.75, 'fpr': 0.25, 'precision': 0.75, 'f1': 0.75}
    """
    if scores.ndim == 2:
        given = probability[np.arange(len(scores)), predicted_class(scores, threshold)]
        return {"accuracy": float(given.mean())}
    confusion = expected_confusion(scores, probability, threshold)
    (true_negative, false_positive), (false_negative, true_positive) = confusion
    return {
        "accuracy": (true_positive + true_negative) / len(scores),
        "auc": _expected_auc(scores, probability),
        "tpr": _share(true_positive, true_positive + false_negative),
        "fpr": _share(false_positive, false_positive + true_negative),
        "precision": _share(true_positive, true_positive + false_positive),
        "f1": _share(2 * true_positive, 2 * true_positive + false_positive + false_negative),
    }


def expected_confusion(scores: Floats, probability: Floats, threshold: float) -> Floats:
    """Expected rows by outcome (rows 0, 1) and decision (columns 0, 1), shape (2, 2).

    >>> expected_confusion(np.array([0.2, 0.9]), np.array([0.25, 0.75]), 0.5)
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """
    decided = predicted_class(scores, threshold)
    weights = (1 - probability, probability)
    return np.array([np.bincount(decided, weights=weight, minlength=2) for weight in weights])


def expected_cost(scores: Floats, probability: Floats, threshold: float, matrix: ArrayLike) -> float:
    """Expected cost per row; `matrix[outcome][decision]` is what a row costs.

    >>> expected_cost(np.array([0.2, 0.9]), np.array([0.25, 0.75]), 0.5, [[0, 1], [10, 0]])
    1.375
    """
    cost = np.asarray(matrix, dtype=float)
    return float((expected_confusion(scores, probability, threshold) * cost).sum() / len(scores))


def _classes(
    loss: str,
    known: Known,
    waiting: Waiting,
    threshold: float,
    costs: Mapping[str, ArrayLike],
    seed: int,
    threads: int,
) -> Estimate | Unknown:
    ratio = density_ratio(
        _with_scores(known.features, known.scores),
        _with_scores(waiting.features, waiting.scores),
        seed=seed,
        threads=threads,
    )
    if not ratio.effective_rows >= FEWEST_ROWS:
        return Unknown(
            f"the new rows are unlike those with known outcomes: weighted to their like, {len(known.label):,} rows are "
            f"worth {ratio.effective_rows:,.0f}, {FEWEST_ROWS:,} are needed for an estimate"
        )
    probability = calibrated(known.scores, known.label, ratio.weights, waiting.scores)
    expected = expected_losses(loss, waiting.scores, probability)
    fitted = calibrated(known.scores, known.label, ratio.weights, known.scores)
    residuals = metric(loss).row_losses(known.label, known.scores) - expected_losses(loss, known.scores, fitted)
    low, high = _limits(float(expected.mean()), residuals, ratio.weights, len(expected))
    return Estimate(
        rows=len(expected),
        loss=float(expected.mean()),
        low=low,
        high=high,
        method="calibrated confidence" + (", weighted by a density ratio" if ratio.shifted else ""),
        reference_rows=len(known.label),
        effective_rows=ratio.effective_rows,
        separation=ratio.separation,
        metrics=expected_metrics(waiting.scores, probability, threshold)
        | {name: expected_cost(waiting.scores, probability, threshold, matrix) for name, matrix in costs.items()},
    )


def _values(loss: str, known: Known, waiting: Waiting, seed: int, threads: int) -> Estimate:
    """Direct loss estimation: the mean of a model of the row loss over the waiting rows.

    Each half of the known rows gives a model; their residuals are of the other half.
    """
    losses = metric(loss).row_losses(known.label, known.scores)
    features = _with_scores(known.features, known.scores)
    new = _with_scores(waiting.features, waiting.scores)
    models = [_fitted(features, losses, fold, "regression", _LOSS_ROUNDS, seed, threads) for fold in range(_FOLDS)]
    expected = np.mean([model.predict(new) for model in models], axis=0)
    residuals = losses - _predicted_elsewhere(models, features)
    level = float(expected.mean() + residuals.mean())
    low, high = _limits(level, residuals, np.ones(len(losses)), len(expected))
    return Estimate(len(expected), level, low, high, "direct loss estimation", len(losses), float(len(losses)))


def _limits(level: float, residuals: Floats, weights: Floats, rows: int) -> tuple[float, float]:
    """5 and 95 % points of the later truth: chance of the new rows' outcomes, and of the known ones'."""
    variance = float(np.average((residuals - np.average(residuals, weights=weights)) ** 2, weights=weights))
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    reach = 1.645 * math.sqrt(variance * (1 / rows + 1 / effective))
    return level - reach, level + reach


def _isotonic(scores: Floats, label: Floats, weights: Floats, new_scores: Floats) -> Floats:
    from sklearn.isotonic import IsotonicRegression

    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    return np.asarray(curve.fit(scores, label, sample_weight=weights).predict(new_scores), dtype=float)


def _by_label(loss: str, scores: Floats, probability: Floats) -> list[tuple[Floats, Floats]]:
    """Per possible label its probability and the loss it would be."""
    one = metric(loss)
    if scores.ndim == 2:
        return [
            (probability[:, k], one.row_losses(np.full(len(scores), float(k)), scores)) for k in range(scores.shape[1])
        ]
    ones = np.ones(len(scores))
    return [(1 - probability, one.row_losses(0 * ones, scores)), (probability, one.row_losses(ones, scores))]


def _expected_auc(scores: Floats, probability: Floats) -> float:
    """Weighted mid-rank AUC; a row's pair with itself counts a half in numerator and denominator alike."""
    _, at = np.unique(scores, return_inverse=True)
    positive, negative = np.bincount(at, weights=probability), np.bincount(at, weights=1 - probability)
    below = np.cumsum(negative) - negative / 2
    return _share(float(positive @ below), float(positive.sum() * negative.sum()))


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan


def _with_scores(features: pa.Table, scores: Floats) -> pa.Table:
    """Features and scores as one table of numbers, under names that LightGBM takes."""
    columns = scores[:, None] if scores.ndim == 1 else scores
    named = features.rename_columns([f"f{at}" for at in range(features.num_columns)])
    for at in range(columns.shape[1]):
        named = named.append_column(f"score{at}", pa.array(columns[:, at]))
    return named


def _out_of_fold(rows: pa.Table, target: Floats, objective: str, rounds: int, seed: int, threads: int) -> Floats:
    models = [_fitted(rows, target, fold, objective, rounds, seed, threads) for fold in range(_FOLDS)]
    return _predicted_elsewhere(models, rows)


def _predicted_elsewhere(models: list[Any], rows: pa.Table) -> Floats:
    """What each row's value is to the model that did not see it."""
    fold = np.arange(rows.num_rows) % _FOLDS
    predicted = np.empty(rows.num_rows)
    for number, model in enumerate(models):
        predicted[fold == number] = model.predict(rows.filter(pa.array(fold == number)))
    return predicted


def _fitted(rows: pa.Table, target: Floats, held_out: int, objective: str, rounds: int, seed: int, threads: int) -> Any:
    """A small LightGBM model of the rows that are not in a fold; row i is in fold i modulo 2."""
    from retrain_assets.scoring.booster import lgb, require_numbers

    require_numbers(rows)
    inside = np.arange(rows.num_rows) % _FOLDS != held_out
    data = lgb.Dataset(rows.filter(pa.array(inside)), target[inside])
    settings = {**_TREES, "objective": objective, "seed": seed, "num_threads": threads, "force_row_wise": True}
    return lgb.train(settings, data, rounds)


def _same_rows(what: str, features: pa.Table, *columns: Floats) -> None:
    sizes = {len(column) for column in columns} | {features.num_rows}
    if len(sizes) > 1:
        raise DataError(f"{what} rows: features, scores and labels have {sorted(sizes)} rows. Join them by key first.")


def _refuse_unusable(known: Known, waiting: Waiting) -> None:
    columns = {"known scores": known.scores, "known labels": known.label, "waiting scores": waiting.scores}
    for what, values in columns.items():
        bad = int(values.size - np.isfinite(values).sum())
        if bad:
            raise DataError(f"{bad:,} of {values.size:,} {what} are not finite. Leave those rows out first.")
