"""Dagster's run records in SQLite, written with the work that a record takes and no other.

Dagster makes an engine for each connection to a file, which then compiles each statement anew, and reads its migrations
again for each run. In memory more than half of the statements set up a connection that is set up already, or look at
the columns of tables that were made a moment ago from the schema in hand. What is written is the same,
but for the versions of what a step has read: nothing here reads them, and they are looked up for homes on disk alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.definitions.asset_key import AssetKey
from dagster._core.execution.context.data_version_cache import DataVersionCache
from dagster._core.storage import event_log, runs
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageMetadata
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs import InMemoryRunStorage
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import SingletonThreadPool

COMPILED = create_engine("sqlite://")
"""Whose dialect and compiled statements the engines of all databases share."""

FILES: dict[str, Engine] = {}
MIGRATIONS: dict[str | None, ScriptDirectory] = {}
READ_MIGRATIONS = ScriptDirectory.from_config
FETCH_DATA_VERSIONS = DataVersionCache._fetch_input_asset_version_info


def write_quickly() -> None:
    """Let the instances that this process opens from now on keep their records this way."""
    COMPILED.connect().close()
    for on_disk in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        on_disk.create_engine = _of_a_file
    ScriptDirectory.from_config = _migrations
    for in_memory in (event_log.in_memory, runs.in_memory):
        in_memory.create_engine = _of_a_thread
        in_memory.stamp_alembic_rev = lambda *_: None  # nobody migrates records that end with the test
    InMemoryEventLogStorage._connect = _events
    InMemoryEventLogStorage.has_table = lambda _, name: name in SqlEventLogStorageMetadata.tables
    InMemoryEventLogStorage._has_asset_key_col_on_connection = lambda _, connection, name: name in AssetKeyTable.c
    DataVersionCache._fetch_input_asset_version_info = _fetch_data_versions
    InMemoryRunStorage.connect = _runs
    InMemoryRunStorage.has_run_stats_index_cols = lambda _: {"start_time", "end_time"} <= set(RunsTable.c.keys())
    InMemoryRunStorage.has_backfill_id_column = lambda _: "backfill_id" in RunsTable.c


def _shared(engine: Engine) -> Engine:
    engine.dialect, engine._compiled_cache = COMPILED.dialect, COMPILED._compiled_cache
    return engine


def _of_a_file(address: str, **options: Any) -> Engine:
    """The engine of a file; each connection is still opened and closed."""
    if address not in FILES:
        FILES[address] = _shared(create_engine(address, **options))
    return FILES[address]


def _migrations(config: Config) -> ScriptDirectory:
    location = config.get_main_option("script_location")
    if location not in MIGRATIONS:
        MIGRATIONS[location] = READ_MIGRATIONS(config)
    return MIGRATIONS[location]


def _fetch_data_versions(versions: Any, keys: Sequence[AssetKey]) -> None:
    if versions._context.instance.is_ephemeral:
        versions.input_asset_version_info |= dict.fromkeys(keys)
    else:
        FETCH_DATA_VERSIONS(versions, keys)


def _of_a_thread(address: str, poolclass: type) -> Engine:
    """One connection a thread, set up once."""
    engine = _shared(create_engine(address, poolclass=SingletonThreadPool))
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
