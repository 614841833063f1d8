"""The judge: one candidate, one champion, the same fresh rows, and the findings that decide about a promotion.

Pure and without a clock or chance: the same arrays give the same findings. What the findings together allow is said by
`verdict`, and whether the pointer moves by the registry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from retrain_assets.metrics.metric import Array
from retrain_assets.validation.comparison.comparison import Level
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.criteria import fairness, guardrails, preconditions
from retrain_assets.validation.criteria.significance import ChampionAge, better_than_constant, significance
from retrain_assets.validation.criteria.slices import slices
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.suite.cases import SuiteRows, regression_suite
from retrain_assets.verdict import Finding, Outcome

__all__ = ["ChampionAge", "GateRows", "Judgement", "SuiteRows", "judge"]

USUAL_LEVEL = 0.05
"""Below this one-sided level days are joined more carefully (`units.blocks_for`)."""


@dataclass(frozen=True)
class Judgement:
    """What was found, in the order of the questions; `identical` when both models score every row alike.

    `reported` are slices too small to tell that do not hold a promotion.
    """

    findings: tuple[Finding, ...]
    identical: bool
    reported: tuple[Finding, ...] = ()


def judge(
    policy: ValidationPolicy,
    task: str,
    rows: GateRows,
    candidate_scores: Array,
    champion_scores: Array | None,
    baseline_scores: Array,
    suite: SuiteRows,
    attempts_per_year: int,
    *,
    champion_age: ChampionAge | None = None,
    champion_fault: str = "",
) -> Judgement:
    """Judge a candidate: hard checks, guardrails, slices, fairness, regression suite, and last the primary metrics.

    Args:
        policy: What must be shown, with margins.
        task: `binary`, `multiclass` or `regression`.
        rows: The gate rows: fresh, with known outcomes.
        candidate_scores: Scores of the gate rows, shape (n,), or (n, k) for k classes.
        champion_scores: The live model's scores of the same rows; None for the first model, which must beat the
            baseline, clear every floor and get every critical case right.
        baseline_scores: A constant prediction for the same rows.
        suite: The known hard cases, scored.
        attempts_per_year: How many candidates a year may come here; the level follows from it.
        champion_age: How old the champion's knowledge is; needed for `promote_when: fresher`.
        champion_fault: Why the live model cannot score the rows, where it cannot; nothing is then decided.

    Raises:
        DataError: Arrays do not fit the rows, or a protected attribute or the cluster column is missing.
    """
    if attempts_per_year < 1:
        raise ValueError(f"attempts_per_year is {attempts_per_year}: at least this attempt counts, give 1 or more.")
    candidate, baseline = _scores(candidate_scores), _scores(baseline_scores)
    champion = None if champion_scores is None else _scores(champion_scores)
    if champion_fault:
        return Judgement((preconditions.unscorable(rows, champion_fault),), identical=False)
    if preconditions.same_scores(candidate, champion):
        return Judgement((preconditions.identical(rows),), identical=True)
    usable = preconditions.usable(task, rows, candidate, champion)
    if usable.outcome is not Outcome.PASS:
        return Judgement((usable,), identical=False)
    alpha = policy.alpha_per_attempt(attempts_per_year)
    rows = replace(rows, careful=alpha < USUAL_LEVEL)
    if champion is None:
        level = Level(alpha, policy.power)
        return Judgement((usable, *_first_model(policy, task, rows, candidate, baseline, suite, level)), False)
    power = guardrails.joint_power(policy.power, len(policy.guardrails), len(policy.primary))
    found, reported = _against_champion(
        policy, task, rows, candidate, champion, suite, Level(alpha, power), champion_age
    )
    constant = preconditions.above_constant(policy, task, rows, baseline, candidate, Level(alpha, policy.power))
    return Judgement((usable, *constant, *found), identical=False, reported=reported)


def _against_champion(
    policy: ValidationPolicy,
    task: str,
    rows: GateRows,
    candidate: Array,
    champion: Array,
    suite: SuiteRows,
    level: Level,
    age: ChampionAge | None,
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What decides, and the slices that are only reported."""
    rows.number(policy.unit)
    single = Level(level.alpha, policy.power)
    sliced = slices(policy, rows, champion, candidate, single)
    hold = policy.slices is not None and policy.slices.hold_undecided
    reported = () if hold else tuple(found for found in sliced if found.outcome is Outcome.INSUFFICIENT)
    return (
        *guardrails.guardrails(policy, rows, champion, candidate, level),
        *(found for found in sliced if found not in reported),
        *fairness.fairness(policy, task, rows, champion, candidate, single),
        *regression_suite(policy, task, suite),
        *significance(policy, task, rows, champion, candidate, level, age),
    ), reported


def _first_model(
    policy: ValidationPolicy,
    task: str,
    rows: GateRows,
    candidate: Array,
    baseline: Array,
    suite: SuiteRows,
    level: Level,
) -> tuple[Finding, ...]:
    return (
        *guardrails.floors(policy, rows, candidate, level),
        *fairness.floors(policy, task, rows, candidate, level),
        *regression_suite(policy, task, suite),
        *better_than_constant(policy, task, rows, baseline, candidate, level),
    )


def _scores(scores: Array) -> Array:
    return np.asarray(scores, dtype=np.float64)
