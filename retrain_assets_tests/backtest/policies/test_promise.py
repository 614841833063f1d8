import numpy as np
import pytest
from scipy import stats

from retrain_assets.backtest.matrix.loss_matrix import LossMatrix
from retrain_assets.backtest.policies.path import Past
from retrain_assets.backtest.policies.promise import promise
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


def with_noise(origins=8, rows=200.0, rehearsed=np.nan):
    matrix = matrix_of(ageing(origins, slope=0.0), rows=rows)
    noise = np.random.default_rng(3).normal(0, 0.1, matrix.days.size)
    known = np.full(origins, rehearsed)
    losses = matrix.losses + rows * noise
    return LossMatrix(*(getattr(matrix, name) for name in ("moments", "trained_until", "days", "rows")), losses,
                      matrix.label_delay, matrix.gate_from, known)  # fmt: skip


def test_a_model_is_held_to_the_limit_of_its_candidates_gate():
    matrix = with_noise()
    found = promise(Past(matrix, 5, (0, 4)))
    means = matrix.losses[2, 14:28] / 200.0
    assert found.day_sd == pytest.approx(np.std(means, ddof=1))
    assert found.mean > means.mean()
    assert found.mean < means.mean() + 3 * stats.sem(means) * 1.5


def test_a_lower_rehearsal_counts_instead():
    loose, strict = (promise(Past(with_noise(rehearsed=value), 5, (0, 4))).mean for value in (np.nan, 0.5))
    assert strict == pytest.approx(loose - (with_noise().losses[2, 14:28].mean() / 200 - 0.5))


def test_a_first_model_is_held_to_its_own_first_days_once_they_are_known():
    matrix = with_noise()
    assert promise(Past(matrix, 1, (0,))) is None
    found = promise(Past(matrix, 2, (0,)))
    assert found.day_sd == pytest.approx(np.std(matrix.losses[0, :14] / 200.0, ddof=1))


def test_a_gate_without_rows_promises_nothing():
    matrix = with_noise()
    assert promise(Past(matrix, 5, (0, 4))) is not None
    matrix.rows[14:28] = 0
    assert promise(Past(matrix, 5, (0, 4))) is None
