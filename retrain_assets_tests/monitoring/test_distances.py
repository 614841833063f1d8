"""Distances of binned windows, against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from retrain_assets.monitoring import distances

PAIRS = st.integers(2, 12).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(1, 500), min_size=bins, max_size=bins)] * 2)
)


def shares_of(pair):
    return [distances.shares(counts) for counts in pair]


@given(PAIRS)
def test_psi_is_the_symmetric_kullback_leibler_divergence(pair):
    before, after = shares_of(pair)
    assert distances.psi(before, after) == pytest.approx(stats.entropy(before, after) + stats.entropy(after, before))


@given(PAIRS)
def test_jensen_shannon_is_the_square_of_scipys_distance_in_bits(pair):
    before, after = shares_of(pair)
    assert distances.jensen_shannon(before, after) == pytest.approx(jensenshannon(before, after, base=2) ** 2, abs=1e-7)


@given(PAIRS)
def test_total_variation_and_ks_bound_each_other(pair):
    before, after = shares_of(pair)
    assert distances.ks(before, after) <= distances.total_variation(before, after) + 1e-12


def test_psi_is_infinite_for_a_bin_that_one_side_lacks_unless_smoothed():
    assert distances.psi([1.0, 0.0], [0.5, 0.5]) == np.inf
    assert np.isfinite(distances.psi(distances.smoothed([10, 0]), distances.smoothed([5, 5])))


def test_nothing_to_share_is_not_a_number():
    assert np.isnan(distances.shares([0, 0])).all()
    assert np.isnan(distances.total_variation(distances.shares([0, 0]), [0.5, 0.5]))


def test_different_bins_are_refused():
    with pytest.raises(ValueError, match="2 reference bins against 3"):
        distances.psi([0.5, 0.5], [0.2, 0.3, 0.5])


def cells(values, edges):
    below = np.searchsorted(np.sort(values), edges, side="left")
    up_to = np.searchsorted(np.sort(values), edges, side="right")
    running = np.column_stack([below, up_to]).ravel()
    return np.diff(np.concatenate([[0], running, [values.size]])) / values.size


def test_wasserstein_of_whole_numbers_is_that_of_scipy():
    rng = np.random.default_rng(4)
    before, after = rng.poisson(4, 3000), rng.poisson(5, 2000)
    edges = np.unique(np.concatenate([before, after]))
    found = distances.wasserstein(cells(before, edges), cells(after, edges), edges)
    assert found == pytest.approx(stats.wasserstein_distance(before, after))
    assert distances.ks(cells(before, edges), cells(after, edges)) == pytest.approx(
        stats.ks_2samp(before, after).statistic
    )


@pytest.mark.parametrize(
    ("spread", "tolerance"),
    [
        (lambda rng, width: rng.uniform(-width, 1.2 * width, 20_000), 0.01),
        (lambda rng, width: rng.normal(0, width, 20_000), 0.12),
    ],
    ids=["bounded", "with tails"],
)
def test_wasserstein_of_continuous_values_is_near_that_of_scipy_where_the_curves_cross(spread, tolerance):
    rng = np.random.default_rng(4)
    before, after = spread(rng, 1), spread(rng, 2)
    edges = np.quantile(np.concatenate([before, after]), np.linspace(0, 1, 65))
    found = distances.wasserstein(cells(before, edges), cells(after, edges), edges)
    assert found == pytest.approx(stats.wasserstein_distance(before, after), rel=tolerance)
