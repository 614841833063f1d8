"""Judge whether a refitted model is still the model that was tested.

The refitted model saw the gate's rows, so that no test on them can say whether it is good; they can say whether it is
another model.
"""

from __future__ import annotations

import numpy as np

from retrain_assets.candidates.policy import RefitPolicy
from retrain_assets.documents.units import counted
from retrain_assets.metrics.metric import Array
from retrain_assets.verdict import Finding, Outcome


def agreement(
    tested: Array, refitted: Array, reference: Array, policy: RefitPolicy | None = None, *, row: str = "row"
) -> Finding:
    """Judge the refitted model's scores against the tested candidate's, on the gate rows.

    Passes when they lie closer to the tested candidate's than the live model's do, by the mean absolute difference: the
    refit moved the candidate less than the promotion moves the model. A declared policy takes the place of this rule:
    then the difference is at most its tolerance, and the correlation at least the declared one. Scores that are not
    finite do not pass.

    Args:
        tested: Scores of the tested candidate, shape (n,) or (n, k).
        refitted: Scores of the refitted model, same shape.
        reference: Scores of the live model, same shape; of the trivial constant where no model is live.
        policy: A tolerance in the scores' unit, and a correlation; None for the rule that needs no number.
        row: What a row is called.

    >>> tested, live = np.array([0.1, 0.5, 0.9]), np.array([0.3, 0.3, 0.7])
    >>> agreement(tested, np.array([0.1, 0.5, 0.8]), live).reason
    'scores of 3 gate rows differ by 0.0333 on average from those tested, the live model differs by 0.2'
    >>> agreement(tested, np.array([0.1, 0.5, 0.8]), live, RefitPolicy(tolerance=0.1)).reason
    'scores of 3 gate rows differ by 0.0333 on average (at most 0.1), correlation 0.997 (at least 0.9)'
    """
    one, other = (np.asarray(scores, dtype=np.float64).ravel() for scores in (tested, refitted))
    apart, several = float(np.abs(one - other).mean()), counted(len(tested), f"gate {row}")
    if policy is not None:
        together = _correlation(one, other)
        limit, agrees = policy.tolerance, apart <= policy.tolerance and together >= policy.min_correlation
        reason = (
            f"scores of {several} differ by {apart:.3g} on average (at most {limit:g}), correlation "
            f"{together:.3g} (at least {policy.min_correlation:g})"
        )
    else:
        limit = float(np.abs(one - np.asarray(reference, dtype=np.float64).ravel()).mean())
        agrees = apart < limit
        reason = (
            f"scores of {several} differ by {apart:.3g} on average from those tested, the live model "
            f"differs by {limit:.3g}"
        )
    return Finding(
        "agreement",
        Outcome.PASS if agrees else Outcome.FAIL,
        reason,
        metric="mean absolute score difference",
        role="refit",
        direction="lower is better",
        rows=len(tested),
        unit="row",
        units=len(tested),
        improvement=-apart,
        margin=limit,
    )


def _correlation(one: Array, other: Array) -> float:
    """Pearson's correlation; NaN where one side is constant or not finite."""
    with np.errstate(all="ignore"):
        centred = [scores - scores.mean() for scores in (one, other)]
        scale = float(np.sqrt(np.square(centred[0]).sum() * np.square(centred[1]).sum()))
        return float((centred[0] * centred[1]).sum() / scale) if scale > 0 else float("nan")
