"""An anytime-valid test of one question: does the new model lose more than the one it replaced?

A t e-process may be looked at after every block, for ever, and is still wrong no more often than its level; a t-test
repeated daily is wrong in a third of all quarters. Nothing here knows of models or days: the input is one number per
independent block.

Source: Wang & Ramdas (2023), Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance,
arXiv 2310.03722; the mixture over three precisions covers small and large effects.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

PRECISIONS = (0.3, 3.0, 30.0)
"""Prior precisions of the effect in day standard deviations; a block of b days has them divided by b."""

_BISECTIONS = 60


class Conclusion(StrEnum):
    """What the evidence says so far: `open` while it says nothing."""

    OPEN = "open"
    WORSE = "worse"
    PROVEN = "proven"


@dataclass(frozen=True)
class Path:
    """The e-process over blocks, each array of shape (n,): the e-value, the sum, and limits of the mean per block.

    `low` and `high` are infinite while the blocks are too few to say anything. `spread` is the standard deviation
    between all blocks.
    """

    e_value: Floats
    total: Floats
    low: Floats
    high: Floats
    line: float
    spread: float

    @property
    def harm_left(self) -> float:
        """The largest mean that is not ruled out, in standard deviations between blocks; infinite after few blocks.

        >>> round(follow([0.1, -0.1, 0.2, -0.2, 0.1, -0.1, 0.0], block_days=1, alpha=0.05).harm_left, 2)
        1.8
        """
        if not self.total.size or not np.isfinite(self.high[-1]):
            return float("inf")
        if self.high[-1] <= 0:
            return 0.0
        return float(self.high[-1] / self.spread) if self.spread else float("inf")

    @property
    def ruling(self) -> Conclusion:
        """What the first crossing of the line said; a later return below it takes nothing back."""
        crossed = np.flatnonzero(self.e_value >= self.line)
        if not crossed.size:
            return Conclusion.OPEN
        return Conclusion.WORSE if self.total[crossed[0]] > 0 else Conclusion.PROVEN


def line(alpha: float) -> float:
    """The e-value at which the one-sided question is decided: 1/(2·alpha).

    >>> line(0.05)
    10.0
    """
    return 1 / (2 * alpha)


def follow(blocks: ArrayLike, block_days: int, alpha: float) -> Path:
    """Follow the e-process over all blocks, oldest first.

    Args:
        blocks: Mean excess loss of the new model per block, the tolerance taken off, shape (n,); above 0 is worse.
        block_days: Days in a block.
        alpha: One-sided level, held over all looks together.

    >>> path = follow([1.2, 0.7, 1.0, 1.4, 0.9, 1.1], block_days=1, alpha=0.05)
    >>> path.e_value.round(2).tolist(), path.ruling
    ([1.0, 1.4, 3.13, 7.48, 24.61, 110.31], <Conclusion.WORSE: 'worse'>)
    """
    x = np.asarray(blocks, dtype=np.float64)
    low, high = confidence_sequence(x, block_days, alpha)
    e_value = np.exp(np.minimum(log_e_values(x, block_days), 700.0))
    return Path(e_value, np.cumsum(x), low, high, line(alpha), float(x.std()) if x.size else float("nan"))


def enough_blocks(block_days: int, alpha: float, effect: float) -> int:
    """The fewest blocks after which blocks with this effect put the e-value on the line.

    Blocks whose mean is 0 rule this effect out after as many: the e-value is that of blocks and effect together.

    Args:
        block_days: b, the days in a block.
        alpha: One-sided level, held over all looks together.
        effect: Mean of the blocks over their standard deviation, d/s; S²/(n·V) is d²/(s² + d²).

    >>> [enough_blocks(days, alpha=0.05, effect=1.0) for days in (1, 3, 7, 14)]
    [14, 14, 14, 14]
    >>> [enough_blocks(days, alpha=0.05, effect=2.0) for days in (1, 3, 7, 14)]
    [7, 7, 7, 6]
    >>> [enough_blocks(days, alpha=0.05, effect=float("inf")) for days in (1, 3, 7, 14)]
    [4, 3, 3, 3]
    """
    share = 1 / (1 + 1 / effect**2)
    blocks = 1
    while not float(_log_mixture(np.asarray(float(blocks)), np.asarray(share), block_days)) >= np.log(line(alpha)):
        blocks += 1
    return blocks


def log_e_values(blocks: ArrayLike, block_days: int) -> Floats:
    """Natural logarithm of the e-value after each block.

    Eₙ(c) = √(c/(n+c)) · ((n+c)·V / ((n+c)·V − S²))^(n/2) with S = Σx, V = Σx², averaged over c = {.3, 3, 30}/b.

    Args:
        blocks: Shape (n,), or (repetitions, n) for as many series at once.
        block_days: b, the days in a block.

    Raises:
        ValueError: A block is not a finite number.

    >>> log_e_values([1.0, -1.0, 2.0], 1)[1:].round(3)
    array([-0.355, -0.288])
    """
    x = np.asarray(blocks, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"{int((~np.isfinite(x)).sum())} of {x.size} blocks are not finite. Leave them out.")
    n = np.arange(1, x.shape[-1] + 1, dtype=np.float64)
    total, squares = np.cumsum(x, axis=-1), np.cumsum(x**2, axis=-1)
    share = np.divide(total**2, n * squares, out=np.zeros_like(total), where=squares > 0)
    return _log_mixture(n, np.minimum(share, 1.0), block_days)


def confidence_sequence(blocks: ArrayLike, block_days: int, alpha: float) -> tuple[Floats, Floats]:
    """Limits of the mean per block after each block, each one-sided at alpha over all looks together.

    Blocks have shape (n,), or (repetitions, n) for as many series at once.

    The limits are the means μ at which the e-process of x − μ stands on the line; in u = d²/(s² + d²) with d = |x̄ − μ|
    and s² the variance of the blocks, that e-value does not depend on the data.

    >>> low, high = confidence_sequence([1.2, 0.7, 1.0, 1.4, 0.9, 1.1], 1, 0.05)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([-inf, -inf, -inf, -0.3, 0.34, 0.57], [inf, inf, inf, 2.45, 1.74, 1.53])
    """
    x = np.asarray(blocks, dtype=np.float64)
    n = np.arange(1, x.shape[-1] + 1, dtype=np.float64)
    mean = np.cumsum(x, axis=-1) / n
    variance = np.maximum(np.cumsum(x**2, axis=-1) / n - mean**2, 0.0)
    share = _share_on_the_line(n, block_days, alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(share < 1, np.sqrt(variance * share / (1 - share)), np.inf)
    return mean - reach, mean + reach


def _share_on_the_line(n: Floats, block_days: int, alpha: float) -> Floats:
    """The u at which the e-value of n blocks reaches the line, by bisection; 1 where it never does."""
    below, above = np.zeros_like(n), np.ones_like(n)
    target = np.log(line(alpha))
    reachable = _log_mixture(n, above, block_days) >= target
    for _ in range(_BISECTIONS):
        middle = (below + above) / 2
        high = _log_mixture(n, middle, block_days) >= target
        below, above = np.where(high, below, middle), np.where(high, middle, above)
    return np.where(reachable, above, 1.0)


def _log_mixture(n: Floats, share: Floats, block_days: int) -> Floats:
    """Log of the mean over c of Eₙ(c), with share = S²/(n·V) between 0 and 1."""
    logs = [
        0.5 * np.log(c / (n + c)) - n / 2 * np.log1p(-share * n / (n + c))
        for c in (precision / block_days for precision in PRECISIONS)
    ]
    return np.asarray(np.logaddexp.reduce(logs, axis=0) - np.log(len(logs)), dtype=np.float64)
