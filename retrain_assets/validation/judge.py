"""The judge: one candidate, one champion, the same fresh rows, and the findings that decide about a promotion.

Pure and without a clock or chance: the same arrays give the same findings. What the findings together allow is said by
`verdict`, and whether the pointer moves by the registry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.metrics.metric import Array
from retrain_assets.validation.comparison.comparison import Level
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.criteria import fairness, guardrails, preconditions
from retrain_assets.validation.criteria.procedure_evidence import ProcedureEvidence
from retrain_assets.validation.criteria.significance import (
    ChampionAge,
    better_than_constant,
    primaries,
    significance,
)
from retrain_assets.validation.criteria.slices import slices
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.suite.cases import SuiteRows, regression_suite
from retrain_assets.verdict import Finding, Outcome

__all__ = ["ChampionAge", "Conditions", "GateRows", "GateScores", "Judgement", "SuiteRows", "judge"]


@dataclass(frozen=True)
class Judgement:
    """What was found, in the order of the questions; `identical` when both models score every row alike.

    `reported` are slices too small to tell that do not hold a promotion.
    """

    findings: tuple[Finding, ...]
    identical: bool
    reported: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class GateScores:
    """What each model says of the gate rows, each of shape (n,), or (n, k) for k classes.

    Attributes:
        candidate: The candidate's scores.
        baseline: A constant prediction for the same rows.
        champion: The live model's scores; None for the first model.
        anchor: Scores of the version that a person approved last, where it is not the live one and can be scored.
    """

    candidate: Array
    baseline: Array
    champion: Array | None = None
    anchor: Array | None = None

    def __post_init__(self) -> None:
        for name in ("candidate", "baseline", "champion", "anchor"):
            given = getattr(self, name)
            object.__setattr__(self, name, None if given is None else np.asarray(given, dtype=np.float64))


@dataclass(frozen=True)
class Conditions:
    """What a judgement depends on besides rows and scores.

    Attributes:
        attempts_per_year: How many candidates a year may come here; the level follows from it.
        champion_age: How old the champion's knowledge is; needed for `promote_when: fresher`.
        champion_fault: Why the live model cannot score the rows, where it cannot; nothing is then decided.
        anchor: Name of the version that a person approved last, empty where none is compared with.
        procedure: What fresh models of the spec gain over aged ones; needed for `evidence: procedure`.
    """

    attempts_per_year: int
    champion_age: ChampionAge | None = None
    champion_fault: str = ""
    anchor: str = ""
    procedure: ProcedureEvidence | None = None

    def __post_init__(self) -> None:
        if self.attempts_per_year < 1:
            raise ValueError(
                f"attempts_per_year is {self.attempts_per_year}: at least this attempt counts, give 1 or more."
            )


def judge(
    policy: ValidationPolicy, task: str, rows: GateRows, scores: GateScores, suite: SuiteRows, conditions: Conditions
) -> Judgement:
    """Judge a candidate: preconditions, guardrails, slices, fairness, regression suite, and last the primary metrics.

    Args:
        policy: What must be shown, with margins.
        task: `binary`, `multiclass` or `regression`.
        rows: The gate rows: fresh, with known outcomes.
        scores: What each model says of them. A first model must beat the baseline, clear every floor and get every
            critical case right.
        suite: The known hard cases, scored.
        conditions: The level, the champion's age and whether it can be compared with.

    Raises:
        DataError: Arrays do not fit the rows, or a protected attribute or the cluster column is missing.
    """
    if conditions.champion_fault:
        return Judgement((preconditions.unscorable(rows, conditions.champion_fault),), identical=False)
    if preconditions.same_scores(scores.candidate, scores.champion):
        return Judgement((preconditions.identical(rows),), identical=True)
    usable = preconditions.usable(task, rows, scores.candidate, scores.champion)
    if usable.outcome is not Outcome.PASS:
        return Judgement((usable,), identical=False)
    alpha = policy.alpha_per_attempt(conditions.attempts_per_year)
    contest = Contest(policy, task, rows, scores, suite, alpha)
    if scores.champion is None:
        return Judgement((usable, *contest.first_model()), False)
    found, reported = contest.against_champion(scores.champion, conditions)
    since = contest.against_anchor(scores.anchor, conditions.anchor) if scores.anchor is not None else ()
    return Judgement((usable, *found, *since), identical=False, reported=reported)


@dataclass(frozen=True)
class Contest:
    """The questions of one judgement, asked of usable scores."""

    policy: ValidationPolicy
    task: str
    rows: GateRows
    scores: GateScores
    suite: SuiteRows
    alpha: float

    def against_champion(
        self, champion: Array, conditions: Conditions
    ) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """What decides, and the slices that are only reported."""
        policy, task, rows, candidate = self.policy, self.task, self.rows, self.scores.candidate
        age, procedure = conditions.champion_age, conditions.procedure
        rows.number(policy.unit)
        single = Level(self.alpha, policy.power)
        joint = Level(self.alpha, guardrails.joint_power(policy.power, len(policy.guardrails), len(policy.primary)))
        sliced = slices(policy, rows, champion, candidate, single)
        hold = policy.slices is not None and policy.slices.hold_undecided
        reported = () if hold else tuple(found for found in sliced if found.outcome is Outcome.INSUFFICIENT)
        return (
            *guardrails.guardrails(policy, rows, champion, candidate, joint),
            *(found for found in sliced if found not in reported),
            *fairness.fairness(policy, task, rows, champion, candidate, single),
            *regression_suite(policy, task, self.suite),
            *significance(policy, primaries(policy, task, rows, champion, candidate), joint, age, procedure),
        ), reported

    def against_anchor(self, anchor: Array, name: str) -> tuple[Finding, ...]:
        """Guardrails and groups against the version that a person approved, so that no margin is spent twice."""
        policy, rows, candidate = self.policy, self.rows, self.scores.candidate
        rails = guardrails.joint_power(policy.power, len(policy.guardrails), len(policy.primary))
        found = guardrails.guardrails(policy, rows, anchor, candidate, Level(self.alpha, rails), against=name)
        if not policy.fairness.asked:
            return found
        pair = fairness.Questioned(self.task, anchor, candidate)
        return (*found, *fairness.since_anchor(policy, rows, pair, Level(self.alpha, policy.power), name))

    def first_model(self) -> tuple[Finding, ...]:
        """What is asked where no model is live."""
        policy, task, rows, candidate = self.policy, self.task, self.rows, self.scores.candidate
        level = Level(self.alpha, policy.power)
        return (
            *guardrails.floors(policy, rows, candidate, level),
            *fairness.floors(policy, task, rows, candidate, level),
            *regression_suite(policy, task, self.suite),
            *better_than_constant(policy, task, rows, self.scores.baseline, candidate, level),
        )
