"""Rows of a database: of a query with the bounds of a period as its parameters, or of a whole table, streamed.

A message never shows the URL of a database, only the environment variable that holds it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from retrain_assets.documents.redaction import without_secrets
from retrain_assets.errors import RetrainError, SourceError
from retrain_assets.periods import Bounds
from retrain_assets.raw.policy import Table

if TYPE_CHECKING:
    import sqlalchemy as sa

_ROWS_AT_ONCE = 50_000


@contextmanager
def connected(url_env: str, what: str) -> Iterator[sa.Connection]:
    """Connect to a database, in one transaction that counts when the block ends without an error.

    Args:
        url_env: The environment variable that holds its URL.
        what: What is done there, for messages: `the query`.

    Raises:
        SourceError: The URL is not set or unusable, or the database refuses.
    """
    import sqlalchemy as sa

    url = os.environ.get(url_env)
    if not url:
        raise SourceError(f"{url_env} is not set: it holds the database URL of {what}. Set it and run again.")
    try:
        engine = sa.create_engine(url)
    except Exception as error:  # a driver is free in what it raises, and in showing the URL there
        raise SourceError(f"{url_env}: {type(error).__name__}: not a usable database URL.") from None
    try:
        with engine.begin() as connection:
            yield connection
    except RetrainError:
        raise
    except Exception as error:  # not the database library's errors alone: connecting is the driver's own code
        cause = without_secrets(str(getattr(error, "orig", None) or type(error).__name__), [url], paths=False)
        raise SourceError(f"{what} on {url_env} failed: {cause}. Correct the query or the connection.") from None
    finally:
        engine.dispose()


def query(table: Table, bounds: Bounds) -> list[tuple[str, pa.Table]]:
    """The result of a query with the bounds of the period bound to :start and :end, some rows at a time.

    Raises:
        SourceError: The URL is not set or unusable, or the query fails; a message never shows the URL.
    """
    import sqlalchemy as sa

    url_env = str(table.url_env)
    try:
        statement = sa.text(str(table.sql)).bindparams(
            sa.bindparam("start", bounds[0], sa.DateTime()), sa.bindparam("end", bounds[1], sa.DateTime())
        )
    except sa.exc.ArgumentError:
        raise SourceError("the query lacks :start or :end. Ask for the period's rows only.") from None
    with connected(url_env, "the query") as connection:
        result = connection.execution_options(stream_results=True).execute(statement)
        names = list(result.keys())
        return [(f"the query on {url_env}", _columns(names, rows)) for rows in _partitions(result)]


def streamed(url_env: str, asked: str) -> Iterator[pa.Table]:
    """The rows of a table, or of a query, some at a time.

    Args:
        url_env: The environment variable that holds the database's URL.
        asked: The name of a table, with its schema before a point where it has one, or a query.

    Raises:
        SourceError: The URL is not set or unusable, or the query fails.
    """
    import sqlalchemy as sa

    statement = sa.text(asked) if re.search(r"\s", asked) else sa.text(f"SELECT * FROM {quoted(asked)}")
    with connected(url_env, "the query") as connection:
        result = connection.execution_options(stream_results=True).execute(statement)
        names = list(result.keys())
        for rows in result.partitions(_ROWS_AT_ONCE):
            yield _columns(names, rows)


def quoted(table: str) -> str:
    """The name of a table as SQL takes it.

    >>> quoted("mart.new rows")
    '"mart"."new rows"'
    """
    return ".".join('"{}"'.format(part.replace('"', '""')) for part in table.split("."))


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
