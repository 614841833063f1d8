"""Score a file of new rows: some rows at a time, and the result is there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from retrain_assets.errors import DataError, SourceError
from retrain_assets.feature_function.made_columns import MadeColumns
from retrain_assets.raw.files import PARQUET, files_of
from retrain_assets.raw.policy import Table
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.made_features import with_made_features
from retrain_assets.scoring.scorer import Scored, score_columns
from retrain_assets.scoring.written_rows import as_contract
from retrain_assets.serving.live import LiveModel

ROWS_AT_ONCE = 1 << 17
"""Most rows in memory at once."""


@dataclass
class BatchResult:
    """How many rows were scored, and how many had a category that the version never saw, by feature."""

    rows: int = 0
    unseen: dict[str, int] = field(default_factory=dict)

    def add(self, scored: Scored) -> None:
        """Count the rows of one piece."""
        self.rows += len(scored.scores)
        for name, count in scored.unseen.items():
            self.unseen[name] = self.unseen.get(name, 0) + count


def score_file(
    live: LiveModel,
    table: Table,
    out: Path,
    kept: tuple[str, str],
    scored_at: datetime,
    progress: Callable[[int], None] = lambda rows: None,
) -> BatchResult:
    """Score the rows of a table's files into one file.

    The result has the key and the time where the rows have it, `version`, `digest`, `scored_at`, and the scores.

    Args:
        live: The version.
        table: Where the rows are, and how they are written.
        out: The file to write, Parquet or CSV.
        kept: Names of the key and of the time.
        scored_at: The moment to write beside every row.
        progress: Told the number of rows after each piece.

    Raises:
        SourceError: A file cannot be read, or `out` is neither Parquet nor CSV.
        DataError: The key or a feature is missing, or a value is of the wrong kind.
    """
    if not out.name.endswith((*PARQUET, ".csv")):
        raise SourceError(f"{out}: unknown kind of file. Use one of {', '.join((*PARQUET, '.csv'))}.")
    result, writer, contract = BatchResult(), None, live.scorer.contract
    partial = out.with_name(f".{out.name}.partial")
    try:
        for rows in _pieces(table, columns_read(kept, contract)):
            if kept[0] not in rows.column_names:
                has = ", ".join(rows.column_names)
                raise DataError(f"{table.path}: no column {kept[0]!r}, the key of a row. It has {has}.")
            scored = live.score(as_contract(with_made_features(rows, contract), contract))
            result.add(scored)
            found = _beside(rows.select([name for name in kept if name in rows.column_names]), scored, scored_at)
            writer = writer or _writer(out, partial, found.schema)
            writer.write_table(found)
            progress(result.rows)
        if writer is None:
            raise DataError(f"{table.path}: no rows to score.")
        writer.close()
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return result


def columns_read(kept: tuple[str, str], contract: FeatureContract) -> tuple[str, ...]:
    """Key, time, features, and what a feature function made some of them of."""
    inputs = MadeColumns.from_dict(contract.made).inputs if contract.made else {}
    return tuple(dict.fromkeys((*kept, *contract.names, *inputs)))


def _writer(out: Path, partial: Path, schema: pa.Schema) -> pq.ParquetWriter | csv.CSVWriter:
    return csv.CSVWriter(partial, schema) if out.name.endswith(".csv") else pq.ParquetWriter(partial, schema)


def _beside(rows: pa.Table, scored: Scored, scored_at: datetime) -> pa.Table:
    """Key and time with the scores, and whose they are."""
    who = {"version": scored.version, "digest": scored.digest, "scored_at": pa.scalar(scored_at, pa.timestamp("s"))}
    for name, value in who.items():
        rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
    for name, values in score_columns(scored.scores).items():
        rows = rows.append_column(name, pa.array(values))
    return rows


def _pieces(table: Table, names: tuple[str, ...]) -> Iterator[pa.Table]:
    """The rows of all files with those of the named columns that are there, some at a time."""
    for file in files_of(table, names):
        for rows in file.pieces(names, ROWS_AT_ONCE):
            if rows.num_rows:
                yield rows
