"""Weights that make known rows look like new ones: even where nothing differs, right where it does."""

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.errors import DataError
from retrain_assets.monitoring.estimation.density_ratio import Ratio, density_ratio
from retrain_assets_tests.monitoring.estimation.worlds import NEW, ROWS, world


def test_rows_that_are_alike_get_no_weights():
    features, score, _, _ = world(1, ROWS)
    ratio = density_ratio(features, world(7, NEW)[0])
    assert not ratio.shifted
    assert ratio.effective_rows == pytest.approx(ROWS)
    assert ratio.separation == pytest.approx(0.5, abs=0.03)


def test_a_weighted_mean_over_known_rows_is_the_mean_of_the_new_ones():
    gaps = []
    for seed in range(6):
        features, new = world(seed, ROWS)[0], world(seed + 50, NEW, 0.7)[0]
        gaps.append(np.average(features["z"], weights=density_ratio(features, new).weights) - 0.7)
    assert abs(np.mean(gaps)) < 0.12


def test_rows_that_the_known_ones_are_half_as_often_weigh_twice():
    random = np.random.default_rng(6)
    known, waiting = (pa.table({"x": random.choice([0.0, 1.0], 4000, p=p)}) for p in ([0.5, 0.5], [1 / 3, 2 / 3]))
    ratio = density_ratio(known, waiting)
    weight_of = {value: ratio.weights[known["x"].to_numpy() == value].mean() for value in (0.0, 1.0)}
    assert ratio.shifted
    assert weight_of[1.0] / weight_of[0.0] == pytest.approx(2.0, rel=0.1)
    assert ratio.weights.mean() == pytest.approx(1.0)


def test_so_many_effective_rows_are_left_of_weights():
    ratio = Ratio(np.array([1.0, 1.0, 2.0]), 0.5, True)
    assert ratio.effective_rows == pytest.approx(16 / 6)


def test_rows_of_other_features_are_refused_with_both_lists():
    features = world(1, 10)[0]
    with pytest.raises(DataError, match="known rows have x, z; waiting rows have z"):
        density_ratio(features, features.select(["z"]))
