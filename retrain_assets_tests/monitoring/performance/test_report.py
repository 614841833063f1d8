"""The loss band and the excess loss, against statsmodels, scipy and simulation."""

import json
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from retrain_assets.errors import DataError
from retrain_assets.monitoring.performance.report import (
    TOGETHER,
    Baseline,
    PerformanceReport,
    Quality,
    ScoredLosses,
    baseline,
    measure,
)
from retrain_assets_tests.monitoring.performance.losses import KNOWN, START, losses, times


def test_the_band_is_that_of_statsmodels_around_a_trend_when_days_are_equally_large():
    rng = np.random.default_rng(1)
    values = losses(rng, 28, 10)
    values += np.repeat(np.tile([0.3, -0.3], 14), 10)  # neighbours differ, so that days are independent
    found = baseline(values, times(28, 10))
    fit = sm.OLS(values.reshape(28, 10).mean(axis=1), np.column_stack([np.ones(28), np.arange(28) - 13.5])).fit()
    assert (found.block_days, found.blocks, found.ratio, found.degrees) == (1, 28, 1, 26)
    assert [found.low, found.high] == pytest.approx(fit.conf_int(alpha=0.1)[0])


@pytest.mark.parametrize(("days", "alpha", "said"), [(14, 0.025, "97.5 %"), (27, 0.025, "97.5 %"), (40, 0.05, "95 %")])
def test_the_band_says_the_confidence_that_it_has(days, alpha, said):
    found = baseline(losses(np.random.default_rng(2), days, 10), times(days, 10))
    error = found.day_sd / np.sqrt(days)
    assert found.confidence == said
    assert found.high - found.mean == pytest.approx(stats.t.ppf(1 - alpha, found.degrees) * error)


def test_a_band_of_rows_of_one_day_is_at_the_whole_level():
    found = baseline(losses(np.random.default_rng(2), 1, 50), times(1, 50))
    assert found.confidence == "95 %"


def test_a_period_is_judged_with_the_dependence_that_the_baseline_told():
    slow = losses(np.random.default_rng(3), 120, 5, rho=0.8, day_sd=1)
    found = baseline(slow[: 60 * 5], times(60, 5))
    week = measure("w", "v1", ScoredLosses(slow[-7 * 5 :], times(7, 5)), found, 0.0)
    alone = measure("w", "v1", ScoredLosses(slow[-7 * 5 :], times(7, 5)), replace(found, ratio=1.0, degrees=1e9), 0.0)
    assert found.ratio > 1.5
    assert week.high - week.low > 1.2 * (alone.high - alone.low)


def test_a_promise_made_on_few_rows_or_days_is_held_at_its_upper_limit():
    rng = np.random.default_rng(4)
    short, few, long = (baseline(losses(rng, d, n), times(d, n)) for d, n in ((14, 200), (56, 10), (56, 200)))
    assert (short.promise, few.promise, long.promise) == (short.high, few.high, long.mean)
    lucky = measure("w", "v1", ScoredLosses(np.full(70, short.high), times(7, 10)), short, 0.0)
    assert lucky.accumulated_excess == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_the_band_covers_the_truth_also_when_days_resemble_each_other(rho):
    above = []
    for seed in range(300):
        found = baseline(losses(np.random.default_rng(seed), 56, 5, rho=rho), times(56, 5))
        above.append(found.low > 1.0)
    assert np.mean(above) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300) + 0.02


def test_rows_of_a_single_day_are_taken_as_independent_and_so_is_the_next_period():
    rng = np.random.default_rng(4)
    values = losses(rng, 1, 500)
    found = baseline(values, times(1, 500))
    low, high = stats.t.interval(0.9, 499, values.mean(), stats.sem(values))
    assert (found.block_days, found.low, found.high) == (0, pytest.approx(low), pytest.approx(high))
    report = measure("2014", "v1", ScoredLosses(values + 1, times(1, 500)), found, 0.0)
    assert report.outcome is Quality.WARN
    assert report.low == pytest.approx(low + 1)


def test_a_worse_week_warns_and_an_ordinary_one_rarely_does():
    rng = np.random.default_rng(5)
    promoted_with = baseline(losses(rng, 56, 20), times(56, 20))
    week = times(7, 20, START + np.timedelta64(70, "D"))
    quiet = [measure("w", "v1", ScoredLosses(losses(rng, 7, 20), week), promoted_with, 0.0).outcome for _ in range(200)]
    worse = [
        measure("w", "v1", ScoredLosses(losses(rng, 7, 20, 1.6), week), promoted_with, 0.0).outcome for _ in range(50)
    ]
    assert np.mean([one is Quality.WARN for one in quiet]) <= 0.05
    assert np.mean([one is Quality.WARN for one in worse]) >= 0.95


def test_a_single_day_is_judged_by_how_days_scattered_before_not_by_its_rows():
    rng = np.random.default_rng(6)
    promoted_with = baseline(losses(rng, 56, 500, day_sd=0.3), times(56, 500))
    days = [losses(rng, 1, 500, day_sd=0.3) for _ in range(200)]
    reports = [measure("d", "v1", ScoredLosses(day, times(1, 500)), promoted_with, 0.0) for day in days]
    assert np.mean([one.outcome is Quality.WARN for one in reports]) <= 0.06
    row_tests = [day.mean() - 1.65 * stats.sem(day) > promoted_with.high for day in days]
    assert np.mean(row_tests) > 0.25


def test_excess_is_summed_over_rows_and_piles_up_but_never_below_zero():
    first = measure("2019-01", "v1", ScoredLosses(np.full(14, 1.5), times(7, 2)), KNOWN, 0.0)
    assert (first.excess_sum, first.accumulated_excess) == (7.0, 7.0)
    second = measure("w2", "v1", ScoredLosses(np.full(14, 0.75), times(7, 2)), KNOWN, first.accumulated_excess)
    assert second.accumulated_excess == pytest.approx(7.0 - 3.5)
    third = measure("w3", "v1", ScoredLosses(np.full(14, 0.0), times(7, 2)), KNOWN, second.accumulated_excess)
    assert third.accumulated_excess == 0.0


def test_no_rows_are_insufficient_and_leave_the_excess_as_it_was():
    report = measure(
        "2019-01", "v1", ScoredLosses([], np.array([], "datetime64[us]"), {"origin": np.array([], object)}), KNOWN, 12.0
    )
    assert (report.outcome, report.rows, report.loss, report.accumulated_excess) == (
        Quality.INSUFFICIENT,
        0,
        None,
        12.0,
    )


def test_an_unknown_band_is_insufficient_never_quiet():
    one_row = baseline([1.0], times(1, 1))
    assert np.isnan(one_row.high)
    report = measure("2019-01", "v1", ScoredLosses(np.full(14, 9.0), times(7, 2)), one_row, 0.0)
    assert report.outcome is Quality.INSUFFICIENT
    assert report.accumulated_excess == pytest.approx(14 * 8)


def test_rows_without_a_finite_loss_are_counted_and_left_out():
    values = np.array([1.5, np.nan, np.inf, 1.5])
    report = measure(
        "2019-01", "v1", ScoredLosses(values, times(4, 1), {"origin": np.array(["JFK"] * 4, object)}), KNOWN, 0.0
    )
    assert (report.rows, report.without_loss, report.excess_sum) == (2, 2, 1.0)
    assert report.by_group[0].rows == 2


def test_groups_add_up_to_the_whole_costliest_first_and_missing_is_a_group():
    rng = np.random.default_rng(7)
    values = losses(rng, 14, 30)
    origin = rng.choice(np.array(["JFK", "LGA", None, float("nan")], dtype=object), values.size)
    values[origin == "LGA"] += 1
    report = measure("2019-01", "v1", ScoredLosses(values, times(14, 30), {"origin": origin}), KNOWN, 0.0)
    assert [row.value for row in report.by_group][0] == "LGA"
    assert {row.value for row in report.by_group} == {"JFK", "LGA", "(missing)"}
    assert sum(row.rows for row in report.by_group) == report.rows
    assert sum(row.excess_sum for row in report.by_group) == pytest.approx(report.excess_sum)
    worst = report.by_group[0]
    assert worst.low < worst.loss == pytest.approx(values[origin == "LGA"].mean())


def test_groups_of_few_rows_are_only_counted_and_lost_together_what_is_missing_from_the_sum():
    rng = np.random.default_rng(7)
    values = losses(rng, 14, 30)
    origin = rng.choice(np.array(["JFK", "LGA"], dtype=object), values.size)
    origin[:1], origin[1:13], origin[13:40], origin[40:60] = "Elmira", "Ithaca", None, "Utica"
    values[7] = np.nan
    rows = ScoredLosses(values, times(14, 30), {"origin": origin}, group_minimum=30)
    report = measure("2019-01", "v1", rows, KNOWN, 0.0)
    assert {one.value for one in report.by_group if one.loss is None} == {"Elmira", "Ithaca", "Utica", "(missing)"}
    small = {one.value: one for one in report.by_group if one.loss is None}
    assert {value: one.rows for value, one in small.items()} == {
        "Elmira": 1,
        "Ithaca": 11,
        "Utica": 20,
        "(missing)": 27,
    }
    assert all((one.low, one.high, one.excess_sum) == (None, None, 0.0) for one in small.values())
    together = next(one for one in report.by_group if one.value == TOGETHER)
    assert together.rows == 59
    assert together.loss == pytest.approx(np.nanmean(values[:60]))
    assert sum(one.excess_sum for one in report.by_group) == pytest.approx(report.excess_sum)
    assert [one.loss is None for one in report.by_group] == [False] * 3 + [True] * 4


def test_small_groups_that_are_few_together_are_only_counted_too():
    values = losses(np.random.default_rng(7), 14, 30)
    origin = np.full(values.size, "JFK", dtype=object)
    origin[:1], origin[1:13] = "Elmira", "Ithaca"
    report = measure(
        "2019-01", "v1", ScoredLosses(values, times(14, 30), {"origin": origin}, group_minimum=30), KNOWN, 0.0
    )
    assert [(one.value, one.loss is None) for one in report.by_group] == [
        ("JFK", False), ("Elmira", True), ("Ithaca", True),
    ]  # fmt: skip


def test_records_survive_json():
    rng = np.random.default_rng(8)
    values = losses(rng, 14, 3)
    for found in (baseline(values, times(14, 3)), baseline([], np.array([], "datetime64[us]"))):
        text = json.dumps(found.to_dict(), allow_nan=False)
        assert Baseline.from_dict(json.loads(text)).to_dict() == found.to_dict()
    for report in (
        measure(
            "2019-01",
            "v1",
            ScoredLosses(values, times(14, 3), {"origin": np.array(["a", None, "b"] * 14, object)}),
            KNOWN,
            0.0,
        ),
        measure("2019-01", "v1", ScoredLosses([], np.array([], "datetime64[us]")), KNOWN, 0.0),
    ):
        assert PerformanceReport.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False))) == report


def test_columns_of_unequal_length_are_refused_with_both_counts():
    with pytest.raises(DataError, match="group column origin has 3 values for 14 losses"):
        measure(
            "2019-01", "v1", ScoredLosses(np.ones(14), times(7, 2), {"origin": np.array(["a"] * 3, object)}), KNOWN, 0.0
        )
    with pytest.raises(DataError, match="14 losses but 6 times"):
        measure("2019-01", "v1", ScoredLosses(np.ones(14), times(3, 2)), KNOWN, 0.0)


def test_what_is_not_to_count_is_measured_and_told_but_not_added():
    aside = measure("2019-01", "v1", ScoredLosses(np.full(14, 1.5), times(7, 2)), KNOWN, 3.0, counts=False)
    assert (aside.excess_sum, aside.accumulated_excess, aside.outcome) == (7.0, 3.0, Quality.WARN)
