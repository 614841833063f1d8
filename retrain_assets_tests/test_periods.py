"""The calendar against pandas' periods, which reckon them independently."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import get_args

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.periods import Calendar, Every, Length

FREQUENCY = {"hour": "h", "day": "D", "week": "W-SUN", "month": "M", "quarter": "Q-DEC", "year": "Y"}
EVERY = get_args(Every)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))


def calendar(every, start="2015-01-01", end=None):
    return Calendar(every=every, start=start, end=end)


@given(st.sampled_from(EVERY), MOMENTS)
def test_bounds_are_those_of_the_pandas_period_that_holds_the_moment(every, moment):
    period = pd.Period(moment, FREQUENCY[every])
    start, end = calendar(every).bounds(calendar(every).key(moment))
    assert start == period.start_time.to_pydatetime()
    assert end == (period + 1).start_time.to_pydatetime()
    assert start <= moment < end


@given(st.sampled_from(EVERY), MOMENTS, st.integers(-400, 400))
def test_shift_moves_as_many_periods_as_pandas_and_distance_is_its_inverse(every, moment, steps):
    months = calendar(every)
    key = months.key(moment)
    moved = months.shift(key, steps)
    hour = (pd.Period(moment, FREQUENCY[every]) + steps).asfreq("h", how="start")  # a timestamp ends in 2262
    assert months.bounds(moved)[0] == datetime(hour.year, hour.month, hour.day, hour.hour)
    assert months.distance(key, moved) == steps


@given(st.sampled_from(EVERY), MOMENTS, MOMENTS)
def test_keys_sort_by_time(every, one, other):
    first, second = sorted((one, other))
    assert calendar(every).key(first) <= calendar(every).key(second)


@given(st.sampled_from(EVERY), MOMENTS, st.integers(0, 60))
def test_between_lists_every_period_once_without_gaps(every, moment, steps):
    days = calendar(every)
    keys = days.between(days.key(moment), days.shift(days.key(moment), steps))
    assert len(keys) == steps + 1
    assert keys == sorted(set(keys))
    assert all(days.bounds(one)[1] == days.bounds(other)[0] for one, other in zip(keys, keys[1:], strict=False))


@pytest.mark.parametrize("every", EVERY)
def test_a_period_has_ended_at_its_end_and_not_a_moment_before(every):
    days = calendar(every)
    start, end = days.bounds(days.first)
    assert days.ended_by(end) == [days.first]
    assert days.ended_by(end - timedelta(microseconds=1)) == []
    assert days.ended_by(start) == []


def test_no_period_ends_after_the_calendar_does():
    years = calendar("year", "2015-01-01", "2019-01-01")
    assert years.ended_by(datetime(2030, 1, 1)) == ["2015", "2016", "2017", "2018"]


@pytest.mark.parametrize(
    ("every", "key", "message"),
    [
        ("month", "2019-13", "expected a month like '2015-01'"),
        ("month", "last", "expected a month"),
        ("quarter", "2019-02", "does not begin a quarter; '2019-01' does"),
        ("week", "2019-02-05", "does not begin a week; '2019-02-04' does"),
        ("hour", "2019-02-05-10:30", "does not begin a hour; '2019-02-05-10:00' does"),
    ],
)
def test_a_foreign_key_is_refused_with_a_right_one(every, key, message):
    with pytest.raises(ValueError, match=message):
        calendar(every).bounds(key)


@pytest.mark.parametrize("every", EVERY)
def test_periods_of_a_year_fill_a_year(every):
    days = calendar(every)
    assert days.distance(days.key(datetime(2016, 1, 4)), days.key(datetime(2020, 1, 6))) == pytest.approx(
        4 * days.per_year, rel=0.005
    )


@pytest.mark.parametrize(
    ("every", "words"),
    [
        ("year", "2019"),
        ("quarter", "Q2 2019"),
        ("month", "May 2019"),
        ("week", "the week of 6 May 2019"),
        ("day", "9 May 2019"),
        ("hour", "9 May 2019, 14:00"),
    ],
)
def test_a_period_is_said_as_a_person_says_it(every, words):
    kept = calendar(every)
    assert kept.words(kept.key(datetime(2019, 5, 9, 14, 30))) == words


def test_a_length_is_time_or_periods_and_no_more_than_anybody_means():
    assert Length.parse(timedelta(days=14)) == Length.parse(Length.parse("2w")) == Length(timedelta(weeks=2))
    for both in ({}, {"time": timedelta(1), "periods": 2}):
        with pytest.raises(ValueError, match="a length is an amount of time or a number of periods"):
            Length(**both)
    with pytest.raises(ValueError, match=r"1e\+09 periods are more than [\d,]+. Write how many you mean"):
        Length(periods=1e9)
