"""Sums by day: rows may come in any order, and a block's mean is that of its rows."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from retrain_assets.production.probation.day_sums import add_days, block_means, last_of


def test_the_mean_of_a_block_is_that_of_its_rows_in_whichever_order_they_came():
    rng = np.random.default_rng(1)
    day = np.datetime64("2024-01-01") + rng.integers(0, 6, 60).astype("m8[D]")
    excess = rng.normal(size=60)
    days = add_days(add_days({}, day[30:], excess[30:]), day[:30], excess[:30])
    second = excess[(day >= np.datetime64("2024-01-04")) & (day < np.datetime64("2024-01-07"))]
    assert block_means(days, date(2024, 1, 1), date(2024, 1, 7), 3)[1] == pytest.approx(second.mean())


def test_the_last_of_nothing_is_the_default():
    assert last_of(np.array([]), 1.0) == 1.0
    assert last_of(np.array([3.0, 2.0])) == 2.0
