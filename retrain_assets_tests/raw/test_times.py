"""Times as people write them: read where there is one reading, refused with both where there are two."""

import re
from datetime import datetime

import pyarrow as pa
import pytest

from retrain_assets.errors import SourceError, TwoReadings
from retrain_assets.raw.times import wall_clock

FOURTEENTH = datetime(2023, 2, 14)


def read(*texts):
    return wall_clock(pa.chunked_array([list(texts)]), "rides.csv").to_pylist()


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-14",
        "2023/02/14",
        "2023-2-14",
        "20230214",
        "14.02.2023",
        "14.2.2023",
        "14/02/2023",
        "02/14/2023",
        "14-Feb-2023",
        "14 February 2023",
        "Feb 14, 2023",
        "2023-02-14T00:00:00Z",
        "2023-02-14 02:00:00+02:00",
        " 2023-02-14 00:00 ",
        "02/14/2023 12:00 AM",
        "1676332800",
        "1676332800000",
    ],
)
def test_a_common_form_with_one_reading_is_read(text):
    assert read(text) == [FOURTEENTH]


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


@pytest.mark.parametrize("text", ["tomorrow", "2023-02-30", "31/02/2023", "14/02/23"])
def test_what_is_no_time_is_named_with_its_row(text):
    with pytest.raises(SourceError, match=re.escape(f"rides.csv: data row 2: {text!r} is no time")):
        read("2023-02-14", text)


def test_a_date_written_as_a_whole_number_is_read():
    assert wall_clock(pa.chunked_array([[20230214]]), "rides.parquet").to_pylist() == [FOURTEENTH]
