"""Score a table of new rows: some rows at a time, from a file or a database to a file or a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from retrain_assets.errors import DataError, SourceError
from retrain_assets.raw.database import streamed
from retrain_assets.raw.files import files_of
from retrain_assets.raw.policy import Table
from retrain_assets.scoring.made_features import with_made_features
from retrain_assets.scoring.reasons import reasons
from retrain_assets.scoring.scorer import Scored, score_columns
from retrain_assets.scoring.written_rows import as_contract
from retrain_assets.serving.destinations import Writer, file_writer, table_writer
from retrain_assets.serving.live import LiveModel

ROWS_AT_ONCE = 1 << 16
"""Most rows in memory at once."""

_SQL = "sql:"


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


@dataclass(frozen=True)
class Batch:
    """What every row of a result gets beside its scores.

    Attributes:
        live: The version that scores.
        kept: Names of the key and of the time.
        scored_at: The moment to write beside every row.
        reasons: How many features that moved a row's score are named beside it.
    """

    live: LiveModel
    kept: tuple[str, str]
    scored_at: datetime
    reasons: int = 0

    def score(
        self, place: str, table: Table, out: str, progress: Callable[[int], None] = lambda rows: None
    ) -> BatchResult:
        """Score the rows of one place into another, which gets all of them or none.

        The result has the key and the time where the rows have it, `version`, `digest`, `scored_at`, the scores, and
        `reason_1`, `reason_2`, ... where reasons are asked for.

        Args:
            place: A file, a glob or a folder, or `sql:VARIABLE/TABLE`, where VARIABLE is the environment variable that
                holds the database's URL and TABLE the name of a table or a query.
            table: How files are written.
            out: A Parquet or CSV file, or `sql:VARIABLE/TABLE`.
            progress: Told the number of rows after each piece.

        Raises:
            SourceError: A file cannot be read, a database refuses, or `out` is neither Parquet nor CSV.
            DataError: The key or a feature is missing, a value is of the wrong kind, or there are no rows.
        """
        result = BatchResult()
        names = (*self.kept, *self.live.scorer.columns)
        with _writer(out) as writer:
            for rows in _pieces(place, table, names):
                if self.kept[0] not in rows.column_names:
                    has = ", ".join(rows.column_names)
                    raise DataError(f"{place}: no column {self.kept[0]!r}, the key of a row. It has {has}.")
                scored, found = self._scored(rows, table)
                result.add(scored)
                writer.write_table(found)
                progress(result.rows)
            if not result.rows:
                raise DataError(f"{place}: no rows to score.")
        return result

    def _scored(self, rows: pa.Table, written: Table) -> tuple[Scored, pa.Table]:
        """Scores of some rows, and the same as a table with key and time, and whose they are."""
        scorer = self.live.scorer
        features = as_contract(with_made_features(rows, scorer.contract), scorer.contract, written)
        encoded, unseen = scorer.encoded(features)
        scored = Scored(scorer.predicted(encoded), unseen, scorer.version, scorer.digest)
        found = rows.select([name for name in self.kept if name in rows.column_names])
        for name, value in (("version", scored.version), ("digest", scored.digest)):
            found = found.append_column(name, _constant(value, rows.num_rows))
        moment = pa.scalar(self.scored_at, pa.timestamp("s"))
        found = found.append_column("scored_at", pa.repeat(moment, rows.num_rows))
        for name, values in score_columns(scored.scores).items():
            found = found.append_column(name, pa.array(values))
        if self.reasons:
            texts = reasons(scorer, encoded, features.to_pydict(), self.reasons)
            for rank, column in enumerate(texts, start=1):
                found = found.append_column(f"reason_{rank}", pa.array(column, pa.string()))
        return scored, found


def _constant(text: str, rows: int) -> pa.Array:
    """One text for every row, written down once."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), rows), [text])


def _writer(out: str) -> AbstractContextManager[Writer]:
    if out.startswith(_SQL):
        url_env, name = _in_database(out)
        return table_writer(url_env, name)
    return file_writer(Path(out))


def _pieces(place: str, table: Table, names: tuple[str, ...]) -> Iterator[pa.Table]:
    """The rows of a place with those of the named columns that are there, some at a time."""
    if place.startswith(_SQL):
        for rows in streamed(*_in_database(place)):
            yield rows.select([name for name in dict.fromkeys(names) if name in rows.column_names])
        return
    written = table.model_copy(update={"path": place, "sql": None, "url_env": None})
    for file in files_of(written, names):
        for rows in file.pieces(names, ROWS_AT_ONCE):
            if rows.num_rows:
                yield rows


def _in_database(place: str) -> tuple[str, str]:
    """The variable and the table of `sql:VARIABLE/TABLE`.

    >>> _in_database("sql:WAREHOUSE_URL/mart.scores")
    ('WAREHOUSE_URL', 'mart.scores')
    """
    url_env, slash, name = place.removeprefix(_SQL).partition("/")
    if not (url_env and slash and name):
        raise SourceError(
            f"{place}: write sql:VARIABLE/TABLE, where VARIABLE is the environment variable with the database's URL."
        )
    return url_env, name
