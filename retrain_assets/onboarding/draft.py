"""The first spec of a model, drafted from its tables: what was told from them, what was guessed, what people decide.

A draft is plain values. Its text stands in `spec_text`, asking a person about it in `cli.new`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from retrain_assets.errors import DataError, TwoReadings
from retrain_assets.monitoring.policy import USUAL_SHARE
from retrain_assets.onboarding.cadence import Cadence, Times, cadence, first_training_time, gate_rows, gate_time
from retrain_assets.onboarding.columns import OUTCOME_DATE_WORDS, ColumnFacts, facts_of, times_of, words_of
from retrain_assets.onboarding.roles import Named, Roles, find_roles, find_time
from retrain_assets.onboarding.suspects import Suspect, suspects_of
from retrain_assets.onboarding.table import ForeignTable
from retrain_assets.periods import Every
from retrain_assets.raw.notation.times import order_of
from retrain_assets.raw.notation.values import flat, is_text
from retrain_assets.raw.policy import DAY_FIRST, MONTH_FIRST

_SMALLEST_SHARE = 0.5
_NOT_SHARED = 0.4
"""Share of the variance that two models trained on a few thousand rows do not share, as their gates show it."""
_ERRORS = 2.93


@dataclass(frozen=True)
class Draft:
    """Everything that a first spec is written from.

    Attributes:
        numeric, categorical: The features.
        groups: Protected attributes that a person wants to be protected; none by itself.
        suspects: Columns left out, with the reason.
        min_rows: Half of the smallest period.
        min_train: How long the first model trains; None for the default.
        gate: How long the gate is; None for the default.
        guardrail_margin: In the unit of the guardrail's metric.
        delay_is_known: Whether the outcomes' own dates tell the label delay.
    """

    name: str
    table: ForeignTable
    outcomes: ForeignTable | None
    facts: Mapping[str, ColumnFacts]
    roles: Roles
    cadence: Cadence
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    suspects: tuple[Suspect, ...]
    min_rows: int
    min_train: str | None
    gate: str | None
    guardrail_margin: float
    delay: str
    groups: tuple[str, ...] = ()

    @property
    def protected(self) -> tuple[str, ...]:
        """Columns that look like protected attributes."""
        return tuple(one.name for one in self.suspects if one.reason == "protected")

    @property
    def delay_is_known(self) -> bool:
        """Whether the outcomes' own dates tell when each became known."""
        return self.roles.delay is not None

    @property
    def dates_per_period(self) -> float:
        """Different days with rows in a period, on the average; a survey has one."""
        days = np.unique(self.roles.times[~np.isnat(self.roles.times)].astype("datetime64[D]"))
        return len(days) / len(self.cadence.periods)

    @property
    def default_cost(self) -> float:
        """About what a retrain costs by default: a tenth of what a constant loses on a usual period's rows."""
        known = self.roles.labels[np.isfinite(self.roles.labels)]
        if self.roles.label.task == "regression":
            loss = float(np.abs(known - np.median(known)).mean())
        else:
            shares = np.unique(known, return_counts=True)[1] / len(known)
            loss = float(-(shares * np.log(shares)).sum())
        return float(f"{USUAL_SHARE * loss * self.cadence.usual_rows:.2g}")

    @property
    def unlabelled(self) -> float:
        """The share of rows whose outcome should be known by now and is not."""
        newest = self.roles.times[~np.isnat(self.roles.times)].max()
        due = self.roles.times <= newest - np.timedelta64(self.roles.delay or timedelta(days=1))
        return float(np.isnan(self.roles.labels[due]).mean()) if due.any() else 0.0

    @property
    def renamed(self) -> list[tuple[str, str]]:
        """Pairs of columns of one kind of which the second begins in just the file in which the first ends."""
        every = {part.path for part in self.table.parts}
        partly = {name: every - set(one.lacking) for name, one in self.facts.items() if one.lacking}
        return [
            (name, other)
            for name, held in partly.items()
            for other, its in partly.items()
            if held | its == every and not held & its and max(held, default="") < min(its, default="")
            if self.facts[name].kind == self.facts[other].kind
        ]

    @property
    def rate(self) -> float:
        """The mean label: of a binary one the share of its positive class."""
        return float(np.nanmean(self.roles.labels))

    def with_feature(self, name: str) -> Draft:
        """The same draft with one left-out column taken in."""
        one = self.facts.get(name)
        if one is None:
            raise DataError(f"no column {name!r} in {self.table.path}. It has {', '.join(self.facts)}.")
        if one.kind not in ("number", "category"):
            raise DataError(
                f"{name} is {one.kind}, which is no feature. Make a number or a category of it in the files."
            )
        kept = tuple(suspect for suspect in self.suspects if suspect.name != name)
        if one.kind == "number":
            return replace(self, numeric=tuple(dict.fromkeys((*self.numeric, name))), suspects=kept)
        return replace(self, categorical=tuple(dict.fromkeys((*self.categorical, name))), suspects=kept)

    def with_group(self, name: str) -> Draft:
        """The same draft with the groups of one column protected."""
        if name not in self.facts:
            raise DataError(f"no column {name!r} in {self.table.path}. It has {', '.join(self.facts)}.")
        return replace(self, groups=tuple(dict.fromkeys((*self.groups, name))))


def drafted(
    name: str,
    table: ForeignTable,
    outcomes: ForeignTable | None,
    named: Named,
    every: Every | None = None,
    delay: str | None = None,
) -> Draft:
    """Draft a model's first spec.

    Args:
        name: Of the model.
        table: Its rows.
        outcomes: Its outcomes, where they stand in files of their own.
        named: What the user said of key, time and label.
        every: The length of a period, if the user said it.
        delay: The label delay, if the user said it.

    Raises:
        DataError: Something cannot be told; the message names the flag that says it.
    """
    facts: Mapping[str, ColumnFacts] = {column: facts_of(table, column) for column in table.rows.column_names}
    table, facts = _with_times(table, facts, named)
    if outcomes is None and (dated := _dated_outcomes(table, facts, named)):
        outcomes, named = dated
    roles = find_roles(table, outcomes, facts, named)
    table = _with_order(table, roles.time)
    outcomes = _with_order(outcomes, roles.known_at) if outcomes is not None else None
    if roles.joined and outcomes is not None:
        outcomes = outcomes.having(rename={roles.joined: roles.key})
    if roles.label.unknown:
        outcomes, table = _with_unknown(outcomes, table, roles.label.unknown)
    table = _with_words(table, [one for one in facts.values() if one.name not in (roles.key, roles.label.name)])
    found = cadence(roles.times, _times_of_parts(table, roles.time), every)
    suspects = suspects_of(table, facts, roles)
    out = {roles.key, roles.time, roles.label.name, roles.known_at, *(one.name for one in suspects)}
    features = [one for column, one in facts.items() if column not in out]
    numeric = tuple(one.name for one in features if one.kind == "number")
    categorical = tuple(one.name for one in features if one.kind == "category")
    if not numeric and not categorical:
        reasons = "; ".join(f"{one.name}: {one.sentence}" for one in suspects) or "there is none"
        raise DataError(f"{table.path}: no column is left to learn from ({reasons}). Take one in with --use COLUMN.")
    return Draft(
        name=name,
        table=table,
        outcomes=outcomes,
        facts=facts,
        roles=roles,
        cadence=found,
        numeric=numeric,
        categorical=categorical,
        suspects=tuple(suspects),
        min_rows=max(1, int(_SMALLEST_SHARE * min(found.rows.values()))),
        min_train=first_training_time(found),
        gate=gate_time(roles.times, found.calendar.every),
        guardrail_margin=_guardrail_margin(roles, gate_rows(found)),
        delay=delay or _delay(roles),
    )


def _delay(roles: Roles) -> str:
    if roles.delay is None:
        return "1d"
    hours = int(roles.delay.total_seconds() // 3600)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def _guardrail_margin(roles: Roles, rows: int) -> float:
    """Two points of AUC or accuracy, or as many as a gate can show; of a regression a twentieth of the label's spread.

    The change that is found nine times in ten at a level of .05 is 2.93 standard errors, of an AUC with m positives and
    n negatives √(d·(1/m + 1/n)/12), of an accuracy √(d/rows); d is what two models do not share.
    """
    if roles.label.task == "binary":
        ones = max(float(np.nanmean(roles.labels)) * rows, 1.0)
        visible = _ERRORS * np.sqrt(_NOT_SHARED * (1 / ones + 1 / max(rows - ones, 1.0)) / 12)
        return max(0.02, float(np.ceil(100 * visible)) / 100)
    if roles.label.task == "multiclass":
        return max(0.02, float(np.ceil(100 * _ERRORS * np.sqrt(_NOT_SHARED / max(rows, 1)))) / 100)
    spread = float(np.nanstd(roles.labels))
    digits = -int(np.floor(np.log10(spread / 20))) + 1 if spread > 0 else 0
    return round(spread / 20, digits) or 0.01


def _with_times(
    table: ForeignTable, facts: Mapping[str, ColumnFacts], named: Named
) -> tuple[ForeignTable, Mapping[str, ColumnFacts]]:
    """The table without the rows that have no time, such as a line of totals: no period would take them in."""
    time = find_time(table, facts, named.time)
    times = times_of(table.rows[time], table.path, table.order)
    if times is None or not times.null_count:
        return table, facts
    rows = table.rows.filter(times.is_valid())
    remark = f"{times.null_count:,} of {len(times):,} rows have no {time} that can be read, and are left out"
    table = replace(table, rows=rows, remarks=(*table.remarks, remark))
    return table, {column: facts_of(table, column) for column in rows.column_names}


def _times_of_parts(table: ForeignTable, time: str) -> list[Times]:
    """The times of each file's rows."""
    found = []
    for part in table.parts:
        times = times_of(part.rows[time], part.path, table.order) if time in part.rows.column_names else None
        if times is not None:
            found.append(np.asarray(flat(times).to_numpy(zero_copy_only=False), dtype="datetime64[us]"))
    return found


def _with_order(table: ForeignTable, time: str | None) -> ForeignTable:
    """The table with the order of day and month declared, where one of its files alone does not tell it."""
    if (
        time is None
        or table.order is not None
        or time not in table.rows.column_names
        or not is_text(table.rows[time].type)
    ):
        return table
    for part in table.parts:
        if time in part.rows.column_names and is_text(part.rows[time].type):
            try:
                order_of(part.rows[time], part.path)
            except TwoReadings:
                first = order_of(table.rows[time], table.path).first
                return table.having(time_format=MONTH_FIRST if first == "month" else DAY_FIRST)
    return table


def _with_unknown(
    outcomes: ForeignTable | None, table: ForeignTable, words: Sequence[str]
) -> tuple[ForeignTable | None, ForeignTable]:
    """The table of the label with words that mean that no outcome is known yet."""
    if outcomes is not None:
        return outcomes.having(null_values=list(words)), table
    return None, table.having(null_values=list(words))


def _with_words(table: ForeignTable, facts: Sequence[ColumnFacts]) -> ForeignTable:
    """The table with the words declared that its columns of numbers have for a missing value."""
    said = [f"{one.name}: {count:,} values are {word!r}, read as missing" for one in facts for word, count in one.words]
    if not said:
        return table
    before = table.written.get("null_values", [])
    words = dict.fromkeys([*before, *(word for one in facts for word, _ in one.words)])
    return replace(table, remarks=(*table.remarks, *said)).having(null_values=list(words))


def _dated_outcomes(
    table: ForeignTable, facts: Mapping[str, ColumnFacts], named: Named
) -> tuple[ForeignTable, Named] | None:
    """The same table as one of outcomes, where it dates them: a date that is there just where the label is."""
    dates = [name for name, one in facts.items() if one.kind == "time" and name not in (named.time, named.label)]
    for name in dates:
        filled = table.rows[name].is_valid()
        told = bool(words_of(name) & OUTCOME_DATE_WORDS) or name == named.known_at
        likely = [other for other in facts if other != name and filled.equals(table.rows[other].is_valid())]
        partly = facts[name].missing and any(facts[other].kind in ("number", "category") for other in likely)
        if told and len(dates) > 1 and (partly or not facts[name].missing):
            return table, replace(named, known_at=name)
    return None
