"""How long a period is to be for a stranger's table, and which periods its rows fill.

The files decide where each is one period of its own; else the rows do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from retrain_assets.errors import DataError
from retrain_assets.periods import Calendar, Every

Times: TypeAlias = npt.NDArray[np.datetime64]
"""Moments of rows, NaT where a row has none."""

LENGTHS: tuple[Every, ...] = ("day", "week", "month", "quarter", "year")

LEAST_ROWS, LEAST_PERIODS, MOST_PERIODS = 50, 12, 100
"""What a period and a history should have: rows to measure on, and periods to learn from and to look at."""

_PARTIAL = 0.5
_STRAYS = 0.005
_MOST_ENDS = 3
_DAYS_OF_A_GATE = 14
_LONG_GAP = 0.9
_FIRST_ROWS = 1_000
_USUAL_WEEKS = 8
_GATE_DAYS = 14
_USUAL_PERIODS = {"quarter": 3, "year": 1}


@dataclass(frozen=True)
class Cadence:
    """The calendar of a table and how many rows fall into each period, the incomplete ends left out.

    Attributes:
        why: What decided the length.
        left_out: Incomplete first or last periods, with their rows.
    """

    calendar: Calendar
    rows: dict[str, int]
    why: str
    left_out: dict[str, int]

    @property
    def periods(self) -> list[str]:
        """Every period from the first to the last with rows."""
        return self.calendar.between(min(self.rows), max(self.rows))

    @property
    def usual_rows(self) -> int:
        """The median number of rows of a period that has some."""
        return int(np.median(list(self.rows.values())))


def cadence(times: Times, files: Sequence[Times], every: Every | None) -> Cadence:
    """Choose the length of a period.

    The shortest that gives a period 50 rows or more and the history 12 to 100 periods; files that are a period each
    decide first.

    Args:
        times: Of all rows.
        files: Of the rows of each file.
        every: What the user said; None to choose.

    Raises:
        DataError: Too little time for two periods.
    """
    known = times[~np.isnat(times)]
    if not len(known):
        raise DataError("no row has a time. Name another column with --time.")
    if every is not None:
        return _counted(every, known, "as --every says")
    own = _of_files(files)
    if own is not None:
        return _counted(own, known, f"each file is one {own}")
    gap = _usual_gap(known)
    found = {length: _counts(Calendar(every=length, start=_moment(known.min())), known) for length in LENGTHS}
    usual = {length: float(np.median(list(found[length].values()))) for length in LENGTHS}
    fit = [length for length in LENGTHS if usual[length] >= LEAST_ROWS and _days(length) >= gap]
    fit = fit or ["year"]
    spans = {length: len(found[length]) for length in fit}
    inside = [length for length in fit if LEAST_PERIODS <= spans[length] <= MOST_PERIODS]
    best = inside[0] if inside else min(fit, key=lambda length: abs(np.log(spans[length] / LEAST_PERIODS)))
    return _counted(best, known, f"{len(known):,} rows over {spans[best]} {best}s")


def _days(length: Every) -> float:
    return {"hour": 1 / 24, "day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}[length]


def _usual_gap(times: npt.NDArray[np.datetime64]) -> float:
    """Days between two dates with rows that follow one another; a survey of one date a year has 365."""
    days = np.unique(times.astype("datetime64[D]")).astype(np.int64)
    return float(np.median(np.diff(days))) if len(days) > 1 else 0.0


def _of_files(files: Sequence[npt.NDArray[np.datetime64]]) -> Every | None:
    """The longest length of which every file fills one period alone, but for a stray row."""
    full = [_without_strays(times[~np.isnat(times)]) for times in files]
    full = [times for times in full if len(times)]
    if len(full) < 3:
        return None
    ends = [(_moment(times.min()), _moment(times.max())) for times in full]
    for length in reversed(LENGTHS):
        calendar = Calendar(every=length, start=min(first for first, _ in ends))
        keys = [{calendar.key(first), calendar.key(last)} for first, last in ends]
        if all(len(key) == 1 for key in keys) and len(set.union(*keys)) == len(full):
            return length
    return None


def _without_strays(times: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """The times of a file without those that lie a month or more beside nearly all others."""
    if len(times) < 1 / _STRAYS:
        return times
    low, high = (times[np.argsort(times)[int(share * (len(times) - 1))]] for share in (_STRAYS, 1 - _STRAYS))
    month = np.timedelta64(28, "D")
    return np.asarray(times[(times > low - month) & (times < high + month)])


def _moment(time: np.datetime64) -> datetime:
    moment: datetime = time.astype("datetime64[us]").item()
    return moment


def _counts(calendar: Calendar, times: npt.NDArray[np.datetime64]) -> dict[str, int]:
    days, counts = np.unique(times.astype("datetime64[h]"), return_counts=True)
    rows: Counter[str] = Counter()
    for hour, count in zip(days, counts, strict=True):
        rows[calendar.key(_moment(hour))] += int(count)
    return dict(sorted(rows.items()))


def _counted(every: Every, times: npt.NDArray[np.datetime64], why: str) -> Cadence:
    rows = _counts(Calendar(every=every, start=_moment(times.min())), times)
    left_out = {}
    usual = float(np.median(list(rows.values())))
    for choose in (min, max):
        for _ in range(_MOST_ENDS):
            end = choose(rows)
            if len(rows) > 3 and rows[end] < _PARTIAL * usual:
                left_out[end] = rows.pop(end)
    calendar = Calendar(every=every, start=_moment(times.min()))
    first, last = calendar.bounds(min(rows))[0], calendar.bounds(max(rows))[1]
    if len(rows) < 2:
        raise DataError(f"all rows lie in one {every}. A model needs some {every}s to learn from: choose --every.")
    return Cadence(Calendar(every=every, start=first, end=last), rows, why, left_out)


def gate_rows(found: Cadence) -> int:
    """The rows that a gate of the usual length holds: two weeks, or a whole period of quarters and years.

    >>> from datetime import datetime
    >>> weekly = Cadence(Calendar(every="week", start=datetime(2024, 1, 1)), {"2024-01-01": 300}, "", {})
    >>> gate_rows(weekly)
    600
    """
    every = found.calendar.every
    share = 1.0 if every in _USUAL_PERIODS else _GATE_DAYS / _days(every)
    return round(found.usual_rows * share)


def gate_time(times: Times, every: Every) -> str | None:
    """How long a gate must be that always holds a date with rows; None where two weeks do.

    >>> months = np.array(["2023-01-01", "2023-02-01", "2023-03-01"], dtype="datetime64[us]")
    >>> gate_time(months, "month"), gate_time(months + np.arange(3) * np.timedelta64(1, "D"), "year")
    ('5w', None)
    """
    days = np.unique(times[~np.isnat(times)].astype("datetime64[D]")).astype(np.int64)
    gap = int(np.quantile(np.diff(days), _LONG_GAP)) if len(days) > 1 else 0
    if every in _USUAL_PERIODS or gap < _DAYS_OF_A_GATE / 2:
        return None
    return f"{max(-(-(gap + 1) // 7), 2)}w"


def first_training_time(found: Cadence) -> str | None:
    """How long the first model should train, as the spec writes it; None where the default holds a thousand rows.

    Never more than a quarter of the history, so that some of it is left to judge and to monitor.
    """
    every, rows = found.calendar.every, max(found.usual_rows, 1)
    usual = _USUAL_PERIODS.get(every, _USUAL_WEEKS * 7 / _days(every))
    if usual * rows >= _FIRST_ROWS and usual <= len(found.periods) / 3:
        return None
    periods = max(1, min(-(-_FIRST_ROWS // rows), len(found.periods) // 4))
    if every in _USUAL_PERIODS:
        return f"{periods} periods"
    return f"{max(1, -(-int(periods * _days(every)) // 7))}w"
