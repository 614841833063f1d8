"""What is kept of paired daily differences, and which of them a gate may know."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from retrain_assets.errors import DataError
from retrain_assets.statistics.daily_differences import (
    GATES,
    PROBATIONS,
    DailyDifferences,
    DifferenceHistory,
    daily_differences,
    read_differences,
    stored_before,
    write_differences,
)
from retrain_assets.store import PeriodStore


def record(first: str, days: int, metric: str = "mae", seed: int = 0) -> DailyDifferences:
    time = np.datetime64(first) + np.arange(days * 3) // 3
    return daily_differences("gate", metric, np.random.default_rng(seed).normal(size=days * 3), time)


def test_days_are_added_up_like_pandas_does_without_rows_that_have_no_difference():
    rng = np.random.default_rng(1)
    values, time = rng.normal(size=500), np.datetime64("2024-01-01") + rng.integers(0, 30, 500)
    values[::50] = np.nan
    found = daily_differences("gate", "mae", values, time)
    grouped = pd.Series(values).groupby(pd.Series(time.astype(str)))
    assert dict(zip(found.days, found.sums, strict=True)) == pytest.approx(grouped.sum()[grouped.count() > 0].to_dict())
    assert sum(found.rows) == 490


def test_a_record_survives_its_file_and_a_newer_one_is_refused(tmp_path):
    store, found = PeriodStore(tmp_path), record("2024-01-01", 9)
    write_differences(store, GATES, "2024-01", [found])
    assert read_differences(store, GATES, "2024-01") == (found,)
    assert read_differences(store, GATES, "2024-02") == ()
    store.write_json(GATES, "2024-03", {"schema": 99, "differences": []})
    with pytest.raises(DataError, match="has schema 99"):
        read_differences(store, GATES, "2024-03")


def test_of_earlier_periods_only_the_days_before_a_moment_are_known(tmp_path):
    store = PeriodStore(tmp_path)
    for asset in (GATES, PROBATIONS):
        for number, period in enumerate(("2024-01", "2024-02", "2024-03")):
            write_differences(store, asset, period, [record(f"{period}-01", 28, seed=number)])
    found = stored_before(store, "2024-03", datetime(2024, 2, 15))
    assert [(each.days[0], len(each.days)) for each in found] == [("2024-01-01", 28), ("2024-02-01", 14)] * 2


def test_a_day_counts_once_and_the_later_record_wins():
    first, second = record("2024-01-01", 30, seed=1), record("2024-01-15", 30, seed=2)
    parts = DifferenceHistory((first, second), "mae").parts("mae")
    assert [part.days for part in parts] == [14, 30]
    assert parts[1].sums == pytest.approx(np.array(second.sums))


def test_a_metric_with_less_than_six_weeks_of_its_own_borrows_those_of_the_loss():
    history = DifferenceHistory((record("2024-01-01", 84), record("2024-01-01", 20, "auc")), "mae")
    assert history.dependence("auc", 14) == history.dependence("mae", 14)
    assert history.dependence("mae", 14).days == 84
    assert DifferenceHistory().dependence("mae", 14) is None
