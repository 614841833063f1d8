"""Made-up gate rows and policies that the tests of this folder share."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.suite.cases import SuiteCase, SuiteRows

RULES: dict[str, Any] = {
    "primary": "log_loss",
    "false_promotions_per_year": 1.0,
    "unit": "row",
    "guardrails": [{"metric": "auc", "margin": 0.02}],
    "floors": [{"metric": "auc", "at_least": 0.6}],
    "fairness": {
        "groups": ["sex"],
        "margin": 0.05,
        "metrics": ["tpr", "fpr"],
        "pool_below": 200,
        "floors": [{"metric": "tpr", "at_least": 0.1}],
    },
    "regression_suite": {"path": "suite.yaml"},
}
VALUE_RULES: dict[str, Any] = RULES | {
    "primary": "mae",
    "guardrails": [{"metric": "rmse", "margin": 0.5}],
    "floors": [{"metric": "mae", "at_most": 3.0}],
    "fairness": RULES["fairness"] | {"metrics": ["mae"], "floors": [{"metric": "mae", "at_most": 5.0}]},
    "regression_suite": {"path": "suite.yaml", "tolerance": 2.0},
}


def policy(rules: dict[str, Any] = RULES, **changes: Any) -> ValidationPolicy:
    fairness = rules["fairness"] | changes.pop("fairness", {})
    return ValidationPolicy.model_validate(rules | {"fairness": fairness} | changes)


def gate_rows(label, groups=None, time=None, cluster=None) -> GateRows:
    """Rows with a label; all in one group and spread over 30 days unless said otherwise."""
    n = len(label)
    if time is None:
        time = np.datetime64("2024-01-01", "us") + (np.arange(n) * 30 * 86_400_000_000 // max(n, 1)).astype("m8[us]")
    if groups is None:
        groups = {"sex": np.full(n, "F", dtype=object)}
    return GateRows(np.arange(n), np.asarray(label, dtype=float), time, groups, cluster)


def case(name: str, severity: str = "critical") -> SuiteCase:
    from datetime import date

    return SuiteCase(name, "2024-01", "team:ops", date(2024, 1, 31), "went wrong once", severity)  # type: ignore[arg-type]


def suite(label=(1.0,), candidate=(0.9,), champion=(0.9,), severity=("critical",)) -> SuiteRows:
    cases = tuple(case(f"case-{place}", kind) for place, kind in enumerate(severity))
    scores = None if champion is None else np.array(champion)
    return SuiteRows(cases, np.array(label), np.array(candidate), scores)


def classifier(rng: np.random.Generator, n: int, skill=(1.0, 1.0), rate: float = 0.4):
    """Labels, and the probabilities of two models that share most of what they see; more skill is better."""
    seen, mine, yours = rng.normal(size=(3, n))
    label = (rng.random(n) < 1 / (1 + np.exp(-(1.5 * seen + np.log(rate / (1 - rate)))))).astype(float)
    noise = [own * (0.6 / power) for own, power in zip((mine, yours), skill, strict=True)]
    scores = [1 / (1 + np.exp(-(1.5 * (seen + error) * 0.8 + np.log(rate / (1 - rate))))) for error in noise]
    return label, scores[0], scores[1]


def value_world(days=30, n=3000, seed=1, better=0.5):
    """Rows with a value over some days, and the scores of a champion and of a candidate with smaller errors."""
    rng = np.random.default_rng(seed)
    label = rng.gamma(2, 5, n)
    shared = rng.laplace(0, 1, n)
    time = np.datetime64("2024-01-01", "us") + (np.arange(n) * days // n).astype("m8[D]")
    return gate_rows(label, time=time), label + shared * (1 + better), label + shared


def people(seed: int, n: int = 3000):
    """A classifier's rows of two sexes and three races, some of them missing, and the scores of two models."""
    rng = np.random.default_rng(seed)
    label, champion, candidate = classifier(rng, n)
    sex = np.where(rng.random(n) < 0.4, "F", "M").astype(object)
    race = rng.choice(np.array(["a", "b", "c", None], dtype=object), n, p=[0.6, 0.35, 0.02, 0.03])
    return gate_rows(label, {"sex": sex, "race": race}), champion, candidate
