"""No declared metric may get worse by its margin: non-inferiority with one-sided confidence limits.

All guardrails must hold, so the level is not divided among them: with one of them truly at its margin a candidate
passes at most alpha of the time, however many there are. "Not significantly worse" is no such proof: it lets a model
through that is twice the margin worse 83 % of the time at 500 rows.
"""

from __future__ import annotations

from retrain_assets.documents.units import counted, rounded_count
from retrain_assets.metrics.metric import Array
from retrain_assets.validation.comparison.comparison import (
    Answer,
    Comparison,
    Level,
    Question,
    against_limit,
    compare,
)
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.comparison.wording import held_to, perhaps, surely
from retrain_assets.validation.policy import Floor, ValidationPolicy
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets.verdict import Finding, Outcome


def guardrails(
    policy: ValidationPolicy, rows: GateRows, champion: Array, candidate: Array, level: Level, against: str = ""
) -> tuple[Finding, ...]:
    """One finding per declared guardrail, in the policy's order; `against` names a champion that is not live."""
    question = Question("guardrails", "guardrail", against=against)
    return tuple(
        non_inferior(
            compare(metric_of(policy, rail.metric), policy, rows, champion, candidate), rail.margin, level, question
        )
        for rail in policy.guardrails
    )


def floors(policy: ValidationPolicy, rows: GateRows, candidate: Array, level: Level) -> tuple[Finding, ...]:
    """One finding per absolute limit that the first model must clear with confidence, or one that none is declared."""
    if not policy.floors:
        return (not_asked("guardrails", "no floor is declared for the first model"),)
    return tuple(
        clears(
            floor,
            against_limit(metric_of(policy, floor.metric), policy, rows, candidate, floor),
            level,
            Question("guardrails", "floor"),
        )
        for floor in policy.floors
    )


def not_asked(check: str, why: str) -> Finding:
    """The finding of a check that asks nothing, because nothing was declared or nothing is there to be asked."""
    return Finding(check, Outcome.NOT_ASKED, f"not asked: {why}")


def joint_power(power: float, rails: int, primaries: int = 1) -> float:
    """The power each of `rails` guardrails and each primary needs, so that all together hold with `power`.

    1 - (1 - power)/(rails + primaries)

    >>> round(joint_power(0.8, 3), 4)
    0.95
    """
    return 1 - (1 - power) / (rails + primaries)


def non_inferior(
    comparison: Comparison,
    margin: float,
    level: Level,
    question: Question,
    *,
    harm: float | None = None,
    tests: int = 1,
) -> Finding:
    """Judge "not worse by the margin": PASS when the lower confidence limit of the improvement lies above -margin.

    A question that stands alone is a FAIL when the candidate is certainly worse by the margin, or when the rows would
    have shown it if it were not. One of several (slices) is a FAIL when it does not pass and some harm is certain after
    Holm. Otherwise the answer is INSUFFICIENT.

    Args:
        comparison: Both models in one metric.
        margin: Loss that may not be reached.
        level: How strict the test is.
        question: What is asked, of which rows.
        harm: Of several questions the p-value of "it got no worse", adjusted for their number.
        tests: How many there are.
    """
    found = comparison.estimate
    low, needed = found.low(level.alpha), found.rows_needed(margin, level.alpha, level.power)
    change, allowed = f"{question.about}{comparison.change}", f"the margin of {comparison.difference(margin)}"
    confidence = comparison.confidence(level)
    limits = (low, comparison.unit, confidence)
    missed = f"not shown to be within {allowed}: {perhaps(*limits)}"
    if why := comparison.shortfall:
        outcome, reason = Outcome.INSUFFICIENT, f"{change}: {why}"
    elif low > -margin:
        spare = "" if low > 0 else f", within {allowed}"
        outcome, reason = Outcome.PASS, f"{change}: {surely(*limits)}{spare}, {comparison.base}"
    elif harm is not None and harm < level.alpha:
        certain = f"worse with {held_to(harm, level.alpha)} after Holm over {tests}"
        outcome, reason = Outcome.FAIL, f"{change}, {certain}, and {missed}"
    elif harm is None and found.high(level.alpha) <= -margin:
        beyond = f"surely worse by more than {allowed}"
        outcome, reason = Outcome.FAIL, f"{change}, {beyond} ({confidence} limit), {comparison.base}"
    elif harm is None and needed is not None and found.rows >= needed:
        outcome, reason = Outcome.FAIL, f"{change}, {missed}, {comparison.base}"
    else:
        rows = counted(found.rows, comparison.row)
        outcome, reason = Outcome.INSUFFICIENT, f"{change}, {missed}; {rows}, about {rounded_count(needed or 0)} needed"
    answer = Answer(outcome, reason, margin, found.p_value(-margin) if harm is None else harm, needed)
    return comparison.finding(question, answer, level)


def clears(floor: Floor, comparison: Comparison, level: Level, question: Question) -> Finding:
    """Judge an absolute limit: PASS when the confidence limit lies on its good side, FAIL when the value does not."""
    found = comparison.estimate
    side = "at least" if floor.at_least is not None else "at most"
    low, confidence = found.low(level.alpha), comparison.confidence(level)
    reason = f"{question.about}{comparison.change}, {side} {comparison.amount(floor.limit)} is asked"
    needed = found.rows_needed(found.improvement, level.alpha, level.power)
    if why := comparison.shortfall:
        outcome, reason = Outcome.INSUFFICIENT, f"{reason}: {why}"
    elif low > 0:
        clear = f"clear of it by at least {comparison.difference(low)} with {confidence} confidence"
        outcome, reason = Outcome.PASS, f"{reason}: {clear}, {comparison.base}"
    elif found.improvement > 0:
        miss = f"it may miss it by {comparison.difference(-low)} ({confidence} limit)"
        outcome, reason = Outcome.INSUFFICIENT, f"{reason}, not certain: {miss}, {comparison.base}"
    else:
        outcome, reason = Outcome.FAIL, f"{reason} and missed, {comparison.base}"
    return comparison.finding(question, Answer(outcome, reason, floor.limit, found.p_value(), needed), level)
