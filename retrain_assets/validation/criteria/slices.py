"""No slice of the rows may be harmed unnoticed: non-inferiority in every slice, with Holm over all of them on FAIL.

"No slice may lose .02" as a point rule rejects 85 to 97 % of equal candidates with 19 slices of 300 rows. So a slice
fails only when its harm is certain after Holm's adjustment (of equal models at most alpha are rejected, however many
slices there are) and is not shown to stay within the declared margin.
"""

from __future__ import annotations

from retrain_assets.metrics.metric import Array
from retrain_assets.statistics.multiple_testing import holm
from retrain_assets.validation.comparison.comparison import Comparison, Level, Question, compare_in_parts
from retrain_assets.validation.comparison.grouping import groups_of
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.criteria.guardrails import non_inferior
from retrain_assets.validation.policy import SlicePolicy, ValidationPolicy
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets.verdict import Finding


def slices(
    policy: ValidationPolicy, rows: GateRows, champion: Array, candidate: Array, level: Level
) -> tuple[Finding, ...]:
    """One finding per slice and declared metric; none without declared slices.

    PASS: the lower confidence limit of the improvement lies above -margin. FAIL: it does not, and the one-sided test
    that the slice got worse stays below alpha after Holm over all slices and metrics. INSUFFICIENT: neither is shown.

    Raises:
        DataError: The rows lack a slicing column.
    """
    asked = policy.slices
    if asked is None:
        return ()
    measured = [
        each for name in columns(asked, rows) for each in _measured(policy, asked, name, rows, champion, candidate)
    ]
    worse = [float("nan") if each.estimate.shortfall() else each.estimate.p_worse() for _, _, each in measured]
    return tuple(
        non_inferior(each, margin, level, Question("guardrails", "slice", group), harm=harm, tests=len(measured))
        for (group, margin, each), harm in zip(measured, holm(worse).tolist(), strict=True)
    )


def _measured(
    policy: ValidationPolicy, asked: SlicePolicy, column: str, rows: GateRows, champion: Array, candidate: Array
) -> list[tuple[str, float, Comparison]]:
    """Every slice of one column in every metric: its name, the margin, the comparison."""
    found = tuple(groups_of(column, rows, asked.pool_below))
    compared = [
        compare_in_parts(metric_of(policy, rail.metric), policy, rows, champion, candidate, found)
        for rail in asked.guardrails
    ]
    return [
        (group.name, rail.margin, of_metric[place])
        for place, group in enumerate(found)
        for rail, of_metric in zip(asked.guardrails, compared, strict=True)
    ]


def columns(policy: SlicePolicy, rows: GateRows) -> tuple[str, ...]:
    """The columns that slice the rows: the declared ones, or every column of groups."""
    return policy.columns or tuple(rows.groups)
