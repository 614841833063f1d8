"""Row values of metrics with a parameter: their mean is the metric as scikit-learn has it."""

import numpy as np
import pytest
from sklearn import metrics as sk

from retrain_assets.metrics.metric import cost, metric
from retrain_assets.metrics.row_values import asymmetric_error, decision_cost, mean_over_classes, of_class, wrong_class
from retrain_assets_tests.metrics.rows import binary_rows, binned_calibration_error, jackknife, value_rows


def test_calibration_row_values_are_the_pseudo_values_where_no_single_row_turns_its_bin():
    label, scores, _ = binary_rows(2)
    pseudo = jackknife(lambda rows: metric("calibration_error").value(label[rows], scores[rows]), len(label))
    own = metric("calibration_error").row_values(label, scores)
    place = np.minimum((scores * 10).astype(int), 9)
    sums = np.bincount(place, weights=label - scores, minlength=10)
    steady = (np.abs(sums) > 1)[place]
    assert steady.sum() > 200
    assert own[steady] == pytest.approx(pseudo[steady], abs=1e-8)


def test_calibration_of_several_classes_is_that_of_the_most_probable_one():
    rng = np.random.default_rng(8)
    label, scores = rng.integers(0, 3, 500).astype(float), rng.dirichlet(np.ones(3), 500)
    hit, sure = scores.argmax(axis=1) == label, scores.max(axis=1)
    assert metric("calibration_error").value(label, scores) == pytest.approx(
        binned_calibration_error(hit, sure), abs=1e-8
    )


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_the_pinball_loss_is_that_of_scikit_learn_and_least_at_its_quantile(quantile):
    label, scores, _ = value_rows(9)
    known = metric(f"pinball[{quantile}]")
    assert known.value(label, scores) == pytest.approx(sk.mean_pinball_loss(label, scores, alpha=quantile))
    assert known.row_losses(label, scores).shape == (300,)
    levels = np.quantile(label, [quantile - 0.08, quantile, quantile + 0.08])
    below, at, above = (known.value(label, np.full(300, level)) for level in levels)
    assert at < below
    assert at < above


def test_a_cost_is_the_sum_over_the_cells_of_the_confusion_matrix_per_row():
    label, scores, _ = binary_rows(10)
    _, alarms, misses, _ = sk.confusion_matrix(label, scores >= 0.4).ravel()
    known = cost("outlay", "USD", "binary", decision_cost(2, 40))
    assert known.value(label, scores, 0.4) == pytest.approx((2 * alarms + 40 * misses) / 300)
    assert (known.unit, known.higher_is_better, known.tasks) == ("USD", False, {"binary"})
    over_under = cost("quote", "USD", "regression", asymmetric_error(over=1, under=3))
    value, quoted, _ = value_rows(10)
    expected = np.mean(np.maximum(quoted - value, 0) + 3 * np.maximum(value - quoted, 0))
    assert over_under.value(value, quoted) == pytest.approx(expected)


def test_a_score_that_is_no_number_has_no_answer_and_the_others_keep_theirs():
    label, scores = np.array([1.0, 0.0, 1.0]), np.array([0.9, np.nan, 0.1])
    assert decision_cost(2, 40)(label, scores, 0.5) == pytest.approx([0.0, np.nan, 40.0], nan_ok=True)
    shares = np.array([[0.2, 0.8], [0.5, np.inf], [0.9, 0.1]])
    assert wrong_class(5)(label, shares, 0.5) == pytest.approx([0.0, np.nan, 5.0], nan_ok=True)


def test_one_class_against_the_rest_is_asked_by_probability_or_by_decision():
    label, shares = np.array([0.0, 1.0, 2.0]), np.array([[0.5, 0.3, 0.2], [0.4, 0.35, 0.25], [0.1, 0.2, 0.7]])

    def hit(own, score, _):
        return own * score

    assert of_class(hit, 1, decided=False)(label, shares, 0.5).tolist() == [0.0, 0.35, 0.0]
    assert of_class(hit, 1, decided=True)(label, shares, 0.5).tolist() == [0.0, 0.0, 0.0]
    assert mean_over_classes(hit)(label, shares, 0.5) == pytest.approx(shares[range(3), range(3)] / 3)
