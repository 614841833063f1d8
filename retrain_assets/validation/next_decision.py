"""When a question that was left undecided can be answered next: on a whole gate of rows that decided nothing yet.

The triggers ask no sooner: a gate that is not fresh is waited for (`windows.cut`), and so is the cool-down.
"""

from __future__ import annotations

from datetime import datetime

from retrain_assets.model import Model
from retrain_assets.periods import Length
from retrain_assets.verdict import GateWindow


def next_decision(model: Model, period: str, gate: GateWindow, cooldown: Length, first: bool) -> str:
    """The period at whose end the next candidate can be judged after an attempt in vain.

    Args:
        model: Its calendar and label delay.
        period: Of the attempt.
        gate: Its rows, which are spent.
        cooldown: The rest after an attempt that did not promote.
        first: No version is live: then no row is spent.

    >>> from datetime import timedelta
    >>> from retrain_assets.periods import Calendar
    >>> days = Calendar(every="day", start="2019-01-01")
    >>> taxi = Model("taxi", "regression", 2, days, "id", "at", "fare", timedelta(days=1), "mae")
    >>> gate = GateWindow(("2019-02-01",), "2019-02-01T00:00:00", "2019-02-15T00:00:00", 9, "9f")
    >>> [next_decision(taxi, "2019-02-15", gate, Length.parse("1w"), first) for first in (False, True)]
    ['2019-03-01', '2019-02-22']
    """
    calendar = model.calendar
    due = max(cooldown.first_after(calendar, period), calendar.shift(period, 1))
    if first:
        return due
    start, end = (datetime.fromisoformat(moment).replace(tzinfo=None) for moment in (gate.start, gate.end))
    fresh = calendar.key(end + (end - start) + model.label_delay)
    while calendar.bounds(fresh)[1] - model.label_delay - (end - start) >= end and fresh > period:
        fresh = calendar.shift(fresh, -1)
    return max(due, calendar.shift(fresh, 1))
