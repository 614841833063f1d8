"""Several primaries under Holm, and what is asked of an aged champion's successor."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from pydantic import ValidationError
from statsmodels.stats.multitest import multipletests

from retrain_assets.validation.comparison.comparison import Level
from retrain_assets.validation.comparison.wording import held_to
from retrain_assets.validation.criteria.procedure_evidence import ProcedureEvidence
from retrain_assets.validation.criteria.significance import ChampionAge, primaries, significance
from retrain_assets.validation.judge import Conditions, GateScores, judge
from retrain_assets.verdict import Outcome, combine
from retrain_assets_tests.validation.worlds import VALUE_RULES, classifier, gate_rows, policy, suite

LEVEL = Level(alpha=0.05, power=0.8)
THREE = ["mae", "rmse", "wape"]
OLD, YOUNG = ChampionAge(9), ChampionAge(8)


def rivals(rng, n=400, worse=1.1):
    label = rng.gamma(2, 5, n)
    return gate_rows(label), label + worse * rng.laplace(0, 1, n), label + rng.laplace(0, 1, n)


def outcomes(findings):
    return [finding.outcome for finding in findings]


@pytest.mark.parametrize(("worse", "said"), [(0.5, "better, "), (1.05, "surely better, ")])
def test_a_candidate_that_is_not_better_is_said_to_be_so_with_both_errors(worse, said):
    rules = policy(VALUE_RULES, primary="mae")
    rows, champion, candidate = rivals(np.random.default_rng(3), worse=worse)
    (found,) = significance(rules, primaries(rules, "regression", rows, champion, candidate), LEVEL)
    assert found.outcome is Outcome.FAIL
    assert found.reason.startswith(f"the new model was not {said}average error ")
    assert " against " in found.reason
    assert found.reason.count(":") == 1


def test_one_name_and_a_list_of_one_are_the_same_policy():
    assert policy(primary="auc") == policy(primary=["auc"])
    for wrong, why in (([], "at least 1"), (["auc", "auc"], "auc stands twice"), (3, "valid tuple")):
        with pytest.raises(ValidationError, match=why):
            policy(primary=wrong)


def test_p_values_and_outcomes_of_several_primaries_are_those_of_holm_in_statsmodels(monkeypatch):
    monkeypatch.setattr(gc, "collect", lambda: 0)  # statsmodels collects garbage in every call
    rng = np.random.default_rng(1)
    alone = [policy(VALUE_RULES, primary=name) for name in THREE]
    together = policy(VALUE_RULES, primary=THREE)
    seen = set()
    for _ in range(100):
        rows, champion, candidate = rivals(rng)
        raw = [
            significance(rules, primaries(rules, "regression", rows, champion, candidate), LEVEL)[0].p_value
            for rules in alone
        ]
        found = significance(together, primaries(together, "regression", rows, champion, candidate), LEVEL)
        rejected, adjusted, _, _ = multipletests(raw, alpha=0.05, method="holm")
        assert [finding.metric for finding in found] == THREE
        assert [finding.p_value for finding in found] == pytest.approx(adjusted)
        assert [outcome is Outcome.PASS for outcome in outcomes(found)] == rejected.tolist()
        for finding, p in zip(found, raw, strict=True):
            assert (finding.low > 0) == (p < finding.alpha)
            assert finding.p_level == LEVEL.alpha
            assert (finding.p_value < finding.p_level) == (finding.outcome is Outcome.PASS)
            assert f"; {held_to(finding.p_value, 0.05)} after Holm over 3 primaries" in finding.reason
            assert ("not below 0.05" in finding.reason) == (finding.outcome is Outcome.FAIL)
        seen.add(tuple(rejected))
    assert len(seen) >= 3


def test_every_primary_must_be_better_never_any():
    rng = np.random.default_rng(2)
    label = rng.gamma(2, 5, 4000)
    # Fewer small errors and a few huge ones: better in the mean error, worse in the root mean square.
    champion = label + rng.choice([-2.0, 2.0], 4000)
    candidate = label + np.where(rng.random(4000) < 0.01, 40.0, 1.0)
    found = significance(
        policy(VALUE_RULES, primary=["mae", "rmse"]),
        primaries(policy(VALUE_RULES, primary=["mae", "rmse"]), "regression", gate_rows(label), champion, candidate),
        LEVEL,
    )
    assert outcomes(found) == [Outcome.PASS, Outcome.FAIL]
    assert combine(found) is Outcome.FAIL
    assert "after Holm over 2 primaries" in found[0].reason


def test_a_primary_does_not_pass_where_one_with_a_smaller_p_value_did_not():
    rng, seen = np.random.default_rng(3), 0
    rules = policy(VALUE_RULES, primary=["mae", "rmse"])
    for _ in range(400):
        rows, champion, candidate = rivals(rng)
        found = significance(rules, primaries(rules, "regression", rows, champion, candidate), LEVEL)
        raw_passes = [finding.low > 0 for finding in found]
        if combine(found) is Outcome.FAIL and any(raw_passes):
            passed = [finding for finding in found if finding.outcome is Outcome.PASS]
            blocked = [f for f in found if f.outcome is Outcome.FAIL and f.low > 0]
            assert all(finding.p_value >= 0.05 for finding in blocked)
            assert not passed or not blocked
            seen += any("smaller p-value did not pass" in finding.reason for finding in blocked)
    assert seen >= 3


def test_of_equal_models_each_of_several_primaries_passes_rarely_and_all_of_them_more_rarely():
    rng, some, every = np.random.default_rng(4), [], []
    rules = policy(VALUE_RULES, primary=THREE)
    for _ in range(1200):
        found = outcomes(significance(rules, primaries(rules, "regression", *rivals(rng, worse=1.0)), LEVEL))
        some.append(Outcome.PASS in found)
        every.append(set(found) == {Outcome.PASS})
    assert np.mean(some) <= 0.05 + 0.015
    assert 0 < np.mean(every) < np.mean(some)


def test_a_primary_that_cannot_be_known_does_not_make_the_others_easier():
    rng = np.random.default_rng(5)
    label, champion, candidate = classifier(rng, 4000, (1.0, 2.0))
    champion, candidate = 0.49 * champion, 0.49 * candidate  # nobody is selected: no precision
    rules = policy(primary=["log_loss", "precision"])
    found = significance(rules, primaries(rules, "binary", gate_rows(label), champion, candidate), LEVEL)
    assert outcomes(found) == [Outcome.PASS, Outcome.INSUFFICIENT]
    assert (found[0].alpha, found[1].p_value) == (0.025, None)
    assert combine(found) is Outcome.INSUFFICIENT


def fresher(**changes):
    rule = {"max_age_periods": 8, "margin_share": 0.02} | changes
    rule = {name: value for name, value in rule.items() if value is not None}
    return policy(VALUE_RULES, promote_when="fresher", fresher=rule)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"promote_when": "fresher"}, "declare both or none"),
        ({"fresher": {"max_age_periods": 8, "margin": 0.1}}, "declare both or none"),
        ({"promote_when": "fresher", "fresher": {"max_age_periods": 8}}, "either margin_share"),
        ({"promote_when": "fresher", "fresher": {"max_age_periods": 8, "margin": -0.1}}, "greater than 0"),
        ({"promote_when": "fresher", "fresher": {"max_age_periods": 0, "margin": 0.1}}, "greater than 0"),
        (
            {"promote_when": "fresher", "primary": "auc", "fresher": {"max_age_periods": 8, "margin_share": 0.1}},
            "auc is no loss, of which a share could be lost: declare fresher.margin",
        ),
    ],
)
def test_a_rule_for_fresher_models_that_makes_no_sense_is_refused(changes, why):
    with pytest.raises(ValidationError, match=why):
        policy(**changes)


def equal_world(seed=6, n=6000):
    """Two models of the same skill that differ in small ways."""
    rng = np.random.default_rng(seed)
    label = rng.gamma(2, 5, n)
    shared = rng.laplace(0, 1, n)
    return gate_rows(label), label + shared + rng.normal(0, 0.05, n), label + shared + rng.normal(0, 0.05, n)


def test_an_aged_champion_gives_way_to_an_equal_fresher_model_and_a_young_one_does_not():
    rows, champion, candidate = equal_world()
    rules = fresher()
    (old,) = significance(rules, primaries(rules, "regression", rows, champion, candidate), LEVEL, OLD)
    (young,) = significance(rules, primaries(rules, "regression", rows, champion, candidate), LEVEL, YOUNG)
    assert (old.outcome, young.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert old.margin == pytest.approx(0.02 * np.abs(champion - rows.label).mean())
    assert old.role == young.role == "primary"
    assert old.reason.startswith("the champion is 9 periods old, more than 8, so be no worse: MAE ")
    assert young.reason.endswith("the champion is 8 periods old, at most 8, so be better")
    assert young.margin == 0.0


def test_a_margin_may_be_in_the_metric_s_own_unit():
    rows, champion, candidate = equal_world()
    rules = fresher(margin_share=None, margin=0.01)
    (found,) = significance(rules, primaries(rules, "regression", rows, champion, candidate), LEVEL, OLD)
    assert found.margin == 0.01


def test_a_young_champion_of_another_world_counts_as_aged():
    rows, champion, candidate = equal_world()
    elsewhere = ChampionAge(2, unseen_share=0.2)
    (found,) = significance(fresher(), primaries(fresher(), "regression", rows, champion, candidate), LEVEL, elsewhere)
    assert found.outcome is Outcome.PASS
    assert found.reason.startswith("20.0 % of the gate rows hold a category the champion never saw, more than 1.0 %")
    (found,) = significance(
        fresher(max_unseen_share=0.3),
        primaries(fresher(max_unseen_share=0.3), "regression", rows, champion, candidate),
        LEVEL,
        elsewhere,
    )
    assert found.outcome is Outcome.FAIL


def test_a_fresher_model_that_is_certainly_worse_is_rejected():
    rng = np.random.default_rng(7)
    rows, candidate, champion = rivals(rng, n=4000, worse=1.3)
    (found,) = significance(fresher(), primaries(fresher(), "regression", rows, champion, candidate), LEVEL, OLD)
    assert found.outcome is Outcome.FAIL


def test_a_fresher_model_truly_at_the_margin_passes_one_time_in_twenty():
    rng, passed = np.random.default_rng(8), []
    rules = fresher(margin_share=None, margin=0.1)
    for _ in range(1500):
        rows, candidate, champion = rivals(rng, worse=1.1)
        (found,) = significance(rules, primaries(rules, "regression", rows, champion, candidate), LEVEL, OLD)
        passed.append(found.outcome is Outcome.PASS)
    assert np.mean(passed) <= 0.06 + 0.01


def test_everything_else_stays_the_same_for_a_fresher_model():
    rows, champion, candidate = equal_world()
    baseline = np.full(len(rows), np.median(rows.label))
    cases = suite((10.0,), (19.0,), (10.5,))
    strict = fresher()
    found = judge(
        strict, "regression", rows, GateScores(candidate, baseline, champion), cases, Conditions(12, champion_age=OLD)
    ).findings
    assert {f.check for f in found if f.outcome is Outcome.FAIL} == {"regression_suite"}
    with pytest.raises(ValueError, match="give the champion's age"):
        judge(strict, "regression", rows, GateScores(candidate, baseline, champion), cases, Conditions(12))
    first = judge(
        strict, "regression", rows, GateScores(candidate, baseline), suite((10.0,), (11.0,), None), Conditions(12)
    ).findings
    assert {finding.outcome for finding in first} == {Outcome.PASS, Outcome.NOT_ASKED}


WORKS = ProcedureEvidence(12, 8, 0.05, 0.02, 0.001, 84, 0.025, 2.0, 840)
UNKNOWN = ProcedureEvidence(12, 8, 0.05, -0.02, 0.2, 84, 0.025, 2.0, 840)


def by_procedure(found, gain, margin=0.5, n=400):
    """What is found of a candidate that is better by a gain on every row, give or take 1."""
    rules = policy(VALUE_RULES, evidence="procedure", procedure={"aged": "8w", "margin": margin})
    label = np.zeros(n)
    champion, noise = label + 5, np.random.default_rng(4).normal(0, 1, n)
    candidate = champion - gain - (noise - noise.mean())
    compared = primaries(rules, "regression", gate_rows(label), champion, candidate)
    return significance(rules, compared, LEVEL, None, found)


def test_superiority_is_tested_at_half_the_level_where_the_procedure_has_the_other():
    error = 1 / np.sqrt(400)
    (found,) = by_procedure(UNKNOWN, 1.9 * error)
    assert (found.outcome, found.alpha) == (Outcome.FAIL, 0.025)
    assert "retraining shows no certain gain" in found.reason
    (found,) = by_procedure(UNKNOWN, 2.1 * error)
    assert found.outcome is Outcome.PASS


def test_a_proven_procedure_and_a_candidate_that_is_no_worse_stand_in_for_superiority():
    own, proven = by_procedure(WORKS, 0.0)
    assert (own.outcome, own.role, own.margin, own.alpha) == (Outcome.PASS, "primary", 0.5, 0.05)
    assert (proven.outcome, proven.role) == (Outcome.PASS, "procedure")
    assert own.reason.startswith("not shown to be better by itself, so be no worse, for retraining works: ")
    assert combine((own, proven)) is Outcome.PASS


def test_a_candidate_that_is_worse_by_the_margin_does_not_pass_whatever_the_procedure_shows():
    found = by_procedure(WORKS, -0.5)
    assert combine(found) is not Outcome.PASS
    assert combine(by_procedure(WORKS, -2.0)) is Outcome.FAIL


def test_an_unproven_procedure_lends_nothing():
    (found,) = by_procedure(UNKNOWN, 0.0)
    assert found.outcome is Outcome.FAIL
    with pytest.raises(ValueError, match="give what fresh models gain"):
        by_procedure(None, 0.0)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"evidence": "procedure"}, "declare both or none"),
        ({"procedure": {"aged": "8w", "margin": 0.1}}, "declare both or none"),
        ({"evidence": "procedure", "procedure": {"aged": "8w"}}, "either margin_share"),
        ({"evidence": "procedure", "procedure": {"aged": "2 periods", "margin": 0.1}}, "an amount of time"),
        (
            {"evidence": "procedure", "procedure": {"aged": "8w", "margin": 0.1}, "primary": ["mae", "mse"]},
            "one primary",
        ),
        (
            {
                "evidence": "procedure",
                "procedure": {"aged": "8w", "margin": 0.1},
                "promote_when": "fresher",
                "fresher": {"max_age_periods": 8, "margin": 0.1},
            },
            "each replace superiority",
        ),
    ],
)
def test_a_policy_whose_evidence_does_not_fit_is_refused(rule, why):
    with pytest.raises(ValidationError, match=why):
        policy(VALUE_RULES, **rule)
