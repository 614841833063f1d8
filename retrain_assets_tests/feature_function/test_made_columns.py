"""Columns of one training are made by one source of one function."""

import pyarrow as pa
import pytest

from retrain_assets.errors import DataError
from retrain_assets.feature_function.made_columns import MadeColumns, made_alike

MADE = MadeColumns("our_pkg.features:add", "a" * 64, {"fee": "number", "plan": "text"}, ("ratio",))


def test_the_record_survives_the_metadata_of_a_table():
    table = pa.table({"ratio": [1.0]}).replace_schema_metadata(MADE.to_metadata())
    assert MadeColumns.of_metadata(table.schema.metadata) == MADE
    assert MadeColumns.of_metadata(None) is None


def test_periods_that_were_made_alike_share_the_newest_record():
    newest = MadeColumns(MADE.function, MADE.sha256, {"fee": "number"}, ("ratio", "weekday"))
    assert made_alike({"2024-01": MADE, "2024-02": newest}, "churn") == newest
    assert made_alike({"2024-01": None, "2024-02": None}, "churn") is None


@pytest.mark.parametrize("older", [None, MadeColumns(MADE.function, "b" * 64, MADE.inputs, MADE.columns)])
def test_periods_of_another_make_are_named_with_what_to_do(older):
    made = {"2024-01": older, "2024-02": older, "2024-03": MADE}
    sentence = r"churn: the columns of 2 periods from 2024-01 to 2024-02 were not made by our_pkg.features:add .*again"
    with pytest.raises(DataError, match=sentence):
        made_alike(made, "churn")
