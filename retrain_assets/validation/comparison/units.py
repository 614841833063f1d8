"""What counts as one independent observation: a row, a cluster, or a block of consecutive days.

Rows of one day share weather, traffic and releases: a row test of two equal models is then wrong up to 30 % of the
time at a nominal 5 %. The block length comes from the autocorrelation of the daily means (see `blocks`); what is done
with the units stands in `significance`.
"""

from __future__ import annotations

import math
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
from retrain_assets.statistics.day_blocks import (
    block_length_days,
    blocks_of_days,
    careful_length_days,
    day_numbers,
    fading_autocorrelation,
    left_over,
    means_by_day,
)

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
    `careful` says that a test at a small level is about to be made, for which days are joined otherwise (`blocks_for`).
    """

    key: npt.NDArray[np.generic]
    label: Array
    time: npt.NDArray[np.datetime64]
    groups: Mapping[str, npt.NDArray[np.object_]]
    cluster: npt.NDArray[np.generic] | None = None
    amounts: Mapping[str, Array] = field(default_factory=dict)
    careful: bool = False

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
    def _blocks(self) -> dict[int, Units]:
        return {}

    def blocks(self, length_days: int) -> Units:
        """The rows' blocks of so many days, made once."""
        if length_days not in self._blocks:
            self._blocks[length_days] = Units.blocks(self.day, self.rows_of_day, length_days)
        return self._blocks[length_days]

    def where(self, mask: npt.NDArray[np.bool_]) -> Part:
        """Some of the rows, with what an estimate asks about them."""
        return Part(self.label[mask], _some(self.amounts, mask), self, mask)


@dataclass(frozen=True)
class Part:
    """Some of the gate rows, as an estimate needs them: no keys, no texts, days and clusters as small numbers from 0.

    `chosen` says which rows of `rows` they are; days and clusters are numbered when somebody asks for them.
    """

    label: npt.NDArray[Any]
    amounts: Mapping[str, Array]
    rows: GateRows | Part = field(repr=False)
    chosen: npt.NDArray[np.bool_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.label)

    @property
    def careful(self) -> bool:
        """Whether a test at a small level is about to be made."""
        return self.rows.careful

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

    def blocks(self, length_days: int) -> Units:
        """The rows' blocks of so many days, counted from their own first day."""
        return Units.blocks(self.day, self.rows_of_day, length_days)

    def where(self, mask: npt.NDArray[np.bool_]) -> Part:
        """Some of these rows."""
        return Part(self.label[mask], _some(self.amounts, mask), self, mask)


@dataclass(frozen=True)
class Units:
    """Which independent unit each row belongs to; `name` says what the units are.

    `code` numbers the rows' days or clusters 0, 1, 2, ...; `of_code` says which unit each of these numbers belongs to,
    None where every number is a unit, and `rows_of_code` how many rows have it, None where nobody counted. Values are
    added up by number, and only these sums by unit. `each_row` promises that every row is a unit of its own, whose
    number nobody has to look up. `inflation` is how many times larger a
    standard error is than independent units would tell.
    """

    code: Codes
    name: str
    each_row: bool = False
    of_code: Codes | None = None
    rows_of_code: Array | None = None
    inflation: float = 1.0

    @classmethod
    def rows(cls, count: int) -> Units:
        """As many units as rows.

        >>> Units.rows(3).count, Units.rows(3).effective
        (3, 3.0)
        """
        return cls(np.broadcast_to(np.uint8(0), count), "row", each_row=True)

    @classmethod
    def blocks(cls, day: Codes, rows_of_day: Array, length_days: int) -> Units:
        """Blocks of consecutive days, of rows whose days are numbered.

        >>> units = Units.blocks(np.array([0, 1, 2, 40]), sums(np.array([0, 1, 2, 40])), 3)
        >>> units.name, units.sizes
        ('3-day block', array([3., 1.]))
        """
        name = "day" if length_days == 1 else f"{length_days}-day block"
        return cls(day, name, of_code=blocks_of_days(rows_of_day, length_days), rows_of_code=rows_of_day)

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

    def inflated(self, factor: float) -> Units:
        """The same units, and what is known of them, with another inflation."""
        same = copy(self)
        object.__setattr__(same, "inflation", factor)
        return same

    def total(self, values: Array) -> Array:
        """Sum of the row values of each unit, shape (count,)."""
        return values if self.each_row else self._by_unit(sums(self.code, values))

    def _by_unit(self, of_code: Array) -> Array:
        return of_code if self.of_code is None else sums(self.of_code, of_code)


def units_of(unit: str, psi: Array, rows: GateRows | Part) -> Units:
    """The independent units of the rows for the row values `psi`, shape (n,).

    Args:
        unit: `row`, `auto` (blocks of days, as long as the daily mean of psi is autocorrelated), or the name of the
            column whose values stand in `rows.cluster`.
        psi: Paired row values of one improvement.
        rows: The gate rows, for their times and clusters.

    Raises:
        DataError: The policy names a cluster column and the rows carry none.

    >>> times = np.arange("2024-01-01", "2024-01-13", np.timedelta64(6, "h"), dtype="datetime64[us]")
    >>> rows = GateRows(np.arange(48), np.zeros(48), times, {})
    >>> units = units_of("auto", np.tile([1.0, 0.0], 24), rows)
    >>> units.name, units.count
    ('day', 12)
    """
    if unit == "row":
        return Units.rows(len(psi))
    if unit == "auto":
        return blocks_for(means_by_day(psi, rows.day, rows.rows_of_day), rows)
    if rows.clusters is None:
        raise DataError(f"validation.unit is {unit!r}, but the gate rows carry no such column. Load it into cluster.")
    return Units(rows.clusters, unit)


def blocks_for(daily: Array, rows: GateRows | Part) -> Units:
    """The blocks that days of these means need so that neighbouring blocks are nearly independent.

    At the usual level of .05 by the rule of `block_length_days`. That rule takes single days for independent in one of
    five windows in which they are not, which weighs the more the smaller the level: at .0125 equal models are called
    better twice as often as stated. For `careful` rows the autocorrelation is therefore told by six lags, and what
    neighbouring blocks still share goes into the standard error (`left_over`).
    """
    if not rows.careful:
        return rows.blocks(block_length_days(daily))
    found = fading_autocorrelation(daily)
    length = careful_length_days(found)
    return rows.blocks(length).inflated(math.sqrt(left_over(found, daily.size, length)))


def units_within(unit: str, psi: Array, rows: GateRows | Part, mask: npt.NDArray[np.bool_]) -> Units:
    """The same for some of the rows, those of `mask`, whose row values are `psi`.

    Raises:
        DataError: As `units_of`.
    """
    return units_of(unit, psi, Part(psi, {}, rows, mask))


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
