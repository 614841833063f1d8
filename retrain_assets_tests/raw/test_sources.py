"""Reading from files and databases: the right rows, the right times, and errors that say where to look."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, timedelta

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from retrain_assets.errors import SourceError, TwoReadings
from retrain_assets.raw import sources
from retrain_assets.raw.policy import Source, Table
from retrain_assets.raw.sources import describe, fingerprint, newest_time
from retrain_assets_tests.raw.rides import BOUNDS, as_csv, rides, source, written


def read_rows(*arguments):
    return sources.read_rows(*arguments).table


def read_outcomes(*arguments):
    return sources.read_outcomes(*arguments).table


WANTED = ("miles", "zone")


def in_february(columns):
    frame = pd.DataFrame(columns)
    return frame[(frame["at"] >= BOUNDS[0]) & (frame["at"] < BOUNDS[1])]


def test_parquet_rows_of_the_period_are_those_that_pandas_selects(tmp_path, three_months):
    rows = read_rows(source(written(tmp_path / "r.parquet", three_months)), WANTED, *BOUNDS)
    expected = in_february(three_months)
    assert rows.column_names == ["id", "at", *WANTED]
    assert rows.num_rows == len(expected) == 56
    for name in rows.column_names:
        assert rows[name].to_pylist() == [
            getattr(value, "to_pydatetime", lambda v=value: v)() for value in expected[name]
        ]


def test_only_the_columns_and_row_groups_of_the_period_are_read(tmp_path, three_months, monkeypatch):
    path = written(tmp_path / "r.parquet", three_months)
    asked = []
    real = ds.Dataset.scanner

    class Spy:
        def __init__(self, dataset):
            self.dataset, self.schema = dataset, dataset.schema

        def scanner(self, columns, filter):
            kept = [len(part.split_by_row_group(filter)) for part in self.dataset.get_fragments(filter=filter)]
            asked.append((columns, sum(kept)))
            return real(self.dataset, columns=columns, filter=filter)

    plain = ds.dataset
    monkeypatch.setattr(ds, "dataset", lambda *args, **options: Spy(plain(*args, **options)))
    read_rows(source(path), ["miles"], datetime(2019, 1, 1), datetime(2019, 2, 1))
    assert pq.ParquetFile(path).num_row_groups == 2
    assert asked == [(["id", "at", "miles"], 1)]


def test_csv_rows_of_the_period_are_those_of_the_same_parquet_file_as_text(tmp_path, three_months):
    rows = read_rows(source(as_csv(tmp_path / "r.csv", three_months)), WANTED, *BOUNDS)
    expected = in_february(three_months)
    assert rows["at"].to_pylist() == [moment.to_pydatetime() for moment in expected["at"]]
    assert [float(text) for text in rows["miles"].to_pylist()] == expected["miles"].tolist()
    assert rows["id"].to_pylist() == [str(key) for key in expected["id"]]


def test_a_compressed_csv_file_is_read_like_a_plain_one(tmp_path, three_months):
    plain = as_csv(tmp_path / "r.csv", three_months)
    packed = as_csv(tmp_path / "r.csv.gz", three_months)
    assert read_rows(source(packed), WANTED, *BOUNDS).equals(read_rows(source(plain), WANTED, *BOUNDS))


def test_a_csv_value_of_another_period_does_not_change_how_this_one_is_read(tmp_path, three_months):
    before = read_rows(source(as_csv(tmp_path / "a.csv", three_months)), WANTED, *BOUNDS)
    spoilt = pd.DataFrame(three_months).astype({"miles": object})
    spoilt.loc[99, "miles"] = "broken meter"
    after = read_rows(source(as_csv(tmp_path / "b.csv", spoilt)), WANTED, *BOUNDS)
    assert after.equals(before)


def test_a_glob_reads_every_file_in_name_order(tmp_path, three_months):
    table = pa.table(three_months)
    for number in range(4):
        written(tmp_path / f"part{number}.parquet", table.slice(25 * number, 25))
    rows = read_rows(source(tmp_path / "part*.parquet"), WANTED, *BOUNDS)
    assert rows["id"].to_pylist() == in_february(three_months)["id"].tolist()


def test_categories_coded_differently_in_each_file_go_together(tmp_path, three_months):
    table = pa.table(three_months)
    zones = table["zone"].combine_chunks()
    for number, codes in enumerate((pa.int8(), pa.int32())):
        half = zones.slice(50 * number, 50).dictionary_encode().cast(pa.dictionary(codes, pa.string()))
        written(tmp_path / f"{number}.parquet", table.slice(50 * number, 50).set_column(4, "zone", half))
    rows = read_rows(source(tmp_path / "*.parquet"), WANTED, *BOUNDS)
    assert rows["zone"].to_pylist() == in_february(three_months)["zone"].tolist()


def test_an_fsspec_url_is_read_like_a_local_file(tmp_path, three_months):
    written(tmp_path / "r.parquet", three_months)
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/r.parquet", (tmp_path / "r.parquet").read_bytes())
    local = read_rows(source(tmp_path / "r.parquet"), WANTED, *BOUNDS)
    assert read_rows(source("memory://bucket/r.parquet"), WANTED, *BOUNDS).equals(local)
    assert read_rows(source("memory://bucket/*.parquet"), WANTED, *BOUNDS).equals(local)


def test_a_column_that_only_some_files_have_is_missing_in_the_rows_of_the_others(tmp_path, three_months):
    table = pa.table(three_months)
    written(tmp_path / "1.parquet", table.slice(0, 50))
    written(tmp_path / "2.parquet", table.slice(50).drop_columns(["miles"]))
    read = sources.read_rows(source(tmp_path / "*.parquet"), WANTED, *BOUNDS)
    without = in_february(three_months)["id"] > 50
    assert read.table["miles"].is_null().to_pylist() == without.tolist()
    assert read.remarks == (f"{tmp_path}/2.parquet: no column miles, {without.sum()} rows count as missing",)
    march = read_rows(source(tmp_path / "*.parquet"), WANTED, datetime(2019, 3, 1), datetime(2019, 4, 1))
    assert march.column_names == ["id", "at", "zone"]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_rows_without_a_time_come_along_for_the_contract_to_name(tmp_path, three_months, suffix):
    three_months["at"][70] = three_months["at"][0] = None
    write = written if suffix == "parquet" else as_csv
    rows = read_rows(source(write(tmp_path / f"r.{suffix}", three_months)), WANTED, *BOUNDS)
    found = 2 if suffix == "parquet" else 1  # of a CSV, those that stand beside the period's rows
    assert rows["at"].null_count == found
    assert rows.num_rows == 55 + found


@pytest.mark.parametrize(
    ("kind", "shift"),
    [
        (pa.timestamp("ns"), 0),
        (pa.timestamp("s"), 0),
        (pa.timestamp("ms", "UTC"), 0),
        (pa.timestamp("us", "America/New_York"), 0),
    ],
)
def test_times_of_every_unit_and_zone_become_naive_utc(tmp_path, three_months, kind, shift):
    table = pa.table(three_months)
    times = pa.array(three_months["at"], pa.timestamp("us", "UTC" if kind.tz else None)).cast(kind)
    rows = read_rows(source(written(tmp_path / "r.parquet", table.set_column(1, "at", times))), WANTED, *BOUNDS)
    assert rows["at"].type == pa.timestamp("us")
    assert rows["at"].to_pylist() == [moment.to_pydatetime() for moment in in_february(three_months)["at"]]


def test_a_date_counts_as_its_midnight(tmp_path, three_months):
    dates = pa.array([moment.date() for moment in three_months["at"]], pa.date32())
    path = written(tmp_path / "r.parquet", pa.table(three_months).set_column(1, "at", dates))
    rows = read_rows(source(path), WANTED, *BOUNDS)
    assert {moment.time() for moment in rows["at"].to_pylist()} == {datetime.min.time()}
    assert {moment.date() for moment in rows["at"].to_pylist()} == set(pd.date_range("2019-02-01", "2019-02-28").date)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-02-14T08:30:00Z", datetime(2019, 2, 14, 8, 30)),
        ("2019-02-14 08:30:00+02:00", datetime(2019, 2, 14, 6, 30)),
        (" 2019-02-14 08:30 ", datetime(2019, 2, 14, 8, 30)),
        ("2019-02-14 08:30:00.123456789", datetime(2019, 2, 14, 8, 30, 0, 123456)),
        ("2019-02-14", datetime(2019, 2, 14)),
    ],
)
def test_times_written_in_one_column_in_different_ways_are_read(tmp_path, text, moment):
    columns = rides(3)
    columns["at"] = ["2019-02-01 00:00:00", text, "2019-02-28T23:59:59"]
    rows = read_rows(source(as_csv(tmp_path / "r.csv", columns)), WANTED, *BOUNDS)
    assert rows["at"][1].as_py() == moment


def test_a_missing_file_is_named_with_the_next_step(tmp_path):
    with pytest.raises(SourceError, match=r"absent\.parquet: no such file\. Name an existing file"):
        read_rows(source(tmp_path / "absent.parquet"), WANTED, *BOUNDS)
    with pytest.raises(SourceError, match=r"\*\.parquet: no such file"):
        read_rows(source(tmp_path / "*.parquet"), WANTED, *BOUNDS)


def test_an_unknown_url_scheme_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere://r\.parquet: .*fsspec URL"):
        read_rows(source("nowhere://r.parquet"), WANTED, *BOUNDS)


def test_an_unknown_kind_of_file_is_named(tmp_path):
    (tmp_path / "r.xlsx").write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"r\.xlsx: unknown kind of file\. Use one of \.parquet"):
        read_rows(source(tmp_path / "r.xlsx"), WANTED, *BOUNDS)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_an_empty_or_damaged_file_is_named(tmp_path, suffix):
    (tmp_path / f"r.{suffix}").write_bytes(b"")
    with pytest.raises(SourceError, match=rf"r\.{suffix}: cannot be read"):
        read_rows(source(tmp_path / f"r.{suffix}"), WANTED, *BOUNDS)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_arrow_says_of_a_file_is_said_in_plain_words(tmp_path, suffix):
    (tmp_path / f"r.{suffix}").write_bytes(b"")
    with pytest.raises(SourceError, match=rf"r\.{suffix}: cannot be read: it is empty\. Correct"):
        read_rows(source(tmp_path / f"r.{suffix}"), WANTED, *BOUNDS)


def test_a_truncated_parquet_file_is_named(tmp_path, three_months):
    path = written(tmp_path / "r.parquet", three_months)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"r\.parquet: cannot be read: it is no Parquet file, or its end is"):
        read_rows(source(path), WANTED, *BOUNDS)


def test_a_csv_row_that_does_not_parse_is_named_by_its_line(tmp_path, three_months):
    path = as_csv(tmp_path / "r.csv", three_months)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:7], lines[7] + ",surplus", *lines[8:]]))
    with pytest.raises(SourceError, match=r"r\.csv, line 8: 8 values where the header has 7\. Correct"):
        read_rows(source(path), WANTED, *BOUNDS)


def test_one_csv_time_that_is_none_is_named_by_its_row_in_the_period_it_stands_in(tmp_path, three_months):
    columns = {**three_months, "at": [*map(str, three_months["at"])]}
    columns["at"][41] = "yesterday"
    asked = source(as_csv(tmp_path / "r.csv", columns))
    read = sources.read_rows(asked, WANTED, *BOUNDS)
    assert read.remarks == (f"{tmp_path}/r.csv: data row 42: at 'yesterday' is no time",)
    assert read.table["at"].null_count == 1
    later = sources.read_rows(asked, WANTED, datetime(2019, 3, 1), datetime(2019, 4, 1))
    assert (later.remarks, later.table["at"].null_count) == ((), 0)


@pytest.mark.parametrize(("name", "knob"), [("id", "source.key"), ("at", "source.time")])
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_source_without_key_or_time_says_what_it_has(tmp_path, three_months, name, knob, suffix):
    del three_months[name]
    write = written if suffix == "parquet" else as_csv
    with pytest.raises(SourceError, match=rf"no column '{name}', which {knob} names\. It has .*miles"):
        read_rows(source(write(tmp_path / f"r.{suffix}", three_months)), WANTED, *BOUNDS)


@pytest.mark.parametrize("values", [["2019-02-01"] * 100, [1549000000] * 100, [20190201] * 100, ["01.02.2019"] * 100])
def test_a_time_that_parquet_holds_as_text_or_number_is_read(tmp_path, three_months, values):
    rows = read_rows(source(written(tmp_path / "r.parquet", {**three_months, "at": values})), WANTED, *BOUNDS)
    assert {moment.date() for moment in rows["at"].to_pylist()} == {date(2019, 2, 1)}
    assert rows.num_rows == 100


def test_a_parquet_time_that_is_no_time_says_what_it_is(tmp_path, three_months):
    with pytest.raises(SourceError, match=r"is double, no time\. Store it as a timestamp"):
        read_rows(source(written(tmp_path / "r.parquet", {**three_months, "at": [0.5] * 100})), WANTED, *BOUNDS)


def test_a_column_that_stands_twice_is_named(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("id,at,miles,miles\n1,2019-02-01,3,4\n")
    with pytest.raises(SourceError, match=r"r\.csv: column miles stands more than once"):
        read_rows(source(path), WANTED, *BOUNDS)


def test_a_column_that_is_text_in_one_file_and_numbers_in_another_is_text(tmp_path, three_months):
    table = pa.table(three_months)
    written(tmp_path / "1.parquet", table.slice(0, 50))
    text = table["miles"].cast(pa.string())
    written(tmp_path / "2.parquet", table.set_column(2, "miles", text).slice(50))
    rows = read_rows(source(tmp_path / "*.parquet"), WANTED, *BOUNDS)
    assert [float(value) for value in rows["miles"].to_pylist()] == in_february(three_months)["miles"].tolist()


# Files as they are


def text_file(path, columns, **options):
    pd.DataFrame(columns).to_csv(path, index=False, **options)
    return path


@pytest.mark.parametrize(
    ("options", "remark"),
    [
        ({"encoding": "latin-1"}, "written in cp1252"),
        ({"encoding": "utf-8-sig"}, None),
        ({"encoding": "utf-16"}, "written in utf-16"),
        ({"sep": ";", "decimal": ","}, "numbers are written like"),
        ({"sep": "\t"}, None),
        ({"date_format": "%d/%m/%Y %H:%M"}, None),
        ({"date_format": "%Y%m%d %H:%M:%S"}, None),
    ],
    ids=str,
)
def test_a_csv_gives_the_same_rows_however_it_is_written(tmp_path, three_months, options, remark):
    three_months["zone"] = [{"JFK": "Île-de-France"}.get(zone, zone) for zone in three_months["zone"]]
    plain = sources.read_rows(source(text_file(tmp_path / "a.csv", three_months)), WANTED, *BOUNDS, ("miles",))
    other = text_file(tmp_path / "b.csv", three_months, **options)
    found = sources.read_rows(source(other), WANTED, *BOUNDS, ("miles",))
    assert found.table.equals(plain.table)
    assert (remark is None and found.remarks == ()) or (remark is not None and remark in found.remarks[0])


@pytest.mark.parametrize(
    ("written_as", "declared"),
    [
        ("1,234", {"thousands": ","}),
        ("1.234", {"thousands": ".", "decimal": ","}),
        ("1234", {"decimal": "."}),
        ("1 234,0", {"decimal": ",", "thousands": " "}),
    ],
)
def test_a_declared_notation_decides_what_the_numbers_do_not(tmp_path, three_months, written_as, declared):
    three_months["miles"] = [written_as] * 100
    path = text_file(tmp_path / "r.csv", three_months)
    table = {"path": str(path), **declared}
    rows = sources.read_rows(
        Source.model_validate({**source(path).model_dump(), "features": table, "label_delay": timedelta(days=1)}),
        WANTED,
        *BOUNDS,
        ("miles",),
    ).table
    assert {float(value) for value in rows["miles"].to_pylist()} == {1234.0}


def test_a_number_with_two_readings_is_refused_with_the_file_and_both(tmp_path, three_months):
    path = text_file(tmp_path / "r.csv", {**three_months, "miles": ["1,234"] * 100})
    with pytest.raises(
        TwoReadings, match=r"r\.csv: column miles: '1,234' is 1234 or 1\.234: write thousands or decimal"
    ):
        sources.read_rows(source(path), WANTED, *BOUNDS, ("miles",))


@pytest.mark.parametrize(
    ("field", "value"), [("NA", "NA"), ('"NA"', "NA"), ("NULL", "NULL"), ("", None), ('""', ""), ("n/a", "n/a")]
)
def test_an_empty_field_is_missing_and_a_word_for_it_only_where_declared(tmp_path, field, value):
    path = tmp_path / "r.csv"
    path.write_text(f"id,at,zone\n1,2019-02-01,{field}\n2,2019-02-02,JFK\n")
    assert read_rows(source(path), ["zone"], *BOUNDS)["zone"].to_pylist() == [value, "JFK"]
    table = {"path": str(path), "null_values": ["NA", "NULL", "n/a"]}
    declared = Source(features=table, key="id", time="at", label="late", label_delay="1d")
    assert read_rows(declared, ["zone"], *BOUNDS)["zone"].to_pylist()[0] == (value if field.startswith('"') else None)


def test_a_folder_is_read_with_the_columns_of_its_paths(tmp_path, three_months):
    table = pa.table(three_months).drop_columns(["zone"])
    for number, zone in enumerate(("JFK", "LGA")):
        folder = tmp_path / "rides" / f"zone={zone}"
        folder.mkdir(parents=True)
        written(folder / "part-0.parquet", table.slice(50 * number, 50))
    (tmp_path / "rides" / "_SUCCESS").write_text("")
    rows = read_rows(source(tmp_path / "rides"), WANTED, *BOUNDS)
    assert rows["zone"].to_pylist() == ["JFK" if key <= 50 else "LGA" for key in rows["id"].to_pylist()]


@pytest.mark.parametrize(
    "names", [("r-2019-01.csv", "r-2019-02.csv"), ("month=2019-01/r.csv", "month=2019-02/r.csv"), ("a.csv", "b.csv")]
)
def test_a_file_that_cannot_be_read_stops_its_own_period_alone(tmp_path, three_months, names):
    broken, good = (tmp_path / "rides" / name for name in names)
    for path in (broken, good):
        path.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("id,at,miles\n1,2\n")
    text_file(good, in_february(three_months))
    declared = source(tmp_path / "rides")
    assert read_rows(declared, WANTED, *BOUNDS).num_rows == 56
    with pytest.raises(SourceError, match="line 2: 2 values where the header has 3"):
        read_rows(declared, WANTED, datetime(2019, 1, 1), datetime(2019, 2, 1))


# Databases


@pytest.fixture
def database(tmp_path, three_months, monkeypatch):
    with sqlite3.connect(tmp_path / "rides.db") as connection:
        frame = pd.DataFrame(three_months)
        frame["at"] = frame["at"].dt.strftime("%Y-%m-%d %H:%M:%S.%f")
        frame.to_sql("rides", connection, index=False)
    connection.close()
    monkeypatch.setenv("RIDES_URL", f"sqlite:///{tmp_path / 'rides.db'}")


def sql_source(query, **options):
    table = {"sql": query, "url_env": "RIDES_URL"}
    return Source(features=table, key="id", time="at", label="late", label_delay="1d", **options)


QUERY = "select * from rides where at >= :start and at < :end order by at"


@pytest.mark.usefixtures("database")
def test_a_query_gets_the_bounds_of_the_period_as_parameters(three_months):
    rows = read_rows(sql_source(QUERY), WANTED, *BOUNDS)
    expected = in_february(three_months)
    assert rows.column_names == ["id", "at", "miles", "zone"]
    assert rows["id"].to_pylist() == expected["id"].tolist()
    assert rows["at"].to_pylist() == [moment.to_pydatetime() for moment in expected["at"]]
    assert rows["miles"].to_pylist() == expected["miles"].tolist()


@pytest.mark.usefixtures("database")
def test_a_query_for_a_period_without_rows_gives_none():
    assert read_rows(sql_source(QUERY), WANTED, datetime(2030, 1, 1), datetime(2030, 2, 1)).num_rows == 0


@pytest.mark.usefixtures("database")
def test_outcomes_of_a_query_are_those_that_arrived(three_months):
    arrived = read_outcomes(sql_source(QUERY), *BOUNDS)
    delayed = {**three_months, "at": [moment + timedelta(days=1) for moment in three_months["at"]]}
    assert arrived["id"].to_pylist() == in_february(delayed)["id"].tolist()


# Changes


def test_the_fingerprint_changes_with_any_file_and_only_then(tmp_path, three_months):
    rows = written(tmp_path / "part1.parquet", three_months)
    outcomes = written(tmp_path / "o.parquet", {"id": three_months["id"], "late": three_months["late"]})
    declared = source(tmp_path / "part*.parquet", outcomes)
    seen = [fingerprint(declared)]
    assert fingerprint(declared) == seen[0]
    read_rows(declared, WANTED, *BOUNDS)
    assert fingerprint(declared) == seen[0]
    written(tmp_path / "part2.parquet", three_months)
    seen.append(fingerprint(declared))
    written(rows, pa.table(three_months).slice(1))
    seen.append(fingerprint(declared))
    written(outcomes, {"id": [1], "late": [0]})
    seen.append(fingerprint(declared))
    assert len(set(seen)) == 4


def test_the_fingerprint_of_a_missing_file_is_an_error_and_of_a_query_its_text(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        fingerprint(source(tmp_path / "absent.parquet"))
    assert fingerprint(sql_source(QUERY)) == fingerprint(sql_source(QUERY)) != fingerprint(sql_source(QUERY + ", id"))


@pytest.mark.usefixtures("database")
def test_the_newest_row_of_a_query_is_the_newest_since_a_moment(three_months):
    newest = max(three_months["at"])
    assert newest_time(sql_source(QUERY), BOUNDS[0]) == newest
    assert newest_time(sql_source(QUERY), newest + timedelta(seconds=1)) is None


@pytest.mark.usefixtures("database")
def test_declared_words_are_missing_in_the_texts_of_a_query():
    table = {"sql": QUERY, "url_env": "RIDES_URL", "null_values": ["JFK"]}
    declared = Source(features=table, key="id", time="at", label="late", label_delay="1d")
    assert set(read_rows(declared, WANTED, *BOUNDS)["zone"].to_pylist()) == {"LGA", "Harlem", None}


def test_files_of_which_none_can_be_read_are_refused_with_the_first(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("")
    declared = source(tmp_path / "*.csv")
    for reading in (lambda: read_rows(declared, WANTED, *BOUNDS), lambda: newest_time(declared, BOUNDS[0])):
        with pytest.raises(SourceError, match=r"a.csv: cannot be read: it is empty"):
            reading()


def two_files(folder, first, second):
    for number, values in enumerate((first, second)):
        columns = rides(len(values), first_id=10 * number + 1) | {"miles": values}
        written(folder / f"{number}.parquet", columns)
    return source(folder / "*.parquet")


def test_a_unit_that_differs_between_two_files_of_a_period_is_refused_with_both(tmp_path):
    declared = two_files(tmp_path, ["3 mi", "5 mi"], ["3 km", "5 km"])
    with pytest.raises(
        TwoReadings, match=r"1.parquet: miles: its numbers are in km, in another file of the period in mi"
    ):
        read_rows(declared, WANTED, *BOUNDS, ["miles"])
    assert read_rows(declared, ["zone"], *BOUNDS, []).num_rows == 4


def test_types_of_two_files_that_do_not_go_together_are_refused(tmp_path):
    declared = two_files(tmp_path, [1.5, 2.5], [BOUNDS[0]] * 2)
    with pytest.raises(SourceError, match=r"0.parquet and the files beside it have columns of types that do not go"):
        read_rows(declared, WANTED, *BOUNDS)


def test_a_served_log_is_named_by_its_model():
    assert describe(Table(served="delivery")) == "the served log of delivery"
