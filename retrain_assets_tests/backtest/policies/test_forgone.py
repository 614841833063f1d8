import numpy as np
import pytest
from scipy import stats

from retrain_assets.backtest.policies.excess import AccumulatedExcess
from retrain_assets.backtest.policies.forgone import ForgoneGain, forgone
from retrain_assets.backtest.policies.path import Past, walk
from retrain_assets.documents.units import LossUnits
from retrain_assets_tests.backtest.worlds import ageing, matrix_of

DOLLARS = LossUnits("ride", "USD")


def improving(origins=16, from_week=4):
    """Fresh models become better from one week on, while old ones stay as good as they promised."""
    means = np.ones((origins, origins))
    means[from_week:, :] = 0.5
    matrix = matrix_of(means)
    matrix.losses[:] += 10 * np.random.default_rng(6).normal(0, 0.02, matrix.losses.shape)
    return matrix


def test_the_gain_is_that_of_each_fresh_model_in_the_week_after_it():
    matrix = matrix_of(ageing(8))
    found = forgone(Past(matrix, 5, (0,)), 0.5)
    assert found.total == pytest.approx(70 * (1 + 2 + 3 + 4))
    assert found.days == 28
    assert found.share == pytest.approx(10 / (2 + 3 + 4 + 5))
    assert found.next_interval == pytest.approx(70 * 2.5)


def test_days_known_since_the_last_origin_count_against_its_model():
    matrix = matrix_of(ageing(8))
    later = forgone(Past(matrix, 5, (0,)), 0.5, known=int(matrix.served_from[5]) + 3)
    assert later.days == 28 + 3
    assert later.total == pytest.approx(70 * (1 + 2 + 3 + 4) + 30 * 5)


def test_its_limit_is_that_of_the_paired_t():
    matrix = improving(from_week=1)
    found = forgone(Past(matrix, 9, (0,)), 0.9)
    gains = np.concatenate([matrix.losses[0, 7 * week : 7 * week + 7] - matrix.losses[week, 7 * week : 7 * week + 7]
                            for week in range(1, 9)])  # fmt: skip
    reach = stats.t.ppf(0.9, gains.size - 1) * stats.sem(gains) * gains.size
    assert found.low == pytest.approx(gains.sum() - reach, rel=0.02)
    assert forgone(Past(matrix, 9, (0,)), 0.99).low < found.low


def test_it_sees_what_the_excess_over_the_promise_does_not():
    matrix = improving()
    assert walk(AccumulatedExcess(100.0, DOLLARS), matrix, matrix.whole).count == 0
    path = walk(ForgoneGain(100.0, 0.9, DOLLARS), matrix, matrix.whole)
    assert 7 <= path.retrains[1] <= 9, "35 a week from week 4 on: 105 are known after three, certain a little later"


def test_nothing_is_forgone_where_nothing_ages():
    matrix = matrix_of(ageing(16, slope=0.0))
    assert walk(ForgoneGain(1.0, 0.5, DOLLARS), matrix, matrix.whole).count == 0
    assert forgone(Past(matrix, 1, (0,)), 0.9).days == 0


def test_at_one_look_a_model_that_does_not_age_seems_to_as_seldom_as_the_certainty_says():
    lows = []
    for seed in range(200):
        matrix = matrix_of(ageing(16, slope=0.0))
        matrix.losses[:] += 10 * np.random.default_rng(seed).normal(0, 0.1, matrix.losses.shape)
        lows.append(forgone(Past(matrix, 15, (0,)), 0.9).low)
    assert 0.05 < np.mean(np.array(lows) > 0) < 0.16


def test_after_an_attempt_in_vain_it_counts_anew():
    matrix = improving(from_week=1)
    before, after = (forgone(Past(matrix, 9, (0,), (0,), tried), 0.5).total for tried in ((), (6,)))
    assert after == pytest.approx(before * 2 / 8, rel=0.1)
