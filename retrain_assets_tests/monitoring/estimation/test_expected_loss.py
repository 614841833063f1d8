"""Metrics to be expected from probabilities, against sklearn on rows that count as positive and negative by weight."""

import numpy as np
import pytest
from sklearn import metrics as judge
from sklearn.isotonic import IsotonicRegression

from retrain_assets.monitoring.estimation.expected_loss import (
    calibrated,
    expected_confusion,
    expected_losses,
    expected_metrics,
)


@pytest.mark.parametrize(
    ("name", "of_scores"),
    [("accuracy", judge.accuracy_score), ("f1", judge.f1_score), ("precision", judge.precision_score),
     ("tpr", judge.recall_score)],
)  # fmt: skip
def test_expected_metrics_are_sklearns_on_rows_that_are_positive_and_negative_by_weight(name, of_scores):
    score, share, label, weight = doubled()
    found = expected_metrics(score, share, 0.4)[name]
    assert found == pytest.approx(of_scores(label, np.tile(score, 2) >= 0.4, sample_weight=weight))


def test_expected_auc_and_log_loss_are_sklearns_on_rows_that_are_positive_and_negative_by_weight():
    score, share, label, weight = doubled()
    found = expected_metrics(score, share, 0.4)
    assert found["auc"] == pytest.approx(judge.roc_auc_score(label, np.tile(score, 2), sample_weight=weight))
    loss = expected_losses("log_loss", score, share).mean()
    assert loss == pytest.approx(judge.log_loss(label, np.tile(score, 2), sample_weight=weight))
    table = judge.confusion_matrix(label, np.tile(score, 2) >= 0.4, sample_weight=weight)
    assert expected_confusion(score, share, 0.4) == pytest.approx(table)


def doubled():
    """Scores with ties and shares, and each row once as a positive and once as a negative with its share as weight."""
    random = np.random.default_rng(5)
    score, share = random.integers(1, 20, 300) / 20, random.uniform(size=300)
    return score, share, np.repeat([1.0, 0.0], 300), np.r_[share, 1 - share]


def test_metrics_without_a_denominator_are_unknown():
    found = expected_metrics(np.array([0.1, 0.2]), np.array([0.0, 0.0]), 0.5)
    assert [name for name, value in found.items() if np.isnan(value)] == ["auc", "tpr", "precision", "f1"]


def test_probabilities_of_several_classes_are_isotonic_one_by_one_and_sum_to_one():
    random = np.random.default_rng(3)
    scores = random.dirichlet([2, 1, 1], 400)
    label = np.array([random.choice(3, p=row) for row in scores], dtype=float)
    found = calibrated(scores, label, np.ones(400), scores)
    alone = np.column_stack(
        [IsotonicRegression(out_of_bounds="clip").fit_transform(scores[:, k], label == k) for k in range(3)]
    )
    assert found == pytest.approx(alone / alone.sum(axis=1, keepdims=True))
    assert found.sum(axis=1) == pytest.approx(1.0)


def test_scores_that_stand_for_no_class_at_all_are_even():
    scores = np.array([[1.0, 0.0], [0.0, 1.0]] * 10)
    never = np.full(20, 7.0)
    assert calibrated(scores, never, np.ones(20), scores[:1]) == pytest.approx(np.array([[0.5, 0.5]]))


def test_of_several_classes_the_loss_is_weighed_by_each_classes_probability():
    scores, probability = np.array([[0.5, 0.3, 0.2]]), np.array([[0.1, 0.6, 0.3]])
    by_hand = -(0.1 * np.log(0.5) + 0.6 * np.log(0.3) + 0.3 * np.log(0.2))
    assert expected_losses("log_loss", scores, probability) == pytest.approx([by_hand])
    assert expected_metrics(scores, probability, 0.5) == {"accuracy": pytest.approx(0.1)}
