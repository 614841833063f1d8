from retrain_assets.backtest.policies.budget import Budgeted
from retrain_assets.backtest.policies.clock import FixedClock
from retrain_assets.backtest.policies.path import walk
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


def test_the_budget_of_any_year_is_kept():
    matrix = matrix_of(ageing(60))
    path = walk(Budgeted(FixedClock(4, "week"), 2), matrix, matrix.whole)
    assert path.retrains == (0, 4, 8, 57)
    assert Budgeted(FixedClock(4, "week"), 2).name == "every 4 weeks, at most 2 a year"
