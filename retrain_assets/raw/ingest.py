"""Taking a period in: read, inspect, and store what passes; a period that breaks the contract leaves the earlier data.

The steps stand in `sources` and `contract`; here they meet the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retrain_assets.documents.units import counted, percent
from retrain_assets.errors import DataError
from retrain_assets.periods import Bounds
from retrain_assets.raw.contract import Checked, ColumnMaker, ContractProblem, Intake, KnownColumns, apply_contract
from retrain_assets.raw.labels import check_labels
from retrain_assets.raw.notation.keys import as_keys, as_stored, comparable_keys
from retrain_assets.raw.notation.numbers import units_in
from retrain_assets.raw.notation.values import flat, how_many, respelled, same_levels
from retrain_assets.raw.policy import Columns, Source
from retrain_assets.raw.sources import Reading, describe, newest_time, read_outcomes, read_rows
from retrain_assets.store import KNOWN_AT, PeriodStore, with_column

_SHOWN = 5
COMPARED_PERIODS = 4
"""How many earlier periods a category must be absent from to be called new."""

MISSING_JUMP = 0.05
"""A rise of a column's missing share over the period before that is worth a finding."""


def peek(intake: Intake, period: str, stored: frozenset[str] = frozenset(), optional: Iterable[str] = ()) -> Checked:
    """Read a period's rows and apply the contract, without storing anything.

    A period without rows before one with rows is a gap, which is a finding; without any later row it blocks, for its
    rows may be late.

    Args:
        intake: What the model declares.
        period: Which period.
        stored: Columns that stored periods hold: one that is not there now counts as missing.
        optional: Columns that count as missing where they are not, without a word.

    Raises:
        SourceError: The source cannot be read.
    """
    source, columns = intake.source, intake.columns
    where = describe(source.features)
    numbers = [*columns.numeric, *columns.amounts]
    maker = intake.maker
    read = read_rows(source, columns.all, *intake.model.calendar.bounds(period), numbers, maker is not None)
    known = KnownColumns(read.names, stored, frozenset(optional))
    if maker is not None:
        read, known = _made(read, known, intake, maker)
    checked = apply_contract(read.table, intake, period, where, known)
    if read.table.schema.metadata:
        checked = replace(checked, table=checked.table.replace_schema_metadata(read.table.schema.metadata))
    remarks = [ContractProblem("schema", False, None, 0, f"{remark}.") for remark in read.remarks]
    problems = checked.problems
    if not read.table.num_rows and _later_rows(intake, period):
        gap = ContractProblem("volume", False, None, 0, f"{where}: no rows of {period}, but later ones: a gap.")
        problems = (*(problem for problem in problems if problem.check != "volume"), gap)
    return replace(checked, problems=(*problems, *remarks))


def _made(read: Reading, known: KnownColumns, intake: Intake, maker: ColumnMaker) -> tuple[Reading, KnownColumns]:
    """The rows with the columns that the team's function makes; every declared column must be there or made.

    Raises:
        DataError: One is neither, or the function did what it may not.
    """
    declared = [name for name in intake.columns.all if name not in known.optional]
    if not read.table.num_rows:
        lacking = [name for name in declared if name not in read.table.column_names]
        return read, replace(known, names=(*known.names, *lacking))
    given, there = read.table, read.table.column_names
    for name in (name for name in declared if name in read.names and name not in there):
        given = given.append_column(name, pa.nulls(given.num_rows))
    rows = maker.with_made(given, intake.source, intake.columns)
    made = [name for name in rows.column_names if name not in given.column_names]
    rows = rows.select([*there, *made])
    lacking = [name for name in declared if name not in known and name not in made]
    if lacking:
        near = get_close_matches(lacking[0], (*made, *known.names), n=1)
        raise DataError(
            f"{', '.join(lacking)}: declared under columns, neither in the source nor made by {maker.path}, which "
            f"makes {', '.join(made) or 'nothing'}.{f' Did you mean {near[0]}?' if near else ''}"
        )
    return replace(read, table=rows), replace(known, names=(*known.names, *made))


def _later_rows(intake: Intake, period: str) -> bool:
    """Whether the source has rows of a later time than a period's."""
    return newest_time(intake.source, intake.model.calendar.bounds(period)[1]) is not None


def ingest(
    intake: Intake, store: PeriodStore, period: str, served: Mapping[str, str] | None = None, late: bool = False
) -> Checked:
    """Read a period's rows, apply the contract, and store them as `raw_data` unless a problem blocks.

    Rejected rows go to `rejected_rows`, also when the period is refused. A period without rows is a gap: nothing is
    stored of it; one that is stored already is refused, for its rows have gone and not failed to come. Levels that
    earlier periods write otherwise are written as there; new categories, columns that come or go, and jumps of a
    missing share against the stored periods before are findings.

    Args:
        intake: What the model declares.
        store: The model's files.
        period: Which period.
        served: Features that the live version reads, with their kind: kept for it where the spec dropped them.
        late: Whether rows of the period are no longer waited for: without one it is a gap.

    Raises:
        SourceError: The source cannot be read.
    """
    further = {name: kind for name, kind in (served or {}).items() if name not in intake.columns.all}
    known = stored_columns(store, intake.maker)
    checked = peek(intake.also(further), period, known, further)
    if late and not checked.table.num_rows + checked.rejected.num_rows:
        waited = ContractProblem("volume", False, None, 0, f"No rows of {period} came in time: a gap.")
        others = (problem for problem in checked.problems if problem.check != "volume")
        checked = replace(checked, problems=(*others, waited))
    if period in store.periods("raw_data") and not checked.table.num_rows + checked.rejected.num_rows:
        gone = f"{describe(intake.source.features)}: no rows of {period}, of which some are stored."
        return replace(checked, problems=(ContractProblem("volume", True, None, 0, gone),))
    absent = [name for name in further if name in checked.table.column_names and _all_missing(checked.table[name])]
    if absent:
        sentence = f"{', '.join(absent)}: read by the live version, and no longer there: missing in all rows for it."
        checked = replace(
            checked, problems=(*checked.problems, ContractProblem("schema", False, absent[0], 0, sentence))
        )
    before = [earlier for earlier in store.periods("raw_data") if earlier < period][-COMPARED_PERIODS:]
    rows, respelled = _respelled(store, checked.table, intake.columns, before)
    checked = replace(
        checked,
        table=rows,
        problems=(*checked.problems, *respelled, *_changes(store, rows, intake.columns, before, period)),
    )
    checked = replace(checked, problems=(*checked.problems, *_other_units(store, rows, before)))
    store.write_table("rejected_rows", period, checked.rejected)
    if not checked.blocked and rows.num_rows:
        store.write_table("raw_data", period, rows)
    return checked


def ingest_outcomes(intake: Intake, store: PeriodStore, period: str) -> tuple[pa.Table, tuple[ContractProblem, ...]]:
    """Read the outcomes that arrived in a period and store them as `outcomes` unless a problem blocks.

    Outcomes of earlier periods' rows count to the period in which they became known, so that a decision as of a period
    can read the files up to it and see nothing that was not known. Those of periods before it that were refused come
    with it: one file that cannot be read costs no other period its outcomes. Their keys have the type of the stored
    rows' keys.

    Raises:
        SourceError: The source cannot be read.
    """
    start = intake.model.calendar.bounds(period)[0]
    before = [known for known in store.periods("outcomes") if known < period]
    since = min(start, intake.model.calendar.bounds(before[-1])[1]) if before else start
    try:
        typed, problems = _arrived(intake, store, period, since)
        cause = next((problem.sentence for problem in problems if problem.blocking), "")
    except DataError as error:
        if since == start:
            raise
        cause = str(error)
    if cause and since < start:
        typed, problems = _arrived(intake, store, period, start)
        where = describe(intake.source.outcomes or intake.source.features)
        why = cause.removeprefix(f"{where}, {period}: ")
        sentence = f"What became known in the periods before, which were refused, is still left out: {why}"
        problems = (*problems, ContractProblem("schema", False, intake.source.label, 0, sentence))
    if not any(problem.blocking for problem in problems):
        store.write_table("outcomes", period, typed)
    return typed, problems


def _arrived(
    intake: Intake, store: PeriodStore, period: str, since: datetime
) -> tuple[pa.Table, tuple[ContractProblem, ...]]:
    """The outcomes that became known from a moment to the end of a period, and what is odd about them."""
    source, (start, end) = intake.source, intake.model.calendar.bounds(period)
    keys = _rows_so_far(store, intake, period, since)
    where = f"{describe(source.outcomes or source.features)}, {period}"
    later = [known for known in store.periods("outcomes") if known > period]
    read = _not_filed(store, source, read_outcomes(source, since, end, keys), later)
    key_type = keys.schema.field(source.key).type if keys is not None else None
    stored_keys = as_stored(read.table[source.key], key_type)
    arrived = with_column(read.table, source.key, stored_keys)
    typed, problems = check_labels(arrived, intake, where)
    own = read.remarks if source.outcomes is not None else [text for text in read.remarks if "written in" not in text]
    remarks = (ContractProblem("schema", False, source.label, 0, f"{remark}.") for remark in own)
    belated, overdue = _belated(typed, start, where), _overdue(source, keys, typed, (since, end), where)
    return typed, (*problems, *remarks, *belated, *overdue)


def _not_filed(store: PeriodStore, source: Source, read: Reading, later: Sequence[str]) -> Reading:
    """Outcomes without those that the next stored period took in, because this one was refused at the time."""
    filed = store.read_table("outcomes", later[:1], [source.key, KNOWN_AT])
    if filed is None or not read.table.num_rows:
        return read
    own, known = comparable_keys(as_keys(read.table[source.key]), as_keys(filed[source.key]))
    at = pc.index_in(own, value_set=known)
    again = pc.fill_null(pc.equal(filed[KNOWN_AT].take(at), read.table[KNOWN_AT]), False)
    return replace(read, table=read.table.filter(pc.invert(again)))


def _belated(arrived: pa.Table, start: datetime, where: str) -> tuple[ContractProblem, ...]:
    """Outcomes that became known before the period, in one that was refused."""
    count = pc.sum(pc.less(arrived[KNOWN_AT], start)).as_py() or 0
    if not count:
        return ()
    sentence = f"{where}: {count:,} outcomes became known before, in periods that were refused, and are taken in now."
    return (ContractProblem("schema", False, None, count, sentence),)


def _all_missing(column: pa.ChunkedArray) -> bool:
    return bool(0 < len(column) == column.null_count)


def stored_columns(store: PeriodStore, maker: ColumnMaker | None = None) -> frozenset[str]:
    """Every column of the source that some stored period holds values of; what a function made is none of it."""
    found: set[str] = set()
    for period in store.periods("raw_data"):
        made = maker.made_in(pq.read_schema(store.path("raw_data", period)).metadata) if maker else frozenset[str]()
        found.update(name for name in _held(store, period) if name not in made)
    return frozenset(found)


def _held(store: PeriodStore, period: str) -> list[str]:
    """The columns that a stored period holds values of."""
    schema = pq.read_schema(store.path("raw_data", period))
    return [field.name for field in schema if not pa.types.is_null(field.type)]


def _rows_so_far(store: PeriodStore, intake: Intake, period: str, since: datetime) -> pa.Table | None:
    """Key and time of the stored rows, up to a period, whose outcome may arrive since; None when nothing is stored."""
    source, calendar = intake.source, intake.model.calendar
    first = calendar.key(since - source.label_delay)
    earliest = "" if source.known_at else first
    stored = store.periods("raw_data")
    due = [known for known in stored if earliest <= known <= period]
    rows = store.read_table("raw_data", due or stored[:1], [source.key, source.time])
    return rows if due or rows is None else rows.slice(0, 0)


def _overdue(
    source: Source, keys: pa.Table | None, arrived: pa.Table, bounds: Bounds, where: str
) -> tuple[ContractProblem, ...]:
    """Rows whose outcome should be known by now and is not; none at all of them blocks."""
    if keys is None or source.known_at:
        return ()
    due_at = pc.add(keys[source.time], pa.scalar(source.label_delay))
    due = keys.filter(pc.and_(pc.greater_equal(due_at, bounds[0]), pc.less(due_at, bounds[1])))
    wanted, among = comparable_keys(due[source.key], arrived[source.key])
    lacking = due.num_rows - (pc.sum(pc.is_in(wanted, value_set=among)).as_py() or 0)
    if not lacking:
        return ()
    none = lacking == due.num_rows
    advice = " Check that the outcomes reach the source, or raise source.label_delay." if none else ""
    days = counted(float(f"{source.label_delay / timedelta(days=1):.3g}"), "day")
    sentence = f"{where}: {lacking:,} of {due.num_rows:,} rows have no outcome {days} after them.{advice}"
    return (ContractProblem("volume", none, source.label, lacking, sentence),)


def _respelled(
    store: PeriodStore, rows: pa.Table, columns: Columns, before: Sequence[str]
) -> tuple[pa.Table, list[ContractProblem]]:
    """The rows with keys and levels as the stored periods before write them, and what was changed for that."""
    found: list[ContractProblem] = []
    stored = store.periods("raw_data")
    if not stored or not rows.num_rows:
        return rows, found
    key = rows.column_names[0]
    first = pq.read_schema(store.path("raw_data", stored[0]))
    rows = rows.set_column(0, key, as_stored(rows[key], first.field(key).type if key in first.names else None))
    names = [name for name in (*columns.categorical, *columns.groups) if name in rows.column_names]
    earlier = store.read_table("raw_data", before or stored[:1], list(dict.fromkeys(names)))
    for name in dict.fromkeys(names):
        now = rows[name]
        if earlier is None or not (pa.types.is_dictionary(now.type) and pa.types.is_dictionary(earlier[name].type)):
            continue
        text = now.cast(pa.string())
        levels = {level for level in pc.unique(earlier[name].cast(pa.string())).to_pylist() if level is not None}
        same = same_levels(pc.unique(text.drop_null()).to_pylist(), levels)
        if same:
            column = respelled(flat(text), same)
            count = how_many(pc.not_equal(column, flat(text)))
            rows = with_column(rows, name, column.dictionary_encode().cast(now.type))
            shown = ", ".join(f"{old!r} as {new!r}" for old, new in sorted(same.items())[:_SHOWN])
            found.append(
                ContractProblem(
                    "schema",
                    False,
                    name,
                    count,
                    f"{name}: {count:,} values read as earlier periods write them: {shown}.",
                )
            )
    return rows, found


def _other_units(store: PeriodStore, rows: pa.Table, before: Sequence[str]) -> Iterator[ContractProblem]:
    """Columns whose numbers carry another unit than those of the last stored period in which they carry one."""
    known: dict[str, tuple[str, str]] = {}
    for period in before:
        units = units_in(pq.read_schema(store.path("raw_data", period)).metadata)
        known |= {name: (unit, period) for name, unit in units.items()}
    for name, unit in units_in(rows.schema.metadata).items():
        was, period = known.get(name, (unit, ""))
        if unit != was:
            sentence = f"{name}: its numbers are in {unit}, in {period} in {was}. Write them in one unit, or rename it."
            yield ContractProblem("ranges", True, name, rows.num_rows, sentence)


def _changes(
    store: PeriodStore, rows: pa.Table, columns: Columns, before: Sequence[str], period: str
) -> list[ContractProblem]:
    """What is new in a period against the stored ones before it."""
    names = [name for name in columns.all if name in rows.column_names]
    earlier = store.read_table("raw_data", before, names) if rows.num_rows else None
    if earlier is None:
        return []
    last = store.require_table("raw_data", before[-1], names)
    held = {known: set(_held(store, known)) for known in before}
    found: list[ContractProblem] = []
    for name in names:
        if all(name not in held[known] for known in before):
            sentence = f"{name}: known from {period} on; in the periods before it counts as missing."
            found.append(ContractProblem("schema", False, name, rows.num_rows, sentence))
            continue
        found += _new_levels(name, rows[name], earlier[name], before[0])
        found += _missing_jump(name, rows[name], last[name], before[-1])
    return found


def _new_levels(name: str, now: pa.ChunkedArray, earlier: pa.ChunkedArray, first: str) -> list[ContractProblem]:
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
    return [ContractProblem("schema", False, name, len(new), sentence)]


def _missing_jump(name: str, now: pa.ChunkedArray, before: pa.ChunkedArray, period: str) -> list[ContractProblem]:
    share, earlier = now.null_count / len(now), before.null_count / max(len(before), 1)
    if share - earlier < MISSING_JUMP:
        return []
    sentence = f"{name}: {percent(share, 1)} missing, {percent(earlier, 1)} in {period}."
    return [ContractProblem("nulls", False, name, now.null_count, sentence)]
