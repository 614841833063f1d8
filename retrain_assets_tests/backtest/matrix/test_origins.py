from datetime import datetime, timedelta

import pytest

from retrain_assets.backtest.matrix.origins import decision_calendar, enough_history, origin_at, origins
from retrain_assets.model import Model
from retrain_assets.periods import Calendar
from retrain_assets.windows.policy import WindowsPolicy

MONTHS = Calendar(every="month", start="2018-01-01")
RIDES = Model("rides", "regression", 2, MONTHS, "id", "at", "fare", timedelta(days=2), "mae")
DAYS = [datetime(2018, 1, 1) + timedelta(days=number) for number in range(120)]


def test_a_monthly_model_has_an_origin_every_monday_once_it_has_enough_to_train_on():
    policy = WindowsPolicy(min_train="8w", gate="2w")
    found = origins(RIDES, policy, decision_calendar(MONTHS, DAYS, 9_000), DAYS)
    assert [origin.moment for origin in found][:2] == [datetime(2018, 3, 5), datetime(2018, 3, 12)]
    assert found[-1].moment == datetime(2018, 4, 30)


def test_training_ends_a_label_delay_before_the_moment_and_rehearsals_follow_with_the_delay_between():
    origin = origin_at(RIDES, WindowsPolicy(recent="4w", selection="1w"), datetime(2018, 3, 5))
    assert origin.trained_until == datetime(2018, 3, 3)
    assert (origin.recent.start, origin.history.start) == (datetime(2018, 2, 3), datetime(2018, 1, 1))
    assert (origin.stop.start, origin.stop.end) == (datetime(2018, 3, 5), datetime(2018, 3, 12))
    assert (origin.selection.start, origin.selection.end) == (datetime(2018, 3, 14), datetime(2018, 3, 21))


@pytest.mark.parametrize(("needed", "enough"), [("8w", False), ("4w", True)])
def test_history_is_counted_from_the_first_row(needed, enough):
    assert enough_history(RIDES, WindowsPolicy(min_train=needed), DAYS, datetime(2018, 2, 10)) is enough


def test_a_length_in_periods_counts_the_periods_that_have_rows():
    policy = WindowsPolicy(min_train_periods=2, gate_periods=1)
    surveys = [datetime(2015, 7, 1), datetime(2016, 7, 1)]
    years = Calendar(every="year", start="2015-01-01")
    people = Model("people", "binary", 2, years, "id", "at", "works", timedelta(days=30), "log_loss")
    assert not enough_history(people, policy, surveys, datetime(2016, 6, 1))
    assert enough_history(people, policy, surveys, datetime(2016, 12, 2))
    assert decision_calendar(years, surveys, 90_000).every == "year"


@pytest.mark.parametrize(("rows", "every"), [(2_000, "week"), (300, "month"), (101, "quarter"), (20, "month")])
def test_decisions_come_as_often_as_the_rows_allow(rows, every):
    """Of 120 days: 18 weeks, four months, two quarters; where nothing suffices the model's own periods decide."""
    assert decision_calendar(MONTHS, DAYS, rows).every == every


def test_of_a_long_history_the_newest_decisions_are_replayed(monkeypatch):
    monkeypatch.setattr("retrain_assets.backtest.matrix.origins.MOST_ORIGINS", 3)
    found = origins(RIDES, WindowsPolicy(min_train="8w"), decision_calendar(MONTHS, DAYS, 9_000), DAYS)
    assert [origin.moment for origin in found] == [datetime(2018, 4, day) for day in (16, 23, 30)]


def test_no_rows_make_no_origins():
    assert origins(RIDES, WindowsPolicy(), MONTHS, []) == []
