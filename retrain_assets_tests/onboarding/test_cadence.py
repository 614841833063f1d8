"""The length of a period is told from the files, else from the rows."""

import numpy as np
import pytest

from retrain_assets.errors import DataError
from retrain_assets.onboarding.cadence import cadence, first_training_time, gate_time


def moments(start, days, per_day=1):
    days = np.repeat(np.arange(days), per_day)
    return np.datetime64(start, "us") + days.astype("timedelta64[D]")


@pytest.mark.parametrize(
    ("days", "per_day", "every"),
    [(30, 60, "day"), (365, 10, "week"), (1_400, 100, "month"), (6_000, 2, "quarter"), (18_000, 1, "year")],
)
def test_the_shortest_period_with_enough_rows_and_not_too_many_of_them(days, per_day, every):
    assert cadence(moments("2000-01-01", days, per_day), [], None).calendar.every == every


def test_files_that_are_a_month_each_make_months():
    files = [moments(f"2024-0{month}-01", 28, 40) for month in range(1, 8)]
    found = cadence(np.concatenate(files), files, None)
    assert (found.calendar.every, found.why, len(found.periods)) == ("month", "each file is one month", 7)


def test_a_survey_of_one_date_a_year_is_yearly():
    dates = np.repeat(np.array(["2015-07-01", "2016-07-01", "2017-07-01"], "M8[us]"), 500)
    assert cadence(dates, [], None).calendar.every == "year"


def test_incomplete_ends_are_left_out():
    found = cadence(moments("2024-01-25", 200, 10), [], "month")
    assert found.left_out == {"2024-01": 70, "2024-08": 110}
    assert found.periods[0] == "2024-02"


def test_one_period_is_too_little():
    with pytest.raises(DataError, match="all rows lie in one month"):
        cadence(moments("2024-01-01", 20, 10), [], "month")


@pytest.mark.parametrize(
    ("days", "per_day", "every", "time"),
    [
        (700, 100, "month", None),
        (700, 60, "week", None),
        (3_650, 1, "year", "2 periods"),
        (3_650, 5, "month", "28w"),
        (120, 60, "month", "4w"),
    ],
)
def test_the_first_model_waits_for_a_thousand_rows_but_not_for_long(days, per_day, every, time):
    assert first_training_time(cadence(moments("2001-01-01", days, per_day), [], every)) == time


def test_snapshots_of_one_date_a_month_make_months_with_a_gate_that_holds_a_date():
    files = [np.repeat(np.array([f"2024-0{month}-01"], "M8[us]"), 300) for month in range(1, 8)]
    found = cadence(np.concatenate(files), files, None)
    assert (found.calendar.every, gate_time(np.concatenate(files), "month")) == ("month", "5w")


def test_a_stray_row_does_not_hide_that_each_file_is_a_month():
    files = [moments(f"2024-0{month}-01", 28, 40) for month in range(1, 8)]
    files[3] = np.append(files[3], np.datetime64("2024-01-05", "us"))
    assert cadence(np.concatenate(files), files, None).calendar.every == "month"


def test_a_row_of_a_far_away_date_is_left_out():
    times = np.append(moments("2024-01-01", 120, 40), np.datetime64("2203-05-01", "us"))
    found = cadence(times, [], "month")
    assert "2203-05" in found.left_out
    assert found.periods[-1] == "2024-04"


def test_files_of_no_common_length_leave_the_choice_to_the_rows():
    files = [moments("2024-01-01", 20, 60), moments("2024-01-11", 60, 60), moments("2024-03-11", 120, 60)]
    found = cadence(np.concatenate(files), files, None)
    assert (found.calendar.every, found.why) == ("week", "12,000 rows over 28 weeks")


def test_rows_without_a_time_are_refused_with_the_flag():
    with pytest.raises(DataError, match="no row has a time. Name another column with --time."):
        cadence(np.array(["NaT", "NaT"], "M8[us]"), [], None)
