"""What a window looks like, column by column: counts in fixed bins, small enough to keep for ever and to add up.

The bins (`Edges`) come from the reference once; every later window is counted in the same bins, so profiles of periods
can be merged and compared without their rows. Merging is exact and associative: every number kept is a count, a
minimum, a maximum or a sum of whole numbers. What a change means is asked in `drift`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from heapq import nsmallest
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain_assets.errors import DataError

Kind = Literal["numeric", "categorical"]

_BINS = 64
_STEPS = 2**16
_EXACT_ROWS = 2**20
_WINSOR = 0.01
_MARGIN = 0.5
_NEW_NAMES_KEPT = 1000
_NUMBER_TYPES = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)


class Problem(NamedTuple):
    """Something about a column that no statistic can look past: a short name and a sentence."""

    kind: Literal["vanished", "all_missing", "wrong_type", "infinite", "constant"]
    sentence: str


@dataclass(frozen=True, eq=False)
class Edges:
    """The bins of the reference.

    Attributes:
        numeric: Per numeric column up to 65 increasing values of the reference: every value when it has no more than
            that, else its quantiles at 0, 1/64, …, 1. Empty when the reference has none.
        categories: Per categorical column the levels of the reference, in text order.
        limits: Per numeric column where the mean and the spread cut values off: the 1 % and 99 % points, moved outwards
            by half of what lies between them, so that a window which left the reference's range is still told apart.
    """

    numeric: Mapping[str, NDArray[np.float64]]
    categories: Mapping[str, tuple[str, ...]]
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edges) and (self is other or self.to_dict() == other.to_dict())

    def kind(self, column: str) -> Kind:
        """Whether a column is numeric or categorical."""
        return "numeric" if column in self.numeric else "categorical"

    def limits_of(self, column: str) -> tuple[float, float]:
        """Where a numeric column's moments cut values off; never an empty range."""
        edges = self.numeric[column]
        default = (float(edges[0]), float(edges[-1])) if len(edges) else (0.0, 1.0)
        return _widened(*self.limits.get(column, default))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "numeric": {name: [float(edge) for edge in edges] for name, edges in self.numeric.items()},
            "categories": {name: list(levels) for name, levels in self.categories.items()},
            "limits": {name: list(limits) for name, limits in self.limits.items()},
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Edges:
        """Read what `to_dict` wrote."""
        return cls(
            {name: np.asarray(edges, dtype=float) for name, edges in record["numeric"].items()},
            {name: tuple(levels) for name, levels in record["categories"].items()},
            {name: (float(low), float(high)) for name, (low, high) in record["limits"].items()},
        )


@dataclass(frozen=True)
class ColumnProfile:
    """One column of one window.

    `rows` = `missing` + `wrong` + `infinite` + `unseen` + the sum of `counts`.

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

    @cached_property
    def valid(self) -> int:
        """Rows with a usable value."""
        return self.rows - self.unusable

    @property
    def unusable(self) -> int:
        """Rows without a usable value: missing, wrong or infinite."""
        return self.missing + self.wrong + self.infinite

    @property
    def distinct_at_least(self) -> int:
        """How many different values there surely are, up to 2."""
        if self.kind == "numeric":
            return 0 if self.least is None else 1 + int(self.least != self.greatest)
        return min(2, sum(count > 0 for count in self.counts) + len(self.new))

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
            wrong_example=self.wrong_example or other.wrong_example,
            infinite=self.infinite + other.infinite,
            first=self.first + other.first,
            second=self.second + other.second,
            least=min((x for x in (self.least, other.least) if x is not None), default=None),
            greatest=max((x for x in (self.greatest, other.greatest) if x is not None), default=None),
            unseen=self.unseen + other.unseen,
            new=_first_names(new),
        )


@dataclass(frozen=True)
class Profile:
    """One window: its rows, and a `ColumnProfile` for every column that the edges name."""

    rows: int
    columns: Mapping[str, ColumnProfile]
    edges: Edges

    @property
    def problems(self) -> Mapping[str, Problem]:
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

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        columns = {name: _sparse(column) for name, column in self.columns.items()}
        return {"rows": self.rows, "edges": self.edges.to_dict(), "columns": columns}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Profile:
        """Read what `to_dict` wrote."""
        columns = {
            name: ColumnProfile(**{**column, "counts": tuple(column["counts"])})
            for name, column in record["columns"].items()
        }
        return cls(record["rows"], columns, Edges.from_dict(record["edges"]))

    def _levels(self, column: str) -> int:
        bins = self.edges.numeric if self.edges.kind(column) == "numeric" else self.edges.categories
        return len(bins[column])


def reference_edges(table: pa.Table, numeric: Sequence[str], categorical: Sequence[str]) -> Edges:
    """Choose the bins from the pooled rows of the reference.

    A column that the table lacks, or that holds no usable value, gets no edges; all its later values are then new.

    >>> edges = reference_edges(pa.table({"x": [1.0, 2.0, 2.0, None], "c": ["b", "a", "b", None]}), ["x"], ["c"])
    >>> edges.numeric["x"], edges.categories["c"]
    (array([1., 2.]), ('a', 'b'))
    """
    values = {name: np.sort(_numbers(table, name).finite) for name in numeric}
    return Edges(
        {name: _quantile_edges(ordered) for name, ordered in values.items()},
        {name: tuple(sorted(_names(table, name).counts)) for name in categorical},
        {name: _limits(ordered) for name, ordered in values.items() if ordered.size},
    )


def profile(table: pa.Table, edges: Edges) -> Profile:
    """Count a window's rows in the bins of the reference, one pass over each column.

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
    columns = {name: _profile_numbers(table, name, edges) for name in edges.numeric}
    columns |= {name: _profile_names(table, name, levels) for name, levels in edges.categories.items()}
    return Profile(table.num_rows, columns, edges)


def moments(columns: Sequence[ColumnProfile], limits: tuple[float, float]) -> tuple[float, float]:
    """Mean and variance of the rows of several profiles of one numeric column together; NaN without values."""
    rows = sum(column.valid for column in columns)
    if not rows:
        return float("nan"), float("nan")
    first, second = (sum(sums) for sums in zip(*((c.first, c.second) for c in columns), strict=True))
    low, high = limits
    scatter = second * rows - first**2  # whole numbers: no cancellation
    return low + (high - low) * first / (_STEPS * rows), (high - low) ** 2 * scatter / (_STEPS * rows) ** 2


@dataclass(frozen=True)
class _Numbers:
    finite: NDArray[np.float64]
    missing: int
    infinite: int = 0
    absent: int = 0
    wrong: int = 0
    example: str = ""


@dataclass(frozen=True)
class _Names:
    counts: Mapping[str, int]
    missing: int
    absent: int = 0
    wrong: int = 0
    example: str = ""


def _profile_numbers(table: pa.Table, name: str, edges: Edges) -> ColumnProfile:
    read = _numbers(table, name)
    ordered = np.sort(read.finite)
    first, second = _moments(ordered, *edges.limits_of(name))
    return ColumnProfile(
        kind="numeric",
        rows=table.num_rows,
        counts=_cells(ordered, edges.numeric[name]),
        missing=read.missing,
        absent=read.absent,
        wrong=read.wrong,
        wrong_example=read.example,
        infinite=read.infinite,
        first=first,
        second=second,
        least=float(ordered[0]) if ordered.size else None,
        greatest=float(ordered[-1]) if ordered.size else None,
    )


def _profile_names(table: pa.Table, name: str, levels: Sequence[str]) -> ColumnProfile:
    read = _names(table, name)
    known = set(levels)
    new = {category: rows for category, rows in read.counts.items() if category not in known}
    return ColumnProfile(
        kind="categorical",
        rows=table.num_rows,
        counts=tuple(read.counts.get(level, 0) for level in levels),
        missing=read.missing,
        absent=read.absent,
        wrong=read.wrong,
        wrong_example=read.example,
        unseen=sum(new.values()),
        new=_first_names(new),
    )


def _cells(ordered: NDArray[np.float64], edges: NDArray[np.float64]) -> tuple[int, ...]:
    below = np.searchsorted(ordered, edges, side="left")
    up_to = np.searchsorted(ordered, edges, side="right")
    running = np.column_stack([below, up_to]).ravel()
    return tuple(np.diff(running, prepend=0, append=ordered.size).tolist())


def _moments(values: NDArray[np.float64], low: float, high: float) -> tuple[int, int]:
    """Σz and Σz² on the grid of steps; float sums of whole numbers stay exact below 2^53, hence the chunks."""
    first = second = 0
    for start in range(0, values.size, _EXACT_ROWS):
        steps = np.rint((np.clip(values[start : start + _EXACT_ROWS], low, high) - low) * (_STEPS / (high - low)))
        first += int(steps.sum())
        second += int(steps @ steps)
    return first, second


def _quantile_edges(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    if not ordered.size:
        return ordered
    distinct: NDArray[np.float64] = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    if distinct.size <= _BINS + 1:
        return distinct
    rank = np.ceil(np.linspace(0, 1, _BINS + 1) * ordered.size).astype(int)
    return np.unique(ordered[np.maximum(rank - 1, 0)])


def _limits(ordered: NDArray[np.float64]) -> tuple[float, float]:
    last = ordered.size - 1
    low, high = ordered[int(last * _WINSOR)], ordered[last - int(last * _WINSOR)]
    if low == high:
        return _widened(ordered[0], ordered[-1])
    return _widened(low - _MARGIN * (high - low), high + _MARGIN * (high - low))


def _widened(low: float, high: float) -> tuple[float, float]:
    """A range of some width, also for a column that knows one value only."""
    low, high = float(low), float(high)
    if low < high and np.isfinite(high - low):
        return low, high
    width = max(1.0, abs(low))
    return (low - width, high + width) if np.isfinite(width) and low == high else (low / 4, high / 4)


def _numbers(table: pa.Table, name: str) -> _Numbers:
    if name not in table.column_names:
        return _Numbers(np.empty(0), missing=table.num_rows, absent=table.num_rows)
    column = table[name]
    kind = column.type
    if any(holds(kind) for holds in _NUMBER_TYPES):
        return _split(pc.cast(column, pa.float64(), safe=False).to_numpy())
    if pa.types.is_null(kind):
        return _Numbers(np.empty(0), missing=len(column))
    if _is_text(kind):
        return _numbers_in_text(column)
    return _Numbers(np.empty(0), column.null_count, wrong=len(column) - column.null_count, example=f"a {kind}")


def _split(values: NDArray[np.float64]) -> _Numbers:
    finite = values[np.isfinite(values)]
    missing = int(np.isnan(values).sum()) if finite.size < values.size else 0
    return _Numbers(finite, missing, infinite=values.size - finite.size - missing)


def _numbers_in_text(column: pa.ChunkedArray) -> _Numbers:
    counts = _text_counts(column)
    parsed = {text: _number(text) for text in counts}
    wrong = {text: rows for text, rows in counts.items() if parsed[text] is None}
    numbers = [(number, counts[text]) for text, number in parsed.items() if number is not None]
    read = _split(np.repeat([number for number, _ in numbers], [rows for _, rows in numbers]).astype(float))
    nulls = len(column) - sum(counts.values())
    example = repr(min(wrong)) if wrong else ""
    return replace(read, missing=read.missing + nulls, wrong=sum(wrong.values()), example=example)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _names(table: pa.Table, name: str) -> _Names:
    if name not in table.column_names:
        return _Names({}, missing=table.num_rows, absent=table.num_rows)
    column = table[name]
    try:
        counts = _text_counts(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        wrong = len(column) - column.null_count
        return _Names({}, column.null_count, wrong=wrong, example=f"a {column.type}")
    return _Names(counts, missing=len(column) - sum(counts.values()))


def _text_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Rows of each value as text, nulls left out."""
    encoded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    total: dict[str, int] = {}
    for chunk in encoded.chunks:
        used = chunk.indices.drop_null().to_numpy(zero_copy_only=False)
        rows = np.bincount(used, minlength=len(chunk.dictionary)).tolist()
        for text, count in zip(pc.cast(chunk.dictionary, pa.string()).to_pylist(), rows, strict=True):
            if count and text is not None:
                total[text] = total.get(text, 0) + count
    return total


def _is_text(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_string_view(value))


def _first_names(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in nsmallest(_NEW_NAMES_KEPT, counts)}


def _problem(column: ColumnProfile, levels: int) -> Problem | None:
    if not column.rows:
        return None
    if column.absent == column.rows:
        return Problem("vanished", "the table has no such column")
    if column.missing == column.rows:
        return Problem("all_missing", f"all {column.rows:,} values are missing")
    if column.wrong:
        noun = "numbers" if column.kind == "numeric" else "names"
        of = f"{column.wrong:,} of {column.rows:,}"
        return Problem("wrong_type", f"{of} values are no {noun}, like {column.wrong_example}")
    if column.infinite:
        return Problem("infinite", f"{column.infinite:,} of {column.rows:,} values are infinite")
    if column.valid > 1 and column.distinct_at_least == 1 and levels > 1:
        return Problem("constant", f"all {column.valid:,} values are the same, {_only_value(column)}")
    return None


def _only_value(column: ColumnProfile) -> str:
    if column.kind == "numeric":
        return f"{column.least:g}"
    return repr(next(iter(column.new))) if column.new else "one known category"


def _sparse(column: ColumnProfile) -> dict[str, Any]:
    """Only what is not at its default."""
    empty = asdict(ColumnProfile("numeric", 0, ()))
    record = asdict(column)
    always = ("kind", "rows", "counts")
    return {key: value for key, value in record.items() if key in always or value != empty[key]} | {
        "counts": list(column.counts)
    }
