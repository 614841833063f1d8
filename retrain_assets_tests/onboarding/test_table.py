"""A stranger's files become one table whatever each is written like."""

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrain_assets.errors import SourceError, TwoReadings
from retrain_assets.onboarding.table import read_table


def test_files_of_different_encoding_notation_and_columns_become_one_table(tmp_path):
    (tmp_path / "a.csv").write_text('id;city;sum\n1;Nîmes;"1.234,50"\n', encoding="latin-1")
    (tmp_path / "b.csv").write_text("id,city,sum,extra\n2,Lyon,12.5,x\n")
    table = read_table(str(tmp_path / "*.csv"))
    assert table.rows["city"].to_pylist() == ["Nîmes", "Lyon"]
    assert table.rows["sum"].to_pylist() == ["1234.50", "12.5"]
    assert table.lacking("extra") == (str(tmp_path / "a.csv"),)
    assert any("cp1252" in remark for remark in table.remarks)


def test_a_number_with_two_readings_is_refused_with_both(tmp_path):
    (tmp_path / "a.csv").write_text('id,sum\n1,"1,234"\n2,"5,678"\n')
    with pytest.raises(TwoReadings, match="1234 or 1.234"):
        read_table(str(tmp_path / "a.csv"))


def test_codes_with_leading_zeros_stay_texts(tmp_path):
    pd.DataFrame({"zip": ["01234", "02345"]}).to_csv(tmp_path / "a.csv", index=False)
    assert read_table(str(tmp_path / "a.csv")).rows["zip"].to_pylist() == ["01234", "02345"]


def test_files_without_rows_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("id\n")
    with pytest.raises(SourceError, match="no rows"):
        read_table(str(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    ("texts", "plain"),
    [
        (["$1,234.50", "$7.00"], ["1234.50", "7.00"]),
        (["1.234,50 €", "7,25 €"], ["1234.50", "7.25"]),
        (["12.5%", "7%"], ["12.5", "7"]),
        (["(30.5)", "12.25"], ["-30.5", "12.25"]),
        (["7-", "12"], ["-7", "12"]),
    ],
)
def test_a_unit_or_another_sign_for_minus_does_not_make_a_text_of_a_number(tmp_path, texts, plain):
    pd.DataFrame({"sum": texts}).to_csv(tmp_path / "a.csv", index=False)
    assert read_table(str(tmp_path / "a.csv")).rows["sum"].to_pylist() == plain


@pytest.mark.parametrize("texts", [["$5.00", "€7.00"], ["12%", "0.3"]])
def test_two_units_in_one_column_are_refused(tmp_path, texts):
    pd.DataFrame({"sum": texts}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(TwoReadings, match="stands beside"):
        read_table(str(tmp_path / "a.csv"))


def test_one_file_that_cannot_be_read_does_not_take_the_others_with_it(tmp_path):
    (tmp_path / "a.csv").write_text("id,x\n1,2\n")
    (tmp_path / "b.csv").write_text("")
    table = read_table(str(tmp_path / "*.csv"))
    assert table.rows.num_rows == 1
    assert "b.csv: cannot be read: it is empty" in table.broken[0]


def test_columns_that_differ_by_letter_case_and_blanks_are_one_and_those_of_no_name_are_none(tmp_path):
    (tmp_path / "a.csv").write_text("id,total charge,\n1,2,\n")
    (tmp_path / "b.csv").write_text("ID,Total_Charge\n2,3\n")
    rows = read_table(str(tmp_path / "*.csv")).rows
    assert rows.to_pydict() == {"id": ["1", "2"], "total charge": ["2", "3"]}


def test_lines_above_the_names_of_the_columns_are_left_out_and_said(tmp_path):
    (tmp_path / "a.csv").write_text("Export of 3 May\n\nid,x\n1,2\n2,3\n")
    table = read_table(str(tmp_path / "a.csv"))
    assert table.rows.to_pydict() == {"id": ["1", "2"], "x": ["2", "3"]}
    assert table.remarks == ("a.csv: left out above the names of the columns: 2 lines",)


@pytest.mark.parametrize("kind", [pa.dictionary(pa.int32(), pa.string()), pa.large_string()], ids=str)
def test_texts_of_any_type_of_parquet_are_read_like_those_of_a_csv(tmp_path, kind):
    pq.write_table(pa.table({"sum": pa.array(["1,234.50", "7"]).cast(kind)}), tmp_path / "a.parquet")
    assert read_table(str(tmp_path / "a.parquet")).rows["sum"].to_pylist() == ["1234.50", "7"]


@pytest.fixture
def dated(tmp_path):
    """Three files: with a date as such, with something else in its column, and without the column."""

    def write(other):
        pq.write_table(pa.table({"id": [1], "on": [datetime(2024, 1, 5)]}), tmp_path / "a.parquet")
        pq.write_table(pa.table({"id": [2], "on": [other]}), tmp_path / "b.parquet")
        pq.write_table(pa.table({"id": [3]}), tmp_path / "c.parquet")
        return str(tmp_path / "*.parquet")

    return write


def test_dates_as_such_and_dates_as_texts_are_one_column(dated):
    rows = read_table(dated("2024-02-01")).rows
    assert rows["on"].to_pylist() == [datetime(2024, 1, 5), datetime(2024, 2, 1), None]


def test_texts_beside_dates_that_are_none_make_all_of_them_texts(dated):
    assert read_table(dated("soon")).rows["on"].to_pylist() == ["2024-01-05 00:00:00.000000", "soon", None]


def test_numbers_beside_dates_are_refused_with_the_file(dated):
    with pytest.raises(SourceError, match=r"a.parquet and the files beside it have columns of different types: .*on"):
        read_table(dated(1.5))
