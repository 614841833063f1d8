"""What a metric carries and refuses: direction, task, price, support, and the row values whose mean it is."""

from __future__ import annotations

import numpy as np
import pytest

from retrain_assets.errors import DataError, SpecError
from retrain_assets.metrics.metric import METRICS, OF_CLASS, cost, custom, metric
from retrain_assets.metrics.names import TASKS, lower_is_better, tasks_of
from retrain_assets.metrics.row_values import decision_cost
from retrain_assets_tests.metrics.paired import influence
from retrain_assets_tests.metrics.rows import binary_rows, rows_for

OF_EACH_FORM = ("log_loss", "rmse", "wape", "calibration_error", "auc", "tpr")
"""A mean loss, a root, a ratio of values, bins, a rank, a rate: how a metric's row values are made, both directions."""


@pytest.mark.parametrize("name", OF_EACH_FORM)
def test_the_mean_influence_is_the_improvement(name):
    label, champion, candidate = rows_for(name)
    known = metric(name)
    psi = influence(known, label, champion, candidate, 0.4)
    values = {"champion": known.value(label, champion, 0.4), "candidate": known.value(label, candidate, 0.4)}
    assert psi.mean() == pytest.approx(known.improvement(**values), abs=1e-12)


def test_a_metric_that_is_no_function_of_parts_says_so():
    assert not metric("calibration_error").by_part
    with pytest.raises(TypeError, match="calibration_error cannot be asked by part"):
        metric("calibration_error").row_values([1.0, 0.0], [0.5, 0.5], part=np.array([0, 1]))


def test_the_auc_of_one_class_is_not_the_mean_over_classes():
    assert metric("auc[1]").one_by_one(3) == ()


def test_amounts_price_each_row_and_the_mean_influence_is_what_is_saved():
    label, champion, candidate = binary_rows(11)
    fare = np.random.default_rng(11).gamma(2, 10, 300)
    known = cost("lost", "USD", "binary", decision_cost(0.1, 1), column="fare").on({"fare": fare})
    paid = [
        (fare * np.where(label == 1, (scores < 0.4) * 1.0, (scores >= 0.4) * 0.1)).mean()
        for scores in (champion, candidate)
    ]
    assert known.value(label, champion, 0.4) == pytest.approx(paid[0])
    assert influence(known, label, champion, candidate, 0.4).mean() == pytest.approx(paid[0] - paid[1])


def test_a_priced_metric_is_not_computed_without_its_amounts():
    unbound = cost("lost", "USD", "binary", decision_cost(0.1, 1), column="fare")
    with pytest.raises(TypeError, match="lost is priced by the column fare"):
        unbound.value([0, 1], [0.2, 0.7])
    with pytest.raises(DataError, match="metric lost: the rows carry no amounts 'fare'"):
        unbound.on({"tip": np.ones(2)})


def test_a_function_of_all_rows_has_a_value_and_no_row_values():
    bias = custom("bias", False, "minutes", lambda label, scores: float(abs((scores - label).mean())))
    assert bias.value([1.0, 2.0], [2.0, 4.0]) == 1.5
    assert np.isnan(bias.value([], []))
    with pytest.raises(TypeError, match="bias is a function of all rows"):
        bias.row_values([1.0], [2.0])


@pytest.mark.parametrize("name", ["pinball[0]", "pinball[1]", "pinball[a]", "pinball", "tpr[x]", "tpr[-1]", "mae[1]"])
def test_a_parameter_that_makes_no_sense_is_refused(name):
    with pytest.raises(SpecError, match="unknown metric"):
        metric(name)


@pytest.mark.parametrize("name", OF_EACH_FORM)
def test_swapping_the_models_turns_the_sign(name):
    label, one, two = rows_for(name)
    there, back = influence(metric(name), label, one, two), influence(metric(name), label, two, one)
    assert there == pytest.approx(-back)


def test_the_truth_is_an_improvement_over_noise_by_every_metric():
    for name in METRICS:
        label, noise, _ = rows_for(name)
        assert influence(metric(name), label, noise[::-1], label).mean() > 0, name


def test_a_broken_score_or_no_row_at_all_gives_no_number_in_any_metric():
    for name in METRICS:
        label, scores, _ = rows_for(name)
        scores = scores.copy()
        scores[7] = np.nan
        assert np.isnan(metric(name).value(label, scores)), name
        assert np.isnan(metric(name).value([], [])), name


def test_only_mean_losses_have_row_losses():
    label, scores, _ = rows_for("mae")
    assert metric("mse").row_losses(label, scores).mean() == pytest.approx(np.mean((label - scores) ** 2))
    for name in sorted(set(METRICS) - {"log_loss", "brier", "mae", "mse"}):
        with pytest.raises(TypeError, match=f"{name} is no mean of row losses"):
            metric(name).row_losses(*rows_for(name)[:2])


def test_support_is_the_number_of_rows_that_bear_on_the_metric():
    label, scores, _ = binary_rows(5)
    expected = {"tpr": label.sum(), "fpr": (1 - label).sum(), "precision": (scores >= 0.4).sum(), "log_loss": 300}
    expected |= {"auc": min(label.sum(), (1 - label).sum()), "accuracy": 300}
    for name, rows in expected.items():
        assert metric(name).support(label, scores, 0.4) == rows, name


def test_an_unknown_metric_is_refused_with_the_known_names():
    with pytest.raises(SpecError, match=r"unknown metric 'AUC'\. Take one of accuracy, auc"):
        metric("AUC")


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"labels of shape \(2,\) do not fit scores of shape \(3,\)"):
        metric("mae").value([1, 2], [1, 2, 3])
    with pytest.raises(DataError, match="1 labels, the first 3, are none of the 3 classes"):
        metric("log_loss").value([0, 3], np.full((2, 3), 1 / 3))


def test_a_spec_is_checked_against_the_names_tasks_and_directions_of_the_metrics():
    assert {name: set(known.tasks) for name, known in METRICS.items()} == {name: set(of) for name, of in TASKS.items()}
    named = [*METRICS, "pinball[0.3]", *(f"{name}[1]" for name in OF_CLASS)]
    for name in named:
        assert tasks_of(name, classes=2) == metric(name).tasks, name
        assert lower_is_better(name) is not metric(name).higher_is_better, name


def test_every_task_has_a_loss_that_can_be_summed_over_rows():
    for task in ("binary", "multiclass", "regression"):
        assert any(task in known.tasks and known._is_mean_loss for known in METRICS.values())


def test_a_class_that_a_model_never_saw_had_probability_0_in_its_losses():
    label, scores = np.array([0.0, 3.0, 1.0]), np.full((3, 3), 1 / 3)
    wider = np.column_stack([scores, np.zeros(3)])
    hot = np.eye(4)[label.astype(int)]
    assert metric("brier").row_losses(label, scores) == pytest.approx(((wider - hot) ** 2).sum(axis=1))
    assert metric("log_loss").row_losses(label, scores) == pytest.approx([np.log(3), -np.log(1e-15), np.log(3)])
