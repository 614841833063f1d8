"""The judge as a whole: what promotes, what does not, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from retrain_assets.validation.judge import Conditions, GateScores, judge
from retrain_assets.verdict import CHECKS, Decision, Outcome, Verdict
from retrain_assets_tests.validation.judgements import decision, judged, one, verdict, world
from retrain_assets_tests.validation.worlds import VALUE_RULES, gate_rows, policy, suite


def test_a_better_and_harmless_candidate_is_promoted_with_a_finding_for_every_check():
    judgement = judged(*world())
    assert decision(judgement) is Decision.PROMOTE
    assert {finding.check for finding in judgement.findings} == {*CHECKS, "hard"}
    primary = one(judgement, "significance")
    assert primary.reason == verdict(judgement).reason
    assert "log loss fell from 0." in primary.reason
    assert "with 95 % confidence" in primary.reason
    assert primary.reason.endswith("confidence, 4,000 fresh rows")


def test_questions_are_asked_in_the_declared_order():
    checks = [finding.check for finding in judged(*world()).findings]
    order = ["hard", "guardrails", "fairness", "regression_suite", "significance"]
    assert all(order.index(before) <= order.index(after) for before, after in pairwise(checks))


def test_a_worse_candidate_is_rejected():
    rows, champion, candidate, baseline = world()
    assert decision(judged(rows, candidate, champion, baseline)) is Decision.REJECT


def test_the_champion_submitted_again_is_identical_and_not_promoted():
    rows, champion, _, baseline = world()
    judgement = judged(rows, champion, champion.copy(), baseline)
    assert judgement.identical
    assert decision(judgement) is Decision.IDENTICAL
    assert "all 4,000 gate rows like the champion" in judgement.findings[0].reason


def test_a_candidate_better_than_the_champion_is_promoted_though_a_constant_were_as_good():
    rng = np.random.default_rng(2)
    label = (rng.random(4000) < 0.4).astype(float)
    candidate = np.clip(0.4 + rng.normal(0, 0.02, 4000), 0, 1)
    rules = policy(unit="row", fairness={"margin": 0.6}, guardrails=[{"metric": "brier", "margin": 0.01}])
    judgement = judged(gate_rows(label), rng.random(4000), candidate, np.full(4000, 0.4), rules=rules)
    assert one(judgement, "significance").outcome is Outcome.PASS
    assert all("constant" not in finding.reason for finding in judgement.findings)
    assert decision(judged(gate_rows(label), None, candidate, np.full(4000, 0.4))) is not Decision.PROMOTE


def test_a_harmed_group_rejects_what_every_other_check_passes():
    rows, champion, candidate, baseline = world()
    women = np.arange(4000) < 600
    rows = replace(rows, groups={"sex": np.where(women, "F", "M").astype(object)})
    hurt = np.where(women & (rows.label == 1) & (champion >= 0.5) & (np.arange(4000) % 3 == 0), 0.45, candidate)
    judgement = judged(rows, champion, hurt, baseline)
    failed = {finding.check for finding in judgement.findings if finding.outcome is Outcome.FAIL}
    assert failed == {"fairness"}
    assert decision(judgement) is Decision.REJECT


def test_a_group_without_a_positive_is_watched_and_under_the_strict_rule_holds_what_every_other_check_passes():
    rows, champion, candidate, baseline = world()
    quiet = (rows.label == 0) & (np.arange(4000) % 5 == 0)
    rows = replace(rows, groups={"sex": np.where(quiet, "F", "M").astype(object)})
    watched = judged(rows, champion, candidate, baseline, rules=policy(fairness={"metrics": ["tpr"]}))
    assert decision(watched) is Decision.PROMOTE
    strict = policy(fairness={"metrics": ["tpr"], "strict": True})
    judgement = judged(rows, champion, candidate, baseline, rules=strict)
    assert decision(judgement) is Decision.INSUFFICIENT
    (unsure,) = [finding for finding in judgement.findings if finding.outcome is not Outcome.PASS]
    assert (unsure.check, unsure.group) == ("fairness", "sex=F")
    assert "0 positives" in unsure.reason


def test_a_champion_of_constant_scores_is_compared_with_like_any_other():
    rows, _, candidate, baseline = world()
    rules = policy(fairness={"metrics": ["tpr"]})
    assert decision(judged(rows, baseline, candidate, baseline, rules=rules)) is Decision.PROMOTE
    assert decision(judged(rows, baseline, 1 - candidate, baseline, rules=rules)) is Decision.REJECT


def test_a_lost_critical_case_rejects_what_every_other_check_passes():
    judgement = judged(*world(), cases=suite((1,), (0.1,), (0.9,)))
    assert {f.check for f in judgement.findings if f.outcome is Outcome.FAIL} == {"regression_suite"}
    assert decision(judgement) is Decision.REJECT


def test_a_suite_without_a_known_case_holds_nothing_and_never_counts_as_passed():
    judgement = judged(*world(), cases=suite((), (), (), ()))
    assert decision(judgement) is Decision.PROMOTE
    assert verdict(judgement).outcome("regression_suite") is Outcome.NOT_ASKED


def test_a_window_of_four_days_is_insufficient_however_many_rows_it_has():
    rows, champion, candidate, baseline = world()
    days = np.datetime64("2024-01-01", "us") + (np.arange(4000) % 4).astype("m8[D]")
    judgement = judged(replace(rows, time=days), champion, candidate, baseline, rules=policy(unit="auto"))
    assert one(judgement, "significance").outcome is Outcome.INSUFFICIENT
    assert "4 days, 5 needed" in one(judgement, "significance").reason
    assert decision(judgement) is Decision.INSUFFICIENT


def test_many_attempts_a_year_make_each_one_stricter():
    levels = {attempts: one(judged(*world(), attempts=attempts), "significance").alpha for attempts in (1, 20, 52, 365)}
    assert levels == {1: 0.05, 20: 0.05, 52: pytest.approx(1 / 52), 365: pytest.approx(1 / 365)}
    with pytest.raises(ValueError, match="attempts_per_year is 0"):
        judged(*world(), attempts=0)


def test_the_first_model_must_beat_the_constant_and_clear_the_declared_floors_and_no_more():
    rows, _, candidate, baseline = world()
    judgement = judged(rows, None, candidate, baseline)
    assert decision(judgement) is Decision.PROMOTE
    assert {finding.check for finding in judgement.findings} == {*CHECKS, "hard"}
    said = one(judgement, "significance").reason.partition(":")[0]
    assert "log loss is 0." in said
    assert "when always guessing one number (-" in said
    worse = one(judged(rows, None, 1 - candidate, baseline), "significance").reason
    assert "nats of always guessing one number on" in worse
    assert "fell" not in f"{said} {worse}"
    for rules in (
        policy(floors=[{"metric": "auc", "at_least": 0.99}]),
        policy(fairness={"floors": [{"metric": "tpr", "at_least": 0.99}]}),
    ):
        assert decision(judged(rows, None, candidate, baseline, rules=rules)) is Decision.REJECT
    assert decision(judged(rows, None, candidate, baseline, cases=suite((1,), (0.2,), None))) is Decision.PROMOTE
    assert decision(judged(rows, None, 1 - candidate, baseline)) is Decision.REJECT


def test_a_first_model_is_judged_on_the_log_loss_where_a_constant_can_be_perfect():
    rows, _, candidate, baseline = world()
    judgement = judged(rows, None, candidate, baseline, rules=policy(primary="tpr"))
    assert one(judgement, "significance").metric == "log_loss"
    assert decision(judgement) is Decision.PROMOTE


def test_regression_is_judged_in_the_label_s_own_unit():
    rng = np.random.default_rng(3)
    label = rng.gamma(2, 5, 3000)
    shared = rng.normal(0, 1.5, 3000)
    champion, candidate = label + 1.5 * shared, label + shared
    judgement = judged(
        gate_rows(label), champion, candidate, np.full(3000, np.median(label)), suite((10.0,), (11.0,), (10.5,)),
        policy(VALUE_RULES, unit="auto"), task="regression",
    )  # fmt: skip
    assert decision(judgement) is Decision.PROMOTE
    primary = one(judgement, "significance")
    assert primary.improvement == pytest.approx(np.abs(champion - label).mean() - np.abs(candidate - label).mean())
    assert primary.unit == "day"
    assert primary.reason.endswith("30 days of fresh rows")


def test_several_classes_are_judged_like_two():
    rng = np.random.default_rng(4)
    label = rng.integers(0, 3, 3000).astype(float)
    sight = np.eye(3)[label.astype(int)] + rng.normal(0, 0.5, (3000, 3))
    champion, candidate = (np.exp(2 * (sight + rng.normal(0, s, (3000, 3)))) for s in (0.6, 0.2))
    champion, candidate = (scores / scores.sum(axis=1, keepdims=True) for scores in (champion, candidate))
    rules = policy(
        guardrails=[{"metric": "accuracy", "margin": 0.02}], floors=[{"metric": "accuracy", "at_least": 0.5}]
    )
    cases = suite((1.0,), (np.eye(3)[1],), (np.eye(3)[1],))
    first = suite((1.0,), (np.eye(3)[1],), None)
    baseline = np.full((3000, 3), 1 / 3)
    assert decision(judged(gate_rows(label), champion, candidate, baseline, cases, rules, task="multiclass")) is (
        Decision.PROMOTE
    )
    assert decision(judged(gate_rows(label), None, candidate, baseline, first, rules, task="multiclass")) is (
        Decision.PROMOTE
    )


def test_the_same_arrays_give_the_same_evidence_and_it_survives_json():
    record = verdict(judged(*world()))
    assert verdict(judged(*world())) == record
    assert Verdict.from_json(record.to_json()) == record


def test_whatever_is_unknown_nothing_is_promoted():
    """Every array in turn is made unusable; the answer is never a promotion."""
    rows, champion, candidate, baseline = world(n=400)
    unknown = np.full(400, np.nan)
    for attempt in (
        lambda: judged(rows, champion, unknown, baseline),
        lambda: judged(rows, unknown, candidate, baseline),
        lambda: judged(rows, unknown, unknown, baseline),
        lambda: judged(rows, None, candidate, unknown),
        lambda: judged(gate_rows(unknown), champion, candidate, baseline),
    ):
        assert decision(attempt()) in (Decision.INSUFFICIENT, Decision.REJECT)


def test_ten_promotions_that_each_take_two_fifths_of_the_margin_are_stopped_by_the_anchor_at_the_third():
    rng, n = np.random.default_rng(1), 200_000
    label = (rng.random(n) < 0.5).astype(float)
    rows = gate_rows(label, {"sex": np.full(n, "F", object)})
    rules = policy(fairness={"metrics": ["tpr"], "margin": 0.05}, guardrails=[{"metric": "brier", "margin": 0.5}])
    place = np.cumsum(label) / label.sum()  # a fiftieth more of the positives is lost with every version
    versions = [np.where((label == 1) & (place <= 0.02 * number), 0.45, 0.1 + 0.8 * label) for number in range(4)]
    decided = []
    for champion, candidate in zip(versions, versions[1:], strict=False):
        alone = judged(rows, champion, candidate, np.full(n, 0.5), rules=rules)
        held = judge(
            rules,
            "binary",
            rows,
            GateScores(candidate, np.full(n, 0.5), champion, versions[0]),
            suite(),
            Conditions(12, anchor="v1"),
        )
        assert all(finding.outcome is Outcome.PASS for finding in alone.findings if finding.check == "fairness")
        found = [finding for finding in held.findings if finding.against and finding.check == "fairness"]
        assert all(finding.reason.startswith("against v1: sex=F: TPR ") for finding in found)
        decided.append({finding.outcome for finding in found})
    assert decided == [{Outcome.PASS}, {Outcome.PASS}, {Outcome.FAIL}]
    rails = [finding for finding in held.findings if finding.against and finding.role == "guardrail"]
    assert [finding.metric for finding in rails] == ["brier"]


def test_a_test_without_history_names_the_confidence_that_its_limit_has():
    rows, champion, candidate, baseline = world()
    days = np.datetime64("2024-01-01", "us") + (np.arange(4000) % 14).astype("m8[D]")
    rows = replace(rows, time=days)
    for found in (
        one(judged(rows, champion, candidate, baseline, rules=policy(unit="auto")), "significance"),
        one(judged(rows, None, candidate, baseline, rules=policy(unit="auto")), "significance"),
    ):
        assert found.alpha == pytest.approx(0.025)
        assert "with 97.5 % confidence" in found.reason
        assert found.reason.endswith("; stricter, because there is no history of earlier days")
