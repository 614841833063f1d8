"""What `retrain check` says of a probation that is too short, against the days that the blocks take."""

from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pyarrow as pa
import pytest

from retrain_assets.cli.preflight import short_probation
from retrain_assets.periods import Calendar
from retrain_assets.production.policy import ProbationPolicy


def said(every, periods, rows=None, delay=timedelta(days=1)):
    calendar = Calendar(every=every, start="2024-01-01")
    spec = SimpleNamespace(
        period=calendar,
        probation=ProbationPolicy(periods=periods),
        source=SimpleNamespace(time="at", label_delay=delay),
    )
    start, end = calendar.bounds(calendar.first)
    hours = [start + timedelta(hours=hour) for hour in range(0, (end - start) // timedelta(hours=1), 6)]
    table = pa.table({"at": pa.array(rows or hours, pa.timestamp("us"))})
    return list(short_probation(spec, SimpleNamespace(table=table)))


def test_the_default_probation_of_daily_periods_says_how_long_it_goes_on():
    (sentence,) = said("day", 8)
    assert "8 days end before a harm of 1 standard deviation between blocks can be ruled out" in sentence
    # 14 blocks of 1, 3, 7, 14 days, and a day of label delay
    assert (
        "at the least: 15 days with blocks of 1 days, 43 days with blocks of 3 days, 99 days with blocks of 7 days"
        in sentence
    )
    assert "197 days with blocks of 14 days" in sentence


@pytest.mark.parametrize(("every", "periods"), [("day", 197), ("week", 29), ("month", 7)])
def test_the_fewest_periods_that_are_enough_for_every_block_length_are_not_mentioned(every, periods):
    assert said(every, periods) == []
    assert len(said(every, periods - 1)) == 1


def test_rows_of_one_day_a_year_can_only_end_unproven_unless_the_years_are_many():
    survey = [datetime.combine(date(2024, 4, 1), datetime.min.time())] * 3
    (sentence,) = said("year", 3, survey)
    assert "the rows of 2024 are of 1 day(s), so that 3 years give at most 3 blocks where 14 are needed" in sentence
    assert said("year", 14, survey) == []
