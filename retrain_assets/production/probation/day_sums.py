"""Sums by day and their means by block: what probation keeps, so that no row is ever scored twice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

Days = Mapping[str, tuple[float, int]]
"""Per day (ISO 8601) the summed excess loss of the new model over the previous one, and the rows."""


def add_days(known: Days, day: NDArray[np.datetime64], excess: NDArray[np.float64]) -> dict[str, tuple[float, int]]:
    """The days with more rows added.

    Args:
        known: What is known so far.
        day: Day of each new row, shape (n,).
        excess: Loss of the new model minus loss of the previous one, shape (n,).

    >>> add_days({"2019-06-01": (1.0, 2)}, np.array(["2019-06-01", "2019-06-02"], "M8[D]"), np.array([0.5, -1.0]))
    {'2019-06-01': (1.5, 3), '2019-06-02': (-1.0, 1)}
    """
    days = dict(known)
    names, code = np.unique(day.astype("datetime64[D]"), return_inverse=True)
    sums, rows = np.bincount(code, weights=excess), np.bincount(code)
    for name, total, count in zip(names.astype(str).tolist(), sums.tolist(), rows.tolist(), strict=True):
        before = days.get(name, (0.0, 0))
        days[name] = (before[0] + total, before[1] + count)
    return dict(sorted(days.items()))


def block_means(days: Days, first_day: date, until: date, block_days: int) -> list[float]:
    """Mean excess per row of each closed block that has rows, oldest first.

    >>> days = {"2019-06-01": (1.0, 2), "2019-06-02": (3.0, 2), "2019-06-04": (1.0, 4), "2019-06-05": (9.0, 1)}
    >>> block_means(days, date(2019, 6, 1), date(2019, 6, 5), 2)
    [1.0, 0.25]
    """
    sums: dict[int, tuple[float, int]] = {}
    for name, (total, rows) in sorted(days.items()):
        day = date.fromisoformat(name)
        if first_day <= day < until and rows:
            block = (day - first_day).days // block_days
            before = sums.get(block, (0.0, 0))
            sums[block] = (before[0] + total, before[1] + rows)
    return [total / rows for total, rows in sums.values()]


def last_of(values: NDArray[np.float64], default: float = math.nan) -> float:
    """The last value of a series, or the default of an empty one."""
    return float(values[-1]) if values.size else default
