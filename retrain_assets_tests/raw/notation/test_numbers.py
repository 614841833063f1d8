"""Numbers in text: where pandas reads one, in the notation of their file, and as words for yes and no."""

import math

import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.errors import TwoReadings
from retrain_assets.raw.notation.dialect import Notation
from retrain_assets.raw.notation.numbers import Rewritten, plain_numbers, read_numbers

PLAIN = ["1", "-1", "+1.5", "1.", ".5", "1e3", "-2.5E-2", " 7 "]
MISSING = ["", "NaN", "nan", "None", "NA"]
NO_NUMBERS = ["inf", "1e", "1,5", "--1", "0x1", "1_0"]


@pytest.mark.parametrize("others", [[], MISSING, NO_NUMBERS], ids=["alone", "beside missing ones", "beside others"])
def test_text_is_read_as_a_number_exactly_where_pandas_reads_one(others):
    texts = [*PLAIN, *others]
    read = read_numbers(pa.chunked_array([texts]))
    expected = pd.to_numeric(pd.Series(texts).str.strip().replace({"None": ""}), errors="coerce")
    finite = [value if math.isfinite(value) else None for value in expected]
    assert read.values.to_pylist() == finite
    assert read.unreadable.to_pylist() == [
        value is None and text not in MISSING for text, value in zip(texts, finite, strict=True)
    ]


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["Y", "N", ""], [1.0, 0.0, None]),
        (["True", "False", None], [1.0, 0.0, None]),
        (["yes", "0"], [1.0, 0.0]),
    ],
)
def test_yes_and_no_are_numbers_where_nothing_else_stands(texts, values):
    read = read_numbers(pa.chunked_array([texts]))
    assert read.values.to_pylist() == values
    assert "words for yes and no" in read.remark
    assert read_numbers(pa.chunked_array([[*texts, "7"]])).unreadable.to_pylist()[0]


@pytest.mark.parametrize(
    ("texts", "declared", "plain"),
    [
        (["1,234.50", "7", None], None, ["1234.50", "7", None]),
        (["1.234,50", "1.234"], None, ["1234.50", "1234"]),
        (["1 234,5", "0,5"], None, ["1234.5", "0.5"]),
        (["1,234"], Notation(".", ","), ["1234"]),
        (["1,234"], Notation(","), ["1.234"]),
        (["far", "1,5"], None, ["far", "1.5"]),
    ],
)
def test_numbers_are_written_plainly_whatever_the_notation_of_their_file(texts, declared, plain):
    rows, rewritten = plain_numbers(pa.table({"x": pa.array(texts, pa.string())}), ["x"], declared)
    assert rows["x"].to_pylist() == plain
    assert sum(one.count for one in rewritten) == sum(a != b for a, b in zip(texts, plain, strict=True))


def test_another_column_of_the_file_decides_a_number_with_two_readings():
    rows = pa.table({"x": ["1,234"], "y": ["0.5"]})
    assert plain_numbers(rows, ["x", "y"], None)[0]["x"].to_pylist() == ["1234"]
    with pytest.raises(TwoReadings, match="column x: '1,234' is 1234 or 1.234"):
        plain_numbers(rows, ["x"], None)


def test_a_unit_behind_every_number_is_left_out_and_said():
    rows = pa.table({"weight": ["1.340,5 kg", None, "900 kg"], "price": ["7,5", "8,5", "9,5"]})
    rows, rewritten = plain_numbers(rows, ["weight", "price"], None)
    assert rows.to_pydict() == {"weight": ["1340.5", None, "900"], "price": ["7.5", "8.5", "9.5"]}
    assert Rewritten("weight", 2, "1.340,5 kg", "1340.5") in rewritten


@pytest.mark.parametrize("weights", [["1340 kg", "1.3 t"], ["1340 kg", "900"]])
def test_numbers_with_different_units_or_with_and_without_stay_as_they_are(weights):
    rows, rewritten = plain_numbers(pa.table({"weight": weights}), ["weight"], None)
    assert (rows["weight"].to_pylist(), rewritten) == (weights, [])
