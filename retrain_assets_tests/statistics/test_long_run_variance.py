"""The error of a mean of dependent days, against SciPy, statsmodels, NumPy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dct
from scipy.linalg import toeplitz
from scipy.special import stdtrit

from retrain_assets.statistics.long_run_variance import (
    MOST_RATIO,
    DailySums,
    cosine_variance,
    dependence,
    fading_ratio,
    mean_error,
    trend_free_autocorrelation,
)


def days_of(values, rows=1.0) -> DailySums:
    values = np.asarray(values, dtype=float)
    return DailySums(values * rows, np.broadcast_to(np.asarray(rows, dtype=float), values.shape).copy())


def alike(rng, days, autocorrelation, shared=0.75):
    """Daily means of which a share of the variance fades from day to day."""
    level = rng.normal(size=days)
    for day in range(1, days):
        level[day] = autocorrelation * level[day - 1] + np.sqrt(1 - autocorrelation**2) * level[day]
    return np.sqrt(shared) * level + np.sqrt(1 - shared) * rng.normal(size=days)


def test_the_long_run_variance_is_the_mean_square_of_scipys_cosine_transforms():
    series = np.random.default_rng(1).normal(5, 2, 61)
    assert cosine_variance(series, 6) == pytest.approx(np.mean(dct(series, norm="ortho")[1:7] ** 2))


def test_the_trend_is_numpys_weighted_line_through_the_daily_means():
    rng = np.random.default_rng(2)
    rows, means = rng.integers(1, 50, 20).astype(float), rng.normal(size=20)
    line = np.polyval(np.polyfit(np.arange(20), means, 1, w=np.sqrt(rows)), np.arange(20))
    assert days_of(means, rows).detrended == pytest.approx(rows * (means - line))


def test_independent_days_have_the_error_that_statsmodels_gives_the_middle_of_a_trend():
    rng = np.random.default_rng(3)
    means = rng.permutation(np.tile([1.0, -1.0], 15)) + np.tile([0.4, -0.4], 15) + 0.1 * np.arange(30)
    found = mean_error(days_of(means, 40), None)
    line = sm.OLS(means, np.column_stack([np.ones(30), np.arange(30) - 14.5])).fit()
    assert trend_free_autocorrelation(line.resid) < 0.1
    assert (found.error, found.degrees, found.level_share) == (pytest.approx(line.bse[0]), 28, 1.0)


def test_history_multiplies_the_variance_by_what_it_tells_as_written_out_step_by_step():
    rng = np.random.default_rng(4)
    past, gate = alike(rng, 84, 0.6), alike(rng, 14, 0.6)
    long_run, alike_by, within = 0.0, [], []
    for stretch in np.split(past, 3):
        around = stretch - np.polyval(np.polyfit(np.arange(28), stretch, 1), np.arange(28))
        scale = np.sqrt(np.mean((past - np.polyval(np.polyfit(np.arange(84), past, 1), np.arange(84))) ** 2))
        for j in (2, 3, 4):
            transform = np.sqrt(2 / 28) * sum(around[t] * np.cos(np.pi * j * (t + 0.5) / 28) for t in range(28))
            long_run += (transform / scale) ** 2 / 9
        lag = np.sum(around[1:] * around[:-1]) / np.sum(around**2)
        alike_by.append(lag + (2 + 4 * lag) / 28)
        for first in (0, 7, 14):
            part = stretch[first : first + 14]
            within.append(np.sum((part - np.polyval(np.polyfit(np.arange(14), part, 1), np.arange(14))) ** 2) / 12)
    known = dependence([days_of(past)], 14)
    assert (known.degrees, known.days) == (9, 84)
    told, share = long_run * scale**2 / np.mean(within), np.mean(alike_by)
    fading = fading_ratio(share, 14)
    assert known.ratio == pytest.approx(told + share * (fading - told))
    assert fading > told > 1, "here the days that fade tell more"
    around = gate - np.polyval(np.polyfit(np.arange(14), gate, 1), np.arange(14))
    found = mean_error(days_of(gate), known)
    assert found.error == pytest.approx(np.sqrt(known.ratio * np.sum(around**2) / 12 / 14))
    assert found.degrees == pytest.approx(1 / (1 / 12 + 1 / 9))
    assert (found.ratio, found.history_days) == (known.ratio, 84)


@given(autocorrelation=st.floats(0, 0.95), days=st.integers(5, 55))
def test_the_ratio_of_fading_days_is_that_of_their_covariance_matrix(autocorrelation, days):
    covariance = toeplitz(autocorrelation ** np.arange(days))
    line = np.vander(np.arange(days), 2)
    around = np.eye(days) - line @ np.linalg.pinv(line)
    of_the_mean, seen = covariance.mean() * days, np.trace(around @ covariance) / (days - 2)
    assert fading_ratio(autocorrelation, days) == pytest.approx(of_the_mean / seen)


def test_days_that_look_back_further_than_to_the_day_before_are_told_by_the_transforms_alone():
    rng = np.random.default_rng(9)
    slow = np.convolve(rng.normal(size=92), np.ones(9), "valid") + rng.normal(0, 6, 84)
    around = [part - np.polyval(np.polyfit(np.arange(28), part, 1), np.arange(28)) for part in np.split(slow, 3)]
    long_run = np.mean([dct(part, norm="ortho")[2:5] ** 2 for part in around])
    windows = [slow[first + at : first + at + 14] for first in (0, 28, 56) for at in (0, 7, 14)]
    within = np.mean([np.polyfit(np.arange(14), part, 1, full=True)[1] / 12 for part in windows])
    assert dependence([days_of(slow)], 14).ratio == pytest.approx(long_run / within)
    fading = fading_ratio(max(np.mean([trend_free_autocorrelation(part) for part in around]), 0), 14)
    assert fading < long_run / within


def test_neither_the_level_nor_the_trend_nor_the_scale_of_a_part_of_the_history_matters():
    parts = [alike(np.random.default_rng(seed), 28, 0.6) for seed in range(3)]
    ageing = np.arange(28) / 5
    plain = dependence([days_of(part) for part in parts], 14)
    moved = dependence([days_of(5 * place + ageing + (1 + place) * part) for place, part in enumerate(parts)], 14)
    assert moved.ratio == pytest.approx(plain.ratio)


def test_no_history_makes_days_more_alike_than_an_autocorrelation_of_eight_tenths_does():
    steps = np.repeat(np.arange(6) * 10.0, 14) + alike(np.random.default_rng(3), 84, 0.0)
    assert dependence([days_of(part) for part in np.split(steps, 6)], 14).ratio == MOST_RATIO
    assert pytest.approx((1 + 0.8) / (1 - 0.8)) == MOST_RATIO


def test_less_than_six_weeks_tell_nothing_and_short_parts_are_joined():
    part = days_of(alike(np.random.default_rng(5), 7, 0.3))
    assert dependence([part] * 5, 14) is None
    assert dependence([part] * 6, 14).days == 42
    assert dependence([days_of(np.ones(60))], 14) is None, "what does not vary tells nothing"


def test_a_constant_series_has_no_autocorrelation_and_no_error_whatever_its_rounding_noise():
    rng = np.random.default_rng(6)
    noise = 1e-17 * np.cumsum(rng.normal(size=28))
    assert trend_free_autocorrelation(np.zeros(28)) == 0
    found = mean_error(days_of(noise, 100), None, rounding=0.01)
    assert (found.error, found.ratio) == (0, 1)


@pytest.mark.parametrize(("days", "share"), [(27, 0.5), (28, 1.0)])
def test_only_days_without_history_and_below_four_weeks_are_tested_at_half_the_level(days, share):
    gate = days_of(alike(np.random.default_rng(7), days, 0.3))
    assert mean_error(gate, None).level_share == share
    assert mean_error(gate, dependence([days_of(alike(np.random.default_rng(8), 84, 0.3))], days)).level_share == 1


def test_days_of_one_day_or_of_two_that_hold_all_rows_have_no_error():
    assert np.isnan(mean_error(days_of([1.0, 2.0]), None).error)
    assert np.isnan(mean_error(DailySums(np.array([5.0, 1.0, 2.0]), np.array([1e6, 1.0, 1.0])), None).error)


@pytest.mark.parametrize(
    ("autocorrelation", "shared", "most"), [(0.0, 0.75, 0.05), (0.6, 0.75, 0.08), (0.8, 0.94, 0.14)]
)
@pytest.mark.parametrize("days", [7, 28])
def test_with_history_equal_models_are_called_better_no_more_often_than_accepted(autocorrelation, shared, most, days):
    rng, reps, called = np.random.default_rng(days), 1500, 0
    for _ in range(reps):
        known = dependence([days_of(alike(rng, 84, autocorrelation, shared))], days)
        gate = days_of(alike(rng, days, autocorrelation, shared))
        found = mean_error(gate, known)
        called += gate.mean > stdtrit(found.degrees, 0.95) * found.error
    assert called / reps <= most + np.sqrt(most * (1 - most) / reps)


def test_a_part_of_a_few_days_or_without_any_change_tells_nothing_among_others():
    first, second = (days_of(alike(np.random.default_rng(seed), 28, 0.3)) for seed in (11, 12))
    plain = dependence([first, second], 14)
    assert dependence([first, days_of([5.0, 1.0, 2.0]), days_of(np.ones(9)), second], 14) == plain
