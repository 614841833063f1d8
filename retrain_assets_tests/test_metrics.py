"""Metrics against scikit-learn, scipy and definitions written out row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from retrain_assets.errors import DataError, SpecError
from retrain_assets.metrics import METRICS, metric, mid_ranks

VALUES = sorted(name for name, known in METRICS.items() if "regression" in known.tasks)
SKLEARN = {
    "log_loss": lambda y, p, hard: sk.log_loss(y, p),
    "brier": lambda y, p, hard: sk.brier_score_loss(y, p),
    "auc": lambda y, p, hard: sk.roc_auc_score(y, p),
    "accuracy": lambda y, p, hard: sk.accuracy_score(y, hard),
    "tpr": lambda y, p, hard: sk.recall_score(y, hard),
    "fpr": lambda y, p, hard: 1 - sk.recall_score(y, hard, pos_label=0),
    "precision": lambda y, p, hard: sk.precision_score(y, hard),
    "f1": lambda y, p, hard: sk.f1_score(y, hard),
    "mae": lambda y, p, hard: sk.mean_absolute_error(y, p),
    "mse": lambda y, p, hard: sk.mean_squared_error(y, p),
    "rmse": lambda y, p, hard: sk.root_mean_squared_error(y, p),
    "wape": lambda y, p, hard: np.abs(y - p).sum() / np.abs(y).sum(),
}


def binary_rows(seed: int, n: int = 300):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(float)
    scores = [np.clip(rng.normal(0.35 + 0.2 * label, 0.2), 0.01, 0.99).round(2) for _ in range(2)]
    return label, *scores


def value_rows(seed: int, n: int = 300):
    rng = np.random.default_rng(seed)
    label = rng.gamma(2, 5, n)
    return label, label + rng.normal(0, 3, n), label + rng.normal(0.5, 2, n)


def rows_for(name: str, seed: int = 1):
    return value_rows(seed) if name in VALUES else binary_rows(seed)


def test_every_metric_has_an_independent_value():
    assert set(SKLEARN) == set(METRICS)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_values_are_those_of_scikit_learn(name):
    label, scores, _ = rows_for(name)
    assert metric(name).value(label, scores, 0.4) == pytest.approx(SKLEARN[name](label, scores, scores >= 0.4))


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_mean_influence_is_the_improvement(name):
    label, champion, candidate = rows_for(name)
    known = metric(name)
    psi = known.influence(label, champion, candidate, 0.4)
    values = {"champion": known.value(label, champion, 0.4), "candidate": known.value(label, candidate, 0.4)}
    assert psi.mean() == pytest.approx(known.improvement(**values), abs=1e-12)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_row_values_are_the_jackknife_pseudo_values_up_to_a_hundredth(name):
    label, scores, _ = rows_for(name, seed=2)
    n, whole = len(label), metric(name).value(label, scores, 0.4)
    keep = ~np.eye(n, dtype=bool)
    left_out = np.array([metric(name).value(label[rows], scores[rows], 0.4) for rows in keep])
    pseudo = n * whole - (n - 1) * left_out
    own = metric(name).row_values(label, scores, 0.4)
    assert np.corrcoef(own, pseudo)[0, 1] > 0.9999
    assert own.std() == pytest.approx(pseudo.std(), rel=0.01)


def test_auc_influence_has_the_variance_of_delong_written_out_pair_by_pair():
    label, champion, candidate = binary_rows(3)
    positive, negative = label == 1, label == 0

    def placements(scores):
        kernel = (scores[positive][:, None] > scores[negative]) + 0.5 * (scores[positive][:, None] == scores[negative])
        return kernel.mean(axis=1), kernel.mean(axis=0)

    (v10_a, v01_a), (v10_b, v01_b) = placements(champion), placements(candidate)
    m, n = positive.sum(), negative.sum()
    delong = np.var(v10_b - v10_a, ddof=1) / m + np.var(v01_b - v01_a, ddof=1) / n
    psi = metric("auc").influence(label, champion, candidate)
    centred = np.where(positive, psi - psi.mean(), 0), np.where(negative, psi - psi.mean(), 0)
    ours = sum((part**2).sum() / len(psi) ** 2 * k / (k - 1) for part, k in zip(centred, (m, n), strict=True))
    assert ours == pytest.approx(delong, rel=1e-10)
    assert psi.mean() == pytest.approx(v10_b.mean() - v10_a.mean())


@pytest.mark.parametrize("levels", [3, 500, 0])
def test_auc_of_many_rows_has_the_placements_of_scipy_ranks_whatever_is_tied(levels):
    rng = np.random.default_rng(9)
    label, scores = (rng.random(60_000) < 0.3).astype(float), rng.random(60_000)
    if levels:
        scores = np.floor(scores * levels) / levels
    positive = label == 1
    within = np.where(positive, stats.rankdata(np.where(positive, scores, np.inf)), 0)
    within[~positive] = stats.rankdata(scores[~positive])
    beaten = stats.rankdata(scores) - within
    placement = np.where(positive, beaten / (~positive).sum(), 1 - beaten / positive.sum())
    area = placement[positive].mean()
    wanted = area + np.where(positive, 1 / positive.mean(), 1 / (1 - positive.mean())) * (placement - area)
    values = metric("auc").row_values(label, scores)
    assert values == pytest.approx(wanted)
    assert values.mean() == pytest.approx(sk.roc_auc_score(label, scores))


def test_the_spread_of_influence_is_the_sampling_error_of_the_improvement():
    for name in ("auc", "rmse", "f1", "precision", "wape"):
        stated, found = [], []
        for seed in range(400):
            label, champion, candidate = rows_for(name, seed)
            psi = metric(name).influence(label, champion, candidate, 0.4)
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


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_mid_ranks_are_those_of_scipy(values):
    assert mid_ranks(np.array(values, dtype=float)).tolist() == stats.rankdata(values).tolist()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_swapping_the_models_turns_the_sign(name):
    label, one, two = rows_for(name)
    there, back = metric(name).influence(label, one, two), metric(name).influence(label, two, one)
    assert there == pytest.approx(-back)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_truth_is_an_improvement_over_noise(name):
    label, noise, _ = rows_for(name)
    assert metric(name).influence(label, noise[::-1], label).mean() > 0


@pytest.mark.parametrize(("name", "label"), [("auc", [1, 1]), ("tpr", [0, 0]), ("fpr", [1, 1]), ("precision", [1, 0])])
def test_a_value_that_cannot_be_known_is_no_number(name, label):
    scores = [0.1, 0.2]
    assert np.isnan(metric(name).value(label, scores))
    assert np.isnan(metric(name).influence(label, scores, scores)).all()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_broken_score_or_no_row_at_all_gives_no_number(name):
    label, scores, _ = rows_for(name)
    scores = scores.copy()
    scores[7] = np.nan
    assert np.isnan(metric(name).value(label, scores))
    assert np.isnan(metric(name).value([], []))


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


def test_every_task_has_a_loss_that_can_be_summed_over_rows():
    for task in ("binary", "multiclass", "regression"):
        assert any(task in known.tasks and known._is_mean_loss for known in METRICS.values())
