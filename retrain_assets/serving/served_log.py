"""The log of what was served, as Parquet: features, scores, version and request of every row, by the hour.

    <home>/served/<model>/2026-11-29T14-<writer>.parquet                an hour that has ended
    <home>/served/<model>/parts/2026-11-29T14-<writer>/000012.parquet   the hour that is served, half a second each

A request only leaves its rows in a queue; a thread writes them. A file appears under its name when it is whole, so that
a kill loses at most the rows of the last second and tears nothing; what a killed server left is gathered by the next.
Where rows come faster than they can be written, or the disk is full, rows of the log are lost and counted, and no
request notices. Reading stands in `raw.served`.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import string
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from retrain_assets.model import RowNames
from retrain_assets.raw.served import HOUR, PARTS
from retrain_assets.scoring.scorer import Scorer, score_columns
from retrain_assets.store import own

SECONDS = 0.5
"""Between two files of the hour that is being served."""

MOST_ROWS = 200_000
"""Most rows that wait to be written; further ones are lost."""

_LATE = timedelta(minutes=1)  # rows that were answered within an hour may be written a moment after its end
_LINGER = timedelta(minutes=10)  # a reader that listed the parts of an hour may still read them


@dataclass(frozen=True)
class ServedRows:
    """What one request was answered with.

    Attributes:
        scorer: The version that answered.
        shadow: The version that scores the same rows in shadow; None outside a probation.
        columns: The rows' key, time and features by name, as they came.
        matrix: The features as numbers, shape (n, k); a table where they were made of the columns.
        scores: Shape (n,), or (n, c) for c classes.
        request_id: Of the request.
        at: When it was answered.
    """

    scorer: Scorer
    shadow: Scorer | None
    columns: Mapping[str, Sequence[object]]
    matrix: NDArray[np.float64] | pa.Table
    scores: NDArray[np.float64]
    request_id: str
    at: datetime


class ServedLog:
    """Writes what one server answers with.

    Attributes:
        written: Rows so far.
        lost: Rows that could not be written.
    """

    def __init__(self, folder: Path, names: RowNames) -> None:
        self.written = 0
        self.lost = 0
        self._folder, self._names = folder, names
        self._writer = "".join(random.choices(string.ascii_lowercase, k=8))
        self._queue: deque[ServedRows] = deque()
        self._waiting = 0
        self._sequence = 0
        self._lock: int | None = None
        self._gathered = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, name="write the served log", daemon=True)

    def start(self) -> None:
        """Begin to write, and gather what servers that were killed have left."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._lock is not None:
            os.close(self._lock)
            (self._folder / PARTS / f".{self._writer}.lock").unlink(missing_ok=True)

    def add(self, rows: ServedRows) -> None:
        """Leave rows to be written; it never waits and never fails."""
        count = len(rows.matrix)
        if self._waiting + count > MOST_ROWS:
            self.lost += count
            return
        self._waiting += count
        self._queue.append(rows)

    # ---- the thread

    def _write(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(SECONDS)
            self.flush()
            self._gather_ended_hours(datetime.now())

    def flush(self) -> None:
        """Write what waits, a file for each hour and version."""
        taken = [self._queue.popleft() for _ in range(len(self._queue))]
        self._waiting -= sum(len(rows.matrix) for rows in taken)
        groups: dict[tuple[str, int, int], list[ServedRows]] = {}
        for rows in taken:
            groups.setdefault((f"{rows.at:{HOUR}}", id(rows.scorer), id(rows.shadow)), []).append(rows)
        for (hour, *_), group in groups.items():
            count = sum(len(rows.matrix) for rows in group)
            try:
                self._write_part(hour, self._table(group))
                self.written += count
            except Exception:  # a full disk, or rows that fit no table: the log has a gap, serving goes on
                self.lost += count

    def _write_part(self, hour: str, table: pa.Table) -> None:
        folder = self._folder / PARTS / f"{hour}-{self._writer}"
        folder.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = os.open(self._folder / PARTS / f".{self._writer}.lock", os.O_CREAT | os.O_RDWR)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._sequence += 1
        _put(folder / f"{self._sequence:06}.parquet", [table])

    def _table(self, group: Sequence[ServedRows]) -> pa.Table:
        """Rows of one version as a table: what came, and what was made of it beside it under names of our own."""
        first = group[0]
        counts = [len(rows.matrix) for rows in group]
        columns: dict[str, pa.Array] = {
            self._names.key: pa.array([key for rows in group for key in self._keys(rows)], pa.string()),
            self._names.time: pa.array([moment for rows in group for moment in self._times(rows)], pa.timestamp("us")),
        }
        matrix = np.concatenate([_numbers(rows.matrix) for rows in group])
        for position, name in enumerate(first.scorer.contract.names):
            if first.scorer.contract.kinds[name] == "numeric":
                columns[name] = pa.array(matrix[:, position], from_pandas=True)
            else:
                texts = [text for rows in group for text in _texts(rows, name)]
                columns[name] = pa.array(texts, pa.string()).dictionary_encode()
        for name in first.scorer.columns:
            if name not in columns:  # what features were made of
                columns[name] = _as_given([value for rows in group for value in _given(rows, name)])
        columns[own("request_id")] = _repeated([rows.request_id for rows in group], counts)
        columns[own("served_at")] = _repeated([rows.at for rows in group], counts)
        columns[own("version")] = pa.repeat(first.scorer.version, len(matrix)).dictionary_encode()
        columns[own("digest")] = pa.repeat(first.scorer.digest, len(matrix)).dictionary_encode()
        for name, values in score_columns(np.concatenate([rows.scores for rows in group])).items():
            columns[own(name)] = pa.array(values)
        if first.shadow is not None:
            columns[own("shadow_version")] = pa.repeat(first.shadow.version, len(matrix)).dictionary_encode()
            for name, values in score_columns(_in_shadow(first.shadow, group)).items():
                columns[own(f"shadow_{name}")] = pa.array(values)
        return pa.table(columns)

    def _keys(self, rows: ServedRows) -> Iterator[str]:
        """The rows' keys as text; the request's id and a number where they have none."""
        given = rows.columns.get(self._names.key)
        for number in range(len(rows.matrix)):
            value = given[number] if given is not None else None
            yield str(value) if value is not None else f"{rows.request_id}/{number}"

    def _times(self, rows: ServedRows) -> Iterator[datetime]:
        """The rows' times; that of the answer where they have none that can be read."""
        given = rows.columns.get(self._names.time)
        for number in range(len(rows.matrix)):
            yield _moment(given[number]) or rows.at if given is not None else rows.at

    # ---- hours that have ended

    def _gather_ended_hours(self, now: datetime) -> None:
        """Make one file of every hour that has ended, this server's own and those of servers that are gone."""
        hour = f"{now - _LATE:{HOUR}}"
        if hour == self._gathered and not self._ended.is_set():
            return
        for folder in sorted((self._folder / PARTS).glob("[!.]*")):
            with suppress(Exception):  # what cannot be gathered now is read as it is, and tried with the next hour
                name, writer = folder.name.rsplit("-", 1)
                if (writer == self._writer and name < hour) or (writer != self._writer and self._is_gone(writer)):
                    gather(folder, self._folder / f"{folder.name}.parquet")
        self._gathered = hour

    def _is_gone(self, writer: str) -> bool:
        """Whether the server that wrote a folder holds its lock no more."""
        try:
            handle = os.open(self._folder / PARTS / f".{writer}.lock", os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(handle)
        return True


def gather(parts: Path, whole: Path) -> None:
    """Make one file of the parts of an hour; they are deleted ten minutes later, when no reader can want them."""
    if not whole.exists():
        names = sorted(parts.glob("[!.]*.parquet"))
        schema = pa.unify_schemas([pq.read_schema(name) for name in names], promote_options="permissive")
        _put(whole, (_as(pq.read_table(name), schema) for name in names), schema)
    if time.time() - whole.stat().st_mtime > _LINGER.total_seconds():
        shutil.rmtree(parts)


def _put(path: Path, tables: Sequence[pa.Table] | Iterator[pa.Table], schema: pa.Schema | None = None) -> None:
    """Write tables as one file that has its name when it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    writer = None
    try:
        for table in tables:
            writer = writer or pq.ParquetWriter(partial, schema or table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table in a wider schema: what it lacks is missing."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _in_shadow(shadow: Scorer, group: Sequence[ServedRows]) -> NDArray[np.float64]:
    """The scores of a version that does not answer; NaN where it cannot score what came."""
    scores = []
    for rows in group:
        try:
            scores.append(shadow.scores(rows.columns))
        except Exception:  # it may read a column that the live version does not ask for
            scores.append(np.full(rows.scores.shape, np.nan))
    return np.concatenate(scores)


def _numbers(encoded: NDArray[np.float64] | pa.Table) -> NDArray[np.float64]:
    if isinstance(encoded, np.ndarray):
        return encoded
    return np.column_stack([column.to_numpy() for column in encoded.columns]).astype(float)


def _texts(rows: ServedRows, name: str) -> list[str | None]:
    """A category as it came; by its code where it was made."""
    if name in rows.columns:
        return [value if isinstance(value, str) else None for value in rows.columns[name]]
    contract = rows.scorer.contract
    codes = _numbers(rows.matrix)[:, contract.names.index(name)]
    return [None if code != code else contract.levels[name][int(code)] for code in codes]


def _given(rows: ServedRows, name: str) -> Sequence[object]:
    """The values of a column as they came; missing where the request lacked it."""
    return rows.columns.get(name, [None] * len(rows.matrix))


def _as_given(values: Sequence[object]) -> pa.Array:
    """Values as numbers where all are, else as text."""
    if all(value is None or isinstance(value, int | float) for value in values):
        return pa.array(values, pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _repeated(values: Sequence[object], counts: Sequence[int]) -> pa.Array:
    return pa.array([value for value, count in zip(values, counts, strict=True) for _ in range(count)])


def _moment(value: object) -> datetime | None:
    """A time as ISO 8601 writes it, on the wall clock that it names."""
    try:
        return datetime.fromisoformat(value).replace(tzinfo=None) if isinstance(value, str) else None
    except ValueError:
        return None
