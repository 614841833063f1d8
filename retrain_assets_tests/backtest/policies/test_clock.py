import pytest

from retrain_assets.backtest.policies.clock import FixedClock, Never
from retrain_assets.backtest.policies.path import walk
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


@pytest.mark.parametrize(("every", "retrains"), [(1, (0, 1, 2, 3, 4, 5)), (2, (0, 2, 4)), (5, (0, 5)), (9, (0,))])
def test_a_clock_retrains_at_its_age(every, retrains):
    matrix = matrix_of(ageing(6))
    assert walk(FixedClock(every, "week"), matrix, matrix.whole).retrains == retrains


def test_never_keeps_the_first_model():
    matrix = matrix_of(ageing(6))
    assert walk(Never(), matrix, matrix.whole).retrains == (0,)
