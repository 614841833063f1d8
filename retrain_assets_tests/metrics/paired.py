"""Paired row values of an improvement, straight from the definition."""

import numpy as np
import numpy.typing as npt

from retrain_assets.metrics.metric import Metric


def influence(
    known: Metric, label: npt.ArrayLike, champion: npt.ArrayLike, candidate: npt.ArrayLike, threshold: float = 0.5
) -> np.ndarray:
    """One value per row, whose mean is the improvement; above 0 the candidate is better."""
    sign = 1.0 if known.higher_is_better else -1.0
    return sign * (known.row_values(label, candidate, threshold) - known.row_values(label, champion, threshold))
