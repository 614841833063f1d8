"""The data contract: rows as a source gives them in, typed rows that may be trusted out, and every break of it named.

A problem blocks when the period as a whole cannot be trusted; otherwise it is a finding. Single impossible rows are set
aside with their reason. Reading stands in `sources`, storing in `ingest`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retrain_assets.documents.units import percent
from retrain_assets.model import Model
from retrain_assets.periods import Bounds
from retrain_assets.raw.notation.numbers import read_numbers
from retrain_assets.raw.notation.values import counted, flat, how_many, read_categories, repeated
from retrain_assets.raw.policy import Column, Columns, Contract, Source
from retrain_assets.store import own

CHECKS = ("schema", "keys", "period", "ranges", "nulls", "volume")
"""The questions that a period's rows must answer, each shown as one asset check."""

REASON = own("reason")
"""Column of the rejected rows that says why."""

_CATEGORY = pa.dictionary(pa.int32(), pa.string())
_NEAREST = 3
_NO_NUMBER = "no number"


class ColumnMaker(Protocol):
    """A team's own function that makes columns of the rows as read."""

    @property
    def path(self) -> str:
        """Its name in sentences."""

    def with_made(self, rows: pa.Table, source: Source, columns: Columns) -> pa.Table:
        """The rows with the made columns, and the record of how they were made in the schema's metadata."""

    def made_in(self, metadata: Mapping[bytes, bytes] | None) -> frozenset[str]:
        """The columns that such a record names."""


@dataclass(frozen=True)
class Intake:
    """What a model declares about the rows and outcomes that it takes in; `maker` adds columns of the team's own."""

    model: Model
    source: Source
    columns: Columns
    contract: Contract
    objective: str
    maker: ColumnMaker | None = None

    def also(self, kinds: Mapping[str, str]) -> Intake:
        """The same with further features, which an earlier model reads: each with its kind."""
        more = {name: kind for name, kind in kinds.items() if name not in self.columns.all}
        added = {
            kind: {name: Column() for name, own in more.items() if own == kind} for kind in ("numeric", "categorical")
        }
        both = {kind: {**getattr(self.columns, kind), **columns} for kind, columns in added.items()}
        return replace(self, columns=self.columns.model_copy(update=both))


@dataclass(frozen=True)
class KnownColumns:
    """Which columns a source has in some period, and which ones stored periods hold: what is not there is a slip."""

    names: tuple[str, ...] = ()
    stored: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.names or name in self.stored or name in self.optional


@dataclass(frozen=True)
class ContractProblem:
    """One break of the contract: which check, whether it blocks the period, how many rows or values, and a sentence."""

    check: str
    blocking: bool
    column: str | None
    count: int
    sentence: str


@dataclass(frozen=True)
class ColumnSummary:
    """One accepted column: its share of missing values, how many were impossible, and its range or its levels."""

    column: str
    kind: str
    missing: float
    impossible: int
    min: float | None = None
    mean: float | None = None
    max: float | None = None
    levels: int | None = None


@dataclass(frozen=True)
class Checked:
    """A period after inspection: accepted rows sorted by (time, key), rejected ones with their `reason`, and why."""

    table: pa.Table
    rejected: pa.Table
    problems: tuple[ContractProblem, ...]
    summary: tuple[ColumnSummary, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether the period must not be stored."""
        return any(problem.blocking for problem in self.problems)

    @cached_property
    def sha256(self) -> str:
        """Digest of the accepted rows: the same rows have the same digest."""
        sink = pa.BufferOutputStream()
        pq.write_table(self.table, sink, compression="none")
        return hashlib.sha256(sink.getvalue()).hexdigest()


def apply_contract(
    table: pa.Table, intake: Intake, period: str, where: str, known: KnownColumns = KnownColumns()
) -> Checked:
    """Type the rows of a period, set impossible ones aside, and name every break of the contract.

    Numbers stay in the source's type (text is read as float64, NaN becomes missing), categories and groups become
    dictionary<string>. A value that is outside its range, infinite, or no number becomes missing or takes its row out,
    as its column's `outside` says. A row without key or time is taken out, and so is an exact copy of another. A column
    that other periods have counts as missing here; one that nothing has is a slip, and blocks.

    Args:
        table: Rows as read, with times as timestamp[us].
        intake: What the model declares.
        period: The period's key.
        where: The file or query the rows come from, for messages.
        known: Which columns there are elsewhere.
    """
    columns, source = intake.columns, intake.source
    inspection = _Inspection(table.combine_chunks(), intake.contract, source.key, f"{where}, {period}")
    absent = inspection.look_for((source.key, source.time, *columns.all), known)
    if source.key not in table.column_names or source.time not in table.column_names:
        return Checked(table.slice(0, 0), table.slice(0, 0), tuple(inspection.problems))
    inspection.check_keys()
    inspection.check_times(source.time, intake.model.calendar.bounds(period))
    declared = {**columns.amounts, **columns.categorical, **columns.numeric}
    present = [name for name in columns.all if name in inspection.table.column_names]
    rules = {name: declared.get(name, Column()) for name in present}
    for name in present:
        if name in columns.numeric or name in columns.amounts:
            inspection.read_number(name, rules[name])
        else:
            inspection.read_category(name)
    accepted, rejected = inspection.divide(source.time, present)
    inspection.check_missing(
        accepted, {name: rule for name, rule in rules.items() if name not in known.optional}, absent, known
    )
    inspection.check_volume(accepted, rejected)
    order = {check: number for number, check in enumerate(CHECKS)}
    problems = sorted(inspection.problems, key=lambda problem: (not problem.blocking, order[problem.check]))
    summary = tuple(_summary(name, flat(accepted[name]), inspection.impossible.get(name, 0)) for name in present)
    return Checked(accepted, rejected, tuple(problems), summary)


class _Inspection:
    """The rows of one period while they are being typed, and what has been found so far."""

    def __init__(self, table: pa.Table, contract: Contract, key: str, where: str) -> None:
        self.table, self.contract, self.key, self.where = table, contract, key, where
        self.problems: list[ContractProblem] = []
        self.impossible: dict[str, int] = {}
        self.typed: dict[str, pa.Array] = {}
        self.reasons = pa.nulls(table.num_rows, pa.string())

    def report(self, check: str, blocking: bool, column: str | None, count: int, sentence: str) -> None:
        self.problems.append(ContractProblem(check, blocking, column, count, sentence))

    def reject(self, rows: pa.Array, reason: str) -> None:
        """Set rows aside; the first reason of a row stays."""
        first = pc.and_(self.reasons.is_null(), pc.fill_null(rows, False))
        self.reasons = pc.if_else(first, pa.scalar(reason), self.reasons)

    def look_for(self, names: Sequence[str], known: KnownColumns) -> frozenset[str]:
        """Name the columns that are not there, and let those count as missing that are there elsewhere."""
        absent = [name for name in dict.fromkeys(names) if name not in self.table.column_names]
        for name in absent:
            rows = self.table.num_rows
            missing = f"{self.where}: column {name} is missing, {rows:,} rows."
            if name not in known or name in names[:2]:
                near = get_close_matches(name, known.names, _NEAREST) or known.names
                advice = f" The source has {', '.join(near)}." if near else ""
                sentence = f"{missing} Bring it back, or take it from the spec.{advice}"
                self.report("schema", True, name, rows, sentence)
                continue
            if name not in known.optional:
                self.report(
                    "schema",
                    False,
                    name,
                    rows,
                    f"{self.where}: no column {name}, its {rows:,} values count as missing.",
                )
            self.table = self.table.append_column(name, pa.nulls(rows))
        return frozenset(absent)

    def check_keys(self) -> None:
        self._drop_copies()
        key = self.key
        keys = self.typed[key] = flat(self.table[key])
        if keys.null_count:
            self.report("keys", False, key, keys.null_count, f"{keys.null_count:,} rows without {key} taken out.")
            self.reject(keys.is_null(), f"no {key}")
        twice, rows = repeated(keys)
        if len(twice):
            sentence = (
                f"{self.where}: {len(twice):,} of {pc.count_distinct(keys).as_py():,} keys in {key} stand more than "
                f"once with different values, first {twice[0]} ({rows[0]} rows). "
                f"Take the wrong ones out, or build {key} from more columns."
            )
            self.report("keys", True, key, len(twice), sentence)

    def _drop_copies(self) -> None:
        """Leave out rows that are exact copies of an earlier one."""
        keys = flat(self.table[self.key])
        twice, _ = repeated(keys)
        if not len(twice):
            return
        at = pc.indices_nonzero(pc.is_in(keys, value_set=twice))
        rows = self.table.take(at)
        numbered = rows.append_column(own("row"), at)
        firsts = numbered.group_by(rows.column_names, use_threads=False).aggregate([(own("row"), "min")])
        copies = pc.invert(pc.is_in(at, value_set=flat(firsts[f"{own('row')}_min"])))
        if count := how_many(copies):
            first = rows[self.key].filter(copies)[0]
            words = "exact copy of another row" if count == 1 else "exact copies of other rows"
            sentence = f"{count:,} {words} left out, first {self.key} {first}."
            self.report("keys", False, self.key, count, sentence)
            keep = np.ones(self.table.num_rows, dtype=bool)
            keep[at.filter(copies).to_numpy()] = False
            self.table = self.table.filter(pa.array(keep)).combine_chunks()
            self.reasons = pa.nulls(self.table.num_rows, pa.string())

    def check_times(self, time: str, bounds: Bounds) -> None:
        times = self.typed[time] = flat(self.table[time])
        if times.null_count:
            self.report("period", False, time, times.null_count, f"{times.null_count:,} rows without {time} taken out.")
            self.reject(times.is_null(), f"no {time}")
        outside = pc.or_(pc.less(times, bounds[0]), pc.greater_equal(times, bounds[1]))
        if count := how_many(outside):
            first = times.filter(outside)[0]
            sentence = (
                f"{self.where}: {count:,} of {len(times):,} rows have {time} outside the period, first {first}. "
                "Correct the file, or the query's use of :start and :end."
            )
            self.report("period", True, time, count, sentence)
            self.reject(outside, f"{time} outside the period")

    def read_number(self, name: str, rule: Column) -> None:
        numbers = read_numbers(self.table[name])
        values = numbers.values
        if numbers.remark:
            self.report("schema", False, name, 0, f"{name}: {numbers.remark}.")
        if numbers.fault:
            fault = f"{self.where}: {name} {numbers.fault}, {len(values):,} rows. Store it as numbers."
            self.report("schema", True, name, len(values), fault)
        elif count := how_many(numbers.unreadable):
            self._judge(name, "schema", numbers.unreadable, count, _NO_NUMBER, rule)
        outside = _outside(values, rule)
        if count := how_many(outside):
            self._judge(name, "ranges", outside, count, _range(values, rule), rule)
            values = pc.if_else(outside, pa.scalar(None, values.type), values)
        self.typed[name] = values

    def _judge(self, name: str, check: str, values: pa.Array, count: int, what: str, rule: Column) -> None:
        """Report impossible values of a column, and set their rows aside where the column wants that."""
        total = self.table.num_rows
        self.impossible[name] = self.impossible.get(name, 0) + count
        at = pc.index(values, True).as_py()
        first = f"first {self.key} {self.typed[self.key][at]}: {self.table[name][at]}"
        blocking = count > self.contract.max_outside_share * total
        fate = "row taken out" if rule.outside == "reject" else "now missing"
        allowed = f"{100 * self.contract.max_outside_share:g} %"
        sentence = (
            f"{name}: {count:,} of {total:,} values ({percent(count / total, 2)}) impossible ({what}), "
            f"{f'{allowed} allowed' if blocking else fate}; {first}."
        )
        if blocking:
            words = f"say what means a missing value (null_values: [{self.table[name][at]}] beside the path), "
            advice = f"Correct the source, {words if what == _NO_NUMBER else ''}or raise contract.max_outside_share."
            sentence = f"{self.where}: {sentence} {advice}"
        self.report(check, blocking, name, count, sentence)
        if rule.outside == "reject":
            self.reject(values, f"{name} impossible: {what}")

    def read_category(self, name: str) -> None:
        text, fault = read_categories(self.table[name])
        if fault:
            sentence = f"{self.where}: {name} {fault}, {len(text):,} rows. Store it as text or codes."
            self.report("schema", True, name, len(text), sentence)
        self.typed[name] = text

    def divide(self, time: str, names: Sequence[str]) -> tuple[pa.Table, pa.Table]:
        """The accepted rows, typed and sorted, and the rejected ones as they were read, with the reason."""
        kept, key = self.reasons.is_null(), self.key
        accepted = pa.table({name: self.typed[name] for name in dict.fromkeys((key, time, *names))}).filter(kept)
        accepted = accepted.take(pc.sort_indices(accepted, sort_keys=[(time, "ascending"), (key, "ascending")]))
        for name in accepted.column_names:
            if pa.types.is_string(accepted[name].type) and name != key:
                at = accepted.column_names.index(name)
                accepted = accepted.set_column(at, name, flat(accepted[name]).dictionary_encode().cast(_CATEGORY))
        rejected = self.table.append_column(REASON, self.reasons).filter(pc.invert(kept))
        return accepted.combine_chunks(), rejected

    def check_missing(
        self, accepted: pa.Table, rules: Mapping[str, Column], absent: frozenset[str], known: KnownColumns
    ) -> None:
        """Name columns with more missing values than declared; an empty one blocks where no period has it."""
        rows = accepted.num_rows
        for name, rule in rules.items():
            count = accepted[name].null_count
            empty = bool(rows) and count == rows
            if not count or (count <= rule.max_missing * rows and not empty):
                continue
            if empty and rule.max_missing >= 1 and (name in known.stored or name in absent):
                if name not in absent:
                    self.report("nulls", False, name, count, f"{self.where}: {name}: all {rows:,} values missing.")
                continue
            allowed = f", {100 * rule.max_missing:g} % allowed" if rule.max_missing < 1 else ""
            share = f"{count:,} of {rows:,} values ({percent(count / rows, 2)}) missing{allowed}"
            advice = "take it from the spec" if count == rows else f"raise max_missing of {name}"
            self.report("nulls", True, name, count, f"{self.where}: {name}: {share}. Correct the source, or {advice}.")

    def check_volume(self, accepted: pa.Table, rejected: pa.Table) -> None:
        total, out = accepted.num_rows + rejected.num_rows, rejected.num_rows
        if out > self.contract.max_rejected_share * total:
            listed = "; ".join(f"{reason} ({count:,})" for reason, count in counted(rejected[REASON]).items())
            sentence = (
                f"{self.where}: {out:,} of {total:,} rows ({percent(out / total, 2)}) taken out, "
                f"{100 * self.contract.max_rejected_share:g} % allowed: {listed}. Correct the source, or raise "
                "contract.max_rejected_share."
            )
            self.report("ranges", True, None, out, sentence)
        if accepted.num_rows < self.contract.min_rows:
            sentence = (
                f"{self.where}: {accepted.num_rows:,} usable rows, {self.contract.min_rows:,} needed. "
                "Wait for the rest of the period, or lower contract.min_rows."
            )
            self.report("volume", True, None, accepted.num_rows, sentence)


def _outside(values: pa.Array, rule: Column) -> pa.Array:
    """Which values are infinite or outside the column's range, compared in the column's own precision."""
    kind = values.type if pa.types.is_floating(values.type) else pa.float64()
    outside = pc.is_inf(values) if pa.types.is_floating(values.type) else pa.array(np.zeros(len(values), dtype=bool))
    if rule.min is not None:
        outside = pc.or_kleene(outside, pc.less(values, pa.scalar(rule.min, kind)))
    if rule.max is not None:
        outside = pc.or_kleene(outside, pc.greater(values, pa.scalar(rule.max, kind)))
    return pc.fill_null(outside, False)


def _range(values: pa.Array, rule: Column) -> str:
    if rule.min is not None and rule.max is not None:
        return f"outside {rule.min:g} to {rule.max:g}"
    if rule.min is not None:
        return f"below {rule.min:g}"
    return f"above {rule.max:g}" if rule.max is not None else "infinite"


def _summary(name: str, values: pa.Array, impossible: int) -> ColumnSummary:
    missing = values.null_count / len(values) if len(values) else 0.0
    if pa.types.is_dictionary(values.type):
        return ColumnSummary(name, "category", missing, impossible, levels=len(pc.unique(values.drop_null())))
    low, high = pc.min_max(values).values()
    return ColumnSummary(name, "number", missing, impossible, low.as_py(), pc.mean(values).as_py(), high.as_py())
