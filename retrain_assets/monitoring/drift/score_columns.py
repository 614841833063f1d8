"""How unsure a classifier is of each row, as columns to watch.

A regression model here predicts one value, no quantiles, so that its doubt has no width to watch.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from retrain_assets.errors import DataError
from retrain_assets.model import Task


def uncertainty(task: Task, scores: ArrayLike) -> NDArray[np.float64] | None:
    """Entropy of each row's predicted classes, in nats: 0 when sure, ln k when all k classes are equally likely.

    −Σ pᵢ ln pᵢ. It is the model's own doubt, not its error: a model can be sure and wrong.

    Args:
        task: What the model predicts.
        scores: P(label = 1) of shape (n,) for two classes, or shares of shape (n, k) for k classes.

    Returns:
        Shape (n,), NaN where a score is NaN; None for regression, whose single value says nothing of its spread.

    Raises:
        DataError: The shape does not fit the task, or a score is no probability.

    >>> uncertainty("binary", [0.5, 1.0]).round(4)
    array([0.6931, 0.    ])
    >>> uncertainty("regression", [12.5]) is None
    True
    """
    probabilities = _probabilities(task, scores)
    if probabilities is None:
        return None
    if task == "binary":
        return np.asarray(entr(probabilities) + entr(1 - probabilities))
    return np.asarray(entr(probabilities).sum(axis=1))


def margin(task: Task, scores: ArrayLike) -> NDArray[np.float64] | None:
    """How far each row's most likely class is ahead of the next: 0 when two are equally likely, 1 when sure.

    A classifier that hesitates between two of many classes has a small margin although its entropy is low. The share
    of rows up to some margin is among the numbers that the verdict looks at.

    Raises:
        DataError: As `uncertainty`.

    >>> margin("binary", [0.5, 0.9]).round(2)
    array([0. , 0.8])
    >>> margin("multiclass", [[0.5, 0.45, 0.05]]).round(2)
    array([0.05])
    """
    probabilities = _probabilities(task, scores)
    if probabilities is None:
        return None
    if task == "binary":
        return np.asarray(np.abs(2 * probabilities - 1))
    if probabilities.shape[1] < 2:
        return np.ones(probabilities.shape[0])
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    return np.asarray(first - second)


def _probabilities(task: Task, scores: ArrayLike) -> NDArray[np.float64] | None:
    if task == "regression":
        return None
    probabilities = np.asarray(scores, dtype=float)
    if probabilities.ndim != (1 if task == "binary" else 2):
        raise DataError(f"{task} scores have shape {probabilities.shape}; give (n,) for two classes and (n, k) for k.")
    outside = int(((probabilities < -1e-9) | (probabilities > 1 + 1e-9)).sum())
    if outside:
        raise DataError(f"{outside} of {probabilities.size} scores are outside 0 to 1. Check the objective.")
    return probabilities.clip(0, 1)


PREDICTION, UNCERTAINTY, MARGIN = "(prediction)", "(uncertainty)", "(margin)"


def score_table(task: Task, scores: np.ndarray) -> pa.Table:
    """The scores as columns to watch: the prediction, and its uncertainty and margin where the task has them."""
    prediction = scores if scores.ndim == 1 else scores.max(axis=1)
    columns = {PREDICTION: prediction}
    doubt = uncertainty(task, scores)
    if doubt is not None:
        columns[UNCERTAINTY] = doubt
    lead = margin(task, scores)
    if lead is not None:
        columns[MARGIN] = lead
    return pa.table(columns)
