"""Groups, rates and floors; point values against fairlearn."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from fairlearn.metrics import MetricFrame
from scipy import stats
from sklearn.metrics import mean_absolute_error

from retrain_assets.errors import DataError
from retrain_assets.validation.comparison.comparison import Level
from retrain_assets.validation.criteria.fairness import fairness, floors
from retrain_assets.validation.policy import FairnessPolicy
from retrain_assets.verdict import Outcome, combine
from retrain_assets_tests.validation.worlds import VALUE_RULES, gate_rows, people, policy

LEVEL = Level(alpha=0.05, power=0.8)


@pytest.mark.parametrize("nothing", [None, np.nan])
def test_a_harm_of_those_whose_value_is_missing_is_found_in_a_group_of_their_own(nothing):
    rows, champion, _ = people(1)
    rows.groups["race"][:400] = nothing
    hurt = np.where((np.arange(3000) < 400) & (rows.label == 1) & (champion >= 0.5), 0.1, champion)
    found = fairness(policy(fairness={"groups": ["race"]}), "binary", rows, champion, hurt, LEVEL)
    assert [f.group for f in found if f.outcome is Outcome.FAIL] == ["race=(missing)"]


def test_a_group_of_few_rows_passes_when_its_limits_say_so_and_only_then():
    rows, champion, _ = people(1)
    rows.groups["race"][:] = np.where(np.arange(3000) < 60, None, "a")
    worse = np.where((rows.label == 1) & (np.arange(3000) % 100 == 1), 0.1, champion)
    rose = np.where((rows.label == 1) & (np.arange(3000) < 60), 0.9, worse)
    rules = policy(fairness={"groups": ["race"], "metrics": ["tpr"]})
    found = {f.group: f for f in fairness(rules, "binary", rows, worse, rose, LEVEL)}
    assert found["race=(missing)"].outcome is Outcome.PASS, "its rate has certainly risen"
    same = {f.group: f for f in fairness(rules, "binary", rows, worse, worse, LEVEL)}
    assert same["race=(missing)"].outcome is Outcome.WATCHED, "nothing changed in too few rows to exclude the margin"
    assert "too few to judge, so watched if it is promoted" in same["race=(missing)"].reason
    watched = same["race=(missing)"]
    shown = re.search(
        r"show no change below (.+) points \(\d+ questions asked together\), and the margin", watched.reason
    )
    assert float(shown[1]) / 100 == pytest.approx(watched.minimum_detectable, rel=0.01), "one number for one question"
    assert same["race=a"].outcome is Outcome.PASS
    strict = policy(fairness={"groups": ["race"], "metrics": ["tpr"], "strict": True})
    held = {f.group: f for f in fairness(strict, "binary", rows, worse, worse, LEVEL)}
    assert held["race=(missing)"].outcome is Outcome.INSUFFICIENT
    assert " more positives needed" in held["race=(missing)"].reason


def small_and_large(harmed: int, small: int = 100, large: int = 1900):
    """Positives of a small and a large group, of which so many of the small one lose the right answer."""
    part = np.repeat(["small", "large"], [small, large]).astype(object)
    place = np.arange(small + large)
    champion = np.where(place % 25 == 0, 0.1, 0.9)
    candidate = np.where(place % 25 == 1, 0.1, np.where(place % 25 == 0, 0.9, champion))
    candidate[np.flatnonzero(champion[:small] == 0.9)[:harmed]] = 0.1
    return gate_rows(np.ones(small + large), {"part": part}), champion, candidate


def outcome_of_the_small(rules, harmed: int, **sizes: int) -> Outcome:
    found = fairness(rules, "binary", *small_and_large(harmed, **sizes), LEVEL)
    return next(finding.outcome for finding in found if "small" in finding.group)


@pytest.mark.parametrize(
    ("harmed", "sizes", "rules", "outcome"),
    [
        (4, {}, {}, Outcome.WATCHED),
        (40, {}, {}, Outcome.FAIL),
        (4, {"large": 300}, {"pool_below": 50}, Outcome.INSUFFICIENT),
        (4, {"large": 300}, {"pool_below": 101}, Outcome.WATCHED),
        (4, {}, {"margin": 0.0}, Outcome.INSUFFICIENT),
        (4, {}, {"margin": 0.3}, Outcome.PASS),
    ],
)
def test_only_a_small_group_that_could_not_show_the_margin_is_watched_and_certain_harm_still_fails(
    harmed, sizes, rules, outcome
):
    asked = policy(fairness={"groups": ["part"], "metrics": ["tpr"], "pool_below": 1, **rules})
    assert outcome_of_the_small(asked, harmed, **sizes) is outcome


def test_a_candidate_cannot_win_a_watch_by_being_erratic_in_the_group_alone():
    rng = np.random.default_rng(4)
    part = np.repeat(["small", "large"], [300, 9700]).astype(object)
    noise = rng.normal(0, 1, 10_000)
    wild = np.where(part == "small", rng.normal(0.5, 12, 10_000), noise)
    label = rng.normal(20, 4, 10_000)
    asked = policy(VALUE_RULES, unit="row", fairness={"groups": ["part"], "margin": 1.0, "pool_below": 100})
    found = fairness(asked, "regression", gate_rows(label, {"part": part}), label + noise[::-1], label + wild, LEVEL)
    assert next(f.outcome for f in found if f.group == "part=small") is Outcome.FAIL
    tame = label + np.where(part == "small", rng.normal(0, 3, 10_000), noise)
    found = fairness(asked, "regression", gate_rows(label, {"part": part}), label + noise[::-1], tame, LEVEL)
    assert next(f.outcome for f in found if f.group == "part=small") is not Outcome.WATCHED


def test_errors_by_group_are_those_of_fairlearn():
    rows, champion, candidate = people(3)
    frame = MetricFrame(
        metrics=mean_absolute_error,
        y_true=rows.label,
        y_pred=candidate,
        sensitive_features=rows.groups["sex"].astype(str),
    )
    found = fairness(policy(VALUE_RULES), "regression", rows, champion, candidate, LEVEL)
    assert {f.group: f.candidate_value for f in found} == pytest.approx(
        {f"sex={name}": value for name, value in frame.by_group.items()}
    )


def test_findings_tell_champion_candidate_and_the_drop_with_its_sign():
    rows, champion, candidate = people(5)
    hurt = candidate.copy()
    women = (rows.groups["sex"] == "F") & (rows.label == 1)
    flipped = np.flatnonzero(women & (champion >= 0.5))[::4]
    hurt = champion.copy()
    hurt[flipped] = 0.1
    found = {(f.metric, f.group): f for f in fairness(policy(), "binary", rows, champion, hurt, LEVEL)}
    worse = found["tpr", "sex=F"]
    assert worse.outcome is Outcome.FAIL
    assert worse.improvement == pytest.approx(-len(flipped) / women.sum())
    assert worse.improvement == pytest.approx(worse.candidate_value - worse.champion_value)
    assert worse.low < worse.improvement < worse.high
    assert worse.rows == women.sum()
    assert "after Holm over 4" in worse.reason
    assert [f.outcome for f in found.values()].count(Outcome.PASS) == 3


def test_more_false_alarms_are_the_change_for_the_worse():
    rows, champion, _ = people(6)
    hurt = champion.copy()
    innocent = np.flatnonzero((rows.label == 0) & (champion < 0.5))[::5]
    hurt[innocent] = 0.9
    found = {
        f.metric: f.outcome for f in fairness(policy(), "binary", rows, champion, hurt, LEVEL) if f.group == "sex=M"
    }
    assert found == {"tpr": Outcome.PASS, "fpr": Outcome.FAIL}
    turned = fairness(policy(), "binary", rows, hurt, champion, LEVEL)
    assert combine(turned) is Outcome.PASS


def test_a_group_without_a_single_positive_leaves_the_true_positive_rate_open():
    label = np.r_[np.zeros(300), np.ones(300), np.zeros(300)]
    rows = gate_rows(label, {"sex": np.r_[np.full(300, "F"), np.full(600, "M")].astype(object)})
    scores = np.where(label == 1, 0.9, 0.1)
    found = {(f.metric, f.group): f for f in fairness(policy(), "binary", rows, scores, scores, LEVEL)}
    assert found["tpr", "sex=F"].outcome is Outcome.WATCHED
    assert found["tpr", "sex=F"].candidate_value is None
    assert "0 positives" in found["tpr", "sex=F"].reason
    assert found["tpr", "sex=M"].outcome is Outcome.PASS


def test_every_class_of_several_is_asked_about():
    rng = np.random.default_rng(8)
    label = rng.integers(0, 3, 1500).astype(float)
    champion = np.eye(3)[label.astype(int)] * 0.6 + 0.4 / 3
    hurt = champion.copy()
    hurt[np.flatnonzero(label == 2)[::4]] = [0.8, 0.1, 0.1]
    rules = policy(fairness={"metrics": ["tpr"]})
    found = {f.metric: f.outcome for f in fairness(rules, "multiclass", gate_rows(label), champion, hurt, LEVEL)}
    assert found == {"tpr[0]": Outcome.PASS, "tpr[1]": Outcome.PASS, "tpr[2]": Outcome.FAIL}


def test_a_regression_group_made_worse_fails_and_the_others_pass():
    rng = np.random.default_rng(9)
    label, champion_error, extra = rng.gamma(2, 5, 1200), rng.normal(0, 2, 1200), rng.normal(0, 2, 1200)
    borough = np.repeat(["Bronx", "Queens", "Brooklyn"], 400).astype(object)
    candidate = label + champion_error + np.where(borough == "Bronx", 1.5 * extra, 0)
    rules = policy(VALUE_RULES, fairness={"groups": ["borough"], "margin": 0.5, "pool_below": 300})
    rows = gate_rows(label, {"borough": borough})
    found = fairness(rules, "regression", rows, label + champion_error, candidate, LEVEL)
    assert {f.group: f.outcome for f in found} == {
        "borough=Bronx": Outcome.FAIL,
        "borough=Brooklyn": Outcome.PASS,
        "borough=Queens": Outcome.PASS,
    }


def test_a_protected_attribute_that_was_not_loaded_is_refused():
    rows, champion, candidate = people(10)
    with pytest.raises(DataError, match="no column 'age'"):
        fairness(policy(fairness={"groups": ["age"]}), "binary", rows, champion, candidate, LEVEL)


def test_the_first_model_must_clear_its_floor_in_every_group():
    rows, scores, _ = people(11)
    for limit, outcome in ((0.3, Outcome.PASS), (0.99, Outcome.FAIL)):
        rules = policy(fairness={"floors": [{"metric": "tpr", "at_least": limit}]})
        found = floors(rules, "binary", rows, scores, LEVEL)
        assert {f.group for f in found} == {"sex=F", "sex=M"}
        assert {f.outcome for f in found} == {outcome}
        assert all(f.reason.startswith(f"{f.group}: TPR is ") for f in found)


def test_a_floor_may_bound_any_metric_of_the_task():
    rows, scores, _ = people(13)
    rules = policy(fairness={"floors": [{"metric": "auc", "at_least": 0.55}]})
    assert combine(floors(rules, "binary", rows, scores, LEVEL)) is Outcome.PASS


def by_days(seed: int, days: int = 28, positives: int = 20, spread: float = 0.1):
    """Positives of one group on every day, of which the share that flips for the worse differs from day to day."""
    rng = np.random.default_rng(seed)
    worse = np.repeat(np.clip(0.1 + rng.normal(0, spread, days) / 2, 0, 0.2), positives)
    draw = rng.random(worse.size)
    champion = np.where(draw < worse, 0.9, np.where(draw < 0.2, 0.1, 0.8))
    candidate = np.where(draw < worse, 0.1, np.where(draw < 0.2, 0.9, 0.8))
    time = np.datetime64("2024-01-01", "us") + np.repeat(np.arange(days), positives).astype("m8[D]")
    return gate_rows(np.ones(worse.size), time=time), champion, candidate


def test_where_rows_are_independent_the_p_value_is_the_mid_p_of_mcnemar():
    rows, champion, candidate = by_days(1)
    lost, gained = int((champion > candidate).sum()), int((champion < candidate).sum())
    (found,) = fairness(policy(fairness={"metrics": ["tpr"]}), "binary", rows, champion, candidate, LEVEL)
    flips = stats.binom(lost + gained, 0.5)
    assert found.p_value == pytest.approx(flips.sf(lost) + flips.pmf(lost) / 2)
    assert (found.unit, found.units, found.design_effect) == ("row", 560, 1.0)


def test_a_group_with_rows_enough_that_is_still_undecided_says_that_rows_are_not_what_it_lacks():
    champion, candidate = np.full((2, 641), 0.9)
    candidate[:30], champion[30:50] = 0.1, 0.1
    rules = policy(fairness={"metrics": ["tpr"], "margin": 0.03})
    (found,) = fairness(rules, "binary", gate_rows(np.ones(641)), champion, candidate, LEVEL)
    assert found.outcome is Outcome.INSUFFICIENT
    assert found.rows >= found.rows_needed
    assert (
        "within the margin of 3 points: it may be 3.44 points worse (95 % limit); as many positives would show that "
        "nothing changed" in found.reason
    )
    assert found.reason.endswith("it is the change itself which is in doubt, 641 positives")


def test_a_group_s_p_value_stands_beside_the_level_it_is_held_against_and_its_interval_beside_the_attempt_s():
    rows, champion, candidate = by_days(1)
    rules = policy(fairness={"metrics": ["tpr"]})
    (usual,) = fairness(rules, "binary", rows, champion, candidate, LEVEL)
    (strict,) = fairness(rules, "binary", rows, champion, candidate, Level(alpha=0.0125, power=0.8))
    assert (strict.alpha, strict.p_level, strict.p_value) == (0.0125, 0.05, usual.p_value)
    assert strict.low < usual.low


def test_where_days_move_together_p_value_and_limits_are_the_t_test_of_the_days():
    rows, champion, candidate = by_days(1)
    rules = policy(unit="auto", fairness={"metrics": ["tpr"]})
    (found,) = fairness(rules, "binary", rows, champion, candidate, LEVEL)
    change = ((candidate >= 0.5).astype(float) - (champion >= 0.5)).reshape(28, 20).mean(axis=1)
    line = sm.OLS(change, np.column_stack([np.ones(28), np.arange(28) - 13.5])).fit()
    assert (found.unit, found.units, found.degrees) == ("day", 28, pytest.approx(26))
    assert found.p_value == pytest.approx(stats.t.cdf(line.tvalues[0], 26))
    assert [found.low, found.high] == pytest.approx(line.conf_int(alpha=0.1)[0])
    assert found.design_effect > 1
    assert found.reason.endswith("560 positives in 28 days")


def test_false_alarms_of_clusters_are_the_t_test_of_the_clusters():
    rows, champion, candidate = by_days(2)
    rows = replace(rows, label=np.zeros(560), cluster=np.repeat([f"driver {place}" for place in range(28)], 20))
    rules = policy(unit="driver", fairness={"metrics": ["fpr"]})
    (found,) = fairness(rules, "binary", rows, champion, candidate, LEVEL)
    change = ((candidate >= 0.5).astype(float) - (champion >= 0.5)).reshape(28, 20).mean(axis=1)
    assert (found.unit, found.units) == ("driver", 28)
    assert found.p_value == pytest.approx(stats.ttest_1samp(change, 0.0, alternative="greater").pvalue)
    assert found.reason.endswith("560 negatives in 28 values of driver")


@pytest.mark.parametrize(("days", "outcome"), [(4, Outcome.INSUFFICIENT), (5, Outcome.FAIL)])
def test_below_five_days_neither_harm_nor_harmlessness_is_shown(days, outcome):
    rows, champion, _ = by_days(3, days=days, positives=200)
    hurt = np.where((champion >= 0.5) & (np.arange(days * 200) % 3 == 0), 0.1, champion)
    rules = policy(unit="auto", fairness={"metrics": ["tpr"]})
    (found,) = fairness(rules, "binary", rows, champion, hurt, LEVEL)
    assert found.outcome is outcome
    if outcome is Outcome.INSUFFICIENT:
        assert found.reason.endswith("4 days, 5 needed, 800 positives in 4 days")
        assert found.p_value is None
        assert found.rows_needed > 800


def test_what_passes_by_rows_is_open_where_a_few_days_pull_either_way():
    day, place = np.repeat(np.arange(16), 100), np.tile(np.arange(100), 16)
    champion = np.where(place % 2 == 0, 0.9, 0.1)
    lost, gained = (day % 4 == 0) & (place % 5 == 0), (day % 4 == 1) & (place % 5 == 0)
    candidate = np.where(lost & (champion > 0.5), 0.1, np.where(gained & (champion < 0.5), 0.9, champion))
    rows = gate_rows(np.ones(1600), time=np.datetime64("2024-01-01", "us") + day.astype("m8[D]"))
    found = {
        unit: fairness(
            policy(unit=unit, fairness={"metrics": ["tpr"], "margin": 0.03}), "binary", rows, champion, candidate, LEVEL
        )[0]
        for unit in ("row", "auto")
    }
    assert (found["row"].outcome, found["auto"].outcome) == (Outcome.PASS, Outcome.INSUFFICIENT)
    assert found["row"].improvement == found["auto"].improvement == 0
    assert found["auto"].rows_needed > 1600


@pytest.mark.parametrize(
    ("rule", "outcome"), [({}, Outcome.PASS), ({"strict": True}, Outcome.FAIL), ({"margin": 0.0}, Outcome.FAIL)]
)
def test_a_certain_harm_within_the_margin_passes_unless_the_rule_is_strict(rule, outcome):
    rows, champion, _ = people(5, n=20_000)
    hurt = np.where((rows.label == 1) & (champion >= 0.5) & (np.arange(20_000) % 50 == 0), 0.1, champion)
    found = fairness(policy(fairness={"metrics": ["tpr"]} | rule), "binary", rows, champion, hurt, LEVEL)
    assert {f.outcome for f in found} == {outcome}
    assert all(-f.improvement < 0.05 and f.p_value < 0.05 for f in found)
    assert all("surely worse" in f.reason for f in found), "a harm is named, also where it passes"
    assert not any("surely worse" in f.reason for f in fairness(policy(), "binary", rows, champion, champion, LEVEL))


def test_of_several_classes_only_the_named_one_is_asked_about():
    rng = np.random.default_rng(8)
    label = rng.integers(0, 3, 1500).astype(float)
    champion = np.eye(3)[label.astype(int)] * 0.6 + 0.4 / 3
    rules = policy(fairness={"metrics": ["tpr[2]", "fpr"]})
    found = fairness(rules, "multiclass", gate_rows(label), champion, champion, LEVEL)
    assert [f.metric for f in found] == ["tpr[2]", "fpr[0]", "fpr[1]", "fpr[2]"]


def test_one_group_of_one_value_and_no_group_at_all_are_no_crash():
    rows, champion, candidate = people(3)
    rows.groups["sex"][:] = "F"
    found = fairness(policy(), "binary", rows, champion, candidate, LEVEL)
    assert {f.group for f in found} == {"sex=F"}
    nobody = policy().model_copy(update={"fairness": FairnessPolicy(none="a machine's parts")})
    for (finding,) in (
        fairness(nobody, "binary", rows, champion, candidate, LEVEL),
        floors(nobody, "binary", rows, candidate, LEVEL),
    ):
        assert finding.outcome is Outcome.NOT_ASKED
        assert "a machine's parts" in finding.reason
