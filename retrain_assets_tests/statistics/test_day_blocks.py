"""Blocks of days, against statsmodels and by hand."""

import numpy as np
import pytest
from statsmodels.tsa.stattools import acf

from retrain_assets.errors import DataError
from retrain_assets.statistics.codes import sums
from retrain_assets.statistics.day_blocks import (
    block_ids,
    block_length_days,
    careful_length_days,
    daily_means,
    fading_autocorrelation,
    lag1_autocorrelation,
    left_over,
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


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8])
def test_the_fading_autocorrelation_is_the_least_squares_fit_to_six_lags_of_statsmodels(rho):
    series = autoregressive(rho, 56, seed=4)
    lags = acf(series, nlags=6, fft=False)[1:]
    weights = 0.6 ** np.arange(6)
    (fit,), *_ = np.linalg.lstsq(weights[:, None], lags + (1 + 3 * lags) / 56, rcond=None)
    assert fading_autocorrelation(series) == pytest.approx(fit)


def test_six_lags_find_a_fading_autocorrelation_without_bias_and_less_where_there_is_none():
    rng, six, nothing = np.random.default_rng(5), [], []
    for seed in range(1500):
        noise = rng.normal(size=56)
        days = np.sqrt(0.336) * autoregressive(0.6, 56, seed) + np.sqrt(1 - 0.336) * noise
        six.append(fading_autocorrelation(days))
        nothing.append((fading_autocorrelation(noise), lag1_autocorrelation(noise)))
    assert np.mean(six) == pytest.approx(0.6 * 0.336, abs=0.03)
    of_six, of_one = np.std(nothing, axis=0)
    assert of_six < 0.9 * of_one


def test_an_autocorrelation_of_days_that_is_unknown_counts_as_high_and_a_short_series_uses_the_lags_it_has():
    assert np.isnan(fading_autocorrelation([1.0, np.nan, 2.0, np.nan, 3.0]))
    assert careful_length_days(float("nan")) == 14
    assert left_over(float("nan"), 56, 7) == left_over(0.9, 56, 7) == left_over(0.6, 56, 7) > 1
    assert fading_autocorrelation([1.0, 2.0, 4.0]) < 0
    assert fading_autocorrelation(np.ones(30)) == 0


@pytest.mark.parametrize("length", [1, 7, 14])
@pytest.mark.parametrize("first", [0.1, 0.3, 0.6])
def test_what_is_left_over_is_the_variance_of_the_mean_over_that_of_independent_blocks(first, length):
    apart = np.abs(np.subtract.outer(np.arange(56), np.arange(56)))
    alike = np.where(apart == 0, 1.0, first * 0.6 ** (apart - 1.0))
    of_mean = alike.mean()
    as_if_independent = alike[:length, :length].mean() * length / 56
    assert left_over(first, 56, length) == pytest.approx(of_mean / as_if_independent)


@pytest.mark.parametrize(("rho", "length"), [(-0.5, 1), (0.17, 7), (0.38, 7), (0.8, 14)])
def test_the_length_follows_the_rule_on_long_series(rho, length):
    assert block_length_days(autoregressive(rho, 20_000, seed=1)) == length


def test_blocks_of_three_days_are_for_windows_of_less_than_eight_weeks():
    series = next(
        s for s in (autoregressive(0.17, 56, seed) for seed in range(99)) if 0.12 < lag1_autocorrelation(s) < 0.2
    )
    assert block_length_days(series) == 7
    assert block_length_days(series[:55]) == 3


def test_sums_in_slices_are_those_of_one_pass():
    rng = np.random.default_rng(4)
    code, values = rng.integers(0, 90, 200_000).astype(np.uint8), rng.normal(size=200_000)
    assert sums(code, values) == pytest.approx(np.bincount(code, values))
    assert np.array_equal(sums(code), np.bincount(code))


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
