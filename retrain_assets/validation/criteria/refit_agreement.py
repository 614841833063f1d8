"""Whether a refitted model is still the model that was tested: the same scores, but for a declared tolerance.

The refitted model saw the gate's rows, so that no test on them can say whether it is good; they can say whether it is
another model.
"""

from __future__ import annotations

import numpy as np

from retrain_assets.candidates.policy import RefitPolicy
from retrain_assets.metrics.metric import Array
from retrain_assets.verdict import Finding, Outcome


def agreement(policy: RefitPolicy, tested: Array, refitted: Array) -> Finding:
    """Judge the refitted model's scores against the tested candidate's, on the gate rows.

    Passes when the mean absolute difference is at most the tolerance and the correlation at least the declared one;
    scores that are not finite do not pass.

    Args:
        policy: The tolerance, in the scores' unit, and the correlation.
        tested: Scores of the tested candidate, shape (n,) or (n, k).
        refitted: Scores of the refitted model, same shape.

    >>> policy = RefitPolicy(tolerance=0.1)
    >>> agreement(policy, np.array([0.1, 0.5, 0.9]), np.array([0.1, 0.5, 0.8])).reason
    'scores of 3 gate rows differ by 0.0333 on average (at most 0.1), correlation 0.997 (at least 0.9)'
    """
    one, other = (np.asarray(scores, dtype=np.float64).ravel() for scores in (tested, refitted))
    apart, together = float(np.abs(one - other).mean()), _correlation(one, other)
    agrees = apart <= policy.tolerance and together >= policy.min_correlation
    return Finding(
        "agreement",
        Outcome.PASS if agrees else Outcome.FAIL,
        f"scores of {len(tested):,} gate rows differ by {apart:.3g} on average (at most {policy.tolerance:g}), "
        f"correlation {together:.3g} (at least {policy.min_correlation:g})",
        metric="mean absolute score difference",
        role="refit",
        direction="lower is better",
        rows=len(tested),
        unit="row",
        units=len(tested),
        improvement=-apart,
        margin=policy.tolerance,
    )


def _correlation(one: Array, other: Array) -> float:
    """Pearson's correlation; NaN where one side is constant or not finite."""
    with np.errstate(all="ignore"):
        centred = [scores - scores.mean() for scores in (one, other)]
        scale = float(np.sqrt(np.square(centred[0]).sum() * np.square(centred[1]).sum()))
        return float((centred[0] * centred[1]).sum() / scale) if scale > 0 else float("nan")
