"""Records as Dagster shows them: narrow tables, numbers of five digits, no cell that breaks a table."""

import enum

from retrain_assets.dagster_glue.metadata import column_schema, pick, short, table


class Colour(enum.Enum):
    RED = "red"


def test_a_cell_is_what_a_person_would_write():
    shown = table([{"a": 1.23456789, "b": None, "c": Colour.RED, "d": True, "e": 7, "f": ("x", 1)}])
    (record,) = shown.records
    assert record.data == {"a": 1.2346, "b": "", "c": "red", "d": True, "e": 7, "f": "('x', 1)"}


def test_columns_have_the_type_of_their_values():
    columns = {column.name: column.type for column in table([{"a": 1.5, "b": 1, "c": "x", "d": True}]).schema.columns}
    assert columns == {"a": "float", "b": "int", "c": "string", "d": "bool"}


def test_no_records_are_one_line_that_says_so():
    assert [record.data for record in table([]).records] == [{"entries": "none"}]


def test_a_table_calls_a_row_what_the_spec_calls_it_and_shows_no_backticks():
    shown = table([{"rows needed": 9, "why": "no case yet, `retrain suite harvest` proposes some"}], "ride")
    assert [record.data for record in shown.records] == [
        {"rides needed": 9, "why": "no case yet, “retrain suite harvest” proposes some"}
    ]


def test_some_entries_are_picked_in_the_order_asked_for():
    assert list(pick({"a": 1, "b": 2, "c": 3}, "c", "a").items()) == [("c", 3), ("a", 1)]


def test_a_digest_is_shown_by_its_start_and_none_as_none():
    assert (short("9f" * 32), short(None), short("")) == ("9f9f9f9f9f9f", "none", "none")


def test_a_schema_keeps_name_type_and_description():
    (column,) = column_schema({"miles": ("number", "feature")}).columns
    assert (column.name, column.type, column.description) == ("miles", "number", "feature")
