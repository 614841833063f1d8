"""Is the candidate better than the champion on every primary metric, and by more than chance?

Or, where the policy says `promote_when: fresher` and the champion has aged, or `evidence: procedure` and fresh models
of this spec are certainly better than aged ones: is it no worse by more than a margin?
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from retrain_assets.documents.units import percent, plural, rounded_count
from retrain_assets.metrics.metric import METRICS, Array, Metric
from retrain_assets.statistics.multiple_testing import holm
from retrain_assets.validation.comparison.comparison import Answer, Comparison, Level, Question, compare
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.comparison.wording import held_to, perhaps, surely
from retrain_assets.validation.criteria.guardrails import non_inferior
from retrain_assets.validation.criteria.procedure_evidence import ProcedureEvidence
from retrain_assets.validation.policy import FresherPolicy, ProcedurePolicy, ValidationPolicy
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets.verdict import NOT_BETTER, Finding, Outcome

_PERFECT_CONSTANTS = frozenset({"tpr", "fpr", "precision", "f1", "calibration_error"})
"""Metrics in which a constant can be perfect: everybody positive has a TPR of 1, the base rate is calibrated."""


PRIMARY = Question("significance", "primary")


@dataclass(frozen=True)
class ChampionAge:
    """How old the champion's knowledge is at a decision.

    `periods` from the end of its training rows to the end of the period of the decision, a begun one counting in full;
    `unseen_share` of the gate rows hold a category it never saw (of the column in which most do).
    """

    periods: int
    unseen_share: float = 0.0


def primaries(
    policy: ValidationPolicy, task: str, rows: GateRows, champion: Array, candidate: Array
) -> tuple[Comparison, ...]:
    """Compare both models in every primary metric.

    Raises:
        ValueError: A metric does not fit the task.
    """
    return tuple(compare(_for_task(policy, name, task), policy, rows, champion, candidate) for name in policy.primary)


def significance(
    policy: ValidationPolicy,
    compared: Sequence[Comparison],
    level: Level,
    age: ChampionAge | None = None,
    procedure: ProcedureEvidence | None = None,
) -> tuple[Finding, ...]:
    """One finding per primary metric: PASS when the lower confidence limit of the improvement lies above 0.

    FAIL when it does not; INSUFFICIENT when there are too few independent units to say. Of several primaries every one
    must be shown to be better, by Holm's step-down: the k-th smallest of m p-values is tested at alpha/(m - k + 1), and
    none passes after one that did not. Each finding has its limits at the level of its step, and its adjusted p-value
    beside the level of all (`p_level`).

    Under `promote_when: fresher` an aged champion's successor passes when it is non-inferior on every primary, each at
    the full level, because all of them must hold.

    Under `evidence: procedure` superiority is tested at half the level. Where it is not shown, two findings together
    stand in for it: fresh models of the spec beat aged ones (at the other half), and this candidate is non-inferior (at
    the full level). Whatever passes superiority at half the level is non-inferior at the full one, so a candidate that
    is worse by the margin passes at most alpha of the time, whatever the procedure shows.

    Args:
        policy: What is asked of the primary metrics.
        compared: Both models in each of them (`primaries`).
        level: How strict the tests are together.
        age: The champion's age, needed for `promote_when: fresher`.
        procedure: What fresh models gain, needed for `evidence: procedure`.

    Raises:
        ValueError: The champion's age, or the procedure's evidence, is needed and not given.
    """
    if policy.procedure is not None:
        if procedure is None:
            raise ValueError("evidence is procedure: give what fresh models gain.")
        return _by_procedure(policy, compared[0], level, procedure)
    if policy.fresher is None:
        return _superior(compared, level)
    if age is None:
        raise ValueError("promote_when is fresher: give the champion's age.")
    reason, aged = _aged(policy.fresher, age, compared[0].row)
    if not aged:
        return tuple(replace(found, reason=f"{found.reason}; {reason}") for found in _superior(compared, level))
    return tuple(_fresher(policy.fresher, comparison, level, reason) for comparison in compared)


def better_than_constant(
    policy: ValidationPolicy, task: str, rows: GateRows, baseline: Array, candidate: Array, level: Level
) -> tuple[Finding, ...]:
    """Judge the first model: PASS when it is significantly better than the constant prediction `baseline`.

    Measured in the primary metrics, or in the log loss where a constant can be perfect (everybody positive has a TPR
    of 1).
    """
    compared = [
        replace(compare(known, policy, rows, baseline, candidate), constant=True)
        for known in skill_metrics(policy, task)
    ]
    return _superior(compared, level)


def skill_metrics(policy: ValidationPolicy, task: str) -> tuple[Metric, ...]:
    """The metrics in which a model must beat a constant: one for each primary, each once."""
    return tuple({known.name: known for known in (_skill(policy, name, task) for name in policy.primary)}.values())


def _skill(policy: ValidationPolicy, name: str, task: str) -> Metric:
    known = metric_of(policy, name)
    if known.whole is None and name.split("[")[0] not in _PERFECT_CONSTANTS:
        return known
    return METRICS["mae" if task == "regression" else "log_loss"]


def _superior(compared: Sequence[Comparison], level: Level) -> tuple[Finding, ...]:
    """Holm's step-down over the comparisons; what cannot be known counts as a p-value of 1."""
    p_values = [found.estimate.p_value() if not found.estimate.shortfall() else math.nan for found in compared]
    counted = [1.0 if math.isnan(p) else p for p in p_values]
    order = sorted(range(len(compared)), key=counted.__getitem__)
    findings: dict[int, Finding] = {}
    standing = True
    for rank, place in enumerate(order):
        strict = Level(level.alpha / (len(compared) - rank), level.power)
        findings[place] = _better(
            compared[place], strict, standing, float(holm(counted)[place]), len(compared), level.alpha
        )
        standing = standing and findings[place].outcome is Outcome.PASS
    return tuple(findings[place] for place in range(len(compared)))


def _better(
    comparison: Comparison, level: Level, standing: bool, adjusted: float, tests: int, together: float
) -> Finding:
    """Judge one of `tests` primaries: its limit at the level of its step, its adjusted p-value at that of all."""
    found = comparison.estimate
    low = found.low(level.alpha)
    rows_needed = found.rows_needed(found.improvement, level.alpha, level.power)
    change, limits = comparison.change, (low, comparison.unit, comparison.confidence(level))
    if why := comparison.shortfall:
        outcome, reason = Outcome.INSUFFICIENT, f"{change}: {why}"
    elif low > 0 and standing:
        outcome, reason = Outcome.PASS, f"{change}: {surely(*limits)}, {comparison.base}"
    elif low > 0:
        outcome = Outcome.FAIL
        reason = f"{change}: {surely(*limits)}, but a primary with a smaller p-value did not pass"
    elif found.improvement > 0:
        not_better = f"{NOT_BETTER} surely better, {comparison.beside} on {comparison.base}"
        outcome, reason = Outcome.FAIL, f"{not_better}: {perhaps(*limits)}"
        if rows_needed:
            enough = f"about {rounded_count(rows_needed)} {plural(comparison.row)} like these {found.rows:,}"
            reason += f"; {enough} would show it, if the gain is as seen"
    else:
        not_better = f"{NOT_BETTER} better, {comparison.beside} on {comparison.base}"
        outcome, reason = Outcome.FAIL, f"{not_better}: {perhaps(*limits)}"
    if tests > 1 and outcome is not Outcome.INSUFFICIENT:
        reason += f"; {held_to(adjusted, together)} after Holm over {tests} primaries"
    p_value = None if found.shortfall() else adjusted
    return comparison.finding(PRIMARY, Answer(outcome, reason, 0.0, p_value, rows_needed, together), level)


def _by_procedure(
    policy: ValidationPolicy, comparison: Comparison, level: Level, procedure: ProcedureEvidence
) -> tuple[Finding, ...]:
    """This candidate's superiority, or that of the procedure with this candidate's non-inferiority."""
    assert policy.procedure is not None
    (own,) = _superior((comparison,), Level(policy.superiority_alpha(level.alpha), level.power))
    said = procedure.sentence.rstrip(".")
    if own.outcome is Outcome.PASS or not procedure.proven:
        return (replace(own, reason=f"{own.reason}; {said[0].lower()}{said[1:]}"),)
    finding = non_inferior(comparison, _margin(policy.procedure, comparison), level, PRIMARY)
    because = "not shown to be better by itself, so be no worse, for retraining works"
    return replace(finding, reason=f"{because}: {finding.reason}"), procedure.finding(comparison.metric)


def _margin(policy: FresherPolicy | ProcedurePolicy, comparison: Comparison) -> float:
    """How much worse a candidate may be, in the metric's unit."""
    if policy.margin is not None:
        return policy.margin
    return (policy.margin_share or 0.0) * (comparison.champion_value or 0.0)


def _fresher(policy: FresherPolicy, comparison: Comparison, level: Level, because: str) -> Finding:
    """Judge one primary of an aged champion's successor: no worse by the margin, in the metric's unit."""
    margin = _margin(policy, comparison)
    finding = non_inferior(comparison, margin, level, PRIMARY)
    return replace(finding, reason=f"{because}: {finding.reason}")


def _aged(policy: FresherPolicy, age: ChampionAge, row: str) -> tuple[str, bool]:
    """Whether the champion counts as aged, and the sentence that says why."""
    if age.periods > policy.max_age_periods:
        return f"the champion is {age.periods} periods old, more than {policy.max_age_periods}, so be no worse", True
    if age.unseen_share > policy.max_unseen_share:
        share = f"{percent(age.unseen_share, 1)} of the gate {plural(row)} hold a category the champion never saw"
        return f"{share}, more than {percent(policy.max_unseen_share, 1)}, so be no worse", True
    return f"the champion is {age.periods} periods old, at most {policy.max_age_periods}, so be better", False


def _for_task(policy: ValidationPolicy, name: str, task: str) -> Metric:
    found = metric_of(policy, name)
    if task not in found.tasks:
        raise ValueError(f"metric {name} does not fit task {task}: take one of its tasks {sorted(found.tasks)}.")
    return found
