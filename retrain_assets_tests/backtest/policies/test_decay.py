import numpy as np

from retrain_assets.backtest.policies.decay import CusumDecay, RelativeDecay
from retrain_assets.backtest.policies.path import walk
from retrain_assets_tests.backtest.policies.test_promise import with_noise
from retrain_assets_tests.backtest.worlds import matrix_of


def test_relative_decay_asks_after_the_first_week_that_is_too_bad():
    means = np.ones((10, 10))
    means[:, 6:] = 1.3
    matrix = matrix_of(means)
    assert walk(RelativeDecay(0.2), matrix, matrix.whole).retrains[:2] == (0, 7)
    assert walk(RelativeDecay(0.4), matrix, matrix.whole).retrains == (0,)


def test_a_steady_loss_asks_for_nothing():
    matrix = with_noise(20)
    assert walk(RelativeDecay(0.2), matrix, matrix.whole).count == 0
    assert walk(CusumDecay(20.0), matrix, matrix.whole).count == 0


def test_page_s_chart_finds_a_step_of_two_standard_deviations():
    matrix = with_noise(20)
    late = matrix.days >= matrix.days[70]
    matrix.losses[:, late] += 200.0 * 0.2
    path = walk(CusumDecay(5.0), matrix, matrix.whole)
    assert path.count >= 1
    assert 11 <= path.retrains[1] <= 12
