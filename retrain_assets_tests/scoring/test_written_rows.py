"""Rows as people hand them in become the columns that a version was trained on."""

import re

import pyarrow as pa
import pytest

from retrain_assets.errors import DataError
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.written_rows import as_contract

CONTRACT = FeatureContract(("x", "c"), {"x": "numeric", "c": "categorical"}, {"c": ("11", "N", "Y")})


@pytest.mark.parametrize(
    ("x", "c", "numbers", "levels"),
    [
        ([0.5, None], ["11", None], [0.5, None], ["11", None]),
        (["0.5", ""], ["11.0", "12.0"], [0.5, None], ["11", "12"]),
        (["1.234,5", "7"], [11.0, None], [1234.5, 7.0], ["11", None]),
        ([1, 2], [11, 12], [1, 2], ["11", "12"]),
    ],
    ids=str,
)
def test_numbers_and_levels_are_those_of_the_contract(x, c, numbers, levels):
    rows = as_contract(pa.table({"other": [1, 2], "c": c, "x": x}), CONTRACT)
    assert rows.select(["x", "c"]).to_pydict() == {"x": numbers, "c": levels}


def test_words_for_yes_and_no_are_spelled_as_in_training():
    contract = FeatureContract(("c",), {"c": "categorical"}, {"c": ("N", "Y")})
    assert as_contract(pa.table({"c": ["True", "False"]}), contract)["c"].to_pylist() == ["Y", "N"]


@pytest.mark.parametrize(("values", "what"), [(["far", "1"], "holds 'far'"), (["far"], "holds no number")])
def test_what_is_no_number_is_refused_by_name(values, what):
    with pytest.raises(DataError, match=re.escape(f"numeric feature 'x' {what}")):
        as_contract(pa.table({"x": values}), CONTRACT)


def test_categories_that_are_neither_text_nor_codes_are_refused_by_name():
    with pytest.raises(DataError, match=r"categorical feature 'c' .*: write text or codes"):
        as_contract(pa.table({"c": [[1], [2]]}), CONTRACT)
