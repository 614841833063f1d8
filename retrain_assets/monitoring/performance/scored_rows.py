"""Which stored rows a version scored, and which of these have an outcome: joins over the files of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.periods import Calendar
from retrain_assets.raw.notation.keys import comparable_keys
from retrain_assets.store import PeriodStore


def joined(left: pa.Table, right: pa.Table | None, key: str) -> pa.Table | None:
    """The rows of `left` whose key `right` has, with what `right` knows besides; None without a right side."""
    if right is None:
        return None
    own, others = comparable_keys(left[key], right[key])
    at = pc.index_in(own, value_set=others)
    found = pc.is_valid(at)
    left, at = left.filter(found), at.filter(found)
    for name in right.column_names:
        if name not in left.column_names:
            left = left.append_column(name, right[name].take(at))
    return left


def aligned(keys: pa.ChunkedArray, rows: pa.Table | None, key: str) -> dict[str, pa.ChunkedArray]:
    """The columns of the rows with these keys, in their order; null where the row is not stored."""
    if rows is None:
        return {}
    own, others = comparable_keys(keys, rows[key])
    at = pc.index_in(own, value_set=others)
    return {name: rows[name].take(at) for name in rows.column_names if name != key}


def time_span(times: pa.ChunkedArray) -> tuple[datetime, datetime]:
    """When the first and the last of some rows happened."""
    first, last = pc.min_max(times).values()
    return first.as_py(), last.as_py()


def periods_of(calendar: Calendar, times: pa.ChunkedArray) -> list[str]:
    """The periods from the first of some rows to the last."""
    return calendar.between(*(calendar.key(moment) for moment in time_span(times)))


def scored_by(store: PeriodStore, version: str, periods: Iterable[str]) -> pa.Table | None:
    """The predictions that one version gave for the rows of some periods; None when it gave none."""
    scored = store.read_table("predictions", periods)
    if scored is None:
        return None
    own = scored.filter(pc.equal(scored["version"].cast(pa.string()), version))
    return own if own.num_rows else None


def without(rows: pa.Table, keys: pa.Table | None, key: str) -> pa.Table:
    """The rows whose key is in none of the others."""
    if keys is None:
        return rows
    own, others = comparable_keys(rows[key], keys[key])
    return rows.filter(pc.invert(pc.is_in(own, value_set=others)))


def outcome_files(store: PeriodStore, first: str, last: str) -> list[str]:
    """The periods from first to last, both included, in which outcomes arrived."""
    return [period for period in store.periods("outcomes") if first <= period <= last]


def finite_scores(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The rows whose named columns are all finite numbers."""
    for name in columns:
        rows = rows.filter(pc.fill_null(pc.is_finite(rows[name]), False))
    return rows
