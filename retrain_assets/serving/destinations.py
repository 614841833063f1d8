"""Where the scores of new rows go: a file or a table of a database, which gets all of them or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from retrain_assets.errors import SourceError
from retrain_assets.raw.database import connected
from retrain_assets.raw.file_names import PARQUET

if TYPE_CHECKING:
    import sqlalchemy as sa

_SUFFIXES = (*PARQUET, ".csv")


class Writer(Protocol):
    """Takes tables of one schema, one after the other."""

    def write_table(self, table: pa.Table) -> None:
        """Add rows."""


@contextmanager
def file_writer(out: Path) -> Iterator[Writer]:
    """Write a Parquet or CSV file that takes the place of an earlier one when all is written.

    Raises:
        SourceError: It is to be neither Parquet nor CSV.
    """
    if not out.name.endswith(_SUFFIXES):
        raise SourceError(f"{out}: unknown kind of file. Use one of {', '.join(_SUFFIXES)}.")
    partial = out.with_name(f".{out.name}.partial")
    writer = _FileWriter(partial, out.name.endswith(".csv"))
    try:
        yield writer
        if writer.close():
            os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def table_writer(url_env: str, name: str) -> Iterator[Writer]:
    """Append to a table of a database in one transaction, once all is written; the table is made where there is none.

    Rows wait in a file, so that nothing in the database is locked while they are read and scored.

    Args:
        url_env: The environment variable that holds the database's URL.
        name: The table, with its schema before a point where it has one.

    Raises:
        SourceError: The URL is not set or unusable, or the database refuses.
    """
    what = f"writing {name}"
    with connected(url_env, what):
        pass  # a database that cannot be reached is said before anything is scored
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        writer = _FileWriter(path, as_csv=False)
        yield writer
        if writer.close():
            with connected(url_env, what) as connection, pq.ParquetFile(path, pre_buffer=False) as file:
                table = _declared(name, file.schema_arrow)
                table.create(connection, checkfirst=True)
                for rows in file.iter_batches():
                    connection.execute(table.insert(), rows.to_pylist())


class _FileWriter:
    def __init__(self, path: Path, as_csv: bool) -> None:
        self._path, self._as_csv = path, as_csv
        self._writer: pq.ParquetWriter | csv.CSVWriter | None = None

    def write_table(self, table: pa.Table) -> None:
        if self._as_csv:  # which cannot write a dictionary
            plain = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
            table = table.cast(pa.schema(list(zip(table.column_names, plain, strict=True))))
        if self._writer is None:
            self._writer = (
                csv.CSVWriter(self._path, table.schema)
                if self._as_csv
                else pq.ParquetWriter(self._path, table.schema, store_schema=False)  # texts are read as plain texts
            )
        self._writer.write_table(table)

    def close(self) -> bool:
        """End the file; False where nothing was written."""
        if self._writer is not None:
            self._writer.close()
        return self._writer is not None


def _declared(name: str, schema: pa.Schema) -> sa.Table:
    import sqlalchemy as sa

    place, _, bare = name.rpartition(".")
    columns = [sa.Column(field.name, _sql_type(field.type)) for field in schema]
    return sa.Table(bare, sa.MetaData(), *columns, schema=place or None)


def _sql_type(kind: pa.DataType) -> sa.BigInteger | sa.Double[float] | sa.DateTime | sa.Text:
    import sqlalchemy as sa

    if pa.types.is_integer(kind):
        return sa.BigInteger()
    if pa.types.is_floating(kind):
        return sa.Double()
    return sa.DateTime() if pa.types.is_timestamp(kind) else sa.Text()
