"""Features are matched by name and kind, and a category's coding is known or refused, never guessed."""

from dataclasses import replace

import pytest

from retrain_assets.adoption.feature_match import ColumnValues, check_objective, matched
from retrain_assets.errors import ForeignModel
from retrain_assets.raw.policy import Columns
from retrain_assets.scoring.model_text import ModelText

TEXT = ModelText(
    names=("fee", "plan", "zone"),
    infos=("[0:9]", "-1:1:0:2", "0:1"),
    objective="binary sigmoid:1",
    classes=1,
    trees=3,
    values=(("Pro", "Basic", "Plus"), (11, 4)),
)
COLUMNS = Columns(numeric=["fee", "age"], categorical=["plan", "zone"])
HELD = {"plan": ColumnValues({"Basic": 60, "Plus": 30, "Student": 10}), "zone": ColumnValues({"4": 1, "11": 1})}


def test_levels_stand_in_the_order_of_the_models_codes_as_the_column_spells_them():
    match = matched(TEXT, COLUMNS, HELD)
    assert match.contract.names == ("fee", "plan", "zone")
    assert match.contract.levels == {"plan": ("Pro", "Basic", "Plus"), "zone": ("11", "4")}
    assert match.unknown == {"plan": 0.1}
    assert match.unused == ("age",)


def test_values_are_matched_as_ingestion_matches_two_spellings():
    text = replace(TEXT, values=(("Pro", "Basic", "Plus"), (True, False)))
    match = matched(text, COLUMNS, {**HELD, "zone": ColumnValues({"Y": 2, "N": 3})})
    assert match.contract.levels["zone"] == ("Y", "N")


def test_a_name_whose_blanks_lightgbm_rewrote_is_the_columns():
    columns = Columns(numeric=["Monthly Fee"], categorical=["plan", "zone"])
    match = matched(replace(TEXT, names=("Monthly_Fee", "plan", "zone")), columns, HELD)
    assert match.names["Monthly_Fee"] == "Monthly Fee"


@pytest.mark.parametrize(
    ("changes", "columns", "sentence"),
    [
        ({"names": ("monthly_fees", "plan", "zone")},
         Columns(numeric=["monthly_fee"], categorical=["plan", "zone"]),
         r"no feature monthly_fees \(nearest: monthly_fee\), which the model reads. List it"),
        ({"names": ("Column_0", "Column_1", "Column_2")}, COLUMNS, "trained on an array without names"),
        ({}, Columns(numeric=["fee", "plan"], categorical=["zone"]), "plan is a category to the model and a number"),
        ({"names": ("the_fee", "the fee", "zone"), "infos": ("[0:9]", "[0:9]", "0:1")},
         Columns(numeric=["the fee"], categorical=["zone"]), "two of its features, of the_fee, the fee, zone, are the"),
        ({"values": None}, COLUMNS, "which code stands for which value of plan, zone: it has no pandas_categorical"),
        ({"values": (("Pro", "Basic", "Plus"),)}, COLUMNS, "the values of 1 categorical features, the spec lists 2"),
        ({"infos": ("[0:9]", "-1:1:0:2:3", "0:1")}, COLUMNS, "plan: the model saw the code 3, the file holds 3 values"),
        ({"infos": ("[0:9]", "[0.5:7]", "0:1")}, COLUMNS, "plan is a category to the spec, and to the model a number"),
        ({"values": (("a", "b", "c"), (11, 4))}, COLUMNS, "none of the model's values .* stands in the column"),
        ({"values": (("Student", "b", "c"), (11, 4))}, COLUMNS, "90 % of the stored rows have a value that the model"),
        ({"values": (("Basic", " Basic", "c"), (11, 4))}, COLUMNS, "two of the model's values are the same text"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_what_to_do(changes, columns, sentence):
    with pytest.raises(ForeignModel, match=sentence):
        matched(replace(TEXT, **changes), columns, HELD)


@pytest.mark.parametrize(
    ("objective", "task", "classes", "sentence"),
    [
        ("regression_l1", "binary", 2, "its objective is regression_l1, which is of task regression"),
        ("lambdarank", "binary", 2, "its objective is lambdarank; the spec's task binary needs binary"),
        ("", "binary", 2, "it names no objective"),
        ("multiclass num_class:3", "multiclass", 4, "tells 1 classes apart, the spec says classes: 4"),
    ],
)
def test_another_objective_than_the_tasks_is_refused(objective, task, classes, sentence):
    with pytest.raises(ForeignModel, match=sentence):
        check_objective(replace(TEXT, objective=objective), task, classes)


def test_a_model_of_numbers_alone_needs_no_coding():
    text = replace(TEXT, names=("fee",), infos=("[0:9]",), values=None)
    match = matched(text, Columns(numeric=["fee"], categorical=["plan"]), {})
    assert (match.contract.kinds, match.contract.levels, match.unused) == ({"fee": "numeric"}, {}, ("plan",))


def test_codes_with_a_decimal_point_are_those_of_a_column_of_whole_numbers():
    match = matched(replace(TEXT, values=(("Pro", "Basic", "Plus"), (11.0, 4.5))), COLUMNS, {})
    assert match.contract.levels["zone"] == ("11", "4.5")
