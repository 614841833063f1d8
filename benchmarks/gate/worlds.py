"""Made-up gate rows whose truth is known, and the project's own judge asked about them."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from retrain_assets.metrics.metric import Array
from retrain_assets.statistics.daily_differences import DailyDifferences, DifferenceHistory
from retrain_assets.validation.judge import Conditions, GateRows, GateScores, Judgement, SuiteRows, judge
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.suite.cases import SuiteCase
from retrain_assets.verdict import Decision, Finding, GateWindow, Outcome, Verdict

Rng = np.random.Generator

DAY_ZERO = np.datetime64("2024-01-01", "us")

_WIDE: dict[str, Any] = {
    "false_promotions_per_year": 1.0,
    "unit": "row",
    "fairness": {"groups": ["part"], "margin": 0.99, "pool_below": 1},
    "regression_suite": {"path": "suite.yaml"},
}
CLASSES: dict[str, Any] = _WIDE | {
    "primary": "log_loss",
    "guardrails": [{"metric": "auc", "margin": 0.5}],
    "floors": [{"metric": "auc", "at_least": 0.6}],
    "fairness": _WIDE["fairness"] | {"metrics": ["tpr"], "floors": [{"metric": "tpr", "at_least": 0.1}]},
}
VALUES: dict[str, Any] = _WIDE | {
    "primary": "mae",
    "guardrails": [{"metric": "rmse", "margin": 5.0}],
    "floors": [{"metric": "mae", "at_most": 9.0}],
    "fairness": _WIDE["fairness"] | {"metrics": ["mae"], "margin": 9.0, "floors": [{"metric": "mae", "at_most": 9.0}]},
    "regression_suite": {"path": "suite.yaml", "tolerance": 1e6},
}


def rules(base: dict[str, Any], **changes: Any) -> ValidationPolicy:
    """A policy in which only what a case asks about can decide; `fairness` is merged, all else replaced."""
    fairness = base["fairness"] | changes.pop("fairness", {})
    return ValidationPolicy.model_validate(base | {"fairness": fairness} | changes)


def without_groups(base: dict[str, Any], **changes: Any) -> ValidationPolicy:
    """A policy that asks about no group, which is half of what a judgement costs."""
    return ValidationPolicy.model_validate(base | {"fairness": {"none": "asked in other cases"}} | changes)


def primary_alone(base: dict[str, Any], **changes: Any) -> ValidationPolicy:
    """A policy without groups and guardrails, whose answer about the primary metric is the same.

    A spec names at least one guardrail, so that they are taken out past its validation; it promotes nothing.
    """
    return without_groups(base, **changes).model_copy(update={"guardrails": ()})


def gate_rows(
    label: Array,
    part: npt.NDArray[np.object_] | None = None,
    *,
    days: int = 30,
    cluster: npt.NDArray[np.generic] | None = None,
    history: DifferenceHistory | None = None,
) -> GateRows:
    """Rows spread evenly over some days; `part` is their one protected attribute, `history` what came before."""
    n = len(label)
    time = DAY_ZERO + (np.arange(n) * days // max(n, 1)).astype("m8[D]")
    groups = {"part": np.broadcast_to(np.array("all", object), n) if part is None else part}
    return GateRows(np.arange(n), label, time, groups, cluster, history=history or DifferenceHistory())


def past_days(rng: Rng, days: int, per_day: int, loss: str = "mae", **alike: float) -> DifferenceHistory:
    """A history of so many days of two equal models, in rehearsals of four weeks whose levels differ.

    A history keeps sums by day, so that the sum of a day's rows is drawn, not its rows.
    """
    gains = per_day * alike_means(rng, days, per_day, **alike)
    names = np.datetime_as_string(DAY_ZERO.astype("M8[D]") - np.arange(days, 0, -1)).tolist()
    parts = [
        DailyDifferences(
            f"rehearsal {first}",
            loss,
            tuple(names[first : first + 28]),
            tuple((gains[first : first + 28] + per_day * rng.normal(0, 0.1)).tolist()),
            (per_day,) * len(names[first : first + 28]),
        )
        for first in range(0, days, 28)
    ]
    return DifferenceHistory(tuple(parts), loss)


def ask(
    policy: ValidationPolicy,
    task: str,
    rows: GateRows,
    champion: Array,
    candidate: Array,
    conditions: Conditions | int = 1,
) -> Judgement:
    """The project's judge about two models' scores, with one known case that both get right.

    With one false promotion a year allowed, so many attempts a year (`conditions`) are each judged at a level of
    1/attempts.
    """
    right = np.eye(candidate.shape[1])[[1]] if task == "multiclass" else np.array([0.9])
    known = SuiteRows((_CASE,), np.array([1.0]), right, right)
    typical = {"binary": 0.5, "regression": 50.0, "multiclass": 1 / candidate.shape[-1]}[task]
    constant = np.broadcast_to(typical, candidate.shape)
    given = Conditions(conditions) if isinstance(conditions, int) else conditions
    return judge(policy, task, rows, GateScores(candidate, constant, champion), known, given)


def primary_passes(judgement: Judgement) -> bool:
    """Whether the primary metric was found better."""
    return any(finding.role == "primary" and finding.outcome is Outcome.PASS for finding in judgement.findings)


def all_of(judgement: Judgement, check: str) -> list[Finding]:
    """The findings of one check."""
    return [finding for finding in judgement.findings if finding.check == check]


def decision(judgement: Judgement) -> Decision:
    """What the project's verdict makes of the findings."""
    return verdict(judgement, "c", "b", GateWindow(("2024-01",), "2024-01-01", "2024-02-01", 1, "r")).decision


def verdict(judgement: Judgement, candidate: str, champion: str | None, window: GateWindow) -> Verdict:
    """The findings as the record that the registry is shown."""
    return Verdict(
        model="simulated",
        period=window.periods[-1],
        findings=judgement.findings,
        gate=window,
        candidate_digest=candidate,
        champion_digest=champion,
        policy_sha256="rules",
        code_version="0",
        identical=judgement.identical,
        evidence={"trained_until": window.start},
    )


def sigmoid(values: Array) -> Array:
    """Log odds as probabilities."""
    return np.asarray(1 / (1 + np.exp(-values)), dtype=np.float64)


def classifier(rng: Rng, n: int) -> tuple[Array, Array, Array]:
    """Labels, and the probabilities of two equally good models that share most of what they see."""
    seen, mine, yours = rng.normal(size=(3, n))
    label = (rng.random(n) < sigmoid(1.5 * seen - 0.4)).astype(np.float64)
    champion, candidate = (sigmoid(1.2 * (seen + 0.6 * own) - 0.4) for own in (mine, yours))
    return label, champion, candidate


def values_with_gain(gain: Array) -> tuple[Array, Array, Array]:
    """Labels and two models' values whose absolute errors differ by exactly the given gain of the candidate."""
    label = varied(len(gain))
    return label, label + 10 + gain / 2, label + 10 - gain / 2


def varied(rows: int) -> Array:
    """Outcomes that differ, because a gate of one outcome tells no two models apart."""
    return np.arange(rows) % 2.0


def day_effects(rng: Rng, days: int, autocorrelation: float) -> Array:
    """A stationary first-order autoregression of variance 1."""
    level = rng.normal(size=days)
    ratio = [np.sqrt(1 - autocorrelation**2)], [1.0, -autocorrelation]
    level[1:], _ = lfilter(*ratio, level[1:], zi=[autocorrelation * level[0]])
    return np.asarray(level, dtype=np.float64)


def alike_days(rng: Rng, days: int, per_day: int, autocorrelation: float = 0.6, shared: float = 0.01) -> Array:
    """Gains of mean 0 of rows whose days share a part of the variance and resemble the day before."""
    level = day_effects(rng, days, autocorrelation)
    return np.repeat(level * np.sqrt(shared), per_day) + rng.normal(0, np.sqrt(1 - shared), days * per_day)


def alike_means(rng: Rng, days: int, per_day: int, autocorrelation: float = 0.6, shared: float = 0.01) -> Array:
    """Mean gain of each of such days, distributed as the means of `alike_days`, without drawing their rows."""
    level = day_effects(rng, days, autocorrelation) * np.sqrt(shared)
    return np.asarray(level + rng.normal(0, np.sqrt((1 - shared) / per_day), days), dtype=np.float64)


_CASE = SuiteCase("known", "2024-01", "team:ops", date(2024, 1, 31), "went wrong once", "critical")
