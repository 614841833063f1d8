"""Read a whole table that nobody has described yet: every file, every column, numbers and times told from their texts.

What a column means is told in `columns` and `roles`; how files are read stands in `raw`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.documents.units import counted
from retrain_assets.errors import SourceError
from retrain_assets.raw.files import File, Wanted, bare_name, files_of
from retrain_assets.raw.notation.dialect import ungrouped
from retrain_assets.raw.notation.numbers import common_measure, plain_numbers
from retrain_assets.raw.notation.times import Order, declared_order, wall_clock
from retrain_assets.raw.notation.values import how_many, is_text
from retrain_assets.raw.policy import Table
from retrain_assets.raw.sources import with_one_type
from retrain_assets.store import with_column

Written: TypeAlias = str | list[str] | dict[str, str]
"""One of the keys beside a path that say how its files are written."""

SHOWN_VALUES = 5_000
"""How many different values of a column are looked at to tell what it is."""

_NUMBER_LIKE = "^[+-]?(\\d[\\d.,' \u00a0\u202f]*|\\.\\d+)([eE][+-]?\\d+)?$"
_MOST_UNITS = 200
_CODE_LIKE = r"^0\d+$|^\d{1,2}\.\d{1,2}\.\d{4}|^\d{4}\.\d{1,2}\.\d{1,2}"
_MOST_NUMBERS = 0.98


@dataclass(frozen=True)
class FilePart:
    """The rows of one file; `measured` are columns as they stand in which every number carries one unit, with it."""

    path: str
    rows: pa.Table
    measured: Mapping[str, tuple[str, pa.ChunkedArray]] = field(default_factory=dict)


@dataclass(frozen=True)
class ForeignTable:
    """A table as it was found.

    Attributes:
        path: What the user named.
        parts: The rows of each file, in name order.
        rows: All of them; a column that a file lacks is missing in its rows.
        remarks: What was read otherwise than it stands, one sentence each.
        broken: Why a file could not be read and was left out, one sentence each.
        written: What of it a spec has to declare beside the path: `time_format`, `rename`, `null_values`.
    """

    path: str
    parts: tuple[FilePart, ...]
    rows: pa.Table
    remarks: tuple[str, ...]
    written: Mapping[str, Written] = field(default_factory=dict)
    broken: tuple[str, ...] = ()

    @property
    def order(self) -> Order | None:
        """The declared order of day and month in its times."""
        time_format = self.written.get("time_format")
        return declared_order(time_format) if isinstance(time_format, str) else None

    def having(self, **written: Written) -> ForeignTable:
        """The same table with more that a spec has to declare."""
        return replace(self, written={**self.written, **written})

    def renaming(self, old: str, new: str) -> ForeignTable:
        """The same table with a column called otherwise in the files that have it by its old name alone.

        Raises:
            SourceError: No file has the old name.
        """
        if not any(old in part.rows.column_names for part in self.parts):
            raise SourceError(f"no column {old!r} in {self.path}. It has {', '.join(self.rows.column_names)}.")
        parts = []
        for part in self.parts:
            names = part.rows.column_names
            if new not in names:
                part = replace(part, rows=part.rows.rename_columns([new if name == old else name for name in names]))
            parts.append(part)
        before = self.written.get("rename", {})
        rename = {**(before if isinstance(before, dict) else {}), old: new}
        return replace(self, parts=tuple(parts), rows=_together(parts)).having(rename=rename)

    def lacking(self, name: str) -> tuple[str, ...]:
        """The files that do not have a column."""
        return tuple(part.path for part in self.parts if name not in part.rows.column_names)


def read_table(path: str, time_format: str | None = None) -> ForeignTable:
    """Read every file of a path, glob or folder as one table; a file that cannot be read is left out and named.

    Args:
        path: Of the files.
        time_format: How its times are written, where the user said it.

    Raises:
        SourceError: Nothing is there, or no file can be read.
    """
    table = Table(path=path, time_format=time_format)
    parts: list[FilePart] = []
    said: dict[str, list[str]] = {}
    broken: list[SourceError] = []
    for file in files_of(table):
        try:
            part, remarks = _part(file)
        except SourceError as error:
            broken.append(error)
            continue
        parts.append(part)
        for remark in remarks:
            said.setdefault(re.sub(r" are written like .*|^[\d,]+ ", "", remark), []).append(
                f"{file_name(file.path)}: {remark}"
            )
    if broken and not parts:
        raise broken[0]
    if not any(part.rows.num_rows for part in parts):
        raise SourceError(f"{path}: no rows. Name files that hold some.")
    found = [f"{first}{_and_so_in(len(more))}" for first, *more in said.values()]
    written: dict[str, Written] = {"time_format": time_format} if time_format else {}
    parts = _named_alike(_of_one_unit(parts))
    return ForeignTable(path, tuple(parts), _together(parts), tuple(found), written, tuple(map(str, broken)))


def _and_so_in(files: int) -> str:
    return f", and so in {counted(files, 'file')} more" if files else ""


def _of_one_unit(parts: Sequence[FilePart]) -> list[FilePart]:
    """The parts with a column as it stands where one file has it in another unit than the others."""
    units: dict[str, set[str]] = {}
    for part in parts:
        for name, (unit, _) in part.measured.items():
            units.setdefault(name, set()).add(unit)
    found = []
    for part in parts:
        for name, (_, column) in part.measured.items():
            if len(units[name]) > 1:
                part = replace(part, rows=with_column(part.rows, name, column))
        found.append(part)
    return found


def _named_alike(parts: Sequence[FilePart]) -> list[FilePart]:
    """The parts with one spelling of each column's name, that of the first file, and without columns of no name."""
    spelled: dict[str, str] = {}
    found = []
    for part in parts:
        names = [name for name in part.rows.column_names if name.strip()]
        bare = [bare_name(name) for name in names]
        own = [
            spelled.get(plain, name) if bare.count(plain) == 1 and spelled.get(plain) not in names else name
            for name, plain in zip(names, bare, strict=True)
        ]
        for name in own:
            spelled.setdefault(bare_name(name), name)
        found.append(replace(part, rows=part.rows.select(names).rename_columns(own)))
    return found


def _part(file: File) -> tuple[FilePart, list[str]]:
    rows = file.rows(Wanted(tuple(file.names), (), lambda block: pa.array(np.ones(block.num_rows, dtype=bool))))
    for name in rows.column_names:
        if pa.types.is_dictionary(rows[name].type) or pa.types.is_large_string(rows[name].type):
            rows = with_column(rows, name, rows[name].cast(pa.string()))
    numbers = [name for name in rows.column_names if is_text(rows[name].type) and number_like(rows[name])]
    written = rows
    rows, rewritten = plain_numbers(rows, numbers, None)
    measured = {one.column: (one.unit, written[one.column]) for one in rewritten if one.unit}
    said = [
        f"{one.count:,} values of {one.column} are written like {one.example}, read as {one.plain}" for one in rewritten
    ]
    if file.is_csv and not file.dialect.encoding.startswith("utf-8"):
        said.append(f"written in {file.dialect.encoding}, not in UTF-8, and read so")
    if file.is_csv and file.dialect.title:
        said.append(f"left out above the names of the columns: {counted(file.dialect.title, 'line')}")
    return FilePart(file.path, rows, measured), said


def number_like(column: pa.ChunkedArray) -> bool:
    """Whether nearly all texts of a column are numbers in some notation, and none is a code like 007 or a date.

    >>> number_like(pa.chunked_array([["1,234.50", "7", None]])), number_like(pa.chunked_array([["007", "12"]]))
    (True, False)
    """
    values = pc.utf8_trim_whitespace(pc.unique(column.drop_null())[:SHOWN_VALUES])
    values = values.filter(pc.not_equal(values, ""))
    values = _without_measure(_without_units(values))
    if not len(values) or how_many(pc.match_substring_regex(values, _CODE_LIKE)):
        return False
    return how_many(pc.match_substring_regex(values, _NUMBER_LIKE)) >= _MOST_NUMBERS * len(values)


def _without_units(values: pa.Array) -> pa.Array:
    """Texts as they are without a unit, brackets or a sign behind, if the first ones have some."""
    if not any(ungrouped(text) != text for text in values[:_MOST_UNITS].to_pylist()):
        return values
    return pa.array([ungrouped(text) for text in values.to_pylist()], pa.string())


def _without_measure(values: pa.Array) -> pa.Array:
    """Texts without the one unit that each of their numbers carries, like kg."""
    if not common_measure(values):
        return values
    return pc.replace_substring_regex(values, r"^([+-]?\d[\d.,']*)\s+\D+$", r"\1")


def _together(parts: Sequence[FilePart]) -> pa.Table:
    names = list(dict.fromkeys(name for part in parts for name in part.rows.column_names))
    tables = [part.rows for part in parts]
    for name in names:
        kinds = {rows.schema.field(name).type for rows in tables if name in rows.column_names} - {pa.null()}
        if len(kinds) > 1 and any(pa.types.is_temporal(kind) for kind in kinds):
            tables = [_as_times(rows, name) for rows in tables]
        tables = with_one_type(tables, name)
    try:
        return pa.concat_tables(tables, promote_options="permissive").select(names)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SourceError(
            f"{parts[0].path} and the files beside it have columns of different types: {error}."
        ) from None


def _as_times(rows: pa.Table, name: str) -> pa.Table:
    if name not in rows.column_names:
        return rows
    try:
        return with_column(rows, name, wall_clock(rows[name], name))
    except SourceError:
        return rows


def file_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]
