"""The part of a drifted column that became more frequent: which bins or categories, how much, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain_assets.documents.units import amount
from retrain_assets.monitoring.profiles.column_reader import quoted
from retrain_assets.monitoring.profiles.profile import Edges, Profile
from retrain_assets.store import Json

_TENTHS = 10
_ALIKE = 0.05
_CERTAIN_Z = 3.0
_SHOWN = 3


@dataclass(frozen=True)
class GrownPart:
    """The part of a column that holds a larger share of rows than in the reference, beyond chance.

    Attributes:
        cells: Of a numeric column, the first and last cell of each run of cells (see `profile.ColumnProfile`).
        levels: Of a categorical one, its levels.
        unseen: Whether categories without precedent grew.
        missing: Whether missing values did.
        share_before: Of all rows in the reference.
        share_after: Of all rows now.
        words: The part in words.
        filled: One value, or none, took its share from all others alike, as when the true value was not recorded.
    """

    cells: tuple[tuple[int, int], ...]
    levels: tuple[str, ...]
    unseen: bool
    missing: bool
    share_before: float
    share_after: float
    words: str
    filled: bool = False

    @property
    def shares(self) -> str:
        """By how much it grew: `50 % -> 66 %`."""
        return f"{amount(self.share_before, 'share')} -> {amount(self.share_after, 'share')}"

    def moved(self, column: str) -> str:
        """What grew in a column and by how much, without the column's name: `548 to 1094: 50 % -> 66 %`."""
        return f"{self.words.removeprefix(f'{column} ')}: {self.shares}"

    @classmethod
    def from_dict(cls, record: Json) -> GrownPart:
        """The inverse of `dataclasses.asdict`, also after JSON."""
        cells = tuple((int(first), int(last)) for first, last in record["cells"])
        return cls(**{**record, "cells": cells, "levels": tuple(record["levels"])})


def grown_part(reference: Profile, current: Profile, column: str) -> GrownPart | None:
    """The bins or categories whose share of all rows rose by more than 3 standard errors; None without one.

    Numeric columns are looked at in tenths of the reference.

    >>> from retrain_assets.monitoring.profiles.profile import profile, reference_edges
    >>> old, new = (pa.table({"zone": ["A"] * a + ["B"] * b}) for a, b in ((500, 500), (200, 800)))
    >>> edges = reference_edges(old, [], ["zone"])
    >>> grown_part(profile(old, edges), profile(new, edges), "zone").words
    "zone 'B'"
    """
    was, now = reference.columns[column], current.columns[column]
    if not was.rows or not now.rows:
        return None
    numeric = current.edges.kind(column) == "numeric"
    group = _tenths(np.array(was.counts, dtype=float)) if numeric else np.arange(len(was.counts))
    before = np.append(_summed(group, was.counts), [was.unseen, was.unusable]) / was.rows
    after = np.append(_summed(group, now.counts), [now.unseen, now.unusable]) / now.rows
    error = np.sqrt(before * (1 - before) / was.rows + after * (1 - after) / now.rows)
    rose = after - before > _CERTAIN_Z * error
    if not rose.any():
        return None
    unseen, missing = bool(rose[-2]), bool(rose[-1])
    chosen = np.isin(group, np.flatnonzero(rose[:-2]))
    held = np.array(was.counts) + np.array(now.counts) > 0
    cells = tuple(_held(run, held) for run in _runs(chosen)) if numeric else ()
    levels = () if numeric else tuple(np.array(current.edges.categories[column], dtype=object)[chosen])
    words = _words(column, current.edges, cells, levels, unseen, missing)
    share_before, share_after = float(before[rose].sum()), float(after[rose].sum())
    alone = rose.sum() == 1 and (missing or (len(cells) == 1 and _one_value(cells[0])))
    filled = bool(alone and share_after > 2 * share_before and _alike(before[~rose], after[~rose]))
    return GrownPart(cells, levels, unseen, missing, share_before, share_after, words, filled)


def rows_in(grown: GrownPart, column: pa.ChunkedArray, edges: Edges, name: str) -> NDArray[np.bool_]:
    """Which rows' values lie in the part that grew, shape (n,)."""
    missing = pc.fill_null(pc.is_null(column, nan_is_null=True), True).to_numpy()
    inside: NDArray[np.bool_]
    if edges.kind(name) == "numeric":
        values, at = pc.cast(column, pa.float64()).to_numpy(), edges.numeric[name]
        cell = np.searchsorted(at, values, "left") + np.searchsorted(at, values, "right")
        inside = np.zeros(len(values), dtype=bool)
        for first, last in grown.cells:
            inside |= (cell >= first) & (cell <= last)
        missing = missing | ~np.isfinite(values)
    else:
        text = pc.cast(column, pa.string())
        inside = pc.is_in(text, value_set=pa.array(grown.levels, pa.string())).to_numpy()
        if grown.unseen:
            inside = inside | ~pc.is_in(text, value_set=pa.array(edges.categories[name], pa.string())).to_numpy()
    return np.asarray(np.where(missing, grown.missing, inside), dtype=bool)


def _tenths(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which tenth of the reference each cell belongs to; what lies outside its range stays apart."""
    if not counts.sum():
        return np.zeros(len(counts), dtype=np.int64)
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    group = 1 + np.minimum((middle * _TENTHS).astype(np.int64), _TENTHS - 1)
    group[0], group[-1] = 0, _TENTHS + 1
    return np.asarray(np.unique(group, return_inverse=True)[1], dtype=np.int64)


def _summed(group: NDArray[np.int64], counts: Sequence[int]) -> NDArray[np.float64]:
    return np.asarray(np.bincount(group, weights=np.array(counts, dtype=float)), dtype=np.float64)


def _runs(chosen: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """First and last place of every run of chosen ones."""
    steps = np.diff(np.concatenate([[0], chosen.astype(int), [0]]))
    return tuple(
        (int(a), int(b) - 1) for a, b in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    )


def _held(run: tuple[int, int], held: NDArray[np.bool_]) -> tuple[int, int]:
    """A run of cells without the cells at its ends that hold no row."""
    inside = run[0] + np.flatnonzero(held[run[0] : run[1] + 1])
    return (int(inside[0]), int(inside[-1])) if inside.size else run


def _one_value(run: tuple[int, int]) -> bool:
    """Whether a run of cells is that at one edge."""
    return run[0] == run[1] and run[0] % 2 == 1


def _alike(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    """Whether three parts or more that did not grow kept their proportions, up to a total variation of 5 %."""
    totals = before.sum(), after.sum()
    if not min(totals) > 0 or (before > 0).sum() < 3:
        return False
    return bool(0.5 * np.abs(before / totals[0] - after / totals[1]).sum() <= _ALIKE)


def _words(
    column: str, edges: Edges, cells: Sequence[tuple[int, int]], levels: Sequence[str], unseen: bool, missing: bool
) -> str:
    parts = [_range(edges.numeric[column], first, last) for first, last in cells]
    parts += [quoted(level) for level in levels[:_SHOWN]]
    parts += [f"{len(levels) - _SHOWN} more"] if len(levels) > _SHOWN else []
    parts += ["a new value"] if unseen else []
    parts += ["no value"] if missing else []
    return f"{column} {' or '.join(parts)}"


def _range(edges: NDArray[np.float64], first: int, last: int) -> str:
    """The values of a run of cells: cell 2i lies below edge i, cell 2i + 1 at it; an end that is left out is told.

    >>> edges = np.array([1.0, 2.0, 3.0])
    >>> [_range(edges, *run) for run in ((1, 5), (2, 3), (1, 2), (2, 4), (0, 0), (0, 1), (5, 6), (6, 6), (3, 3))]
    ['1 to 3', 'above 1 to 2', '1 to below 2', 'between 1 and 3', 'below 1', 'up to 1', '3 or more', 'above 3', '2']
    """
    top = 2 * len(edges)
    if not top:
        return "any value"
    low, high = edges[max(first - 1, 0) // 2], edges[min(last // 2, len(edges) - 1)]
    if first == 0:
        return f"{'up to' if last % 2 else 'below'} {_bound(high)}"
    if last == top:
        return f"{_bound(low)} or more" if first % 2 else f"above {_bound(low)}"
    if first == last and first % 2:
        return _bound(low)
    if not first % 2 and not last % 2:
        return f"between {_bound(low)} and {_bound(high)}"
    return f"{'' if first % 2 else 'above '}{_bound(low)} to {'' if last % 2 else 'below '}{_bound(high)}"


def _bound(edge: float) -> str:
    """An edge in four digits, or in as many as a whole number has, and two more where four move it.

    >>> _bound(548.0), _bound(83.9), _bound(12345.0), _bound(0.123456789)
    ('548', '83.9', '12345', '0.123457')
    """
    if float(short := f"{edge:.4g}") == edge:
        return short
    return f"{edge:.0f}" if float(edge).is_integer() and abs(edge) < 1e15 else f"{edge:.6g}"
