"""What the gate can see, against its own answers in simulated attempts."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from retrain_assets.validation.comparison.comparison import Level
from retrain_assets.validation.criteria.detectability import days_lacking, detectability, found_detectability
from retrain_assets.validation.criteria.fairness import fairness
from retrain_assets.verdict import Finding, GateWindow, Outcome, Verdict
from retrain_assets_tests.validation.worlds import RULES, VALUE_RULES, gate_rows, policy


def verdict(*findings: Finding) -> Verdict:
    gate = GateWindow(("2024-01",), "2024-01-01T00:00:00", "2024-01-15T00:00:00", 400, "0" * 64)
    return Verdict("m", "2024-01", findings, gate, "a", "b", "p", "1")


@pytest.mark.parametrize(("positives", "margin"), [(150, 0.05), (600, 0.05), (600, 0.03)])
def test_the_share_of_equal_models_left_undecided_is_what_the_fairness_check_leaves(positives, margin):
    strict = {"metrics": ["tpr"], "margin": margin, "strict": True}
    rng, rules = np.random.default_rng(1), policy(fairness=strict)
    label = np.r_[np.ones(positives), np.zeros(200)]
    rows = gate_rows(label)
    (part,) = [part for part in detectability(rules, "binary", rows, 1) if part.check == "fairness"]
    left = []
    for _ in range(400):
        draw = rng.random(len(label))
        champion = np.where(draw < 0.05, 0.9, np.where(draw < 0.1, 0.1, 0.8))
        candidate = np.where(draw < 0.05, 0.1, np.where(draw < 0.1, 0.9, 0.8))
        (found,) = fairness(rules, "binary", rows, champion, candidate, Level(0.05, 0.8))
        left.append(found.outcome is not Outcome.PASS)
    assert part.rows == positives
    assert part.undecided == pytest.approx(np.mean(left), abs=0.08)


def smallest_of(label, task, metric, rules=RULES, margin=0.02):
    """What one guardrail finds: the rows that bear on it, and the smallest change as a multiple of its error."""
    asked = policy(rules, guardrails=[{"metric": metric, "margin": margin}])
    (part,) = [part for part in detectability(asked, task, gate_rows(label), 1) if part.check == "guardrails"]
    per_error = norm.isf(asked.alpha_per_attempt(1)) + norm.ppf(asked.power)
    return part.rows, None if part.smallest is None else part.smallest / per_error


def test_the_error_of_a_rate_of_all_rows_is_that_of_a_tenth_of_its_rows_that_change():
    label = np.r_[np.ones(100), np.zeros(300)]
    assert smallest_of(label, "binary", "accuracy") == (400, pytest.approx(np.sqrt(0.1 / 400)))
    assert smallest_of(label, "binary", "tpr") == (100, pytest.approx(np.sqrt(0.1 / 100)))
    assert smallest_of(label, "binary", "fpr") == (300, pytest.approx(np.sqrt(0.1 / 300)))


def test_the_error_of_a_loss_is_that_of_a_tenth_of_what_a_constant_loses():
    amounts = np.random.default_rng(4).gamma(2, 5, 401)
    lost = np.abs(amounts - np.median(amounts)) / amounts.mean()
    rows, error = smallest_of(amounts, "regression", "wape", VALUE_RULES)
    assert (rows, error) == (401, pytest.approx(np.sqrt(0.1 / 401) * lost.std()))
    classes = np.repeat([0.0, 1.0, 2.0], [200, 150, 50])
    lost = -np.log(np.repeat([200, 150, 50], [200, 150, 50]) / 400)
    rules = RULES | {"primary": "log_loss"}
    rows, error = smallest_of(classes, "multiclass", "log_loss", rules)
    assert (rows, error) == (400, pytest.approx(np.sqrt(0.1 / 400) * lost.std()))


@pytest.mark.parametrize(
    ("label", "task", "metric", "rules", "rows"),
    [
        (np.ones(50), "binary", "auc", RULES, 0),
        (np.ones(1), "binary", "accuracy", RULES, 1),
        (np.arange(50.0), "regression", "pinball[0.9]", VALUE_RULES, 50),
    ],
    ids=["one class", "one row", "a metric of which nothing is assumed"],
)
def test_where_nothing_is_known_of_a_metric_no_change_is_promised(label, task, metric, rules, rows):
    assert smallest_of(label, task, metric, rules) == (rows, None)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_a_margin_far_below_what_the_rows_find_names_the_keys_to_change_at_every_level(alpha):
    asked = policy(alpha=alpha, guardrails=[{"metric": "auc", "margin": 0.0001}])
    parts = detectability(asked, "binary", gate_rows(np.r_[np.ones(30), np.zeros(70)]), 1)
    (never,) = [part.never for part in parts if part.check == "guardrails"]
    assert re.fullmatch(
        r"30 rows find a change of 0\.\d+ and the margin is 0\.0001: raise the margin of auc under "
        r"validation\.guardrails, or lengthen windows\.gate",
        never,
    )


def test_a_rate_of_one_class_of_several_is_asked_of_the_rows_of_that_class():
    classes = np.repeat([0.0, 1.0, 2.0], [200, 150, 50])
    asked = policy(fairness={"metrics": ["tpr[2]", "tpr"]}, guardrails=[{"metric": "log_loss", "margin": 0.1}])
    parts = detectability(asked, "multiclass", gate_rows(classes), 1)
    assert [(part.metric, part.rows) for part in parts if part.group] == [
        ("tpr[2]", 50), ("tpr[0]", 200), ("tpr[1]", 150), ("tpr[2]", 50),
    ]  # fmt: skip


def test_a_part_that_can_never_decide_names_the_key_to_change():
    label, rules = np.r_[np.ones(12), np.zeros(988)], policy(fairness={"strict": True})
    found = {(part.check, part.metric): part for part in detectability(rules, "binary", gate_rows(label), 12)}
    assert "raise validation.fairness.margin or pool_below, or lengthen windows.gate" in found["fairness", "tpr"].never
    assert not found["fairness", "fpr"].never
    few = {part.metric: part for part in detectability(rules, "binary", gate_rows(label[8:]), 12) if part.group}
    assert "has 4 rows that bear on tpr, 10 are needed" in few["tpr"].never
    watched = {part.metric: part for part in detectability(policy(), "binary", gate_rows(label), 12) if part.group}
    assert [(part.watched, part.never) for part in watched.values()] == [(True, ""), (False, "")]
    nothing = detectability(policy(fairness={"margin": 0.0}), "binary", gate_rows(label), 12)
    assert all("no number of rows excludes a margin of 0" in part.never for part in nothing if part.group)


def test_a_gate_of_fewer_than_five_days_can_never_decide_by_days():
    label = np.random.default_rng(2).gamma(2, 5, 400)
    time = np.datetime64("2024-01-01", "us") + (np.arange(400) % 4).astype("m8[D]")
    parts = detectability(policy(VALUE_RULES, unit="auto"), "regression", gate_rows(label, time=time), 12)
    assert all("the gate has 4 days, 5 are needed: lengthen windows.gate" in part.never for part in parts)
    assert {part.check for part in parts} == {"significance", "guardrails", "fairness"}


def test_a_verdict_s_findings_say_what_it_could_see_and_how_many_days_it_lacks():
    rail = Finding(
        "guardrails", Outcome.INSUFFICIENT, "", metric="auc", role="guardrail", rows=400, rows_needed=700, alpha=0.05,
        margin=0.01, minimum_detectable=0.0132,
    )  # fmt: skip
    (part,) = found_detectability(verdict(rail))
    assert (part.smallest, part.margin) == (0.0132, 0.01)
    assert 0.3 < part.undecided < 0.5
    assert days_lacking(verdict(rail)) == 11, "14 days hold 400 of 700 rows"
    assert days_lacking(verdict()) is None
    assert part.never == ""
    (part,) = found_detectability(verdict(replace(rail, margin=0.0001, alpha=0.01)))
    assert part.never == "it finds a change of 0.0132 and the margin is 0.0001: raise it, or lengthen the gate"
    (usual,) = found_detectability(verdict(replace(rail, margin=0.0001)))
    assert usual.never == part.never, "at the usual level too"
