"""What counts as one observation: a row, a cluster, or a day, and what is known of the dependence between days.

Rows of one day share weather, traffic and releases: a row test of two equal models is then wrong up to 30 % of the
time at a nominal 5 %. Days are not independent either; how much one tells of the next comes from the daily differences
of the past (`statistics.daily_differences`), and without them from the days themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.errors import DataError
from retrain_assets.metrics.metric import Array
from retrain_assets.statistics.codes import Codes, narrow, sums
from retrain_assets.statistics.daily_differences import DifferenceHistory
from retrain_assets.statistics.day_blocks import day_numbers
from retrain_assets.statistics.long_run_variance import Dependence

MISSING = "(missing)"
"""The group or cluster of rows that carry no value."""

_SLICE_ROWS = 1 << 16
_FIRST_SLOTS = 1 << 10
"""Size of the table of different values to begin with; left to itself it has a slot for every row."""


@dataclass(frozen=True)
class GateRows:
    """The rows a candidate is judged on, all arrays of length n and in the same order.

    `groups` holds the protected attributes and slicing columns as text or None; `cluster` the values of the column that
    `validation.unit` names, when it names one; `amounts` the numbers that price errors, NaN where one is missing.
    `history` tells how alike the days of such differences were before, `label_unit` what the label is counted in, and
    `row_name` what a row is.
    """

    key: npt.NDArray[np.generic]
    label: Array
    time: npt.NDArray[np.datetime64]
    groups: Mapping[str, npt.NDArray[np.object_]]
    cluster: npt.NDArray[np.generic] | None = None
    amounts: Mapping[str, Array] = field(default_factory=dict)
    history: DifferenceHistory = field(default_factory=DifferenceHistory)
    label_unit: str = ""
    row_name: str = "row"

    def __post_init__(self) -> None:
        lengths = {"key": len(self.key), "time": len(self.time)}
        lengths |= {f"groups.{name}": len(values) for name, values in self.groups.items()}
        lengths |= {f"amounts.{name}": len(values) for name, values in self.amounts.items()}
        if self.cluster is not None:
            lengths["cluster"] = len(self.cluster)
        for name, length in lengths.items():
            if length != len(self.label):
                raise DataError(f"gate rows: {name} has {length} entries and label {len(self.label)}. Align them.")
        if self.label.dtype.kind not in "fiub":
            raise DataError(
                f"gate rows: labels are of type {self.label.dtype}, not numbers. Write classes as 0, 1, ... k - 1."
            )

    def __len__(self) -> int:
        return len(self.label)

    @cached_property
    def day(self) -> Codes:
        """The number of each row's calendar day, shape (n,), 0 for the first."""
        return day_numbers(self.time)

    @cached_property
    def rows_of_day(self) -> Array:
        """How many rows each day has, shape (days,)."""
        return sums(self.day)

    @cached_property
    def clusters(self) -> Codes | None:
        """The number of each row's cluster, shape (n,); rows without a value share one."""
        return None if self.cluster is None else coded(self.cluster)[1]

    def number(self, unit: str) -> None:
        """Number the days and clusters that `unit` asks for: two columns for a moment, so before others stand.

        Raises:
            DataError: A time is missing.
        """
        if unit != "row":
            _ = self.rows_of_day if unit == "auto" else self.clusters

    @cached_property
    def _units_by_day(self) -> Units:
        return Units.days(self.day, self.rows_of_day)

    def by_day(self, metric: str) -> Units:
        """The rows' days as units, with what the past tells of their dependence in a metric."""
        days = self._units_by_day
        return days.depending(self.dependence(metric, days.count))

    @cached_property
    def _dependence(self) -> dict[tuple[str, int], Dependence | None]:
        return {}

    def dependence(self, metric: str, days: int) -> Dependence | None:
        """What the past tells of the dependence between days, for a mean over so many; None without enough of it."""
        if (metric, days) not in self._dependence:
            self._dependence[metric, days] = self.history.dependence(metric, days)
        return self._dependence[metric, days]

    def where(self, mask: npt.NDArray[np.bool_]) -> GateSubset:
        """Some of the rows, with what an estimate asks about them."""
        return GateSubset(self.label[mask], _some(self.amounts, mask), self, mask)


@dataclass(frozen=True)
class GateSubset:
    """Some of the gate rows, as an estimate needs them: no keys, no texts, days and clusters as small numbers from 0.

    `chosen` says which rows of `rows` they are; days and clusters are numbered when somebody asks for them.
    """

    label: npt.NDArray[Any]
    amounts: Mapping[str, Array]
    rows: GateRows | GateSubset = field(repr=False)
    chosen: npt.NDArray[np.bool_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.label)

    @cached_property
    def day(self) -> Codes:
        """The number of each row's calendar day, shape (n,), 0 for the first of these rows."""
        day = self.rows.day[self.chosen]
        return narrow(day - day.min()) if day.size else day

    @cached_property
    def rows_of_day(self) -> Array:
        """How many rows each day has, shape (days,)."""
        return sums(self.day)

    @cached_property
    def clusters(self) -> Codes | None:
        """The number of each row's cluster, shape (n,); None where the rows carry no cluster column."""
        return None if self.rows.clusters is None else _without_gaps(self.rows.clusters[self.chosen])

    def by_day(self, metric: str) -> Units:
        """The rows' days as units, with what the past tells of the dependence between days of all rows."""
        days = Units.days(self.day, self.rows_of_day)
        return days.depending(self.dependence(metric, days.count))

    @property
    def label_unit(self) -> str:
        """What the label is counted in."""
        return self.rows.label_unit

    @property
    def row_name(self) -> str:
        """What a row is."""
        return self.rows.row_name

    def dependence(self, metric: str, days: int) -> Dependence | None:
        """As of the rows these are a part of: the past keeps no days of single groups."""
        return self.rows.dependence(metric, days)

    def where(self, mask: npt.NDArray[np.bool_]) -> GateSubset:
        """Some of these rows."""
        return GateSubset(self.label[mask], _some(self.amounts, mask), self, mask)


@dataclass(frozen=True)
class Units:
    """Which independent unit each row belongs to; `name` says what the units are.

    `code` numbers the rows' days or clusters 0, 1, 2, ...; `of_code` says which unit each of these numbers belongs to,
    None where every number is a unit, and `rows_of_code` how many rows have it, None where nobody counted. Values are
    added up by number, and only these sums by unit. `each_row` promises that every row is a unit of its own, whose
    number nobody has to look up. `in_time` says that the units are days in their order, which depend on one another,
    and `known` what history tells of that.
    """

    code: Codes
    name: str
    each_row: bool = False
    of_code: Codes | None = None
    rows_of_code: Array | None = None
    in_time: bool = False
    known: Dependence | None = None

    @classmethod
    def rows(cls, count: int) -> Units:
        """As many units as rows.

        >>> Units.rows(3).count, Units.rows(3).effective
        (3, 3.0)
        """
        return cls(np.broadcast_to(np.uint8(0), count), "row", each_row=True)

    @classmethod
    def days(cls, day: Codes, rows_of_day: Array) -> Units:
        """The days that have rows, of rows whose days are numbered.

        >>> units = Units.days(np.array([0, 1, 1, 40]), sums(np.array([0, 1, 1, 40])))
        >>> units.name, units.sizes
        ('day', array([1., 2., 1.]))
        """
        place = narrow(np.maximum(np.cumsum(rows_of_day > 0) - 1, 0))
        return cls(day, "day", of_code=place, rows_of_code=rows_of_day, in_time=True)

    @property
    def of_row(self) -> Codes:
        """The number of each row's unit, shape (n,)."""
        return self.code if self.of_code is None else self.of_code[self.code]

    @property
    def count(self) -> int:
        """How many units there are."""
        return self.code.size if self.each_row else self.sizes.size

    @cached_property
    def sizes(self) -> Array:
        """Rows per unit, shape (count,)."""
        if self.each_row:
            return np.ones(self.count)
        return self._by_unit(sums(self.code) if self.rows_of_code is None else self.rows_of_code)

    @cached_property
    def effective(self) -> float:
        """How many equally large units weigh as much: n² / sum of squared sizes (Kish).

        >>> Units(np.array([0, 0, 1, 1]), "day").effective, Units(np.array([0, 0, 0, 1]), "day").effective
        (2.0, 1.6)
        """
        if self.each_row or not self.code.size:
            return float(self.code.size)
        return float(self.code.size**2 / (self.sizes**2).sum())

    def depending(self, known: Dependence | None) -> Units:
        """The same days, and what is known of their sizes, with what history tells of their dependence."""
        same = copy(self)
        object.__setattr__(same, "known", known)
        return same

    def total(self, values: Array) -> Array:
        """Sum of the row values of each unit, shape (count,)."""
        return values if self.each_row else self._by_unit(sums(self.code, values))

    def _by_unit(self, of_code: Array) -> Array:
        return of_code if self.of_code is None else sums(self.of_code, of_code)


def units_of(unit: str, rows: GateRows | GateSubset, metric: str = "") -> Units:
    """The units of the rows for the row values of one improvement.

    Args:
        unit: `row`, `auto` (days), or the name of the column whose values stand in `rows.cluster`.
        rows: The gate rows, for their times and clusters.
        metric: What is measured, for what the past tells of it.

    Raises:
        DataError: The policy names a cluster column and the rows carry none.

    >>> times = np.arange("2024-01-01", "2024-01-13", np.timedelta64(6, "h"), dtype="datetime64[us]")
    >>> units = units_of("auto", GateRows(np.arange(48), np.zeros(48), times, {}))
    >>> units.name, units.count
    ('day', 12)
    """
    if unit == "row":
        return Units.rows(len(rows))
    if unit == "auto":
        return rows.by_day(metric)
    if rows.clusters is None:
        raise DataError(f"validation.unit is {unit!r}, but the gate rows carry no such column. Load it into cluster.")
    return Units(rows.clusters, unit)


def units_within(unit: str, rows: GateRows | GateSubset, mask: npt.NDArray[np.bool_], metric: str = "") -> Units:
    """The same for some of the rows, those of `mask`.

    Raises:
        DataError: As `units_of`.
    """
    return units_of(unit, GateSubset(np.empty(int(np.count_nonzero(mask))), {}, rows, mask), metric)


def coded(values: npt.NDArray[np.generic]) -> tuple[list[str], Codes]:
    """The different values as sorted text, and for each row the place of its value there; None and NaN are one value.

    >>> names, code = coded(np.array(["JFK", None, "EWR", float("nan")], dtype=object))
    >>> names, code
    (['(missing)', 'EWR', 'JFK'], array([2, 0, 1, 0], dtype=uint8))
    """
    from pandas import factorize

    numbered, different = factorize(values, size_hint=_FIRST_SLOTS)
    text = [str(value) for value in different.tolist()]
    if len(numbered) and numbered.min() < 0:
        text.append(MISSING)  # its number -1 is that of the last
    names = sorted(set(text))
    place = {name: number for number, name in enumerate(names)}
    return names, narrow(np.array([place[name] for name in text], dtype=np.int64))[numbered]


def _some(amounts: Mapping[str, Array], mask: npt.NDArray[np.bool_]) -> dict[str, Array]:
    return {name: values[mask] for name, values in amounts.items()}


def _without_gaps(codes: Codes) -> Codes:
    """The codes that occur, numbered 0, 1, 2, ... in their order, in the place of those given."""
    if codes.size:
        place = np.cumsum(sums(codes) > 0) - 1
        for first in range(0, codes.size, _SLICE_ROWS):
            part = slice(first, first + _SLICE_ROWS)
            codes[part] = place[codes[part]]
    return codes
