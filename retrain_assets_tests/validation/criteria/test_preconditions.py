"""What cannot be judged at all: whose fault it is decides whether the candidate is rejected or it stays open."""

from dataclasses import replace

import numpy as np
import pytest

from retrain_assets.errors import DataError
from retrain_assets.validation.criteria.preconditions import identical, same_scores, unscorable, usable
from retrain_assets.validation.judge import Conditions, GateScores, judge
from retrain_assets.verdict import Decision, Outcome
from retrain_assets_tests.validation.judgements import decision, judged, world
from retrain_assets_tests.validation.worlds import VALUE_RULES, gate_rows, policy, suite


def test_a_single_other_score_is_not_identical():
    rows, champion, _, baseline = world()
    almost = champion.copy()
    almost[0] += 1e-9
    judgement = judged(rows, champion, almost, baseline)
    assert not judgement.identical
    assert decision(judgement) is not Decision.PROMOTE


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (lambda s: np.r_[np.nan, s[1:]], "1 of 4,000 scores of the candidate are not finite"),
        (lambda s: np.r_[np.inf, s[1:]], "1 of 4,000 scores of the candidate are not finite"),
        (lambda s: np.r_[1.7, s[1:]], "are no probability, the worst 1.7"),
        (lambda s: np.full_like(s, 0.4), "the candidate gives all 4,000 rows the same score"),
    ],
)
def test_a_broken_candidate_is_rejected_before_any_statistic(broken, why):
    rows, champion, candidate, baseline = world()
    for rival in (champion, None):
        judgement = judged(rows, rival, broken(candidate), baseline)
        assert decision(judgement) is Decision.REJECT
        assert why in judgement.findings[-1].reason


def test_gate_rows_are_called_what_the_spec_calls_a_row():
    rides = replace(gate_rows(np.ones(4000)), row_name="ride")
    assert usable("binary", rides, np.ones(4000), None).reason.startswith("all 4,000 gate rides are of class 1, two")
    assert identical(rides).reason == "the candidate scores all 4,000 gate rides like the champion"


def test_broken_rows_and_a_broken_champion_leave_it_open():
    rows, champion, candidate, baseline = world()
    sick = np.r_[np.nan, champion[1:]]
    unlabelled = gate_rows(np.r_[np.nan, rows.label[1:]])
    one_class = gate_rows(np.ones(4000))
    for findings, why in (
        (judged(rows, sick, candidate, baseline), "1 of 4,000 scores of the champion are not finite"),
        (judged(unlabelled, champion, candidate, baseline), "1 of 4,000 gate rows have no outcome"),
        (judged(one_class, champion, candidate, baseline), "of class 1, two classes needed"),
        (judged(gate_rows(np.empty(0)), np.empty(0), np.empty(0), np.empty(0)), "no gate row with a known outcome"),
    ):
        assert decision(findings) is Decision.INSUFFICIENT
        assert why in findings.findings[0].reason


@pytest.mark.parametrize("count", [1, 2, 9])
def test_so_few_rows_of_one_score_are_too_few_and_no_constant(count):
    label = np.arange(count) % 2.0 + 5
    rules = policy(VALUE_RULES)
    scores = np.full(count, 5.0)
    judgement = judge(
        rules,
        "regression",
        gate_rows(label),
        GateScores(scores, scores + 2, scores + 1),
        suite((5,), (5.0,), (5.0,)),
        Conditions(12),
    )
    assert decision(judgement) is Decision.INSUFFICIENT


def test_scores_for_other_rows_are_refused():
    rows, champion, candidate, baseline = world()
    with pytest.raises(DataError, match="3999 candidate scores for 4000 rows"):
        judged(rows, champion, candidate[1:], baseline)


@pytest.mark.parametrize(
    ("label", "why"),
    [
        (lambda y: y + 1, "label without a score: 2 "),
        (
            lambda y: np.where(np.arange(y.size) < 7, 3.0, y),
            "7 of 4,000 gate rows have a label without a score: 3",
        ),
        (lambda y: np.where(np.arange(y.size) < 7, 0.5, y), "label without a score: 0.5 (7 rows)"),
        (lambda y: np.where(np.arange(y.size) < 9, np.arange(y.size) + 5, y), "and 4 further values"),
    ],
)
def test_binary_labels_other_than_0_and_1_leave_it_open_and_are_named(label, why):
    rows, champion, candidate, baseline = world()
    for rival in (champion, None):
        found = judged(gate_rows(label(rows.label)), rival, candidate, baseline)
        assert decision(found) is Decision.INSUFFICIENT
        assert why in found.findings[0].reason
        assert "the 2 classes that are scored are 0 and 1" in found.findings[0].reason


def test_a_class_without_a_column_of_scores_leaves_it_open_and_is_named():
    rng = np.random.default_rng(4)
    label = rng.integers(0, 4, 900).astype(float)
    champion, candidate = rng.dirichlet(np.ones(3), (2, 900))
    rules = policy(fairness={"metrics": ["tpr"]})
    cases = suite((1.0,), (np.eye(3)[1],), (np.eye(3)[1],))
    found = judged(gate_rows(label), champion, candidate, np.full((900, 3), 1 / 3), cases, rules, task="multiclass")
    assert decision(found) is Decision.INSUFFICIENT
    assert f"label without a score: 3 ({int((label == 3).sum())} rows)" in found.findings[0].reason
    assert "the 3 classes that are scored are 0 to 2" in found.findings[0].reason


@pytest.mark.parametrize(("task", "columns"), [("binary", 2), ("multiclass", 0), ("regression", 2)])
def test_scores_of_another_task_s_shape_are_rejected(task, columns):
    rows, champion, *_ = world()
    scores = np.column_stack([champion] * columns) if columns else champion
    found = judged(rows, scores, scores + 0.001, scores, task=task)
    assert decision(found) is Decision.REJECT
    assert "scores have shape (4000," in found.findings[0].reason


def test_scores_are_the_same_up_to_the_rounding_of_sums_and_never_without_a_champion():
    scores = np.linspace(0.1, 0.9, 40_000)
    assert same_scores(scores, scores * (1 + 1e-15))
    last = scores.copy()
    last[-1] += 1e-6
    assert not same_scores(scores, last)
    assert not same_scores(scores, None)
    assert not same_scores(scores, np.column_stack([scores, scores]))
    assert not same_scores(np.empty(0), np.empty(0))


def test_class_probabilities_that_do_not_sum_to_one_are_told_with_the_worst():
    label = np.arange(30) % 3.0
    scores = np.random.default_rng(1).dirichlet(np.ones(3), 30)
    assert usable("multiclass", gate_rows(label), scores, scores).outcome is Outcome.PASS
    scores[4] *= 0.5
    found = usable("multiclass", gate_rows(label), scores, None)
    assert found.outcome is Outcome.FAIL
    assert found.reason.startswith("the class probabilities of 1 of 30 rows do not sum to 1 for the candidate, the wor")
    assert found.reason.endswith("0.5")


def test_one_outcome_in_all_rows_tells_no_two_regressions_apart():
    rng = np.random.default_rng(2)
    found = usable("regression", gate_rows(np.full(30, 7.0)), rng.normal(size=30), None)
    assert (found.outcome, found.reason) == (
        Outcome.INSUFFICIENT,
        "all 30 gate rows have the outcome 7, which tells no two models apart",
    )


def test_what_cannot_be_compared_and_what_is_the_same_are_findings_of_their_own():
    rows = gate_rows(np.zeros(5))
    assert unscorable(rows, "no column").outcome is Outcome.INSUFFICIENT
    assert identical(rows).outcome is Outcome.FAIL
    assert {(f.check, f.rows) for f in (unscorable(rows, "x"), identical(rows))} == {("hard", 5)}
