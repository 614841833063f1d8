"""The bins of a reference, chosen once; every later window is counted in the same ones."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain_assets.monitoring.binning import Bins, order_statistics, widened
from retrain_assets.monitoring.reading import Rows, names, numbers

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
    points: dict[str, Floats] = {}
    limits: dict[str, tuple[float, float]] = {}
    for name in numeric:
        values = _pooled(rows, name)
        points[name], found = _points(values)
        if found is not None:
            limits[name] = found
    levels = {name: _levels(rows, name) for name in categorical}
    beyond = {name: unlisted for name, (_, unlisted) in levels.items() if unlisted}
    return Edges(points, {name: listed for name, (listed, _) in levels.items()}, limits, beyond)


def _pooled(rows: Rows, name: str) -> Floats:
    """The values to choose from, least and greatest of all among them."""
    step = max(1, -(-rows.num_rows // MOST_VALUES))
    taken, ends, seen = [np.empty(0)], list[float](), 0
    for piece in numbers(rows, name):
        taken.append(piece.finite[-seen % step :: step])
        seen += piece.finite.size
        if step > 1:
            ends += [end for end in (piece.least, piece.greatest) if end is not None]
    ends = [min(ends), max(ends)] if ends else []
    return taken[-1] if len(taken) == 2 and not ends else np.concatenate([*taken, ends])


def _points(values: Floats) -> tuple[Floats, tuple[float, float] | None]:
    if not values.size:
        return values, None
    last = values.size - 1
    tail = int(last * _WINSOR)
    rank = np.maximum(np.ceil(np.linspace(0, 1, BINS + 1) * values.size).astype(int) - 1, 0)
    *found, low, high = order_statistics(values, [*rank, tail, last - tail])
    distinct = _few_values(values)
    return (np.unique(found) if distinct is None else distinct), _limits(low, high, found[0], found[-1])


def _few_values(values: Floats) -> Floats | None:
    """Every value in order; None when there are more than the bins can tell apart."""
    for part in (values[:: -(-values.size // (16 * BINS))], values):
        distinct = np.unique(pc.unique(pa.array(part)).to_numpy())
        if distinct.size > BINS + 1:
            return None
    return distinct


def _limits(low: float, high: float, least: float, greatest: float) -> tuple[float, float]:
    if low == high:
        return widened(least, greatest)
    return widened(low - _MARGIN * (high - low), high + _MARGIN * (high - low))


def _levels(rows: Rows, name: str) -> tuple[tuple[str, ...], int]:
    """The listed levels, and how many more there were; of very many names the rarest are forgotten on the way."""
    total: Counter[str] = Counter()
    forgotten = 0
    for piece in names(rows, name):
        total.update(dict(zip(piece.distinct.to_pylist(), piece.counts.tolist(), strict=True)))
        if len(total) > _MOST_NAMES:
            forgotten = max(forgotten, len(total))
            total = Counter({level: total[level] for level in _largest(total, _MOST_NAMES // 2)})
    listed = _largest(total, MOST_LEVELS)
    return tuple(sorted(listed)), max(forgotten, len(total)) - len(listed)


def _largest(total: Counter[str], most: int) -> list[str]:
    return list(total) if len(total) <= most else nsmallest(most, total, key=lambda level: (-total[level], level))
