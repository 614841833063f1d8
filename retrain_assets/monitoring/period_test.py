"""Is one period unlike the reference periods? The period is the unit of evidence, not the row.

Rows of one period share its weather, holidays and campaigns, so a test that takes them as independent calls every
ordinary period a drift. What a column's numbers per period are is decided in `summaries`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]
Scatters = tuple[Floats, Floats]
"""Variances, and the degrees of freedom behind each."""

FEWEST_PERIODS = 4
_FEWEST_TO_MODERATE = 12


@dataclass(frozen=True)
class Scatter:
    """How far a number swings from period to period: its variance, and the degrees of freedom behind it."""

    variance: float
    df: float


def prediction_t(
    reference: ArrayLike,
    current: float,
    *,
    noise: ArrayLike = 0.0,
    current_noise: float = 0.0,
    scatter: Scatter | None = None,
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
        scatter: A variance and degrees of freedom to use in place of the reference periods' own, as `moderated` gives.

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
    given = None if scatter is None else (np.array([scatter.variance]), np.array([scatter.df]))
    t, p = period_tests(np.append(before, current)[None], noises[None], given)
    return float(t[0]), float(p[0])


def period_tests(values: Floats, noise: Floats, scatter: Scatters | None = None) -> tuple[Floats, Floats]:
    """`prediction_t` of many numbers at once, each over the reference periods in which it is known.

    Args:
        values: Numbers by period, the current one last, shape (numbers, K + 1); NaN where unknown.
        noise: Sampling variance of each, same shape.
        scatter: Variances and degrees of freedom to use in place of the reference periods' own, shape (numbers,) both.

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


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """P-values adjusted for their number, so that a false alarm anywhere keeps the level of one test.

    In increasing order pᵢ·(n − i + 1), made non-decreasing, at most 1. NaN stays NaN and is not counted.

    Source: Holm (1979), Scand. J. Stat. 6.

    >>> holm([0.01, 0.04, 0.03, float("nan")])
    array([0.03, 0.06, 0.06,  nan])
    """
    raw = np.asarray(p_values, dtype=float)
    adjusted = np.full(raw.shape, np.nan)
    known = np.flatnonzero(np.isfinite(raw))
    order = known[np.argsort(raw[known], kind="stable")]
    steps = raw[order] * np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def moderated(variances: ArrayLike, periods: int) -> list[Scatter]:
    """Variances between periods, each drawn towards what the other columns' variances say.

    With few periods a variance is a rough guess, and many columns are guessed at once: (d₀·s₀² + d·s²) / (d₀ + d) with
    d₀ + d degrees of freedom, d₀ and s₀² fitted to all of them. Below 12 periods, or with fewer than 3 columns, each
    variance stays as it is, for there the borrowed certainty is not earned.

    Source: Smyth (2004), Stat. Appl. Genet. Mol. Biol. 3, section 6.2.

    >>> [round(s.variance, 3) for s in moderated([1.0, 1.0, 4.0], 5)]
    [1.0, 1.0, 4.0]
    """
    own = np.asarray(variances, dtype=float)
    df = periods - 1
    alone = [Scatter(float(variance), df) for variance in own]
    usable = own[own > 0]
    if periods < _FEWEST_TO_MODERATE or usable.size < 3:
        return alone
    prior_df, prior = _prior(usable, df)
    if not prior_df > 0:
        return alone
    total = min(df + prior_df, df * usable.size)
    weight = prior_df / (prior_df + df) if np.isfinite(prior_df) else 1.0
    return [
        Scatter(float(weight * prior + (1 - weight) * variance), float(total)) if variance > 0 else Scatter(0.0, df)
        for variance in own
    ]


def _prior(variances: NDArray[np.float64], df: int) -> tuple[float, float]:
    """Degrees of freedom and value of the scaled inverse χ² that the variances come from, by moments of their logs."""
    logs = np.log(variances)
    mean = float(logs.mean() - special.digamma(df / 2) + np.log(df / 2))
    spread = float(logs.var(ddof=1) - special.polygamma(1, df / 2))
    if spread <= 0:
        return float("inf"), float(np.exp(mean))
    half = _inverse_trigamma(spread)
    return 2 * half, float(np.exp(mean + special.digamma(half) - np.log(half)))


def _inverse_trigamma(value: float) -> float:
    from scipy import optimize

    def excess(log_x: float) -> float:
        return float(np.log(special.polygamma(1, np.exp(log_x))) - np.log(value))

    return float(np.exp(optimize.brentq(excess, -15.0, 15.0)))
