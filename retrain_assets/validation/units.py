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

from retrain_assets.blocks import (
    Codes,
    block_length_days,
    blocks_of,
    careful_length_days,
    day_numbers,
    fading_autocorrelation,
    left_over,
    means_by_day,
    narrow,
    sums,
)
from retrain_assets.errors import DataError
from retrain_assets.metrics import Array

MISSING = "(missing)"
"""The group or cluster of rows that carry no value."""

_SLICE_ROWS = 1 << 16


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
    def clusters(self) -> Codes | None:
        """The number of each row's cluster, shape (n,); rows without a value share one."""
        return None if self.cluster is None else coded(self.cluster)[1]

    @cached_property
    def _blocks(self) -> dict[int, Units]:
        return {}

    def blocks(self, length_days: int) -> Units:
        """The rows' blocks of so many days, kept until another length is asked for."""
        if length_days not in self._blocks:
            self._blocks.clear()
            self._blocks[length_days] = _blocks(self.day, length_days)
        return self._blocks[length_days]

    def where(self, mask: npt.NDArray[np.bool_]) -> Part:
        """Some of the rows, with what an estimate asks about them."""
        return _part(self, mask, self.label[mask], _some(self.amounts, mask))


@dataclass(frozen=True)
class Part:
    """Some of the gate rows, as an estimate needs them: no keys, no texts, days and clusters as small numbers from 0.

    `clusters` are None where the rows carry no cluster column.
    """

    label: npt.NDArray[Any]
    day: Codes
    clusters: Codes | None
    amounts: Mapping[str, Array]
    careful: bool = False

    def __len__(self) -> int:
        return len(self.label)

    def blocks(self, length_days: int) -> Units:
        """The rows' blocks of so many days, counted from their own first day."""
        return _blocks(self.day, length_days)

    def where(self, mask: npt.NDArray[np.bool_]) -> Part:
        """Some of these rows."""
        return _part(self, mask, self.label[mask], _some(self.amounts, mask))


@dataclass(frozen=True)
class Units:
    """Which independent unit each row belongs to: `of_row` numbers them 0 .. `count` - 1, `name` says what they are.

    `each_row` promises that every row is a unit of its own, whose number nobody has to look up. `inflation` is how many
    times larger a standard error is than independent units would tell.
    """

    of_row: Codes
    name: str
    each_row: bool = False
    inflation: float = 1.0

    @classmethod
    def rows(cls, count: int) -> Units:
        """As many units as rows.

        >>> Units.rows(3).count, Units.rows(3).effective
        (3, 3.0)
        """
        return cls(np.broadcast_to(np.uint8(0), count), "row", each_row=True)

    @cached_property
    def count(self) -> int:
        """How many units there are."""
        if self.each_row or not self.of_row.size:
            return self.of_row.size
        return int(self.of_row.max()) + 1

    @cached_property
    def sizes(self) -> Array:
        """Rows per unit, shape (count,)."""
        return np.ones(self.count) if self.each_row else sums(self.of_row, None, self.count)

    @cached_property
    def effective(self) -> float:
        """How many equally large units weigh as much: n² / sum of squared sizes (Kish).

        >>> Units(np.array([0, 0, 1, 1]), "day").effective, Units(np.array([0, 0, 0, 1]), "day").effective
        (2.0, 1.6)
        """
        if self.each_row or not self.of_row.size:
            return float(self.of_row.size)
        return float(self.of_row.size**2 / (self.sizes**2).sum())

    def inflated(self, factor: float) -> Units:
        """The same units, and what is known of them, with another inflation."""
        same = copy(self)
        object.__setattr__(same, "inflation", factor)
        return same

    def total(self, values: Array) -> Array:
        """Sum of the row values of each unit, shape (count,)."""
        return values if self.each_row else sums(self.of_row, values, self.count)


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
        return blocks_for(means_by_day(psi, rows.day), rows)
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
    return Units.rows(len(psi)) if unit == "row" else units_of(unit, psi, _part(rows, mask, psi, {}))


def coded(values: npt.NDArray[np.generic]) -> tuple[list[str], Codes]:
    """The different values as sorted text, and for each row the place of its value there; None and NaN are one value.

    >>> names, code = coded(np.array(["JFK", None, "EWR", float("nan")], dtype=object))
    >>> names, code
    (['(missing)', 'EWR', 'JFK'], array([2, 0, 1, 0], dtype=uint8))
    """
    from pandas import factorize

    numbers: dict[str, int] = {}
    code = np.empty(len(values), dtype=np.uint32)
    for first in range(0, len(values), _SLICE_ROWS):
        part, different = factorize(np.asarray(values[first : first + _SLICE_ROWS], dtype=object))
        text = [str(value) for value in different.tolist()] + [MISSING] * bool((part < 0).any())
        found = [numbers.setdefault(name, len(numbers)) for name in text]
        code[first : first + _SLICE_ROWS] = np.array(found, dtype=np.uint32)[part]  # -1, missing, is the last
    names = sorted(numbers)
    place = np.empty(len(names), dtype=np.int64)
    place[[numbers[name] for name in names]] = np.arange(len(names))
    return names, narrow(place)[code]


def _blocks(day: Codes, length_days: int) -> Units:
    return Units(blocks_of(day, length_days), "day" if length_days == 1 else f"{length_days}-day block")


def _part(rows: GateRows | Part, mask: npt.NDArray[np.bool_], label: Array, amounts: Mapping[str, Array]) -> Part:
    day = rows.day[mask]
    clusters = None if rows.clusters is None else _without_gaps(rows.clusters[mask])
    return Part(label, narrow(day - day.min()) if day.size else day, clusters, amounts, rows.careful)


def _some(amounts: Mapping[str, Array], mask: npt.NDArray[np.bool_]) -> dict[str, Array]:
    return {name: values[mask] for name, values in amounts.items()}


def _without_gaps(codes: Codes) -> Codes:
    """The codes that occur, numbered 0, 1, 2, ... in their order."""
    return narrow(np.cumsum(sums(codes) > 0) - 1)[codes] if codes.size else codes
