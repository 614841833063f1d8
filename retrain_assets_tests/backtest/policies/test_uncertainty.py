import numpy as np

from retrain_assets.backtest.policies.path import walk
from retrain_assets.backtest.policies.uncertainty import RisingUncertainty
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


def doubts(origins, rises_from):
    wobble = np.random.default_rng(1).normal(0, 0.005, origins)
    found = np.tile(0.4 + wobble, (origins, 1))
    found[:, rises_from:] += 0.1
    return found


def test_it_asks_when_the_model_has_been_less_sure_for_long_enough():
    matrix = matrix_of(ageing(16), doubts=doubts(16, 9))
    path = walk(RisingUncertainty(2), matrix, matrix.whole)
    assert path.retrains[1] == 11, "the weeks after origins 9 and 10 are the first two in which it rose"


def test_a_model_as_sure_as_ever_is_kept():
    matrix = matrix_of(ageing(16), doubts=doubts(16, 16))
    assert walk(RisingUncertainty(2), matrix, matrix.whole).count == 0


def test_a_regression_has_no_uncertainty():
    matrix = matrix_of(ageing(16))
    assert walk(RisingUncertainty(1), matrix, matrix.whole).count == 0


def test_it_is_called_by_how_long_it_waits():
    assert RisingUncertainty(3).name == "uncertainty up for 3 decisions"
