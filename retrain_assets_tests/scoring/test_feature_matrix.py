"""Rows that are no table become the numbers that the same rows become as an Arrow table."""

from collections import deque
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import DataError
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.feature_matrix import feature_matrix
from retrain_assets.scoring.features import encode

CONTRACT = FeatureContract(("x", "c"), {"x": "numeric", "c": "categorical"}, {"c": ("11", "N")})
X = FeatureContract(("x",), {"x": "numeric"}, {})
C = FeatureContract(("c",), {"c": "categorical"}, {"c": ("11", "N")})
ROW = st.tuples(st.none() | st.floats(allow_nan=False), st.sampled_from([None, "11", "N", "new", ""]))


@given(st.lists(ROW, min_size=1, max_size=20))
def test_values_by_name_and_an_arrow_table_give_the_same_numbers_and_unseen_counts(rows):
    x, c = zip(*rows, strict=True)
    table = pa.table({"c": pa.array(c, pa.string()), "x": pa.array(x, pa.float64())})
    encoded = encode(table, CONTRACT)
    expected = np.column_stack([encoded.table[name].to_numpy() for name in CONTRACT.names])
    matrix, unseen = feature_matrix({"c": list(c), "x": list(x)}, CONTRACT)
    np.testing.assert_array_equal(matrix, expected)
    assert unseen == {name: count for name, count in encoded.unseen.items() if count}


@pytest.mark.parametrize(
    "values",
    [
        [1.5, None, 2],
        (1.5, float("nan"), True + 1),
        np.array([1.5, np.nan, 2], np.float32),
        np.array([1.5, None, 2], object),
        [Decimal("1.5"), None, np.int8(2)],
        pa.array([1.5, None, 2]),
        pd.Series([1.5, None, 2], dtype="Float64"),
        deque([1.5, None, 2]),
    ],
    ids=lambda values: type(values).__module__.split(".")[0],
)
def test_numbers_of_every_library_are_the_same_numbers(values):
    np.testing.assert_array_equal(feature_matrix({"x": values}, X)[0], [[1.5], [np.nan], [2.0]])


@pytest.mark.parametrize(
    "values",
    [["N", None, "11"], np.array(["N", None, "11"], object), pd.Series(["N", None, "11"]), pa.array(["N", None, "11"])],
    ids=lambda values: type(values).__module__.split(".")[0],
)
def test_text_of_every_library_gets_the_codes_of_its_levels(values):
    np.testing.assert_array_equal(feature_matrix({"c": values}, C)[0], [[1], [np.nan], [0]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1.0]}, "feature 'c' is missing in rows with columns x"),
        ({"x": [1.0], "c": ["11", "N"]}, "feature 'c' has 2 values, 'x' has 1"),
        ({"x": ["1.0"], "c": ["11"]}, "numeric feature 'x' holds '1.0', of type str"),
        ({"x": np.array(["1.0"]), "c": ["11"]}, "numeric feature 'x' holds '1.0', of type str"),
        ({"x": [[1.0]], "c": ["11"]}, "numeric feature 'x' holds .*, of type list"),
        ({"x": [np.datetime64("2024-01-01")], "c": ["11"]}, "numeric feature 'x' holds .*, of type datetime64"),
        ({"x": [10**400], "c": ["11"]}, "'x' holds an integer that no float can hold"),
        ({"x": [1.0], "c": [11]}, "categorical feature 'c' holds 11, of type int"),
        ({"x": [1.0], "c": [True]}, "categorical feature 'c' holds True, of type bool"),
    ],
)
def test_a_missing_column_and_a_value_of_the_wrong_kind_are_refused_by_name(columns, message):
    with pytest.raises(DataError, match=message):
        feature_matrix(columns, CONTRACT)


def test_of_several_numbers_the_one_that_no_float_can_hold_is_named():
    contract = FeatureContract(("w", "x"), {"w": "numeric", "x": "numeric"}, {})
    with pytest.raises(DataError, match="numeric feature 'x' holds an integer that no float can hold"):
        feature_matrix({"w": [1.0], "x": [10**400]}, contract)
