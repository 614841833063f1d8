"""How rows are split into groups: by the values of a column, small ones together, missing ones apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from retrain_assets.errors import DataError
from retrain_assets.statistics.codes import Codes, sums
from retrain_assets.validation.comparison.units import MISSING, GateRows, coded
from retrain_assets.validation.policy import FairnessPolicy

Mask = npt.NDArray[np.bool_]

BETWEEN = " | "
"""Between the values that are judged together; a value may hold commas."""


@dataclass(frozen=True)
class Group:
    """One value of one attribute, or several small ones together, and how many rows it has.

    `code` numbers the attribute's values row by row; `member` says of each value whether it belongs to the group, and
    `values` are those that do.
    """

    attribute: str
    value: str
    rows: int
    code: Codes = field(repr=False)
    member: Mask = field(repr=False)
    values: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As written in evidence, like `sex=F`."""
        return f"{self.attribute}={self.value}"

    @property
    def mask(self) -> Mask:
        """Which gate rows it has, shape (n,)."""
        return np.asarray(self.member[self.code])


def groups(policy: FairnessPolicy, rows: GateRows) -> tuple[Group, ...]:
    """The groups of every protected attribute; values with fewer rows than `pool_below` are judged together.

    A missing value is a group of its own, however few rows have it: what is unknown is not like the other small values.

    Raises:
        DataError: The gate rows lack a protected attribute.
    """
    return tuple(group for name in policy.groups for group in groups_of(name, rows, policy.pool_below))


def groups_of(attribute: str, rows: GateRows, pool_below: int) -> Iterator[Group]:
    """The values of one column as groups of rows, values with fewer rows than `pool_below` as one, missing ones apart.

    >>> rows = GateRows(np.arange(5), np.zeros(5), np.full(5, "2024-01-01", "M8[us]"), {"race": np.array(
    ...     ["a", "a", "b", "c, mixed", None], object)})
    >>> [group.value for group in groups_of("race", rows, pool_below=2)]
    ['(missing)', 'a', '(pooled: b | c, mixed)']
    """
    if attribute not in rows.groups:
        raise DataError(f"gate rows: no column {attribute!r}. Load it into groups.")
    names, code = coded(rows.groups[attribute])
    rows_of = sums(code)
    small = (rows_of < pool_below) & (np.array(names) != MISSING)
    for place in np.flatnonzero(~small):
        yield Group(attribute, names[place], int(rows_of[place]), code, np.arange(len(names)) == place, (names[place],))
    if small.any():
        pooled = tuple(name for name, few in zip(names, small, strict=True) if few)
        yield Group(attribute, f"(pooled: {BETWEEN.join(pooled)})", int(rows_of[small].sum()), code, small, pooled)
