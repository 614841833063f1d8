"""A column of few different values, told as each value once with its rows: so is much of real data, and cheap to count.

Whole numbers of a narrow range are counted by themselves as places, other numbers by Arrow's hash table, where a sample
says that few of them are different. Counting what is told is exact; the sample only decides which way is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

BLOCK = 15 * 2**10
"""Values at a time: they stay in the processor's cache, and below the 128 kB that are asked of the system each time."""

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
    if pa.types.is_boolean(column.type):
        return _whole(column.cast(pa.uint8()))
    if pa.types.is_integer(column.type):
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


def rows_by_code(codes: pa.ChunkedArray, size: int, least: int = 0) -> Whole:
    """How often each of `size` whole numbers from `least` on stands in a column of none but them; nulls left out.

    >>> rows_by_code(pa.chunked_array([[1, None, 1]]), 3)
    array([0, 2, 0])
    """
    rows, block = np.zeros(size, np.int64), max(BLOCK, size)
    if not size:
        return rows
    for chunk in codes.chunks:
        for start in range(0, len(chunk), block):
            part = chunk.slice(start, block)
            values = (part.fill_null(least) if part.null_count else part).to_numpy(zero_copy_only=False)
            rows += np.bincount(_above(values, least) if least else values, minlength=size)
            rows[0] -= part.null_count  # filling is cheaper than dropping
    return rows


def _above(values: NDArray[np.integer[Any]], least: int) -> NDArray[np.intp]:
    """How far whole numbers lie above the least of them, which their own type without a sign can always hold."""
    wrapped = values - values.dtype.type(least)
    return wrapped.view(f"u{values.itemsize}").astype(np.intp)


def _ends(column: pa.ChunkedArray) -> tuple[int, int]:
    """Least and greatest of a column of whole numbers, of which there is one at least."""
    if column.null_count:
        ends = pc.min_max(column)
        return int(ends["min"].as_py()), int(ends["max"].as_py())
    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks if len(chunk)]
    return min(int(part.min()) for part in parts), max(int(part.max()) for part in parts)


def _whole(column: pa.ChunkedArray) -> Tally | None:
    if column.null_count == len(column):
        return Tally(np.empty(0), np.empty(0, np.int64))
    least, greatest = _ends(column)
    first = 0 if least >= 0 and greatest < _WIDEST else least
    if greatest - first > min(_WIDEST, 4 * len(column)):
        return None
    rows = rows_by_code(column, greatest - first + 1, first)
    there = np.flatnonzero(rows)
    values = np.array([float(first + at) for at in there.tolist()]) if first else there.astype(float)
    return Tally(values, rows[there])


def _floats(column: pa.ChunkedArray) -> Tally | None:
    middle = column.chunk(column.num_chunks // 2)
    sample = middle.to_numpy(zero_copy_only=False)[:: max(1, len(middle) // _SAMPLE)]
    bits = sample.view(f"i{sample.itemsize}").tolist()  # of NaN too there is one
    if len(set(bits)) > max(_FEW_OF_SAMPLE, 7 * len(bits) // 8):
        return None
    counted = pc.value_counts(column)
    values = counted.field(0).to_numpy(zero_copy_only=False).astype(float)
    return Tally(values + 0.0, counted.field(1).to_numpy())  # + 0.0: a zero has no sign
