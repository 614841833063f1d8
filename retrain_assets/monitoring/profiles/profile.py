"""What a window looks like, column by column: counts in fixed bins, small enough to keep for ever and to add up.

The bins come from the reference once (`edges`); every later window is counted in the same bins, so profiles of periods
can be merged and compared without their rows. Merging is exact and associative: every number kept is a count, a
minimum, a maximum or a sum of whole numbers. What a change means is asked in `drift`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from heapq import nsmallest
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain_assets.errors import DataError
from retrain_assets.monitoring.profiles.binning import STEPS, Bins, Counted
from retrain_assets.monitoring.profiles.column_reader import (
    CategoryPiece,
    NumericPiece,
    Rows,
    names,
    names_of_parts,
    numbers,
    numbers_of_parts,
    quoted,
)
from retrain_assets.monitoring.profiles.edges import (
    MOST_VALUES,
    Edges,
    Kind,
    category_edges,
    merged_edges,
    numeric_edges,
    reference_edges,
)
from retrain_assets.monitoring.profiles.value_counts import Tally

__all__ = [
    "ColumnProfile", "Edges", "Kind", "ColumnProblem", "Profile", "categorical_column", "moments", "numeric_column",
    "profile", "reference_edges", "reference_profiles",
]  # fmt: skip

_NEW_NAMES_KEPT = 1000


class ColumnProblem(NamedTuple):
    """Something about a column that no statistic can look past: a short name, a sentence, and whether it is new."""

    kind: Literal["vanished", "appeared", "emptied", "all_missing", "wrong_type", "infinite", "constant", "identifier"]
    sentence: str
    news: bool = True


@dataclass(frozen=True)
class ColumnProfile:
    """One column of one window.

    `rows` = `missing` + `wrong` + `infinite` + `unseen` + `rest` + the sum of `counts`.

    Attributes:
        counts: Numeric: rows in the 2m + 1 cells that m edges make (below the first edge, at it, between the first and
            the second, at the second, …, above the last). Categorical: rows of each level of the reference.
        missing: Rows without a value (null or NaN).
        absent: Rows, of the missing ones, whose table did not have the column at all.
        wrong: Values that are not of the column's kind, such as text among numbers; `wrong_example` is one of them.
        infinite: Values that are plus or minus infinity.
        first: Σz over the finite values, z being the value cut off at the limits and placed on a grid of 65,536 steps.
        second: Σz².
        least: The smallest finite value.
        greatest: The largest finite value.
        unseen: Rows whose category the reference does not have.
        new: Rows of each such category, of the alphabetically first thousand.
        rest: Rows whose category is not listed by a reference that has more categories than it lists.
    """

    kind: Kind
    rows: int
    counts: tuple[int, ...]
    missing: int = 0
    absent: int = 0
    wrong: int = 0
    wrong_example: str = ""
    infinite: int = 0
    first: int = 0
    second: int = 0
    least: float | None = None
    greatest: float | None = None
    unseen: int = 0
    new: Mapping[str, int] = field(default_factory=dict)
    rest: int = 0

    @cached_property
    def valid(self) -> int:
        """Rows with a usable value."""
        return self.rows - self.unusable

    @cached_property
    def cells(self) -> NDArray[np.float64]:
        """`counts` to calculate with."""
        return np.array(self.counts, dtype=float)

    @property
    def unusable(self) -> int:
        """Rows without a usable value: missing, wrong or infinite."""
        return self.missing + self.wrong + self.infinite

    @property
    def distinct_at_least(self) -> int:
        """How many different values there surely are, up to 2."""
        if self.kind == "numeric":
            return 0 if self.least is None else 1 + int(self.least != self.greatest)
        return min(2, int(np.count_nonzero(self.cells)) + len(self.new) + 2 * (self.rest > 0))

    def merge(self, other: ColumnProfile) -> ColumnProfile:
        """Profile of the rows of both, as if they had been counted together."""
        if (self.kind, len(self.counts)) != (other.kind, len(other.counts)):
            raise DataError(
                f"a {self.kind} column of {len(self.counts)} bins cannot be merged with a {other.kind} one of "
                f"{len(other.counts)}: profile both with the same edges."
            )
        new = {name: self.new.get(name, 0) + other.new.get(name, 0) for name in {*self.new, *other.new}}
        return ColumnProfile(
            kind=self.kind,
            rows=self.rows + other.rows,
            counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            missing=self.missing + other.missing,
            absent=self.absent + other.absent,
            wrong=self.wrong + other.wrong,
            wrong_example=min(filter(None, (self.wrong_example, other.wrong_example)), default=""),
            infinite=self.infinite + other.infinite,
            first=self.first + other.first,
            second=self.second + other.second,
            least=min((x for x in (self.least, other.least) if x is not None), default=None),
            greatest=max((x for x in (self.greatest, other.greatest) if x is not None), default=None),
            unseen=self.unseen + other.unseen,
            new=_first_names(new),
            rest=self.rest + other.rest,
        )


@dataclass(frozen=True)
class Profile:
    """One window: its rows, and a `ColumnProfile` for every column that the edges name."""

    rows: int
    columns: Mapping[str, ColumnProfile]
    edges: Edges

    @property
    def problems(self) -> Mapping[str, ColumnProblem]:
        """Per troubled column the one problem that explains the most."""
        found = {name: _problem(column, self._levels(name)) for name, column in self.columns.items()}
        return {name: problem for name, problem in found.items() if problem is not None}

    def moments(self, column: str) -> tuple[float, float]:
        """Mean and variance of a numeric column in its own unit, values cut off at the limits; NaN without values."""
        return moments([self.columns[column]], self.edges.limits_of(column))

    def merge(self, other: Profile) -> Profile:
        """Profile of the rows of both windows, exactly as if they had been counted together.

        Raises:
            DataError: The two were counted with different edges.
        """
        if self.edges != other.edges:
            raise DataError("two profiles have different edges: profile both with the edges of one reference.")
        columns = {name: column.merge(other.columns[name]) for name, column in self.columns.items()}
        return Profile(self.rows + other.rows, columns, self.edges)

    def _levels(self, column: str) -> int:
        bins = self.edges.numeric if self.edges.kind(column) == "numeric" else self.edges.categories
        return len(bins[column])


def profile(rows: Rows, edges: Edges) -> Profile:
    """Count a window's rows in the bins of the reference, one pass over each column.

    Of `ParquetRows` a bounded piece of one column is in memory at a time, however many rows there are.

    Trouble with a column (vanished, all null, wrong type, mixed, infinite, constant) never raises: it is counted, and
    `Profile.problems` names it.

    >>> edges = reference_edges(pa.table({"x": [1.0, 2.0, 3.0], "c": ["a", "b", "a"]}), ["x"], ["c"])
    >>> seen = profile(pa.table({"x": [0.0, 2.0, None, 2.5], "c": ["a", "z", "z", None]}), edges)
    >>> seen.columns["x"].counts, seen.columns["x"].missing
    ((1, 0, 0, 1, 1, 0, 0), 1)
    >>> seen.columns["c"].counts, seen.columns["c"].unseen, dict(seen.columns["c"].new)
    ((1, 0), 2, {'z': 2})
    >>> profile(pa.table({"c": ["a", "b"]}), edges).problems["x"].sentence
    'the table has no such column'
    """
    columns = {name: numeric_column(numbers(rows, name), edges, name) for name in edges.numeric}
    columns |= {name: categorical_column(names(rows, name), edges, name) for name in edges.categories}
    return Profile(rows.num_rows, columns, edges)


def reference_profiles(
    parts: Mapping[str, Rows], numeric: Sequence[str], categorical: Sequence[str]
) -> tuple[Edges, dict[str, Profile]]:
    """The edges of all parts together, and the profile of each part in them.

    The same as `reference_edges` of the pooled rows and `profile` of each part, with one reading of every column in
    place of two as long as a column of all parts fits into `MOST_VALUES`.

    >>> months = {"2024-01": pa.table({"x": [1.0, 2.0]}), "2024-02": pa.table({"x": [2.0, None]})}
    >>> edges, profiles = reference_profiles(months, ["x"], [])
    >>> edges.numeric["x"], profiles["2024-02"].columns["x"].counts
    (array([1., 2.]), (0, 0, 0, 1, 0))
    """
    total = sum(rows.num_rows for rows in parts.values())
    keep = list if total <= MOST_VALUES else iter
    edges, columns = list[Edges](), {part: dict[str, ColumnProfile]() for part in parts}
    for name in numeric:
        if keep is list:
            read = numbers_of_parts(list(parts.values()), name)
            edges.append(numeric_edges(name, chain.from_iterable(read), total))
            found = _numeric_parts(read, edges[-1], name)
        else:
            in_order = chain.from_iterable(numbers(rows, name, in_order=True) for rows in parts.values())
            edges.append(numeric_edges(name, in_order, total))
            found = [numeric_column(numbers(rows, name), edges[-1], name) for rows in parts.values()]
        for part, column in zip(parts, found, strict=True):
            columns[part][name] = column
    for name in categorical:
        if keep is list:
            kept = names_of_parts(list(parts.values()), name)
            edges.append(category_edges(name, chain.from_iterable(kept)))
            found = _categorical_parts(kept, edges[-1], name)
        else:
            edges.append(category_edges(name, chain.from_iterable(names(rows, name) for rows in parts.values())))
            found = [categorical_column(names(rows, name), edges[-1], name) for rows in parts.values()]
        for part, column in zip(parts, found, strict=True):
            columns[part][name] = column
    joined = merged_edges(edges)
    return joined, {part: Profile(rows.num_rows, columns[part], joined) for part, rows in parts.items()}


def moments(columns: Sequence[ColumnProfile], limits: tuple[float, float]) -> tuple[float, float]:
    """Mean and variance of the rows of several profiles of one numeric column together; NaN without values."""
    rows = first = second = 0
    for column in columns:
        rows, first, second = rows + column.valid, first + column.first, second + column.second
    if not rows:
        return float("nan"), float("nan")
    low, width = limits[0], limits[1] - limits[0]
    scatter = second * rows - first**2  # whole numbers: no cancellation
    return low + width * (first / (STEPS * rows)), width * width * (scatter / (STEPS * rows) ** 2)


def numeric_column(pieces: Iterable[NumericPiece], edges: Edges, name: str) -> ColumnProfile:
    """Count what was read of one numeric column.

    >>> edges = reference_edges(pa.table({"x": [1.0, 2.0]}), ["x"], [])
    >>> numeric_column(numbers(pa.table({"x": [2.0, 3.0]}), "x"), edges, "x").counts
    (0, 0, 0, 1, 1)
    """
    bins = edges.bins(name)
    return _merged([_piece_of_numbers(read, bins.count(read.finite)) for read in pieces] or [_no_numbers(bins)])


def _numeric_parts(parts: Sequence[Sequence[NumericPiece]], edges: Edges, name: str) -> list[ColumnProfile]:
    """One column of several parts; what is told as tallies is counted together."""
    bins = edges.bins(name)
    told = [read.finite for part in parts for read in part if isinstance(read.finite, Tally)]
    counted = iter(bins.count_told(told) if told else [])
    pieces = [
        [_piece_of_numbers(r, next(counted) if isinstance(r.finite, Tally) else bins.count(r.finite)) for r in part]
        for part in parts
    ]
    return [_merged(part or [_no_numbers(bins)]) for part in pieces]


def _no_numbers(bins: Bins) -> ColumnProfile:
    return ColumnProfile("numeric", 0, (0,) * (2 * bins.edges.size + 1))


def _piece_of_numbers(read: NumericPiece, counted: Counted) -> ColumnProfile:
    return ColumnProfile(
        kind="numeric",
        rows=read.rows,
        counts=counted.cells,
        missing=read.missing,
        absent=read.absent,
        wrong=read.wrong,
        wrong_example=read.example,
        infinite=read.infinite,
        first=counted.first,
        second=counted.second,
        least=read.least,
        greatest=read.greatest,
    )


def categorical_column(pieces: Iterable[CategoryPiece], edges: Edges, name: str) -> ColumnProfile:
    """Count what was read of one categorical column.

    >>> edges = reference_edges(pa.table({"c": ["a", "b"]}), [], ["c"])
    >>> categorical_column(names(pa.table({"c": ["a", "a"]}), "c"), edges, "c").counts
    (2, 0)
    """
    return _categorical_parts([list(pieces)], edges, name)[0]


def _categorical_parts(parts: Sequence[Sequence[CategoryPiece]], edges: Edges, name: str) -> list[ColumnProfile]:
    """One column of several parts; categories that pieces share are looked up once."""
    levels, open_ended = pa.array(edges.categories[name], pa.string()), name in edges.beyond
    nothing = ColumnProfile("categorical", 0, (0,) * len(levels))
    shared, at = None, np.empty(0, np.int64)
    columns = []
    for part in parts:
        pieces = []
        for read in part:
            if read.distinct is not shared:
                shared, found = read.distinct, pc.index_in(read.distinct, value_set=levels)
                at = pc.fill_null(found, len(levels)).to_numpy(zero_copy_only=False)
            pieces.append(_piece_of_names(read, at, len(levels), open_ended))
        columns.append(_merged(pieces or [nothing]))
    return columns


def _merged(pieces: Sequence[ColumnProfile]) -> ColumnProfile:
    return reduce(ColumnProfile.merge, pieces)


def _piece_of_names(read: CategoryPiece, at: NDArray[np.int64], levels: int, open_ended: bool) -> ColumnProfile:
    """One piece, each of whose categories stands at a place among the levels, or after them.

    Where the reference has more levels than it lists, what is not listed is its rest and not new.
    """
    counts = np.bincount(at, read.counts, minlength=levels + 1)
    *known, unlisted = counts.astype(np.int64).tolist()
    new = _new(read, np.flatnonzero((at == levels) & (read.counts > 0))) if unlisted and not open_ended else {}
    return ColumnProfile(
        kind="categorical",
        rows=read.rows,
        counts=tuple(known),
        missing=read.missing,
        absent=read.absent,
        wrong=read.wrong,
        wrong_example=read.example,
        unseen=0 if open_ended else unlisted,
        rest=unlisted if open_ended else 0,
        new=new,
    )


def _new(read: CategoryPiece, places: NDArray[np.intp]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text, rows in zip(read.distinct.take(pa.array(places)).to_pylist(), read.counts[places].tolist(), strict=True):
        found[text] = found.get(text, 0) + rows
    return _first_names(found)


def _first_names(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in nsmallest(_NEW_NAMES_KEPT, counts)}


def _problem(column: ColumnProfile, levels: int) -> ColumnProblem | None:
    if not column.rows:
        return None
    if column.absent == column.rows:
        return ColumnProblem("vanished", "the table has no such column")
    if column.missing == column.rows:
        return ColumnProblem("all_missing", f"all {column.rows:,} values are missing")
    if column.wrong:
        noun = "numbers" if column.kind == "numeric" else "names"
        of = f"{column.wrong:,} of {column.rows:,}"
        return ColumnProblem("wrong_type", f"{of} values are no {noun}, like {column.wrong_example}")
    if column.infinite:
        return ColumnProblem("infinite", f"{column.infinite:,} of {column.rows:,} values are infinite")
    if column.valid > 1 and column.distinct_at_least == 1 and levels > 1:
        return ColumnProblem("constant", f"all {column.valid:,} values are the same, {_only_value(column)}")
    return None


def _only_value(column: ColumnProfile) -> str:
    if column.kind == "numeric":
        return f"{column.least:g}"
    return quoted(next(iter(column.new))) if column.new else "one known category"
