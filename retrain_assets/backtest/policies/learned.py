"""A learned policy: forecast what keeping and retraining would lose, with the forecast's uncertainty.

Source: Regol, Schwinn, Sprague, Coates & Markovich (2025), When to retrain a machine learning model, ICML (UPF).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from retrain_assets.backtest.matrix.loss_matrix import Floats, LossMatrix
from retrain_assets.backtest.policies.path import Past

_RIDGE = 1.0
_FEWEST_PAIRS = 8
_SCALE = 52.0
"""Decisions that make one unit of the features."""


@dataclass(frozen=True)
class ForecastLoss:
    """Retrain when it is cheaper with some certainty than keeping the live model over a horizon.

    The mean loss of the model of origin i in the interval after origin j is taken as Gaussian, its mean linear in i,
    j, the age j − i and its square, with its variance from a Bayesian ridge regression on every pair that is
    known: all models that the policy has trained, on all later intervals, kept across retrains. It retrains when
    quantile(keeping, 1 − certainty) − quantile(retraining, certainty) over the horizon exceeds the cost of a retrain.

    Attributes:
        cost: Of a retrain, in loss summed over rows.
        horizon: Decisions that are looked ahead.
        certainty: Above .5 it retrains only for a gain that it is sure of.
    """

    cost: float
    horizon: int = 12
    certainty: float = 0.5
    family: str = "learned"

    @property
    def name(self) -> str:
        """Its certainty."""
        return f"forecast of the loss (UPF), certainty {self.certainty:g}"

    def asks(self, past: Past) -> bool:
        """Whether the forecasts say so."""
        pairs = _known_pairs(past)
        if len(pairs) < _FEWEST_PAIRS:
            return False
        matrix, now = past.matrix, past.now
        features = _features(pairs[:, 0], pairs[:, 1])
        level, scale = float(pairs[:, 2].mean()), float(pairs[:, 2].std()) or 1.0
        inverse = np.linalg.inv(features.T @ features + _RIDGE * np.eye(features.shape[1]))
        weights = inverse @ features.T @ ((pairs[:, 2] - level) / scale)
        noise = float(np.mean(((pairs[:, 2] - level) / scale - features @ weights) ** 2))
        ahead = np.arange(now, now + self.horizon, dtype=np.float64)
        rows = float(matrix.rows_of(0, past.known)) / max(past.known, 1) * _days_between(matrix)
        bounds = []
        for origin, quantile in ((past.live, 1 - self.certainty), (now, self.certainty)):
            wanted = _features(np.full(self.horizon, float(origin)), ahead).sum(axis=0)
            mean = self.horizon * level + scale * float(wanted @ weights)
            variance = scale**2 * noise * (float(wanted @ inverse @ wanted) + self.horizon)
            bounds.append(mean + float(special.ndtri(quantile)) * variance**0.5)
        return bool(rows * (bounds[0] - bounds[1]) > self.cost)


def _features(origin: Floats, at: Floats) -> Floats:
    """Origin, time and age, and the square of the age, shape (n, 4)."""
    age = (at - origin) / _SCALE
    return np.stack([origin / _SCALE, at / _SCALE, age, age**2], axis=1)


def _known_pairs(past: Past) -> Floats:
    """Origin, interval and mean loss of every model that the policy trained, on every later interval that is known."""
    matrix, found = past.matrix, []
    for origin in past.retrains:
        for at in range(origin, past.now):
            first, last = int(matrix.served_from[at]), int(matrix.served_from[at + 1])
            rows = matrix.rows_of(first, last)
            if last <= past.known and rows:
                found.append((origin, at, matrix.lost(origin, first, last) / rows))
    return np.array(found, dtype=np.float64).reshape(-1, 3)


def _days_between(matrix: LossMatrix) -> float:
    """Days with rows between two decisions, on average."""
    return float(matrix.days.size - matrix.served_from[0]) / matrix.origins
