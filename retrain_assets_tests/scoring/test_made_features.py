"""Rows from outside get a version's made features exactly as its training rows got them."""

from datetime import datetime

import pyarrow as pa
import pytest

from retrain_assets.errors import DataError
from retrain_assets.feature_function.feature_function import feature_function
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.made_features import other_source, with_made_features

PATH = "retrain_assets_tests.feature_function.our_pkg.features:add"
MADE = {
    "function": PATH,
    "sha256": feature_function(PATH).sha256,
    "inputs": {"id": "number", "at": "time", "distance": "number"},
    "columns": ["pace", "weekday"],
}
CONTRACT = FeatureContract(
    ("pace", "weekday"), {"pace": "numeric", "weekday": "categorical"}, {"weekday": ("0", "1")}, MADE
)


def test_text_and_typed_rows_get_the_same_features():
    written = {"at": ["2024-01-01", "2024-01-02"], "distance": ["1,234.5", "2"]}
    typed = {"at": [datetime(2024, 1, 1), datetime(2024, 1, 2)], "distance": [1234.5, 2.0]}
    one, other = (with_made_features(rows, CONTRACT).select(CONTRACT.names) for rows in (written, typed))
    assert one.equals(other)
    assert one.to_pydict() == {"pace": [74070.0, 120.0], "weekday": ["0", "1"]}


def test_rows_that_have_them_stay_as_they_are():
    rows = pa.table({"pace": [1.0], "weekday": ["0"]})
    assert with_made_features(rows, CONTRACT) is rows


def test_rows_without_what_the_function_needs_are_refused_by_name():
    with pytest.raises(DataError, match=r"add raised KeyError .*The rows lack id, at, which it was given in training"):
        with_made_features({"distance": [1.0]}, CONTRACT)


def test_a_function_that_is_not_here_is_refused_by_name():
    made = {**MADE, "function": "no_such_package.features:add"}
    contract = FeatureContract(CONTRACT.names, CONTRACT.kinds, CONTRACT.levels, made)
    with pytest.raises(DataError, match=r"reads pace, weekday, which no_such_package.features:add makes"):
        with_made_features({"distance": [1.0]}, contract)


def test_another_source_than_in_training_is_named():
    assert other_source(MADE, "churn v1") == ""
    assert other_source(None, "churn v1") == ""
    assert other_source({**MADE, "function": "no_such_package.features:add"}, "churn v1") == "", "scoring names it"
    sentence = other_source({**MADE, "sha256": "0" * 64}, "churn v1")
    assert sentence.startswith("churn v1 was trained on columns that")
    assert "another source (000000000000)" in sentence
