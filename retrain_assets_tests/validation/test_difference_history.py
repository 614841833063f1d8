"""Which daily differences a gate learns its noise from."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from retrain_assets.candidates.origin_losses import DailyLosses, OriginLosses
from retrain_assets.statistics.daily_differences import GATES, PROBATIONS, daily_differences, write_differences
from retrain_assets.store import PeriodStore
from retrain_assets.validation.difference_history import known_history, origin_differences

FIRST = date(2024, 1, 1)


def rehearsal(month: int, strategy: str, days: int, loss: float) -> DailyLosses:
    """A model of an origin four weeks after the one before, scored up to the gate at 10 rows and so much loss a row."""
    own = tuple(FIRST + timedelta(days=28 * month + place) for place in range(days))
    return DailyLosses(
        f"2024-0{month + 1}", strategy, own, (10,) * days, tuple(10 * (loss + place) for place in range(days))
    )


ORIGINS = OriginLosses(
    "mae",
    (
        rehearsal(0, "recent", 84, 5.0),
        rehearsal(0, "history", 84, 5.5),
        rehearsal(1, "recent", 56, 30.0),
        rehearsal(2, "recent", 28, 57.0),
    ),
)


def test_every_day_is_in_one_pair_of_a_fresh_model_and_one_an_origin_older():
    found = origin_differences(ORIGINS)
    assert [each.source for each in found] == ["rehearsal of 2024-01", "rehearsal of 2024-02", "rehearsal of 2024-03"]
    days = [day for each in found for day in each.days]
    assert days == [(FIRST + timedelta(days=place)).isoformat() for place in range(84)]
    gains = [each.sums[0] for each in found]
    assert gains == pytest.approx([10 * (5.5 - 5.0), 10 * (5.0 + 28 - 30.0), 10 * (30.0 + 28 - 57.0)])


def test_one_strategy_and_one_origin_tell_nothing():
    assert origin_differences(OriginLosses("mae", (rehearsal(0, "recent", 28, 5.0),))) == ()
    assert origin_differences(OriginLosses("mae", ())) == ()


def test_a_gate_knows_rehearsals_probations_and_earlier_gates_of_days_before_its_own(tmp_path):
    store = PeriodStore(tmp_path)
    time = np.datetime64("2024-03-01") + np.arange(60)
    for asset in (GATES, PROBATIONS):
        write_differences(store, asset, "2024-03", [daily_differences(asset, "mae", np.ones(60), time)])
        write_differences(store, asset, "2024-05", [daily_differences(asset, "mae", np.ones(60), time)])
    begins = datetime(2024, 3, 20)
    found = known_history(store, "2024-05", begins, "mae", ORIGINS)
    assert [each.source for each in found.records][-2:] == [PROBATIONS, GATES]
    assert max(day for each in found.records for day in each.days) == "2024-03-19"
    assert sum(part.days for part in found.parts("mae")) == 79, "every day before the gate counts once"
    assert known_history(store, "2024-03", begins, "mae", None).records == ()
