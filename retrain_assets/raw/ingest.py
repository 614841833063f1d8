"""Taking a period in: read, inspect, and store what passes; a period that breaks the contract leaves the earlier data.

The steps stand in `sources` and `contract`; here they meet the store.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retrain_assets.periods import Calendar
from retrain_assets.raw.contract import Checked, Problem, apply_contract
from retrain_assets.raw.labels import check_labels
from retrain_assets.raw.policy import Columns, Contract, Source
from retrain_assets.raw.sources import describe, read_outcomes, read_rows
from retrain_assets.store import PeriodStore

COMPARED_PERIODS = 4
"""How many earlier periods a category must be absent from to be called new."""

MISSING_JUMP = 0.05
"""A rise of a column's missing share over the period before that is worth a finding."""


def peek(calendar: Calendar, source: Source, columns: Columns, contract: Contract, period: str) -> Checked:
    """Read a period's rows and apply the contract, without storing anything.

    Raises:
        SourceError: The source cannot be read.
    """
    bounds, where = calendar.bounds(period), describe(source.features)
    rows = read_rows(source, columns.all, *bounds)
    return apply_contract(rows, columns, contract, source.key, source.time, bounds, period, where)


def ingest(
    store: PeriodStore, calendar: Calendar, source: Source, columns: Columns, contract: Contract, period: str
) -> Checked:
    """Read a period's rows, apply the contract, and store them as `raw_data` unless a problem blocks.

    Rejected rows go to `rejected_rows`, also when the period is refused. New categories and jumps of a missing share
    against the stored periods before are findings.

    Raises:
        SourceError: The source cannot be read.
    """
    checked = peek(calendar, source, columns, contract, period)
    checked = replace(checked, problems=(*checked.problems, *_changes(store, checked.table, columns, period)))
    store.write_table("rejected_rows", period, checked.rejected)
    if not checked.blocked:
        store.write_table("raw_data", period, checked.table)
    return checked


def ingest_outcomes(
    store: PeriodStore, calendar: Calendar, source: Source, task: str, classes: int, period: str
) -> tuple[pa.Table, tuple[Problem, ...]]:
    """Read the outcomes that arrived in a period and store them as `outcomes` unless a problem blocks.

    Outcomes of earlier periods' rows count to the period in which they became known, so that a decision as of a period
    can read the files up to it and see nothing that was not known.

    Raises:
        SourceError: The source cannot be read.
    """
    start, end = calendar.bounds(period)
    keys = _rows_so_far(store, calendar, source, period)
    where = f"{describe(source.outcomes or source.features)}, {period}"
    arrived = read_outcomes(source, start, end, keys)
    typed, problems = check_labels(arrived, task, classes, source.key, source.label, where)
    problems = (*problems, *_overdue(source, keys, typed, (start, end), where))
    if not any(problem.blocking for problem in problems):
        store.write_table("outcomes", period, typed)
    return typed, problems


def _rows_so_far(store: PeriodStore, calendar: Calendar, source: Source, period: str) -> pa.Table | None:
    """Key and time of the stored rows, up to a period, whose outcome may arrive in it; None when nothing is stored."""
    first = calendar.key(calendar.bounds(period)[0] - source.label_delay)
    earliest = "" if source.known_at else first
    stored = store.periods("raw_data")
    due = [known for known in stored if earliest <= known <= period]
    rows = store.read_table("raw_data", due or stored[:1], [source.key, source.time])
    return rows if due or rows is None else rows.slice(0, 0)


def _overdue(
    source: Source, keys: pa.Table | None, arrived: pa.Table, bounds: tuple[datetime, datetime], where: str
) -> tuple[Problem, ...]:
    """Rows whose outcome should be known by now and is not; none at all of them blocks."""
    if keys is None or source.known_at:
        return ()
    due_at = pc.add(keys[source.time], pa.scalar(source.label_delay))
    due = keys.filter(pc.and_(pc.greater_equal(due_at, bounds[0]), pc.less(due_at, bounds[1])))
    ids = [column.cast(pa.string()).combine_chunks() for column in (due[source.key], arrived[source.key])]
    lacking = due.num_rows - (pc.sum(pc.is_in(ids[0], value_set=ids[1])).as_py() or 0)
    if not lacking:
        return ()
    none = lacking == due.num_rows
    advice = " Check that the outcomes reach the source, or raise source.label_delay." if none else ""
    sentence = f"{where}: {lacking:,} of {due.num_rows:,} rows have no outcome {source.label_delay} after them.{advice}"
    return (Problem("volume", none, source.label, lacking, sentence),)


def _changes(store: PeriodStore, rows: pa.Table, columns: Columns, period: str) -> list[Problem]:
    """What is new in a period against the stored ones before it."""
    before = [stored for stored in store.periods("raw_data") if stored < period][-COMPARED_PERIODS:]
    if not before or not rows.num_rows:
        return []
    stored = set.intersection(*(set(pq.read_schema(store.path("raw_data", known)).names) for known in before))
    names = [name for name in columns.all if name in stored and name in rows.column_names]
    earlier = store.read_table("raw_data", before, names)
    last = store.read_table("raw_data", before[-1:], names)
    if earlier is None or last is None:
        return []
    found: list[Problem] = []
    for name in names:
        found += _new_levels(name, rows[name], earlier[name], before[0])
        found += _missing_jump(name, rows[name], last[name], before[-1])
    return found


def _new_levels(name: str, now: pa.ChunkedArray, earlier: pa.ChunkedArray, first: str) -> list[Problem]:
    if not (pa.types.is_dictionary(now.type) and pa.types.is_dictionary(earlier.type)):
        return []
    text = now.cast(pa.string())
    known = pc.unique(earlier.cast(pa.string()))
    new = text.filter(pc.and_(text.is_valid(), pc.invert(pc.is_in(text, value_set=known))))
    if not len(new):
        return []
    levels = sorted(pc.unique(new).to_pylist())
    shown = ", ".join(levels[:5]) + (", ..." if len(levels) > 5 else "")
    sentence = f"{name}: {len(levels)} not seen since {first} ({shown}), in {len(new):,} of {len(now):,} rows."
    return [Problem("schema", False, name, len(new), sentence)]


def _missing_jump(name: str, now: pa.ChunkedArray, before: pa.ChunkedArray, period: str) -> list[Problem]:
    share, earlier = now.null_count / len(now), before.null_count / max(len(before), 1)
    if share - earlier < MISSING_JUMP:
        return []
    sentence = f"{name}: {100 * share:.1f} % missing, {100 * earlier:.1f} % in {period}."
    return [Problem("nulls", False, name, now.null_count, sentence)]
