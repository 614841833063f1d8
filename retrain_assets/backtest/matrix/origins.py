"""Origins: the moments at which a retrain could have been decided, and which rows a model trained there may use.

    | history ................................ | delay | served from here on ...
                    | recent .................. |       |
                                                      moment

Every week has one, or every period of the model where a week holds no rows. Nothing here reads data.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from retrain_assets.model import Model
from retrain_assets.periods import Calendar, Every
from retrain_assets.windows.cut import Span
from retrain_assets.windows.policy import WindowsPolicy

LENGTHS: tuple[Every, ...] = ("week", "month", "quarter", "year")
LEAST_ROWS = 50
"""Rows that a decision should bring, on average."""

MOST_ORIGINS = 260
"""Decisions that are replayed, the newest: five years of weeks."""

_FILLED = 0.5
"""Share of the periods between two decisions that must have rows."""


@dataclass(frozen=True)
class MatrixOrigin:
    """One moment at which every strategy is trained on what was known then.

    Attributes:
        moment: When the decision falls; the model serves the rows from here on.
        recent: Training rows of the strategy `recent`.
        history: Training rows of the strategy `history`.
        stop: The rows after the training ones that say, once they are known, how many rounds were best.
        selection: The rows after these, on which the strategies are compared once they are known.
    """

    moment: datetime
    recent: Span
    history: Span
    stop: Span
    selection: Span

    @property
    def key(self) -> str:
        """Its name in files and reports."""
        return (
            f"{self.moment:%Y-%m-%d}" if self.moment.time() == datetime.min.time() else f"{self.moment:%Y-%m-%dT%H%M}"
        )

    @property
    def trained_until(self) -> datetime:
        """The end of the training rows; no row from here on taught the model anything."""
        return self.history.end

    def span(self, strategy: str) -> Span:
        """The training rows of a strategy."""
        return self.recent if strategy == "recent" else self.history


def decision_calendar(calendar: Calendar, days: Sequence[datetime], rows: int) -> Calendar:
    """The calendar of decisions: weeks, or the shortest longer period that most of history fills with enough rows.

    Args:
        calendar: The model's periods.
        days: The days that have rows, in order.
        rows: How many rows there are.

    >>> years = Calendar(every="year", start="2015-01-01")
    >>> decision_calendar(years, [datetime(2015, 6, 1), datetime(2016, 6, 1)], 90_000).every
    'year'
    >>> months = Calendar(every="month", start="2018-01-01")
    >>> january = [datetime(2018, 1, day) for day in range(1, 29)]
    >>> decision_calendar(months, january, 9_000).every, decision_calendar(months, january, 60).every
    ('week', 'month')
    """
    for every in LENGTHS:
        found = Calendar(every=every, start=calendar.start, end=calendar.end)
        held = {found.key(day) for day in days}
        spanned = len(found.between(min(held), max(held))) if held else 0
        if spanned and len(held) >= _FILLED * spanned and rows >= LEAST_ROWS * spanned:
            return found
    return calendar


def origin_at(model: Model, windows: WindowsPolicy, moment: datetime) -> MatrixOrigin:
    """The spans of one origin.

    Training ends one label delay before the moment. The rows that stop the training early, and those on which the
    strategies are compared, follow as the rolling origins of a retrain have them, with the label delay between two.

    >>> from datetime import timedelta
    >>> months = Calendar(every="month", start="2018-01-01")
    >>> rides = Model("rides", "regression", 2, months, "id", "at", "fare", timedelta(days=1), "mae")
    >>> origin = origin_at(rides, WindowsPolicy(recent="4w", selection="1w"), datetime(2018, 6, 4))
    >>> print(origin.recent, "|", origin.stop, "|", origin.selection)
    2018-05-06 to 2018-06-03 | 2018-06-04 to 2018-06-11 | 2018-06-12 to 2018-06-19
    """
    calendar, delay = model.calendar, model.label_delay
    until = moment - delay
    first = min(calendar.bounds(calendar.first)[0], until)
    stop_end = _after(windows, calendar, moment)
    selection_end = _after(windows, calendar, stop_end + delay)
    return MatrixOrigin(
        moment,
        Span((), windows.recent.start(calendar, until), until),
        Span((), first, until),
        Span((), moment, stop_end),
        Span((), stop_end + delay, selection_end),
    )


def origins(model: Model, windows: WindowsPolicy, decisions: Calendar, days: Sequence[datetime]) -> list[MatrixOrigin]:
    """Every origin that has enough history, up to the last moment before the newest row; at most the newest 260.

    Args:
        model: Its calendar and label delay.
        windows: Lengths of the windows; the first origin comes when `min_train` can be trained on.
        decisions: The calendar of decisions.
        days: The days that have rows, in order.
    """
    if not days:
        return []
    found = []
    for period in decisions.between(decisions.key(days[0]), decisions.key(days[-1])):
        origin = origin_at(model, windows, decisions.bounds(period)[0])
        if enough_history(model, windows, days, origin.trained_until):
            found.append(origin)
    return found[-MOST_ORIGINS:]


def enough_history(model: Model, windows: WindowsPolicy, days: Sequence[datetime], until: datetime) -> bool:
    """Whether the rows before a moment reach back as far as a first model needs, counted in days or in periods."""
    before = days[: bisect_left(days, until)]
    if not before:
        return False
    needed = windows.min_train
    if needed.time is not None:
        return until - before[0] >= needed.time
    return len({model.calendar.key(day) for day in before}) >= (needed.periods or 0)


def _after(windows: WindowsPolicy, calendar: Calendar, start: datetime) -> datetime:
    """The end of a selection window that begins at a moment; of a length in periods, whole periods of the calendar."""
    length = windows.selection_length
    if length.time is not None:
        return start + length.time
    return calendar.bounds(calendar.shift(calendar.key(start), round(length.periods or 1)))[0]
