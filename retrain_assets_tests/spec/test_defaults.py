"""What a spec leaves open and is filled in by its task and period."""

from retrain_assets.spec.loading import load_spec
from retrain_assets_tests.specs import SHORT, written


def test_a_spec_of_six_keys_is_enough_and_asks_nobody_for_what_was_not_declared(spec_folder):
    spec = load_spec(written(spec_folder, SHORT, "churn.yaml"))
    assert spec.source.features.path == str(spec_folder / "churn/*.csv")
    assert spec.source.outcomes.path == str(spec_folder / "labels.csv")
    assert spec.training.objective == "binary"
    assert [rail.metric for rail in spec.validation.guardrails] == ["auc"]
    assert (spec.validation.fairness.asked, spec.validation.floors) == (False, ())
    assert (spec.validation.regression_suite.path, spec.validation.regression_suite.optional) == (
        str(spec_folder / "churn.suite.yaml"),
        True,
    )


def test_the_short_and_the_full_form_say_the_same(spec_folder):
    full = SHORT.replace("primary: log_loss", "validation: {primary: [log_loss]}")
    full = full.replace('path: "churn/*.csv"', 'features: {path: "churn/*.csv"}')
    full = full.replace("outcomes: labels.csv", "outcomes: {path: labels.csv}")
    both = [load_spec(written(spec_folder, text, "churn.yaml")).model_dump() for text in (full, SHORT)]
    assert both[0] == both[1]


def test_a_default_guardrail_never_repeats_the_primary(spec_folder):
    spec = load_spec(written(spec_folder, SHORT.replace("log_loss", "auc"), "churn.yaml"))
    assert [rail.metric for rail in spec.validation.guardrails] == ["brier"]
