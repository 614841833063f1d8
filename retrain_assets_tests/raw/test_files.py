"""Which files a path names, and of which time their names speak."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrain_assets.errors import SourceError
from retrain_assets.raw import files
from retrain_assets.raw.files import files_of, span_of
from retrain_assets.raw.policy import Source, Table
from retrain_assets.raw.sources import read_rows

MARCH = (datetime(2023, 3, 1), datetime(2023, 4, 1))


@pytest.mark.parametrize(
    ("path", "span"),
    [
        ("data/rows-2023-03.csv", MARCH),
        ("data/rows_202303.csv", MARCH),
        ("data/year=2023/month=3/part-0.parquet", MARCH),
        ("data/month=2023-03/part-0.parquet", MARCH),
        ("rows_2023-03-05.csv", (datetime(2023, 3, 5), datetime(2023, 3, 6))),
        ("rows_2023-03-01_2023-03-31.csv", MARCH),
        ("rows_2023Q2.csv", (datetime(2023, 4, 1), datetime(2023, 7, 1))),
        ("rows_2023.csv", (datetime(2023, 1, 1), datetime(2024, 1, 1))),
        ("rows_2023-W10.csv", (datetime(2023, 3, 6), datetime(2023, 3, 13))),
        ("rows_2023_KW01.csv", (datetime(2023, 1, 2), datetime(2023, 1, 9))),
        ("rows.csv", None),
        ("customer_1234567.csv", None),
    ],
)
def test_the_name_of_a_file_says_which_time_it_holds(path, span):
    assert span_of(path) == span


def test_a_folder_names_the_files_in_it_but_not_the_hidden_ones(tmp_path):
    for name in ("b.csv", "deep/er/a.parquet", "_logs/c.csv", ".d.csv", "notes.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("id\n1\n")
    found = [file.path.removeprefix(f"{tmp_path}/") for file in files_of(Table(path=str(tmp_path)))]
    assert found == ["b.csv", "deep/er/a.parquet"]


def test_a_csv_is_read_without_the_spaces_around_its_columns_names(tmp_path):
    (tmp_path / "r.csv").write_text("id, x\n1,2\n")
    (file,) = files_of(Table(path=str(tmp_path / "r.csv")))
    assert [piece.to_pydict() for piece in file.pieces(["x"], 10)] == [{"x": ["2"]}]


def read(path, *names, **table):
    (file,) = files_of(Table(path=str(path), **table), names)
    return [piece.to_pydict() for piece in file.pieces(names, 10)]


def test_an_expected_column_is_found_whatever_its_letter_case_and_blanks(tmp_path):
    (tmp_path / "r.csv").write_text("Customer ID,X\n1,2\n")
    assert read(tmp_path / "r.csv", "customer_id", "x") == [{"customer_id": ["1"], "x": ["2"]}]


def test_two_columns_that_differ_only_so_are_both_kept(tmp_path):
    (tmp_path / "r.csv").write_text("X,x\n1,2\n")
    assert read(tmp_path / "r.csv", "x") == [{"x": ["2"]}]


def test_a_column_of_another_name_is_read_by_rename_where_the_own_name_is_not_there(tmp_path):
    (tmp_path / "r.csv").write_text("customer,x\n1,2\n")
    assert read(tmp_path / "r.csv", "id", "x", rename={"customer": "id"}) == [{"id": ["1"], "x": ["2"]}]


def test_lines_above_the_names_of_the_columns_are_left_out(tmp_path):
    (tmp_path / "r.csv").write_text("Export of 3 May\n\nid;x\n1;2,5\n2;3,5\n")
    assert read(tmp_path / "r.csv", "id", "x") == [{"id": ["1", "2"], "x": ["2,5", "3,5"]}]


def test_pieces_of_a_file_are_in_memory_one_row_group_at_a_time(tmp_path):
    names, group, groups = ["a", "b", "c", "d"], 20_000, 12
    with pq.ParquetWriter(tmp_path / "a.parquet", pa.schema({name: pa.float64() for name in names})) as writer:
        for seed in range(groups):
            writer.write_table(pa.table(dict(zip(names, np.random.default_rng(seed).random((4, group)), strict=True))))
    (file,) = files_of(Table(path=str(tmp_path / "a.parquet")))
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in file.pieces(names, group)]
    assert len(held) == groups
    assert max(held) < 8 * len(names) * group * groups / 2


@pytest.mark.parametrize("column", ["number", "category"])
def test_a_small_file_of_rows_beyond_this_machines_memory_is_refused_before_they_are_read(
    tmp_path, monkeypatch, column
):
    rows = 200_000
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "int32")), ["x" * 1000])
    at = pa.array(np.full(rows, np.datetime64("2024-01-01T12:00", "us")))
    table = pa.table({"id": np.zeros(rows), "at": at, "y": np.ones(rows), "number": np.ones(rows), "category": words})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd")
    declared = {"path": str(tmp_path / "bomb.parquet"), "key": "id", "time": "at", "label": "y", "label_delay": "1d"}
    assert (tmp_path / "bomb.parquet").stat().st_size < 50_000
    monkeypatch.setattr(files, "memory_bytes", lambda: 4_000_000)

    with pytest.raises(SourceError, match=r"bomb.parquet: the first [\d,]+ of the rows asked for take .* GB unpacked"):
        read_rows(Source.model_validate(declared), [column], datetime(2024, 1, 1), datetime(2024, 1, 2))
