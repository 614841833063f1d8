"""DeLong's placements: how each row stands among the rows of the other class, in every part of the rows at once.

One sort of all scores serves every part. The sorted rows are taken in slices, each ending where a tie ends, so that
beside the order only the result is as long as the rows.

Source: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44; from mid-ranks, O(n log n), by Sun & Xu (2014), IEEE
Signal Processing Letters 21.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain_assets.statistics.codes import Codes, sums

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_SLICE_ROWS = 1 << 14


def placements(positive: Mask, scores: Array, part: Codes) -> Array:
    """For each positive the share of negatives below it, for each negative that of positives above; ties count half.

    Args:
        positive: Whether a row is of class 1, shape (n,).
        scores: Finite numbers, shape (n,).
        part: The number of each row's part; a row stands only among those of its own. In a part without the other class
            the values mean nothing.

    >>> placements(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.4, 0.8]), np.zeros(4, np.uint8))
    array([1.  , 0.75, 0.75, 1.  ])
    """
    order = _order(scores)
    placed = _Placed.of(positive, part)
    begin = 0
    while begin < len(order):
        rows = order[begin : _whole_ties(scores, order, begin)]
        if len(rows):
            placed.put_sorted(rows, scores)
        else:
            rows = order[begin : _end_of_tie(scores, order, begin)]
            placed.put_tie(rows)
        begin += len(rows)
    return placed.share


@dataclass(frozen=True)
class _Placed:
    """The placements so far, and how many rows and how many negatives of each part have theirs."""

    share: Array
    positive: Mask
    part: Codes
    positives: Array
    negatives: Array
    rows_done: Array
    negatives_done: Array

    @classmethod
    def of(cls, positive: Mask, part: Codes) -> _Placed:
        count = int(part.max()) + 1 if part.size else 0
        rows, positives = np.zeros((2, count))
        for at in _slices(part.size):
            rows += sums(part[at], None, count)
            positives += sums(part[at], positive[at].astype(np.float64), count)
        some, others = np.maximum(positives, 1), np.maximum(rows - positives, 1)
        return cls(np.empty(part.size), positive, part, some, others, np.zeros(count), np.zeros(count))

    def put_sorted(self, rows: Codes, scores: Array) -> None:
        """Rows in the order of their scores, with every tie whole."""
        part = self._part(rows)
        if isinstance(part, np.ndarray):
            rows = rows[np.argsort(part, kind="stable")]
            part = self._part(rows)
        won = self.positive[rows]
        middle, beaten = _middle_of_ties(scores[rows], ~won, part)
        here, negatives_here = self._counted(part, won)
        middle += (self.rows_done - np.cumsum(here) + here)[part]
        beaten += (self.negatives_done - np.cumsum(negatives_here) + negatives_here)[part]
        self._put(rows, part, won, middle, beaten)
        self._done(here, negatives_here)

    def put_tie(self, rows: Codes) -> None:
        """Rows that all have the same score, a slice at a time."""
        slices = [rows[at] for at in _slices(len(rows))]
        counts = [self._counted(self._part(own), self.positive[own]) for own in slices]
        here, negatives_here = np.sum(counts, axis=0)
        for own in slices:
            part = self._part(own)
            middle, beaten = (self.rows_done + here / 2)[part], (self.negatives_done + negatives_here / 2)[part]
            self._put(own, part, self.positive[own], middle, beaten)
        self._done(here, negatives_here)

    def _put(self, rows: Codes, part: Codes | int, won: Mask, middle: Array, beaten: Array) -> None:
        """From how many rows and negatives of their part stand below the middle of each row's tie."""
        above = 1 - (middle - beaten) / self.positives[part]
        self.share[rows] = np.where(won, beaten / self.negatives[part], above)

    def _part(self, rows: Codes) -> Codes | int:
        """The number of each row's part, or the one number that all rows have."""
        return self.part[rows] if self.positives.size > 1 else 0

    def _counted(self, part: Codes | int, won: Mask) -> tuple[Array, Array]:
        """How many of the rows, and how many negatives, each part has."""
        if isinstance(part, int):
            return np.array([float(won.size)]), np.array([float(won.size - np.count_nonzero(won))])
        count = self.positives.size
        return sums(part, None, count), sums(part, (~won).astype(np.float64), count)

    def _done(self, rows: Array, negatives: Array) -> None:
        np.add(self.rows_done, rows, out=self.rows_done)
        np.add(self.negatives_done, negatives, out=self.negatives_done)


def _slices(rows: int) -> Iterator[slice]:
    return (slice(first, first + _SLICE_ROWS) for first in range(0, rows, _SLICE_ROWS))


def _order(scores: Array) -> Codes:
    """The rows from the lowest score to the highest, four bytes a row: half of what a sort leaves."""
    order = np.argsort(np.ascontiguousarray(scores))
    return order.astype(np.min_scalar_type(len(order)))


def _whole_ties(scores: Array, order: Codes, begin: int) -> int:
    """Where a slice of the order that begins there may end without cutting a tie; `begin` if one tie fills it."""
    ranked = scores[order[begin : begin + _SLICE_ROWS]]
    if begin + len(ranked) == len(order):
        return len(order)
    return begin + int(np.searchsorted(ranked, ranked[-1]))


def _end_of_tie(scores: Array, order: Codes, begin: int) -> int:
    """The first place in the order whose score is not that of `begin`."""
    end = begin
    while end < len(order):
        tied = scores[order[end : end + _SLICE_ROWS]] == scores[order[begin]]
        if not tied.all():
            return end + int(np.argmin(tied))
        end += len(tied)
    return end


def _middle_of_ties(ranked: Array, negative: Mask, part: Codes | int) -> tuple[Array, Array]:
    """For each of the rows, sorted in each part, how many rows and negatives stand before the middle of its tie."""
    starts = np.ones(len(ranked), dtype=np.bool_)
    np.not_equal(ranked[1:], ranked[:-1], out=starts[1:])
    if isinstance(part, np.ndarray):
        starts[1:] |= part[1:] != part[:-1]
    if starts.all():
        return np.arange(0.5, len(ranked)), np.cumsum(negative) - negative / 2
    start = np.flatnonzero(starts)
    tied = np.diff(start, append=len(ranked))
    negatives = np.add.reduceat(negative, start, dtype=np.int64)
    return np.repeat(start + tied / 2, tied), np.repeat(np.cumsum(negatives) - negatives / 2, tied)
