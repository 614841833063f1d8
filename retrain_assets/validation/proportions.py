"""Two answers to the same yes-or-no question on the same rows: has the share of good answers dropped?

b counts the rows that the champion got right and the candidate wrong, c the other way round, n all rows of the
question. Rows on which both agree say nothing about the sign of the change, only how large it can be.
"""

from __future__ import annotations

import math

from scipy.special import bdtrc, ndtri


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

    The Wald limits after adding 1/2 to each of the four cells, cut at -1 and 1.

    Source: Agresti & Min (2005), Statistics in Medicine 24.

    >>> [round(limit, 4) for limit in drop_limits(40, 20, 160, alpha=0.025)]
    [0.0309, 0.216]
    """
    padded = n + 2
    drop = (b - c) / padded
    error = math.sqrt(b + c + 1 - (b - c) ** 2 / padded) / padded
    z = float(ndtri(1 - alpha))
    return max(-1.0, drop - z * error), min(1.0, drop + z * error)


def rows_to_exclude_drop(b: int, c: int, n: int, margin: float, alpha: float, power: float) -> int:
    """Rows of the question needed before "no drop of `margin`" can be said.

    The larger of (z_alpha + z_beta)² · disagreement / margin², with the padded disagreement (b + c + 1)/(n + 2), and
    ln(1/alpha)/margin, below which not one row may have changed although the share has dropped by the margin.

    >>> rows_to_exclude_drop(b=10, c=10, n=400, margin=0.05, alpha=0.05, power=0.8)
    130
    >>> rows_to_exclude_drop(b=0, c=0, n=400, margin=0.05, alpha=0.05, power=0.8)
    60
    """
    disagreement = (b + c + 1) / (n + 2)
    z = float(ndtri(1 - alpha) + ndtri(power))
    return math.ceil(max(z**2 * disagreement / margin**2, math.log(1 / alpha) / margin))
