"""A stranger's files become one table whatever each is written like."""

import pandas as pd
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
