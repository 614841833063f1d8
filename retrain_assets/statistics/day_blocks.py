"""Runs of consecutive days that stand for independent units, because rows of one day share its weather and its news.

The length follows from how much one day resembles the next. The tests that use the blocks stand with their question:
the gate in `validation`, the loss band in `monitoring.performance`. Days are kept as small whole numbers and summed in
slices, so that a million rows cost no further column of floats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrain_assets.errors import DataError
from retrain_assets.statistics.codes import Codes, narrow, sums

LENGTHS_DAYS = (1, 3, 7, 14)
ENOUGH_WEEKS = 8
_LIMITS = (0.10, 0.25, 0.50)
_FEWEST_DAYS = 3
_ROUNDING = 1e-12
"""Share of the values below which their spread is nothing but the rounding of sums."""


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
    day = day_numbers(time)
    rows = sums(day)
    total = sums(day, np.asarray(values, dtype=float), rows.size)
    means: NDArray[np.float64] = np.divide(total, rows, out=np.full(rows.size, np.nan), where=rows > 0)
    return means


def day_numbers(time: ArrayLike) -> Codes:
    """Give each row the number of its calendar day: 0 for the first row's day, in the smallest integers that hold it.

    Raises:
        DataError: A time is missing.

    >>> day_numbers(np.array(["2019-01-01T08", "2019-01-01T21", "2019-01-03T01"], "datetime64[h]"))
    array([0, 0, 2], dtype=uint8)
    """
    moments = np.array(time, dtype="datetime64[D]")
    missing = int(np.isnat(moments).sum())
    if missing:
        raise DataError(f"{missing} of {moments.size} rows have no time. Reject them in the data contract.")
    days = moments.view(np.int64)
    days -= days.min() if days.size else 0
    return narrow(days)


def lag1_autocorrelation(daily: ArrayLike) -> float:
    """How much one day's mean tells of the next, corrected for the bias of a short series.

    r₁ + (1 + 3·r₁)/T with r₁ = Σ(dₜ − d̄)(dₜ₊₁ − d̄) / Σ(dₜ − d̄)², within [-1, 1]. Days without a value (NaN) are left
    out, with the pairs they belong to. NaN below 3 days or without a pair of neighbours; 0 when every day is the same.

    Source: Marriott & Pope (1954), Biometrika 41, for the bias.

    >>> round(lag1_autocorrelation([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), 3)
    0.984
    """
    series, lag = np.asarray(daily, dtype=float), 1
    known = np.isfinite(series)
    days = int(known.sum())
    pairs = known[lag:] & known[:-lag]
    if days < _FEWEST_DAYS or not pairs.any():
        return float("nan")
    centred = series - series[known].mean()
    variance = np.mean(centred[known] ** 2)
    if variance <= _ROUNDING**2 * np.mean(series[known] ** 2):
        return 0.0
    covariance = np.mean((centred[lag:] * centred[:-lag])[pairs]) * (days - lag) / days
    found = covariance / variance
    return float(np.clip(found + (1 + 3 * found) / days, -1, 1))


def block_length_days(daily: ArrayLike) -> int:
    """Days in a block: 1 when the corrected lag-1 autocorrelation is below .10, 3 below .25, 7 below .50, else 14.

    From 8 weeks on, 7 stand for 3: the sampling noise of few rows a day hides how long days resemble each other. With
    56 days of 50 rows, 1 % of the variance shared within a day and an autocorrelation of .6, this rule calls 8.0 % of
    equal models better where the 3 days call 9.0 %, for 1.2 points of power where days are independent. Shorter windows
    keep the 3, because 4 weekly blocks cost 12 points (`python -m benchmarks.gate`).

    An autocorrelation that cannot be known (fewer than 3 days) counts as high.

    >>> block_length_days([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    1
    >>> block_length_days([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    14
    """
    r1 = lag1_autocorrelation(daily)
    length = next(
        (length for length, limit in zip(LENGTHS_DAYS, _LIMITS, strict=False) if r1 < limit), LENGTHS_DAYS[-1]
    )
    return 7 if length == 3 and np.size(daily) >= 7 * ENOUGH_WEEKS else length


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
    return blocks_of(day_numbers(time), length_days).astype(np.int64)


def blocks_of(day: Codes, length_days: int) -> Codes:
    """The same for rows whose days are numbered already (`day_numbers`), in the smallest integers.

    >>> blocks_of(np.array([0, 1, 2, 40]), 3)
    array([0, 0, 0, 1], dtype=uint8)
    """
    return blocks_of_days(sums(day), length_days)[day] if day.size else day


def blocks_of_days(rows: NDArray[np.float64], length_days: int) -> Codes:
    """The number of each day's block, shape (days,), from how many rows each day has.

    >>> blocks_of_days(np.array([5.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 5.0]), 3)
    array([0, 0, 0, 0, 0, 0, 1, 1, 1], dtype=uint8)
    """
    if length_days < 1:
        raise ValueError(f"a block is {length_days} days long; give at least 1")
    whole, left_over = divmod(rows.size, length_days)
    block = np.arange(rows.size) // length_days
    if 0 < 2 * left_over < length_days and whole:
        block = np.minimum(block, whole - 1)
    occupied = sums(block, rows) > 0
    return narrow((np.cumsum(occupied) - 1)[block])
