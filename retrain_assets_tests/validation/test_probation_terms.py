"""What a promotion settles on its gate rows for the time after it."""

import math

import numpy as np
import pytest

from retrain_assets.statistics.daily_differences import DifferenceHistory, daily_differences
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.probation_terms import capped_losses, loss_cap, terms


def test_one_absurd_row_moves_the_loss_of_neither_model_beyond_the_cap():
    label = np.zeros(1000)
    wild = np.append(np.ones(999), 1e6)
    cap = loss_cap("mae", np.abs(np.linspace(0, 10, 1000)))
    assert cap == pytest.approx(9.95)
    assert capped_losses("mae", label, wild, cap).max() == pytest.approx(cap)
    assert capped_losses("log_loss", label, np.append(np.full(999, 0.5), 1.0), None).max() == pytest.approx(
        -math.log(0.01)
    )


@pytest.mark.parametrize(("rho", "longest"), [(0.0, 3), (0.9, 14)])
def test_days_that_resemble_each_other_make_longer_blocks(rho, longest):
    random = np.random.default_rng(4)
    shift = np.zeros(56)
    for day in range(1, 56):
        shift[day] = rho * shift[day - 1] + random.normal()
    time = np.repeat(np.datetime64("2019-01-01") + np.arange(56), 40).astype("datetime64[us]")
    label = np.zeros(len(time))
    champion = np.full(len(time), 10.0)
    candidate = champion + np.repeat(shift, 40)
    rows = GateRows(np.arange(len(time)), label, time, {})
    found = terms("mae", rows, candidate, champion)
    assert found["history_days"] == 0
    assert found["block_days"] <= longest if rho == 0 else found["block_days"] == longest
    assert found["loss_cap"] == pytest.approx(np.quantile(np.r_[candidate, champion], 0.995))


def test_six_weeks_of_history_tell_the_block_length_whatever_the_gate_looks_like():
    random, days = np.random.default_rng(4), 84
    shift = np.zeros(days)
    for day in range(1, days):
        shift[day] = 0.9 * shift[day - 1] + random.normal()
    past = daily_differences("gate", "mae", shift, np.datetime64("2018-10-01") + np.arange(days))
    time = np.repeat(np.datetime64("2019-01-01") + np.arange(28), 40).astype("datetime64[us]")
    candidate = 10.0 + np.repeat(np.tile([1.0, -1.0], 14), 40)
    for known, length in (((), 1), ((past,), 14)):
        rows = GateRows(np.arange(len(time)), np.zeros(len(time)), time, {}, history=DifferenceHistory(known, "mae"))
        assert terms("mae", rows, candidate, np.full(len(time), 10.0))["block_days"] == length
