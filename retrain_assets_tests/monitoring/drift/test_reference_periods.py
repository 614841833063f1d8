"""The reference periods of a season are those of earlier years."""

import pytest

from retrain_assets.monitoring.drift.reference_periods import comparable, kept_periods
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.periods import Calendar


@pytest.mark.parametrize(
    ("every", "period", "wanted"),
    [
        ("month", "2020-01", ["2018-01", "2018-02", "2018-12", "2019-01", "2019-02"]),
        ("day", "2020-03-10", ["2019-02-26", "2019-03-05", "2019-03-12", "2019-03-19", "2019-03-26"]),
    ],
)
def test_the_same_season_is_that_of_earlier_years_and_the_same_weekday(every, period, wanted):
    calendar = Calendar(every=every, start="2018-01-01")
    policy = DriftPolicy(reference="same_season")
    known = calendar.between(calendar.first, calendar.shift(period, 3))
    assert comparable(policy, calendar, known, period)[-5:] == wanted
    remembered = known[-3 - kept_periods(policy, calendar) : -3]
    assert set(comparable(policy, calendar, remembered, period)) >= set(wanted[-3:])
