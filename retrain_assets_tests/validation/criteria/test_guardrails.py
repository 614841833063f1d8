"""Margins and floors: three answers, and never a pass on too little."""

from __future__ import annotations

import numpy as np
import pytest

from retrain_assets.validation.comparison.comparison import Level
from retrain_assets.validation.criteria.guardrails import floors, guardrails, joint_power
from retrain_assets.verdict import Outcome
from retrain_assets_tests.validation.worlds import VALUE_RULES, classifier, gate_rows, policy

LEVEL = Level(alpha=0.05, power=0.8)


def judged(harm: float, n: int, margin: float = 0.2, noise: float = 0.5):
    rng = np.random.default_rng(1)
    label = rng.gamma(2, 5, n)
    champion = label + 2
    candidate = label + 2 + harm + rng.normal(0, noise, n)
    rules = policy(VALUE_RULES, guardrails=[{"metric": "mae", "margin": margin}])
    (finding,) = guardrails(rules, gate_rows(label), champion, candidate, LEVEL)
    return finding


def test_a_change_certainly_smaller_than_the_margin_passes():
    finding = judged(harm=0.05, n=2000)
    assert finding.outcome is Outcome.PASS
    assert finding.low > -finding.margin
    assert finding.p_value < 0.05
    assert "MAE rose from 2.00 to 2.0" in finding.reason
    assert "within the margin of 0.2" in finding.reason


def test_a_change_beyond_the_margin_fails_with_enough_rows():
    finding = judged(harm=0.3, n=2000)
    assert finding.outcome is Outcome.FAIL
    assert finding.improvement == pytest.approx(-0.3, abs=0.05)


def test_a_change_near_the_margin_fails_where_the_rows_would_have_shown_that_it_is_no_loss():
    finding = judged(harm=0.19, n=2000)
    assert finding.low < -finding.margin < finding.improvement < 0
    assert finding.rows_needed < 2000
    assert finding.outcome is Outcome.FAIL
    assert "not shown to be within the margin of 0.2" in finding.reason


def test_a_window_without_the_power_leaves_it_open_and_names_the_rows_needed():
    finding = judged(harm=0.1, n=12)
    assert finding.outcome is Outcome.INSUFFICIENT
    assert finding.rows_needed > 12
    assert f"{finding.rows_needed:,} needed" in finding.reason


def test_a_disaster_fails_even_in_a_window_without_the_power():
    finding = judged(harm=5.0, n=12, noise=1.0)
    assert finding.rows_needed > 12
    assert finding.outcome is Outcome.FAIL


def test_three_positives_that_stayed_right_prove_nothing_about_the_true_positive_rate():
    label = np.r_[np.ones(3), np.zeros(500)]
    scores = np.where(label == 1, 0.9, np.linspace(0.1, 0.3, 503))
    rules = policy(guardrails=[{"metric": "tpr", "margin": 0.5}])
    (finding,) = guardrails(rules, gate_rows(label), scores, scores * 0.999, LEVEL)
    assert finding.outcome is Outcome.INSUFFICIENT
    assert "3 rows bear on it, 10 needed" in finding.reason


def test_twenty_positives_without_a_flip_do_not_exclude_a_drop_of_two_hundredths_but_a_thousand_do():
    outcomes = []
    for positives in (20, 1000):
        label = np.r_[np.ones(positives), np.zeros(500)]
        scores = np.where(label == 1, 0.9, np.linspace(0.1, 0.3, positives + 500))
        rules = policy(guardrails=[{"metric": "tpr", "margin": 0.02}])
        outcomes += [guardrails(rules, gate_rows(label), scores, scores * 0.999, LEVEL)[0].outcome]
    assert outcomes == [Outcome.INSUFFICIENT, Outcome.PASS]


def test_a_metric_that_is_undefined_for_one_model_never_passes():
    label, champion, _ = classifier(np.random.default_rng(2), 400)
    rules = policy(guardrails=[{"metric": "precision", "margin": 0.5}])
    (finding,) = guardrails(rules, gate_rows(label), champion, champion * 0.4, LEVEL)
    assert finding.outcome is Outcome.INSUFFICIENT


def test_more_guardrails_need_more_power_each():
    assert joint_power(0.8, 1) == pytest.approx(0.9)
    assert joint_power(0.8, 7) == pytest.approx(0.975)


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        ({"at_most": 2.5}, Outcome.PASS),
        ({"at_most": 2.01}, Outcome.INSUFFICIENT),
        ({"at_most": 1.5}, Outcome.FAIL),
    ],
)
def test_a_floor_is_cleared_with_confidence_or_not_at_all(limit, outcome):
    rng = np.random.default_rng(3)
    error = rng.exponential(2, 500)
    error *= 2 / error.mean()
    rules = policy(VALUE_RULES, floors=[{"metric": "mae", **limit}])
    (finding,) = floors(rules, gate_rows(np.zeros(500)), error, LEVEL)
    assert finding.outcome is outcome
    assert finding.check == "guardrails"
    assert finding.candidate_value == pytest.approx(2)


def test_a_floor_from_below_reads_the_other_way_round():
    label, scores, _ = classifier(np.random.default_rng(4), 1000)
    for at_least, outcome in ((0.6, Outcome.PASS), (0.99, Outcome.FAIL)):
        rules = policy(floors=[{"metric": "auc", "at_least": at_least}])
        assert floors(rules, gate_rows(label), scores, LEVEL)[0].outcome is outcome
