"""How far two binned windows are apart: one number each, without a threshold.

All of them describe the size of a change for the reader of a report. Whether a change is more than chance is asked in
`drift`, by periods.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def shares(counts: ArrayLike) -> NDArray[np.float64]:
    """Counts as shares of their sum; NaN when there is nothing to share.

    >>> shares([1, 3])
    array([0.25, 0.75])
    """
    numbers = np.asarray(counts, dtype=float)
    total = float(numbers.sum())
    return numbers / total if total > 0 else np.full(numbers.shape, np.nan)


def smoothed(counts: ArrayLike) -> NDArray[np.float64]:
    """Shares with half a row added to each bin, so that a bin that is empty on one side keeps `psi` finite.

    (cᵢ + ½) / (Σc + bins/2); the prior of Jeffreys.

    >>> smoothed([0, 3])
    array([0.125, 0.875])
    """
    return shares(np.asarray(counts, dtype=float) + 0.5)


def psi(reference: ArrayLike, current: ArrayLike) -> float:
    """Population stability index of two sets of shares, in nats.

    Σ (cᵢ − rᵢ) · ln(cᵢ / rᵢ): 0 when the shares agree, symmetric, unbounded; a bin empty on both sides adds nothing.

    Args:
        reference: Shares of the reference window, shape (bins,), summing to 1.
        current: Shares of the window under test, same bins.

    Returns:
        The index; infinite when a bin is empty on one side (`smoothed` avoids it).

    Source: Jeffreys (1946), Proc. R. Soc. A 186.

    >>> round(psi([0.5, 0.5], [0.6, 0.4]), 4)
    0.0405
    """
    before, after = _pair(reference, current)
    used = (before > 0) | (after > 0)
    with np.errstate(divide="ignore"):
        return float(np.sum((after[used] - before[used]) * (np.log(after[used]) - np.log(before[used]))))


def jensen_shannon(reference: ArrayLike, current: ArrayLike) -> float:
    """Jensen-Shannon divergence of two sets of shares, in bits: 0 when they agree, 1 when they have nothing in common.

    Half the relative entropy of each side from their average. Its square root is a distance.

    Source: Lin (1991), IEEE Trans. Inf. Theory 37.

    >>> jensen_shannon([1.0, 0.0], [0.0, 1.0]), jensen_shannon([0.3, 0.7], [0.3, 0.7])
    (1.0, 0.0)
    """
    before, after = _pair(reference, current)
    middle = (before + after) / 2
    return max(0.0, (_relative_entropy(before, middle) + _relative_entropy(after, middle)) / 2)


def total_variation(reference: ArrayLike, current: ArrayLike) -> float:
    """Share of rows that would have to change their bin: ½ Σ |cᵢ − rᵢ|, from 0 to 1.

    Source: Levin, Peres & Wilmer (2009), Markov Chains and Mixing Times, section 4.1.

    >>> round(total_variation([0.5, 0.5, 0.0], [0.5, 0.45, 0.05]), 3)
    0.05
    """
    before, after = _pair(reference, current)
    return float(np.abs(after - before).sum() / 2)


def ks(reference: ArrayLike, current: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance of two sets of shares in value order: the largest gap of their running sums.

    Exact at every border between two bins; between borders the true distance can be larger by at most one bin's share.
    From 0 to 1.

    Source: Smirnov (1948), Ann. Math. Stat. 19.

    >>> round(ks([0.25, 0.25, 0.25, 0.25], [0.15, 0.25, 0.25, 0.35]), 3)
    0.1
    """
    before, after = _pair(reference, current)
    return float(np.abs(np.cumsum(after - before)).max(initial=0.0))


def wasserstein(reference: ArrayLike, current: ArrayLike, edges: Sequence[float] | NDArray[np.float64]) -> float:
    """Mean distance by which rows would have to move, in the column's unit.

    ∫ |F_current − F_reference| between the first and the last edge. `reference` and `current` are shares of the 2m + 1
    cells that m edges make: below the first edge, at it, between the first and second, at the second, … above the
    last. Inside a cell the rows are taken as spread evenly, which stretches long tails by some percent; what lies
    beyond the outer edges counts as lying on them, so the number is a lower limit for a window that left the
    reference's range. From 0 on, unbounded; a report divides it by the reference's standard deviation.

    Source: Vallender (1974), Theory Probab. Appl. 18.

    >>> round(wasserstein([0, 0.5, 0, 0.5, 0], [0, 0.25, 0, 0.75, 0], [10.0, 20.0]), 3)
    2.5
    """
    before, after = _pair(reference, current)
    borders = np.asarray(edges, dtype=float)
    if borders.size < 2:
        return 0.0
    gap = np.cumsum(after - before)
    left, right = gap[1:-2:2], gap[2:-1:2]
    same_side = left * right >= 0
    total = np.abs(left) + np.abs(right)
    crossing = np.divide(left**2 + right**2, total, out=np.zeros_like(total), where=total > 0)
    return float(np.sum(np.diff(borders) * np.where(same_side, total, crossing) / 2))


def _relative_entropy(shares_: NDArray[np.float64], base: NDArray[np.float64]) -> float:
    used = shares_ > 0
    return float(np.sum(shares_[used] * np.log2(shares_[used] / base[used])))


def _pair(reference: ArrayLike, current: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    before, after = np.asarray(reference, dtype=float), np.asarray(current, dtype=float)
    if before.shape != after.shape:
        raise ValueError(f"{before.size} reference bins against {after.size}: profile both with the same edges")
    return before, after
