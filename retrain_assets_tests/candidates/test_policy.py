"""What a spec may say of training, and what it may not because it fits no model."""

import pytest
from pydantic import ValidationError

from retrain_assets.candidates.policy import CoveragePolicy, RareType, TrainingPolicy


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"column": "zone", "min_rows": 5}, "by column and value, or by label alone"),
        ({"column": "zone", "value": "JFK", "label": 1, "min_rows": 5}, "by column and value, or by label alone"),
        ({"label": 1}, "Field required"),
        ({"label": 1, "min_rows": 0}, "greater than 0"),
    ],
)
def test_a_rare_type_that_is_no_type_is_refused(declared: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RareType.model_validate(declared)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"strategies": ["recent", "average"]}, "average is of recent and history"),
        ({"strategies": ["recent", "recent"]}, "one stands twice"),
        ({"strategies": []}, "at least 1 item"),
        ({"switch_gain": 1.0}, "less than 1"),
    ],
)
def test_training_knobs_that_do_not_fit_together_are_refused(knobs: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainingPolicy.model_validate({"objective": "binary", **knobs})


@pytest.mark.parametrize(
    ("declared", "task", "message"),
    [
        ({"categories": ["miles"]}, "binary", "categories: miles is not under columns.categorical"),
        ({"rare": [{"column": "x", "value": 1, "min_rows": 1}]}, "binary", "rare: x is not under columns"),
        ({"rare": [{"label": 1, "min_rows": 1}]}, "regression", "a regression has no classes"),
        ({"rare": [{"label": 2, "min_rows": 1}]}, "binary", "label 2 is no class from 0 to 1"),
    ],
)
def test_coverage_that_does_not_fit_the_model_is_named(declared: dict[str, object], task: str, message: str) -> None:
    policy = CoveragePolicy.model_validate(declared)
    assert message in str(policy.misfit(task, 2, ("zone",), ("zone", "miles")))
    assert CoveragePolicy(categories=("zone",)).misfit(task, 2, ("zone",), ("zone", "miles")) is None


def test_a_quantile_goes_with_its_objective_and_with_no_other() -> None:
    assert TrainingPolicy(objective="quantile", quantile=0.9).quantile == 0.9
    for knobs in ({"objective": "quantile"}, {"objective": "regression", "quantile": 0.9}):
        with pytest.raises(ValidationError, match="quantile go together: declare both or none"):
            TrainingPolicy.model_validate(knobs)


def test_the_average_trains_no_model_of_its_own() -> None:
    three = TrainingPolicy(objective="binary", strategies=("average", "history", "recent"))
    assert (three.trained, three.averages) == (("recent", "history"), True)
    assert (TrainingPolicy(objective="binary", strategies=("history",)).trained) == ("history",)


def test_only_rare_types_that_say_so_are_kept_and_their_columns_are_read_once() -> None:
    rare = [{"column": "zone", "value": "JFK", "min_rows": 5}, {"label": 1, "min_rows": 5, "keep": False}]
    policy = CoveragePolicy.model_validate({"rare": [*rare, rare[0] | {"value": "LGA"}]})
    assert [str(one) for one in policy.kept] == ["zone = JFK", "zone = LGA"]
    assert policy.columns == ("zone",)
