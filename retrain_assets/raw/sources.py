"""Reading a period's rows and outcomes from files and databases: only the columns and the time range asked for.

Times become wall-clock times without a zone: a timestamp that carries a zone is converted to UTC, one without is taken
as it stands. Nothing here judges values; that is the contract's business (`contract`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.dataset as ds
import pyarrow.fs as pafs
from fsspec.implementations.local import LocalFileSystem

from retrain_assets.documents.redaction import without_secrets
from retrain_assets.errors import SourceError
from retrain_assets.raw.policy import Source, Table
from retrain_assets.raw.values import NAIVE, as_keys, read_times, wall_clock

_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".csv.gz", ".csv.bz2")
_CSV_BLOCKS = csv.ReadOptions(use_threads=False, block_size=8 << 20)  # only a serial reader knows row numbers
_SQL_ROWS = 50_000


def read_rows(source: Source, columns: Sequence[str], start: datetime, end: datetime) -> pa.Table:
    """Read the rows with start <= time < end, and those without a time, which belong to no period.

    CSV columns and key columns that are no numbers come as text; time comes as timestamp[us] without a zone. A column
    that some file with rows in the range lacks is left out, for the contract to name.

    Args:
        source: Where the rows are.
        columns: Columns wanted besides key and time.
        start: First moment wanted.
        end: First moment not wanted.

    Raises:
        SourceError: Nothing is there, a file does not parse, or key or time is missing.
    """
    wanted = list(dict.fromkeys((source.key, source.time, *columns)))
    rows = _read(source.features, wanted, source.time, (start, end), "source.time")
    _require(rows, source.key, "source.key", describe(source.features))
    return _with(rows, source.key, as_keys(rows[source.key]))


def read_outcomes(source: Source, start: datetime, end: datetime, keys: pa.Table | None = None) -> pa.Table:
    """Read the outcomes that became known in [start, end).

    That is when `known_at` lies there, where the source names such a column, and else when the row's own time plus the
    label delay does. The row's own time comes from the outcomes table when it has the source's time column, and from
    `keys` when it has not.

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
    where = describe(table)
    row_range = (start - source.label_delay, end - source.label_delay)
    if source.known_at:
        wanted = [source.key, source.label, source.known_at, source.time]
        found = _read(table, wanted, source.known_at, (start, end), "source.known_at")
        found = found.filter(found[source.known_at].is_valid())
    else:
        found = _read_by_time_or_key(source, table, row_range, keys)
    for name, knob in ((source.key, "source.key"), (source.label, "source.label")):
        _require(found, name, knob, where)
    key = as_keys(found[source.key])
    time = wall_clock(found[source.time], where) if source.time in found.column_names else _looked_up(key, source, keys)
    known_at = found[source.known_at] if source.known_at else pc.add(time, pa.scalar(source.label_delay))
    outcomes = pa.table({source.key: key, "label": found[source.label], "time": time, "known_at": known_at})
    if source.known_at:
        return outcomes
    inside = pc.and_(pc.greater_equal(outcomes["known_at"], start), pc.less(outcomes["known_at"], end))
    return outcomes.filter(inside)


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
        system, names = _found(str(table.path))
        marks += [f"{name} {system.ukey(name)}" for name in names]
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16]


def describe(table: Table) -> str:
    """Name a table in a message: its path, or the variable that holds its database's URL, never the URL."""
    return table.path if table.path is not None else f"the query on {table.url_env}"


def _require(rows: pa.Table, name: str, knob: str, where: str) -> None:
    if name not in rows.column_names:
        raise SourceError(f"{where}: no column {name!r}, which {knob} names. It has {', '.join(rows.column_names)}.")


def _with(rows: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, column)


def _read(table: Table, columns: Sequence[str], by: str, bounds: tuple[datetime, datetime], knob: str) -> pa.Table:
    """The rows of a table whose time in column `by` lies in the bounds or is missing."""
    if table.sql is not None:
        rows = _query(table, bounds)
        _require(rows, by, knob, describe(table))
        rows = rows.select([name for name in columns if name in rows.column_names])
        return _with(rows, by, wall_clock(rows[by], describe(table)))
    return _joined([_read_file(*found, columns, by, bounds, knob) for found in _files(str(table.path))])


def _read_by_time_or_key(
    source: Source, table: Table, bounds: tuple[datetime, datetime], keys: pa.Table | None
) -> pa.Table:
    """Outcomes of the rows of a time range, found by their time where the table has it, else by their key."""
    wanted = [source.key, source.label, source.time]
    if table.sql is not None:
        found = _query(table, bounds)
        return found.select([name for name in wanted if name in found.column_names])
    parts = []
    for file_system, path in _files(str(table.path)):
        if source.time in _schema(file_system, path).names:
            part = _read_file(file_system, path, wanted, source.time, bounds, "source.time")
            parts.append((path, part[1].filter(part[1][source.time].is_valid())))
        elif keys is None:
            raise SourceError(
                f"{path}: no column {source.time!r}, and no rows to find its outcomes by. Ingest raw_data."
            )
        else:
            parts.append((path, _read_by_key(file_system, path, source, keys)))
    return _joined(parts)


def _looked_up(key: pa.ChunkedArray, source: Source, keys: pa.Table | None) -> pa.ChunkedArray:
    """The times of rows by their keys; null for a key that no row has."""
    if keys is None:
        raise SourceError(
            f"{describe(source.outcomes or source.features)}: no column {source.time!r}, and no rows to find its "
            "outcomes by. Ingest raw_data first."
        )
    known = as_keys(keys[source.key])
    if known.type != key.type:
        known, key = known.cast(pa.string()), key.cast(pa.string())
    return keys[source.time].take(pc.index_in(key, value_set=known.combine_chunks()))


# Files


def _found(path: str) -> tuple[fsspec.AbstractFileSystem, list[str]]:
    """The files that a path, a glob or an fsspec URL names, in name order."""
    try:
        system, inner = fsspec.core.url_to_fs(path)
        names = sorted(system.glob(inner)) if any(mark in inner for mark in "*?[") else [inner]
        names = [name for name in names if system.isfile(name)]
    except (ImportError, ValueError, OSError) as error:
        raise SourceError(f"{path}: {error}. Name a reachable file, glob or fsspec URL.") from None
    if not names:
        raise SourceError(f"{path}: no such file. Name an existing file, or a glob that matches one: data/*.parquet.")
    return system, names


def _files(path: str) -> list[tuple[pafs.FileSystem, str]]:
    system, names = _found(path)
    local = isinstance(system, LocalFileSystem)
    file_system = pafs.LocalFileSystem() if local else pafs.PyFileSystem(pafs.FSSpecHandler(system))
    return [(file_system, name) for name in names]


def _schema(file_system: pafs.FileSystem, path: str) -> pa.Schema:
    """The columns of one file."""
    if not path.endswith((*_PARQUET, *_CSV)):
        raise SourceError(f"{path}: unknown kind of file. Use one of {', '.join((*_PARQUET, *_CSV))}.")
    try:
        if path.endswith(_CSV):
            with file_system.open_input_stream(path) as stream:
                schema = csv.open_csv(stream, read_options=_CSV_BLOCKS).schema
        else:
            schema = ds.dataset(path, filesystem=file_system, format="parquet").schema
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from None
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise SourceError(f"{path}: column {', '.join(twice)} stands more than once. Rename the others.")
    return schema


def _unreadable(path: str, error: Exception) -> SourceError:
    return SourceError(f"{path}: cannot be read: {' '.join(str(error).split())}. Correct the file, or write it again.")


def _read_file(
    file_system: pafs.FileSystem,
    path: str,
    columns: Sequence[str],
    by: str,
    bounds: tuple[datetime, datetime],
    knob: str,
) -> tuple[str, pa.Table]:
    schema = _schema(file_system, path)
    if by not in schema.names:
        raise SourceError(f"{path}: no column {by!r}, which {knob} names. It has {', '.join(schema.names)}.")
    present = [name for name in columns if name in schema.names]
    if path.endswith(_CSV):
        return path, _read_csv(
            file_system, path, schema, present, lambda rows, before: _in_bounds(rows, by, bounds, path, before)
        )
    rows = _read_parquet(file_system, path, present, _between(schema.field(by), bounds, path))
    return path, _with(rows, by, wall_clock(rows[by], path))


def _read_by_key(file_system: pafs.FileSystem, path: str, source: Source, keys: pa.Table) -> pa.Table:
    schema = _schema(file_system, path)
    for name, knob in ((source.key, "source.key"), (source.label, "source.label")):
        _require(schema.empty_table(), name, knob, path)
    present = [source.key, source.label]
    if path.endswith(_CSV):
        wanted = pa.array(keys[source.key].cast(pa.string()).to_pylist(), pa.string())
        return _read_csv(
            file_system,
            path,
            schema,
            present,
            lambda rows, _: rows.filter(pc.is_in(rows[source.key], value_set=wanted)),
        )
    kind = schema.field(source.key).type
    try:
        wanted = keys[source.key].combine_chunks().cast(kind.value_type if pa.types.is_dictionary(kind) else kind)
    except pa.ArrowInvalid as error:
        raise SourceError(f"{path}: {source.key} is {kind}, which the rows' keys are not: {error}.") from None
    return _read_parquet(file_system, path, present, pc.field(source.key).isin(wanted))


def _read_parquet(
    file_system: pafs.FileSystem, path: str, columns: Sequence[str], condition: ds.Expression
) -> pa.Table:
    """The rows that meet a condition, categories as plain values: their codes differ from file to file."""
    try:
        rows = ds.dataset(path, filesystem=file_system, format="parquet").to_table(
            columns=list(columns), filter=condition
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from None
    for field in rows.schema:
        if pa.types.is_dictionary(field.type):
            rows = _with(rows, field.name, rows[field.name].cast(field.type.value_type))
    return rows


def _between(field: pa.Field, bounds: tuple[datetime, datetime], path: str) -> ds.Expression:
    """The condition on a time column, in its own type so that Parquet statistics can skip row groups."""
    column = pc.field(field.name)
    if pa.types.is_date(field.type):
        column, limits = column.cast(NAIVE), [pa.scalar(moment, NAIVE) for moment in bounds]
    elif pa.types.is_timestamp(field.type):
        limits = [pa.scalar(moment, field.type) for moment in bounds]
    else:
        raise SourceError(f"{path}: {field.name} is {field.type}, no time. Store it as a timestamp or a date.")
    return ((column >= limits[0]) & (column < limits[1])) | pc.field(field.name).is_null()


def _in_bounds(rows: pa.Table, by: str, bounds: tuple[datetime, datetime], path: str, rows_before: int) -> pa.Table:
    time = read_times(rows[by], path, rows_before)
    inside = pc.and_(pc.greater_equal(time, bounds[0]), pc.less(time, bounds[1]))
    return _with(rows, by, time).filter(pc.or_kleene(inside, time.is_null()))


def _read_csv(
    file_system: pafs.FileSystem,
    path: str,
    schema: pa.Schema,
    columns: Sequence[str],
    keep: Callable[[pa.Table, int], pa.Table],
) -> pa.Table:
    """The rows to keep, as text and block by block, so that no other period's value decides a column's type."""
    convert = csv.ConvertOptions(
        include_columns=list(columns), column_types=dict.fromkeys(schema.names, pa.string()), strings_can_be_null=True
    )
    parts, before = [], 0
    try:
        with file_system.open_input_stream(path) as stream:
            for batch in csv.open_csv(stream, read_options=_CSV_BLOCKS, convert_options=convert):
                parts.append(keep(pa.Table.from_batches([batch]), before))
                before += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from None
    return pa.concat_tables(parts)


def _joined(parts: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """The rows of several files, with the columns that all files with rows have."""
    full = [part for part in parts if part[1].num_rows] or list(parts[-1:])
    shared = [name for name in full[0][1].column_names if all(name in rows.column_names for _, rows in full)]
    tables = [rows.select(shared) for _, rows in full]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pass
    for name in shared:
        kinds = {rows.schema.field(name).type: path for path, rows in reversed(full)}
        if any(pa.types.is_string(kind) or pa.types.is_dictionary(kind) for kind in kinds) and len(kinds) > 1:
            named = " and ".join(f"{kind} in {path}" for kind, path in kinds.items())
            raise SourceError(f"column {name!r} is {named}. Give it one type.")
    raise SourceError(f"{full[0][0]} and the files beside it have columns of types that do not go together.")


# Databases


def _query(table: Table, bounds: tuple[datetime, datetime]) -> pa.Table:
    """The result of a query with the bounds of the period bound to :start and :end."""
    import sqlalchemy as sa

    url = os.environ.get(str(table.url_env))
    if not url:
        raise SourceError(f"{table.url_env} is not set: it holds the database URL of the query. Set it and run again.")
    try:
        statement = sa.text(str(table.sql)).bindparams(
            sa.bindparam("start", bounds[0], sa.DateTime()), sa.bindparam("end", bounds[1], sa.DateTime())
        )
    except sa.exc.ArgumentError:
        raise SourceError("the query lacks :start or :end. Ask for the period's rows only.") from None
    try:
        engine = sa.create_engine(url)
    except Exception as error:  # a driver is free in what it raises, and in showing the URL there
        raise SourceError(f"{table.url_env}: {type(error).__name__}: not a usable database URL.") from None
    try:
        with engine.connect() as connection:
            result = connection.execution_options(stream_results=True).execute(statement)
            names = list(result.keys())
            parts = [(describe(table), _columns(names, rows)) for rows in _partitions(result)]
    except SourceError:
        raise
    except Exception as error:  # not the database library's errors alone: connecting is the driver's own code
        cause = without_secrets(str(getattr(error, "orig", None) or type(error).__name__), [url], paths=False)
        raise SourceError(
            f"the query on {table.url_env} failed: {cause}. Correct the query or the connection."
        ) from None
    finally:
        engine.dispose()
    return _joined(parts)


def _partitions(result: Any) -> Iterator[Sequence[Any]]:
    yield []
    yield from result.partitions(_SQL_ROWS)


def _columns(names: Sequence[str], rows: Sequence[Any]) -> pa.Table:
    values = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pa.table({name: _array(list(column)) for name, column in zip(names, values, strict=True)})


def _array(values: list[Any]) -> pa.Array:
    """Values of one column; as text where a loosely typed database mixes types."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
