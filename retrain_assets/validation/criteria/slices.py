"""No slice of the rows may be harmed unnoticed: non-inferiority in every slice, with Holm over all of them on FAIL.

"No slice may lose .02" as a point rule rejects 85 to 97 % of equal candidates with 19 slices of 300 rows. So a slice
fails only when its harm is certain after Holm's adjustment (of equal models at most alpha are rejected, however many
slices there are) and is not shown to stay within the declared margin.
"""

from __future__ import annotations

from retrain_assets.metrics.metric import Array
from retrain_assets.statistics.multiple_testing import holm
from retrain_assets.validation.comparison.comparison import Comparison, Level, compare_in_parts, number
from retrain_assets.validation.comparison.grouping import groups_of
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.policy import SlicePolicy, ValidationPolicy
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets.verdict import Finding, Outcome


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
        _judged(group, margin, each, p_value, len(measured), level)
        for (group, margin, each), p_value in zip(measured, holm(worse).tolist(), strict=True)
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


def _judged(group: str, margin: float, comparison: Comparison, p_value: float, tests: int, level: Level) -> Finding:
    found = comparison.estimate
    low, needed = found.low(level.alpha), found.rows_needed(margin, level.alpha, level.power)
    change = f"{group}: {comparison.values}, improvement {number(found.improvement)}"
    limit = f"{level.confidence} limit {number(low)}"
    if why := found.shortfall():
        outcome, reason = Outcome.INSUFFICIENT, f"{group}: {comparison.values}: {why}"
    elif low > -margin:
        outcome, reason = Outcome.PASS, f"{change} ({limit} > -{number(margin)}), {comparison.base}"
    elif p_value < level.alpha:
        outcome = Outcome.FAIL
        reason = (
            f"{change} ({limit}, not above -{number(margin)}; worse with p {number(p_value)} < {number(level.alpha)} "
            f"after Holm over {tests})"
        )
    else:
        outcome = Outcome.INSUFFICIENT
        reason = f"{change} ({limit}, not above -{number(margin)}); {found.rows:,} rows, {needed or 0:,} needed"
    return comparison.finding(
        "guardrails", "slice", outcome, reason, level, group=group, margin=margin, p_value=p_value, rows_needed=needed
    )
