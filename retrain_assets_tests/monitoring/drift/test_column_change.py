"""Effect sizes are those that were planted."""

import pytest
from scipy import stats

from retrain_assets.monitoring.drift.column_change import Sizes, sizes_of
from retrain_assets.monitoring.profiles.profile import profile
from retrain_assets_tests.monitoring.drift.worlds import more_missing, moved_mass, moved_mean, new_category


def test_the_sizes_of_a_change_are_what_was_planted(large):
    moved = next(c for c in large.report(change=moved_mean).columns if c.column == "x3")
    assert moved.wasserstein == pytest.approx(0.25, abs=0.04)
    assert moved.ks == pytest.approx(2 * stats.norm.cdf(0.125) - 1, abs=0.03)
    assert moved.statistic > 0
    assert next(
        c for c in large.report(change=moved_mass).columns if c.column == "c1"
    ).total_variation == pytest.approx(0.05, abs=0.02)
    fresh = next(c for c in large.report(change=new_category).columns if c.column == "c1")
    assert fresh.new_share == pytest.approx(0.01, abs=0.004)
    assert "'brand new'" in fresh.sentence
    gaps = next(c for c in large.report(change=more_missing).columns if c.column == "x0")
    assert gaps.missing_shift == pytest.approx(0.05, abs=0.01)


def test_a_first_period_and_one_without_rows_have_changed_by_no_size(large):
    (name, *_) = large.profiles[0].columns
    empty = profile(large.tables[0].slice(0, 0), large.edges)
    assert sizes_of(large.profiles[:1], name) == Sizes()
    assert sizes_of([large.profiles[0], empty], name) == Sizes()
