"""Which column of a stranger's table is the key, which the time, which the label, and when outcomes become known.

A guess says that it is one, and why; what cannot be guessed is named with the flag that says it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import DataError
from retrain_assets.model import Task
from retrain_assets.onboarding.columns import (
    KEY_WORDS,
    ColumnFacts,
    facts_of,
    numbers_of,
    positive_of,
    texts_of,
    times_of,
    words_of,
)
from retrain_assets.onboarding.table import ForeignTable
from retrain_assets.raw.keys import as_keys, comparable_keys
from retrain_assets.raw.values import flat, how_many

_TIME_WORDS = {"date", "time", "at", "ts", "timestamp", "day", "datetime", "when"}
_LABEL_WORDS = {"label", "target", "outcome", "churn", "churned", "defaulted", "fraud"}
_KEPT = 0.999
_MATURE = 0.99
_MOST_CLASSES = 10
_SOME_RETURN = 0.5


@dataclass(frozen=True)
class Named:
    """What the user said about roles; None where it is to be inferred."""

    key: str | None = None
    time: str | None = None
    label: str | None = None
    known_at: str | None = None
    positive: str | None = None


@dataclass(frozen=True)
class Label:
    """The outcome: its column, what the task is, and the number that each of its values stands for.

    Attributes:
        values: Empty where the values are the numbers already.
        why: How it was found, when that was a guess.
    """

    name: str
    task: Task
    values: Mapping[str, float]
    classes: int = 2
    why: str = ""


@dataclass(frozen=True)
class Roles:
    """The columns that have a role, and how long after a row its outcome is known.

    Attributes:
        known_at: The outcomes' own date; None where they have none.
        delay: Measured from it; None where nothing tells it.
        times: Of the rows.
        labels: Of the rows, as numbers; NaN where no outcome is known.
        repeated: Exact duplicate rows, which ingestion drops.
    """

    key: str
    time: str
    label: Label
    known_at: str | None
    delay: timedelta | None
    times: npt.NDArray[np.datetime64]
    labels: npt.NDArray[np.float64]
    repeated: int = 0


def find_roles(
    table: ForeignTable, outcomes: ForeignTable | None, facts: Mapping[str, ColumnFacts], named: Named
) -> Roles:
    """Tell key, time, label and delay from the tables.

    Raises:
        DataError: No column can be the one or the other; the message names the flag.
    """
    own = facts if outcomes is None else {name: facts_of(outcomes, name) for name in outcomes.rows.column_names}
    key, repeated = _key(table, outcomes, facts, named.key)
    time = _time(table, facts, named.time)
    times = times_of(table.rows[time], table.path)
    if times is None:
        raise DataError(f"{table.path}: {time} is no time. Name another column with --time.")
    label_name, why = _label(own, {key, time}, named.label, outcomes is not None)
    if label_name == named.known_at:
        raise DataError(f"{label_name} cannot be the label and the date at which it is known. Name them with --label.")
    label = _meaning((outcomes or table).rows[label_name], own[label_name], why, named.positive)
    labels = _as_numbers((outcomes or table).rows[label_name], label)
    known_at, delay = None, None
    if outcomes is not None:
        at = _rows_of(table, outcomes, key)
        labels = np.where(at < 0, np.nan, labels[at])
        known_at, delay = _known(outcomes, own, flat(times), at, {key, time, label_name}, named.known_at)
    moments = np.asarray(flat(times).to_numpy(zero_copy_only=False), dtype="datetime64[us]")
    return Roles(key, time, label, known_at, delay, moments, labels, repeated)


def _key(
    table: ForeignTable, outcomes: ForeignTable | None, facts: Mapping[str, ColumnFacts], named: str | None
) -> tuple[str, int]:
    """The column that names one row for good, and how many rows stand twice exactly."""
    if named is not None:
        _require(table, named, "--key")
    shared = set(outcomes.rows.column_names) if outcomes else set(facts)
    candidates = [named] if named else [name for name in facts if name in shared and _may_name(facts[name])]
    candidates.sort(key=lambda name: (not words_of(name) & KEY_WORDS, list(facts).index(name)))
    fullest, shares = None, {}
    for name in candidates:
        keys = as_keys(table.rows[name])
        distinct, known = len(pc.unique(keys.drop_null())), len(keys) - keys.null_count
        shares[name] = distinct / len(keys)
        if distinct == known and known >= _KEPT * len(keys):
            return name, 0
        if distinct >= _KEPT * len(keys):
            fullest = fullest or (name, known - distinct)
    if fullest is not None:
        return fullest
    nearest = max(shares, key=lambda name: shares[name], default=None)
    most = f" {nearest} comes nearest, with {shares[nearest]:.0%} different values." if nearest else ""
    raise DataError(
        f"{table.path}: no column names one row for good.{most} Add one to the files, for example customer and month "
        "in one text, and name it with --key."
    )


def _may_name(facts: ColumnFacts) -> bool:
    return facts.kind in ("text", "category") or (facts.kind == "number" and facts.whole)


def _time(table: ForeignTable, facts: Mapping[str, ColumnFacts], named: str | None) -> str:
    """The column that says when a row happened: the earliest of several."""
    if named is not None:
        _require(table, named, "--time")
        return named
    candidates = [name for name, one in facts.items() if one.kind == "time" and one.missing_share < 0.01]
    if not candidates:
        raise DataError(f"{table.path}: no column holds times like 2024-03-01. Name the column with --time.")
    middle = {name: np.median(_seconds(table, name)) for name in candidates}
    return min(candidates, key=lambda name: (not words_of(name) & _TIME_WORDS, middle[name]))


def _seconds(table: ForeignTable, name: str) -> npt.NDArray[np.int64]:
    times = times_of(table.rows[name], table.path)
    assert times is not None
    return np.asarray(flat(times.drop_null()).cast(pa.int64()).to_numpy())


def _label(own: Mapping[str, ColumnFacts], taken: set[str], named: str | None, apart: bool) -> tuple[str, str]:
    """The outcome's column, and why it is taken to be that."""
    if named is not None:
        if named not in own:
            raise DataError(f"no column {named!r} for --label. There are {', '.join(own)}.")
        return named, ""
    candidates = [
        name
        for name, one in own.items()
        if name not in taken and one.kind in ("number", "category") and one.distinct > 1
    ]
    if not candidates:
        raise DataError("no column could be the label. Name it with --label.")
    if len(candidates) == 1:
        return candidates[0], ""
    spoken = [name for name in candidates if words_of(name) & _LABEL_WORDS or name.lower() in ("y", "class")]
    if len(spoken) == 1:
        return spoken[0], "taken by its name"
    return candidates[-1], "taken as the last column of the outcomes" if apart else "taken as the last column"


def _meaning(column: pa.ChunkedArray, facts: ColumnFacts, why: str, positive: str | None) -> Label:
    """The task that a label sets, and the numbers its values stand for."""
    if facts.distinct < 2:
        raise DataError(f"{facts.name}: only one outcome is known, {', '.join(facts.levels)}. Name another --label.")
    if facts.kind == "number":
        levels = sorted(float(level) for level in facts.levels)
        if facts.distinct == 2:
            chosen = float(positive) if positive is not None else levels[1]
            usual = levels == [0.0, 1.0] and chosen == 1.0
            mapped = {} if usual else {f"{one:g}": float(one == chosen) for one in levels}
            return Label(facts.name, "binary", mapped, why=why)
        if facts.whole and levels and levels == [float(k) for k in range(len(levels))] and len(levels) <= _MOST_CLASSES:
            return Label(facts.name, "multiclass", {}, len(levels), why)
        return Label(facts.name, "regression", {}, why=why)
    spellings = [str(level) for level in pc.unique(texts_of(column).drop_null()).to_pylist()]
    if facts.distinct == 2:
        yes = positive or positive_of(facts.levels)
        if yes not in spellings:
            raise DataError(f"{facts.name}: no value {yes!r} for --positive. There are {', '.join(spellings)}.")
        return Label(facts.name, "binary", {one: float(one == yes) for one in sorted(facts.levels)}, why=why)
    ordered = sorted(facts.levels)
    if len(spellings) > _MOST_CLASSES:
        raise DataError(f"{facts.name}: {len(spellings)} different texts are too many classes. Name another --label.")
    return Label(facts.name, "multiclass", {one: float(k) for k, one in enumerate(ordered)}, len(ordered), why)


def _as_numbers(column: pa.ChunkedArray, label: Label) -> npt.NDArray[np.float64]:
    if not label.values:
        return numbers_of(column)
    known = dict(label.values)
    texts = [f"{value:g}" for value in numbers_of(column)] if _numeric(column) else texts_of(column).to_pylist()
    return np.array([known.get(text, np.nan) if text is not None else np.nan for text in texts])


def _numeric(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _rows_of(table: ForeignTable, outcomes: ForeignTable, key: str) -> npt.NDArray[np.int64]:
    """For each row the place of its outcome, -1 without one.

    Raises:
        DataError: Hardly any row has an outcome.
    """
    _require(outcomes, key, "--key")
    rows, known = comparable_keys(as_keys(table.rows[key]), as_keys(outcomes.rows[key]))
    at = pc.fill_null(pc.index_in(rows, value_set=known), -1)
    found = np.asarray(flat(at).to_numpy(zero_copy_only=False), dtype=np.int64)
    if (found >= 0).mean() < _SOME_RETURN:
        raise DataError(
            f"only {(found >= 0).mean():.0%} of the rows of {table.path} have an outcome in {outcomes.path} by {key}. "
            "Name the column that joins them with --key."
        )
    return found


def _known(
    outcomes: ForeignTable,
    own: Mapping[str, ColumnFacts],
    times: pa.Array,
    at: npt.NDArray[np.int64],
    taken: set[str],
    named: str | None,
) -> tuple[str | None, timedelta | None]:
    """The outcomes' own date, if one never lies before its row, and the delay within which 99 of 100 are known."""
    if named is not None:
        _require(outcomes, named, "--known-at")
    candidates: Sequence[str] = (
        [named] if named else [n for n, one in own.items() if one.kind == "time" and n not in taken]
    )
    for name in candidates:
        dates = times_of(outcomes.rows[name], outcomes.path)
        if dates is None:
            continue
        known = flat(dates).to_numpy(zero_copy_only=False).astype("datetime64[us]")[at]
        waited = (known - times.to_numpy(zero_copy_only=False).astype("datetime64[us]"))[at >= 0]
        waited = waited[~np.isnat(waited)].astype("timedelta64[s]").astype(np.int64)
        if len(waited) and (waited >= 0).mean() >= _MATURE:
            return name, rounded_delay(timedelta(seconds=int(np.quantile(waited, _MATURE))))
    return None, None


def rounded_delay(delay: timedelta) -> timedelta:
    """A delay in whole days, or in whole hours below one day.

    >>> rounded_delay(timedelta(days=29, hours=3)), rounded_delay(timedelta(minutes=50))
    (datetime.timedelta(days=30), datetime.timedelta(seconds=3600))
    """
    hours = int(np.ceil(delay / timedelta(hours=1)))
    return timedelta(hours=hours) if hours < 24 else timedelta(days=int(np.ceil(hours / 24)))


def _require(table: ForeignTable, name: str, flag: str) -> None:
    if name not in table.rows.column_names:
        raise DataError(f"{table.path}: no column {name!r} for {flag}. It has {', '.join(table.rows.column_names)}.")


def how_many_labelled(labels: npt.NDArray[np.float64]) -> int:
    """Rows whose outcome is known."""
    return how_many(pa.array(np.isfinite(labels)))
