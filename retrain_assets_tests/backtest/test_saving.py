import numpy as np
import pytest
from scipy import stats

from retrain_assets.backtest.policies.path import PolicyPath
from retrain_assets.backtest.saving import Saving, mean_limits, saving
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


def two(origins=12, gain=0.5):
    """A path that loses `gain` a row more than another on the same days, both noisy by day."""
    dear, cheap = (matrix_of(np.ones((origins, origins))) for _ in range(2))
    dear.losses[:] += 10 * gain + np.random.default_rng(2).normal(0, 2, dear.days.size)
    return PolicyPath(cheap, cheap.whole, (0,)), PolicyPath(dear, dear.whole, (0,))


def test_the_limits_are_those_of_the_paired_t_where_days_are_independent():
    cheap, dear = two()
    found = saving(cheap, dear, 0.0)
    days = dear.daily - cheap.daily
    assert found.total == pytest.approx(days.sum())
    reach = stats.t.ppf(0.975, days.size - 1) * stats.sem(days) * days.size
    assert found.high - found.total == pytest.approx(reach, rel=0.1)
    assert found.distinguishable


def test_retrains_cost_what_they_cost():
    cheap, dear = two()
    often = PolicyPath(cheap.matrix, cheap.stretch, (0, 5))
    free, priced = (saving(often, dear, cost) for cost in (0.0, 1000.0))
    assert priced.total == pytest.approx(free.total - 1000)
    assert priced.high - priced.low == pytest.approx(free.high - free.low)
    assert not saving(often, dear, free.total).distinguishable


def test_a_few_days_tell_nothing():
    matrix = matrix_of(ageing(2))
    _, second = matrix.halves()
    whole = PolicyPath(matrix, matrix.whole, (0,))
    assert saving(whole, whole, 1.0).low is not None
    short = matrix_of(ageing(2))
    path = PolicyPath(short, type(second)(0, 1, 3), (0,))
    found = saving(path, path, 1.0)
    assert (found.low, found.high, found.distinguishable) == (None, None, False)
    assert mean_limits(path) == (None, None)


def test_it_is_read_back_as_it_was_written():
    found = Saving(1.0, None, 2.0, 9)
    assert Saving.from_dict(found.to_dict()) == found


def test_days_of_which_one_holds_nearly_all_rows_have_no_limits():
    matrix = matrix_of(ageing(3))
    matrix.rows[5] = 1e9
    path = PolicyPath(matrix, matrix.whole, (0,))
    assert mean_limits(path) == (None, None)
