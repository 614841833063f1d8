"""The defaults that are in force where a spec says nothing, and what they mean for this model's data."""

import pytest

from retrain_assets.onboarding.defaults import defaults_in_force
from retrain_assets.onboarding.survey import PeriodFindings
from retrain_assets.spec.loading import load_spec
from retrain_assets_tests.specs import SHORT, written

FOUND = [PeriodFindings("2024-01", rows=120), PeriodFindings("2024-02", rows=1500), PeriodFindings("2024-03")]


@pytest.fixture
def in_force(spec_folder):
    def read(more=""):
        spec = load_spec(written(spec_folder, SHORT + more, "churn.yaml"))
        return {one.key: one for one in defaults_in_force(spec, FOUND)}

    return read


def test_what_a_short_spec_leaves_out_is_told_with_the_numbers_of_its_data(in_force):
    found = in_force()
    assert found["contract.min_rows"].meaning == "a month has 120 to 1,500"
    assert found["validation.fairness"].value == "not asked"
    assert "churn.suite.yaml" in found["validation.regression_suite"].meaning
    assert found["triggers.retrain_cost"].value == "10 %"


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("contract: {min_rows: 5}\n", "contract.min_rows"),
        ("contract: {max_delay: 2d}\n", "contract.max_delay"),
        ("windows: {gate: 4w}\n", "windows"),
        ("triggers: {retrain_cost: 5}\n", "triggers.retrain_cost"),
        ("triggers: {max_per_year: 5}\n", "triggers.max_per_year"),
        ("probation: {periods: 5}\n", "probation.length"),
        ("probation: {length: 8w}\n", "probation.length"),
    ],
)
def test_what_is_declared_is_no_default(in_force, more, key):
    assert set(in_force()) - set(in_force(more)) == {key}


def test_the_level_of_an_attempt_follows_from_the_attempts_of_a_year(in_force):
    attempts = int(in_force()["triggers.max_per_year"].value)
    budget = float(in_force()["validation.false_promotions_per_year"].value)
    level = min(0.05, budget / attempts)
    assert in_force()["validation.false_promotions_per_year"].meaning.endswith(f"at the level {level:.3g}")
