"""A window's rows column by column, a bounded piece at a time, as the declared kind asks: numbers or names.

A value is read as the kind that the spec declares for its column, never as what it looks like: numbers in text are
parsed where numbers are declared, and a number is a name where names are declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from retrain_assets.monitoring.profiles.binning import Values, extremes, in_blocks, size_of
from retrain_assets.monitoring.profiles.value_counts import BLOCK, Tally, joined, rows_by_code, tallied
from retrain_assets.store import PeriodStore

PIECE_ROWS = 2**20
"""Most rows of one column that are in memory at once."""

MOST_OPEN = 128
"""Most files of which all are kept open while their columns are read."""

_MOST_COUNTS = 2**16

_NUMBER_TYPES = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
_NO_NAMES = pa.array([], pa.string())


_LONGEST_SHOWN = 60


def quoted(value: str) -> str:
    """A value of the data as a sentence shows it: in quotes, on one line, and not longer than a reader wants.

    >>> quoted("JFK"), quoted("x" * 100)[-6:]
    ("'JFK'", "xxxx'…")
    """
    return repr(value) if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]!r}…"


class ParquetRows:
    """The rows of Parquet files one after the other; nothing is read before a column is asked for.

    Memory is that of one column of one row group, as it is stored and `PIECE_ROWS` of its rows at most. A file stays
    open from one column to the next, for opening costs as much as reading a column of 40,000 rows; of more than
    `MOST_OPEN` files each is opened anew. A file that is replaced meanwhile is read on as it was when first asked.

    Raises:
        FileNotFoundError: A file is not there.
        pyarrow.ArrowInvalid: A file is no Parquet file.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [(path, pq.read_metadata(path)) for path in paths]
        self._names = [frozenset(known.schema.to_arrow_schema().names) for _, known in self._files]
        self._open: dict[Path, pq.ParquetFile] = {}
        self.num_rows = sum(known.num_rows for _, known in self._files)

    def pieces(self, name: str) -> Iterator[pa.ChunkedArray | int]:
        """The column's values in row order; for a file without the column the number of its rows."""
        for (path, known), names in zip(self._files, self._names, strict=True):
            if name not in names:
                yield known.num_rows
                continue
            batches = self._file(path, known).iter_batches(BLOCK, columns=[name], use_threads=False)
            while chunks := [batch.column(0) for batch in islice(batches, max(1, PIECE_ROWS // BLOCK))]:
                yield pa.chunked_array(chunks)

    def _file(self, path: Path, known: pq.FileMetaData) -> pq.ParquetFile:
        if path in self._open:
            return self._open[path]
        file = pq.ParquetFile(path, metadata=known, pre_buffer=False)
        if len(self._files) <= MOST_OPEN:
            self._open[path] = file
        return file


Rows: TypeAlias = pa.Table | ParquetRows


@dataclass(frozen=True)
class NumericPiece:
    """One piece of a numeric column: its finite values with their extremes, and how many others there were."""

    rows: int
    finite: Values | Tally = ()
    least: float | None = None
    greatest: float | None = None
    missing: int = 0
    infinite: int = 0
    absent: int = 0
    wrong: int = 0
    example: str = ""


@dataclass(frozen=True)
class CategoryPiece:
    """One piece of a categorical column: each category once with its rows, 0 of some, and how many rows had none."""

    rows: int
    distinct: pa.StringArray
    counts: NDArray[np.int64]
    missing: int = 0
    absent: int = 0
    wrong: int = 0
    example: str = ""


def stored_rows(store: PeriodStore, asset: str, periods: Sequence[str]) -> ParquetRows:
    """The rows that an asset wrote for some periods, to be read column by column.

    Raises:
        FileNotFoundError: The asset has no file of one of the periods.
    """
    paths = {period: store.path(asset, period) for period in periods}
    for period, path in paths.items():
        if not path.exists():
            raise FileNotFoundError(f"{asset} of {period} is not there: materialize it first.")
    return ParquetRows(list(paths.values()))


def numbers(rows: Rows, name: str, in_order: bool = False) -> Iterator[NumericPiece]:
    """A column declared numeric, piece by piece; it may be absent, or hold anything.

    Few different values are told as a tally, unless they are wanted in the order of the rows.

    >>> [piece] = numbers(pa.table({"x": ["1.5", "n/a", None]}), "x")
    >>> piece.finite, piece.missing, piece.wrong, piece.example
    ((array([1.5]),), 1, 1, "'n/a'")
    """
    for piece in _pieces(rows, name):
        if isinstance(piece, int):
            yield NumericPiece(piece, missing=piece, absent=piece)
        else:
            told = None if in_order or not len(piece) else tallied([piece])
            yield _told(len(piece), told[0]) if told else _numbers(piece)


def numbers_of_parts(parts: Sequence[Rows], name: str) -> list[list[NumericPiece]]:
    """A column declared numeric of several windows, all pieces at once; tallies share their values.

    >>> [[one], [two]] = numbers_of_parts([pa.table({"x": [2.0, 2.0]}), pa.table({"x": [3.0]})], "x")
    >>> one.finite.values, one.finite.rows, two.finite.rows
    (array([2., 3.]), array([2, 0]), array([0, 1]))
    """
    read = [list(_pieces(rows, name)) for rows in parts]
    columns = [piece for part in read for piece in part if not isinstance(piece, int)]
    told = tallied(columns) if columns else None
    told_of = iter(told or [])
    return [
        [
            NumericPiece(piece, missing=piece, absent=piece)
            if isinstance(piece, int)
            else _numbers(piece)
            if told is None
            else _told(len(piece), next(told_of))
            for piece in part
        ]
        for part in read
    ]


def names(rows: Rows, name: str) -> Iterator[CategoryPiece]:
    """A column declared categorical, piece by piece; it may be absent, or hold anything.

    >>> [piece] = names(pa.table({"c": [7, None, 7]}), "c")
    >>> piece.distinct.to_pylist(), piece.counts.tolist(), piece.missing
    (['7'], [2], 1)
    """
    for piece in _pieces(rows, name):
        if isinstance(piece, int):
            yield CategoryPiece(piece, _NO_NAMES, np.empty(0, np.int64), missing=piece, absent=piece)
        else:
            yield _names(piece)


def names_of_parts(parts: Sequence[Rows], name: str) -> list[list[CategoryPiece]]:
    """A column declared categorical of several windows, all pieces at once; most share their categories.

    >>> [[one], [two]] = names_of_parts([pa.table({"c": ["a"]}), pa.table({"c": ["b", "b"]})], "c")
    >>> one.distinct.to_pylist(), one.counts, two.counts
    (['a', 'b'], array([1, 0]), array([0, 2]))
    """
    read = [list(_pieces(rows, name)) for rows in parts]
    columns = [piece for part in read for piece in part if not isinstance(piece, int)]
    try:
        counts_of = _counted(columns) if len({column.type for column in columns}) == 1 else None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        counts_of = None
    if counts_of is None:
        return [list(names(rows, name)) for rows in parts]
    distinct, counts = counts_of
    nothing, counted = np.empty(0, np.int64), iter(counts)
    return [
        [
            CategoryPiece(piece, _NO_NAMES, nothing, missing=piece, absent=piece)
            if isinstance(piece, int)
            else CategoryPiece(len(piece), distinct, rows := next(counted), missing=len(piece) - int(rows.sum()))
            for piece in part
        ]
        for part in read
    ]


def _pieces(rows: Rows, name: str) -> Iterator[pa.ChunkedArray | int]:
    if isinstance(rows, ParquetRows):
        yield from rows.pieces(name)
        return
    at = rows.schema.get_field_index(name)
    if at < 0:
        yield rows.num_rows
    elif rows.num_rows <= PIECE_ROWS:
        yield from [rows.column(at)] if rows.num_rows else []
    else:
        for start in range(0, rows.num_rows, PIECE_ROWS):
            yield rows.column(at).slice(start, PIECE_ROWS)


def _numbers(column: pa.ChunkedArray) -> NumericPiece:
    rows, kind = len(column), column.type
    if any(holds(kind) for holds in _NUMBER_TYPES):
        if column.null_count or kind != pa.float64():
            column = pc.cast(_in_small_chunks(column).drop_null(), pa.float64(), safe=False)
        return _split(rows, [chunk.to_numpy() for chunk in column.chunks if len(chunk)])
    if pa.types.is_null(kind):
        return NumericPiece(rows, missing=rows)
    if _is_text(kind):
        return _numbers_in_text(column)
    missing = column.null_count
    return NumericPiece(rows, missing=missing, wrong=rows - missing, example=f"a {kind}")


def _told(rows: int, told: Tally) -> NumericPiece:
    there, missing = np.flatnonzero(told.rows), rows - told.size - told.infinite
    if not there.size:
        return NumericPiece(rows, missing=missing, infinite=told.infinite)
    least, greatest = float(told.values[there[0]]), float(told.values[there[-1]])
    return NumericPiece(rows, told, least, greatest, missing=missing, infinite=told.infinite)


def _in_small_chunks(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same column in slices whose copies are small enough to be made in the processor's cache."""
    starts = [(chunk, start) for chunk in column.chunks for start in range(0, len(chunk), BLOCK)]
    return pa.chunked_array([chunk.slice(start, BLOCK) for chunk, start in starts], column.type)


def _split(rows: int, values: Values) -> NumericPiece:
    """What is finite among values; a look at the extremes spares a column of nothing else the copy."""
    size = size_of(values)
    if not size:
        return NumericPiece(rows, missing=rows)
    least, greatest = extremes(values)
    if np.isfinite(least) and np.isfinite(greatest):
        return NumericPiece(rows, values, least, greatest, missing=rows - size)
    finite = [block[np.isfinite(block)] for block in in_blocks(values)]
    infinite = sum(int(np.isinf(block).sum()) for block in in_blocks(values))
    kept = size_of(finite)
    return replace(_split(kept, finite), rows=rows, missing=rows - kept - infinite, infinite=infinite)


def _numbers_in_text(column: pa.ChunkedArray) -> NumericPiece:
    read = _names(column)
    parsed = [
        (_number(text), text, int(rows)) for text, rows in zip(read.distinct.to_pylist(), read.counts, strict=True)
    ]
    known = [(number, rows) for number, _, rows in parsed if number is not None]
    wrong = [(text, rows) for number, text, rows in parsed if number is None]
    values = np.repeat([number for number, _ in known], [rows for _, rows in known]).astype(float)
    unparsed = sum(rows for _, rows in wrong)
    example = quoted(min(wrong)[0]) if wrong else ""
    return replace(_split(len(column) - unparsed, (values,)), rows=len(column), wrong=unparsed, example=example)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _names(column: pa.ChunkedArray) -> CategoryPiece:
    rows = len(column)
    try:
        counted = _counted([column])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        counted = None
    if counted is None:
        wrong, nothing = rows - column.null_count, np.empty(0, np.int64)
        example = f"a {column.type}"
        return CategoryPiece(rows, _NO_NAMES, nothing, column.null_count, wrong=wrong, example=example)
    distinct, [counts] = counted
    return CategoryPiece(rows, distinct, counts, missing=rows - int(counts.sum()))


def _counted(columns: Sequence[pa.ChunkedArray]) -> tuple[pa.StringArray, NDArray[np.int64]] | None:
    """Each value of some columns of one type as text, nulls left out, and its rows in each: shape (columns, values).

    Two values of one text are counted apart. None where several columns have so many values, such as identifiers, that
    the counts would take more memory than the columns.
    """
    encoded = joined(columns)
    encoded = encoded if pa.types.is_dictionary(encoded.type) else pc.dictionary_encode(encoded)
    encoded = encoded if encoded.num_chunks == 1 else encoded.unify_dictionaries()
    dictionary = encoded.chunk(0).dictionary if encoded.num_chunks else _NO_NAMES
    if len(columns) > 1 and len(dictionary) * len(columns) > max(_MOST_COUNTS, len(encoded)):
        return None
    codes = iter([chunk.indices for chunk in encoded.chunks])
    parts = [pa.chunked_array([next(codes) for _ in one.chunks], encoded.type.index_type) for one in columns]
    counts = np.array([rows_by_code(part, len(dictionary)) for part in parts])
    texts = pc.cast(dictionary, pa.string())
    there = counts.any(axis=0)
    if texts.null_count:
        there &= texts.is_valid().to_numpy(zero_copy_only=False)
    return (texts, counts) if there.all() else (texts.filter(pa.array(there)), counts[:, there])


def _is_text(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_string_view(value))
