"""Apply a team's own function to raw rows: it gets an Arrow table and gives one with more columns.

The same function makes the columns of training, monitoring and scoring, so it is held to what makes that possible: the
same rows, nothing of what it was given changed, no outcome, the same answer twice, and for a row the same answer
whatever rows stand beside it.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import DataError, SpecError
from retrain_assets.feature_function.made_columns import Kind, MadeColumns
from retrain_assets.feature_function.module_source import module_sources, source_sha256
from retrain_assets.raw.notation.numbers import read_numbers
from retrain_assets.raw.notation.times import wall_clock
from retrain_assets.raw.notation.values import flat, how_many, is_text, read_categories
from retrain_assets.raw.policy import Columns, Source

SAMPLE_ROWS = 50
"""Rows on which the function is asked again."""


@dataclass(frozen=True)
class FeatureFunction:
    """An imported function.

    Attributes:
        path: Its name, `package.module:function`.
        function: It.
        sources: The files whose text decides what it does, by module.
        sha256: Digest of these texts when it was imported.
    """

    path: str
    function: Callable[[pa.Table], object]
    sources: Mapping[str, Path]
    sha256: str

    def made(self, rows: pa.Table, kinds: Mapping[str, Kind], outcome: Collection[str]) -> tuple[pa.Table, MadeColumns]:
        """Make the columns of some rows.

        Args:
            rows: As the source gives them; columns of the outcome are not shown to the function.
            kinds: How a column is given where that is declared.
            outcome: Columns that are known only after the row.

        Returns:
            The made columns alone, and the record of how.

        Raises:
            DataError: The function raised, or did what it may not; the sentence names it.
        """
        shown = rows.select([name for name in rows.column_names if name not in outcome])
        inputs = {name: kinds.get(name) or _kind_of(shown.schema.field(name).type) for name in shown.column_names}
        given = as_inputs(shown, inputs)
        result = self._called(given)
        self._check(given, result, outcome)
        new = result.select([name for name in result.column_names if name not in given.column_names])
        self._check_sample(given, new)
        return new, MadeColumns(self.path, self.sha256, inputs, tuple(new.column_names))

    def _called(self, given: pa.Table) -> pa.Table:
        try:
            result = self.function(given)
        except Exception as error:
            raise DataError(f"{self.path} raised {type(error).__name__} {self._place(error)}: {error}.") from error
        if not isinstance(result, pa.Table):
            raise DataError(f"{self.path} returned {type(result).__name__}. Return the Arrow table with more columns.")
        return result

    def _place(self, error: Exception) -> str:
        """File and line of the function's own code at which it raised."""
        frames = traceback.extract_tb(error.__traceback__)
        own = {str(path) for path in self.sources.values()}
        last = next((frame for frame in reversed(frames) if frame.filename in own), frames[-1])
        return f"in {last.filename}, line {last.lineno}, in {last.name}"

    def _check(self, given: pa.Table, result: pa.Table, outcome: Collection[str]) -> None:
        if result.num_rows != given.num_rows:
            raise DataError(
                f"{self.path} returned {result.num_rows:,} rows of {given.num_rows:,}. It may add columns only."
            )
        twice = sorted({name for name in result.column_names if result.column_names.count(name) > 1})
        if twice:
            raise DataError(f"{self.path} returned {', '.join(twice)} twice. Give each column a name of its own.")
        known = sorted(set(outcome) & set(result.column_names))
        if known:
            raise DataError(f"{self.path} made {', '.join(known)}, which is the outcome. Nobody knows it at scoring.")
        changed = [
            name for name in given.column_names if name in result.column_names and not result[name].equals(given[name])
        ]
        if changed:
            raise DataError(
                f"{self.path} changed {', '.join(changed)}, which it was given. Add a column of another name instead."
            )

    def _check_sample(self, given: pa.Table, new: pa.Table) -> None:
        """Ask again on a few rows, twice: the answers must agree with each other, and with those among all rows."""
        rows = min(SAMPLE_ROWS, given.num_rows)
        some = given.slice(0, rows)
        once, again = self._called(some), self._called(some)
        for name in new.column_names:
            answers = [answer[name].to_pylist() if name in answer.column_names else None for answer in (once, again)]
            if not _same(*answers):
                raise DataError(
                    f"{self.path} gives {name} another value when it is asked again on the same {rows} rows. Take "
                    "chance and the clock out of it, or fix the seed."
                )
            if not _same(answers[0], new[name].slice(0, rows).to_pylist()):
                raise DataError(
                    f"{self.path} gives {name} another value when the same {rows} rows stand alone: it depends on the "
                    "other rows, and a single row would be scored otherwise. Compute it from the row's own columns."
                )


@dataclass(frozen=True)
class DeclaredFunction:
    """The function that a spec names, imported when the first rows come."""

    path: str

    def with_made(self, rows: pa.Table, source: Source, columns: Columns) -> pa.Table:
        """The rows with the made columns, and the record of how they were made in the schema's metadata.

        Raises:
            SpecError: The function cannot be imported.
            DataError: It raised, or did what it may not.
        """
        outcome = {source.label, *([source.known_at] if source.known_at else [])}
        new, made = feature_function(self.path).made(rows, declared_kinds(columns), outcome)
        for name in new.column_names:
            rows = rows.append_column(name, new[name])
        return rows.replace_schema_metadata({**(rows.schema.metadata or {}), **made.to_metadata()})

    def made_in(self, metadata: Mapping[bytes, bytes] | None) -> frozenset[str]:
        """The columns that a stored table's record names as made; none without one."""
        made = MadeColumns.of_metadata(metadata)
        return frozenset(made.columns) if made else frozenset()


@cache
def feature_function(path: str) -> FeatureFunction:
    """Import a function; its source is digested before that.

    Raises:
        SpecError: It cannot be imported, or is no function.
    """
    module, name = path.split(":")
    sources = module_sources(module)
    sha256 = source_sha256(sources)
    try:
        found = getattr(import_module(module), name)
    except Exception as error:
        raise SpecError(f"features: {path} cannot be imported: {type(error).__name__}: {error}.") from None
    if not callable(found):
        raise SpecError(f"features: {path} is of type {type(found).__name__}, no function.")
    return FeatureFunction(path, found, sources, sha256)


def declared_kinds(columns: Columns) -> dict[str, Kind]:
    """How columns are given to a function that the spec declares."""
    numbers: dict[str, Kind] = dict.fromkeys((*columns.numeric, *columns.amounts), "number")
    texts: dict[str, Kind] = dict.fromkeys((*columns.categorical, *columns.groups), "text")
    return {**texts, **numbers}


def as_inputs(rows: pa.Table, inputs: Mapping[str, Kind]) -> pa.Table:
    """Rows with each column as a function gets it; what is no number or time of its kind is missing.

    >>> as_inputs(pa.table({"fee": ["1.5", ""], "zone": [3, None]}), {"fee": "number", "zone": "text"}).to_pydict()
    {'fee': [1.5, None], 'zone': ['3', None]}
    """
    return pa.table({name: _as_kind(rows[name], kind, name) for name, kind in inputs.items()})


def _as_kind(column: pa.ChunkedArray, kind: Kind, name: str) -> pa.Array | pa.ChunkedArray:
    if kind == "number":
        return read_numbers(column).values
    if kind == "text":
        return read_categories(column)[0].cast(pa.string())
    if kind == "time":
        return wall_clock(column, name)
    values = flat(column)
    if pa.types.is_floating(values.type) and how_many(pc.is_nan(values)):
        return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values


def _kind_of(kind: pa.DataType) -> Kind:
    if pa.types.is_dictionary(kind):
        return _kind_of(kind.value_type)
    if is_text(kind) or pa.types.is_null(kind):
        return "text"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "time"
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return "number" if numeric else "other"


def _same(one: Sequence[object] | None, other: Sequence[object] | None) -> bool:
    """Whether two answers agree; of fractions the last digits may differ, as vector instructions make them."""
    if one is None or other is None or len(one) != len(other):
        return False
    return all(map(_alike, one, other))


def _alike(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)
