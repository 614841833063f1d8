"""Placements of the AUC against pairs written out and ranks of scipy."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from retrain_assets.metrics.delong import placements
from retrain_assets.metrics.metric import metric
from retrain_assets_tests.metrics.paired import influence
from retrain_assets_tests.metrics.rows import binary_rows


def test_auc_influence_has_the_variance_of_delong_written_out_pair_by_pair():
    label, champion, candidate = binary_rows(3)
    positive, negative = label == 1, label == 0

    def placements(scores):
        kernel = (scores[positive][:, None] > scores[negative]) + 0.5 * (scores[positive][:, None] == scores[negative])
        return kernel.mean(axis=1), kernel.mean(axis=0)

    (v10_a, v01_a), (v10_b, v01_b) = placements(champion), placements(candidate)
    m, n = positive.sum(), negative.sum()
    delong = np.var(v10_b - v10_a, ddof=1) / m + np.var(v01_b - v01_a, ddof=1) / n
    psi = influence(metric("auc"), label, champion, candidate)
    centred = np.where(positive, psi - psi.mean(), 0), np.where(negative, psi - psi.mean(), 0)
    ours = sum((part**2).sum() / len(psi) ** 2 * k / (k - 1) for part, k in zip(centred, (m, n), strict=True))
    assert ours == pytest.approx(delong, rel=1e-10)
    assert psi.mean() == pytest.approx(v10_b.mean() - v10_a.mean())


@pytest.mark.parametrize("levels", [1, 3, 500, 0, "one value on most rows"])
def test_auc_of_many_rows_has_the_placements_of_scipy_ranks_whatever_is_tied(levels):
    rng = np.random.default_rng(9)
    label, scores = (rng.random(60_000) < 0.3).astype(float), rng.random(60_000)
    if isinstance(levels, str):
        scores[rng.random(60_000) < 0.9] = 0.25
    elif levels:
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


@pytest.mark.parametrize("parts", [1, 3])
def test_placements_of_each_part_are_the_shares_of_pairs_won_there(parts):
    rng = np.random.default_rng(4)
    positive, scores = rng.random(400) < 0.4, np.round(rng.random(400), 1)
    part = rng.integers(0, parts, 400).astype(np.uint8)
    found = placements(positive, scores, part)
    for row in range(400):
        others = scores[(part == part[row]) & (positive != positive[row])]
        won = (others < scores[row]) if positive[row] else (others > scores[row])
        assert found[row] == pytest.approx(np.mean(won + 0.5 * (others == scores[row])))


def test_no_rows_have_no_placements():
    assert placements(np.empty(0, bool), np.empty(0), np.empty(0, np.uint8)).size == 0
