"""Moderate variances across columns, where periods are few and columns many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

_FEWEST_TO_MODERATE = 12


@dataclass(frozen=True)
class Scatter:
    """How far a number swings from period to period: its variance, and the degrees of freedom behind it."""

    variance: float
    df: float


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
