"""Metrics against scikit-learn, scipy and definitions written out row by row."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from retrain_assets.errors import DataError, SpecError
from retrain_assets.metrics.metric import METRICS, OF_CLASS, cost, custom, metric
from retrain_assets.metrics.names import TASKS, lower_is_better, tasks_of
from retrain_assets.metrics.row_values import decision_cost
from retrain_assets_tests.metrics.paired import influence
from retrain_assets_tests.metrics.rows import binary_rows, binned_calibration_error, jackknife, value_rows

VALUES = sorted(name for name, known in METRICS.items() if "regression" in known.tasks)
OF_EACH_FORM = ("log_loss", "rmse", "wape", "calibration_error", "auc", "tpr")
"""A mean loss, a root, a ratio of values, bins, a rank, a rate: how a metric's row values are made, both directions."""


SKLEARN = {
    "log_loss": lambda y, p, hard: sk.log_loss(y, p),
    "brier": lambda y, p, hard: sk.brier_score_loss(y, p),
    "auc": lambda y, p, hard: sk.roc_auc_score(y, p),
    "accuracy": lambda y, p, hard: sk.accuracy_score(y, hard),
    "tpr": lambda y, p, hard: sk.recall_score(y, hard),
    "fpr": lambda y, p, hard: 1 - sk.recall_score(y, hard, pos_label=0),
    "precision": lambda y, p, hard: sk.precision_score(y, hard),
    "calibration_error": lambda y, p, hard: binned_calibration_error(y, p),
    "f1": lambda y, p, hard: sk.f1_score(y, hard),
    "mae": lambda y, p, hard: sk.mean_absolute_error(y, p),
    "mse": lambda y, p, hard: sk.mean_squared_error(y, p),
    "rmse": lambda y, p, hard: sk.root_mean_squared_error(y, p),
    "wape": lambda y, p, hard: np.abs(y - p).sum() / np.abs(y).sum(),
}


def rows_for(name: str, seed: int = 1):
    return value_rows(seed) if name in VALUES else binary_rows(seed)


def test_every_metric_has_an_independent_value():
    assert set(SKLEARN) == set(METRICS)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_values_are_those_of_scikit_learn(name):
    label, scores, _ = rows_for(name)
    assert metric(name).value(label, scores, 0.4) == pytest.approx(SKLEARN[name](label, scores, scores >= 0.4))


@pytest.mark.parametrize("name", OF_EACH_FORM)
def test_the_mean_influence_is_the_improvement(name):
    label, champion, candidate = rows_for(name)
    known = metric(name)
    psi = influence(known, label, champion, candidate, 0.4)
    values = {"champion": known.value(label, champion, 0.4), "candidate": known.value(label, candidate, 0.4)}
    assert psi.mean() == pytest.approx(known.improvement(**values), abs=1e-12)


@pytest.mark.parametrize("name", ["log_loss", "rmse", "wape", "auc", "accuracy", "tpr", "precision", "f1"])
def test_row_values_are_the_jackknife_pseudo_values_up_to_a_hundredth(name):
    label, scores, _ = rows_for(name, seed=2)
    pseudo = jackknife(lambda rows: metric(name).value(label[rows], scores[rows], 0.4), len(label))
    own = metric(name).row_values(label, scores, 0.4)
    assert np.corrcoef(own, pseudo)[0, 1] > 0.9999
    assert own.std() == pytest.approx(pseudo.std(), rel=0.01)


@pytest.mark.parametrize("name", ["auc", "calibration_error", "auc[1]", "tpr[1]", "fpr[2]", "precision[0]", "f1[2]"])
def test_row_values_of_several_classes_are_the_jackknife_pseudo_values(name):
    rng = np.random.default_rng(6)
    label = rng.integers(0, 3, 400).astype(float)
    scores = np.exp(2 * np.eye(3)[label.astype(int)] + rng.normal(0, 1, (400, 3)))
    scores /= scores.sum(axis=1, keepdims=True)
    pseudo = jackknife(lambda rows: metric(name).value(label[rows], scores[rows]), 400)
    own = metric(name).row_values(label, scores)
    assert own.mean() == pytest.approx(metric(name).value(label, scores))
    assert np.corrcoef(own, pseudo)[0, 1] > 0.999
    assert own.std() == pytest.approx(pseudo.std(), rel=0.02)


@pytest.mark.parametrize("name", ["auc", "tpr", "precision", "rmse", "wape", "mae", "accuracy", "auc[1]", "f1[2]"])
def test_row_values_by_part_are_those_of_each_part_alone(name):
    rng = np.random.default_rng(21)
    part = rng.choice(np.arange(4, dtype=np.uint8), 40_000, p=[0.9, 0.07, 0.0299, 0.0001])
    scores = np.round(rng.random(40_000), 3)
    scores[rng.random(40_000) < 0.6] = 0.5  # ties longer than a slice, in every part
    label = (rng.random(40_000) < scores).astype(float) + (part == 2)
    if name.endswith("]"):
        scores = np.column_stack([scores, 1 - scores, scores / 2]) / (1 + scores[:, None] / 2)
    asked = metric(name)
    values, support = asked.row_values(label, scores, part=part), asked.supports(label, scores, 0.5, part)
    for number in range(4):
        own = part == number
        assert values[own] == pytest.approx(asked.row_values(label[own], scores[own]), nan_ok=True), number
        assert support[number] == asked.support(label[own], scores[own]), number


def test_a_part_without_the_other_class_has_no_auc_and_leaves_the_others_theirs():
    label, scores = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.9, 0.1, 0.3, 0.4])
    values = metric("auc").row_values(label, scores, part=np.array([0, 0, 1, 1]))
    assert values[:2].tolist() == [1.0, 1.0]
    assert np.isnan(values[2:]).all()


def test_a_metric_that_is_no_function_of_parts_says_so():
    assert not metric("calibration_error").by_part
    with pytest.raises(TypeError, match="calibration_error cannot be asked by part"):
        metric("calibration_error").row_values([1.0, 0.0], [0.5, 0.5], part=np.array([0, 1]))


def test_the_auc_of_one_class_is_not_the_mean_over_classes():
    assert metric("auc[1]").one_by_one(3) == ()


def test_the_spread_of_influence_is_the_sampling_error_of_the_improvement():
    for name in ("auc", "rmse", "f1", "precision", "wape"):
        stated, found = [], []
        for seed in range(400):
            label, champion, candidate = rows_for(name, seed)
            psi = influence(metric(name), label, champion, candidate, 0.4)
            stated.append(psi.std(ddof=1) / np.sqrt(len(psi)))
            found.append(psi.mean())
        assert np.mean(stated) == pytest.approx(np.std(found), rel=0.1), name


def test_multiclass_losses_are_those_of_scikit_learn():
    rng = np.random.default_rng(4)
    label, scores = rng.integers(0, 4, 200).astype(float), rng.dirichlet(np.ones(4), 200)
    assert metric("log_loss").value(label, scores) == pytest.approx(sk.log_loss(label, scores))
    assert metric("accuracy").value(label, scores) == pytest.approx((scores.argmax(axis=1) == label).mean())
    both = sk.brier_score_loss(label, scores, scale_by_half=False)
    assert metric("brier").value(label, scores) == pytest.approx(both)


def test_several_classes_are_ranked_one_against_the_rest_like_scikit_learn():
    rng = np.random.default_rng(7)
    label, scores = rng.integers(0, 4, 300).astype(float), rng.dirichlet(np.ones(4), 300)
    given = scores.argmax(axis=1)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(label, given)
    assert metric("auc").value(label, scores) == pytest.approx(sk.roc_auc_score(label, scores, multi_class="ovr"))
    for number in range(4):
        own = label == number
        assert metric(f"auc[{number}]").value(label, scores) == pytest.approx(sk.roc_auc_score(own, scores[:, number]))
        assert metric(f"tpr[{number}]").value(label, scores) == pytest.approx(recall[number])
        assert metric(f"precision[{number}]").value(label, scores) == pytest.approx(precision[number])
        assert metric(f"f1[{number}]").value(label, scores) == pytest.approx(f1[number])
        assert metric(f"fpr[{number}]").value(label, scores) == pytest.approx((given == number)[~own].mean())
        assert metric(f"tpr[{number}]").support(label, scores) == own.sum()
    assert metric("auc").support(label, scores) == np.bincount(label.astype(int)).min()


def test_a_class_without_a_row_leaves_the_ranking_of_several_classes_unknown():
    label, scores = np.array([0.0, 1.0, 0.0, 1.0]), np.full((4, 3), 1 / 3)
    assert np.isnan(metric("auc").value(label, scores))
    assert np.isnan(metric("tpr[2]").value(label, scores))


def test_calibration_of_several_classes_is_that_of_the_most_probable_one():
    rng = np.random.default_rng(8)
    label, scores = rng.integers(0, 3, 500).astype(float), rng.dirichlet(np.ones(3), 500)
    hit, sure = scores.argmax(axis=1) == label, scores.max(axis=1)
    assert metric("calibration_error").value(label, scores) == pytest.approx(
        binned_calibration_error(hit, sure), abs=1e-8
    )


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


@pytest.mark.parametrize(("name", "label"), [("auc", [1, 1]), ("tpr", [0, 0]), ("fpr", [1, 1]), ("precision", [1, 0])])
def test_a_value_that_cannot_be_known_is_no_number(name, label):
    scores = [0.1, 0.2]
    assert np.isnan(metric(name).value(label, scores))
    assert np.isnan(influence(metric(name), label, scores, scores)).all()


def test_a_broken_score_or_no_row_at_all_gives_no_number_in_any_metric():
    for name in METRICS:
        label, scores, _ = rows_for(name)
        scores = scores.copy()
        scores[7] = np.nan
        assert np.isnan(metric(name).value(label, scores)), name
        assert np.isnan(metric(name).value([], [])), name


def test_a_certain_and_wrong_probability_costs_a_finite_loss():
    assert metric("log_loss").row_losses([1, 0], [0.0, 0.0]) == pytest.approx([34.539, 0.0], abs=1e-3)
    assert np.isfinite(metric("log_loss").row_losses([0], np.array([1.0], dtype=np.float32))).all()


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


DECIDED = {"accuracy": sk.accuracy_score, "f1": sk.f1_score, "tpr": sk.recall_score, "precision": sk.precision_score}
SCORED = {"log_loss": sk.log_loss, "brier": sk.brier_score_loss, "auc": sk.roc_auc_score}


@pytest.mark.parametrize("name", [*DECIDED, *SCORED])
def test_values_of_more_rows_than_are_worked_on_at_a_time_are_those_of_all_together(name):
    rng = np.random.default_rng(2)
    label, scores = (rng.random(40_000) < 0.3).astype(float), rng.uniform(0.01, 0.99, 40_000).round(3)
    found = metric(name).row_values(label, scores)
    bytes_too = metric(name).row_values(label.astype(np.uint8), scores)
    wanted = SCORED[name](label, scores) if name in SCORED else DECIDED[name](label, scores >= 0.5)
    assert found.mean() == pytest.approx(wanted)
    assert np.array_equal(found, bytes_too)
