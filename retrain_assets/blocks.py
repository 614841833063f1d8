"""Runs of consecutive days that stand for independent units, because rows of one day share its weather and its news.

The length follows from how much one day resembles the next. The tests that use the blocks stand with their question:
the gate in `validation`, the loss band in `monitoring.performance`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrain_assets.errors import DataError

LENGTHS_DAYS = (1, 3, 7, 14)
_LIMITS = (0.10, 0.25, 0.50)
_FEWEST_DAYS = 3


def daily_means(values: ArrayLike, time: ArrayLike) -> NDArray[np.float64]:
    """Mean of the values of each calendar day from the first day to the last; NaN for a day without a value.

    Args:
        values: One value per row, shape (n,).
        time: When each row happened, shape (n,), any datetime64 unit.

    Raises:
        DataError: A time is missing.

    >>> daily_means([1.0, 3.0, 5.0], np.array(["2019-01-01T08", "2019-01-01T21", "2019-01-03T01"], "datetime64[h]"))
    array([ 2., nan,  5.])
    """
    day = _days(time)
    if not day.size:
        return np.empty(0)
    rows = np.bincount(day).astype(float)
    totals = np.bincount(day, weights=np.asarray(values, dtype=float))
    means: NDArray[np.float64] = np.divide(totals, rows, out=np.full(rows.size, np.nan), where=rows > 0)
    return means


def lag1_autocorrelation(daily: ArrayLike) -> float:
    """How much one day's mean tells of the next, corrected for the bias of a short series.

    r₁ + (1 + 3·r₁)/T with r₁ = Σ(dₜ − d̄)(dₜ₊₁ − d̄) / Σ(dₜ − d̄)², within [-1, 1]. Days without a value (NaN) are left
    out, with the pairs they belong to. NaN below 3 days or without a pair of neighbours; 0 when every day is the same.

    Source: Marriott & Pope (1954), Biometrika 41, for the bias.

    >>> round(lag1_autocorrelation([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), 3)
    0.984
    """
    series = np.asarray(daily, dtype=float)
    known = np.isfinite(series)
    days = int(known.sum())
    pairs = known[1:] & known[:-1]
    if days < _FEWEST_DAYS or not pairs.any():
        return float("nan")
    centred = series - series[known].mean()
    variance = np.mean(centred[known] ** 2)
    if variance <= np.finfo(float).eps ** 2 * np.mean(series[known] ** 2):
        return 0.0
    covariance = np.mean((centred[1:] * centred[:-1])[pairs]) * (days - 1) / days
    r1 = covariance / variance
    return float(np.clip(r1 + (1 + 3 * r1) / days, -1, 1))


def block_length_days(daily: ArrayLike) -> int:
    """Days in a block: 1 when the corrected lag-1 autocorrelation is below .10, 3 below .25, 7 below .50, else 14.

    An autocorrelation that cannot be known (fewer than 3 days) counts as high.

    >>> block_length_days([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    1
    >>> block_length_days([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    14
    """
    r1 = lag1_autocorrelation(daily)
    return next((length for length, limit in zip(LENGTHS_DAYS, _LIMITS, strict=False) if r1 < limit), LENGTHS_DAYS[-1])


def block_ids(time: ArrayLike, length_days: int) -> NDArray[np.int64]:
    """Give each row the number of its block: 0, 1, 2, … in time order, without gaps.

    Blocks are counted from the first row's day. A last block shorter than half the length joins the one before, so that
    no block rests on a few left-over days.

    Raises:
        DataError: A time is missing.
        ValueError: The length is below one day.

    >>> days = np.arange("2019-01-01", "2019-01-09", dtype="datetime64[D]")
    >>> block_ids(days, 3), block_ids(days[:7], 3)
    (array([0, 0, 0, 1, 1, 1, 2, 2]), array([0, 0, 0, 1, 1, 1, 1]))
    """
    if length_days < 1:
        raise ValueError(f"a block is {length_days} days long; give at least 1")
    day = _days(time)
    if not day.size:
        return day
    whole, left_over = divmod(int(day.max()) + 1, length_days)
    block = day // length_days
    if 0 < 2 * left_over < length_days and whole:
        block = np.minimum(block, whole - 1)
    return np.unique(block, return_inverse=True)[1].astype(np.int64)


def _days(time: ArrayLike) -> NDArray[np.int64]:
    moments = np.asarray(time, dtype="datetime64[D]")
    missing = int(np.isnat(moments).sum())
    if missing:
        raise DataError(f"{missing} of {moments.size} rows have no time. Reject them in the data contract.")
    day = moments.astype(np.int64)
    return day - day.min() if day.size else day
