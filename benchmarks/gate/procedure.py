"""`evidence: procedure` in made-up years: what it promotes needlessly, and what an ageing model costs under it.

A year has a model of every week. On a day a model loses its age times a decay, and noise of its own, such that the
difference of two models has a standard deviation of 1 from day to day (day-sd). Every two weeks a candidate that is as
old as the gate is judged by the project's own judge on the two weeks after its training, with twelve weeks of history,
and with the figure of the procedure that the backtest would have told; what is promoted has seen the gate.

Three rules: superiority; evidence about the procedure; and superiority of a challenger that is frozen while it waits,
so that its evidence adds up over up to twelve weeks, all of them fresh to both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial

import numpy as np

from benchmarks.gate import worlds
from benchmarks.gate.worlds import DAY_ZERO, VALUES, Rng
from benchmarks.tables import Case, Line
from retrain_assets.backtest.matrix.loss_matrix import LossMatrix
from retrain_assets.backtest.procedure import evidence_since
from retrain_assets.metrics.metric import Array
from retrain_assets.statistics.daily_differences import DailyDifferences, DifferenceHistory, daily_differences
from retrain_assets.validation.criteria.procedure_evidence import ProcedureEvidence
from retrain_assets.validation.judge import Conditions, Judgement
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.verdict import Decision

ATTEMPTS, AGED, GATE = 26, 13, 2
"""Attempts a year, and in weeks how much older the compared models are and how long the gate is."""

MARGIN = 1.0
"""How much worse than the live model a candidate may be, in day-sd."""

BURN_IN, YEARS, PATIENCE = 40, 2, 6
"""Weeks before the first attempt, years of attempts, and attempts after which a frozen challenger is given up."""

_HISTORY = 12
_MONTH = 30.4

_OPEN = {"guardrails": [{"metric": "mse", "margin": 1e9}], "unit": "auto"}
SUPERIOR = worlds.without_groups(VALUES, **_OPEN)
PROCEDURE = worlds.without_groups(
    VALUES, **_OPEN, evidence="procedure", procedure={"aged": f"{AGED}w", "margin": MARGIN}
)


@dataclass(frozen=True)
class Years:
    """What came of some years under one rule.

    Attributes:
        promotions: A year.
        excess: Mean loss beyond that of a model that is always fresh, in day-sd.
    """

    promotions: float
    excess: float


def matrix_of(rng: Rng, decay: float, autocorrelation: float) -> LossMatrix:
    """Losses of a model of every week, one row a day."""
    weeks = BURN_IN + 52 * YEARS
    days = 7 * weeks
    age = np.arange(days)[None, :] - 7 * np.arange(weeks)[:, None]
    noise = np.stack([worlds.day_effects(rng, days, autocorrelation) for _ in range(weeks)]) / np.sqrt(2)
    losses = np.where(age >= 0, 10 + decay * age / _MONTH + noise, np.nan)
    moments = DAY_ZERO + np.timedelta64(7, "D") * np.arange(weeks)
    axis = (DAY_ZERO + np.timedelta64(1, "D") * np.arange(days)).astype("datetime64[D]")
    unknown = np.full(weeks, np.nan)
    return LossMatrix(moments, moments, axis, np.ones(days), losses, timedelta(0), moments, unknown)


def _differences(matrix: LossMatrix, now: int) -> DifferenceHistory:
    """Fresh models against ones a month older, over the weeks before a gate."""
    found: list[DailyDifferences] = []
    for origin in range(now - _HISTORY, now, 4):
        span = slice(7 * origin, 7 * origin + 28)
        gain = matrix.losses[origin - 4, span] - matrix.losses[origin, span]
        found.append(daily_differences(f"rehearsal {origin}", "mae", gain, matrix.days[span]))
    return DifferenceHistory(tuple(found), "mae")


def _judged(
    matrix: LossMatrix, policy: ValidationPolicy, live: int, candidate: int, now: int, conditions: Conditions
) -> bool:
    """Whether the project's judge promotes a candidate over the live model on the days between its training and now."""
    span = slice(7 * candidate, 7 * now)
    gain = matrix.losses[live, span] - matrix.losses[candidate, span]
    label, champion, challenger = worlds.values_with_gain(gain)
    rows = worlds.gate_rows(label, days=gain.size, history=_differences(matrix, candidate))
    found: Judgement = worlds.ask(policy, "regression", rows, champion, challenger, conditions)
    return worlds.decision(found) is Decision.PROMOTE


def superiority(matrix: LossMatrix, live: int, now: int) -> int | None:
    """The model that goes into service: the candidate refitted, where it is shown to be better."""
    passed = _judged(matrix, SUPERIOR, live, now - GATE, now, Conditions(ATTEMPTS))
    return now if passed else None


def procedure(matrix: LossMatrix, live: int, now: int) -> int | None:
    """The same where evidence about the procedure may stand in for it."""
    alpha = PROCEDURE.alpha_per_attempt(ATTEMPTS) / 2
    until = matrix.moments[now].astype("datetime64[us]").astype(object)
    since = matrix.moments[AGED].astype("datetime64[us]").astype(object)
    found = evidence_since(matrix, since, timedelta(weeks=AGED), until, alpha, "week")
    passed = _judged(matrix, PROCEDURE, live, now - GATE, now, Conditions(ATTEMPTS, procedure=found))
    return now if passed else None


@dataclass
class Frozen:
    """Superiority of a challenger that waits until its evidence suffices, and serves as it is."""

    challenger: int | None = None

    def __call__(self, matrix: LossMatrix, live: int, now: int) -> int | None:
        """The challenger where it is shown to be better."""
        if self.challenger is None or now - self.challenger > GATE * PATIENCE:
            self.challenger = now - GATE
        if not _judged(matrix, SUPERIOR, live, self.challenger, now, Conditions(ATTEMPTS)):
            return None
        promoted, self.challenger = self.challenger, None
        return promoted


RULES: dict[str, Callable[[], Callable[[LossMatrix, int, int], int | None]]] = {
    "superiority": lambda: superiority,
    "procedure": lambda: procedure,
    "frozen challenger": Frozen,
}


@lru_cache
def lived(rule: str, decay: float, reps: int, autocorrelation: float = 0.3, seed: int = 61) -> Years:
    """Some years under a rule, the first model being as fresh as the first attempt finds it."""
    rng = np.random.default_rng(seed)
    promotions, excess = 0, []
    for _ in range(reps):
        matrix, decide = matrix_of(rng, decay, autocorrelation), RULES[rule]()
        live, first = BURN_IN - GATE, BURN_IN
        for now in range(first, matrix.origins, GATE):
            promoted = decide(matrix, live, now) if now - GATE >= live else None
            if promoted is not None:
                live, promotions = promoted, promotions + 1
            ages = 7 * (now - live) + np.arange(7 * GATE)
            excess.append(decay * float(ages.mean()) / _MONTH)
    return Years(promotions / reps / YEARS, float(np.mean(excess)))


def proven(low: float) -> ProcedureEvidence:
    """A figure of the procedure with a lower limit."""
    return ProcedureEvidence(12, 8, low + 0.02, low, 0.001, 84, 0.025, 10.0, 84)


def passes_with(rng: Rng, policy: ValidationPolicy, gain: Array | float, low: float) -> bool:
    """Whether a candidate of a true gain is promoted on four weeks, given the figure of the procedure."""
    values = worlds.alike_days(rng, 28, 10, 0.3, 0.01) + gain
    label, champion, candidate = worlds.values_with_gain(values)
    rows = worlds.gate_rows(label, days=28, history=worlds.past_days(rng, 84, 10, autocorrelation=0.3, shared=0.01))
    found = worlds.ask(policy, "regression", rows, champion, candidate, Conditions(1, procedure=proven(low)))
    return worlds.decision(found) is Decision.PROMOTE


def cases() -> Iterator[Case]:
    """How often a single attempt promotes what it should not, at a level of .05."""
    told = {"aged": "8w", "margin": 0.1}
    rules = worlds.without_groups(VALUES, **_OPEN, evidence="procedure", procedure=told)
    worse = partial(passes_with, policy=rules, gain=-0.1, low=0.05)
    yield Case("evidence: procedure, proven; worse by the margin: promoted", worse, 4_000, 300, 0.0, 0.06)
    equal = partial(passes_with, policy=rules, gain=0.0, low=-0.05)
    yield Case("evidence: procedure, not proven; equal models: promoted", equal, 4_000, 300, 0.0, 0.04)
    gain = partial(passes_with, policy=rules, gain=0.05, low=0.05)
    yield Case("evidence: procedure, proven; better by half the margin: promoted", gain, 1_000, 0)
    alone = partial(passes_with, policy=rules, gain=0.05, low=-0.05)
    yield Case("the same, not proven", alone, 1_000, 0)


def years(fast: bool) -> Iterator[Line]:
    """The table of rules and decays: needless promotions a year, and mean excess loss."""
    reps = 6 if fast else 40
    head = f"{reps} x {YEARS} years, an attempt every two weeks"
    print(f"{head:<40}{'decay a month':>14}{'promoted':>10}{'excess':>8}  must be")
    for rule in RULES:
        found = lived(rule, 0.0, reps)
        kept = found.promotions <= (1.5 if fast else 1.0)
        yield f"{rule:<40}{'none':>14}{found.promotions:>10.2f}{'':>8}  <= 1, all of them needless", kept
    for decay in (0.05, 0.1, 0.2):
        least = lived("procedure", decay, reps).excess
        for rule in RULES:
            found = lived(rule, decay, reps)
            asked = "" if rule == "procedure" or decay < 0.1 else "  > that of procedure"
            line = f"{rule:<40}{f'{decay:g} day-sd':>14}{found.promotions:>10.2f}{found.excess:>8.3f}{asked}"
            yield line, not asked or found.excess > least
