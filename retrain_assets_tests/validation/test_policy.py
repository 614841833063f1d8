"""What a spec may ask of a candidate, and what it may not because it would ask nothing."""

import pytest
from pydantic import ValidationError

from retrain_assets.validation.policy import DeclaredMetric, ValidationPolicy
from retrain_assets_tests.validation.own_metrics import MEDIAN, declares
from retrain_assets_tests.validation.worlds import VALUE_RULES, policy


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"unit": "USD"}, "declare either cost or callable"),
        ({"unit": "USD", "cost": {"wrong": 1}, **MEDIAN}, "declare either cost or callable"),
        ({"unit": "m", "callable": MEDIAN["callable"]}, "say whether more of .*median_error is better, true or false"),
        ({**MEDIAN, "callable": "median_error"}, "String should match pattern"),
        ({**MEDIAN, "callable": "os.path:join()"}, "String should match pattern"),
        ({**MEDIAN, "callable": "no_such_module.metrics:f"}, "no module 'no_such_module.metrics' is installed"),
        ({"unit": "USD", "cost": {"false_positive": 1}}, r"declare false_positive and false_negative \(binary\)"),
        ({"unit": "USD", "cost": {"wrong": 1, "over": 1, "under": 1}}, "declare false_positive and false_negative"),
        ({"unit": "USD", "cost": {"over": 0, "under": 0}}, "over and under are 0: no error costs anything"),
        ({"unit": "USD", "cost": {"over": -1, "under": 2}}, "greater than or equal to 0"),
        ({"unit": "USD", "cost": {"wrong": 1}, "higher_is_better": True}, "a cost is better when it is lower"),
        ({"cost": {"wrong": 1}}, "unit\n.*required"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(declared, why):
    with pytest.raises(ValidationError, match=why):
        declares(own=declared)


@pytest.mark.parametrize("name", ["mae", "tpr", "pinball[0.9]", "selection_rate", "my metric"])
def test_a_metric_of_ones_own_has_a_name_of_its_own(name):
    with pytest.raises(ValidationError, match="is the name of a known metric|is no name"):
        declares(**{name: MEDIAN})


def test_of_rates_a_whole_share_is_no_margin_and_a_limit_bounds_the_bad_side():
    base = {"groups": ["district"], "metrics": ["tpr"], "pool_below": 10}
    binary = {
        "primary": "log_loss",
        "guardrails": [{"metric": "auc", "margin": 0.1}],
        "regression_suite": {"path": "x"},
    }
    binary |= {"floors": [{"metric": "auc", "at_least": 0.5}], "false_promotions_per_year": 1}
    for margin, floor, fault in (
        (1.0, {"metric": "tpr", "at_least": 0.1}, "fairness.margin: 1 of tpr can never be lost, write a share below 1"),
        (
            0.1,
            {"metric": "fpr", "at_least": 0.1},
            "fairness.floors: fpr: a bad model clears at_least (lower is better)",
        ),
        (0.1, {"metric": "tpr", "at_most": 0.1}, "fairness.floors: tpr: a bad model clears at_most (higher is better)"),
    ):
        rules = ValidationPolicy.model_validate(binary | {"fairness": base | {"margin": margin, "floors": [floor]}})
        assert rules.unbreakable.startswith(fault)
    for floor in ({"metric": "selection_rate", "at_most": 0.5}, {"metric": "selection_rate", "at_least": 0.5}):
        rules = ValidationPolicy.model_validate(binary | {"fairness": base | {"margin": 0.1, "floors": [floor]}})
        assert rules.unbreakable == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"primary": ["mae", "mae"]}, "primary: mae stands twice"),
        ({"fresher": {"max_age_periods": 3, "margin": 1.0}}, "promote_when: fresher and the key fresher go together"),
        ({"promote_when": "fresher", "fresher": {"max_age_periods": 3}}, "declare either margin_share"),
        (
            {"primary": "r2", "metrics": {"r2": MEDIAN | {"higher_is_better": True}}, "promote_when": "fresher",
             "fresher": {"max_age_periods": 3, "margin_share": 0.1}},
            "fresher.margin_share: r2 is no loss",
        ),
        ({"guardrails": [{"metric": "calibration_error", "margin": 0.1}]}, "write brier"),
        ({"floors": [{"metric": "mae"}]}, "floor mae: declare either at_least or at_most"),
    ],
)  # fmt: skip
def test_rules_that_ask_twice_or_nothing_are_refused(changes, why):
    with pytest.raises(ValidationError, match=why):
        policy(VALUE_RULES, **changes)


def test_columns_that_price_a_cost_are_named_once():
    cost = {"unit": "USD", "cost": {"column": "fare", "over": 1, "under": 2}}
    assert declares(one=cost, two=cost, own=MEDIAN).amounts == ("fare",)


def test_the_level_of_an_attempt_keeps_the_budget_of_a_year_and_never_exceeds_alpha():
    rules = policy(alpha=0.05, false_promotions_per_year=0.5)
    assert rules.alpha_per_attempt(52) == pytest.approx(0.5 / 52)
    assert rules.alpha_per_attempt(2) == 0.05


def test_a_suite_without_a_path_lies_beside_the_spec_and_need_not_be_there(tmp_path):
    usual, named = (policy(regression_suite=suite).regression_suite for suite in ({}, {"path": "cases.yaml"}))
    resolved = usual.resolved(tmp_path, "churn"), named.resolved(tmp_path, "churn")
    assert [(suite.path, suite.optional) for suite in resolved] == [
        (str(tmp_path / "churn.suite.yaml"), True),
        (str(tmp_path / "cases.yaml"), False),
    ]


def test_a_callable_is_looked_for_without_importing_the_package_it_stands_in(tmp_path, monkeypatch):
    (tmp_path / "eager_pkg").mkdir()
    for name in ("__init__", "metrics"):
        (tmp_path / "eager_pkg" / f"{name}.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    DeclaredMetric(**MEDIAN | {"callable": "eager_pkg.metrics:median"})
    with pytest.raises(ValueError, match=r"no module 'eager_pkg.nothing' is installed"):
        DeclaredMetric(**MEDIAN | {"callable": "eager_pkg.nothing:median"})
