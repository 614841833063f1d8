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
