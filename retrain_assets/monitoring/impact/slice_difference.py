"""Is the mean loss of a slice of rows above that of the others by more than noise?

An answer needs rows to compare with: of the same days, for a slice that began on a date would be compared with the time
before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from retrain_assets.statistics.long_run_variance import FEWEST_DAYS

FEWEST_ROWS = 30
"""Rows on either side below which two means are not compared."""

ALPHA = 0.05
"""One-sided level of the limit."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SliceDifference:
    """Mean loss of the slice and of the other rows, and the lower one-sided 95 % limit of their difference."""

    loss: float
    rest: float
    low: float


def slice_difference(losses: ArrayLike, inside: ArrayLike, time: ArrayLike | None = None) -> SliceDifference | None:
    """Compare the rows of a slice with all others; None where there is too little to compare.

    Both sides need 30 rows and, of five days or more, five that have rows of both. The standard error is the larger of
    that of independent rows, √(s²/n + s'²/n'), and that of independent days, √(T/(T − 1) · Σ uₜ²), uₜ being what a
    day's rows add to the difference; its degrees of freedom are those of the days that have both.

    Args:
        losses: Finite loss per row, shape (n,).
        inside: Whether the row is in the slice, shape (n,).
        time: When each row happened, shape (n,); without it rows count as independent.

    >>> day = np.repeat(np.arange("2019-02-01", "2019-02-11", dtype="datetime64[D]"), 10)
    >>> inside = np.tile([True, False], 50)
    >>> slice_difference(np.where(inside, 3.0, 1.0), inside, day)
    SliceDifference(loss=3.0, rest=1.0, low=2.0)
    """
    loss, chosen = np.asarray(losses, dtype=float), np.asarray(inside, dtype=bool)
    part, rest = loss[chosen], loss[~chosen]
    if min(part.size, rest.size) < FEWEST_ROWS:
        return None
    error, degrees = _error_of_rows(part, rest), float(min(part.size, rest.size) - 1)
    days = np.unique(np.asarray(time, dtype="datetime64[D]"), return_inverse=True)[1] if time is not None else None
    if days is not None and days.max() + 1 >= FEWEST_DAYS:
        shared = np.intersect1d(days[chosen], days[~chosen]).size
        if shared < FEWEST_DAYS:
            return None
        error, degrees = max(error, _error_of_days(loss, chosen, days)), shared - 1.0
    gap = float(part.mean() - rest.mean())
    reach = -float(special.stdtrit(degrees, ALPHA)) * error
    return SliceDifference(float(part.mean()), float(rest.mean()), gap - reach)


def _error_of_rows(part: Floats, rest: Floats) -> float:
    return math.sqrt(part.var(ddof=1) / part.size + rest.var(ddof=1) / rest.size)


def _error_of_days(loss: Floats, inside: NDArray[np.bool_], days: NDArray[np.int64]) -> float:
    part, rest = loss[inside], loss[~inside]
    share = np.where(inside, (loss - part.mean()) / part.size, -(loss - rest.mean()) / rest.size)
    added = np.bincount(days, weights=share)
    return math.sqrt(added.size / (added.size - 1) * float(added @ added))
