"""What servers answered in a period against what it should have been.

The scores of a sample are computed again from the logged features, with the version that they name. The logged features
are compared with those of the same keys in `raw_data`, which came later from elsewhere: a difference means that whoever
asks the server makes a column otherwise than the source, or that the source was changed since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    log = _logged(model, folder, *model.calendar.bounds(at.period))
    if log is None:
        return None
    keys = _texts(log[model.key])
    recomputed, scores = _scores(log, keys, at)
    compared, features = _features(log, keys, model, at)
    found = ServedSkew(at.period, log.num_rows, recomputed, compared, scores, features)
    at.store.write_json(NAME, at.period, found.to_dict())
    return found


def _logged(model: Model, folder: Path, start: datetime, end: datetime) -> pa.Table | None:
    """The logged rows whose time lies in the period; files of hours long before it are not opened."""
    try:
        files = served_files(folder)
    except SourceError:
        return None
    near = [file for file in files if _hour(Path(file)) >= start - _EARLY]
    inside = [(model.time, ">=", start), (model.time, "<", end)]
    tables = [table for file in near if len(table := pq.read_table(file, filters=inside))]
    return pa.concat_tables(tables, promote_options="permissive").unify_dictionaries() if tables else None


def _hour(file: Path) -> datetime:
    """The hour of a file, which its name or that of its folder begins with."""
    name = file.stem if "T" in file.stem else file.parent.name
    return datetime.strptime(name.rpartition("-")[0], HOUR)


def _scores(log: pa.Table, keys: Sequence[str], at: PeriodAccess) -> tuple[int, Difference | None]:
    """How many scores were computed again, and those that came out otherwise."""
    picked = np.unique(np.linspace(0, log.num_rows - 1, SAMPLE).astype(int))
    sample = log.take(pa.array(picked))
    digests, recomputed, wrong = _texts(sample[own("digest")]), 0, []
    for digest in dict.fromkeys(digests):
        where = np.flatnonzero(np.array(digests) == digest)
        rows = sample.take(pa.array(where))
        try:
            again = Scorer.from_files(at.registry.read(digest), digest=digest).scores(rows)
        except RetrainError:  # its files are deleted, or a column was not logged: nothing to compare with
            continue
        served = _served_scores(rows)
        recomputed += len(where)
        other = (served != again).reshape(len(where), -1).any(axis=1)
        wrong += [(picked[where[row]], served[row], again[row]) for row in np.flatnonzero(other)]
    if not wrong:
        return recomputed, None
    row, served_score, expected = wrong[0]
    return recomputed, Difference("score", len(wrong), keys[row], _shown(served_score), _shown(expected))


def _served_scores(rows: pa.Table) -> NDArray[np.float64]:
    named = [name for name in rows.column_names if name.startswith(own("score"))]
    return scores_of(rows.select(named).rename_columns([name.removeprefix(OWN) for name in named]))


def _features(log: pa.Table, keys: Sequence[str], model: Model, at: PeriodAccess) -> tuple[int, tuple[Difference, ...]]:
    """How many rows the source has too, and the features that differ in them."""
    raw = at.store.read_table("raw_data", [at.period])
    if raw is None:
        return 0, ()
    place = pc.index_in(pa.array(keys, pa.string()), value_set=pa.array(_texts(raw[model.key]), pa.string()))
    there = pc.is_valid(place)
    if not pc.any(there).as_py():
        return 0, ()
    logged, rows = log.filter(there), raw.take(place.drop_null())
    named = [key for key, known in zip(keys, there.to_pylist(), strict=True) if known]
    return len(named), tuple(sorted(_different(logged, rows, named, model), key=lambda one: -one.rows))


def _different(logged: pa.Table, rows: pa.Table, keys: Sequence[str], model: Model) -> Iterator[Difference]:
    for name in logged.column_names:
        if name not in rows.column_names or name in (model.key, model.time):
            continue
        one, other = logged[name], rows[name]
        if _is_number(one) and _is_number(other):
            left, right = _numbers(one), _numbers(other)
            unlike = ~np.isclose(left, right, rtol=_CLOSE, atol=0.0, equal_nan=True)
        else:
            unlike = np.array(_texts(one), dtype=object) != np.array(_texts(other), dtype=object)
        if unlike.any():
            first = int(np.argmax(unlike))
            yield Difference(
                name, int(unlike.sum()), keys[first], _shown(one[first].as_py()), _shown(other[first].as_py())
            )


def _is_number(column: pa.ChunkedArray) -> bool:
    kind = column.type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind))


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return values


def _texts(column: pa.ChunkedArray) -> list[str]:
    """Values as text, null as an empty one."""
    return [str(value) if value is not None else "" for value in column.to_pylist()]


def _shown(value: object) -> str:
    """A value in a sentence."""
    if value is None or value == "" or value != value:
        return "nothing"
    if isinstance(value, float):
        return f"{value:.9g}"
    return (
        np.array2string(np.asarray(value), precision=6, separator=", ") if isinstance(value, np.ndarray) else str(value)
    )
