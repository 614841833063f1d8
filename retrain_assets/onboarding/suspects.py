"""Columns that a careful person would not simply train on: protected attributes, leaks, identifiers, constants, dates.

Nothing here is decided for good: a suspect is named with its reason, left out, and a person may take it in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.onboarding.columns import (
    PROTECTED,
    ColumnFacts,
    numbers_of,
    tells_sexes,
    texts_of,
    times_of,
    words_of,
)
from retrain_assets.onboarding.roles import Roles
from retrain_assets.onboarding.table import ForeignTable
from retrain_assets.raw.notation.dialect import measure_of, unit_of
from retrain_assets.raw.notation.values import flat, is_text

Reason = Literal["protected", "leak", "identifier", "constant", "clock", "date", "text", "empty"]

LEAK_AUC = 0.99
"""A column that alone orders the outcomes this well knows them already."""

LEAK_CORRELATION = 0.995
CLOCK_CORRELATION = 0.95

_SAMPLE = 50_000
_MOST_PURE_LEVELS = 200
_NEARLY_ALL, _MOSTLY = 0.999, 0.9


@dataclass(frozen=True)
class Suspect:
    """A column that is left out, and why."""

    name: str
    reason: Reason
    sentence: str


def looks_protected(name: str) -> bool:
    """Whether a column's name speaks of an attribute that law or decency protects.

    >>> looks_protected("gender"), looks_protected("dogAge"), looks_protected("Geschlecht"), looks_protected("page")
    (True, True, True, False)
    """
    return bool(words_of(name) & PROTECTED)


def suspects_of(table: ForeignTable, facts: Mapping[str, ColumnFacts], roles: Roles) -> list[Suspect]:
    """Every column that should not simply become a feature, in the order of the table."""
    seed = np.random.default_rng(0)
    known = np.flatnonzero(np.isfinite(roles.labels))
    rows = seed.choice(known, _SAMPLE, replace=False) if len(known) > _SAMPLE else known
    rows.sort()
    found = []
    for name, one in facts.items():
        if name in (roles.key, roles.time, roles.label.name, roles.known_at):
            continue
        suspect = _suspect(table, one, roles, rows)
        if suspect is not None:
            found.append(suspect)
    return found


def _suspect(table: ForeignTable, facts: ColumnFacts, roles: Roles, rows: npt.NDArray[np.int64]) -> Suspect | None:
    name, column = facts.name, table.rows[facts.name]
    if is_text(column.type) and (units := _units(flat(column).unique())):
        return Suspect(name, "text", f"numbers in several units, {' and '.join(units)}: write them in one, then use it")
    if not facts.distinct:
        return Suspect(name, "empty", "never has a value")
    if facts.constant and not facts.missing:
        return Suspect(name, "constant", f"always {facts.levels[0] if facts.levels else 'the same'}")
    if facts.identifies and facts.kind != "time":
        return Suspect(name, "identifier", f"{facts.distinct:,} different values in {facts.rows:,} rows")
    if facts.kind == "number" and _tells_the_time(numbers_of(table.rows[name])[rows], roles.times[rows]):
        return Suspect(name, "clock", "only counts the time, which no new row repeats")
    if len(rows) and (leak := _leak(table, facts, roles, rows)):
        return Suspect(name, "leak", leak)
    if looks_protected(name) or (facts.kind == "category" and tells_sexes(facts.levels)):
        return Suspect(name, "protected", "looks like a protected attribute")
    if facts.kind == "time":
        return Suspect(name, "date", "a date, which is neither a number nor a category")
    if facts.kind == "text":
        return Suspect(name, "text", f"free text, {facts.distinct:,} different values")
    return None


def _units(values: pa.Array) -> list[str]:
    """The units of numbers that carry several of them; nothing where one is none, or all have the same."""
    texts = [text for text in values.drop_null().to_pylist() if any(map(str.isdecimal, text))]
    if len(texts) < len(values.drop_null()) * _MOSTLY:
        return []
    carried = {text: measure_of(text) or unit_of(text) for text in texts}
    units = set(carried.values()) - {""}
    bare = [text for text, unit in carried.items() if not unit]
    several = len(units) > 1 and all(re.fullmatch(r"[\d.,' +-]+", text) for text in bare)
    return sorted(units)[:3] if several else []


def _leak(table: ForeignTable, facts: ColumnFacts, roles: Roles, rows: npt.NDArray[np.int64]) -> str | None:
    """How well the column alone tells the outcome, if no honest column does so well."""
    label = roles.labels[rows]
    if facts.kind == "time":
        times = times_of(table.rows[facts.name], facts.name)
        if times is None:
            return None
        values = flat(times).to_numpy(zero_copy_only=False).astype("datetime64[us]")[rows]
        there = ~np.isnat(values)
        after = values[there] > roles.times[rows][there]
        if after.any() and after.mean() > 0.5 and _auc(there.astype(float), label, roles.label.task) >= LEAK_AUC:
            return "lies after the row, and is there only for one outcome"
        return None
    if facts.kind == "number":
        values = numbers_of(table.rows[facts.name])[rows]
    else:
        values = _coded(flat(texts_of(table.rows[facts.name])).take(rows), label)
    if roles.label.task == "regression":
        there = np.isfinite(values)
        strength = abs(_rank_correlation(values[there], label[there])) if there.sum() > 10 else 0.0
        return f"follows the outcome (rank correlation {strength:.3f})" if strength >= LEAK_CORRELATION else None
    strengths = [_auc(np.nan_to_num(values, nan=gap), label, roles.label.task) for gap in (-np.inf, np.inf)]
    best = max(strengths)
    return f"tells the outcome nearly alone (AUC {best:.3f})" if best >= LEAK_AUC else None


def _tells_the_time(values: npt.NDArray[np.float64], times: npt.NDArray[np.datetime64]) -> bool:
    """Whether a number never falls while time goes on, like a year or a serial number."""
    there = np.isfinite(values) & ~np.isnat(times)
    if there.sum() < 10:
        return False
    order = np.argsort(times[there], kind="stable")
    ordered = values[there][order]
    rises = bool((np.diff(ordered) >= 0).mean() > _NEARLY_ALL) and ordered[-1] > ordered[0]
    return rises and _rank_correlation(ordered, times[there][order].astype(np.int64).astype(float)) > CLOCK_CORRELATION


def _coded(texts: object, label: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each level of a category as the mean label of its rows; a column of many levels tells each row by itself."""
    codes = pc.fill_null(pc.dictionary_encode(texts).indices, -1).to_numpy(zero_copy_only=False) + 1
    if codes.max(initial=0) > _MOST_PURE_LEVELS:
        return np.zeros(len(label))
    totals, counts = np.bincount(codes, label), np.bincount(codes)
    return np.asarray((totals / np.maximum(counts, 1))[codes], dtype=np.float64)


def _auc(values: npt.NDArray[np.float64], label: npt.NDArray[np.float64], task: str) -> float:
    """The best area under the curve of a column against one class and the rest, in either direction."""
    classes = np.unique(label) if task == "multiclass" else np.array([1.0])
    ranks = _ranks(values)
    best = 0.0
    for one in classes:
        positive = label == one
        n, m = int(positive.sum()), int((~positive).sum())
        if n and m:
            area = (ranks[positive].sum() - n * (n + 1) / 2) / (n * m)
            best = max(best, area, 1 - area)
    return best


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 1, the mean rank for values that are the same."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], dtype=np.float64)


def _rank_correlation(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> float:
    first, second = _ranks(left), _ranks(right)
    if not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
