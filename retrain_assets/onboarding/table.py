"""Read a whole table that nobody has described yet: every file, every column, numbers and times told from their texts.

What a column means is told in `columns` and `roles`; how files are read stands in `raw`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import SourceError
from retrain_assets.raw.files import File, Wanted, files_of
from retrain_assets.raw.numbers import plain_numbers
from retrain_assets.raw.policy import Table
from retrain_assets.raw.values import flat, how_many, read_categories

SHOWN_VALUES = 5_000
"""How many different values of a column are looked at to tell what it is."""

_NUMBER_LIKE = "^[+-]?(\\d[\\d.,' \u00a0\u202f]*|\\.\\d+)([eE][+-]?\\d+)?$"
_CODE_LIKE = r"^0\d+$|^\d{1,2}\.\d{1,2}\.\d{4}|^\d{4}\.\d{1,2}\.\d{1,2}"
_MOST_NUMBERS = 0.98


@dataclass(frozen=True)
class Part:
    """The rows of one file."""

    path: str
    rows: pa.Table


@dataclass(frozen=True)
class ForeignTable:
    """A table as it was found.

    Attributes:
        path: What the user named.
        parts: The rows of each file, in name order.
        rows: All of them; a column that a file lacks is missing in its rows.
        remarks: What was read otherwise than it stands, one sentence each.
    """

    path: str
    parts: tuple[Part, ...]
    rows: pa.Table
    remarks: tuple[str, ...]

    def lacking(self, name: str) -> tuple[str, ...]:
        """The files that do not have a column."""
        return tuple(part.path for part in self.parts if name not in part.rows.column_names)


def read_table(path: str) -> ForeignTable:
    """Read every file of a path, glob or folder as one table.

    Raises:
        SourceError: Nothing is there, a file does not parse, or a number can be read in two ways.
    """
    parts, remarks = [], []
    for file in files_of(Table(path=path)):
        part, said = _part(file)
        parts.append(part)
        remarks += said
    if not any(part.rows.num_rows for part in parts):
        raise SourceError(f"{path}: no rows. Name files that hold some.")
    return ForeignTable(path, tuple(parts), _together(parts), tuple(remarks))


def _part(file: File) -> tuple[Part, list[str]]:
    rows = file.rows(Wanted(tuple(file.names), (), lambda block: pa.array(np.ones(block.num_rows, dtype=bool))))
    for name in rows.column_names:
        if pa.types.is_dictionary(rows[name].type) or pa.types.is_large_string(rows[name].type):
            rows = _with(rows, name, rows[name].cast(pa.string()))
    numbers = [name for name in rows.column_names if is_text(rows[name]) and number_like(rows[name])]
    rows, rewritten = plain_numbers(rows, numbers, None)
    said = [
        f"{_short(file.path)}: {one.count:,} values of {one.column} are written like {one.example}, read as {one.plain}"
        for one in rewritten
    ]
    if file.is_csv and not file.dialect.encoding.startswith("utf-8"):
        said.append(f"{_short(file.path)}: written in {file.dialect.encoding}, not in UTF-8, and read so")
    return Part(file.path, rows), said


def number_like(column: pa.ChunkedArray) -> bool:
    """Whether nearly all texts of a column are numbers in some notation, and none is a code like 007 or a date.

    >>> number_like(pa.chunked_array([["1,234.50", "7", None]])), number_like(pa.chunked_array([["007", "12"]]))
    (True, False)
    """
    values = pc.utf8_trim_whitespace(pc.unique(column.drop_null())[:SHOWN_VALUES])
    values = values.filter(pc.not_equal(values, ""))
    if not len(values) or how_many(pc.match_substring_regex(values, _CODE_LIKE)):
        return False
    return how_many(pc.match_substring_regex(values, _NUMBER_LIKE)) >= _MOST_NUMBERS * len(values)


def is_text(column: pa.ChunkedArray) -> bool:
    """Whether a column holds texts."""
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _together(parts: Sequence[Part]) -> pa.Table:
    names = list(dict.fromkeys(name for part in parts for name in part.rows.column_names))
    tables = [part.rows for part in parts]
    for name in names:
        kinds = {rows.schema.field(name).type for rows in tables if name in rows.column_names} - {pa.null()}
        if len(kinds) > 1 and any(pa.types.is_string(kind) for kind in kinds):
            tables = [_as_text(rows, name) if name in rows.column_names else rows for rows in tables]
    try:
        return pa.concat_tables(tables, promote_options="permissive").select(names)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SourceError(
            f"{parts[0].path} and the files beside it have columns of different types: {error}."
        ) from None


def _as_text(rows: pa.Table, name: str) -> pa.Table:
    return _with(rows, name, pa.chunked_array([flat(read_categories(rows[name])[0]).cast(pa.string())]))


def _with(rows: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, column)


def _short(path: str) -> str:
    return path.rpartition("/")[2]
