"""The best path that hindsight allows, by exact dynamic programming over the dates of retrains."""

from __future__ import annotations

import numpy as np

from retrain_assets.backtest.matrix.loss_matrix import Floats, LossMatrix, Stretch
from retrain_assets.backtest.policies.path import PolicyPath


def segments(matrix: LossMatrix, stretch: Stretch) -> Floats:
    """Loss of each origin's model from its own first day to that of each later origin, the last column to the end.

    Shape (n, n + 1) for the n origins of the stretch; infinite where the second does not come after the first.
    """
    own = np.arange(stretch.first, stretch.last)
    borders = np.append(matrix.served_from[own], stretch.end)
    found = matrix.running[own][:, borders] - matrix.running[own, matrix.served_from[own]][:, None]
    place = np.arange(own.size + 1)
    return np.where(place[None, :] > place[:-1, None], found, np.inf)


def oracle(matrix: LossMatrix, stretch: Stretch, of_a_retrain: float) -> PolicyPath:
    """The path of least loss plus cost of retrains.

    best(j) = min over i < j of best(i) + loss of model i from i to j + cost, with the first model given.

    Args:
        matrix: What every model would have lost.
        stretch: The part of history that counts.
        of_a_retrain: Cost of a retrain, in loss summed over rows.
    """
    found = segments(matrix, stretch)
    count = len(found)
    best, before = np.full(count + 1, np.inf), np.zeros(count + 1, dtype=int)
    best[0] = 0.0
    for end in range(1, count + 1):
        totals = best[:end] + found[:end, end] + (of_a_retrain if end < count else 0.0)
        before[end] = int(np.argmin(totals))
        best[end] = totals[before[end]]
    retrains = []
    at = count
    while at:
        at = int(before[at])
        retrains.append(stretch.first + at)
    return PolicyPath(matrix, stretch, tuple(reversed(retrains)))


def front(matrix: LossMatrix, stretch: Stretch) -> tuple[float, ...]:
    """The least loss that hindsight allows by number of retrains, from none to one at every origin."""
    found = segments(matrix, stretch)
    count = len(found)
    best = np.full(count, np.inf)
    best[0] = 0.0
    losses = [float(found[0, count])]
    for _ in range(1, count):
        best = (best[:, None] + found[:, :count]).min(axis=0)
        losses.append(float((best + found[:, count]).min()))
    return tuple(losses)
