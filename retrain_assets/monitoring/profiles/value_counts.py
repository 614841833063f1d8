"""A column of few different values, told as each value once with its rows: so is much of real data, and cheap to count.

Whole numbers of a narrow range are counted by themselves as places, floats by places that a sample chose, where it says
that few of them are different. Counting what is told is exact; the sample only decides which way is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
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

_PLACES = (2**11, 2**14)
_PLACES_SAMPLE = 2**14
_GOLDEN = {4: 0x9E3779B1, 8: 0x9E3779B97F4A7C15}
"""By the bytes of a float, 2**32 or 2**64 over the golden ratio, as an odd number."""


@dataclass(frozen=True, eq=False)
class Tally:
    """Different finite values in increasing order and the rows of each, shape (values,) both; some may have none.

    Attributes:
        infinite: Rows that are infinite, and so not among the values.
    """

    values: Floats
    rows: Whole
    infinite: int = 0

    @property
    def size(self) -> int:
        """How many rows are told."""
        return int(self.rows.sum())

    def at(self, ranks: NDArray[np.int64]) -> Floats:
        """The values that stand at some places of all rows in order."""
        return self.values[np.searchsorted(np.cumsum(self.rows), ranks, side="right")]


def tallied(columns: Sequence[pa.ChunkedArray]) -> list[Tally] | None:
    """The values of some columns of one type, nulls and NaN left out; all share `values`.

    None where the columns hold no numbers, are of several types, or have too many different values.

    >>> one, two = tallied([pa.chunked_array([[3, 1, None, 3]]), pa.chunked_array([[4, 1]])])
    >>> one.values, one.rows, two.rows
    (array([1., 3., 4.]), array([1, 2, 0]), array([1, 0, 1]))
    """
    kinds = {column.type for column in columns}
    kind = kinds.pop() if len(kinds) == 1 else pa.null()
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return _floats(columns)
    if pa.types.is_boolean(kind):
        return _whole([column.cast(pa.uint8()) for column in columns])
    if pa.types.is_integer(kind):
        return _whole(columns)
    return None


def pooled(tallies: Sequence[Tally]) -> Tally:
    """Several tallies as one.

    >>> both = pooled([Tally(np.array([1.0, 2.0]), np.array([1, 1])), Tally(np.array([2.0]), np.array([3]))])
    >>> both.values, both.rows
    (array([1., 2.]), array([1, 4]))
    """
    if all(one.values is tallies[0].values for one in tallies):
        return Tally(tallies[0].values, np.sum([one.rows for one in tallies], axis=0))
    values, at = np.unique(np.concatenate([one.values for one in tallies]), return_inverse=True)
    rows = np.bincount(at, np.concatenate([one.rows for one in tallies]), minlength=values.size)
    return Tally(values, rows.astype(np.int64))


def joined(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Columns of one type one after the other."""
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], columns[0].type)


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
        least, greatest = (int(end.as_py()) for end in pc.min_max(column).values())
        return least, greatest
    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks if len(chunk)]
    return min(int(part.min()) for part in parts), max(int(part.max()) for part in parts)


def _whole(columns: Sequence[pa.ChunkedArray]) -> list[Tally] | None:
    column = joined(columns)
    if column.null_count == len(column):
        return [Tally(np.empty(0), np.empty(0, np.int64)) for _ in columns]
    least, greatest = _ends(column)
    first = 0 if least >= 0 and greatest < _WIDEST else least
    size = greatest - first + 1
    if size > _WIDEST or size * len(columns) > max(_WIDEST, 4 * len(column)):
        return None
    rows = np.array([rows_by_code(one, size, first) for one in columns])
    there = np.flatnonzero(rows.any(axis=0))
    values = np.array([float(first + at) for at in there.tolist()]) if first else there.astype(float)
    return _told(values, rows[:, there])


def _floats(columns: Sequence[pa.ChunkedArray]) -> list[Tally] | None:
    column = joined(columns)
    if not len(column) or _seems_varied(column.chunk(column.num_chunks // 2)):
        return None
    at_places, placed, others = _by_place([_arrays(one) for one in columns])
    encoded = pa.array(np.concatenate(others)).dictionary_encode()
    others_values = encoded.dictionary.to_numpy()
    if (placed.size + others_values.size) * len(columns) > max(_WIDEST, 2 * len(column)):
        return None
    codes = np.split(encoded.indices.to_numpy(), np.cumsum([left.size for left in others])[:-1])
    of_others = np.array([np.bincount(part, minlength=others_values.size) for part in codes])
    values, rows = np.append(placed, others_values).astype(float), np.hstack([at_places, of_others])
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]  # NaN is sorted to the end
    return _told(values[order] + 0.0, rows[:, order])  # + 0.0: a zero has no sign


def _by_place(columns: Sequence[Sequence[NDArray[Any]]]) -> tuple[Whole, NDArray[Any], list[NDArray[Any]]]:
    """Count floats by a hash of their bits, which costs less than a hash table that grows.

    Each place is given to one value of a sample; what another value's place falls to is left to be counted otherwise.

    Returns:
        The rows of each value that has a place, shape (columns, values), those values, and each column's other floats.
    """
    kind = next(part.dtype for column in columns for part in column)
    size = sum(part.size for column in columns for part in column)
    step = max(1, size // _PLACES_SAMPLE)
    sample = np.concatenate([part[::step] for column in columns for part in column]).view(f"u{kind.itemsize}")
    held = _held(sample, max(_WIDEST, size) // len(columns))
    rows, others = np.zeros((len(columns), held.size), np.int64), []
    for counted, column in zip(rows, columns, strict=True):
        left = [np.empty(0, kind)]
        for block in (part[start : start + BLOCK] for part in column for start in range(0, part.size, BLOCK)):
            bits = block.view(held.dtype)
            places = _places(bits, held.size)
            fits = held.take(places) == bits
            if not fits.all():
                left.append(block[~fits])
                places = places[fits]
            counted += np.bincount(places, minlength=held.size)
        others.append(np.concatenate(left))
    there = np.flatnonzero(rows.any(axis=0))
    return rows[:, there], held[there].view(kind), others


def _held(sample: NDArray[Any], most: int) -> NDArray[Any]:
    """Which bits each place is given to: few places if nearly all of a sample get theirs, else many, up to `most`."""
    few, many = _PLACES
    held = _filled(sample, few)
    if many > most or np.count_nonzero(held[_places(sample, few)] == sample) > 0.95 * sample.size:
        return held
    return _filled(sample, many)


def _filled(sample: NDArray[Any], size: int) -> NDArray[Any]:
    held = np.zeros(size, sample.dtype)
    held[_places(sample, size)] = sample
    return held


def _places(bits: NDArray[Any], size: int) -> NDArray[np.intp]:
    """A place below `size`, a power of two, for each of some bits: D. Knuth, The Art of Computer Programming, 6.4."""
    factor, shift = _GOLDEN[bits.itemsize], 8 * bits.itemsize - (size.bit_length() - 1)
    return np.asarray(bits * bits.dtype.type(factor) >> bits.dtype.type(shift), np.intp)


def _arrays(column: pa.ChunkedArray) -> list[NDArray[Any]]:
    return [chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks]


def _told(values: Floats, rows: Whole) -> list[Tally]:
    """Tallies of columns from values in order, of which some may be equal, and their rows, shape (columns, values)."""
    if not values.size:
        return [Tally(values, part) for part in rows]
    starts = beginnings(values)
    different, told = values[starts], np.add.reduceat(rows, starts, axis=1)
    finite = np.isfinite(different)
    beyond, shared = told[:, ~finite].sum(axis=1).tolist(), different[finite]
    return [Tally(shared, part, rest) for part, rest in zip(told[:, finite], beyond, strict=True)]


def beginnings(values: NDArray[Any]) -> NDArray[np.intp]:
    """Where each value stands for the first time, of values in order.

    >>> beginnings(np.array([1.0, 1.0, 2.0, 5.0, 5.0]))
    array([0, 2, 3])
    """
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))


def _seems_varied(chunk: pa.Array) -> bool:
    sample = chunk.to_numpy(zero_copy_only=False)[:: max(1, len(chunk) // _SAMPLE)]
    bits = sample.view(f"i{sample.itemsize}").tolist()  # of NaN too there is one
    return len(set(bits)) > max(_FEW_OF_SAMPLE, 7 * len(bits) // 8)
