"""The files of a source: what columns each has, and its rows as it was written, only those wanted.

A CSV is read as text, block by block, so that no other period's value decides a column's type; how it is written is
told by the file itself unless it is declared (`dialect`). Parts of a path like `month=2023-01` are columns of its rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from retrain_assets.errors import SourceError, TwoReadings
from retrain_assets.periods import Bounds
from retrain_assets.raw.cache.known_files import KNOWN, KnownFile, TimeSpan, span_in_footer, span_of_times
from retrain_assets.raw.cache.memory import within_memory
from retrain_assets.raw.file_names import CSV, PARQUET, columns_in, listed
from retrain_assets.raw.notation.dialect import Dialect, dialect_of, encoding_of, place_of
from retrain_assets.raw.notation.times import (
    NAIVE,
    Order,
    as_times,
    at_once,
    declared_order,
    order_of,
    unreadable,
    untimed_within,
    wall_clock,
)
from retrain_assets.raw.notation.values import how_many, without_words
from retrain_assets.raw.policy import Table
from retrain_assets.store import with_column

if TYPE_CHECKING:
    import pyarrow.dataset as ds

_ARROW_NAMES = {"utf-8": "utf8", "utf-8-sig": "utf8", "utf_8_sig": "utf8"}
_BLOCK = 8 << 20
_HEAD = 1 << 16
_ZONE = r":\d{2}(\.\d+)? ?(Z|UTC|[+-]\d{2}:?\d{2})$"
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_PLAIN = {
    "Empty CSV file": "it is empty",
    "file size is 0 bytes": "it is empty",
    "Parquet magic bytes not found": "it is no Parquet file, or its end is missing",
    "Truncated compressed stream": "its end is missing",
    "inflate failed": "what is packed in it is damaged, or packed otherwise than its name says",
}
"""What Arrow says of a file, and how a person would."""


@dataclass(frozen=True)
class Wanted:
    """Which columns and rows are asked for: `times` of the columns are times, `keep` marks rows once these are read.

    `pushdown` lists columns of time with bounds, of which a row that is kept always meets one or has no time; a Parquet
    file that has them all then skips what lies outside. With `others` every other column is wanted too.
    """

    columns: tuple[str, ...]
    times: tuple[str, ...]
    keep: Callable[[pa.Table], pa.ChunkedArray]
    pushdown: tuple[tuple[str, Bounds], ...] = ()
    others: bool = False

    def among(self, names: Iterable[str]) -> list[str]:
        """Those of some columns that are wanted, in the order in which they are."""
        there = dict.fromkeys(names)
        wanted = [name for name in dict.fromkeys(self.columns) if name in there]
        return [*wanted, *(name for name in there if name not in wanted)] if self.others else wanted


class File:
    """One file of a table; `remarks` collects what was read otherwise than it stands, `known` is known from before."""

    def __init__(self, path: str, system: pafs.FileSystem, table: Table, expected: Sequence[str] = ()) -> None:
        self.path, self.system, self.table, self.expected = path, system, table, tuple(expected)
        self.remarks: list[str] = []
        self.known = KnownFile()

    @property
    def is_csv(self) -> bool:
        """Whether it is text."""
        return self.path.endswith(CSV)

    @cached_property
    def in_path(self) -> Mapping[str, str | None]:
        """The columns that its path holds, with their value."""
        return columns_in(self.path)

    @cached_property
    def schema(self) -> pa.Schema:
        """Its columns as they are called there, without those that its path holds.

        Raises:
            SourceError: It cannot be read, or a column stands twice.
        """
        if not self.path.endswith((*PARQUET, *CSV)):
            raise SourceError(f"{self.path}: unknown kind of file. Use one of {', '.join((*PARQUET, *CSV))}.")
        try:
            of = ("schema", self.dialect if self.is_csv else None)
            if of not in self.known.facts:
                self.known.facts[of] = self._read_schema()
            schema: pa.Schema = self.known.facts[of]
        except (pa.ArrowInvalid, OSError, UnicodeError) as error:
            raise self._unreadable(error) from None
        names = [name.strip() for name in schema.names]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SourceError(f"{self.path}: column {', '.join(twice)} stands more than once. Rename the others.")
        return schema

    def _read_schema(self) -> pa.Schema:
        if not self.is_csv:
            import pyarrow.dataset as ds

            return ds.dataset(self.path, filesystem=self.system, format="parquet").schema
        with self._stream() as stream:
            return csv.open_csv(stream, **self._options([])).schema

    @cached_property
    def names(self) -> dict[str, str]:
        """Its columns by the names of the spec, each with what it is called in the file.

        Spaces around a name do not count; an expected one that is not there is the one column that differs from it by
        nothing but letter case, spaces and the like, or the one that `rename` says.
        """
        of = ("names", self.dialect if self.is_csv else None, self.expected)
        if of not in self.known.facts:
            self.known.facts[of] = self._matched()
        own, read_as = self.known.facts[of]
        if read_as:
            self.remarks.append("; ".join(f"column {was!r} read as {name}" for was, name in read_as.items()))
        return dict(own)

    def _matched(self) -> tuple[dict[str, str], dict[str, str]]:
        """Its columns by the names of the spec, and those that it writes otherwise, with the name they are read as."""
        own = {name.strip(): name for name in self.schema.names} | {
            name: name for name in self.in_path if name not in self.schema.names
        }
        for was, name in self.table.rename.items():
            if was in own and name not in own:
                own[name] = own.pop(was)
        read_as = {}
        for name in self.expected:
            same = [other for other in own if bare_name(other) == bare_name(name) and other not in self.expected]
            if name not in own and len(same) == 1:
                own[name] = own.pop(same[0])
                read_as[same[0]] = name
        return own, read_as

    @cached_property
    def dialect(self) -> Dialect:
        """How it is written: as declared, else as its first bytes show.

        Raises:
            TwoReadings: Its separator or its encoding has two readings.
        """
        of = ("dialect", self.expected)
        if of not in self.known.facts:
            self.known.facts[of] = self._told_dialect()
        dialect: Dialect = self.known.facts[of]
        return dialect

    def _told_dialect(self) -> Dialect:
        with self._stream() as stream:
            head = stream.read(_HEAD)
        try:
            return dialect_of(head, self.expected, len(head) < _HEAD, self.table.encoding, self.table.separator)
        except TwoReadings as error:
            raise TwoReadings(f"{self.path}: {error}.") from None
        except UnicodeError as error:
            raise self._unreadable(error) from None

    def rows(self, wanted: Wanted) -> pa.Table:
        """The wanted rows with those of the wanted columns that the file has, texts as they are written.

        Raises:
            SourceError: The file does not parse, or a time is none.
        """
        present = wanted.among(self.names)
        try:
            elsewhere = self._is_elsewhere(wanted)
            if not self.is_csv:
                return self._parquet_rows(wanted, present, elsewhere)
            if elsewhere:
                return self._no_rows(wanted, present)
            try:
                return self._csv_rows(wanted, present)
            except pa.ArrowInvalid as error:
                if "invalid UTF8" not in str(error) or self.table.encoding is not None:
                    raise
            with self._stream() as stream:
                self.dialect = replace(self.dialect, encoding=encoding_of(stream.read()))
            self.known.facts["dialect", self.expected] = self.dialect
            return self._csv_rows(wanted, present)
        except TwoReadings as error:
            raise TwoReadings(str(error) if self.path in str(error) else f"{self.path}: {error}.") from None
        except (pa.ArrowInvalid, OSError, UnicodeError) as error:
            raise self._unreadable(error) from None

    def pieces(self, columns: Sequence[str], rows_at_once: int) -> Iterator[pa.Table]:
        """Those of the columns that the file has, some rows at a time, texts as they are written.

        Raises:
            SourceError: The file does not parse.
        """
        present = [name for name in dict.fromkeys(columns) if name in self.names]
        try:
            if self.is_csv:
                yield from self._blocks(present)
                return
            own = self._own(present)
            inside = [self.names[name] for name in own]
            with self.system.open_input_file(self.path) as stream:
                for batch in pq.ParquetFile(stream, pre_buffer=False).iter_batches(rows_at_once, columns=inside):
                    rows = pa.Table.from_batches([batch]).select(inside).rename_columns(own)
                    yield self._with_path(rows, present)
        except (pa.ArrowInvalid, OSError, UnicodeError) as error:
            raise self._unreadable(error) from None

    def _own(self, present: Sequence[str]) -> list[str]:
        """The columns that the file itself holds, and not its path."""
        return [name for name in present if self.names[name] in self.schema.names]

    def _is_elsewhere(self, wanted: Wanted) -> bool:
        """Whether the times that the file is known to hold lie outside of every bound, so that no row is kept."""
        spans = [(self._span(name), bounds) for name, bounds in wanted.pushdown]
        return bool(spans) and all(span is not None and not span.may_hold(*bounds) for span, bounds in spans)

    def _span(self, name: str) -> TimeSpan | None:
        """The first and the last time of a column, where they are known."""
        if self.names.get(name) not in self.schema.names:
            return None
        of = self._of_times(name)
        if not self.is_csv and of not in self.known.facts:
            with self.system.open_input_file(self.path) as stream:
                self.known.facts[of] = span_in_footer(pq.read_metadata(stream), self.names[name])
        span: TimeSpan | None = self.known.facts.get(of)
        return span

    def _of_times(self, name: str) -> tuple[str, str, Dialect | None]:
        return "times", self.names[name], self.dialect if self.is_csv else None

    def _no_rows(self, wanted: Wanted, present: Sequence[str]) -> pa.Table:
        return pa.table({name: pa.array([], NAIVE if name in wanted.times else pa.string()) for name in present})

    def _csv_rows(self, wanted: Wanted, present: Sequence[str]) -> pa.Table:
        parts, before = [], 0
        orders: dict[str, Order] = {}
        named = [name for name in dict.fromkeys(wanted.times) if name in present]
        held = {name: self.known.blocks.get(self._of_times(name), []) for name in named}
        read: dict[str, list[pa.ChunkedArray]] = {name: [] for name in named}
        for at, block in enumerate(self._blocks(present)):
            written = {name: block[name] for name in named}
            for name, text in written.items():
                times = held[name][at] if held[name] else self._times(text, name, orders, before)
                read[name].append(times)
                block = with_column(block, name, times)
            parts.append(self._kept(block, written, wanted, before))
            before += block.num_rows
        for name in (name for name in named if not held[name] and self.names[name] in self.schema.names):
            self.known.facts[self._of_times(name)] = span_of_times(read[name])
            KNOWN.hold(self.known, self._of_times(name), read[name], sum(times.nbytes for times in read[name]))
        return pa.concat_tables(parts) if parts else self._no_rows(wanted, present)

    def _times(self, column: pa.ChunkedArray, name: str, orders: dict[str, Order], before: int) -> pa.ChunkedArray:
        """One block's times; what stands first in them, day or month, is told by the whole column when it matters."""
        declared = declared_order(self.table.time_format)
        times = at_once(column) if declared is None or declared.form is None else None
        if times is not None:
            return times
        if declared is not None:
            orders[name] = declared
        if name not in orders:
            whole = [block[name] for block in self._blocks([name])]
            orders[name] = order_of(pa.chunked_array([chunk for part in whole for chunk in part.chunks]), self.path)
        return as_times(column, orders[name], self.path, before)

    def _kept(
        self, rows: pa.Table, written: Mapping[str, pa.ChunkedArray], wanted: Wanted, before: int = 0
    ) -> pa.Table:
        """The wanted rows; one whose time is none belongs to the period of the rows beside it, and is counted there."""
        keep = wanted.keep(rows)
        self._tell_zones(written, keep)
        for name, bounds in wanted.pushdown:
            if name not in written or not rows[name].null_count:
                continue
            here = untimed_within(rows[name], bounds)
            wrong = pc.and_(unreadable(written[name], rows[name]), here)
            if count := how_many(wrong):
                at = pc.index(wrong, True).as_py()
                more = f", and {count - 1:,} more are none" if count > 1 else ""
                self.remarks.append(
                    f"data row {before + at + 1}: {name} {written[name][at].as_py()!r} is no time{more}"
                )
            if len(wanted.pushdown) == 1:
                keep = pc.and_(keep, pc.or_(rows[name].is_valid(), here))
        return rows.filter(keep)

    def _tell_zones(self, written: Mapping[str, pa.ChunkedArray], keep: pa.ChunkedArray) -> None:
        """Say of times in rows that are kept that some carry a zone and others none."""
        for name, text in written.items():
            kept = text.filter(keep).drop_null() if pa.types.is_string(text.type) else []
            zoned = how_many(pc.match_substring_regex(kept, _ZONE)) if len(kept) else 0
            if 0 < zoned < len(kept):
                self.remarks.append(
                    f"{name}: {zoned:,} times carry a zone and are read in UTC, {len(kept) - zoned:,} carry none and "
                    "are read as they stand"
                )

    def _blocks(self, present: Sequence[str]) -> Iterator[pa.Table]:
        """Its columns block by block, as text; an empty field is null, and so are the declared words."""
        own = self._own(present)
        inside = [self.names[name] for name in own]
        for block in self._held_blocks() or self._read_blocks(inside):
            yield self._with_path(block.select(inside).rename_columns(own), present)

    def _held_blocks(self) -> list[pa.Table]:
        """Every column of the file, where blocks are held; nothing where they are not, or one cannot be read."""
        of = ("blocks", self.dialect)
        if KNOWN.holding and of not in self.known.blocks:
            try:
                blocks = list(self._read_blocks(self.schema.names))
            except (pa.ArrowInvalid, UnicodeError):  # of a column, it may be, that nobody asks for
                blocks = []
            KNOWN.hold(self.known, of, blocks, sum(block.nbytes for block in blocks))
        held: list[pa.Table] = self.known.blocks.get(of, [])
        return held

    def _read_blocks(self, inside: Sequence[str]) -> Iterator[pa.Table]:
        with self._stream() as stream:
            for batch in csv.open_csv(stream, **self._options(inside)):
                yield pa.Table.from_batches([batch])

    def _parquet_rows(self, wanted: Wanted, present: Sequence[str], elsewhere: bool = False) -> pa.Table:
        """The rows that meet the condition, categories as plain values: their codes differ from file to file."""
        inside = self._own(present)
        if elsewhere:
            rows = self.schema.empty_table().select([self.names[name] for name in inside])
        else:
            rows = self._scanned(wanted, inside)
        rows = self._with_path(rows.rename_columns(inside), present)
        words = pa.array(self.table.null_values, pa.string())
        written = {}
        for name in rows.column_names:
            kind = rows[name].type
            if pa.types.is_dictionary(kind):
                rows = with_column(rows, name, rows[name].cast(kind.value_type))
            if name in wanted.times:
                if pa.types.is_string(rows[name].type):
                    written[name] = rows[name]
                times = wall_clock(rows[name], self.path, declared_order(self.table.time_format))
                rows = with_column(rows, name, times)
            elif len(words) and pa.types.is_string(rows[name].type):
                rows = with_column(rows, name, without_words(rows[name], words))
        return self._kept(rows, written, wanted)

    def _scanned(self, wanted: Wanted, inside: Sequence[str]) -> pa.Table:
        import pyarrow.dataset as ds

        columns, condition = [self.names[name] for name in inside], self._condition(wanted)
        found = ds.dataset(self.path, filesystem=self.system, format="parquet")
        if condition is not None:
            bounds = [self.names[name] for name, _ in wanted.pushdown]
            held = self._held_rows(found, tuple(dict.fromkeys((*columns, *bounds))))
            if held is not None:
                return held.filter(condition).select(columns)
        scanner = found.scanner(columns=columns, filter=condition)
        return pa.Table.from_batches(within_memory(scanner.to_batches(), self.path), scanner.projected_schema)

    def _held_rows(self, found: ds.Dataset, columns: tuple[str, ...]) -> pa.Table | None:
        """Some columns of a file of one row group, whose statistics skip nothing; None where blocks are not held."""
        of = ("rows", columns)
        if not (KNOWN.holding and self.known.lasts) or self._row_groups != 1:
            return None
        if of not in self.known.blocks:
            scanner, rows = found.scanner(columns=list(columns)), None
            with suppress(SourceError):  # more than fits: the rows of one period may
                rows = pa.Table.from_batches(within_memory(scanner.to_batches(), self.path), scanner.projected_schema)
            KNOWN.hold(self.known, of, rows, rows.nbytes if rows is not None else 0)
        held: pa.Table | None = self.known.blocks.get(of)
        return held

    @cached_property
    def _row_groups(self) -> int:
        with self.system.open_input_file(self.path) as stream:
            return int(pq.read_metadata(stream).num_row_groups)

    def _condition(self, wanted: Wanted) -> pc.Expression | None:
        """The bounds on columns of time, each in its own type so that Parquet statistics can skip row groups."""
        found = []
        for name, bounds in wanted.pushdown:
            if self.names.get(name) not in self.schema.names:
                return None
            kind, column = self.schema.field(self.names[name]).type, pc.field(self.names[name])
            if pa.types.is_date(kind):
                column, limits = column.cast(NAIVE), [pa.scalar(moment, NAIVE) for moment in bounds]
            elif pa.types.is_timestamp(kind):
                limits = [pa.scalar(moment, kind) for moment in bounds]
            else:
                return None
            found.append(((column >= limits[0]) & (column < limits[1])) | pc.field(self.names[name]).is_null())
        return reduce(or_, found) if found else None

    def _with_path(self, rows: pa.Table, present: Sequence[str]) -> pa.Table:
        for name in present:
            if name not in rows.column_names:
                rows = rows.append_column(name, pa.repeat(pa.scalar(self.in_path[name], pa.string()), rows.num_rows))
        return rows.select(list(present))

    def _stream(self) -> pa.NativeFile:
        return self.system.open_input_stream(self.path)

    def _options(self, columns: Sequence[str]) -> dict[str, Any]:
        """What Arrow's reader is told; only a serial one knows row numbers."""
        names = {name: pa.string() for name in columns}
        convert = csv.ConvertOptions(
            include_columns=list(columns),
            column_types=names,
            null_values=["", *self.table.null_values],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        dialect = self.dialect
        read = csv.ReadOptions(
            use_threads=False,
            block_size=_BLOCK,
            encoding=_ARROW_NAMES.get(dialect.encoding, dialect.encoding),
            skip_rows=dialect.title,
        )
        parse = csv.ParseOptions(delimiter=dialect.separator)
        return {"read_options": read, "parse_options": parse, "convert_options": convert}

    def _unreadable(self, error: Exception) -> SourceError:
        words = " ".join(str(error).split())
        if self.is_csv and (ragged := _RAGGED.search(words)):
            row, header, there = map(int, ragged.groups())
            with self._stream() as stream:
                place = place_of(stream, self.dialect, row)
            values = "1 value" if there == 1 else f"{there} values"
            return SourceError(
                f"{self.path}, {place}: {values} where the header has {header}. Correct the file, or write it again."
            )
        said = next((plain for sign, plain in _PLAIN.items() if sign in words), words.rstrip("."))
        return SourceError(f"{self.path}: cannot be read: {said}. Correct the file, or write it again.")


def files_of(table: Table, expected: Sequence[str] = ()) -> list[File]:
    """The files of a table in name order; `expected` are names of columns that they should have.

    Raises:
        SourceError: There is none, or the path cannot be reached.
    """
    system, names = listed(table)
    local = isinstance(system, LocalFileSystem)
    file_system = pafs.LocalFileSystem() if local else pafs.PyFileSystem(pafs.FSSpecHandler(system))
    files = [File(name, file_system, table, expected) for name in names]
    written = table.model_dump_json()
    for file in files if local else ():
        file.known = KNOWN.file(file.path, written)
    return files


def bare_name(name: str) -> str:
    """A column's name without what people write it differently in.

    >>> bare_name(" Customer ID"), bare_name("customer_id")
    ('customerid', 'customerid')
    """
    return re.sub(r"[\s_.-]+", "", name).casefold()
