"""The run records of Dagster's instance in memory, kept with the statements that a test needs and no others.

More than half of what a run of a small model asks of SQLite sets up a connection that is set up already, or looks at
the columns of tables that were made a moment ago from the schema in hand.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from dagster._core.storage import event_log, runs
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageMetadata
from dagster._core.storage.runs import InMemoryRunStorage
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.sql import create_engine
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import SingletonThreadPool


def keep_quickly() -> None:
    """Let every instance in memory that is made from now on keep its records this way."""
    for records in (event_log.in_memory, runs.in_memory):
        records.stamp_alembic_rev = lambda *_: None  # nobody migrates records that end with the test
        records.create_engine = _engine
    InMemoryEventLogStorage._connect = _events
    InMemoryEventLogStorage.has_table = lambda _, name: name in SqlEventLogStorageMetadata.tables
    InMemoryEventLogStorage._has_asset_key_col_on_connection = lambda _, connection, name: name in AssetKeyTable.c
    InMemoryRunStorage.connect = _runs
    InMemoryRunStorage.has_run_stats_index_cols = lambda _: {"start_time", "end_time"} <= set(RunsTable.c.keys())
    InMemoryRunStorage.has_backfill_id_column = lambda _: "backfill_id" in RunsTable.c


def _engine(address: str, poolclass: type) -> Engine:
    """One connection a thread, set up once, where each call opened and set up its own."""
    engine = create_engine(address, poolclass=SingletonThreadPool)
    event.listen(engine, "connect", _refer_to_rows_that_are_there)
    return engine


def _refer_to_rows_that_are_there(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA foreign_keys=ON")


@contextmanager
def _events(storage: Any) -> Iterator[Connection]:
    with storage._db_lock, storage._engine.begin() as connection:
        yield connection


def _runs(storage: Any) -> AbstractContextManager[Connection]:
    return storage._engine.begin()
