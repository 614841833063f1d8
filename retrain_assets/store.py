"""One model's files by asset and period: Parquet tables and JSON reports, each replaced as a whole or not at all.

    <home>/data/<model>/<asset>/<period>.parquet | .json | .html

Nothing here knows what is in a file. The registry of versions is elsewhere (`registry`). No asset, period or suffix
leads out of the model's folder, wherever it was typed.
"""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrain_assets.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Json = dict[str, Any]
"""A record as JSON has it. What its entries are, the module that owns the record knows."""


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader, or a crash, sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def finite(value: Any) -> Any:
    """The same JSON value with null for every number that JSON cannot hold, and of a dataclass its fields.

    >>> finite({"p": float("nan"), "n": [1.5, float("inf")]})
    {'p': None, 'n': [1.5, None]}
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value):
        return {field.name: finite(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def require_schema(record: Json, newest: int, asset: str) -> None:
    """Refuse a stored record that a newer release wrote; one without a number is of the first kind.

    Raises:
        DataError: Its schema is newer than this release reads.

    >>> require_schema({"schema": 3, "period": "2019-03"}, 2, "drift_report")
    Traceback (most recent call last):
    retrain_assets.errors.DataError: drift_report of 2019-03 has schema 3, this release reads up to 2. Upgrade it.
    """
    schema = record.get("schema", 1)
    if not schema <= newest:
        of = f"{asset} of {record.get('period', 'unknown period')}"
        raise DataError(f"{of} has schema {schema}, this release reads up to {newest}. Upgrade it.")


def fields_of(record: Json, newest: int, asset: str) -> Json:
    """What a stored record says beside the number of its schema.

    Raises:
        DataError: A newer release wrote it.

    >>> fields_of({"schema": 2, "rows": 9}, 2, "drift_report")
    {'rows': 9}
    """
    require_schema(record, newest, asset)
    return {name: value for name, value in record.items() if name != "schema"}


def plain(name: str) -> str:
    """The same name if it is a plain part of a path, which cannot lead anywhere else.

    Raises:
        ValueError: It is empty, begins with a dot, or holds anything but letters, digits, `.`, `_`, `:` and `-`.

    >>> plain("2019-01-01-00:00")
    '2019-01-01-00:00'
    >>> plain("../other_model")
    Traceback (most recent call last):
    ValueError: '../other_model' is no plain name: write letters, digits, '.', '_', ':' and '-', a letter or digit first
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._:-]*", name):
        raise ValueError(
            f"{name!r} is no plain name: write letters, digits, '.', '_', ':' and '-', a letter or digit first"
        )
    return name


def retrain_home() -> Path:
    """The folder of data, registry and run history: RETRAIN_HOME, or `.retrain` in the current folder.

    Raises:
        ValueError: The variable is empty, or names a file.
    """
    named = os.environ.get("RETRAIN_HOME", ".retrain")
    if not named.strip():
        raise ValueError(
            "RETRAIN_HOME is empty, which would be the current folder. Name a folder, or unset it: then .retrain here "
            "is taken."
        )
    home = Path(named).absolute()
    if home.exists() and not home.is_dir():
        raise ValueError(f"RETRAIN_HOME={named} is a file. Name a folder that can be written.")
    return home


OWN = "retrain:"
"""What the names of our own columns begin with where they stand beside a user's; no declared column may begin so."""


def own(name: str) -> str:
    """The name of a column of ours that stands beside a user's columns.

    >>> own("label")
    'retrain:label'
    """
    return f"{OWN}{name}"


LABEL = own("label")
"""The outcome beside the features of its row."""

OUTCOME, OUTCOME_TIME, KNOWN_AT = "label", "time", "known_at"
"""Columns of the stored outcomes besides the key: the outcome, when its row happened, when it became known."""

COMPRESSION = "lz4"
"""Of the periods' tables: read in two thirds of the time of zstd, for files that are some percent larger."""


class PeriodStore:
    """The files of one model under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, asset: str, period: str, suffix: str = "parquet") -> Path:
        """Where one asset's file of one period stands, whether or not it exists.

        Raises:
            ValueError: One of the three is no plain name.
        """
        return self.root / plain(asset) / f"{plain(period)}.{plain(suffix)}"

    def periods(self, asset: str, suffix: str = "parquet") -> list[str]:
        """The periods that have a file, in order (period keys sort by time)."""
        return sorted(
            path.name.removesuffix(f".{suffix}") for path in (self.root / plain(asset)).glob(f"[!.]*.{suffix}")
        )

    def write_table(self, asset: str, period: str, table: pa.Table) -> Path:
        """Replace one period's table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression=COMPRESSION)
        path = self.path(asset, period)
        write_atomically(path, sink.getvalue().to_pybytes())
        return path

    def read_table(self, asset: str, periods: Iterable[str], columns: Sequence[str] | None = None) -> pa.Table | None:
        """The rows of several periods in period order, only the columns asked for; None when no period has a file.

        A column that a period was stored without is missing in its rows. Where one period stores a column as text and
        another as numbers, all of it is text.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        paths = [path for period in periods if (path := self.path(asset, period)).exists()]
        tables = []
        for path in paths:
            with pq.ParquetFile(path) as file:
                there = set(file.schema_arrow.names)
                table = file.read([name for name in columns if name in there] if columns is not None else None)
            for name in dict.fromkeys(columns or ()):
                if name not in there:
                    table = table.append_column(name, pa.nulls(table.num_rows))
            tables.append(table.select(list(dict.fromkeys(columns))) if columns is not None else table)
        if not tables:
            return None
        return together(tables).unify_dictionaries()

    def count_rows(self, asset: str, period: str) -> int:
        """The rows that a period has; 0 without a file."""
        import pyarrow.parquet as pq

        path = self.path(asset, period)
        return int(pq.read_metadata(path).num_rows) if path.exists() else 0

    def require_table(self, asset: str, period: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of one period.

        Raises:
            FileNotFoundError: The asset has no file of that period.
        """
        table = self.read_table(asset, [period], columns)
        if table is None:
            raise FileNotFoundError(f"{asset} of {period} is not there: materialize it first.")
        return table

    def write_bytes(self, asset: str, period: str, suffix: str, data: bytes) -> Path:
        """Replace one period's file of any kind."""
        path = self.path(asset, period, suffix)
        write_atomically(path, data)
        return path

    def read_bytes(self, asset: str, period: str, suffix: str) -> bytes:
        """One period's file of any kind.

        Raises:
            FileNotFoundError: There is none.
        """
        return self.path(asset, period, suffix).read_bytes()

    def write_json(self, asset: str, period: str, record: object) -> Path:
        """Replace one period's JSON record; a number that is not finite becomes null."""
        path = self.path(asset, period, "json")
        write_atomically(path, json.dumps(finite(record), indent=1, allow_nan=False).encode())
        return path

    def read_json(self, asset: str, period: str) -> Any | None:
        """One period's JSON record, or None when there is none."""
        path = self.path(asset, period, "json")
        return json.loads(path.read_bytes()) if path.exists() else None


def with_column(rows: pa.Table, name: str, column: pa.ChunkedArray | pa.Array) -> pa.Table:
    """The rows with other values in one of their columns."""
    return rows.set_column(rows.column_names.index(name), name, column)


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of several tables; a column that one lacks is missing in its rows, and text where it is text in one."""
    import pyarrow as pa

    return pa.concat_tables(of_one_kind(list(tables)), promote_options="permissive")


def of_one_kind(tables: list[pa.Table]) -> list[pa.Table]:
    """The same tables, with a column as text in all of them where it is text in some and numbers in others."""
    import pyarrow as pa

    for name in dict.fromkeys(name for table in tables for name in table.column_names):
        kinds = {table.schema.field(name).type for table in tables if name in table.column_names} - {pa.null()}
        text = {kind for kind in kinds if pa.types.is_string(kind) or pa.types.is_dictionary(kind)}
        if text and kinds - text:
            tables = [
                with_column(table, name, table[name].cast(pa.string())) if name in table.column_names else table
                for table in tables
            ]
    return tables
