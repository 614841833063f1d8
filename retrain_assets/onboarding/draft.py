"""The first spec of a model, drafted from its tables: what was told from them, what was guessed, what people decide.

A draft is plain values. Its text stands in `spec_text`, asking a person about it in `cli.new`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from retrain_assets.errors import DataError
from retrain_assets.onboarding.cadence import Cadence, cadence, first_training_time, gate_rows
from retrain_assets.onboarding.columns import ColumnFacts, facts_of, times_of
from retrain_assets.onboarding.roles import Named, Roles, find_roles
from retrain_assets.onboarding.suspects import Suspect, suspects_of
from retrain_assets.onboarding.table import ForeignTable
from retrain_assets.periods import Every
from retrain_assets.raw.values import flat

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
    guardrail_margin: float
    delay: str
    groups: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=())

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
    facts = {column: facts_of(table, column) for column in table.rows.column_names}
    roles = find_roles(table, outcomes, facts, named)
    parts = []
    for part in table.parts:
        times = times_of(part.rows[roles.time], part.path) if roles.time in part.rows.column_names else None
        if times is not None:
            parts.append(np.asarray(flat(times).to_numpy(zero_copy_only=False), dtype="datetime64[us]"))
    found = cadence(roles.times, parts, every)
    suspects = suspects_of(table, facts, roles)
    out = {roles.key, roles.time, roles.label.name, *(one.name for one in suspects)}
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
