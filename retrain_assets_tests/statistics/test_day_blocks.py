"""Blocks of days, against statsmodels and by hand."""

import numpy as np
import pytest
from statsmodels.tsa.stattools import acf

from retrain_assets.errors import DataError
from retrain_assets.statistics.day_blocks import (
    block_ids,
    block_length_days,
    daily_means,
    lag1_autocorrelation,
)


def autoregressive(rho, days, seed):
    rng = np.random.default_rng(seed)
    series = [rng.normal()]
    for _ in range(days - 1):
        series.append(rho * series[-1] + np.sqrt(1 - rho**2) * rng.normal())
    return np.array(series)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8])
def test_lag1_autocorrelation_is_that_of_statsmodels_plus_the_bias_of_a_short_series(rho):
    series = autoregressive(rho, 56, seed=3)
    r1 = acf(series, nlags=1, fft=False)[1]
    assert lag1_autocorrelation(series) == pytest.approx(r1 + (1 + 3 * r1) / 56)


def test_the_bias_correction_centres_the_estimate():
    for rho in (0.0, 0.5):
        found = [lag1_autocorrelation(autoregressive(rho, 28, seed)) for seed in range(400)]
        assert np.mean(found) == pytest.approx(rho, abs=0.05)


@pytest.mark.parametrize(("rho", "length"), [(-0.5, 1), (0.17, 7), (0.38, 7), (0.8, 14)])
def test_the_length_follows_the_rule_on_long_series(rho, length):
    assert block_length_days(autoregressive(rho, 20_000, seed=1)) == length


def test_blocks_of_three_days_are_for_windows_of_less_than_eight_weeks():
    series = next(
        s for s in (autoregressive(0.17, 56, seed) for seed in range(99)) if 0.12 < lag1_autocorrelation(s) < 0.2
    )
    assert block_length_days(series) == 7
    assert block_length_days(series[:55]) == 3


def test_unknown_autocorrelation_gets_the_longest_block_and_no_variation_the_shortest():
    assert block_length_days([1.0, 2.0]) == 14
    assert block_length_days([]) == 14
    assert block_length_days([1.0, np.nan, 2.0, np.nan, 3.0]) == 14
    assert block_length_days([0.3] * 10) == 1


def test_days_without_rows_leave_out_only_their_pairs():
    series = autoregressive(0.6, 4000, seed=5)
    holes = series.copy()
    holes[::7] = np.nan
    assert lag1_autocorrelation(holes) == pytest.approx(lag1_autocorrelation(series), abs=0.03)


def test_every_block_is_a_run_of_whole_days_numbered_without_gaps():
    rng = np.random.default_rng(2)
    time = np.datetime64("2013-02-01", "us") + rng.integers(0, 45 * 86_400_000_000, 3000).astype("timedelta64[us]")
    day = time.astype("datetime64[D]")
    for length in (1, 3, 7, 14):
        block = block_ids(time, length)
        assert np.array_equal(np.unique(block), np.arange(block.max() + 1))
        assert all(np.unique(block[day == one]).size == 1 for one in np.unique(day))
        spans = [np.ptp(day[block == one]).astype(int) + 1 for one in np.unique(block)]
        assert all(span == length for span in spans[:-1])
        assert length / 2 <= spans[-1] < 1.5 * length


def test_a_gap_in_the_days_leaves_no_empty_block():
    time = np.array(["2019-01-01", "2019-01-20", "2019-01-21"], "datetime64[us]")
    assert block_ids(time, 3).tolist() == [0, 1, 1]


def test_daily_means_are_those_of_the_calendar_days():
    time = np.array(["2019-01-01T23:59", "2019-01-02T00:00", "2019-01-01T00:00"], "datetime64[us]")
    assert daily_means([1.0, 5.0, 3.0], time).tolist() == [2.0, 5.0]
    assert daily_means([], np.array([], "datetime64[us]")).size == 0


def test_a_row_without_time_is_refused_with_its_count():
    with pytest.raises(DataError, match="1 of 2 rows have no time"):
        block_ids(np.array(["2019-01-01", "NaT"], "datetime64[us]"), 1)
    with pytest.raises(ValueError, match="0 days long"):
        block_ids(np.array(["2019-01-01"], "datetime64[us]"), 0)


def test_rounding_noise_around_a_constant_has_no_autocorrelation():
    noise = 1e-16 * np.cumsum(np.random.default_rng(1).normal(size=40))
    assert lag1_autocorrelation(0.3 + noise) == 0
    assert block_length_days(0.3 + noise) == 1
