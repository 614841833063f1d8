"""Forgone gain: retrain when fresh models have surely been better than the live one by what a retrain costs.

The excess over the promise does not see this: a live model may keep its promise while a fresh one would do far better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from retrain_assets.backtest.matrix.loss_matrix import Floats
from retrain_assets.backtest.policies.path import Past
from retrain_assets.documents.units import LossUnits
from retrain_assets.statistics.long_run_variance import FEWEST_DAYS, DailySums, mean_error

_LATELY = 4
"""Intervals from which the gain of the next one is expected."""


@dataclass(frozen=True)
class Forgone:
    """What fresh models would have saved.

    Attributes:
        total: Loss of the live model beyond that of fresh ones, summed over rows.
        low: Lower limit of it at a certainty; minus infinity where the days are too few.
        share: The total as a share of the live model's loss.
        next_interval: What the next interval between two decisions is expected to bring.
        days: Days with rows behind it.
    """

    total: float
    low: float
    share: float
    next_interval: float
    days: int


def forgone(past: Past, certainty: float, known: int | None = None, served: Floats | None = None) -> Forgone:
    """Compare the live model with the model of each later origin, in the interval after that origin's decision.

    Neither has seen these rows. What was forgone counts from the last decision to retrain on.

    Args:
        past: What is known at a decision.
        certainty: One-sided, from .5 on.
        known: How many days' outcomes are known, where that is more than at the last origin.
        served: What the live model lost on each day, where it is none of the matrix; days that are NaN do not count.
    """
    matrix, gains, rows, live = past.matrix, [], [], 0.0
    own = matrix.losses[past.live] if served is None else served
    known = past.known if known is None else known
    following = [*matrix.served_from[1:].tolist(), matrix.days.size]
    intervals: list[float] = []
    for fresh in range(past.since + 1, past.now + 1):
        first, last = int(matrix.served_from[fresh]), min(following[fresh], known)
        if last <= first:
            continue
        gain = own[first:last] - matrix.losses[fresh, first:last]
        gains.append(gain)
        rows.append(matrix.rows[first:last])
        intervals.append(float(np.nansum(gain)))
        live += float(np.nansum(own[first:last]))
    if not gains:
        return Forgone(0.0, -math.inf, 0.0, 0.0, 0)
    joined, counts = np.concatenate(gains), np.concatenate(rows)
    held = np.isfinite(joined) & (counts > 0)
    days = DailySums(joined[held], counts[held])
    total = float(days.sums.sum())
    expected = float(np.mean(intervals[-_LATELY:]))
    low = -math.inf
    if days.days >= FEWEST_DAYS:
        found = mean_error(days, None)
        if math.isfinite(found.error) and found.degrees > 0:
            level = (1 - certainty) * found.level_share
            low = total - float(special.stdtrit(found.degrees, 1 - level)) * found.error * float(days.rows.sum())
    return Forgone(total, low, total / live if live else 0.0, expected, days.days)


@dataclass(frozen=True)
class ForgoneGain:
    """Retrain once what was forgone surely exceeds the cost of a retrain.

    Attributes:
        cost: Of a retrain, in loss summed over rows.
        certainty: One-sided.
        units: How the loss is written.
    """

    cost: float
    certainty: float
    units: LossUnits
    family: str = "forgone gain"

    @property
    def name(self) -> str:
        """The gain and the certainty."""
        return f"{self.units.total(self.cost)} forgone against fresh models, {100 * self.certainty:g} % certain"

    def asks(self, past: Past) -> bool:
        """Whether so much was forgone."""
        return forgone(past, self.certainty).low >= self.cost
