"""The feature contract and its application, against pandas' own categoricals."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import DataError
from retrain_assets.raw.policy import Columns
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.features import contract_of, encode

ZONE = FeatureContract(("zone",), {"zone": "categorical"}, {"zone": ("EWR", "JFK", "LGA")})
MILES = FeatureContract(("miles",), {"miles": "numeric"}, {})
LEVELS = st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=40)


def _dictionary(values: list[str | None]) -> pa.DictionaryArray:
    return pa.array(values, pa.string()).dictionary_encode()


@given(LEVELS)
def test_codes_are_those_of_a_pandas_categorical_with_sorted_levels(values: list[str | None]) -> None:
    table = pa.table({"zone": _dictionary(values)})
    contract = contract_of(table, Columns(categorical=["zone"]))
    levels = sorted({value for value in values if value is not None})
    codes = pd.Categorical(values, categories=levels).codes
    encoded = encode(table, contract)
    assert contract.levels["zone"] == tuple(levels)
    assert [-1 if code is None else code for code in encoded.table["zone"].to_pylist()] == codes.tolist()
    assert encoded.unseen == {"zone": 0}


@given(LEVELS, LEVELS)
def test_levels_outside_the_contract_score_as_missing_and_are_counted(known: list, seen: list) -> None:
    contract = contract_of(pa.table({"zone": _dictionary(known)}), Columns(categorical=["zone"]))
    encoded = encode(pa.table({"zone": _dictionary(seen)}), contract)
    foreign = [value for value in seen if value is not None and value not in known]
    assert encoded.unseen == {"zone": len(foreign)}
    assert encoded.table["zone"].null_count == len(foreign) + seen.count(None)


def test_a_contract_holds_only_levels_that_its_own_rows_hold() -> None:
    table = pa.table({"zone": _dictionary(["LGA", "EWR", "JFK", "EWR"])}).slice(1, 2)
    assert contract_of(table, Columns(categorical=["zone"])).levels == {"zone": ("EWR", "JFK")}


def test_chunks_with_different_dictionaries_get_the_same_codes() -> None:
    chunked = pa.chunked_array([_dictionary(["JFK", "EWR"]), _dictionary(["LGA", None, "JFK"]).slice(1)])
    assert encode(pa.table({"zone": chunked}), ZONE).table["zone"].to_pylist() == [1, 0, None, 1]


def test_a_null_inside_the_dictionary_is_missing_not_unseen() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, None], pa.int8()), pa.array([None, "JFK"]))
    encoded = encode(pa.table({"zone": column}), ZONE)
    assert encoded.table["zone"].to_pylist() == [None, 1, None, None]
    assert encoded.unseen == {"zone": 0}


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["JFK", None, "XXX"]),
        pa.array(["JFK", None, "XXX"], pa.large_string()),
        pa.array(["JFK", None, "XXX"]).dictionary_encode(),
        pa.array(["JFK", None, "XXX"], pa.large_string()).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_every_kind_of_text_is_encoded_alike(column: pa.Array) -> None:
    encoded = encode(pa.table({"zone": column}), ZONE)
    assert encoded.table["zone"].to_pylist() == [1, None, None]
    assert encoded.unseen == {"zone": 1}


def test_a_category_that_is_all_null_is_missing_in_every_row() -> None:
    encoded = encode(pa.table({"zone": pa.nulls(4)}), ZONE)
    assert encoded.table["zone"].null_count == 4
    assert encoded.unseen == {"zone": 0}


def test_codes_take_two_bytes_until_there_are_too_many_levels() -> None:
    few, many = [[f"{number:06d}" for number in range(count)] for count in (2**15, 2**15 + 1)]
    for levels, width in ((few, pa.int16()), (many, pa.int32())):
        table = pa.table({"zone": _dictionary(levels)})
        codes = encode(table, contract_of(table, Columns(categorical=["zone"]))).table["zone"]
        assert codes.type == width
        np.testing.assert_array_equal(codes.to_numpy(), np.arange(len(levels)))


def test_numeric_columns_are_not_copied() -> None:
    table = pa.table({"other": [1.0, 2.0], "miles": pa.array([3.5, None], pa.float32())})
    before, after = table["miles"].chunk(0).buffers(), encode(table, MILES).table["miles"].chunk(0).buffers()
    assert [buffer.address for buffer in after] == [buffer.address for buffer in before]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([True, None]), [1, None]),
        (pa.array([decimal.Decimal("1.50"), None]), [1.5, None]),
        (pa.array(np.array([1.5, 2.0], np.float16)), [1.5, 2.0]),
        (pa.nulls(2), [None, None]),
        (pa.array([2**40, None]), [2**40, None]),
    ],
    ids=lambda column: str(getattr(column, "type", "")),
)
def test_numbers_of_every_type_keep_their_value(column: pa.Array, values: list) -> None:
    assert encode(pa.table({"miles": column}), MILES).table["miles"].to_pylist() == values


@pytest.mark.parametrize(
    "column",
    [pa.array(["1.5"]), pa.array([datetime.datetime(2019, 1, 1)])],
    ids=lambda column: str(column.type),
)
def test_a_numeric_feature_of_another_type_is_refused_by_name(column: pa.Array) -> None:
    with pytest.raises(DataError, match=r"'miles' is .*: read it as a number, or list it under categorical"):
        encode(pa.table({"miles": column}), MILES)


@pytest.mark.parametrize(
    "column", [pa.array([132]), pa.array([132]).dictionary_encode()], ids=lambda column: str(column.type)
)
def test_a_category_that_arrives_as_a_number_is_refused_by_name(column: pa.Array) -> None:
    with pytest.raises(DataError, match=r"'zone' is .*: read it as text, or list it under numeric"):
        encode(pa.table({"zone": column}), ZONE)


def test_a_missing_feature_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"feature 'zone' is missing in a table of 1 rows with columns miles"):
        encode(pa.table({"miles": [1.0]}), ZONE)


def test_a_feature_that_stands_twice_is_refused() -> None:
    twice = pa.Table.from_arrays([pa.array(["JFK"]), pa.array(["EWR"])], names=["zone", "zone"])
    with pytest.raises(DataError, match="stands 2 times"):
        encode(twice, ZONE)


def test_columns_come_in_the_contracts_order_whatever_the_tables() -> None:
    columns = Columns(numeric=["miles", "dow"], categorical=["zone"], groups=["borough"])
    rows = {"borough": ["Queens"], "zone": ["JFK"], "dow": [3], "miles": [1.5]}
    contract = contract_of(pa.table(rows), columns)
    for order in (rows, dict(reversed(rows.items()))):
        assert encode(pa.table(order), contract).table.column_names == ["miles", "dow", "zone"]
    assert FeatureContract.from_dict(contract.to_dict()) == contract
    assert contract.categorical == ("zone",)


def test_a_column_that_became_a_category_is_read_by_a_model_that_knows_it_as_a_number():
    contract = FeatureContract(("x",), {"x": "numeric"}, {})
    encoded = encode(pa.table({"x": pa.array(["3", "few", None]).dictionary_encode()}), contract)
    assert encoded.table["x"].to_pylist() == [3.0, None, None]
    assert encoded.unseen == {"x": 1}
