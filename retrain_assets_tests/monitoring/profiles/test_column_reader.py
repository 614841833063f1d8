"""Columns are read piece by piece as the declared kind, whatever the files hold."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrain_assets.monitoring.profiles import column_reader
from retrain_assets.monitoring.profiles.column_reader import ParquetRows
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets_tests.monitoring.profiles.worlds import EDGES, NAMES, NUMERIC, WORLD


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(WORLD, path, row_group_size=1700)
    return path


def test_rows_streamed_in_pieces_give_the_edges_and_the_profile_of_the_table(file, monkeypatch):
    monkeypatch.setattr(column_reader, "PIECE_ROWS", 600)
    rows = ParquetRows([file])
    assert rows.num_rows == WORLD.num_rows
    assert reference_edges(rows, NUMERIC, NAMES) == EDGES
    assert profile(rows, EDGES) == profile(WORLD, EDGES)


def test_a_column_that_one_of_two_files_lacks_is_absent_in_its_rows(file, tmp_path):
    pq.write_table(WORLD.drop_columns(["miles", "tail"]), tmp_path / "lacking.parquet")
    found = profile(ParquetRows([file, tmp_path / "lacking.parquet"]), EDGES)
    assert [found.columns[name].absent for name in ("miles", "tail", "day")] == [5000, 5000, 0]
    assert found.columns["miles"].rows == 10_000
    assert found.problems == {}


def test_two_files_of_different_types_are_counted_as_the_declared_kind(tmp_path):
    for name, values in (("one", pa.array([1, 2], pa.int8())), ("two", pa.array(["2.0", "3"]))):
        pq.write_table(pa.table({"x": values}), tmp_path / f"{name}.parquet")
    rows = ParquetRows([tmp_path / "one.parquet", tmp_path / "two.parquet"])
    assert reference_edges(rows, ["x"], []).numeric["x"].tolist() == [1, 2, 3]
    assert reference_edges(rows, [], ["x"]).categories["x"] == ("1", "2", "2.0", "3")


def test_categories_of_parts_told_together_are_those_told_one_by_one():
    few = [pa.table({"c": ["a", "b", None]}), pa.table({"c": ["c", "a", "a"]}), pa.table({"d": [1]})]
    many = [pa.table({"c": [f"{part}-{row}" for row in range(40_000)]}) for part in range(2)]
    types = [pa.table({"c": [1, 2]}), pa.table({"c": ["1", "2"]})]
    lists = [pa.table({"c": [[1], [2]]})] * 2
    for parts in (few, many, types, lists):
        together = column_reader.names_of_parts(parts, "c")
        for pieces, part in zip(together, parts, strict=True):
            alone = list(column_reader.names(part, "c"))
            assert [_told(piece) for piece in pieces] == [_told(piece) for piece in alone]


def _told(piece):
    counts = zip(piece.distinct.to_pylist(), piece.counts.tolist(), strict=True)
    return {text: rows for text, rows in counts if rows}, piece.missing, piece.absent, piece.wrong, piece.example
