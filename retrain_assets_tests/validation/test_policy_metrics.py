"""Metrics that a policy declares: costs priced by a column, and functions that are measured block by block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from retrain_assets.errors import DataError, SpecError
from retrain_assets.validation.comparison.block_estimate import FEWEST_BLOCKS
from retrain_assets.validation.comparison.comparison import Level, compare, number
from retrain_assets.validation.criteria.guardrails import floors, guardrails
from retrain_assets.validation.criteria.significance import primaries, significance
from retrain_assets.validation.judge import Conditions, GateScores, judge
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets.verdict import Outcome, combine
from retrain_assets_tests.validation.own_metrics import MEDIAN, OWN, declares
from retrain_assets_tests.validation.worlds import VALUE_RULES, classifier, gate_rows, policy, suite, value_world

LEVEL = Level(alpha=0.05, power=0.8)


def test_a_function_that_is_not_there_is_named():
    with pytest.raises(SpecError, match=r"validation\.metrics\.own\.callable: .*:nothing cannot be imported"):
        metric_of(declares(own=MEDIAN | {"callable": f"{OWN}:nothing"}), "own")
    with pytest.raises(SpecError, match="ANSWER is of type int, no function"):
        metric_of(declares(own=MEDIAN | {"callable": f"{OWN}:ANSWER"}), "own")


def test_a_function_that_fails_or_returns_no_number_is_named_with_its_rows():
    rows, champion, _ = value_world()
    for function, why in (("breaks", "raised KeyError on 3,000 rows: 'fare'"), ("words", "returned 'good'")):
        known = metric_of(declares(own=MEDIAN | {"callable": f"{OWN}:{function}"}), "own")
        with pytest.raises(DataError, match=f"metric own: .*{function} {why}"):
            known.value(rows.label, champion)


def test_a_function_is_measured_per_block_and_tested_like_their_paired_differences():
    rows, champion, candidate = value_world()
    found = compare(metric_of(declares(own=MEDIAN), "own"), declares(own=MEDIAN), rows, champion, candidate)
    parts = [np.flatnonzero(np.arange(3000) * 16 // 3000 == fold) for fold in range(16)]
    medians = [[np.median(np.abs(scores[p] - rows.label[p])) for p in parts] for scores in (champion, candidate)]
    expected = stats.ttest_rel(*medians, alternative="greater")
    assert found.estimate.p_value() == pytest.approx(expected.pvalue)
    assert found.estimate.low(0.05) == pytest.approx(expected.confidence_interval(0.95).low)
    assert found.estimate.unit == "fold of rows"
    assert found.base == "16 folds of rows"
    assert found.candidate_value == pytest.approx(np.mean(medians[1]))
    assert found.champion_value - found.candidate_value == pytest.approx(found.estimate.improvement)
    whole = [number(np.median(np.abs(scores - rows.label))) for scores in (champion, candidate)]
    assert f"mean of 16 folds of rows; all rows together {whole[0]} -> {whole[1]}" in found.change


@pytest.mark.parametrize(("days", "outcome"), [(7, Outcome.INSUFFICIENT), (8, Outcome.PASS)])
def test_below_eight_blocks_a_function_gets_no_answer(days, outcome):
    rows, champion, candidate = value_world(days=days, better=1.0)
    rules = policy(VALUE_RULES, metrics={"own": MEDIAN}, primary="own", unit="auto")
    (found,) = significance(rules, primaries(rules, "regression", rows, champion, candidate), LEVEL)
    assert found.outcome is outcome
    assert found.units == days
    if outcome is Outcome.INSUFFICIENT:
        assert found.reason.endswith(f"{days} days, {FEWEST_BLOCKS} needed")


def test_a_function_that_cannot_be_known_in_a_block_leaves_it_open():
    rng = np.random.default_rng(5)
    label, champion, candidate = classifier(rng, 3000, (1.0, 2.0))
    label[:100] = 0  # the whole first day
    gini = {"callable": f"{OWN}:gini", "higher_is_better": True, "unit": ""}
    rules = policy(metrics={"gini": gini}, primary="gini", unit="auto")
    (found,) = significance(rules, primaries(rules, "binary", gate_rows(label), champion, candidate), LEVEL)
    assert found.outcome is Outcome.INSUFFICIENT
    assert "undefined" in found.reason


def test_equal_models_pass_a_function_one_time_in_twenty():
    rng, passed = np.random.default_rng(6), []
    rules = policy(VALUE_RULES, metrics={"own": MEDIAN}, primary="own")
    for _ in range(1000):
        label = rng.gamma(2, 5, 320)
        champion, candidate = label + rng.laplace(size=(2, 320))
        found = significance(rules, primaries(rules, "regression", gate_rows(label), champion, candidate), LEVEL)
        passed.append(combine(found) is Outcome.PASS)
    assert np.mean(passed) == pytest.approx(0.05, abs=0.02)


def test_equal_calibrated_models_pass_on_calibration_at_most_one_time_in_twenty():
    rng, passed = np.random.default_rng(7), []
    rules = policy(primary="calibration_error")
    for _ in range(800):
        champion, candidate = rng.uniform(0.05, 0.95, (2, 1500))
        mixed = (champion + candidate) / 2
        label = (rng.random(1500) < mixed).astype(float)
        passed.append(
            combine(significance(rules, primaries(rules, "binary", gate_rows(label), champion, candidate), LEVEL))
        )
    assert np.mean([outcome is Outcome.PASS for outcome in passed]) <= 0.05 + 0.015


def test_a_function_may_be_guardrail_and_floor():
    rows, champion, candidate = value_world()
    own = {"metrics": {"own": MEDIAN}, "unit": "auto"}
    rules = policy(VALUE_RULES, **own, guardrails=[{"metric": "own", "margin": 0.2}])
    (better,) = guardrails(rules, rows, champion, candidate, LEVEL)
    (worse,) = guardrails(rules, rows, candidate, champion, LEVEL)
    assert (better.outcome, worse.outcome) == (Outcome.PASS, Outcome.FAIL)
    for limit, outcome in (({"at_most": 1.0}, Outcome.PASS), ({"at_most": 0.3}, Outcome.FAIL)):
        rules = policy(VALUE_RULES, **own, floors=[{"metric": "own", **limit}])
        (found,) = floors(rules, rows, candidate, LEVEL)
        assert found.outcome is outcome


def priced_world(n=4000, seed=8):
    rng = np.random.default_rng(seed)
    label, champion, candidate = classifier(rng, n, (1.0, 2.0))
    return replace(gate_rows(label), amounts={"fare": rng.gamma(2, 10, n)}), champion, candidate


LOST = {"unit": "USD", "cost": {"column": "fare", "false_positive": 0.2, "false_negative": 1.0}}


def test_a_cost_priced_by_a_column_is_judged_in_money_down_to_the_groups():
    rows, champion, candidate = priced_world()
    rules = policy(
        metrics={"lost": LOST},
        primary="lost",
        guardrails=[{"metric": "lost", "margin": 0.5}],
        slices={"columns": ["sex"], "guardrails": [{"metric": "lost", "margin": 2.0}]},
        floors=[{"metric": "lost", "at_most": 9.0}],
        fairness={"floors": [{"metric": "lost", "at_most": 9.0}]},
    )
    base = np.full(4000, rows.label.mean())
    found = judge(rules, "binary", rows, GateScores(candidate, base, champion), suite(), Conditions(12)).findings
    assert all(finding.outcome is Outcome.PASS for finding in found)
    money = [finding for finding in found if finding.metric == "lost"]
    assert {finding.role for finding in money} == {"guardrail", "slice", "primary"}
    miss = np.where(rows.label == 1, (candidate < 0.5) * 1.0, (candidate >= 0.5) * 0.2)
    assert money[-1].candidate_value == pytest.approx((miss * rows.amounts["fare"]).mean())
    first = judge(rules, "binary", rows, GateScores(candidate, base), suite(champion=None), Conditions(12)).findings
    assert {finding.check for finding in first if finding.metric == "lost"} == {
        "guardrails",
        "fairness",
        "significance",
    }
    assert {finding.outcome for finding in first} == {Outcome.PASS, Outcome.NOT_ASKED}


@pytest.mark.parametrize(
    ("fares", "why"),
    [
        (lambda fare: np.r_[np.nan, fare[1:]], "1 of 4,000 gate rows have no fare, by which errors are priced"),
        (lambda fare: np.r_[fare[:-1], -2.5], "1 of 4,000 gate rows have a fare below 0, the lowest -2.5"),
    ],
)
def test_an_amount_that_is_missing_or_below_zero_leaves_it_open(fares, why):
    rows, champion, candidate = priced_world()
    rows = replace(rows, amounts={"fare": fares(rows.amounts["fare"])})
    rules = policy(metrics={"lost": LOST}, primary="lost")
    (found,) = judge(
        rules, "binary", rows, GateScores(candidate, candidate, champion), suite(), Conditions(12)
    ).findings
    assert (found.outcome, found.reason) == (Outcome.INSUFFICIENT, why)
