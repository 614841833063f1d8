"""Each period tested against all others."""

import numpy as np
import pytest

from retrain_assets.monitoring.drift.period_tests import _alone_p, as_odd_before
from retrain_assets.monitoring.drift.statistics.prediction_t import prediction_t
from retrain_assets.monitoring.drift.summaries import Summary


def test_each_period_against_the_others_is_the_prediction_t():
    rng = np.random.default_rng(7)
    values, noise = rng.normal(size=9), rng.uniform(0, 0.5, 9)
    [found] = _alone_p(values[None], noise[None])
    for at in range(9):
        others = np.arange(9) != at
        _, p = prediction_t(values[others], values[at], noise=noise[others], current_noise=noise[at])
        assert found[at] == pytest.approx(p)


def test_the_current_period_is_the_oddest_as_often_as_chance_says_whatever_the_tails():
    rng, without = np.random.default_rng(8), 0
    for _ in range(300):
        one = Summary("mean", "", rng.standard_t(1.5, 13), np.zeros(13), 0, 0)
        without += as_odd_before([[one]]) == 0
    assert without / 300 == pytest.approx(1 / 13, abs=0.05)


def test_without_a_number_that_varies_no_period_was_as_odd():
    assert as_odd_before([[], []]) == 0
