"""Two answers to the same yes-or-no question on the same rows: has the share of good answers dropped?

b counts the rows that the champion got right and the candidate wrong, c the other way round, n all rows of the
question. Rows on which both agree say nothing about the sign of the change, only how large it can be.
"""

from __future__ import annotations

import math

from scipy.special import bdtrc, bdtri, ndtri


def mid_p_mcnemar(b: int, c: int) -> float:
    """One-sided mid-p value of the hypothesis that the share of good answers has not dropped.

    (P(X > b) + P(X >= b))/2 with X binomial(b + c, 1/2); 1/2 when nothing disagrees.

    Source: Fagerland, Lydersen & Laake (2013), BMC Medical Research Methodology 13:91, from which the example
    (two-sided there).

    >>> round(2 * mid_p_mcnemar(7, 1), 3), round(2 * mid_p_mcnemar(16, 6), 3)
    (0.039, 0.035)
    """
    return float(bdtrc(b, b + c, 0.5) + bdtrc(b - 1, b + c, 0.5)) / 2


def exact_mcnemar(b: int, c: int) -> float:
    """One-sided exact p-value of b or more disagreements for the worse, were both ways equally likely.

    P(X >= b) with X binomial(b + c, 1/2); never wrong more often than stated, even with a handful of rows.

    >>> exact_mcnemar(5, 0), exact_mcnemar(0, 0)
    (0.03125, 1.0)
    """
    return float(bdtrc(b - 1, b + c, 0.5))


def drop_limits(b: int, c: int, n: int, alpha: float) -> tuple[float, float]:
    """One-sided lower and upper confidence limits, each at level `alpha`, of the drop (b - c)/n.

    The widest of three: Agresti and Min's, Tango's, and where nothing changed the other way the exact binomial one.
    Agresti and Min's alone, asked whether a drop of exactly the margin lies below it, says so in up to .12 of cases
    when nearly all changes go one way; the widest in at most .052 (of 20 to 400 rows, enumerated).

    >>> [round(limit, 4) for limit in drop_limits(40, 20, 160, alpha=0.025)]
    [0.0309, 0.2181]
    >>> [round(limit, 3) for limit in drop_limits(3, 0, 60, alpha=0.05)]
    [-0.004, 0.124]
    """
    return -_widest(c, b, n, alpha), _widest(b, c, n, alpha)


def _widest(b: int, c: int, n: int, alpha: float) -> float:
    """The largest of the three upper limits of (b - c)/n."""
    exact = exact_limit(b, n, alpha) if c == 0 else -1.0
    return max(agresti_min_limit(b, c, n, alpha), score_limit(b, c, n, alpha), exact)


def agresti_min_limit(b: int, c: int, n: int, alpha: float) -> float:
    """The Wald upper limit of (b - c)/n after adding 1/2 to each of the four cells, cut at 1.

    Source: Agresti & Min (2005), Statistics in Medicine 24.

    >>> round(agresti_min_limit(40, 20, 160, alpha=0.025), 4)
    0.216
    """
    padded = n + 2
    drop = (b - c) / padded
    error = math.sqrt(b + c + 1 - (b - c) ** 2 / padded) / padded
    return min(1.0, drop + float(ndtri(1 - alpha)) * error)


def score_limit(b: int, c: int, n: int, alpha: float) -> float:
    """The upper limit of (b - c)/n that the score test leaves standing.

    The d above (b - c)/n with (b - c - n·d)/sqrt(n·(2q + d(1 - d))) = -z, where q is the likeliest share of changes
    the other way were d the drop: the positive root of 2n·q² + ((2n - b + c)d - b - c)·q - c·d(1 - d) = 0.

    Source: Tango (1998), Statistics in Medicine 17, equations 24 to 26; his example of 44 lens wearers of whom one
    changed.

    >>> round(score_limit(1, 0, 44, alpha=0.05), 3)
    0.096
    """
    from scipy.optimize import brentq

    if n == 0 or b - c == n:
        return 1.0
    z = float(ndtri(1 - alpha))

    def room(drop: float) -> float:
        linear = (2 * n - b + c) * drop - b - c
        other = (math.sqrt(linear**2 + 8 * n * c * drop * (1 - drop)) - linear) / (4 * n)
        return b - c - n * drop + z * math.sqrt(n * max(2 * other + drop * (1 - drop), 0.0))

    if b == c == 0:  # the variance is 0 at the drop itself: 1 - d = n·d/z² is the other root
        return z**2 / (n + z**2)
    return float(brentq(room, (b - c) / n, 1.0))


def exact_limit(b: int, n: int, alpha: float) -> float:
    """The upper limit of a share of which b of n were seen: P(X <= b) = `alpha` for X binomial(n, limit).

    Source: Clopper & Pearson (1934), Biometrika 26.

    >>> round(exact_limit(0, 60, alpha=0.05), 4)
    0.0487
    """
    return float(bdtri(b, n, alpha)) if b < n else 1.0


def rows_to_exclude_drop(b: int, c: int, n: int, margin: float, alpha: float, power: float) -> int | None:
    """Rows of the question needed before "no drop of `margin`" can be said.

    The larger of (z_alpha + z_beta)² · disagreement / margin², with the padded disagreement (b + c + 1)/(n + 2), and
    ln(1/alpha)/margin, below which not one row may have changed although the share has dropped by the margin. None for
    a margin of 0, which no number of rows can exclude.

    >>> rows_to_exclude_drop(b=10, c=10, n=400, margin=0.05, alpha=0.05, power=0.8)
    130
    >>> rows_to_exclude_drop(b=0, c=0, n=400, margin=0.05, alpha=0.05, power=0.8)
    60
    """
    if not margin > 0:
        return None
    disagreement = (b + c + 1) / (n + 2)
    z = float(ndtri(1 - alpha) + ndtri(power))
    return math.ceil(max(z**2 * disagreement / margin**2, math.log(1 / alpha) / margin))
