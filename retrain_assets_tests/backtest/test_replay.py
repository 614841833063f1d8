from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from retrain_assets.backtest.policies.path import PolicyPath, clock_of
from retrain_assets.backtest.record import read_backtest
from retrain_assets.backtest.replay import PolicyReplay, best_range
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


@pytest.fixture(scope="module")
def replayed(built):
    spec, rows, results, matrix = built
    return matrix.matrix, spec.backtest.run(rows, results, workers=1)


def test_every_policy_stands_beside_its_clock(replayed):
    _, record = replayed
    assert record.declared.retrains
    names = {policy.name for policy in record.policies}
    assert {"never", "your triggers", "a clock of 2 weeks"} <= names
    oracle = record.policies[-1]
    assert oracle.hindsight
    assert all(policy.regret >= -1e-6 for policy in record.policies)
    assert oracle.cost == pytest.approx(min(policy.cost for policy in record.policies), rel=0.05)


def test_never_is_the_first_model_on_every_day(replayed):
    matrix, record = replayed
    never = record.named("never")
    path = PolicyPath(matrix, matrix.whole, (0,))
    assert never.loss == pytest.approx(path.loss)
    assert never.mean_loss == pytest.approx(np.nansum(matrix.losses[0, 21:]) / matrix.rows[21:].sum())
    assert record.timeline.starts[0] == "2024-01-22"


def test_the_gate_s_rules_stand_beside_the_policies(replayed):
    _, record = replayed
    own = [one for one in record.gated if one.declared]
    assert {one.policy for one in own} >= {"your triggers", "every week"}
    assert {one.rule for one in own} == {"superior, 7 days, no refit"}
    assert all(one.promoted <= one.attempts for one in record.gated)
    assert len({one.rule for one in record.gated}) == 5


def test_a_history_too_short_for_halves_is_labelled_so(replayed):
    _, record = replayed
    assert record.recommendation.tuned_on_all
    assert all(policy.against_clock.low is None for policy in record.policies), "the days that chose prove nothing"
    assert "chosen on the same history" in record.recommendation.sentence or "Keep" in record.recommendation.sentence


def test_the_same_rows_and_spec_are_answered_from_what_is_kept(own_build):
    spec, rows, results = own_build
    first = spec.backtest.run(rows, results, workers=1)
    told = []
    again = spec.backtest.run(rows, results, workers=1, progress=lambda *said: told.append(said))
    assert again == first == read_backtest(results)
    assert told == []


def test_other_triggers_are_replayed_on_the_same_models(own_build):
    spec, rows, results = own_build
    first = spec.backtest.run(rows, results, workers=1)
    other = replace(spec.backtest, triggers=spec.triggers.model_copy(update={"retrain_cost": 100.0}))
    again = other.run(rows, results, workers=1, stops=["2024-01-15: not replayed, it is damaged."])
    assert again.fits == 0
    assert again.retrain_cost == 100.0 != first.retrain_cost
    assert "2024-01-15: not replayed, it is damaged." in again.problems


def test_what_a_retrain_costs_and_the_clock_are_told_by_the_half_that_has_no_part_in_the_other(built):
    """Losses are ten times as high in the second half."""
    spec = built[0]
    matrix = matrix_of(ageing(24, 0.1))
    matrix.losses[:, 7 * 12 :] *= 10
    undeclared = replace(spec.backtest, triggers=spec.triggers.model_copy(update={"retrain_cost": None}))
    replay = PolicyReplay(undeclared, SimpleNamespace(matrix=matrix), lambda *said: None)
    cost = replay._cost()
    assert cost == pytest.approx(0.1 * 70.0), "a tenth of a week's loss of fresh models, before it rose"
    halves = matrix.halves()
    parts = [PolicyPath(matrix, half, (half.first, half.first + 1)) for half in halves]
    whole = PolicyPath(matrix, matrix.whole, (0, 1, 12))
    found = replay._against_clock(whole, parts, cost)
    clock = clock_of(matrix, halves[1], 1)
    assert found.total == pytest.approx(clock.loss - parts[1].loss)
    assert found.days == 7 * 12


@pytest.mark.parametrize(
    ("loss", "retrains", "expected"),
    [(10.0, 1, (1.0, 10.0)), (20.0, 0, (10.0, float("inf"))), (8.0, 3, (0.0, 1.0)), (9.5, 2, (None, None))],
)
def test_the_range_in_which_a_policy_is_best_ends_where_another_line_crosses(loss, retrains, expected):
    lines = [(10.0, 1), (20.0, 0), (8.0, 3), (9.5, 2)]
    assert best_range(loss, retrains, lines) == expected
