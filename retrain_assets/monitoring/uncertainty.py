"""How unsure a classifier is of each row, as one more column to watch."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from retrain_assets.errors import DataError

Task = Literal["binary", "multiclass", "regression"]


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
    if task == "regression":
        return None
    probabilities = np.asarray(scores, dtype=float)
    if probabilities.ndim != (1 if task == "binary" else 2):
        raise DataError(f"{task} scores have shape {probabilities.shape}; give (n,) for two classes and (n, k) for k.")
    outside = int(((probabilities < -1e-9) | (probabilities > 1 + 1e-9)).sum())
    if outside:
        raise DataError(f"{outside} of {probabilities.size} scores are outside 0 to 1. Check the objective.")
    probabilities = probabilities.clip(0, 1)
    if task == "binary":
        return np.asarray(entr(probabilities) + entr(1 - probabilities))
    return np.asarray(entr(probabilities).sum(axis=1))
