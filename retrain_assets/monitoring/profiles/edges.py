"""The bins of a reference, chosen once; every later window is counted in the same ones."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain_assets.monitoring.profiles.binning import Bins, Values, every, order_statistics, size_of, widened
from retrain_assets.monitoring.profiles.column_reader import (
    CategoryPiece,
    NumericPiece,
    Rows,
    names,
    numbers,
    numbers_of_parts,
)
from retrain_assets.monitoring.profiles.value_counts import Tally, pooled

Kind = Literal["numeric", "categorical"]
Floats = NDArray[np.float64]

BINS = 64
MOST_LEVELS = 10_000
"""Categories of a column that are counted one by one; of a reference with more, the largest are."""

MOST_VALUES = 2**20
"""Values of a column that the edges are chosen from; of a reference with more, every second, third, … is."""

_MOST_NAMES = 2**18
_WINSOR = 0.01
_MARGIN = 0.5


@dataclass(frozen=True, eq=False)
class Edges:
    """The bins of the reference.

    Attributes:
        numeric: Per numeric column up to 65 increasing values of the reference: every value when it has no more than
            that, else its quantiles at 0, 1/64, …, 1. Empty when the reference has none.
        categories: Per categorical column the levels of the reference, in text order; the 10,000 largest of more.
        limits: Per numeric column where the mean and the spread cut values off: the 1 % and 99 % points, moved outwards
            by half of what lies between them, so that a window which left the reference's range is still told apart.
        beyond: Per categorical column with more than 10,000 levels, how many at least are not listed. A category that
            is not listed cannot be called new there.
    """

    numeric: Mapping[str, Floats]
    categories: Mapping[str, tuple[str, ...]]
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    beyond: Mapping[str, int] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edges) and (self is other or self.digest == other.digest)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything that decides where a row is counted."""
        numeric = {name: [float(edge) for edge in edges] for name, edges in self.numeric.items()}
        told = [numeric, dict(self.categories), dict(self.limits), dict(self.beyond)]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def kind(self, column: str) -> Kind:
        """Whether a column is numeric or categorical."""
        return "numeric" if column in self.numeric else "categorical"

    def limits_of(self, column: str) -> tuple[float, float]:
        """Where a numeric column's moments cut values off; never an empty range."""
        edges = self.numeric[column]
        default = (float(edges[0]), float(edges[-1])) if len(edges) else (0.0, 1.0)
        return widened(*self.limits.get(column, default))

    def bins(self, column: str) -> Bins:
        """What counts a numeric column's values; kept, for it is worth more than the counting of a small period."""
        if column not in self._bins:
            self._bins[column] = Bins(self.numeric[column], *self.limits_of(column))
        return self._bins[column]

    @cached_property
    def _bins(self) -> dict[str, Bins]:
        return {}


def reference_edges(rows: Rows, numeric: Sequence[str], categorical: Sequence[str]) -> Edges:
    """Choose the bins from the pooled rows of the reference, one column after the other.

    A column that the rows lack, or that holds no usable value, gets no edges; all its later values are then new.

    >>> edges = reference_edges(pa.table({"x": [1.0, 2.0, 2.0, None], "c": ["b", "a", "b", None]}), ["x"], ["c"])
    >>> edges.numeric["x"], edges.categories["c"]
    (array([1., 2.]), ('a', 'b'))
    """
    of_numbers = [numeric_edges(name, _pieces(rows, name), rows.num_rows) for name in numeric]
    of_names = [category_edges(name, names(rows, name)) for name in categorical]
    return merged_edges([*of_numbers, *of_names])


def _pieces(rows: Rows, name: str) -> Iterable[NumericPiece]:
    if rows.num_rows > MOST_VALUES:
        return numbers(rows, name, in_order=True)
    return numbers_of_parts([rows], name)[0]


def numeric_edges(name: str, pieces: Iterable[NumericPiece], rows: int) -> Edges:
    """The bins of one numeric column; `rows` is how many rows the pieces have at most, in order if above the limit."""
    step = max(1, -(-rows // MOST_VALUES))
    values: list[Floats] = []
    tallies: list[Tally] = []
    ends, seen = list[float](), 0
    for piece in pieces:
        if isinstance(piece.finite, Tally):
            tallies.append(piece.finite)
            continue
        values += piece.finite if step == 1 else [every(piece.finite, step, seen)]
        seen += size_of(piece.finite)
        if step > 1 and piece.least is not None and piece.greatest is not None:
            ends += [piece.least, piece.greatest]
    if tallies and not values:
        return _edges_of(name, *_points_told(pooled(tallies)))
    values += [np.repeat(tally.values, tally.rows) for tally in tallies]
    return _edges_of(name, *_points([*values, np.array([min(ends), max(ends)])] if ends else values))


def _edges_of(name: str, points: Floats, limits: tuple[float, float] | None) -> Edges:
    return Edges({name: points}, {}, {} if limits is None else {name: limits})


def category_edges(name: str, pieces: Iterable[CategoryPiece]) -> Edges:
    """The levels of one categorical column; of very many names the rarest are forgotten on the way."""
    total: Counter[str] = Counter()
    most = 0
    for piece in pieces:
        for level, rows in zip(piece.distinct.to_pylist(), piece.counts.tolist(), strict=True):
            if rows:
                total[level] += rows
        most = max(most, len(total))
        if len(total) > _MOST_NAMES:
            total = Counter({level: total[level] for level in _largest(total, _MOST_NAMES // 2)})
    listed = _largest(total, MOST_LEVELS)
    return Edges({}, {name: tuple(sorted(listed))}, {}, {name: most - len(listed)} if most > len(listed) else {})


def merged_edges(columns: Iterable[Edges]) -> Edges:
    """The edges of columns of different names as one."""
    joined = Edges({}, {}, {}, {})
    for one in columns:
        joined = Edges(
            {**joined.numeric, **one.numeric},
            {**joined.categories, **one.categories},
            {**joined.limits, **one.limits},
            {**joined.beyond, **one.beyond},
        )
    return joined


def _points_told(tally: Tally) -> tuple[Floats, tuple[float, float]]:
    """The points of a column of few different values, those that `_points` finds among its rows."""
    size, (tail, quantiles) = tally.size, _ranks(tally.size)
    low, high = tally.at(np.array([tail, size - 1 - tail]))
    points = tally.values if tally.values.size <= BINS + 1 else np.unique(tally.at(quantiles))
    return points, _limits(low, high, points[0], points[-1])


def _ranks(size: int) -> tuple[int, NDArray[np.int64]]:
    """Which places of so many values in order the limits and the edges are taken from."""
    quantiles = np.ceil(np.linspace(0, 1, BINS + 1) * size).astype(np.int64) - 1
    return int((size - 1) * _WINSOR), np.maximum(quantiles, 0)


def _points(values: Values) -> tuple[Floats, tuple[float, float] | None]:
    size = size_of(values)
    if not size:
        return np.empty(0), None
    tail, quantiles = _ranks(size)
    counted = _few_values(values, size)
    if counted is not None:
        points, rows = counted
        low, high = points[np.searchsorted(np.cumsum(rows), [tail, size - 1 - tail], side="right")]
    else:
        *found, low, high = order_statistics(values, [*quantiles, tail, size - 1 - tail])
        points = np.unique(found) + 0.0  # a zero has no sign
    return points, _limits(low, high, points[0], points[-1])


def _few_values(values: Values, size: int) -> tuple[Floats, NDArray[np.int64]] | None:
    """Every value in order with its rows; None when there are more than the bins can tell apart."""
    if np.unique(every(values, -(-size // (16 * BINS)))).size > BINS + 1:
        return None
    counted = pc.value_counts(pa.chunked_array([pa.array(part) for part in values]))
    found, rows = (counted.field(at).to_numpy() for at in (0, 1))
    points, at = np.unique(found + 0.0, return_inverse=True)
    return (points, np.bincount(at, rows).astype(np.int64)) if points.size <= BINS + 1 else None


def _limits(low: float, high: float, least: float, greatest: float) -> tuple[float, float]:
    if low == high:
        return widened(least, greatest)
    return widened(low - _MARGIN * (high - low), high + _MARGIN * (high - low))


def _largest(total: Counter[str], most: int) -> list[str]:
    return list(total) if len(total) <= most else nsmallest(most, total, key=lambda level: (-total[level], level))
