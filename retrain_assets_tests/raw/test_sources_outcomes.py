"""The outcomes of a source: which arrived in a period, when they became known, and of which row each is."""

from datetime import date, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.errors import SourceError
from retrain_assets.raw import sources
from retrain_assets_tests.raw.rides import BOUNDS, as_csv, rides, source, written


def read_outcomes(*arguments):
    return sources.read_outcomes(*arguments).table


def keys_of(columns):
    return pa.table({"id": columns["id"], "at": pa.array(columns["at"], pa.timestamp("us"))})


def expected_arrivals(columns, delay):
    frame = pd.DataFrame(columns)
    known_at = frame["at"] + delay
    return frame[(known_at >= BOUNDS[0]) & (known_at < BOUNDS[1])]


@pytest.mark.parametrize(
    ("home", "delay"),
    [("same table", "0d"), ("same table", "36h"), ("same table", "5w"), ("own time", "36h"), ("by key", "5w"),
     ("csv by key", "36h")],
)  # fmt: skip
def test_outcomes_arrive_one_label_delay_after_their_row(tmp_path, three_months, delay, home):
    rows = written(tmp_path / "r.parquet", three_months)
    outcomes = {
        "same table": None,
        "own time": written(tmp_path / "t.parquet", {name: three_months[name] for name in ("id", "at", "late")}),
        "by key": written(tmp_path / "k.parquet", {name: three_months[name][::-1] for name in ("id", "late")}),
        "csv by key": as_csv(tmp_path / "k.csv", {name: three_months[name] for name in ("id", "late")}),
    }[home]
    declared = source(rows, outcomes, delay)
    arrived = read_outcomes(declared, *BOUNDS, keys_of(three_months)).sort_by("time")
    expected = expected_arrivals(three_months, declared.label_delay)
    assert arrived.column_names == ["id", "label", "time", "known_at"]
    assert [int(key) for key in arrived["id"].to_pylist()] == expected["id"].tolist()
    assert [int(label) for label in arrived["label"].to_pylist()] == expected["late"].tolist()
    assert arrived["time"].to_pylist() == [moment.to_pydatetime() for moment in expected["at"]]
    late = [
        known - row for known, row in zip(arrived["known_at"].to_pylist(), arrived["time"].to_pylist(), strict=True)
    ]
    assert set(late) <= {declared.label_delay}


@pytest.mark.parametrize("own_time", [True, False])
def test_outcomes_with_a_date_of_their_own_arrive_on_that_date(tmp_path, three_months, own_time):
    known_at = [moment + timedelta(days=day % 40) for day, moment in enumerate(three_months["at"])]
    columns = {"id": three_months["id"], "late": three_months["late"], "booked": known_at}
    if own_time:
        columns["at"] = three_months["at"]
    rows = written(tmp_path / "r.parquet", three_months)
    declared = source(rows, written(tmp_path / "o.parquet", columns), "1d", known_at="booked")
    arrived = read_outcomes(declared, *BOUNDS, keys_of(three_months))
    frame = pd.DataFrame({**columns, "at": three_months["at"]})
    expected = frame[(frame["booked"] >= BOUNDS[0]) & (frame["booked"] < BOUNDS[1])]
    assert 0 < len(expected) < 100
    assert arrived["id"].to_pylist() == expected["id"].tolist()
    assert arrived["time"].to_pylist() == [moment.to_pydatetime() for moment in expected["at"]]
    assert arrived["known_at"].to_pylist() == [moment.to_pydatetime() for moment in expected["booked"]]


def test_an_outcome_of_a_row_that_was_never_seen_has_no_time(tmp_path):
    rows = written(tmp_path / "r.parquet", rides(3))
    outcomes = {"id": [1, 77], "late": [0, 1], "booked": [datetime(2019, 2, 3)] * 2}
    declared = source(rows, written(tmp_path / "o.parquet", outcomes), known_at="booked")
    arrived = read_outcomes(declared, *BOUNDS, keys_of(rides(3)))
    assert arrived["time"].to_pylist() == [datetime(2019, 2, 1), None]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_an_outcome_whose_own_time_is_missing_has_that_of_its_row(tmp_path, three_months, suffix):
    rows, write = written(tmp_path / "r.parquet", three_months), written if suffix == "parquet" else as_csv
    times = [None if at % 3 == 0 else moment for at, moment in enumerate(three_months["at"])]
    outcomes = write(tmp_path / f"o.{suffix}", {"id": three_months["id"], "at": times, "late": three_months["late"]})
    declared = source(rows, outcomes, "36h")
    arrived = read_outcomes(declared, *BOUNDS, keys_of(three_months))
    expected = expected_arrivals(three_months, declared.label_delay)
    assert [int(key) for key in arrived["id"].to_pylist()] == expected["id"].tolist()
    assert arrived["time"].to_pylist() == [moment.to_pydatetime() for moment in expected["at"]]
    without_rows = read_outcomes(declared, *BOUNDS)
    assert 0 < without_rows.num_rows < arrived.num_rows, "of a row that is not known nothing is known"


def test_keys_of_different_types_find_each_other(tmp_path):
    columns = rides(5)
    rows = written(tmp_path / "r.parquet", columns)
    outcomes = written(tmp_path / "o.parquet", {"id": [str(key) for key in columns["id"]], "late": columns["late"]})
    assert read_outcomes(source(rows, outcomes), *BOUNDS, keys_of(columns)).num_rows == 5


def test_an_outcomes_table_without_times_needs_the_rows(tmp_path, three_months):
    outcomes = written(tmp_path / "o.parquet", {"id": three_months["id"], "late": three_months["late"]})
    rows = written(tmp_path / "r.parquet", three_months)
    with pytest.raises(SourceError, match=r"o\.parquet: no column 'at', and no rows to find its outcomes by"):
        read_outcomes(source(rows, outcomes), *BOUNDS, None)


@pytest.mark.parametrize("home", ["same table", "by key"])
def test_a_source_without_the_label_says_what_it_has(tmp_path, three_months, home):
    without = {name: values for name, values in three_months.items() if name != "late"}
    rows = written(tmp_path / "r.parquet", without)
    outcomes = None if home == "same table" else written(tmp_path / "o.parquet", {"id": three_months["id"]})
    with pytest.raises(SourceError, match="no column 'late', which source.label names. It has id"):
        read_outcomes(source(rows, outcomes), *BOUNDS, keys_of(three_months))


def test_a_date_of_arrival_that_is_missing_means_not_known_yet(tmp_path):
    rows = written(tmp_path / "r.parquet", rides(3))
    outcomes = {"id": [1, 2, 3], "late": [0, 1, 1], "booked": [date(2019, 2, 3), None, date(2019, 3, 1)]}
    declared = source(rows, written(tmp_path / "o.parquet", outcomes), known_at="booked")
    assert read_outcomes(declared, *BOUNDS, keys_of(rides(3)))["id"].to_pylist() == [1]


@pytest.mark.parametrize("keys", [["7.0", "8.0"], [" 7", "8 "], ["7", "8"], [7.0, 8.0], [7, 8]])
def test_a_key_meets_its_outcome_however_each_file_writes_it(tmp_path, keys):
    moments = [BOUNDS[0], BOUNDS[0]]
    outcomes = written(tmp_path / "o.parquet", {"id": keys, "late": [0, 1]})
    declared = source(tmp_path / "r.parquet", outcomes)
    for stored in ([7, 8], ["7", "8"]):
        arrived = read_outcomes(declared, *BOUNDS, keys_of({"id": stored, "at": moments}))
        assert [str(key) for key in arrived["id"].to_pylist()] == ["7", "8"]


def test_an_outcome_dated_on_the_day_of_its_row_is_no_earlier_than_it(tmp_path):
    rows = {"id": [1], "at": [datetime(2019, 2, 1, 10)]}
    path = written(tmp_path / "o.parquet", {"id": [1], "late": [0], "booked": [date(2019, 2, 1)]})
    read = sources.read_outcomes(source(tmp_path / "r.parquet", path, known_at="booked"), *BOUNDS, keys_of(rows))
    assert (read.table["known_at"].to_pylist(), read.remarks) == (rows["at"], ())


@pytest.mark.parametrize("own_time", [True, False])
def test_an_outcome_known_before_its_row_counts_from_its_row_on_and_is_named(tmp_path, own_time):
    rows = {"id": [1, 2], "at": [datetime(2019, 2, 1, 1), datetime(2019, 2, 2)]}
    outcomes = {"id": [1, 2], "late": [0, 1], "booked": [datetime(2019, 1, 31, 23), datetime(2019, 2, 3)]}
    path = written(tmp_path / "o.parquet", outcomes | ({"at": rows["at"]} if own_time else {}))
    declared = source(tmp_path / "r.parquet", path, known_at="booked")
    read = sources.read_outcomes(declared, *BOUNDS, keys_of(rows))
    assert read.table["known_at"].to_pylist() == [rows["at"][0], outcomes["booked"][1]]
    assert "1 of 2 outcomes were known before their row" in read.remarks[0]
    january = sources.read_outcomes(declared, datetime(2019, 1, 1), BOUNDS[0], keys_of({"id": [], "at": []}))
    assert january.table.filter(january.table["time"].is_valid()).num_rows == 0


def test_an_outcome_without_a_time_of_its_own_has_that_of_its_row(tmp_path):
    columns = rides(3)
    outcomes = {"id": [1, 2, 77], "late": [0, 1, 1], "at": [columns["at"][0], None, None], "booked": [BOUNDS[0]] * 3}
    declared = source(tmp_path / "r.parquet", written(tmp_path / "o.parquet", outcomes), known_at="booked")
    arrived = read_outcomes(declared, *BOUNDS, keys_of(columns))
    assert dict(zip(arrived["id"].to_pylist(), arrived["time"].to_pylist(), strict=True)) == {
        1: columns["at"][0],
        2: columns["at"][1],
        77: None,
    }
