"""What is known of files: for as long as they stay as they are, and no longer."""

import os
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from retrain_assets.raw import files
from retrain_assets.raw.cache.known_files import KNOWN, KnownFiles, TimeSpan, span_in_footer, span_of_times
from retrain_assets.raw.files import File, Wanted, files_of
from retrain_assets.raw.policy import Table

JANUARY, FEBRUARY = ((datetime(2024, 1, 1), datetime(2024, 2, 1)), (datetime(2024, 2, 1), datetime(2024, 3, 1)))
OLD = 1_700_000_000


def rested(path, text):
    """A file that was last changed long ago."""
    path.write_text(text)
    os.utime(path, (OLD, OLD))
    return path


@pytest.fixture(autouse=True)
def at_rest(monkeypatch):
    """Files count as at rest once they are written: their status changes with every test."""
    monkeypatch.setattr("retrain_assets.raw.cache.known_files.RESTED_NS", 0)


@pytest.fixture
def parsed(monkeypatch):
    """The files that were parsed, in order."""
    found = []
    read = File._read_blocks

    def counted(file, inside):
        found.append(os.path.basename(file.path))
        return read(file, inside)

    monkeypatch.setattr(File, "_read_blocks", counted)
    return found


def rows_of(path, bounds):
    def keep(rows):
        inside = pc.and_(pc.greater_equal(rows["day"], bounds[0]), pc.less(rows["day"], bounds[1]))
        return pc.fill_null(inside, True)

    wanted = Wanted(("id", "day"), ("day",), keep, (("day", bounds),))
    return pa.concat_tables([file.rows(wanted) for file in files_of(Table(path=str(path)))])["id"].to_pylist()


def test_a_file_that_cannot_hold_the_period_is_not_parsed_again(tmp_path, parsed):
    rested(tmp_path / "a.csv", "id,day\n1,2024-01-05\n2,2024-01-07\n")
    rested(tmp_path / "b.csv", "id,day\n3,2024-02-05\n")
    assert rows_of(tmp_path, JANUARY) == ["1", "2"]
    assert parsed == ["a.csv", "b.csv"]
    assert rows_of(tmp_path, FEBRUARY) == ["3"]
    assert parsed == ["a.csv", "b.csv", "b.csv"]


def test_each_file_is_parsed_once_while_blocks_are_held(tmp_path, parsed):
    rested(tmp_path / "a.csv", "id,day\n1,05.01.2024\n2,07.02.2024\n")
    with KNOWN.held():
        assert [rows_of(tmp_path, bounds) for bounds in (JANUARY, FEBRUARY, JANUARY)] == [["1"], ["2"], ["1"]]
    assert parsed == ["a.csv"]
    rows_of(tmp_path, JANUARY)
    assert len(parsed) > 1


def test_a_file_that_was_changed_is_read_again(tmp_path):
    path = rested(tmp_path / "a.csv", "id,day\n1,2024-01-05\n")
    assert rows_of(tmp_path, FEBRUARY) == []
    rested(path, "id,day\n1,2024-02-05\n")
    with KNOWN.held():
        assert rows_of(tmp_path, FEBRUARY) == ["1"]
        path.write_text("id,day\n9,2024-02-05\n")
        assert rows_of(tmp_path, FEBRUARY) == ["9"]


def test_what_was_written_just_now_is_read_every_time(tmp_path, monkeypatch):
    monkeypatch.setattr("retrain_assets.raw.cache.known_files.RESTED_NS", 10**18)
    path = tmp_path / "a.csv"
    path.write_text("id,day\n1,2024-01-05\n")
    known = KnownFiles()
    known.file(str(path), "").facts["times"] = 1
    assert known.file(str(path), "").facts == {}


def test_rows_without_a_time_alone_in_a_file_are_looked_at_in_every_period(tmp_path):
    rested(tmp_path / "a.csv", "id,day\n1,\n2,\n")
    assert [rows_of(tmp_path, bounds) for bounds in (JANUARY, FEBRUARY)] == [["1", "2"], ["1", "2"]]


def test_a_column_that_nobody_asks_for_may_be_damaged_while_blocks_are_held(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,day,note\n1,2024-01-05,caf\xc3\xa9\n" + b"2,2024-01-06,x\n" * 9_000 + b"3,2024-01-07,\xe9\n")
    os.utime(path, (OLD, OLD))
    with KNOWN.held():
        assert len(rows_of(tmp_path, JANUARY)) == 9_002


def test_what_was_used_longest_ago_is_let_go_of_where_memory_is_short(tmp_path, monkeypatch):
    monkeypatch.setattr("retrain_assets.raw.cache.known_files._most_bytes", lambda: 10)
    paths = [rested(tmp_path / f"{name}.csv", "x") for name in "ab"]
    known = KnownFiles()
    with known.held():
        first, second = (known.file(str(path), "") for path in paths)
        known.hold(first, "blocks", [1], 8)
        known.hold(second, "blocks", [2], 8)
        assert (first.blocks, second.blocks) == ({}, {"blocks": [2]})
    assert second.blocks == {}


@pytest.mark.parametrize(
    ("times", "span"),
    [
        ([datetime(2024, 1, 5), datetime(2024, 1, 7)], TimeSpan(datetime(2024, 1, 5), datetime(2024, 1, 7))),
        ([date(2024, 1, 5)], TimeSpan(datetime(2024, 1, 5), datetime(2024, 1, 5))),
        ([datetime(2024, 1, 5, 2, tzinfo=UTC)], TimeSpan(datetime(2024, 1, 5, 2), datetime(2024, 1, 5, 2))),
        ([datetime(2024, 1, 5), None], TimeSpan(loose=True)),
        (["2024-01-05"], None),
    ],
)
def test_a_footer_tells_the_span_of_its_times(tmp_path, times, span):
    pq.write_table(pa.table({"id": list(range(len(times))), "day": times}), tmp_path / "a.parquet")
    assert span_in_footer(pq.read_metadata(tmp_path / "a.parquet"), "day") == span
    assert span_in_footer(pq.read_metadata(tmp_path / "a.parquet"), "week") is None


def test_parquet_rows_of_another_period_keep_their_types(tmp_path):
    pq.write_table(pa.table({"id": [1], "day": [datetime(2024, 1, 5)]}), tmp_path / "a.parquet")
    assert [rows_of(tmp_path, bounds) for bounds in (JANUARY, FEBRUARY)] == [[1], []]


def test_the_span_of_blocks_is_that_of_all_of_them():
    blocks = [pa.chunked_array([[datetime(2024, 1, 2)]]), pa.chunked_array([[datetime(2024, 3, 2), None]])]
    assert span_of_times(blocks) == TimeSpan(datetime(2024, 1, 2), datetime(2024, 3, 2))
    assert not span_of_times([]).may_hold(*JANUARY)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_parquet_file_of_one_row_group_is_decoded_once_while_blocks_are_held(tmp_path, groups, monkeypatch):
    days = [datetime(2024, 1, 5), datetime(2024, 2, 7), None, datetime(2024, 1, 9)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["1", "2", "3", "4"], "day": days, "other": [1, 2, 3, 4]}), path, 4 // groups)
    found, scan = [], files.within_memory
    monkeypatch.setattr(files, "within_memory", lambda batches, path: found.append(1) or scan(batches, path))
    apart = [rows_of(path, bounds) for bounds in (JANUARY, FEBRUARY, JANUARY)]
    assert len(found) == 3
    with KNOWN.held():
        together = [rows_of(path, bounds) for bounds in (JANUARY, FEBRUARY, JANUARY)]
    assert together == apart == [["1", "3", "4"], ["2", "3"], ["1", "3", "4"]]
    assert len(found) == 3 + (1 if groups == 1 else 3)


def test_a_footer_without_the_least_and_the_greatest_tells_nothing(tmp_path):
    pq.write_table(pa.table({"day": [float("nan")]}), tmp_path / "a.parquet")
    assert span_in_footer(pq.read_metadata(tmp_path / "a.parquet"), "day") is None


def test_of_a_file_that_is_gone_nothing_is_kept(tmp_path):
    assert not KnownFiles().file(str(tmp_path / "gone.csv"), "").lasts


def test_of_more_files_than_are_remembered_the_one_used_longest_ago_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr("retrain_assets.raw.cache.known_files.MOST_FILES", 2)
    known, paths = KnownFiles(), {name: str(rested(tmp_path / name, "x")) for name in "abc"}
    for name in "abac":
        known.file(paths[name], "").facts["seen"] = True
    assert [known.file(paths[name], "").facts for name in "acb"] == [{"seen": True}, {"seen": True}, {}]
