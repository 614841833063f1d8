"""Reading a period's rows and outcomes from files and databases: only the columns and the time range asked for.

Times become wall-clock times without a zone (`times`), keys get their canonical form (`keys`), numbers the notation of
Python (`numbers`); what was read otherwise than it stands is said. Nothing here judges values: that is the contract's
business (`contract`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import SourceError, TwoReadings
from retrain_assets.periods import Bounds
from retrain_assets.raw.database import query
from retrain_assets.raw.file_names import listed, span_of
from retrain_assets.raw.files import File, Wanted, files_of
from retrain_assets.raw.notation.keys import as_keys, comparable_keys, one_array
from retrain_assets.raw.notation.numbers import numbers_without_words, plain_numbers, with_units
from retrain_assets.raw.notation.times import declared_order, wall_clock
from retrain_assets.raw.notation.values import flat, how_many, is_text, read_categories, without_words
from retrain_assets.raw.policy import Source, Table
from retrain_assets.store import KNOWN_AT, OUTCOME, OUTCOME_TIME, with_column

_FAR = datetime(2200, 1, 1)

Part = tuple[str, pa.Table]
"""Some rows, and the file or query they come from."""


@dataclass(frozen=True)
class Reading:
    """Rows as read, what was read otherwise than it stands, and every column that the source has."""

    table: pa.Table
    remarks: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def read_rows(
    source: Source,
    columns: Sequence[str],
    start: datetime,
    end: datetime,
    numbers: Collection[str] = (),
    others: bool = False,
) -> Reading:
    """Read the rows with start <= time < end, and those without a time, which belong to no period.

    CSV columns and key columns that are no numbers come as text; time comes as timestamp[us] without a zone. A column
    that no file with rows in the range has is left out, for the contract to name. A file that cannot be read stops the
    period of which its name speaks; where it speaks of none, a period without other rows.

    Args:
        source: Where the rows are.
        columns: Columns wanted besides key and time.
        start: First moment wanted.
        end: First moment not wanted.
        numbers: Those of the columns that hold numbers, whose notation matters.
        others: Whether every other column of the source is wanted too.

    Raises:
        SourceError: Nothing is there, a file of the period does not parse, or key or time is missing.
        TwoReadings: A value of the period can be read in two ways.
    """
    names = tuple(dict.fromkeys((source.key, source.time, *columns)))
    bounds = (start, end)
    keep = _between(source.time, bounds)
    wanted = Wanted(names, (source.time,), keep, ((source.time, bounds),), others)
    needed = {source.time: "source.time", source.key: "source.key"}
    return _Reader(source.features, source.key, numbers).read(wanted, needed, bounds)


def newest_time(source: Source, since: datetime) -> datetime | None:
    """The time of the newest row from a moment on; None where there is no such row.

    A file that cannot be read counts with the first moment that its name speaks of: its period is to be looked at.

    Args:
        source: Where the rows are.
        since: The moment.

    Raises:
        SourceError: Nothing is there, or no file can be read.
    """
    time, bounds = source.time, (since, _FAR)
    if source.features.sql is not None:
        newest: datetime | None = pc.max(read_rows(source, (), *bounds).table[time]).as_py()
        return newest
    wanted = Wanted((time,), (time,), _between(time, bounds), ((time, bounds),))
    files, broken, times = files_of(source.features, wanted.columns), [], list[datetime | None]()
    for file in files:
        try:
            _require(list(file.names), {time: "source.time"}, file.path)
            times.append(pc.max(file.rows(wanted)[time]).as_py())
        except SourceError as error:
            broken.append(error)
            span = span_of(file.path)
            times.append(max(since, span[0]) if span and span[1] > since else None)
    if len(broken) == len(files):
        raise broken[0]
    return max((moment for moment in times if moment is not None), default=None)


def read_outcomes(source: Source, start: datetime, end: datetime, keys: pa.Table | None = None) -> Reading:
    """Read the outcomes that became known in [start, end).

    That is when `known_at` lies there, where the source names such a column, and else when the row's own time plus the
    label delay does. An outcome never counts as known before its row: an earlier `known_at` is the row's own time. That
    comes from the outcomes table when it has the source's time column, and from `keys` when it, or one of its rows, has
    none.

    Args:
        source: Where rows and outcomes are.
        start: First moment wanted.
        end: First moment not wanted.
        keys: Key and time of the rows whose outcome may arrive; needed for an outcomes table without times.

    Returns:
        Columns key, `label` as the source types it, `time` (null where no row of that key is known), `known_at`.

    Raises:
        SourceError: Nothing is there, a file does not parse, or a column is missing.
    """
    table = source.outcomes or source.features
    needed = {source.key: "source.key", source.label: "source.label"}
    numbers = [] if source.label_values else [source.label]
    reader = _Reader(table, source.key, numbers, lenient=source.outcomes is None)
    if source.known_at:
        return _dated(source, (start, end), keys, reader, needed | {source.known_at: "source.known_at"})
    bounds = (start - source.label_delay, end - source.label_delay)
    names = (source.key, source.label, source.time)
    known, inside = _of_keys(source, keys), _between(source.time, bounds, False)

    def keep(rows: pa.Table) -> pa.ChunkedArray:
        return pc.or_(inside(rows), pc.and_(pc.is_null(rows[source.time]), known(rows)))

    by_time = Wanted(names, (source.time,), keep, ((source.time, bounds),))
    read = reader.read(by_time, needed, bounds, Wanted(names, (), known))
    time = _times(read.table, source, keys)
    known_at = pc.add(time, pa.scalar(source.label_delay))
    outcomes = _outcomes(read.table, source, time, known_at)
    return replace(read, table=outcomes.filter(_inside(outcomes[KNOWN_AT], (start, end))))


def fingerprint(source: Source) -> str:
    """Tell whether a source's files have changed, by their names, sizes and dates; no row is read.

    A database does not say so cheaply: a query counts as unchanged while its text is.

    Raises:
        SourceError: A file is missing.
    """
    marks = []
    for table in (source.features, source.outcomes):
        if table is None:
            continue
        if table.sql is not None:
            marks.append(f"{table.url_env} {table.sql}")
            continue
        system, names = listed(table)
        marks += [f"{name} {system.ukey(name)}" for name in names]
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16]


def describe(table: Table) -> str:
    """Name a table in a message: its path, or the variable that holds its database's URL, never the URL."""
    if table.served is not None:
        return f"the served log of {table.served}"
    return table.path if table.path is not None else f"the query on {table.url_env}"


def _dated(source: Source, bounds: Bounds, keys: pa.Table | None, reader: _Reader, needed: dict[str, str]) -> Reading:
    """The outcomes that are dated in the bounds, and those dated before them of rows that lie in them."""
    known_at = str(source.known_at)
    early = _of_keys(source, keys.filter(_inside(keys[source.time], bounds)) if keys is not None else None)

    def keep(rows: pa.Table) -> pa.ChunkedArray:
        dated = rows[known_at]
        belated = _inside(rows[source.time], bounds) if source.time in rows.column_names else early(rows)
        before = pc.and_kleene(pc.less(dated, bounds[0]), belated)
        return pc.fill_null(pc.or_kleene(_inside(dated, bounds), before), False)

    times = (known_at, source.time)
    wanted = Wanted((source.key, source.label, *times), times, keep, tuple((name, bounds) for name in times))
    read = reader.read(wanted, needed, bounds)
    time, dated = _times(read.table, source, keys), read.table[known_at]
    outcomes = _outcomes(read.table, source, time, pc.max_element_wise(dated, time))
    inside = _inside(outcomes[KNOWN_AT], bounds)
    outcomes, dated = outcomes.filter(inside), dated.filter(inside)
    that_day = pc.equal(dated, pc.floor_temporal(outcomes[OUTCOME_TIME], unit="day"))  # a date without a time of day
    early_ones = pc.fill_null(pc.and_not(pc.less(dated, outcomes[OUTCOME_TIME]), that_day), False)
    remarks = read.remarks
    if count := how_many(early_ones):
        at = pc.index(early_ones, True).as_py()
        remarks = (
            *remarks,
            f"{count:,} of {len(dated):,} outcomes were known before their row, which cannot be, first {source.key} "
            f"{outcomes[source.key][at]}: {known_at} {dated[at]}, {source.time} {outcomes[OUTCOME_TIME][at]}. They "
            "count from their row on. Check source.known_at",
        )
    return replace(read, table=outcomes, remarks=remarks)


def _outcomes(rows: pa.Table, source: Source, time: pa.ChunkedArray, known_at: pa.ChunkedArray) -> pa.Table:
    return pa.Table.from_arrays(
        [rows[source.key], rows[source.label], time, known_at], [source.key, OUTCOME, OUTCOME_TIME, KNOWN_AT]
    )


def _between(time: str, bounds: Bounds, also_without: bool = True) -> Callable[[pa.Table], pa.ChunkedArray]:
    """Keeps rows of the bounds, and those without a time where they are wanted."""

    def keep(rows: pa.Table) -> pa.ChunkedArray:
        return pc.fill_null(_inside(rows[time], bounds), also_without)

    return keep


def _of_keys(source: Source, keys: pa.Table | None) -> Callable[[pa.Table], pa.ChunkedArray]:
    """Keeps rows that have one of some keys."""
    wanted = one_array(as_keys(keys[source.key])).cast(pa.string()) if keys is not None else pa.array([], pa.string())

    def keep(rows: pa.Table) -> pa.ChunkedArray:
        own, known = comparable_keys(as_keys(rows[source.key]).cast(pa.string()), wanted)
        return pc.is_in(own, value_set=known)

    return keep


def _inside(times: pa.ChunkedArray, bounds: Bounds) -> pa.ChunkedArray:
    return pc.and_(pc.greater_equal(times, bounds[0]), pc.less(times, bounds[1]))


def _times(rows: pa.Table, source: Source, keys: pa.Table | None) -> pa.ChunkedArray:
    """The times of outcomes' rows: their own, else looked up by key; null for a key that no row has."""
    if source.time in rows.column_names:
        time = wall_clock(rows[source.time], describe(source.outcomes or source.features))
        if keys is None or not time.null_count:
            return time
        return pc.coalesce(time, _looked_up(rows, source, keys))
    if keys is None:
        raise SourceError(
            f"{describe(source.outcomes or source.features)}: no column {source.time!r}, and no rows to find its "
            "outcomes by. Ingest raw_data first."
        )
    return _looked_up(rows, source, keys)


def _looked_up(rows: pa.Table, source: Source, keys: pa.Table) -> pa.ChunkedArray:
    own, known = comparable_keys(rows[source.key], as_keys(keys[source.key]))
    asked = pc.indices_nonzero(pc.is_in(known, value_set=one_array(own)))
    return keys[source.time].take(asked).take(pc.index_in(own, value_set=known.take(asked)))


@dataclass(frozen=True)
class _Reader:
    """One table that is read: its key, and which of its columns hold numbers.

    A `lenient` one leaves out each file that cannot be read, for it stops the period of its rows.
    """

    table: Table
    key: str
    numbers: Collection[str]
    lenient: bool = False

    def read(self, wanted: Wanted, needed: dict[str, str], bounds: Bounds, by_key: Wanted | None = None) -> Reading:
        """The wanted rows of all files, or of the query; `by_key` asks files that lack the column of times.

        Args:
            wanted: Columns and rows.
            needed: Columns without which nothing goes, each with the key of the spec that names it.
            bounds: Of the period, for the files that concern it.
            by_key: What is asked of a file without the column of times.
        """
        if self.table.sql is not None:
            given = query(self.table, bounds)
            parts = [self._typed(where, rows, wanted, needed, by_key) for where, rows in given]
            return self._joined(parts, [], given[0][1].column_names)
        parts, broken, remarks, names, units = [], [], [], dict[str, str](), dict[str, str]()
        files = files_of(self.table, wanted.columns)
        for file in files:
            try:
                lacks_time = by_key is not None and not set(wanted.times) <= file.names.keys()
                asked = by_key if lacks_time and by_key is not None else wanted
                _require(list(file.names), needed, file.path)
                rows = file.rows(asked)
                names |= file.names
                rows, said, carried = self._rewritten(rows, file) if rows.num_rows else (rows, [], {})
            except SourceError as error:
                if len(files) == 1:
                    raise
                broken.append((file, error))
                continue
            if rows.num_rows:
                remarks += [*said, *(f"{file.path}: {remark}" for remark in file.remarks)]
            self._in_one_unit(units, carried, file.path)
            parts.append((file.path, rows))
        if not parts:
            raise broken[0][1]
        remarks += _left_out(broken, bounds, any(rows.num_rows for _, rows in parts), self.lenient)
        found = self._joined(parts, remarks, list(names))
        return replace(found, table=with_units(found.table, units))

    def _in_one_unit(self, units: dict[str, str], carried: Mapping[str, str], path: str) -> None:
        """Add what the numbers of a file carry.

        Raises:
            TwoReadings: Those of another file of the period carry another unit.
        """
        for name, unit in carried.items():
            if units.setdefault(name, unit) != unit:
                raise TwoReadings(
                    f"{path}: {name}: its numbers are in {unit}, in another file of the period in {units[name]}: write "
                    "them in one unit."
                )

    def _rewritten(self, rows: pa.Table, file: File) -> tuple[pa.Table, list[str], dict[str, str]]:
        """The rows with plain numbers, what was read otherwise than it stands, and the units that numbers carried."""
        if self.table.null_values:
            rows = numbers_without_words(rows, list(self.numbers), self.table.null_values)
        try:
            rows, rewritten = plain_numbers(rows, list(self.numbers), self.table.notation)
        except TwoReadings as error:
            raise TwoReadings(f"{file.path}: {error}.") from None
        said = [
            f"{file.path}: {one.column}: {one.count:,} numbers are written like {one.example}, read as {one.plain}"
            for one in rewritten
        ]
        if file.is_csv and self.table.encoding is None and not file.dialect.encoding.startswith("utf-8"):
            said.append(f"{file.path}: written in {file.dialect.encoding}, not in UTF-8, and read so")
        return rows, said, {one.column: one.unit for one in rewritten if one.unit}

    def _typed(self, where: str, rows: pa.Table, wanted: Wanted, needed: dict[str, str], by_key: Wanted | None) -> Part:
        """Rows of a query with keys and times in their type; that they lie in the bounds is the query's business."""
        lacks_time = by_key is not None and not set(wanted.times) <= set(rows.column_names)
        asked = by_key if lacks_time and by_key is not None else wanted
        _require(rows.column_names, needed, where)
        rows = rows.select(asked.among(rows.column_names))
        words = pa.array(self.table.null_values, pa.string())
        for name in rows.column_names:
            if name in asked.times:
                rows = with_column(rows, name, wall_clock(rows[name], where, declared_order(self.table.time_format)))
            elif len(words) and pa.types.is_string(rows[name].type):
                rows = with_column(rows, name, without_words(rows[name], words))
        return where, rows.filter(asked.keep(rows)) if lacks_time and rows.num_rows else rows

    def _joined(self, parts: list[Part], remarks: list[str], seen: Sequence[str]) -> Reading:
        """The rows of several files; a column that only some of them have is missing in the others' rows."""
        full = [part for part in parts if part[1].num_rows] or list(parts[-1:])
        full = [(path, with_column(rows, self.key, as_keys(rows[self.key]))) for path, rows in full]
        names = list(dict.fromkeys(name for _, rows in full for name in rows.column_names))
        for name in names:
            lacking = [(path, rows) for path, rows in full if name not in rows.column_names]
            if lacking and name != self.key:
                count = sum(rows.num_rows for _, rows in lacking)
                remarks.append(f"{lacking[0][0]}: no column {name}, {count:,} rows count as missing")
        tables = [rows for _, rows in full]
        for name in names:
            tables = with_one_type(tables, name)
        try:
            table = pa.concat_tables(tables, promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            raise SourceError(
                f"{full[0][0]} and the files beside it have columns of types that do not go together."
            ) from None
        return Reading(table, tuple(remarks), tuple(seen))


def _left_out(
    broken: Sequence[tuple[File, SourceError]], bounds: Bounds, some: bool, lenient: bool = False
) -> list[str]:
    """What is said of files that cannot be read and do not concern a period, or are left out all the same.

    Raises:
        SourceError: One of them does: its name speaks of the period, or of none and the period has no other rows.
    """
    said = []
    for file, error in broken:
        span = span_of(file.path)
        concerns = span[0] < bounds[1] and bounds[0] < span[1] if span else not some
        if concerns and not lenient:
            raise error
        if concerns:
            mended = "once it is mended, monitor the period of its rows and then this one again"
            said.append(f"{str(error).rstrip('.')}. Its outcomes are left out: {mended}")
        if span is None:
            said.append(f"{str(error).rstrip('.')}. It is left out")
    return said


def _require(names: Collection[str], needed: dict[str, str], where: str) -> None:
    for name, knob in needed.items():
        if name not in names:
            raise SourceError(f"{where}: no column {name!r}, which {knob} names. It has {', '.join(names)}.")


def with_one_type(tables: Sequence[pa.Table], name: str) -> list[pa.Table]:
    """The rows of several files with one column in a type that all can have: as text, or true and false as numbers.

    >>> [rows["n"].to_pylist() for rows in with_one_type([pa.table({"n": [1]}), pa.table({"n": [True]})], "n")]
    [[1], [1]]
    """
    kinds = {rows.schema.field(name).type for rows in tables if name in rows.column_names} - {pa.null()}
    if len(kinds) < 2:
        return list(tables)
    texts = any(is_text(kind) for kind in kinds)
    found = []
    for rows in tables:
        if name in rows.column_names:
            if pa.types.is_boolean(rows[name].type) and not texts:
                rows = with_column(rows, name, rows[name].cast(pa.int8()))
            if texts:
                text = flat(read_categories(rows[name])[0]).cast(pa.string())
                rows = with_column(rows, name, pa.chunked_array([text]))
        found.append(rows)
    return found
