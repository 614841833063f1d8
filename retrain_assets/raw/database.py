"""Rows of a query on a database, with the bounds of a period as its parameters."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from retrain_assets.documents.redaction import without_secrets
from retrain_assets.errors import SourceError
from retrain_assets.raw.policy import Table

_ROWS_AT_ONCE = 50_000


def query(table: Table, bounds: tuple[datetime, datetime]) -> list[tuple[str, pa.Table]]:
    """The result of a query with the bounds of the period bound to :start and :end, some rows at a time.

    Raises:
        SourceError: The URL is not set or unusable, or the query fails; a message never shows the URL.
    """
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
            return [(f"the query on {table.url_env}", _columns(names, rows)) for rows in _partitions(result)]
    except Exception as error:  # not the database library's errors alone: connecting is the driver's own code
        cause = without_secrets(str(getattr(error, "orig", None) or type(error).__name__), [url], paths=False)
        raise SourceError(
            f"the query on {table.url_env} failed: {cause}. Correct the query or the connection."
        ) from None
    finally:
        engine.dispose()


def _partitions(result: Any) -> Iterator[Sequence[Any]]:
    yield []
    yield from result.partitions(_ROWS_AT_ONCE)


def _columns(names: Sequence[str], rows: Sequence[Any]) -> pa.Table:
    values = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pa.table({name: _array(list(column)) for name, column in zip(names, values, strict=True)})


def _array(values: list[Any]) -> pa.Array:
    """Values of one column; as text where a loosely typed database mixes types."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
