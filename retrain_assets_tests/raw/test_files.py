"""The columns and the rows of a file, whatever it writes around them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retrain_assets.raw.files import files_of
from retrain_assets.raw.policy import Table


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
