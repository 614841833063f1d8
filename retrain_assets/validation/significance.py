"""Is the candidate better than the champion on the primary metric, and by more than chance?"""

from __future__ import annotations

from retrain_assets.metrics import METRICS, Array, Metric, metric
from retrain_assets.validation.comparison import Comparison, Level, compare, number
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.units import GateRows
from retrain_assets.verdict import Finding, Outcome

_NEEDS_A_THRESHOLD = frozenset({"tpr", "fpr", "precision", "f1"})


def significance(
    policy: ValidationPolicy, task: str, rows: GateRows, champion: Array, candidate: Array, level: Level
) -> Finding:
    """Judge the primary metric: PASS when the lower confidence limit of the improvement lies above 0.

    FAIL when it does not; INSUFFICIENT when there are too few independent units to say.
    """
    return _superior(compare(_for_task(policy.primary, task), policy, rows, champion, candidate), level, "champion")


def better_than_constant(
    policy: ValidationPolicy, task: str, rows: GateRows, baseline: Array, candidate: Array, level: Level
) -> Finding:
    """Judge the first model: PASS when it is significantly better than the constant prediction `baseline`.

    Measured in the primary metric, or in the log loss where a constant can be perfect (everybody positive has a TPR
    of 1).
    """
    return _superior(compare(skill_metric(policy.primary), policy, rows, baseline, candidate), level, "constant")


def skill_metric(primary: str) -> Metric:
    """The metric in which a model must beat a constant.

    >>> skill_metric("mae").name, skill_metric("tpr").name
    ('mae', 'log_loss')
    """
    return METRICS["log_loss"] if primary in _NEEDS_A_THRESHOLD else metric(primary)


def _superior(comparison: Comparison, level: Level, rival: str) -> Finding:
    found = comparison.estimate
    low = found.low(level.alpha)
    rows_needed = found.rows_needed(found.improvement, level.alpha, level.power) if found.improvement > 0 else None
    if why := found.shortfall():
        outcome, reason = Outcome.INSUFFICIENT, f"{comparison.values}: {why}"
    elif low > 0:
        outcome = Outcome.PASS
        reason = f"{_gain(comparison)} ({level.confidence} limit {number(low)} > 0), {comparison.base}"
    else:
        outcome = Outcome.FAIL
        reason = f"{_gain(comparison)} ({level.confidence} limit {number(low)}, not above 0), {comparison.base}"
        if rows_needed:
            reason += f"; {rows_needed:,} rows like these {found.rows:,} would show such a gain"
    return comparison.finding(
        "significance",
        "primary",
        outcome,
        f"{reason} (against the {rival})" if rival == "constant" else reason,
        level,
        margin=0.0,
        p_value=found.p_value(),
        rows_needed=rows_needed,
    )


def _gain(comparison: Comparison) -> str:
    return f"{comparison.values}, improvement {number(comparison.estimate.improvement)}"


def _for_task(name: str, task: str) -> Metric:
    found = metric(name)
    if task not in found.tasks:
        raise ValueError(f"metric {name} does not fit task {task}: take one of its tasks {sorted(found.tasks)}.")
    return found
