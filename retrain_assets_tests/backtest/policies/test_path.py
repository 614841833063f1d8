import numpy as np
import pytest

from retrain_assets.backtest.policies.clock import FixedClock, Never
from retrain_assets.backtest.policies.path import Past, PolicyPath, clock_of, walk
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


def test_each_day_is_served_by_the_last_model_trained():
    matrix = matrix_of(ageing(4))
    path = walk(FixedClock(2, "week"), matrix, matrix.whole)
    assert path.retrains == (0, 2)
    assert path.daily.reshape(4, 7)[:, 0].tolist() == [10, 20, 10, 20]
    assert path.loss == 7 * 60
    assert path.mean_loss == 1.5
    assert path.cost(100) == 7 * 60 + 100


def test_a_stretch_begins_with_a_model_of_its_own():
    matrix = matrix_of(ageing(6))
    _, second = matrix.halves()
    path = walk(Never(), matrix, second)
    assert path.retrains == (3,)
    assert path.daily.reshape(3, 7)[:, 0].tolist() == [10, 20, 30]
    assert path.oldest_days == 21


def test_a_policy_sees_only_what_is_known():
    matrix = matrix_of(ageing(4))
    past = Past(matrix, 2, (0,))
    losses, rows = past.served()
    assert losses.size == rows.size == 14
    assert past.served_between(1, 2) == (7 * 20, 70)
    assert past.served_between(2, 3) == (0.0, 0.0)


def test_outcomes_that_are_out_are_not_seen():
    from datetime import timedelta

    matrix = matrix_of(ageing(4), delay=timedelta(days=7))
    assert Past(matrix, 2, (0,)).served()[0].size == 7
    assert Past(matrix, 1, (0,)).served()[0].size == 0


@pytest.mark.parametrize(("count", "retrains"), [(0, (0,)), (1, (0, 4)), (3, (0, 2, 4, 6)), (7, tuple(range(8)))])
def test_the_clock_with_as_many_retrains_spreads_them(count, retrains):
    matrix = matrix_of(ageing(8))
    assert clock_of(matrix, matrix.whole, count).retrains == retrains


def test_a_retrain_that_made_the_next_week_worse_is_counted():
    means = ageing(3)
    means[1, 1] = 9.0
    matrix = matrix_of(means)
    assert PolicyPath(matrix, matrix.whole, (0, 1, 2)).worse_next == 0.5
    assert PolicyPath(matrix, matrix.whole, (0,)).worse_next == 0


def test_retrains_of_the_last_year_are_counted_without_the_first_model():
    matrix = matrix_of(np.ones((60, 60)))
    assert Past(matrix, 59, (0, 1, 30, 59)).year_back() == 2
