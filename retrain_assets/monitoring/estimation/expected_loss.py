"""From scores to calibrated probabilities, and from these to the loss, confusion and metrics to be expected."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrain_assets.metrics.formulas import predicted_class
from retrain_assets.metrics.metric import metric

Floats = NDArray[np.float64]


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
        "accuracy": float(true_positive + true_negative) / len(scores),
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
