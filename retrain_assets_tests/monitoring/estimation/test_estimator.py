"""The loss estimated without outcomes: against sklearn, and in made-up worlds whose truth is known."""

import json
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as judge

from retrain_assets.errors import DataError
from retrain_assets.monitoring.estimation.estimator import (
    EstimationPolicy,
    LabelledRows,
    LossEstimate,
    NoEstimate,
    UnlabelledRows,
    estimate,
)
from retrain_assets.monitoring.estimation.expected_loss import (
    calibrated,
    expected_losses,
    expected_metrics,
)
from retrain_assets_tests.monitoring.estimation.worlds import NEW, ROWS, world


def estimated(seed, shift=0.0, concept=0.0):
    """An estimate with the mean loss and accuracy that the new rows truly have to be expected to show."""
    features, score, _, label = world(seed, ROWS)
    new, new_score, true, _ = world(seed + 1000, NEW, shift, concept)
    found = estimate("binary", "log_loss", LabelledRows(features, score, label), UnlabelledRows(new, new_score))
    truth = expected_losses("log_loss", new_score, true).mean()
    return found, truth, expected_metrics(new_score, true, 0.5)["accuracy"]


def test_the_estimate_is_unbiased_when_nothing_shifts():
    gaps = [found.loss - truth for found, truth, _ in (estimated(seed) for seed in range(12))]
    assert abs(np.mean(gaps)) < 3 * np.std(gaps, ddof=1) / np.sqrt(len(gaps)) + 1e-3


def test_weights_undo_most_of_a_covariate_shift_that_calibration_alone_gets_wrong():
    weighted, plain = [], []
    for seed in range(8):
        found, truth, _ = estimated(seed, shift=0.7)
        features, score, _, label = world(seed, ROWS)
        new_score = world(seed + 1000, NEW, 0.7)[1]
        even = calibrated(score, label, np.ones(ROWS), new_score)
        weighted.append(found.loss - truth)
        plain.append(expected_losses("log_loss", new_score, even).mean() - truth)
        assert found.method.endswith("density ratio")
    assert abs(np.mean(plain)) > 0.05
    assert abs(np.mean(weighted)) < abs(np.mean(plain)) / 4


def test_a_change_of_the_concept_is_not_seen_by_any_estimate_without_outcomes():
    before, truth_before, _ = estimated(3)
    after, truth_after, _ = estimated(3, concept=2.0)
    assert after.loss == before.loss
    assert truth_after - truth_before > 0.2


def test_the_later_truth_lies_within_the_limits_nine_times_in_ten():
    inside = []
    for seed in range(60):
        features, score, _, label = world(seed, 2000)
        new, new_score, _, new_label = world(seed + 1000, 1000)
        found = estimate("binary", "brier", LabelledRows(features, score, label), UnlabelledRows(new, new_score))
        inside.append(found.low <= ((new_score - new_label) ** 2).mean() <= found.high)
    assert abs(np.mean(inside) - 0.9) < 3 * np.sqrt(0.09 / 60)


def test_a_declared_cost_is_expected_from_the_confusion():
    features, score, _, label = world(1, ROWS)
    matrix = [[0.0, 2.0], [5.0, 0.0]]
    found = estimate(
        "binary",
        "brier",
        LabelledRows(features, score, label),
        UnlabelledRows(features, score),
        EstimationPolicy(costs={"eur": matrix}),
    )
    table = judge.confusion_matrix(label, score >= 0.5)
    assert found.metrics["eur"] == pytest.approx((table * matrix).sum() / ROWS, rel=0.02)


def test_the_loss_of_a_regression_is_unbiased_under_covariate_shift():
    gaps = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        x, new = random.uniform(0, 1, ROWS), random.beta(4, 2, NEW)
        label = 5 * x + random.normal(0, 0.2 + x)
        known = LabelledRows(pa.table({"x": x}), 5 * x, label)
        found = estimate("regression", "mae", known, UnlabelledRows(pa.table({"x": new}), 5 * new))
        gaps.append(found.loss - ((0.2 + new) * np.sqrt(2 / np.pi)).mean())
    assert abs(np.mean(gaps)) < 3 * np.std(gaps, ddof=1) / np.sqrt(len(gaps)) + 0.01


def test_several_classes_are_estimated_from_calibrated_shares():
    random = np.random.default_rng(2)
    true = random.dirichlet([2, 1, 1], ROWS)
    label = np.array([random.choice(3, p=row) for row in true], dtype=float)
    sharper = true**2 / (true**2).sum(axis=1, keepdims=True)
    rows = pa.table({"x": true[:, 0], "y": true[:, 1]})
    found = estimate("multiclass", "log_loss", LabelledRows(rows, sharper, label), UnlabelledRows(rows, sharper))
    assert found.loss == pytest.approx(judge.log_loss(label, sharper), abs=0.01)
    assert found.metrics["accuracy"] == pytest.approx(judge.accuracy_score(label, sharper.argmax(axis=1)), abs=0.015)


def test_the_same_rows_and_seed_give_the_same_numbers():
    assert estimated(4, shift=0.4)[0] == estimated(4, shift=0.4)[0]


def test_too_little_is_said_and_not_estimated():
    features, score, _, label = world(1, 999)
    short = estimate("binary", "log_loss", LabelledRows(features, score, label), UnlabelledRows(features, score))
    assert short == NoEstimate("999 rows with known outcomes, 1,000 are needed for an estimate")
    nobody = estimate(
        "binary", "log_loss", LabelledRows(features, score, label), UnlabelledRows(features.slice(0, 0), score[:0])
    )
    assert nobody == NoEstimate("no row waits for its outcome")


def test_new_rows_without_any_like_them_are_not_estimated():
    features, score, _, label = world(1, 3000)
    far, far_score, _, _ = world(9, NEW, shift=6.0)
    found = estimate("binary", "log_loss", LabelledRows(features, score, label), UnlabelledRows(far, far_score))
    assert isinstance(found, NoEstimate)
    assert "unlike those with known outcomes" in found.reason


def test_a_score_or_label_that_is_no_number_is_refused_by_name():
    features, score, _, label = world(1, ROWS)
    known = LabelledRows(features, score, label)
    with pytest.raises(DataError, match="1 of 4,000 waiting scores are not finite"):
        estimate("binary", "log_loss", known, UnlabelledRows(features, np.where(np.arange(ROWS) == 7, np.nan, score)))
    with pytest.raises(DataError, match="2 of 4,000 known labels are not finite"):
        estimate("binary", "log_loss", replace(known, label=np.where(label[0] + np.arange(ROWS) < 2, np.inf, label)),
                 UnlabelledRows(features, score))  # fmt: skip
    with pytest.raises(DataError, match=r"known rows: .* have \[10, 4000\] rows"):
        LabelledRows(features.slice(0, 10), score, label)


def test_an_estimate_is_plain_json():
    found = estimated(1)[0]
    assert LossEstimate.from_dict(json.loads(json.dumps(asdict(found) | {"sentence": "more"}))) == found
