"""What drift costs: which columns matter to the model, since when they changed, and the loss where they grew.

A column matters by the share of the model's gain that it brings times the share of rows that moved. What it costs is
measured where outcomes are known: the loss of rows in the bins and categories that became more frequent, against all
other rows. It is an association: a slice may be hard for another reason than its growth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.profile import Edges, Profile

_TENTHS = 10
_CERTAIN_Z = 3.0
_SHOWN = 3


@dataclass(frozen=True)
class Grown:
    """The part of a column that holds a larger share of rows than in the reference, beyond chance.

    Attributes:
        cells: Of a numeric column, the first and last cell of each run of cells (see `profile.ColumnProfile`).
        levels: Of a categorical one, its levels.
        unseen: Whether categories without precedent grew.
        missing: Whether missing values did.
        share_before: Of all rows in the reference.
        share_after: Of all rows now.
        words: The part in words.
    """

    cells: tuple[tuple[int, int], ...]
    levels: tuple[str, ...]
    unseen: bool
    missing: bool
    share_before: float
    share_after: float
    words: str

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Grown:
        """The inverse of `dataclasses.asdict`, also after JSON."""
        cells = tuple((int(first), int(last)) for first, last in record["cells"])
        return cls(**{**record, "cells": cells, "levels": tuple(record["levels"])})


@dataclass(frozen=True)
class Change:
    """One drifted column and how much it matters.

    Attributes:
        since: The first period of its running warning.
        importance: Share of the model's gain, 0 for a column that is no feature.
        effect: Share of rows that moved: the largest of total variation, missing shift and share of new categories.
        weight: importance × effect, by which changes are ordered.
        grown: What became more frequent; None when nothing did beyond chance.
    """

    column: str
    since: str
    importance: float
    effect: float
    weight: float
    grown: Grown | None

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Change:
        """The inverse of `dataclasses.asdict`, also after JSON."""
        grown = record["grown"]
        return cls(**{**record, "grown": Grown.from_dict(grown) if grown else None})


@dataclass(frozen=True)
class Cost:
    """The loss of a period's rows in the part of a column that grew, against all others.

    Attributes:
        rows: In that part, with a loss.
        loss: Mean there, in loss units a row.
        rest: Mean of the other rows; None without any.
        excess: rows · (loss − rest), in loss units summed over the period; 0 when one side is empty.
    """

    column: str
    words: str
    rows: int
    loss: float | None
    rest: float | None
    excess: float


def changes(
    report: DriftReport,
    importance: Mapping[str, float],
    reference: Mapping[str, Profile],
    current: Profile,
    since: Mapping[str, str] | None = None,
) -> tuple[Change, ...]:
    """The columns that warn, those that matter most to the model first; joint drift is in none of them.

    Args:
        report: Drift of the period.
        importance: Share of the model's gain by feature (`scoring.booster.importance`).
        reference: Profiles of the reference periods.
        current: Profile of the period, with the same edges.
        since: Of each column that warned in the period before, the first period of that running warning.
    """
    pooled = _pooled([one for key, one in sorted(reference.items()) if key != report.period and one.rows])
    found = [
        _change(column, report.period, importance.get(column.column, 0.0), pooled, current, since or {})
        for column in report.columns
        if column.outcome is Drift.WARN and column.column in current.columns
    ]
    return tuple(sorted(found, key=lambda one: (-one.weight, -one.effect, one.column)))


def grown_part(reference: Profile, current: Profile, column: str) -> Grown | None:
    """The bins or categories whose share of all rows rose by more than 3 standard errors; None without one.

    Numeric columns are looked at in tenths of the reference.

    >>> from retrain_assets.monitoring.profile import profile, reference_edges
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
    cells = _runs(chosen) if numeric else ()
    levels = () if numeric else tuple(np.array(current.edges.categories[column], dtype=object)[chosen])
    words = _words(column, current.edges, cells, levels, unseen, missing)
    return Grown(cells, levels, unseen, missing, float(before[rose].sum()), float(after[rose].sum()), words)


def rows_in(grown: Grown, column: pa.ChunkedArray, edges: Edges, name: str) -> NDArray[np.bool_]:
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


def costs(
    found: Sequence[Change], columns: Mapping[str, pa.ChunkedArray], losses: ArrayLike, edges: Edges
) -> tuple[Cost, ...]:
    """What rows in the grown part of each column lose, the costliest first.

    Args:
        found: Changes with a grown part; others cost nothing that can be told.
        columns: Values of each column on the rows with a loss.
        losses: Loss per row, shape (n,); a loss that is not finite counts nowhere.
        edges: The bins that the changes were found with.

    Raises:
        DataError: A column has another length than the losses.
    """
    loss = np.asarray(losses, dtype=float)
    known = [one for one in found if one.grown is not None and one.column in columns]
    costed = [_cost(one, columns[one.column], loss, edges) for one in known]
    return tuple(sorted(costed, key=lambda one: (-one.excess, one.column)))


def changed_sentence(period: str, found: Sequence[Change], cost: str) -> str:
    """What changed, since when, and what it costs; empty when nothing changed.

    >>> one = Change("fare", "2019-02", 0.4, 0.1, 0.04, None)
    >>> changed_sentence("2019-03", [one], "its cost is not known yet")
    '2019-03: fare (40 % of the model) changed since 2019-02; its cost is not known yet.'
    """
    if not found:
        return ""
    named = [
        f"{one.column} ({100 * one.importance:.0f} % of the model) changed since {one.since}{_growth(one)}"
        for one in found[:_SHOWN]
    ]
    more = f", and {len(found) - _SHOWN} more columns" if len(found) > _SHOWN else ""
    return f"{period}: {', '.join(named)}{more}; {cost}."


def cost_words(found: Sequence[Cost], period: str, unit: str) -> str:
    """What the costliest slice lost, in words.

    >>> cost_words([Cost("fare", "fare above 50", 200, 3.0, 1.0, 400.0)], "2019-03", "mae")
    'in 2019-03 the 200 rows with fare above 50 lost 3 a row and the others 1, 400 mae more in the period'
    >>> cost_words([], "2019-03", "mae")
    'its cost is not known before outcomes arrive'
    """
    told = next((one for one in found if one.loss is not None and one.rest is not None), None)
    if told is None:
        return "its cost is not known before outcomes arrive"
    rows = f"in {period} the {told.rows:,} rows with {told.words} lost {told.loss:.4g} a row"
    rows = f"{rows} and the others {told.rest:.4g}"
    if not told.excess > 0:
        return f"{rows}: it costs nothing so far"
    return f"{rows}, {told.excess:,.4g} {unit} more in the period"


def to_records(found: Sequence[Change] | Sequence[Cost]) -> list[dict[str, Any]]:
    """Changes or costs as plain JSON."""
    return [asdict(one) for one in found]


def _change(
    column: ColumnDrift,
    period: str,
    importance: float,
    reference: Profile | None,
    current: Profile,
    since: Mapping[str, str],
) -> Change:
    sizes = (column.total_variation, abs(column.missing_shift or 0.0), column.new_share)
    effect = max(size for size in sizes if size is not None)
    grown = grown_part(reference, current, column.column) if reference else None
    return Change(column.column, since.get(column.column, period), importance, effect, importance * effect, grown)


def _pooled(profiles: Sequence[Profile]) -> Profile | None:
    if not profiles:
        return None
    total = profiles[0]
    for one in profiles[1:]:
        total = total.merge(one)
    return total


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


def _words(
    column: str, edges: Edges, cells: Sequence[tuple[int, int]], levels: Sequence[str], unseen: bool, missing: bool
) -> str:
    parts = [_range(edges.numeric[column], first, last) for first, last in cells]
    parts += [f"'{level}'" for level in levels[:_SHOWN]]
    parts += [f"{len(levels) - _SHOWN} more"] if len(levels) > _SHOWN else []
    parts += ["a new value"] if unseen else []
    parts += ["no value"] if missing else []
    return f"{column} {' or '.join(parts)}"


def _range(edges: NDArray[np.float64], first: int, last: int) -> str:
    """The values of a run of cells: cell 2i lies below edge i, cell 2i + 1 at it."""
    top = 2 * len(edges)
    if not top:
        return "any value"
    low, high = (first - 1) // 2, last // 2
    if first == 0:
        return f"below {edges[high]:.4g}"
    if last == top:
        return f"above {edges[low]:.4g}"
    bounds = [f"{edges[at]:.4g}" for at in (low, min(high, len(edges) - 1))]
    return bounds[0] if bounds[0] == bounds[1] else " to ".join(bounds)


def _growth(one: Change) -> str:
    if one.grown is None:
        return ""
    return f" ({one.grown.words}: {100 * one.grown.share_before:.3g} -> {100 * one.grown.share_after:.3g} % of rows)"


def _cost(one: Change, column: pa.ChunkedArray, loss: NDArray[np.float64], edges: Edges) -> Cost:
    if one.grown is None or len(column) != loss.size:
        raise DataError(f"column {one.column} has {len(column):,} values for {loss.size:,} losses. Join both by key.")
    inside, known = rows_in(one.grown, column, edges, one.column), np.isfinite(loss)
    part, rest = loss[inside & known], loss[~inside & known]
    if not part.size or not rest.size:
        mean = float(part.mean()) if part.size else None
        return Cost(one.column, one.grown.words, part.size, mean, None, 0.0)
    gap = float(part.mean() - rest.mean())
    return Cost(one.column, one.grown.words, part.size, float(part.mean()), float(rest.mean()), part.size * gap)
