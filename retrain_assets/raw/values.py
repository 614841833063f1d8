"""Columns as a source gives them, read as keys, times, numbers or categories, whatever file they come from.

What may stand in a column is the contract's business (`contract`); here it only gets its type.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import SourceError

NAIVE = pa.timestamp("us")
"""The type of every time: wall clock, without a zone."""

_UTC = pa.timestamp("us", "UTC")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MISSING_TEXT = pa.array(["", "na", "nan", "none", "null"])


@dataclass(frozen=True)
class Numbers:
    """A column as numbers, which values were no number, and why none can be (None when some can)."""

    values: pa.Array
    unreadable: pa.Array
    fault: str | None = None


def as_keys(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give keys one type whatever file they come from: int64 for whole numbers that fit, else text.

    >>> as_keys(pa.chunked_array([[1.0, None, 3.0]])).to_pylist()
    [1, None, 3]
    """
    kind = column.type
    whole = pa.types.is_integer(kind) and not pa.types.is_uint64(kind) or pa.types.is_null(kind) or _whole(column)
    return column.cast(pa.int64() if whole else pa.string())


def wall_clock(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Times as timestamp[us] without a zone; those with a zone are converted to UTC.

    Raises:
        SourceError: The column is no time, or holds text that is none.

    >>> wall_clock(pa.chunked_array([["2019-06-01T02:00:00+02:00"]]), "rides.csv")[0].as_py()
    datetime.datetime(2019, 6, 1, 0, 0)
    """
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return read_times(column, where, 0)
    if pa.types.is_timestamp(column.type):
        aware = column.cast(_UTC if column.type.tz else NAIVE, safe=False)
        return pc.local_timestamp(aware) if column.type.tz else aware
    if pa.types.is_date(column.type) or pa.types.is_null(column.type):
        return column.cast(NAIVE)
    raise SourceError(f"{where}: the time column is {column.type}, no time. Store it as a timestamp or a date.")


def read_times(column: pa.ChunkedArray, where: str, rows_before: int) -> pa.ChunkedArray:
    """Times written as text, in ISO 8601 with or without a zone; `rows_before` counts rows read earlier, for messages.

    Raises:
        SourceError: A text is no time; its row is named.
    """
    for kind in (NAIVE, _UTC):
        try:
            times = column.cast(kind)
        except pa.ArrowInvalid:
            continue
        return pc.local_timestamp(times) if kind == _UTC else times
    one_by_one = [_moment(text.as_py(), where, rows_before + row) for row, text in enumerate(column, 1)]
    return pa.chunked_array([pa.array(one_by_one, NAIVE)])


def read_numbers(column: pa.ChunkedArray) -> Numbers:
    """A column as numbers in the source's own type; text as float64, and NaN as missing.

    >>> read_numbers(pa.chunked_array([["12.5", "", "x"]])).values.to_pylist()
    [12.5, None, None]
    """
    values = flat(column)
    none = pa.array(np.zeros(len(values), dtype=bool))
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _from_text(values)
    if pa.types.is_boolean(kind):
        return Numbers(values.cast(pa.int8()), none)
    if pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return Numbers(values.cast(pa.float64()), none)
    if pa.types.is_integer(kind):
        return Numbers(values, none)
    if pa.types.is_floating(kind):
        values = values.cast(pa.float32()) if pa.types.is_float16(kind) else values
        return Numbers(pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values), none)
    return Numbers(pa.nulls(len(values), pa.float64()), none, f"is {kind}, no number")


def read_categories(column: pa.ChunkedArray) -> tuple[pa.Array, str | None]:
    """A category as text, and why it is none (None when it is one); codes lose their decimal point.

    >>> read_categories(pa.chunked_array([[161.0, None]]))[0].to_pylist()
    ['161', None]
    """
    values = flat(column)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
        return (values.cast(pa.int64()) if _whole(values) else values).cast(pa.string()), None
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return pa.nulls(len(values), pa.string()), f"is {kind}, no category"
    return values.cast(pa.string()), None


def flat(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, without a copy when it is one already."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def how_many(mask: pa.Array) -> int:
    """The number of true values."""
    return int(pc.sum(mask).as_py() or 0)


def _whole(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether floating-point values are all whole numbers that int64 holds."""
    if not pa.types.is_floating(values.type):
        return False
    fits = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), 2.0**53))
    return bool(pc.all(fits, min_count=0).as_py())


def _from_text(text: pa.Array) -> Numbers:
    """Text as float64, and which values are no number."""
    text = pc.utf8_trim_whitespace(text.cast(pa.string()))
    readable = pc.fill_null(pc.match_substring_regex(text, _NUMBER), False)
    blank = pc.is_in(pc.utf8_lower(text), value_set=_MISSING_TEXT)
    unreadable = pc.and_(pc.and_(text.is_valid(), pc.invert(readable)), pc.invert(blank))
    values = pc.if_else(readable, pc.replace_substring_regex(text, r"^\+", ""), pa.scalar(None, pa.string()))
    if len(text) and not how_many(readable) and how_many(unreadable):
        first = text.filter(unreadable)[0].as_py()
        return Numbers(pa.nulls(len(text), pa.float64()), unreadable, f"holds no number, first {first!r}")
    return Numbers(values.cast(pa.float64()), unreadable)


def _moment(text: str | None, where: str, row: int) -> datetime | None:
    """One time that no fast path reads: padded, or with and without a zone in one column."""
    if text is None or not text.strip():
        return None
    moment = pa.scalar(text.strip())
    for kind in (NAIVE, _UTC, pa.timestamp("ns")):
        try:
            found: datetime = pc.cast(pc.cast(moment, kind), NAIVE, safe=False).as_py()
        except pa.ArrowInvalid:
            continue
        return found
    raise SourceError(f"{where}: data row {row}: {text!r} is no time. Write times like 2019-02-14 08:30:00.")
