"""Distances of binned windows, against scipy."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from retrain_assets.monitoring.drift.report import drift
from retrain_assets.monitoring.drift.statistics import distances
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import profile, reference_profiles

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


def test_values_that_no_two_edges_hold_have_no_distance_along_a_line():
    assert distances.wasserstein([0.25, 0.5, 0.25], [0.5, 0.25, 0.25], [10.0]) == 0.0


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


@pytest.fixture(scope="module")
def reported():
    """A report's two columns, with the rows it was made from."""
    rng = np.random.default_rng(6)

    def rows(mean, missing, names, count):
        fares = pa.array(rng.normal(mean, 2, count), mask=rng.random(count) < missing)
        return pa.table({"fare": fares, "zone": rng.choice(list(names), count)})

    months = {f"2024-{month:02}": rows(10, 0.02, "abc", 4000) for month in range(1, 7)}
    now = rows(11, 0.07, "abcd", 5000)
    edges, reference = reference_profiles(months, ["fare"], ["zone"])
    report = drift(DriftPolicy(), reference, profile(now, edges), "2024-07", None)
    return (
        {column.column: column for column in report.columns},
        pa.concat_tables(months.values()).to_pandas(),
        now.to_pandas(),
    )


def test_a_report_gives_every_distance_of_a_numeric_column_as_computed_from_the_rows(reported):
    columns, before, now = reported
    fare, was, is_now = columns["fare"], before["fare"].dropna(), now["fare"].dropna()
    inner = np.quantile(was, np.linspace(0, 1, 11))[1:-1]
    tenths = [np.histogram(each, [-np.inf, *inner, np.inf])[0] / each.size for each in (was, is_now)]
    assert fare.ks == pytest.approx(stats.ks_2samp(was, is_now).statistic, abs=1 / 64)
    assert fare.wasserstein == pytest.approx(
        stats.wasserstein_distance(was, is_now) / was.std(), rel=0.08
    )  # long tails are stretched by some percent
    assert fare.psi == pytest.approx(stats.entropy(*tenths) + stats.entropy(*tenths[::-1]), rel=0.06)
    assert fare.jensen_shannon == pytest.approx(jensenshannon(*tenths, base=2) ** 2, rel=0.06)
    assert fare.total_variation == pytest.approx(np.abs(tenths[0] - tenths[1]).sum() / 2, rel=0.06)
    assert fare.missing_shift == pytest.approx(now["fare"].isna().mean() - before["fare"].isna().mean(), abs=1e-12)


def test_a_report_gives_every_distance_of_a_categorical_column_as_computed_from_the_rows(reported):
    columns, before, now = reported
    zone, levels = columns["zone"], list("abcd")
    shares = [each["zone"].value_counts(normalize=True).reindex(levels, fill_value=0.0) for each in (before, now)]
    assert zone.new_share == pytest.approx((now["zone"] == "d").mean())
    assert zone.total_variation == pytest.approx((shares[0] - shares[1]).abs().sum() / 2, rel=1e-6)
    assert zone.jensen_shannon == pytest.approx(jensenshannon(*shares, base=2) ** 2, rel=1e-6)
    assert (zone.ks, zone.wasserstein, zone.missing_shift) == (None, None, 0)
