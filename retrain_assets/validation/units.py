"""What counts as one independent observation: a row, a cluster, or a block of consecutive days.

Rows of one day share weather, traffic and releases: a row test of two equal models is then wrong up to 30 % of the
time at a nominal 5 %. The block length comes from the autocorrelation of the daily means (see `blocks`); what is done
with the units stands in `significance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from retrain_assets.blocks import block_ids, block_length_days, daily_means
from retrain_assets.errors import DataError
from retrain_assets.metrics import Array

MISSING = "(missing)"
"""The group or cluster of rows that carry no value."""


@dataclass(frozen=True)
class GateRows:
    """The rows a candidate is judged on, all arrays of length n and in the same order.

    `groups` holds the protected attributes and slicing columns as text or None; `cluster` the values of the column that
    `validation.unit` names, when it names one; `amounts` the numbers that price errors, NaN where one is missing.
    """

    key: npt.NDArray[np.generic]
    label: Array
    time: npt.NDArray[np.datetime64]
    groups: Mapping[str, npt.NDArray[np.object_]]
    cluster: npt.NDArray[np.generic] | None = None
    amounts: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {"key": len(self.key), "time": len(self.time)}
        lengths |= {f"groups.{name}": len(values) for name, values in self.groups.items()}
        lengths |= {f"amounts.{name}": len(values) for name, values in self.amounts.items()}
        if self.cluster is not None:
            lengths["cluster"] = len(self.cluster)
        for name, length in lengths.items():
            if length != len(self.label):
                raise DataError(f"gate rows: {name} has {length} entries and label {len(self.label)}. Align them.")

    def __len__(self) -> int:
        return len(self.label)

    def where(self, mask: npt.NDArray[np.bool_]) -> GateRows:
        """Some of the rows."""
        groups = {name: values[mask] for name, values in self.groups.items()}
        cluster = None if self.cluster is None else self.cluster[mask]
        amounts = {name: values[mask] for name, values in self.amounts.items()}
        return GateRows(self.key[mask], self.label[mask], self.time[mask], groups, cluster, amounts)


@dataclass(frozen=True)
class Units:
    """Which independent unit each row belongs to: `of_row` numbers them 0 .. `count` - 1, `name` says what they are."""

    of_row: npt.NDArray[np.int64]
    name: str

    @property
    def count(self) -> int:
        """How many units there are."""
        return int(self.of_row.max()) + 1 if self.of_row.size else 0

    @property
    def sizes(self) -> Array:
        """Rows per unit, shape (count,)."""
        return np.bincount(self.of_row, minlength=self.count).astype(np.float64)

    @property
    def effective(self) -> float:
        """How many equally large units weigh as much: n² / sum of squared sizes (Kish).

        >>> Units(np.array([0, 0, 1, 1]), "day").effective, Units(np.array([0, 0, 0, 1]), "day").effective
        (2.0, 1.6)
        """
        return float(self.of_row.size**2 / (self.sizes**2).sum()) if self.of_row.size else 0.0

    def total(self, values: Array) -> Array:
        """Sum of the row values of each unit, shape (count,)."""
        return np.bincount(self.of_row, weights=values, minlength=self.count).astype(np.float64)


def units_of(unit: str, psi: Array, rows: GateRows) -> Units:
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
        return Units(np.arange(len(psi), dtype=np.int64), "row")
    if unit == "auto":
        return day_blocks(rows.time, block_length(psi, rows.time))
    if rows.cluster is None:
        raise DataError(f"validation.unit is {unit!r}, but the gate rows carry no such column. Load it into cluster.")
    return Units(_numbered(as_text(rows.cluster)), unit)


def as_text(values: npt.NDArray[np.generic]) -> npt.NDArray[np.str_]:
    """Group or cluster values as text; what is missing (None, NaN) is a value of its own.

    >>> as_text(np.array(["JFK", None, float("nan")], dtype=object)).tolist()
    ['JFK', '(missing)', '(missing)']
    """
    return np.array(
        [MISSING if value is None or value != value else str(value) for value in values.tolist()], dtype=str
    )


def block_length(psi: Array, time: npt.NDArray[np.datetime64]) -> int:
    """How many days a block needs so that the means of neighbouring blocks are nearly independent: 1, 3, 7 or 14."""
    return block_length_days(daily_means(psi, time))


def day_blocks(time: npt.NDArray[np.datetime64], length_days: int) -> Units:
    """Blocks of consecutive days."""
    name = "day" if length_days == 1 else f"{length_days}-day block"
    return Units(block_ids(time, length_days), name)


def _numbered(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64).reshape(-1)
