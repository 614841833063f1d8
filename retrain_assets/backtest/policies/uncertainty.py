"""A classifier that is less sure than it was."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrain_assets.backtest.policies.path import Past
from retrain_assets.monitoring.drift.statistics.prediction_t import FEWEST_PERIODS, prediction_t


@dataclass(frozen=True)
class RisingUncertainty:
    """Retrain when a classifier's mean uncertainty has risen, for several decisions in a row.

    The rows since the last decision are compared with the first that the live model served, decision by decision, by
    the prediction t of the drift report. A regression predicts one value, which has no uncertainty.

    Attributes:
        patience: For how many decisions in a row.
        alpha: One-sided level of each.
        reference: With how many decisions' rows they are compared, at most.
    """

    patience: int = 2
    alpha: float = 0.05
    reference: int = 12
    family: str = "uncertainty"

    @property
    def name(self) -> str:
        """For how long."""
        return f"uncertainty up for {self.patience} decisions"

    def asks(self, past: Past) -> bool:
        """Whether it was up at the last decisions."""
        matrix, live = past.matrix, past.live
        if matrix.doubts is None or past.now - past.decided < FEWEST_PERIODS + self.patience:
            return False
        borders = matrix.served_from[past.decided : past.now + 1]
        means = []
        for first, last in zip(borders, borders[1:], strict=False):
            rows = float(matrix.rows_of(int(first), int(last)))
            means.append(float(np.nansum(matrix.doubts[live, first:last])) / rows if rows else math.nan)
        known = np.array(means)
        reference = known[: -self.patience][: self.reference]
        reference = reference[np.isfinite(reference)]
        tests = (prediction_t(reference, value) for value in known[-self.patience :])
        return all(t > 0 and p / 2 < self.alpha for t, p in tests)
