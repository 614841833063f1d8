"""Counting numbers in bins, and finding order statistics, in a few passes and without sorting everything.

A grid of 65,536 steps takes the place of the sort: the step of a value is not smaller where the value is greater, so
that values in other steps than an edge's are surely below or above it, and only those in the step of an edge have to be
looked at one by one. The counts are those that sorting would give, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

STEPS = 2**16
_BLOCK = 2**15
_FEW = 2**12
_SAMPLE = 2**12
_STEP = np.arange(STEPS + 1)
_SQUARE = _STEP**2

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Binned:
    """Rows in the 2m + 1 cells of m edges, and Σz and Σz² of their steps z."""

    cells: tuple[int, ...]
    first: int
    second: int


def binned(values: Floats, edges: Floats, low: float, high: float) -> Binned:
    """Count finite values below the first edge, at it, between the first and the second, …, above the last.

    Args:
        values: Shape (n,), in any order, none of them NaN or infinite.
        edges: Increasing, shape (m,).
        low: Where the grid begins; smaller values are taken to be there in the two sums.
        high: Where it ends.

    >>> binned(np.array([3.0, 1.0, 2.0, 2.0]), np.array([2.0, 3.0]), 0.0, 4.0)
    Binned(cells=(1, 2, 0, 1, 0), first=131072, second=4831838208)
    """
    steps = grid_steps(values, low, high)
    if values.size < _FEW:
        ordered = np.sort(values)
        below = np.searchsorted(ordered, edges, side="left")
        up_to = np.searchsorted(ordered, edges, side="right")
        first, second = int(steps.sum()), int(steps @ steps)
    else:
        rows = np.bincount(steps, minlength=STEPS + 1)
        below, up_to = _around(values, steps, rows, edges, grid_steps(edges, low, high))
        first, second = int(rows @ _STEP), int(rows @ _SQUARE)
    running = np.column_stack([below, up_to]).ravel()
    return Binned(tuple(np.diff(running, prepend=0, append=values.size).tolist()), first, second)


def grid_steps(values: Floats, low: float, high: float) -> Counts:
    """Each value cut off at the limits and rounded to one of the steps 0 to 65,536 from `low` to `high`.

    >>> grid_steps(np.array([-1.0, 0.5, 1.0]), 0.0, 1.0)
    array([    0, 32768, 65536])
    """
    steps = np.empty(values.size, np.int64)
    for start in range(0, values.size, _BLOCK):  # a block stays in the processor's cache from one operation to the next
        block = np.clip(values[start : start + _BLOCK], low, high)
        block -= low
        block /= high - low
        block *= STEPS
        steps[start : start + _BLOCK] = np.rint(block, out=block)
    return steps


def order_statistics(values: Floats, ranks: ArrayLike) -> Floats:
    """The values that sorting would put at some places: `np.sort(values)[ranks]` without sorting all of them.

    >>> order_statistics(np.array([5.0, 1.0, 4.0]), [0, 2])
    array([1., 5.])
    """
    places = np.asarray(ranks, dtype=np.int64)
    if values.size < _FEW:
        return np.asarray(np.sort(values)[places])
    sample = np.sort(values[:: -(-values.size // _SAMPLE)])
    low, high = widened(sample[sample.size // 100], sample[-1 - sample.size // 100])
    steps = grid_steps(values, low, high)
    rows = np.bincount(steps, minlength=STEPS + 1)
    holding = np.searchsorted(np.cumsum(rows), places, side="right")
    wanted = np.zeros(STEPS + 1, dtype=bool)
    wanted[holding] = True
    left_out = np.cumsum(np.where(wanted, 0, rows))[holding]
    return np.asarray(np.sort(values[wanted[steps]])[places - left_out])


def widened(low: float, high: float) -> tuple[float, float]:
    """A range of some width, also for a column that knows one value only.

    >>> widened(1.0, 2.0), widened(5.0, 5.0)
    ((1.0, 2.0), (0.0, 10.0))
    """
    low, high = float(low), float(high)
    if low < high and np.isfinite(high - low):
        return low, high
    width = max(1.0, abs(low))
    return (low - width, high + width) if np.isfinite(width) and low == high else (low / 4, high / 4)


def _around(values: Floats, steps: Counts, rows: Counts, edges: Floats, at: Counts) -> tuple[Counts, Counts]:
    """How many values are below each edge, and how many are at most it; `at` are the steps of the edges."""
    edge_of = np.full(STEPS + 1, -1, np.int32)
    edge_of[at] = np.arange(edges.size)
    nearest = edge_of[steps]
    near = nearest >= 0
    close, nearest = values[near], nearest[near]
    equal = close == edges[nearest]
    ties = np.bincount(nearest[equal], minlength=edges.size)
    others = np.sort(close[~equal])
    surely = np.cumsum(np.where(edge_of >= 0, 0, rows))[at]
    running = np.cumsum(ties)
    below = surely + running - ties + np.searchsorted(others, edges, side="left")
    return below, surely + running + np.searchsorted(others, edges, side="right")
