"""The columns and the rows of a file, whatever it writes around them."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrain_assets.errors import SourceError, TwoReadings
from retrain_assets.raw.files import Wanted, files_of
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


def every(path, *times, **table):
    """All rows of a file, with some columns read as times."""
    (file,) = files_of(Table(path=str(path), **table))
    keep = Wanted(tuple(file.names), times, lambda rows: pa.array([True] * rows.num_rows))
    return file.rows(keep).to_pydict()


def test_a_letter_far_down_tells_the_encoding_where_the_first_ones_do_not(tmp_path):
    rows = [f"{n},plain\n" for n in range(10_000)]
    (tmp_path / "r.csv").write_text("id,city\n" + "".join(rows) + "x,Nîmes\n", encoding="cp1252")
    assert every(tmp_path / "r.csv")["city"][-1] == "Nîmes"


def test_letters_of_two_encodings_are_refused_with_the_file(tmp_path):
    rows = "".join(f"{n},Genève\n" for n in range(8_000))
    (tmp_path / "r.csv").write_bytes(f"id,city\n{rows}".encode() + "x,Nîmes\n".encode("cp1252"))
    with pytest.raises(TwoReadings, match=r"r.csv: some of its letters are UTF-8 and others are not: write encoding"):
        every(tmp_path / "r.csv")


def test_two_separators_that_divide_alike_are_refused_with_the_file(tmp_path):
    (tmp_path / "r.csv").write_text("a;b,c\n1;2,3\n")
    with pytest.raises(TwoReadings, match=r"r.csv: its fields may be separated by ',' \(2 columns\) or ';'"):
        every(tmp_path / "r.csv")


@pytest.mark.parametrize(
    ("form", "day"), [("day-first", "2023-02-01"), ("month-first", "2023-01-02"), ("%d/%m/%Y", "2023-02-01")]
)
def test_times_of_a_csv_are_read_in_the_declared_order(tmp_path, form, day):
    (tmp_path / "r.csv").write_text("id,at\n1,01/02/2023\n")
    assert every(tmp_path / "r.csv", "at", time_format=form)["at"] == [datetime.fromisoformat(day)]


def test_declared_words_are_missing_in_the_texts_of_parquet_too(tmp_path):
    pq.write_table(pa.table({"zone": ["JFK", "k.A.", None], "miles": [1, 2, 3]}), tmp_path / "r.parquet")
    rows = every(tmp_path / "r.parquet", null_values=["k.A.", "2"])
    assert rows == {"zone": ["JFK", None, None], "miles": [1, 2, 3]}


def test_a_parquet_file_that_is_damaged_in_its_middle_is_named_however_it_is_read(tmp_path):
    path = tmp_path / "r.parquet"
    pq.write_table(pa.table({"x": np.random.default_rng(1).random(1_000)}), path)
    data = bytearray(path.read_bytes())
    data[4:40] = b"\xff" * 36
    path.write_bytes(data)
    for reading in (every, lambda path: read(path, "x")):
        with pytest.raises(SourceError, match="r.parquet: cannot be read: "):
            reading(path)


def test_letters_that_the_declared_encoding_does_not_have_are_refused(tmp_path):
    (tmp_path / "r.csv").write_text("id,city\n1,Nîmes\n", encoding="cp1252")
    with pytest.raises(SourceError, match="r.csv: cannot be read: .*UTF8"):
        every(tmp_path / "r.csv", encoding="utf-8")
