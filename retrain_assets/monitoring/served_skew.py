"""What servers answered in a period against what it should have been.

The scores of a sample are computed again from the logged features, with the version that they name. The logged features
are compared with those of the same keys in `raw_data`, which came later from elsewhere: a difference means that whoever
asks the server makes a column otherwise than the source, or that the source was changed since.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from retrain_assets.errors import RetrainError, SourceError
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.records.skew_record import NAME, Difference, ServedSkew
from retrain_assets.raw.notation.keys import comparable_keys
from retrain_assets.raw.notation.values import flat
from retrain_assets.raw.served import HOUR, served_files
from retrain_assets.scoring.scorer import Scorer, scores_of
from retrain_assets.store import OWN, own

SAMPLE = 1000
"""Rows of a period whose scores are computed again, taken evenly over the period."""

_EARLY = timedelta(days=1)  # a row may be asked for before its own time

_CLOSE = 1e-6
"""Relative difference of numbers that are the same: what single precision leaves of one."""


def served_skew(model: Model, at: PeriodAccess, folder: Path) -> ServedSkew | None:
    """Compare what was served in a period, and write `served_skew` of it; None where nothing was served.

    Args:
        model: The model.
        at: The period.
        folder: Where the servers of the model log.
    """
    log, unread = _logged(model, folder, *model.calendar.bounds(at.period))
    if log is None and not unread:
        return None
    found = ServedSkew(at.period, 0, 0, 0, 0, unread)
    if log is not None:
        sampled, recomputed, scores = _scores(log, model.key, at)
        compared, features = _features(log, model, at)
        found = ServedSkew(at.period, log.num_rows, sampled, recomputed, compared, unread, scores, features)
    at.store.write_json(NAME, at.period, found.to_dict())
    return found


def _logged(model: Model, folder: Path, start: datetime, end: datetime) -> tuple[pa.Table | None, tuple[str, ...]]:
    """The logged rows whose time lies in the period, and the files that cannot be read.

    Files of hours long before the period are not opened, nor those whose name tells no hour.
    """
    try:
        files = served_files(folder)
    except SourceError:
        return None, ()
    inside = [(model.time, ">=", start), (model.time, "<", end)]
    tables, unread = [], []
    for file in files:
        hour = _hour(Path(file))
        if hour is None or hour < start - _EARLY:
            continue
        try:
            tables.append(pq.read_table(file, filters=inside))
        except (pa.ArrowInvalid, OSError):
            unread.append(Path(file).name)
    rows = [table for table in tables if len(table)]
    log = pa.concat_tables(rows, promote_options="permissive").unify_dictionaries() if rows else None
    return log, tuple(unread)


def _hour(file: Path) -> datetime | None:
    """The hour of a file, which its name or that of its folder begins with."""
    name = file.stem if "T" in file.stem else file.parent.name
    try:
        return datetime.strptime(name.rpartition("-")[0], HOUR)
    except ValueError:
        return None


def _scores(log: pa.Table, key: str, at: PeriodAccess) -> tuple[int, int, Difference | None]:
    """How many scores were to be computed again, how many were, and those that came out otherwise."""
    sample = log.take(pa.array(np.unique(np.linspace(0, log.num_rows - 1, SAMPLE).astype(int))))
    digests = np.array(sample[own("digest")].to_pylist(), dtype=object)
    recomputed, wrong = 0, []
    for digest in dict.fromkeys(digests.tolist()):
        rows = sample.filter(pa.array(digests == digest))
        try:
            again = Scorer.from_files(at.registry.read(digest), digest=digest).scores(rows)
        except RetrainError:  # its files are deleted, or a column was not logged: nothing to compare with
            continue
        served = _served_scores(rows)
        recomputed += len(rows)
        other = (served != again).reshape(len(rows), -1).any(axis=1)
        wrong += [(str(rows[key][row]), served[row], again[row]) for row in np.flatnonzero(other).tolist()]
    if not wrong:
        return len(sample), recomputed, None
    name, given, expected = wrong[0]
    return len(sample), recomputed, Difference("score", len(wrong), name, _shown(given), _shown(expected))


def _served_scores(rows: pa.Table) -> NDArray[np.float64]:
    named = [name for name in rows.column_names if name.startswith(own("score"))]
    return scores_of(rows.select(named).rename_columns([name.removeprefix(OWN) for name in named]))


def _features(log: pa.Table, model: Model, at: PeriodAccess) -> tuple[int, tuple[Difference, ...]]:
    """How many rows the source has too, and the features that differ in them."""
    path = at.store.path("raw_data", at.period)
    if not path.exists():
        return 0, ()
    stored = set(pq.read_schema(path).names)
    shared = [name for name in log.column_names if name in stored and name not in (model.key, model.time)]
    raw = at.store.require_table("raw_data", at.period, [model.key, *shared])
    keys, among = comparable_keys(log[model.key], raw[model.key])
    place = pc.index_in(keys, value_set=among)
    there = place.is_valid()
    logged, rows = log.filter(there), raw.take(place.drop_null())
    differences = (_difference(name, logged, rows, model.key) for name in shared) if len(logged) else ()
    return len(logged), tuple(sorted((one for one in differences if one is not None), key=lambda one: -one.rows))


def _difference(name: str, logged: pa.Table, rows: pa.Table, key: str) -> Difference | None:
    one, other = flat(logged[name]), flat(rows[name])
    if _is_number(one) and _is_number(other):
        unlike = ~np.isclose(_numbers(one), _numbers(other), rtol=_CLOSE, atol=0.0, equal_nan=True)
    else:
        unlike = pc.not_equal(_texts(one), _texts(other)).to_numpy(zero_copy_only=False)
    if not unlike.any():
        return None
    first = int(np.argmax(unlike))
    example = str(logged[key][first]), _shown(one[first].as_py()), _shown(other[first].as_py())
    return Difference(name, int(unlike.sum()), *example)


def _is_number(column: pa.Array) -> bool:
    kind = column.type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind))


def _numbers(column: pa.Array) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _texts(column: pa.Array) -> pa.Array:
    """Values as text, null as an empty one."""
    return pc.fill_null(column.cast(pa.string()), "")


def _shown(value: object) -> str:
    """A value in a sentence."""
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=6, separator=", ")
    if value is None or value == "" or value != value:
        return "nothing"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
