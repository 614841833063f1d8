"""A column of few different values, told as each value once with its rows: so is much of real data, and cheap to count.

Whole numbers of a narrow range are counted by themselves as places, other numbers by Arrow's hash table, where a sample
says that few of them are different. Counting what is told is exact; the sample only decides which way is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_WIDEST = 2**16
_SAMPLE = 256
_FEW_OF_SAMPLE = 224


@dataclass(frozen=True, eq=False)
class Tally:
    """Different values and the rows of each, shape (values,) both."""

    values: Floats
    rows: Whole

    @property
    def size(self) -> int:
        """How many rows are told."""
        return int(self.rows.sum())

    def only(self, chosen: NDArray[np.bool_]) -> Tally:
        """The chosen values."""
        return Tally(self.values[chosen], self.rows[chosen])

    def at(self, ranks: NDArray[np.int64]) -> Floats:
        """The values that stand at some places of all rows in order; needs increasing values, as `pooled` gives."""
        return self.values[np.searchsorted(np.cumsum(self.rows), ranks, side="right")]


def tallied(column: pa.ChunkedArray) -> Tally | None:
    """The values of a column of numbers, NaN among them, nulls left out or as NaN; None where too many are different.

    >>> found = tallied(pa.chunked_array([[3, 1, None, 3]]))
    >>> found.values, found.rows
    (array([1., 3.]), array([1, 2]))
    """
    if pa.types.is_float32(column.type) or pa.types.is_float64(column.type):
        return _floats(column)
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return _whole(column)
    return None


def pooled(tallies: Iterable[Tally]) -> Tally:
    """Several tallies as one, in increasing order.

    >>> both = pooled([Tally(np.array([2.0, 1.0]), np.array([1, 1])), Tally(np.array([2.0]), np.array([3]))])
    >>> both.values, both.rows
    (array([1., 2.]), array([1, 4]))
    """
    all_of = list(tallies)
    values, at = np.unique(np.concatenate([one.values for one in all_of]), return_inverse=True)
    rows = np.bincount(at, np.concatenate([one.rows for one in all_of]), minlength=values.size)
    return Tally(values, rows.astype(np.int64))


def _whole(column: pa.ChunkedArray) -> Tally | None:
    chunks = [chunk.to_numpy(zero_copy_only=False) for chunk in column.drop_null().chunks if len(chunk)]
    if not chunks:
        return Tally(np.empty(0), np.empty(0, np.int64))
    values = chunks[0] if len(chunks) == 1 else np.concatenate(chunks)
    values = values.view(np.uint8) if values.dtype == bool else values
    least, greatest = int(values.min()), int(values.max())
    if greatest - least > min(_WIDEST, 4 * values.size):
        return None
    if least < 0 or greatest > _WIDEST:  # in the column's own type, of which the difference is never out of range
        kind = values.dtype.type
        rows = np.bincount((values - kind(least)).astype(f"u{values.itemsize}").astype(np.intp))
        there = np.flatnonzero(rows)
        return Tally((there.astype(kind) + kind(least)).astype(float), rows[there].astype(np.int64))
    rows = np.bincount(values)
    there = np.flatnonzero(rows)
    return Tally(there.astype(float), rows[there].astype(np.int64))


def _floats(column: pa.ChunkedArray) -> Tally | None:
    step = -(-len(column) // _SAMPLE) if len(column) else 1
    if pc.count_distinct(column.take(pa.array(np.arange(0, len(column), step)))).as_py() > _FEW_OF_SAMPLE:
        return None
    counted = pc.value_counts(column)
    values = counted.field(0).to_numpy(zero_copy_only=False).astype(float)
    return Tally(values + 0.0, counted.field(1).to_numpy())  # + 0.0: a zero has no sign
