"""Each way in which a period can be wrong, one test each: what blocks, what is set aside, what the message names."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.raw.contract import REASON, KnownColumns
from retrain_assets.raw.policy import Columns, Contract
from retrain_assets_tests.raw.rides import BOUNDS, blocking, checked, findings, rides


def test_good_rows_pass_without_a_word_typed_and_sorted_by_time_and_key():
    columns = rides()
    shuffled = pa.table(columns).take(np.random.default_rng(1).permutation(100))
    result = checked(shuffled)
    assert result.problems == ()
    assert result.rejected.num_rows == 0
    assert result.table["id"].to_pylist() == columns["id"]
    assert result.table["miles"].to_pylist() == columns["miles"]
    assert str(result.table.schema.field("at").type) == "timestamp[us]"
    for name in ("zone", "borough"):
        assert result.table.schema.field(name).type == pa.dictionary(pa.int32(), pa.string())
        assert result.table[name].to_pylist() == columns[name]


def test_rows_at_the_same_time_are_sorted_by_key_so_that_file_order_does_not_matter():
    columns = {**rides(), "at": [BOUNDS[0]] * 100}
    orders = [np.arange(100), np.random.default_rng(2).permutation(100)]
    tables = [checked(pa.table(columns).take(order)) for order in orders]
    assert tables[0].table.equals(tables[1].table)
    assert tables[0].sha256 == tables[1].sha256


def test_the_digest_tells_other_rows_apart():
    columns = rides()
    changed = {**columns, "miles": [*columns["miles"][:-1], 7.77]}
    assert checked(columns).sha256 != checked(changed).sha256


@pytest.mark.parametrize("name", ["miles", "zone", "borough"])
def test_a_missing_column_blocks_and_is_named(name):
    columns = rides()
    del columns[name]
    result = checked(columns)
    assert blocking(result) == [("schema", name, 100)]
    assert f"rides.parquet, 2019-02: column {name} is missing" in result.problems[0].sentence


@pytest.mark.parametrize("name", ["id", "at"])
def test_without_key_or_time_nothing_else_is_inspected(name):
    columns = rides()
    del columns[name]
    result = checked(columns)
    assert blocking(result) == [("schema", name, 100)]
    assert result.table.num_rows == 0


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([datetime(2019, 2, 1)] * 100, "timestamp"),
        ([[1.0]] * 100, "list"),
        ([{"miles": 1.0}] * 100, "struct"),
        ([date(2019, 2, 1)] * 100, "date32"),
    ],
)
def test_a_column_of_a_wrong_type_blocks_and_says_what_it_is(values, kind):
    result = checked({**rides(), "miles": values})
    assert ("schema", "miles", 100) in blocking(result)
    assert f"miles is {kind}" in result.problems[0].sentence


def test_a_numeric_column_of_words_blocks_and_shows_the_first():
    result = checked({**rides(), "miles": ["far"] * 100})
    assert ("schema", "miles", 100) in blocking(result)
    assert "holds no number, first 'far'" in result.problems[0].sentence


@pytest.mark.parametrize("values", [[[1, 2]] * 100, [b"JFK"] * 100])
def test_a_category_that_is_neither_text_nor_code_blocks(values):
    assert ("schema", "zone", 100) in blocking(checked({**rides(), "zone": values}))


def test_a_few_unreadable_numbers_become_missing_and_the_first_is_shown_by_its_key():
    text = [str(value) for value in rides()["miles"]]
    text[6], text[7] = "n/k", "12,5"
    result = checked({**rides(), "miles": text})
    assert blocking(result) == []
    assert findings(result.problems) == [("schema", "miles", 2)]
    assert "first id 7: n/k" in result.problems[0].sentence
    assert result.table["miles"].to_pylist()[5:9] == [rides()["miles"][5], None, None, rides()["miles"][8]]


def test_unreadable_numbers_beyond_the_allowed_share_block():
    text = ["x"] * 11 + [str(value) for value in rides()["miles"][11:]]
    assert ("schema", "miles", 11) in blocking(checked({**rides(), "miles": text}))


@pytest.mark.parametrize(
    ("values", "kind", "first"),
    [
        (pa.array([Decimal("1.25")] * 100), "double", 1.25),
        (pa.array([True] * 100), "int8", 1),
        (pa.array(np.full(100, 1.5, np.float16)), "float", 1.5),
        (pa.array([3] * 100, pa.int8()), "int8", 3),
        (pa.array(["1.5"] * 100).dictionary_encode(), "double", 1.5),
    ],
)
def test_every_numeric_storage_type_is_read_as_a_number(values, kind, first):
    table = checked({**rides(), "miles": values}).table
    assert (str(table.schema.field("miles").type), table["miles"][0].as_py()) == (kind, first)


@pytest.mark.parametrize("values", [[161] * 100, [161.0] * 99 + [None], [161.0] * 99 + [math.nan], ["161"] * 100])
def test_a_code_is_the_same_category_whatever_type_a_file_gave_it(values):
    assert checked({**rides(), "zone": values}).table["zone"][0].as_py() == "161"


def test_duplicate_keys_block_and_the_first_is_named():
    columns = rides()
    columns["id"][1] = columns["id"][2] = columns["id"][0]
    columns["id"][9] = columns["id"][8]
    result = checked(columns)
    assert blocking(result) == [("keys", "id", 2)]
    assert (
        "2 of 97 keys in id stand more than once with different values, first 1 (3 rows)" in result.problems[0].sentence
    )


def test_rows_without_a_key_are_taken_out_with_the_reason():
    columns = rides()
    columns["id"][4] = None
    result = checked(columns)
    assert findings(result.problems) == [("keys", "id", 1)]
    assert result.table.num_rows == 99
    assert result.rejected[REASON].to_pylist() == ["no id"]


@pytest.mark.parametrize("copies", [1, 3])
def test_exact_copies_of_a_row_are_left_out_and_counted(copies):
    columns = {name: [*values, *[values[5]] * copies] for name, values in rides().items()}
    result = checked(columns)
    assert result.table.equals(checked(rides()).table)
    assert findings(result.problems) == [("keys", "id", copies)]
    assert "first id 6" in result.problems[0].sentence


def test_a_copy_that_differs_in_one_value_blocks_beside_one_that_does_not():
    columns = {name: [*values, values[5], values[7]] for name, values in rides().items()}
    columns["miles"][-1] += 1
    result = checked(columns)
    assert blocking(result) == [("keys", "id", 1)]
    assert findings(result.problems) == [("keys", "id", 1)]


def test_a_feature_may_be_named_reason():
    columns = rides()
    columns["reason"] = columns.pop("zone")
    columns["id"][4] = None
    result = checked(columns, Columns(numeric=["miles"], categorical=["reason"]))
    assert findings(result.problems) == [("keys", "id", 1)]
    assert result.rejected.select(["reason", REASON]).to_pylist() == [{"reason": columns["reason"][4], REASON: "no id"}]


def test_a_column_that_other_periods_have_counts_as_missing_and_one_that_nothing_has_is_a_slip():
    columns = rides()
    del columns["borough"], columns["miles"]
    result = checked(columns, known=KnownColumns(names=("borough", "mile"), stored=frozenset()))
    assert blocking(result) == [("schema", "miles", 100)]
    assert "The source has mile." in result.problems[0].sentence
    assert findings(result.problems) == [("schema", "borough", 100)]


@pytest.mark.parametrize("moment", [BOUNDS[0] - timedelta(microseconds=1), BOUNDS[1], datetime(2262, 1, 1)])
def test_a_time_outside_the_period_blocks_and_names_the_file(moment):
    columns = rides()
    columns["at"][3] = moment
    result = checked(columns)
    assert blocking(result) == [("period", "at", 1)]
    assert result.problems[0].sentence.startswith("rides.parquet, 2019-02: 1 of 100 rows have at outside the period")


def test_the_first_and_the_last_instant_of_a_period_belong_to_it():
    columns = rides()
    columns["at"][0], columns["at"][1] = BOUNDS[0], BOUNDS[1] - timedelta(microseconds=1)
    assert checked(columns).problems == ()


def test_rows_without_a_time_are_taken_out_and_too_many_of_them_block():
    few, many = rides(), rides()
    few["at"][0] = None
    many["at"][:11] = [None] * 11
    assert findings(checked(few).problems) == [("period", "at", 1)]
    assert blocking(checked(many)) == [("ranges", None, 11)]


def test_impossible_values_become_missing_where_the_column_says_so():
    columns = rides()
    columns["miles"][2:6] = [-24.5, 46_826.0, math.inf, math.nan]
    result = checked(columns)
    assert findings(result.problems) == [("ranges", "miles", 3)]
    assert result.table["miles"].to_pylist()[2:6] == [None] * 4
    assert result.table.num_rows == 100
    assert next(line for line in result.summary if line.column == "miles").impossible == 3


def test_impossible_values_take_their_row_out_where_the_column_says_so_and_the_row_is_kept_aside_as_it_was():
    columns = rides()
    columns["riders"][2] = 96
    result = checked(columns)
    assert findings(result.problems) == [("ranges", "riders", 1)]
    assert 3 not in result.table["id"].to_pylist()
    assert result.rejected.select(["id", "riders", REASON]).to_pylist() == [
        {"id": 3, "riders": 96, REASON: "riders impossible: outside 0 to 9"}
    ]


def test_limits_belong_to_the_range_in_the_precision_of_the_column():
    rules = Columns(numeric={"miles": {"min": 0.01, "max": 0.1}})
    columns = {**rides(), "miles": pa.array([0.01, 0.1] * 50, pa.float32())}
    assert checked(columns, rules).problems == ()


@pytest.mark.parametrize(("wrong", "blocks"), [(10, False), (11, True)])
def test_more_impossible_values_than_the_declared_share_block(wrong, blocks):
    columns = rides()
    columns["miles"][:wrong] = [1e9] * wrong
    assert checked(columns).blocked is blocks


@pytest.mark.parametrize(("wrong", "blocks"), [(5, False), (6, True)])
def test_more_rejected_rows_than_the_declared_share_block_and_the_reasons_are_counted(wrong, blocks):
    contract = Contract(min_rows=10, max_rejected_share=0.05, max_outside_share=0.5)
    columns = rides()
    columns["riders"][:wrong] = [77] * wrong
    result = checked(columns, contract=contract)
    assert result.blocked is blocks
    if blocks:
        assert f"riders impossible: outside 0 to 9 ({wrong})" in result.problems[0].sentence


@pytest.mark.parametrize(
    ("name", "nothing"),
    [
        ("miles", pa.nulls(100)), ("miles", pa.nulls(100, pa.string())),
        ("zone", pa.nulls(100, pa.float64())), ("borough", pa.nulls(100)),
    ],
)  # fmt: skip
def test_an_empty_column_always_blocks(name, nothing):
    result = checked({**rides(), name: nothing})
    assert blocking(result) == [("nulls", name, 100)]
    assert "100 of 100 values (100.00 %) missing" in result.problems[0].sentence


@pytest.mark.parametrize(("missing", "blocks"), [(50, False), (51, True)])
def test_more_missing_values_than_declared_block(missing, blocks):
    columns = {**rides(), "zone": [None] * missing + ["JFK"] * (100 - missing)}
    assert checked(columns).blocked is blocks


def test_impossible_values_that_became_missing_count_as_missing():
    rules = Columns(numeric={"miles": {"max": 100, "max_missing": 0.02}})
    columns = rides()
    columns["miles"][:3] = [None, 1e9, 1e9]
    assert blocking(checked(columns, rules)) == [("nulls", "miles", 3)]


@pytest.mark.parametrize("rows", [0, 9])
def test_an_empty_or_short_period_blocks(rows):
    result = checked(pa.table(rides(10)).slice(0, rows))
    assert blocking(result) == [("volume", None, rows)]
    assert f"{rows} usable rows, 10 needed" in result.problems[0].sentence


def test_several_problems_are_reported_together_blocking_ones_first():
    columns = rides()
    columns["miles"][0] = -1.0
    columns["id"][1] = columns["id"][2]
    del columns["zone"]
    problems = checked(columns).problems
    assert [(problem.check, problem.blocking) for problem in problems] == [
        ("schema", True),
        ("keys", True),
        ("ranges", False),
    ]


def test_the_summary_agrees_with_pandas():
    columns = rides()
    columns["miles"][5] = None
    lines = {line.column: line for line in checked(columns).summary}
    frame = pd.DataFrame(columns)
    assert lines["miles"].missing == frame["miles"].isna().mean()
    assert lines["miles"].mean == pytest.approx(frame["miles"].mean())
    assert (lines["miles"].min, lines["miles"].max) == (frame["miles"].min(), frame["miles"].max())
    assert lines["zone"].levels == frame["zone"].nunique()


def test_a_group_that_is_a_numeric_feature_stays_a_number():
    rules = Columns(numeric=["riders"], groups=("riders", "borough"))
    table = checked(rides(), rules).table
    assert table.column_names == ["id", "at", "riders", "borough"]
    assert pa.types.is_integer(table.schema.field("riders").type)


JUNK = [pa.nulls(40), pa.array(["?"] * 40), pa.array([math.inf] * 40), pa.array([[0]] * 40), pa.array([b"\xff"] * 40)]


@pytest.mark.parametrize("values", JUNK, ids=lambda values: str(values.type))
def test_a_numeric_column_of_junk_blocks_and_never_raises(values):
    for name in ("miles", "riders"):
        assert checked({**rides(40), name: values}).blocked


@pytest.mark.parametrize("values", JUNK, ids=lambda values: str(values.type))
def test_a_category_of_junk_blocks_unless_it_is_text_or_code(values):
    for name in ("zone", "borough"):
        assert checked({**rides(40), name: values}).blocked is (values[0].as_py() not in ("?", math.inf))


def test_words_for_yes_and_no_in_a_column_of_numbers_are_read_and_said():
    result = checked({**rides(), "miles": ["Y", "N"] * 50})
    assert not result.blocked
    (problem,) = result.problems
    assert problem.sentence == "miles: 100 values are words for yes and no, like Y, read as 1 and 0."


@pytest.mark.parametrize(
    ("rule", "what"),
    [({"min": 1}, "below 1"), ({"max": 1}, "above 1"), ({"min": 1, "max": 1}, "outside 1 to 1"), ({}, "infinite")],
)
def test_an_impossible_number_is_told_with_the_limit_that_it_breaks(rule, what):
    worst = {"below 1": -5.0, "infinite": math.inf}.get(what, 5.0)
    columns = Columns(numeric={"miles": rule}, categorical=["zone"])
    (problem,) = checked({**rides(), "miles": [1.0] * 99 + [worst]}, columns).problems
    assert f"1 of 100 values (1.00 %) impossible ({what}), now missing; first id 100: " in problem.sentence
