"""Which column of a stranger's table is the key, which the time, which the label, and when outcomes become known.

A guess says that it is one, and why; what cannot be guessed is named with the flag that says it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.documents.units import percent
from retrain_assets.errors import DataError
from retrain_assets.model import Task
from retrain_assets.onboarding.columns import (
    KEY_WORDS,
    PROTECTED,
    TIME_WORDS,
    ColumnFacts,
    facts_of,
    numbers_of,
    positive_of,
    texts_of,
    times_of,
    words_of,
    yes_or_no,
)
from retrain_assets.onboarding.table import ForeignTable
from retrain_assets.raw.notation.keys import as_keys, comparable_keys
from retrain_assets.raw.notation.values import flat, repeated

_LABEL_WORDS = {"label", "target", "outcome"}
_EVENT_WORDS = {
    "churn", "churned", "default", "defaulted", "fraud", "fraudulent", "converted", "conversion", "clicked", "bought",
    "purchased", "cancelled", "canceled", "returned", "survived", "readmitted", "late", "delayed", "failed", "failure",
    "responded", "response", "lapsed", "left", "attrition", "exited", "subscribed", "won", "repaid", "diagnosis",
}  # fmt: skip
_OPEN_WORDS = {"open", "pending", "unknown", "unclear", "undecided", "n/a", "na", "none", "null", "?", "-", "offen"}
_KEPT = 0.999
_NEVER_BEFORE = 0.99
_MATURE = 0.97
_LABELLED = 0.95
_FEWEST_BLANK = 10
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
        unknown: Values that say that the outcome is not known yet.
        others: Further columns that could be it.
    """

    name: str
    task: Task
    values: Mapping[str, float]
    classes: int = 2
    why: str = ""
    unknown: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roles:
    """The columns that have a role, and how long after a row its outcome is known.

    Attributes:
        known_at: The outcomes' own date; None where they have none.
        delay: Measured from it, or from the newest rows without an outcome; None where nothing tells it.
        times: Of the rows.
        labels: Of the rows, as numbers; NaN where no outcome is known.
        repeated: Exact duplicate rows, which ingestion drops.
        torn: Keys that stand twice with different values, which ingestion refuses.
        joined: The column of the outcomes that holds the key, where it is called otherwise there.
    """

    key: str
    time: str
    label: Label
    known_at: str | None
    delay: timedelta | None
    times: npt.NDArray[np.datetime64]
    labels: npt.NDArray[np.float64]
    repeated: int = 0
    torn: int = 0
    joined: str | None = None


def find_roles(
    table: ForeignTable, outcomes: ForeignTable | None, facts: Mapping[str, ColumnFacts], named: Named
) -> Roles:
    """Tell key, time, label and delay from the tables.

    Raises:
        DataError: No column can be the one or the other; the message names the flag.
    """
    own = facts if outcomes is None else {name: facts_of(outcomes, name) for name in outcomes.rows.column_names}
    time = find_time(table, facts, named.time)
    times = times_of(table.rows[time], table.path, table.order)
    if times is None:
        raise DataError(f"{table.path}: {time} is no time. Name another column with --time.")
    key = _key(table, outcomes, facts, named.key, time)
    joined = None
    if outcomes is not None and key.name not in own:
        joined = _called(table, outcomes, key.name)
        if joined:
            rows = outcomes.rows
            outcomes = replace(
                outcomes, rows=rows.rename_columns([key.name if n == joined else n for n in rows.column_names])
            )
            own = {key.name if name == joined else name: one for name, one in own.items()}
    apart = outcomes is not None and outcomes.path != table.path
    label = _label(own, {key.name, time}, named.label, apart)
    if label.name == named.known_at:
        raise DataError(f"{label.name} cannot be the label and the date at which it is known. Name them with --label.")
    label = _meaning((outcomes or table).rows[label.name], own[label.name], label, named.positive)
    labels = _as_numbers((outcomes or table).rows[label.name], label)
    known_at, delay = None, None
    moments = np.asarray(flat(times).to_numpy(zero_copy_only=False), dtype="datetime64[us]")
    if outcomes is not None:
        at = _rows_of(table, outcomes, key.name)
        labels = np.where(at < 0, np.nan, labels[at])
        known_at, delay = _known(outcomes, own, flat(times), at, {key.name, time, label.name}, named.known_at)
    delay = delay or _blank_end(moments, labels)
    return Roles(key.name, time, label, known_at, delay, moments, labels, key.copies, key.torn, joined)


def _blank_end(times: npt.NDArray[np.datetime64], labels: npt.NDArray[np.float64]) -> timedelta | None:
    """How long before the newest row the newest outcome is, where older rows have theirs and newer ones have none."""
    known, dated = np.isfinite(labels), ~np.isnat(times)
    if not (known & dated).any() or known[dated].all():
        return None
    last, newest = times[known & dated].max(), times[dated].max()
    before = known[dated & (times <= last)].mean()
    if last >= newest or before < _LABELLED or (times[dated] > last).sum() < _FEWEST_BLANK:
        return None
    return rounded_delay(timedelta(microseconds=int((newest - last) / np.timedelta64(1, "us"))))


@dataclass(frozen=True)
class _Key:
    """The column that names one row for good, exact copies of rows, and keys of rows that differ."""

    name: str
    copies: int = 0
    torn: int = 0


def _key(
    table: ForeignTable, outcomes: ForeignTable | None, facts: Mapping[str, ColumnFacts], named: str | None, time: str
) -> _Key:
    """The column that names one row for good; rows of one key that are exact copies are one.

    Raises:
        DataError: There is none.
    """
    if named is not None:
        _require(table, named, "--key")
    own = set(outcomes.rows.column_names) if outcomes else set(facts)
    candidates = [named] if named else [name for name in facts if _may_name(facts[name])]
    candidates.sort(key=lambda name: (name not in own, not words_of(name) & KEY_WORDS, list(facts).index(name)))
    best, shares = None, {}
    for name in candidates:
        keys = as_keys(table.rows[name])
        distinct, known = len(pc.unique(keys.drop_null())), len(keys) - keys.null_count
        shares[name] = distinct / len(keys)
        if distinct < _SOME_RETURN * len(keys) or known < _KEPT * len(keys):
            continue
        copies = _copies(table.rows, keys) if distinct < known else 0
        torn = known - copies - distinct
        if not torn:
            return _Key(name, copies)
        if torn <= (1 - _KEPT) * known:
            best = best or _Key(name, copies, torn)
    if best is not None:
        return best
    nearest = max(shares, key=lambda name: shares[name], default=None)
    most = f" {nearest} comes nearest, with {percent(shares[nearest])} different values." if nearest else ""
    both = table.rows.select([nearest, time]) if nearest not in (None, time) else None
    if both is not None and both.group_by(both.column_names).aggregate([]).num_rows >= _KEPT * both.num_rows:
        most += f" {nearest} and {time} together do."
    raise DataError(
        f"{table.path}: no column names one row for good.{most} Add one to the files, for example customer and month "
        "in one text, and name it with --key."
    )


def _copies(rows: pa.Table, keys: pa.ChunkedArray) -> int:
    """How many rows are exact copies of another."""
    twice, _ = repeated(keys)
    shared = rows.filter(pc.is_in(keys, value_set=twice))
    return int(shared.num_rows - shared.group_by(shared.column_names).aggregate([]).num_rows)


def _called(table: ForeignTable, outcomes: ForeignTable, key: str) -> str | None:
    """The column of the outcomes that holds most of the rows' keys under another name."""
    wanted = as_keys(table.rows[key])
    for name in outcomes.rows.column_names:
        rows, known = comparable_keys(wanted, as_keys(outcomes.rows[name]))
        if pc.mean(pc.is_in(rows, value_set=known)).as_py() >= _SOME_RETURN:
            return str(name)
    return None


def _may_name(facts: ColumnFacts) -> bool:
    return facts.kind in ("text", "category") or (facts.kind == "number" and facts.whole)


def find_time(table: ForeignTable, facts: Mapping[str, ColumnFacts], named: str | None) -> str:
    """The column that says when a row happened: the earliest of several."""
    if named is not None:
        _require(table, named, "--time")
        return named
    candidates = [name for name, one in facts.items() if one.kind == "time" and one.missing_share < 0.01]
    if not candidates:
        years = [name for name in facts if words_of(name) & {"year", "month", "period"} and _holds_years(table, name)]
        if years:
            return years[0]
        raise DataError(f"{table.path}: no column holds times like 2024-03-01. Name the column with --time.")
    if len(candidates) == 1:
        return candidates[0]
    middle = {name: np.median(_seconds(table, name)) for name in candidates}
    return min(candidates, key=lambda name: (not words_of(name) & TIME_WORDS, middle[name]))


def _holds_years(table: ForeignTable, name: str) -> bool:
    try:
        times = times_of(texts_of(table.rows[name]), name)
    except DataError:
        return False
    return times is not None and not times.null_count


def _seconds(table: ForeignTable, name: str) -> npt.NDArray[np.int64]:
    times = times_of(table.rows[name], f"{table.path}: {name}", table.order)
    assert times is not None
    return np.asarray(flat(times.drop_null()).cast(pa.int64()).to_numpy())


def _label(own: Mapping[str, ColumnFacts], taken: set[str], named: str | None, apart: bool) -> Label:
    """The outcome's column, and why it is taken to be that: by its name, by its values, or by its place.

    Columns that look protected, that name rows or that hold codes are no guess.
    """
    if named is not None:
        if named not in own:
            raise DataError(f"no column {named!r} for --label. There are {', '.join(own)}.")
        return Label(named, "binary", {})
    candidates = [
        name
        for name, one in own.items()
        if name not in taken and one.kind in ("number", "category") and one.distinct > 1 and not one.identifies
    ]
    candidates = [name for name in candidates if not words_of(name) & PROTECTED] or candidates
    if not candidates:
        raise DataError("no column could be the label. Name it with --label.")
    if len(candidates) == 1:
        return Label(candidates[0], "binary", {})
    for words in (_LABEL_WORDS, _EVENT_WORDS):
        spoken = [name for name in candidates if words_of(name) & words or name.lower() in ("y", "class")]
        if len(spoken) == 1:
            return Label(spoken[0], "binary", {}, why="taken by its name")
    of_two = [name for name in candidates if own[name].distinct == 2]
    others = (
        tuple(name for name in candidates if not (own[name].kind == "category" and own[name].distinct > 2))
        if apart
        else ()
    )
    if apart and len(of_two) == 1:
        return Label(of_two[0], "binary", {}, why="taken as the only outcome of two values", others=others)
    last = others[-1] if others else candidates[-1]
    why = "taken as the last column of the outcomes" if apart else "taken as the last column"
    return Label(last, "binary", {}, why=why, others=others)


def _meaning(column: pa.ChunkedArray, facts: ColumnFacts, label: Label, positive: str | None) -> Label:
    """The task that a label sets, and the numbers its values stand for."""
    if facts.distinct < 2:
        raise DataError(f"{facts.name}: only one outcome is known, {', '.join(facts.levels)}. Name another --label.")
    if facts.kind == "number":
        levels = sorted(float(level) for level in facts.levels)
        if facts.distinct == 2:
            chosen = float(positive) if positive is not None else levels[1]
            usual = levels == [0.0, 1.0] and chosen == 1.0
            mapped = {} if usual else {f"{one:g}": float(one == chosen) for one in levels}
            return replace(label, task="binary", values=mapped)
        if facts.whole and levels and levels == [float(k) for k in range(len(levels))] and len(levels) <= _MOST_CLASSES:
            return replace(label, task="multiclass", classes=len(levels))
        return replace(label, task="regression")
    spellings = [str(level) for level in pc.unique(texts_of(column).drop_null()).to_pylist()]
    unknown = tuple(one for one in spellings if one.strip().lower() in _OPEN_WORDS)
    spellings = [one for one in spellings if one not in unknown]
    meant = {one: yes_or_no(one) for one in spellings}
    if positive is None and set(meant.values()) == {True, False}:
        values = {one: float(bool(meant[one])) for one in sorted(spellings)}
        return replace(label, task="binary", values=values, unknown=unknown)
    if len(spellings) == 2:
        yes = positive or positive_of(tuple(one for one in facts.levels if one in spellings))
        if yes not in spellings:
            raise DataError(f"{facts.name}: no value {yes!r} for --positive. There are {', '.join(spellings)}.")
        values = {one: float(one == yes) for one in sorted(spellings)}
        return replace(label, task="binary", values=values, unknown=unknown)
    if len(spellings) > _MOST_CLASSES:
        raise DataError(f"{facts.name}: {len(spellings)} different texts are too many classes. Name another --label.")
    values = {one: float(k) for k, one in enumerate(sorted(spellings))}
    return replace(label, task="multiclass", values=values, classes=len(spellings), unknown=unknown)


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
            f"only {percent((found >= 0).mean())} of the rows of {table.path} have an outcome in {outcomes.path} by "
            f"{key}. Name the column that joins them with --key."
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
    """The outcomes' own date, if one never lies before its row, and the delay within which 97 of 100 are known."""
    if named is not None:
        _require(outcomes, named, "--known-at")
    candidates: Sequence[str] = (
        [named] if named else [n for n, one in own.items() if one.kind == "time" and n not in taken]
    )
    for name in candidates:
        dates = times_of(outcomes.rows[name], outcomes.path, outcomes.order)
        if dates is None:
            if named is not None:
                raise DataError(f"{outcomes.path}: {named} is no time. Name another column with --known-at.")
            continue
        known = flat(dates).to_numpy(zero_copy_only=False).astype("datetime64[us]")[at]
        waited = (known - times.to_numpy(zero_copy_only=False).astype("datetime64[us]"))[at >= 0]
        waited = waited[~np.isnat(waited)].astype("timedelta64[s]").astype(np.int64)
        if len(waited) and (waited >= 0).mean() >= _NEVER_BEFORE:
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
