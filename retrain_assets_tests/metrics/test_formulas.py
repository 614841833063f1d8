"""Values against scikit-learn, and row values against the jackknife and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from retrain_assets.metrics.metric import METRICS, metric
from retrain_assets_tests.metrics.paired import influence
from retrain_assets_tests.metrics.rows import binned_calibration_error, jackknife, rows_for

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


def test_every_metric_has_an_independent_value():
    assert set(SKLEARN) == set(METRICS)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_values_are_those_of_scikit_learn(name):
    label, scores, _ = rows_for(name)
    assert metric(name).value(label, scores, 0.4) == pytest.approx(SKLEARN[name](label, scores, scores >= 0.4))


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


@pytest.mark.parametrize(("name", "label"), [("auc", [1, 1]), ("tpr", [0, 0]), ("fpr", [1, 1]), ("precision", [1, 0])])
def test_a_value_that_cannot_be_known_is_no_number(name, label):
    scores = [0.1, 0.2]
    assert np.isnan(metric(name).value(label, scores))
    assert np.isnan(influence(metric(name), label, scores, scores)).all()


def test_a_certain_and_wrong_probability_costs_a_finite_loss():
    assert metric("log_loss").row_losses([1, 0], [0.0, 0.0]) == pytest.approx([34.539, 0.0], abs=1e-3)
    assert np.isfinite(metric("log_loss").row_losses([0], np.array([1.0], dtype=np.float32))).all()


@pytest.mark.parametrize("name", ["accuracy", "f1", "tpr", "precision", "log_loss", "brier", "auc"])
def test_values_of_more_rows_than_are_worked_on_at_a_time_are_those_of_all_together(name):
    rng = np.random.default_rng(2)
    label, scores = (rng.random(40_000) < 0.3).astype(float), rng.uniform(0.01, 0.99, 40_000).round(3)
    found = metric(name).row_values(label, scores)
    bytes_too = metric(name).row_values(label.astype(np.uint8), scores)
    assert found.mean() == pytest.approx(SKLEARN[name](label, scores, scores >= 0.5))
    assert np.array_equal(found, bytes_too)
