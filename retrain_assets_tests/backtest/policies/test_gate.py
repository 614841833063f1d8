from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from retrain_assets.backtest.policies.clock import FixedClock
from retrain_assets.backtest.policies.gate import ReplayedGate
from retrain_assets.backtest.policies.path import Past, walk
from retrain_assets_tests.backtest.worlds import ageing, matrix_of

ALWAYS = FixedClock(1, "week")
WEEK = timedelta(weeks=1)


def noisy(origins=16, slope=0.0, own=0.3, seed=0):
    """Models of which each day's difference to another is noise, beside what ageing adds."""
    matrix = matrix_of(ageing(origins, slope), rows=50.0)
    matrix.losses[:] += 50 * np.random.default_rng(seed).normal(0, own, matrix.losses.shape)
    return matrix


def test_a_world_that_drifts_fast_promotes_at_every_fresh_gate():
    matrix = noisy(slope=1.0, own=0.05)
    path = walk(ALWAYS, matrix, matrix.whole, ReplayedGate(WEEK, 0.05))
    assert path.retrains == (0, 2, 4, 6, 8, 10, 12, 14)
    assert (path.count, path.paid) == (7, 7)
    assert path.models == path.retrains


def test_without_a_refit_the_candidate_itself_serves():
    matrix = noisy(slope=1.0, own=0.05)
    path = walk(ALWAYS, matrix, matrix.whole, ReplayedGate(WEEK, 0.05, refit=False))
    assert path.models[1:] == tuple(decision - 1 for decision in path.retrains[1:])
    assert path.loss > walk(ALWAYS, matrix, matrix.whole, ReplayedGate(WEEK, 0.05)).loss


def test_rows_that_judged_once_judge_no_more():
    matrix = noisy()
    gate = ReplayedGate(2 * WEEK, 0.05)
    path = walk(ALWAYS, matrix, matrix.whole, gate)
    assert path.paid <= 7
    assert not gate.ready(Past(matrix, 5, (0,), (0,), (4,)))
    assert gate.ready(Past(matrix, 6, (0,), (0,), (4,)))
    assert not gate.ready(Past(matrix, 5, (0, 4), (0, 4), (4,)))


def test_equal_models_are_promoted_at_the_level():
    """The level of one attempt: of many equal pairs at most about the level is called better."""
    promoted = attempts = 0
    for seed in range(40):
        matrix = noisy(22, seed=seed)
        path = walk(ALWAYS, matrix, matrix.whole, ReplayedGate(2 * WEEK, 0.05))
        promoted, attempts = promoted + path.count, attempts + path.paid
    assert promoted / attempts <= stats.binom.ppf(0.999, attempts, 0.06) / attempts


@pytest.mark.parametrize(("margin", "promoted"), [(0.0, False), (0.2, True)])
def test_no_worse_by_a_margin_is_enough_where_that_is_declared(margin, promoted):
    matrix = noisy(own=0.05)
    gate = ReplayedGate(2 * WEEK, 0.01, margin_share=margin)
    assert (gate.promoted(Past(matrix, 8, (0,), (0,))) is not None) is promoted


def test_its_name_is_its_rule():
    assert ReplayedGate(2 * WEEK, 0.05).name == "superior, 14 days, refit"
    assert ReplayedGate(WEEK, 0.05, 0.05, refit=False).name == "non-inferior by 5 %, 7 days, no refit"


def test_what_cannot_be_compared_promotes_nothing():
    matrix = noisy(slope=1.0, own=0.05)
    past = Past(matrix, 8, (0,), (0,), (0,))
    gate = ReplayedGate(2 * WEEK, 0.05)
    assert gate.promoted(past) is not None
    assert gate.promoted(Past(matrix, 1, (0,), (0,), (0,))) is None, "no candidate is newer than the live model"
    assert ReplayedGate(timedelta(days=2), 0.05).promoted(past) is None, "two days have no error"
    matrix.rows[6 * 7 : 8 * 7] = 0
    assert gate.promoted(past) is None, "the gate has no rows"
