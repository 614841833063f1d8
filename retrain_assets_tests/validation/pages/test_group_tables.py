"""The reported tables of groups: the values of fairlearn's own metrics on single rows, for every kind of task."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    count,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from sklearn.metrics import accuracy_score, mean_absolute_error

from retrain_assets.errors import DataError
from retrain_assets.validation.pages.group_tables import LISTED, group_report
from retrain_assets_tests.validation.worlds import VALUE_RULES, classifier, gate_rows, policy

PEERS = {
    "tpr": true_positive_rate,
    "fpr": false_positive_rate,
    "selection_rate": selection_rate,
    "accuracy": accuracy_score,
}
BOTH = {"groups": ["sex", "race"]}


def people(seed: int, n: int = 3000):
    rng = np.random.default_rng(seed)
    label, champion, candidate = classifier(rng, n)
    sex = np.where(rng.random(n) < 0.4, "F", "M").astype(object)
    race = rng.choice(np.array(["a", "b", "c", None], dtype=object), n, p=[0.6, 0.25, 0.02, 0.13])
    return gate_rows(label, {"sex": sex, "race": race}), champion, candidate


def named(values):
    return np.array(["(missing)" if value is None else value for value in values])


def test_every_group_is_counted_a_missing_value_being_one_of_them():
    rows, champion, candidate = people(1)

    report = group_report(policy(fairness=BOTH), "binary", rows, champion, candidate)

    counted = {
        value.group: value.rows for value in report.values if value.metric == "rows" and value.attribute == "race"
    }
    frame = MetricFrame(
        metrics=count, y_true=rows.label, y_pred=rows.label, sensitive_features=named(rows.groups["race"])
    )
    assert counted == {f"race={name}": number for name, number in frame.by_group.items()}
    assert "race=(missing)" in counted


@pytest.mark.parametrize("attribute", ["sex", "race", "sex & race"])
def test_values_of_both_models_are_those_of_fairlearn_on_single_rows(attribute):
    rows, champion, candidate = people(2)
    names = attribute.split(" & ")
    found = group_report(policy(fairness=BOTH), "binary", rows, champion, candidate).values
    values = [value for value in found if value.attribute == attribute and value.metric != "rows"]
    features = {name: named(rows.groups[name]) for name in names}

    for scores, side in ((champion, "champion_value"), (candidate, "candidate_value")):
        peer = MetricFrame(metrics=PEERS, y_true=rows.label, y_pred=scores >= 0.5, sensitive_features=features).by_group
        for value in values:
            key = tuple(part.split("=")[1] for part in value.group.split(" & "))
            assert getattr(value, side) == pytest.approx(peer[value.metric].loc[key if len(key) > 1 else key[0]])
    assert {value.metric for value in values} == set(PEERS)


def test_values_rest_on_the_rows_that_their_metric_asks_about():
    rows, champion, candidate = people(3)
    women = rows.groups["sex"] == "F"

    found = group_report(policy(), "binary", rows, champion, candidate).values

    rests_on = {value.metric: value.rows for value in found if value.group == "sex=F"}
    assert rests_on["tpr"] == int((women & (rows.label == 1)).sum())
    assert rests_on["fpr"] == int((women & (rows.label == 0)).sum())
    assert rests_on["selection_rate"] == rests_on["rows"] == int(women.sum())


def test_differences_and_ratios_are_those_of_fairlearn_over_the_groups_that_are_large_enough():
    rows, champion, candidate = people(4)
    large = named(rows.groups["race"]) != "c"

    found = group_report(policy(fairness=BOTH), "binary", rows, champion, candidate).disparities

    for scores, side in ((champion, "champion"), (candidate, "candidate")):
        peer = MetricFrame(
            metrics=PEERS,
            y_true=rows.label[large],
            y_pred=scores[large] >= 0.5,
            sensitive_features=named(rows.groups["race"])[large],
        )
        for each in (each for each in found if each.attribute == "race"):
            assert getattr(each, f"{side}_difference") == pytest.approx(peer.difference()[each.metric])
            assert getattr(each, f"{side}_ratio") == pytest.approx(peer.ratio()[each.metric])
    assert {each.attribute for each in found} == {"sex", "race"}


def test_a_group_with_too_few_rows_is_counted_without_values_and_such_a_pair_is_left_out():
    rows, champion, candidate = people(5)

    found = group_report(policy(fairness=BOTH), "binary", rows, champion, candidate).values

    assert [value.metric for value in found if value.group == "race=c"] == ["rows"]
    assert [value for value in found if value.group == "sex=F & race=c"] == []
    assert len([value for value in found if value.group == "sex=F & race=a"]) == 5


def test_of_very_many_small_groups_the_largest_are_counted_one_by_one_and_the_others_together():
    rng = np.random.default_rng(13)
    label, champion, candidate = classifier(rng, 3000)
    town = np.array([f"t{number:04}" for number in rng.integers(0, 900, 3000)], dtype=object)
    rows = gate_rows(label, {"town": town})

    found = group_report(policy(fairness={"groups": ["town"]}), "binary", rows, champion, candidate).values

    assert len(found) == LISTED + 1
    assert sum(value.rows for value in found) == 3000
    assert found[-1].group == f"town=({len(set(town)) - LISTED} further values)"
    assert found[0].rows == max(np.unique(town, return_counts=True)[1])


def test_errors_of_a_regression_are_those_of_fairlearn_and_a_signed_mean_has_no_ratio():
    rows, champion, candidate = people(6)
    frame = MetricFrame(
        metrics=mean_absolute_error, y_true=rows.label, y_pred=candidate, sensitive_features=named(rows.groups["sex"])
    )

    report = group_report(policy(VALUE_RULES), "regression", rows, champion, candidate)

    errors = {value.group: value.candidate_value for value in report.values if value.metric == "mae"}
    assert errors == pytest.approx({f"sex={name}": value for name, value in frame.by_group.items()})
    bias = {value.group: value.candidate_value for value in report.values if value.metric == "mean_error"}
    women = rows.groups["sex"] == "F"
    assert bias["sex=F"] == pytest.approx((candidate - rows.label)[women].mean())
    signed = next(each for each in report.disparities if each.metric == "mean_error")
    assert (signed.candidate_ratio is None) == (min(bias.values()) < 0)


def test_with_several_classes_each_class_is_asked_about():
    rng = np.random.default_rng(7)
    label = rng.integers(0, 3, 2000).astype(float)
    scores = rng.dirichlet([1, 1, 1], 2000)
    sex = rng.choice(["F", "M"], 2000).astype(object)
    frame = MetricFrame(
        metrics=true_positive_rate, y_true=label == 2, y_pred=scores.argmax(1) == 2, sensitive_features=sex
    )

    report = group_report(policy(), "multiclass", gate_rows(label, {"sex": sex}), None, scores)

    found = {value.group: value.candidate_value for value in report.values if value.metric == "tpr[2]"}
    assert found == pytest.approx({f"sex={name}": value for name, value in frame.by_group.items()})


def test_without_a_champion_only_the_candidate_has_values():
    rows, _, candidate = people(8)

    report = group_report(policy(), "binary", rows, None, candidate)

    assert {value.champion_value for value in report.values} == {None}
    assert all(value.candidate_value is not None for value in report.values if value.metric != "rows")
    assert {each.champion_difference for each in report.disparities} == {None}


def test_a_group_without_positives_has_no_tpr_and_counts_in_no_difference():
    rows, champion, candidate = people(9)
    label = np.where(rows.groups["sex"] == "F", 0.0, rows.label)

    report = group_report(policy(), "binary", gate_rows(label, rows.groups), champion, candidate)

    women = next(value for value in report.values if value.group == "sex=F" and value.metric == "tpr")
    assert (women.rows, women.candidate_value) == (0, None)
    assert next(each.candidate_difference for each in report.disparities if each.metric == "tpr") is None


def test_scores_that_are_no_numbers_give_empty_values_instead_of_an_error():
    rows, champion, candidate = people(10)
    candidate = np.where(np.arange(len(candidate)) % 7 == 0, np.nan, candidate)

    report = group_report(policy(VALUE_RULES), "regression", rows, champion, candidate)

    assert {value.candidate_value for value in report.values} == {None}
    assert None not in {value.champion_value for value in report.values if value.metric != "rows"}


def test_a_missing_attribute_is_named():
    rows, champion, candidate = people(11)

    with pytest.raises(DataError, match="no protected attribute 'age'"):
        group_report(policy(fairness={"groups": ["age"]}), "binary", rows, champion, candidate)


def test_no_group_large_enough_leaves_only_counts():
    rows, champion, candidate = people(12, 60)

    report = group_report(policy(fairness=BOTH), "binary", rows, champion, candidate)

    assert {value.metric for value in report.values} == {"rows"}
    assert report.disparities == ()


@pytest.mark.parametrize("live", [True, False])
def test_one_value_or_one_group_with_enough_rows_has_its_values_and_no_disparity(live):
    rng = np.random.default_rng(3)
    label, champion, candidate = classifier(rng, 1000)
    few = np.where(np.arange(1000) < 990, "a", "b").astype(object)
    for groups in ({"sex": np.full(1000, "a", object)}, {"sex": few}):
        rows = gate_rows(label, groups)
        report = group_report(policy(), "binary", rows, champion if live else None, candidate)
        (own,) = [value for value in report.values if value.metric == "selection_rate"]
        assert own.candidate_value == pytest.approx((candidate[groups["sex"] == "a"] >= 0.5).mean())
        assert all(each.candidate_difference is None for each in report.disparities)
