"""Joins over a model's stored files, against pandas and by hand."""

import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.monitoring.performance.scored_rows import (
    aligned,
    finite_scores,
    joined,
    outcome_files,
    scored_by,
    without,
)
from retrain_assets.store import PeriodStore

LEFT = pa.table({"id": [5, 1, 3, 9], "label": [0.5, 0.1, 0.3, 0.9]})
RIGHT = pa.table({"id": [3, 4, 5], "label": [7.0, 8.0, 9.0], "score": [30.0, 40.0, 50.0]})


def test_a_join_keeps_the_order_and_the_columns_of_its_left_side():
    with_pandas = LEFT.to_pandas().merge(RIGHT.to_pandas()[["id", "score"]], on="id", how="inner")
    pd.testing.assert_frame_equal(joined(LEFT, RIGHT, "id").to_pandas(), with_pandas)
    assert joined(LEFT, None, "id") is None


def test_keys_that_files_store_as_numbers_and_as_text_meet():
    as_text = RIGHT.set_column(0, "id", RIGHT["id"].cast(pa.string()))
    assert joined(LEFT, as_text, "id")["score"].to_pylist() == [50.0, 30.0]


def test_columns_are_aligned_with_the_keys_and_null_where_no_row_is_stored():
    found = aligned(LEFT["id"], RIGHT, "id")
    assert {name: column.to_pylist() for name, column in found.items()} == {
        "label": [9.0, None, 7.0, None],
        "score": [50.0, None, 30.0, None],
    }
    assert aligned(LEFT["id"], None, "id") == {}


def test_rows_are_left_out_by_the_keys_of_others():
    assert without(LEFT, RIGHT, "id")["id"].to_pylist() == [1, 9]
    assert without(LEFT, None, "id") is LEFT


@pytest.fixture
def store(tmp_path):
    store = PeriodStore(tmp_path)
    for number, (period, versions) in enumerate({"2019-01": ["v1", "v2"], "2019-02": ["v2", "v2"]}.items()):
        version = pa.array(versions).dictionary_encode()
        store.write_table("predictions", period, pa.table({"id": [2 * number, 2 * number + 1], "version": version}))
        store.write_table("outcomes", period, pa.table({"id": [number]}))
    return store


@pytest.mark.parametrize(("version", "keys"), [("v1", [0]), ("v2", [1, 2, 3])])
def test_only_the_rows_that_the_version_scored_are_its_own(store, version, keys):
    assert scored_by(store, version, ["2019-01", "2019-02"])["id"].to_pylist() == keys


def test_a_version_that_scored_nothing_has_no_rows(store):
    assert scored_by(store, "v1", ["2019-02"]) is None
    assert scored_by(store, "v1", ["2018-12"]) is None


def test_outcomes_are_looked_for_in_both_ends_of_a_range_and_only_there(store):
    assert outcome_files(store, "2019-01", "2019-02") == ["2019-01", "2019-02"]
    assert outcome_files(store, "2018-01", "2019-01") == ["2019-01"]


def test_a_row_with_a_score_that_is_no_number_is_taken_out():
    rows = pa.table({"score_0": [1.0, float("nan"), 1.0, 1.0], "score_1": [0.0, 0.0, None, float("inf")]})
    assert finite_scores(rows, ["score_0", "score_1"]).num_rows == 1
    assert finite_scores(rows, ["score_0"]).num_rows == 3
