from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.backtest.policies.oracle import front, oracle, segments
from retrain_assets.backtest.policies.path import PolicyPath
from retrain_assets_tests.backtest.worlds import ageing, matrix_of

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def dp():
    """The exact schedules of retrainopt."""
    return pytest.importorskip("retrainopt.core.dp", reason="the extra `test` brings retrainopt")


def every_path(matrix, stretch):
    """All paths there are."""
    later = range(stretch.first + 1, stretch.last)
    for count in range(len(later) + 1):
        for chosen in combinations(later, count):
            yield PolicyPath(matrix, stretch, (stretch.first, *chosen))


def exact(dp, matrix, cost):
    """The cost of retrainopt's schedule, whose model 0 is given and whose losses are by week."""
    weeks = np.nan_to_num(matrix.losses).reshape(matrix.origins, -1, 7).sum(axis=2)
    models = {
        (-1, 0) if origin == 0 else (origin, 1): {
            "training_cost": cost if origin else 0.0,
            "future_losses": {week: float(weeks[origin, week]) for week in range(origin, matrix.origins)},
        }
        for origin in range(matrix.origins)
    }
    return dp.solve_exact_schedule(matrix.origins, models)[0]


@settings(max_examples=15)
@given(seed=SEEDS, cost=st.sampled_from([0.0, 40.0, 200.0]))
def test_no_path_costs_less(seed, cost):
    matrix = matrix_of(np.random.default_rng(seed).gamma(2, 1, (8, 8)))
    for stretch in (matrix.whole, *matrix.halves()):
        least = min(path.cost(cost) for path in every_path(matrix, stretch))
        assert oracle(matrix, stretch, cost).cost(cost) == pytest.approx(least, abs=1e-9)


def test_the_front_is_the_least_loss_of_each_number_of_retrains():
    matrix = matrix_of(np.random.default_rng(9).gamma(2, 1, (7, 7)))
    found = front(matrix, matrix.whole)
    for count, loss in enumerate(found):
        least = min(path.loss for path in every_path(matrix, matrix.whole) if path.count == count)
        assert loss == pytest.approx(least, abs=1e-9)


@settings(max_examples=50)
@given(seed=SEEDS, origins=st.integers(2, 24), cost=st.floats(0, 500))
def test_it_agrees_with_the_exact_schedule_of_retrainopt(dp, seed, origins, cost):
    matrix = matrix_of(np.random.default_rng(seed).gamma(2, 1, (origins, origins)))
    assert oracle(matrix, matrix.whole, cost).cost(cost) == pytest.approx(exact(dp, matrix, cost), abs=1e-9)


def test_a_model_serves_nothing_before_it_is_trained():
    found = segments(matrix_of(ageing(3)), matrix_of(ageing(3)).whole)
    assert np.isinf(found[1, 0])
    assert found[0].tolist() == [np.inf, 70, 210, 420]
