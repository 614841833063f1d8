"""Counting numbers in bins, and finding order statistics, in a few passes and without sorting everything.

A grid of 65,536 steps takes the place of the sort: the step of a value is not smaller where the value is greater, so
that values in other steps than an edge's are surely below or above it, and only those in the step of an edge have to be
looked at one by one. The counts are those that sorting would give, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrain_assets.monitoring.profiles.value_counts import BLOCK, Tally, beginnings

STEPS = 2**16

_FEW = 2**11
_SAMPLE = 2**12
_CELLS = 2**12
_NARROWEST, _FARTHEST = 1e-280, 4e307

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Values = Sequence[Floats]
"""Finite values in any order, as the arrays of any length that they were read in."""


@dataclass(frozen=True)
class Counted:
    """Rows in the 2m + 1 cells of m edges, and Σz and Σz² of their steps z on the grid."""

    cells: tuple[int, ...]
    first: int
    second: int


@dataclass(frozen=True, eq=False)
class Bins:
    """The edges of one numeric column, increasing, with the grid from `low` to `high` that finds a value's place.

    >>> Bins(np.array([2.0, 3.0]), 0.0, 4.0).count([np.array([3.0, 1.0, 2.0, 2.0])])
    Counted(cells=(1, 2, 0, 1, 0), first=131072, second=4831838208)
    """

    edges: Floats
    low: float
    high: float

    def count(self, values: Values | Tally) -> Counted:
        """Count values below the first edge, at it, between it and the second, and so on."""
        if isinstance(values, Tally):
            return self.count_told([values])[0]
        first, second, few = 0, 0, size_of(values) < _FEW
        rows, others = np.zeros(2 * self.edges.size + 1, np.int64), [np.empty(0)]
        for block, steps in on_grid(values, self.low, self.high):
            # exact: whole numbers below 2^53; einsum, because the threads of a dot product spin on a busy host
            first, second = first + int(steps.sum()), second + int(np.einsum("i,i", steps, steps))
            others.append(block if few else self._place(block, steps, rows))
        return Counted(self._cells(rows, np.sort(np.concatenate(others))), first, second)

    def count_told(self, tallies: Sequence[Tally]) -> list[Counted]:
        """What `count` gives for each of some tallies that share their values, all in one go.

        >>> Bins(np.array([2.0, 3.0]), 0.0, 4.0).count_told([Tally(np.array([1.0, 2.0, 3.0]), np.array([1, 2, 1]))])
        [Counted(cells=(1, 2, 0, 1, 0), first=131072, second=4831838208)]
        """
        values, rows = tallies[0].values, np.array([tally.rows for tally in tallies])
        cells = np.zeros((len(tallies), 2 * self.edges.size + 1), np.int64)
        if not values.size:
            return [Counted(tuple(part), 0, 0) for part in cells.tolist()]
        steps = np.concatenate([found.astype(np.int64) for _, found in on_grid([values], self.low, self.high)])
        at = np.searchsorted(self.edges, values)
        found = 2 * at + (np.append(self.edges, np.nan)[at] == values)
        starts = beginnings(found)
        cells[:, found[starts]] = np.add.reduceat(rows, starts, axis=1)
        counted = zip(cells.tolist(), (rows @ steps).tolist(), (rows @ steps**2).tolist(), strict=True)
        return [Counted(tuple(part), first, second) for part, first, second in counted]

    def _place(self, block: Floats, steps: Floats, rows: Whole) -> Floats:
        """Add to `rows` what the grid tells for sure: values between edges, values equal to one. Return the others."""
        places, edges = self._places.take(steps.astype(np.intp), mode="clip"), self.edges.size
        rows += np.bincount(places, minlength=rows.size)
        near = places > edges
        if 4 * np.count_nonzero(near) < block.size:  # picking few is cheap, of many it is not
            block, places, near = block[near], places[near], near[near]
        nearest = places - (edges + 1)
        apart = near & (block != self.edges.take(nearest, mode="clip")) if edges else near
        rows[edges + 1 :] -= np.bincount(nearest[apart], minlength=edges)
        return np.asarray(block[apart])

    @cached_property
    def _places(self) -> NDArray[np.int16]:
        """Per step how many edges lie below it; m + 1 + the number of the edge where one lies in it."""
        at = np.empty(0, np.intp)
        for _, steps in on_grid([self.edges], self.low, self.high):
            at = np.append(at, steps.astype(np.intp))
        lengths = np.diff(at, prepend=0, append=STEPS + 1)
        below = np.repeat(np.arange(self.edges.size + 1, dtype=np.int16), lengths)
        below[at] = self.edges.size + 1 + np.arange(self.edges.size)
        return below

    def _cells(self, rows: Whole, others: Floats) -> tuple[int, ...]:
        """Rows by cell from what the grid told (between edges, then equal to an edge) and the sorted rest."""
        between, equal = rows[: self.edges.size + 1], rows[self.edges.size + 1 :]
        below = np.searchsorted(others, self.edges, side="left")
        up_to = np.searchsorted(others, self.edges, side="right")
        cells = np.diff(np.column_stack([below, up_to]).ravel(), prepend=0, append=others.size)
        cells[::2] += between
        cells[1::2] += equal
        return tuple(cells.tolist())


def size_of(values: Values) -> int:
    """How many values there are."""
    return sum(part.size for part in values)


def in_blocks(values: Values) -> Iterator[Floats]:
    """The values in views of at most `BLOCK` of them."""
    return (part[start : start + BLOCK] for part in values for start in range(0, part.size, BLOCK))


def extremes(values: Values) -> tuple[float, float]:
    """Least and greatest of some values, one look at the memory for both; NaN when one of them is.

    >>> extremes([np.array([2.0, 1.0])])
    (1.0, 2.0)
    """
    ends = np.array([(block.min(), block.max()) for block in in_blocks(values)])
    return float(ends[:, 0].min()), float(ends[:, 1].max())


def on_grid(values: Values, low: float, high: float, steps: int = STEPS) -> Iterator[tuple[Floats, Floats]]:
    """Blocks of values, each with its values cut off at the limits and rounded to the steps 0 to `steps` between them.

    What is rounded is overwritten by the next block.

    >>> [(block, found)] = on_grid([np.array([-1.0, 0.5, 1.0])], 0.0, 1.0)
    >>> found
    array([    0., 32768., 65536.])
    """
    kept, scale = np.empty(BLOCK), steps / (high - low)
    for block in in_blocks(values):
        found = np.clip(block, low, high, out=kept[: block.size])
        found -= low
        found *= scale
        yield block, np.rint(found, out=found)


def every(values: Values, step: int, first: int = 0) -> Floats:
    """Every so manieth value, counted over all arrays together.

    >>> every([np.array([0.0, 1.0, 2.0]), np.array([3.0, 4.0])], 2)
    array([0., 2., 4.])
    """
    taken, seen = [np.empty(0)], first
    for part in values:
        taken.append(part[-seen % step :: step])
        seen += part.size
    return np.concatenate(taken)


def order_statistics(values: Values, ranks: ArrayLike) -> Floats:
    """The values that sorting would put at some places, without sorting all of them.

    >>> order_statistics([np.array([5.0, 1.0, 4.0])], [0, 2])
    array([1., 5.])
    """
    places, size = np.asarray(ranks, dtype=np.int64), size_of(values)
    if size < _SAMPLE:
        return np.asarray(np.sort(np.concatenate(values))[places])
    sample = np.sort(every(values, -(-size // _SAMPLE)))
    low, high = widened(sample[sample.size // 100], sample[-1 - sample.size // 100])
    rows = np.zeros(_CELLS + 1, np.int64)
    for _, at in on_grid(values, low, high, _CELLS):
        rows += np.bincount(at.astype(np.intp), minlength=_CELLS + 1)
    holding = np.searchsorted(np.cumsum(rows), places, side="right")
    wanted = np.zeros(_CELLS + 1, dtype=bool)
    wanted[holding] = True
    left_out = np.cumsum(np.where(wanted, 0, rows))[holding]
    inside = [block[wanted.take(at.astype(np.intp))] for block, at in on_grid(values, low, high, _CELLS)]
    return np.asarray(np.sort(np.concatenate(inside))[places - left_out])


def widened(low: float, high: float) -> tuple[float, float]:
    """A range of some width, also for a column that knows one value only.

    >>> widened(1.0, 2.0), widened(5.0, 5.0)
    ((1.0, 2.0), (0.0, 10.0))
    """
    low, high = (min(max(float(end), -_FARTHEST), _FARTHEST) for end in (low, high))
    if high - low > _NARROWEST:
        return low, high
    width = max(1.0, abs(low))
    return low - width, high + width
