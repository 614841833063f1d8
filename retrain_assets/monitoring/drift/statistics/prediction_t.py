"""Is one period unlike the reference periods? The period is the unit of evidence, not the row.

Rows of one period share its weather, holidays and campaigns, so a test that takes them as independent calls every
ordinary period a drift. What a column's numbers per period are is decided in `summaries`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]
Scatters = tuple[Floats, Floats]
"""Variances, and the degrees of freedom behind each."""

FEWEST_PERIODS = 4


def prediction_t(
    reference: ArrayLike,
    current: float,
    *,
    noise: ArrayLike = 0.0,
    current_noise: float = 0.0,
) -> tuple[float, float]:
    """Give the t statistic and two-sided p-value for one new period against K reference periods.

    T = (x − x̄) / sqrt(s²·(1 + 1/K) + e) with K − 1 degrees of freedom; s² is the variance between the reference
    periods, at least the mean of their sampling variances. e is what the new period's own sampling variance exceeds
    that mean by, so that a small period is not taken for a strange one.

    Args:
        reference: The number in each reference period, shape (K,).
        current: The number in the period under test.
        noise: Sampling variance of each reference number.
        current_noise: Sampling variance of the current number.

    Returns:
        T and p; (nan, nan) with fewer than 4 reference periods or a number that is not finite.

    Source: Hahn & Meeker (1991), Statistical Intervals, section 4.3.

    >>> t, p = prediction_t([1.0, 2.0, 3.0, 2.0, 2.0], 4.5)
    >>> round(t, 3), round(p, 4)
    (3.227, 0.0321)
    """
    before = np.asarray(reference, dtype=float)
    if not np.isfinite(before).all():
        return float("nan"), float("nan")
    noises = np.append(np.broadcast_to(np.asarray(noise, dtype=float), before.shape), current_noise)
    t, p = period_tests(np.append(before, current)[None], noises[None])
    return float(t[0]), float(p[0])


def period_tests(values: Floats, noise: Floats, scatter: Scatters | None = None) -> tuple[Floats, Floats]:
    """`prediction_t` of many numbers at once, each over the reference periods in which it is known.

    Args:
        values: Numbers by period, the current one last, shape (numbers, K + 1); NaN where unknown.
        noise: Sampling variance of each, same shape.
        scatter: Variances and degrees of freedom to use in place of the reference periods' own, shape (numbers,) both,
            as `moderated` gives.

    Returns:
        T and p of each number, shape (numbers,); NaN with fewer than 4 known reference periods.

    >>> t, p = period_tests(np.array([[1.0, 2.0, 3.0, 2.0, 2.0, 4.5]]), np.zeros((1, 6)))
    >>> t.round(3), p.round(4)
    (array([3.227]), array([0.0321]))
    """
    variance, df = scatters(values[:, :-1]) if scatter is None else scatter
    known, current = np.isfinite(values[:, :-1]), values[:, -1]
    periods = known.sum(axis=1)
    enough = (periods >= FEWEST_PERIODS) & np.isfinite(current)
    several = np.maximum(periods, 1)
    floor = np.where(known, noise[:, :-1], 0.0).sum(axis=1) / several
    gap = current - np.where(known, values[:, :-1], 0.0).sum(axis=1) / several
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.maximum(variance, floor) * (1 + 1 / several) + np.maximum(noise[:, -1] - floor, 0.0)
        t = np.where(gap == 0, 0.0, gap / np.sqrt(total))
    p = 2 * special.stdtr(df, -np.abs(t))
    return np.where(enough, t, np.nan), np.where(enough, p, np.nan)


def scatters(values: Floats) -> Scatters:
    """Variance of each number between the periods in which it is known, shape (numbers, K), and its degrees of freedom.

    Both are unknown, NaN, with fewer than two such periods.
    """
    known = np.isfinite(values)
    periods = known.sum(axis=1).astype(float)
    mean = np.where(known, values, 0.0).sum(axis=1) / np.maximum(periods, 1)
    df = np.where(periods > 1, periods - 1, np.nan)
    squares = np.where(known, values - mean[:, None], 0.0) ** 2
    return squares.sum(axis=1) / df, df
