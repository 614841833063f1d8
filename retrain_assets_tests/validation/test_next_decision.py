"""The date that an undecided verdict names: the first on which windows can be cut again on rows that decided none."""

from datetime import datetime, timedelta

import pytest

from retrain_assets.model import Model
from retrain_assets.periods import Calendar, Length
from retrain_assets.validation.next_decision import next_decision
from retrain_assets.verdict import GateWindow
from retrain_assets.windows.cut import UsedRows, Wait, Windows, cut
from retrain_assets.windows.policy import WindowsPolicy

ASKED = {"day": "2019-02-15", "week": "2019-02-11", "month": "2019-02"}


@pytest.mark.parametrize(
    ("every", "length", "delay"),
    [
        *(("day", "3d", 0), ("day", "2w", 1), ("day", "5w", 20)),
        *(("week", "3d", 1), ("week", "2w", 20), ("week", "5w", 0)),
        *(("month", "3d", 20), ("month", "2w", 0), ("month", "5w", 1)),
    ],
)
def test_before_it_a_retrain_waits_for_a_fresh_gate_and_at_it_no_longer(every, length, delay):
    """Each two of calendar, length and delay meet once."""
    asked = ASKED[every]
    calendar = Calendar(every=every, start="2018-01-01")
    model = Model("taxi", "regression", 2, calendar, "id", "at", "fare", timedelta(days=delay), "mae")
    policy = WindowsPolicy(gate=length, recent="4w", min_train="1d", selection_origins=1)
    stored = calendar.between(calendar.first, calendar.shift(asked, 90))
    first = cut(model, policy, asked, stored, UsedRows(trained_until=datetime(2018, 2, 1)))
    assert isinstance(first, Windows)
    gate = GateWindow(first.gate.periods, first.gate.start.isoformat(), first.gate.end.isoformat(), 9, "9f")

    due = next_decision(model, asked, gate, Length.parse("0d"), first=False)

    used = UsedRows(((first.gate.start, first.gate.end),), datetime(2018, 2, 1))
    assert isinstance(cut(model, policy, due, stored, used), Windows)
    between = [period for period in stored if asked < period < due]
    assert all(isinstance(cut(model, policy, period, stored, used), Wait) for period in between)


def test_the_rest_after_an_attempt_in_vain_counts_too_and_a_first_model_waits_for_nothing_else():
    calendar = Calendar(every="week", start="2018-01-01")
    model = Model("taxi", "regression", 2, calendar, "id", "at", "fare", timedelta(days=1), "mae")
    gate = GateWindow(("2019-02-11",), "2019-02-03T00:00:00", "2019-02-17T00:00:00", 9, "9f")
    for cooldown, first, due in (("6w", False, "2019-03-25"), ("6w", True, "2019-03-25"), ("0d", True, "2019-02-18")):
        assert next_decision(model, "2019-02-11", gate, Length.parse(cooldown), first) == due
