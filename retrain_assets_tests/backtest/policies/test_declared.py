from datetime import timedelta

import pytest

from retrain_assets.backtest.policies.declared import DeclaredTriggers
from retrain_assets.backtest.policies.excess import AccumulatedExcess
from retrain_assets.backtest.policies.path import walk
from retrain_assets.model import Model
from retrain_assets.monitoring.policy import TriggerPolicy
from retrain_assets.periods import Calendar, Length
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


def triggers(every="week", **keys):
    calendar = Calendar(every=every, start="2023-12-04" if every == "week" else "2023-12-01")
    model = Model("rides", "regression", 2, calendar, "id", "at", "fare", timedelta(0), "mae", "USD", "ride")
    return DeclaredTriggers(model, TriggerPolicy(**keys), Length.parse("4w"))


def test_a_weekly_spec_asks_as_accumulated_excess_does():
    matrix = matrix_of(ageing(20))
    declared = triggers(retrain_cost=400, max_per_year=52, cooldown="0w")
    plain = AccumulatedExcess(400.0, declared.model.units)
    assert walk(declared, matrix, matrix.whole).retrains == walk(plain, matrix, matrix.whole).retrains


def test_an_age_is_a_clock():
    matrix = matrix_of(ageing(13))
    path = walk(triggers(on_excess_loss=False, max_age="4w", max_per_year=52), matrix, matrix.whole)
    assert path.retrains == (0, 4, 8, 12)


def test_a_monthly_spec_asks_when_a_month_has_ended():
    matrix = matrix_of(ageing(20))
    path = walk(triggers("month", on_excess_loss=False, max_age="4w", max_per_year=52), matrix, matrix.whole)
    days = [str(matrix.moments[origin].astype("datetime64[D]")) for origin in path.retrains[1:]]
    assert days == ["2024-02-05", "2024-03-04", "2024-04-01", "2024-05-06"]


@pytest.mark.parametrize("keys", [{"max_per_year": 2}, {"min_new_rows": 10**6}])
def test_caps_bind(keys):
    matrix = matrix_of(ageing(20))
    asks = {"on_excess_loss": False, "max_age": "2w", "max_per_year": 52}
    path = walk(triggers(**(asks | keys)), matrix, matrix.whole)
    assert path.count == (2 if "max_per_year" in keys else 0)


def test_confirmed_drift_asks_where_the_spec_says_so():
    matrix = matrix_of(ageing(6, slope=0.0))
    quiet, asking = (triggers(on_excess_loss=False, on_confirmed_drift=said) for said in (False, True))
    for policy, count in ((quiet, 0), (asking, 1)):
        found = DeclaredTriggers(policy.model, policy.triggers, policy.rollback_cooldown, lambda past: past.now == 3)
        assert walk(found, matrix, matrix.whole).count == count


def test_what_is_forgone_is_counted_to_the_end_of_the_period():
    """Weekly gains of 70, 140, ... against fresh models; a month asks with what was known at its last decision."""
    matrix = matrix_of(ageing(20))
    keys = {"on_excess_loss": False, "on_forgone_gain": 0.5, "retrain_cost": 200, "max_per_year": 52}
    path = walk(triggers("month", **keys), matrix, matrix.whole)
    days = [str(matrix.moments[origin].astype("datetime64[D]")) for origin in path.retrains[1:]]
    assert days[0] == "2024-02-05"
    weekly = walk(triggers("week", **keys), matrix, matrix.whole)
    assert weekly.count > path.count
