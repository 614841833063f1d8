"""Times as people write them: read where there is one reading, refused with both where there are two."""

import re
from datetime import datetime

import pyarrow as pa
import pytest

from retrain_assets.errors import SourceError, TwoReadings
from retrain_assets.raw.notation.times import declared_order, wall_clock

FOURTEENTH = datetime(2023, 2, 14)


def read(*texts):
    return wall_clock(pa.chunked_array([list(texts)]), "rides.csv").to_pylist()


@pytest.mark.parametrize(
    "text",
    [
        *("2023-02-14", "2023/02/14", "2023-2-14", "20230214", "14.2.2023", "14.02.23"),
        *("2023-02-14T00:00:00Z", " 2023-02-14 00:00 ", "02/14/2023 12:00 AM"),
    ],
)
def test_a_form_with_one_reading_is_read(text):
    assert read(text) == [FOURTEENTH]


def test_a_time_of_another_zone_is_converted():
    assert read("2023-02-14 02:00:00+02:00") == [FOURTEENTH]


def test_the_name_of_a_month_decides_for_its_own_value_in_each_language():
    texts = ["14-Feb-2023", "14 February 2023", "Feb 14, 2023", "14-Feb-23"]
    texts += ["14. Februar 2023", "14 février 2023", "14 de febrero de 2023"]
    assert read(*texts) == [FOURTEENTH] * len(texts)


@pytest.mark.parametrize("number", ["1676332800", "1676332800.0", "44971", "44971.0"])
def test_a_column_of_numbers_is_seconds_or_days_by_their_size(number):
    assert read(number) == [FOURTEENTH]


def test_numbers_of_one_column_are_each_told_by_their_size():
    numbers = ["1676332800", "1676332800000", "1676332800000000", "1676332800000000000", "44971"]
    assert read(*numbers) == [FOURTEENTH] * len(numbers)


def test_a_month_alone_is_its_first_day_and_an_empty_text_is_none():
    assert read("2023-02", "", None) == [datetime(2023, 2, 1), None, None]


def test_a_day_above_twelve_decides_for_the_whole_column():
    assert read("14/02/2023 9:30", "01/02/2023") == [datetime(2023, 2, 14, 9, 30), datetime(2023, 2, 1)]
    assert read("02/14/2023", "01/02/2023") == [FOURTEENTH, datetime(2023, 1, 2)]


def test_day_and_month_that_nothing_tells_apart_are_refused_with_both_readings():
    with pytest.raises(TwoReadings, match=re.escape("01/02/2023 is 2023-02-01 or 2023-01-02")):
        read("01/02/2023", "03/02/2023")
    assert read("02/02/2023") == [datetime(2023, 2, 2)]


def test_a_column_in_both_orders_is_refused():
    with pytest.raises(TwoReadings, match="some times have the day first and others the month"):
        read("14/02/2023", "02/14/2023")


@pytest.mark.parametrize("text", ["tomorrow", "2023-02-30", "31/02/2023"])
def test_one_text_that_is_no_time_is_none_and_does_not_take_the_others_with_it(text):
    assert read("2023-02-14", text) == [FOURTEENTH, None]


def test_a_column_without_any_time_is_refused_with_its_first_row():
    with pytest.raises(SourceError, match=re.escape("rides.csv: data row 2: 'tomorrow' is no time")):
        read("", "tomorrow", "never")


@pytest.mark.parametrize(
    ("text", "day"),
    [("Feb 2023", "2023-02-01"), ("202302", "2023-02-01"), ("2023-Q2", "2023-04-01"), ("2023-W07", "2023-02-13")],
)
def test_a_longer_span_is_its_first_day(text, day):
    assert read(text) == [datetime.fromisoformat(day)]


def test_a_year_of_two_digits_stands_where_the_numbers_change_least():
    assert read("23-02-14", "23-02-15") == [FOURTEENTH, datetime(2023, 2, 15)]
    assert read("14/02/23", "15/02/23") == [FOURTEENTH, datetime(2023, 2, 15)]
    assert read("02/14/23", "02/15/23") == [FOURTEENTH, datetime(2023, 2, 15)]
    with pytest.raises(TwoReadings, match=re.escape("14/02/23 is 2023-02-14 or 2014-02-23")):
        read("14/02/23")


@pytest.mark.parametrize(
    ("declared", "day"),
    [("day-first", "2023-02-01"), ("month-first", "2023-01-02"), ("%d/%m/%Y", "2023-02-01")],
)
def test_a_declared_form_decides_what_nothing_else_does(declared, day):
    column = pa.chunked_array([["01/02/2023"]])
    assert wall_clock(column, "rides.csv", declared_order(declared)).to_pylist() == [datetime.fromisoformat(day)]


def test_a_date_written_as_a_whole_number_is_read():
    assert wall_clock(pa.chunked_array([[20230214]]), "rides.parquet").to_pylist() == [FOURTEENTH]


NAN = float("nan")


@pytest.mark.parametrize(
    "column",
    [
        [1676332800.0, NAN],
        [1676332800000.0, None],
        [44971.0, NAN],
        [20230214.0, NAN],
        pa.array(["14.02.2023", None]).dictionary_encode(),
    ],
    ids=str,
)
def test_a_blank_among_numbers_or_codes_does_not_hide_that_they_are_times(column):
    assert wall_clock(pa.chunked_array([column]), "rides.parquet").to_pylist() == [FOURTEENTH, None]


def test_numbers_that_no_unit_makes_times_are_refused_with_their_type_and_none_at_all_are_no_fault():
    with pytest.raises(SourceError, match=r"rides.parquet: the time column is double, no time. Store it as a"):
        wall_clock(pa.chunked_array([[7.5, NAN]]), "rides.parquet")
    assert wall_clock(pa.chunked_array([], pa.float64()), "rides.parquet").to_pylist() == []


def test_a_declared_order_changes_nothing_of_times_that_need_none():
    column = pa.chunked_array([["2023-02-14", "2023-01-02"]])
    assert wall_clock(column, "rides.csv", declared_order("month-first")).to_pylist() == [
        FOURTEENTH,
        datetime(2023, 1, 2),
    ]


def test_a_number_among_dates_is_told_by_its_size():
    assert read("2023-02-14", "1676332800", "7") == [FOURTEENTH, FOURTEENTH, None]
