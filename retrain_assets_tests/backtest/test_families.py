from dataclasses import replace

import pytest

from retrain_assets.backtest.families import Families
from retrain_assets.backtest.policies.declared import DeclaredTriggers
from retrain_assets.backtest.policies.feature_drift import FeatureIntervals
from retrain_assets.monitoring.policy import TriggerPolicy
from retrain_assets.spec.loading import SHIPPED, load_spec


def families(name, unit="week", **keys):
    spec = load_spec(SHIPPED / f"{name}.yaml")
    triggers = spec.triggers.model_copy(update=keys)
    return Families(spec.model, triggers, spec.drift, spec.rollback.cooldown, 2000.0, unit, FeatureIntervals([], 12))


@pytest.mark.parametrize(("name", "unit"), [("taxi_charge", "week"), ("flight_delays", "week"), ("employment", "year")])
def test_names_are_unique_and_what_a_spec_can_declare_is_a_valid_block(name, unit):
    of = families(name, unit)
    offers = list(of.offers())
    names = [offer.policy.name for offer in offers]
    assert len(set(names)) == len(names)
    assert {"your triggers", "never"} <= set(names)
    for offer in offers:
        if offer.triggers:
            TriggerPolicy.model_validate(offer.triggers)


def test_a_variant_asks_for_nothing_else_than_it_says():
    of = families("flight_delays", on_confirmed_drift=True)
    clock = next(offer for offer in of.offers() if offer.policy.name == "a clock of 8 weeks")
    assert isinstance(clock.policy, DeclaredTriggers)
    told = clock.policy.triggers
    assert (told.on_excess_loss, str(told.max_age), told.on_confirmed_drift) == (False, "8w", False)
    assert told.min_new_rows == of.triggers.min_new_rows


def test_a_regression_is_not_asked_for_its_uncertainty():
    assert not [offer for offer in families("taxi_charge").offers() if offer.policy.family == "uncertainty"]
    assert [offer for offer in families("flight_delays").offers() if offer.policy.family == "uncertainty"]


def test_triggers_that_are_not_replayed_are_named():
    of = families("taxi_charge")
    assert of.notes == []
    estimated = replace(of, triggers=of.triggers.model_copy(update={"on_estimated_loss": True}))
    assert estimated.notes == ["triggers.on_estimated_loss: not replayed, so your triggers may ask more often."]
