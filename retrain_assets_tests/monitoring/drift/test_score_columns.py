"""Entropy of predictions, against scipy."""

import numpy as np
import pytest
from scipy import stats

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.score_columns import margin, uncertainty


def test_binary_entropy_is_that_of_scipy_and_symmetric():
    scores = np.linspace(0, 1, 21)
    expected = [stats.entropy([p, 1 - p]) for p in scores]
    assert uncertainty("binary", scores) == pytest.approx(expected)
    assert uncertainty("binary", scores) == pytest.approx(uncertainty("binary", 1 - scores))


def test_multiclass_entropy_is_that_of_scipy_and_at_most_ln_k():
    scores = np.random.default_rng(1).dirichlet(np.ones(5), 50)
    found = uncertainty("multiclass", scores)
    assert found == pytest.approx(stats.entropy(scores, axis=1))
    assert found.max() <= np.log(5)


def test_regression_has_none():
    assert uncertainty("regression", [3.0, 4.0]) is None


def test_a_missing_score_stays_missing():
    assert np.isnan(uncertainty("binary", [np.nan, 0.5])).tolist() == [True, False]


def test_scores_of_the_wrong_shape_or_range_are_refused():
    with pytest.raises(DataError, match=r"binary scores have shape \(2, 2\)"):
        uncertainty("binary", [[0.5, 0.5], [0.1, 0.9]])
    with pytest.raises(DataError, match="1 of 2 scores are outside 0 to 1"):
        uncertainty("binary", [0.5, 3.0])


def test_where_there_is_one_class_its_margin_is_whole():
    assert margin("multiclass", [[1.0], [1.0]]).tolist() == [1.0, 1.0]
