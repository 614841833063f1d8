"""A real verdict that the pages and their JSON are made of."""

from dataclasses import asdict

import numpy as np
import pytest

from retrain_assets.validation.judge import Conditions, GateScores, judge
from retrain_assets.validation.pages.group_tables import group_report
from retrain_assets.validation.suite.cases import case_results
from retrain_assets_tests.validation.pages.reports import verdict
from retrain_assets_tests.validation.worlds import classifier, gate_rows, policy, suite


@pytest.fixture(scope="module")
def judged():
    """A real verdict on two thousand people: one model a little worse for women, one case lost."""
    rng = np.random.default_rng(3)
    label, champion, candidate = classifier(rng, 2000)
    sex = np.where(rng.random(2000) < 0.5, "F", "M").astype(object)
    race = rng.choice(np.array(["a", "b", "c", None], dtype=object), 2000, p=[0.6, 0.37, 0.01, 0.02])
    rules = policy(fairness={"groups": ["sex", "race"], "pool_below": 100})
    rows = gate_rows(label, {"sex": sex, "race": race})
    cases = suite((1.0, 1.0), (0.9, 0.2), (0.9, 0.8), ("critical", "normal"))
    found = judge(
        rules, "binary", rows, GateScores(candidate, np.full(2000, label.mean()), champion), cases, Conditions(12)
    )
    report = group_report(rules, "binary", rows, champion, candidate)
    return verdict(
        *found.findings,
        evidence={
            "trained_until": "2023-12-31T00:00:00",
            "strategy": "recent",
            "group_minimum": 100,
            "groups": [asdict(value) for value in report.values],
            "disparities": [asdict(each) for each in report.disparities],
            "cases": [asdict(result) for result in case_results(rules, "binary", cases)],
        },
    )
