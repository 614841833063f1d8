"""Whether a slice loses more than the other rows: its level, its power, and where there is nothing to compare."""

import numpy as np
import pytest
from scipy import stats

from retrain_assets.monitoring.impact.slice_difference import slice_difference

DAYS = np.arange("2019-02-01", "2019-03-01", dtype="datetime64[D]")


def month(rng, gap=0.0, day_sd=0.0, rows=20):
    """Rows of 28 days, a third of them in the slice, whose extra loss differs from day to day."""
    day = np.repeat(np.arange(DAYS.size), rows)
    inside = rng.uniform(size=day.size) < 1 / 3
    extra = gap + rng.normal(0, day_sd, DAYS.size)[day]
    return rng.exponential(1, day.size) + inside * extra, inside, DAYS[day]


def test_without_times_it_is_the_limit_of_welch():
    loss, inside, _ = month(np.random.default_rng(3), gap=0.2)
    found = slice_difference(loss, inside)
    error = np.sqrt(stats.sem(loss[inside]) ** 2 + stats.sem(loss[~inside]) ** 2)
    gap = loss[inside].mean() - loss[~inside].mean()
    assert found.loss - found.rest == pytest.approx(gap)
    assert found.low == pytest.approx(gap + error * stats.t.ppf(0.05, inside.sum() - 1))


@pytest.mark.parametrize("day_sd", [0.0, 0.5])
def test_equal_slices_show_a_difference_in_one_case_of_twenty_also_where_days_differ(day_sd):
    rng = np.random.default_rng(1)
    shown = np.mean([slice_difference(*month(rng, day_sd=day_sd)).low > 0 for _ in range(600)])
    assert 0.02 < shown < 0.08  # .05 within 3 standard errors


def test_a_difference_of_a_third_of_the_loss_shows_nearly_always():
    rng = np.random.default_rng(2)
    assert np.mean([slice_difference(*month(rng, gap=0.35)).low > 0 for _ in range(200)]) > 0.9


def test_a_slice_of_other_days_than_the_rest_has_nothing_to_compare_with():
    day = np.repeat(DAYS, 20)
    inside = day > DAYS[1]
    assert slice_difference(np.ones(day.size), inside, day) is None
    assert slice_difference(np.ones(day.size), inside) is not None


@pytest.mark.parametrize("inside", [29, 571])
def test_fewer_than_thirty_rows_are_compared_with_nothing(inside):
    assert slice_difference(np.ones(600), np.arange(600) < inside) is None


def test_of_fewer_than_five_days_rows_count_as_independent():
    loss, inside, day = month(np.random.default_rng(4), gap=0.2)
    few = day < DAYS[4]
    assert slice_difference(loss[few], inside[few], day[few]) == slice_difference(loss[few], inside[few])
