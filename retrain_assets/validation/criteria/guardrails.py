"""No declared metric may get worse by its margin: non-inferiority with one-sided confidence limits.

All guardrails must hold, so the level is not divided among them: with one of them truly at its margin a candidate
passes at most alpha of the time, however many there are. "Not significantly worse" is no such proof: it lets a model
through that is twice the margin worse 83 % of the time at 500 rows.
"""

from __future__ import annotations

from retrain_assets.metrics.metric import Array
from retrain_assets.validation.comparison.comparison import Comparison, Level, against_limit, compare, number
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.policy import Floor, ValidationPolicy
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets.verdict import Finding, Outcome


def guardrails(
    policy: ValidationPolicy, rows: GateRows, champion: Array, candidate: Array, level: Level
) -> tuple[Finding, ...]:
    """One finding per declared guardrail, in the policy's order."""
    return tuple(
        non_inferior(
            "guardrails",
            "guardrail",
            compare(metric_of(policy, rail.metric), policy, rows, champion, candidate),
            rail.margin,
            level,
        )
        for rail in policy.guardrails
    )


def floors(policy: ValidationPolicy, rows: GateRows, candidate: Array, level: Level) -> tuple[Finding, ...]:
    """One finding per absolute limit that the first model must clear with confidence."""
    return tuple(
        clears(
            "guardrails",
            floor,
            against_limit(
                metric_of(policy, floor.metric), policy, rows, candidate, at_least=floor.at_least, at_most=floor.at_most
            ),
            level,
        )
        for floor in policy.floors
    )


def joint_power(power: float, rails: int, primaries: int = 1) -> float:
    """The power each of `rails` guardrails and each primary needs, so that all together hold with `power`.

    1 - (1 - power)/(rails + primaries)

    >>> round(joint_power(0.8, 3), 4)
    0.95
    """
    return 1 - (1 - power) / (rails + primaries)


def non_inferior(
    check: str, role: str, comparison: Comparison, margin: float, level: Level, *, because: str = ""
) -> Finding:
    """Judge "not worse by the margin": PASS when the lower confidence limit of the improvement lies above -margin.

    FAIL when it is certainly worse, or when the rows would have shown it if it were not; else INSUFFICIENT. `because`
    is put before the sentence.
    """
    found = comparison.estimate
    low, needed = found.low(level.alpha), found.rows_needed(margin, level.alpha, level.power)
    change = f"{comparison.values}, improvement {number(found.improvement)}"
    limit = f"{level.confidence} limit {number(low)}"
    if why := found.shortfall():
        outcome, reason = Outcome.INSUFFICIENT, f"{comparison.values}: {why}"
    elif low > -margin:
        outcome, reason = Outcome.PASS, f"{change} ({limit} > -{number(margin)}), {comparison.base}"
    elif found.high(level.alpha) <= -margin or (needed is not None and found.rows >= needed):
        outcome = Outcome.FAIL
        reason = f"{change} ({limit}, not above -{number(margin)}), {comparison.base}"
    else:
        outcome = Outcome.INSUFFICIENT
        reason = f"{change} ({limit}, not above -{number(margin)}); {found.rows:,} rows, {needed or 0:,} needed"
    return comparison.finding(
        check,
        role,
        outcome,
        f"{because}: {reason}" if because else reason,
        level,
        margin=margin,
        p_value=found.p_value(-margin),
        rows_needed=needed,
    )


def clears(check: str, floor: Floor, comparison: Comparison, level: Level, group: str = "") -> Finding:
    """Judge an absolute limit: PASS when the confidence limit lies on its good side, FAIL when the value does not."""
    found = comparison.estimate
    bound = floor.at_least if floor.at_least is not None else floor.at_most
    side = "at least" if floor.at_least is not None else "at most"
    low = found.low(level.alpha)
    reason = f"{f'{group}: ' if group else ''}{comparison.values}, {side} {number(bound or 0.0)} asked"
    room = f"{level.confidence} limit of the distance {number(low)}"
    if why := found.shortfall():
        outcome, reason = Outcome.INSUFFICIENT, f"{reason}: {why}"
    elif low > 0:
        outcome, reason = Outcome.PASS, f"{reason} ({room} > 0), {comparison.base}"
    elif found.improvement > 0:
        outcome, reason = Outcome.INSUFFICIENT, f"{reason}, not certain ({room}), {comparison.base}"
    else:
        outcome, reason = Outcome.FAIL, f"{reason}, {comparison.base}"
    return comparison.finding(
        check,
        "floor",
        outcome,
        reason,
        level,
        group=group,
        margin=bound,
        p_value=found.p_value(),
        rows_needed=found.rows_needed(found.improvement, level.alpha, level.power),
    )
