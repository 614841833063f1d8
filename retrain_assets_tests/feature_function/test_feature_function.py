"""A team's own function adds columns to raw rows, and is refused by name where it does anything else."""

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from retrain_assets.errors import DataError, SpecError
from retrain_assets.feature_function.feature_function import SAMPLE_ROWS, as_inputs, feature_function

PATH = "retrain_assets_tests.feature_function.our_pkg.features"
ROWS = pa.table(
    {
        "id": list(range(80)),
        "at": [datetime(2024, 1, 1 + day % 7) for day in range(80)],
        "distance": [f"{n}.5" for n in range(79)] + [""],
        "minutes": [1.0] * 80,
    }
)


NAN = float("nan")


def made(name: str):
    return feature_function(f"{PATH}:{name}").made(ROWS, {"distance": "number"}, {"minutes"})


def test_the_function_gets_columns_in_their_declared_kinds_and_its_new_ones_are_taken():
    new, record = made("add")
    assert new.column_names == ["pace", "weekday"]
    assert new["pace"].to_pylist()[:2] == [30.0, 90.0]
    assert new["pace"].to_pylist()[-1] is None
    assert new["weekday"].to_pylist()[:2] == ["0", "1"]
    assert record.inputs == {"id": "number", "at": "time", "distance": "number"}
    assert (record.function, record.columns) == (f"{PATH}:add", ("pace", "weekday"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("other_rows", r"other_rows returned 79 rows of 80. It may add columns only"),
        ("changed", r"changed changed id, which it was given. Add a column of another name"),
        ("outcome", r"outcome made minutes, which is the outcome. Nobody knows it at scoring"),
        ("chance", rf"chance gives pace another value when it is asked again on the same {SAMPLE_ROWS} rows"),
        ("among_others", r"among_others gives pace another value when the same 50 rows stand alone: it depends on the"),
        ("twice", r"twice returned weekday twice. Give each column a name of its own"),
        ("of_many", r"of_many gives weekday another value when it is asked again on the same 50 rows"),
        ("no_table", r"no_table returned dict. Return the Arrow table"),
        ("fault", r"fault raised KeyError in \S+our_pkg/features.py, line \d+, in fault: "),
    ],
)
def test_what_a_function_may_not_do_is_refused_by_its_name(name, sentence):
    with pytest.raises(DataError, match=sentence):
        made(name)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (f"{PATH}:nothing", "cannot be imported: AttributeError"),
        (f"{PATH}:NUMBER", "is of type int, no function"),
        ("no_such_package:add", "no module 'no_such_package' with a source file"),
    ],
)
def test_what_cannot_be_imported_is_a_sentence(path, sentence):
    with pytest.raises(SpecError, match=sentence):
        feature_function(path)


def test_inputs_of_a_file_and_of_a_request_become_the_same():
    written = pa.table({"fee": ["1.5", ""], "at": ["2024-01-01", "2024-01-02"], "zone": ["7", "8"]})
    typed = pa.table({"fee": [1.5, None], "at": [datetime(2024, 1, 1), datetime(2024, 1, 2)], "zone": [7, 8]})
    kinds = {"fee": "number", "at": "time", "zone": "text"}
    assert as_inputs(written, kinds).equals(as_inputs(typed, kinds))


def test_columns_that_nobody_declared_are_given_by_their_own_type():
    table = ROWS.append_column("zone", pa.array(["A", "B"] * 40).dictionary_encode())
    further = {
        "flag": pa.array([True, None] * 40),
        "born": pa.array([date(2000, 1, 1)] * 80),
        "nothing": pa.nulls(80),
        "price": pa.array([Decimal("1.5")] * 80),
    }
    for name, column in further.items():
        table = table.append_column(name, column)
    _, record = feature_function(f"{PATH}:weekday").made(table, {}, {"minutes"})
    assert record.inputs == {
        "id": "number", "at": "time", "distance": "text", "zone": "text", "flag": "other", "born": "time",
        "nothing": "text", "price": "number",
    }  # fmt: skip


def test_a_blank_among_flags_is_missing_whatever_the_request_makes_of_it():
    given = [as_inputs(pa.table({"flag": flags}), {"flag": "other"})["flag"] for flags in ([True, None], [1.0, NAN])]
    assert [column.to_pylist() for column in given] == [[True, None], [1.0, None]]
