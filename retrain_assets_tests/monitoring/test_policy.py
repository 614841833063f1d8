"""What a spec may say of monitoring, and what follows where it says nothing."""

import pytest
from pydantic import ValidationError

from retrain_assets.monitoring.policy import (
    BusinessMetric,
    DriftPolicy,
    LabelPolicy,
    MonitoringPolicy,
    TriggerPolicy,
)
from retrain_assets.periods import Length

COST = {"name": "cost", "unit": "dollars", "better": "lower", "threshold": 1.0}
MATRIX = ((0.0, 1.0), (9.0, 0.0))


@pytest.mark.parametrize("forms", [{}, {"expression": "sum(fare)", "cost_matrix": MATRIX}], ids=["none", "both"])
def test_a_business_metric_has_exactly_one_form(forms):
    with pytest.raises(ValidationError, match="business metric cost: declare either expression or cost_matrix"):
        BusinessMetric(**COST, **forms)


def test_only_metrics_declared_as_a_matrix_have_costs():
    business = (
        BusinessMetric(**COST, cost_matrix=MATRIX),
        BusinessMetric(**COST | {"name": "revenue"}, expression="sum(fare)"),
    )
    policy = MonitoringPolicy(DriftPolicy(), LabelPolicy(), business, None, 0.5)
    assert policy.costs == {"cost": MATRIX}


@pytest.mark.parametrize(
    ("declared", "usual_loss", "cost"), [(None, 2000.0, 200.0), (400.0, 2000.0, 400.0), (None, 0.0, float("inf"))]
)
def test_a_retrain_costs_what_is_declared_or_a_tenth_of_the_usual_loss_and_never_nothing(declared, usual_loss, cost):
    assert TriggerPolicy(retrain_cost=declared).cost_of_a_retrain(usual_loss) == pytest.approx(cost)


def test_lengths_may_be_counted_in_periods_but_not_said_twice():
    policy = TriggerPolicy(max_age_periods=12, cooldown_periods=0)
    assert (policy.max_age, policy.cooldown) == (Length(periods=12), Length(periods=0))
    with pytest.raises(ValidationError, match="max_age and max_age_periods say the same. Keep max_age"):
        TriggerPolicy(max_age="52w", max_age_periods=12)


@pytest.mark.parametrize(
    ("kind", "knob"),
    [
        (DriftPolicy, {"alpha": 0.0}),
        (DriftPolicy, {"alpha": 1.0}),
        (DriftPolicy, {"reference_periods": 3}),
        (LabelPolicy, {"jump_odds_ratio": 1.0}),
        (TriggerPolicy, {"patience": 0}),
        (TriggerPolicy, {"retrain_cost": float("inf")}),
        (TriggerPolicy, {"retrain_costs": 5.0}),
    ],
)
def test_a_knob_outside_its_range_or_unknown_is_refused(kind, knob):
    with pytest.raises(ValidationError, match=next(iter(knob))):
        kind(**knob)


@pytest.mark.parametrize(("said", "declared"), [(True, 2500.0), (False, None), (800.0, 800.0)])
def test_the_excess_that_asks_for_a_retrain_is_the_one_declared(said, declared):
    assert TriggerPolicy(retrain_cost=2500, on_excess_loss=said).declared_excess == declared
