"""The outcomes of a period: labels as numbers, one per key, with everything named that cannot be learnt from.

Which outcomes belong to a period is decided where they are read (`sources`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.raw.contract import Problem
from retrain_assets.raw.values import Numbers, how_many, read_numbers


def check_labels(
    outcomes: pa.Table, task: str, classes: int, key: str, label: str, where: str
) -> tuple[pa.Table, tuple[Problem, ...]]:
    """Turn labels into float64, one per key, leave out the missing, and name what cannot be learnt from.

    Labels that are no number, infinite, or no declared class block, and so do two outcomes of one row that became
    known at once and differ. A missing label, an outcome that belongs to no row, and a single class are findings.

    Args:
        outcomes: Columns key, `label`, `time`, `known_at` as read.
        task: One of binary, multiclass, regression.
        classes: Number of classes of a classifier.
        key: Name of the key column.
        label: Name of the label in the source, for messages.
        where: The file or query and the period, for messages.

    >>> from datetime import datetime
    >>> moment = [datetime(2019, 2, 1)] * 2
    >>> arrived = pa.table({"id": [1, 2], "label": [True, None], "time": moment, "known_at": moment})
    >>> typed, problems = check_labels(arrived, "binary", 2, "id", "late", "flights.csv, 2019-02")
    >>> typed["label"].to_pylist()
    [1.0]
    >>> for problem in problems: print(problem.blocking, problem.sentence)
    False late: 1 of 2 outcomes missing.
    False flights.csv, 2019-02: late: the only outcome of 1 row is 1, and one class teaches nothing. Check the source, \
or wait for more outcomes.
    """
    numbers = read_numbers(outcomes["label"])
    typed = outcomes.set_column(outcomes.column_names.index("label"), "label", numbers.values.cast(pa.float64()))
    problems = [
        *_unusable_labels(typed["label"], numbers, task, classes, label, where),
        *_findings_on_labels(typed, how_many(numbers.unreadable), key, label),
    ]
    typed = typed.filter(pc.and_(typed["label"].is_valid(), typed["time"].is_valid()))
    problems += _contradictions(typed, key, label, where)
    typed = latest_per_key(typed, key)
    levels = pc.unique(typed["label"]) if task != "regression" else []
    if len(levels) == 1:
        rows = f"{typed.num_rows:,} row{'s' * (typed.num_rows > 1)}"
        sentence = (
            f"{where}: {label}: the only outcome of {rows} is {levels[0].as_py():g}, and one class teaches nothing. "
            "Check the source, or wait for more outcomes."
        )
        problems.append(Problem("ranges", False, label, typed.num_rows, sentence))
    return typed, tuple(problems)


def latest_per_key(outcomes: pa.Table, key: str) -> pa.Table:
    """Keep the outcome of each key that became known last; of those known at once, the one that stands last.

    >>> outcomes = pa.table({"id": [7, 7, 8], "label": [1.0, 0.0, 0.0], "known_at": [2, 1, 1]})
    >>> latest_per_key(outcomes, "id").to_pydict()["label"]
    [0.0, 1.0]
    """
    if _distinct(outcomes[key]):
        return outcomes
    ordered = outcomes.take(pc.sort_indices(outcomes["known_at"]))
    numbered = pa.table({"key": ordered[key], "row": pa.array(np.arange(ordered.num_rows))})
    last = numbered.group_by("key").aggregate([("row", "max")])["row_max"]
    return ordered.take(last.take(pc.sort_indices(last)))


def _distinct(keys: pa.ChunkedArray) -> bool:
    if pa.types.is_integer(keys.type) and not keys.null_count:
        ordered = np.sort(keys.to_numpy())
        return not bool((ordered[1:] == ordered[:-1]).any())
    return int(pc.count_distinct(keys).as_py()) == len(keys)


def _unusable_labels(
    labels: pa.ChunkedArray, numbers: Numbers, task: str, classes: int, label: str, where: str
) -> list[Problem]:
    total = len(labels)
    found = []

    def block(count: int, check: str, what: str) -> None:
        if count:
            found.append(
                Problem(check, True, label, count, f"{where}: {label}: {count:,} of {total:,} outcomes {what}")
            )

    if numbers.fault and total:
        advice = "Write classes as 0, 1, ... and values as numbers."
        sentence = f"{where}: {label} {numbers.fault}, {total:,} outcomes. {advice}"
        return [Problem("schema", True, label, total, sentence)]
    block(how_many(numbers.unreadable), "schema", "are no number. Write classes as 0, 1, ... and values as numbers.")
    block(how_many(pc.is_inf(labels)), "ranges", "are infinite. Correct them, or write them as missing.")
    if task != "regression":
        known = pc.is_in(labels, value_set=pa.array(np.arange(classes, dtype=np.float64)))
        unknown = how_many(pc.and_(pc.invert(known), pc.is_finite(labels)))
        block(unknown, "ranges", f"are no class from 0 to {classes - 1}. Write classes so, or declare more classes.")
    return found


def _findings_on_labels(outcomes: pa.Table, unreadable: int, key: str, label: str) -> list[Problem]:
    total = outcomes.num_rows
    missing, orphans = outcomes["label"].null_count - unreadable, outcomes["time"].null_count
    found = []
    if missing:
        blocking = missing == total
        found.append(Problem("nulls", blocking, label, missing, f"{label}: {missing:,} of {total:,} outcomes missing."))
    if orphans:
        sentence = f"{orphans:,} of {total:,} outcomes belong to no known row by their {key}, left out."
        found.append(Problem("keys", False, key, orphans, sentence))
    return found


def _contradictions(outcomes: pa.Table, key: str, label: str, where: str) -> list[Problem]:
    """Keys with two different outcomes that became known at the same moment, so that neither is the later one."""
    if pc.count_distinct(outcomes[key]).as_py() == outcomes.num_rows:
        return []
    counted = outcomes.group_by([key, "known_at"]).aggregate([("label", "count_distinct")])
    torn = counted.filter(pc.greater(counted["label_count_distinct"], 1))
    if not torn.num_rows:
        return []
    sentence = (
        f"{where}: {torn.num_rows:,} keys in {key} have different outcomes in {label} at one moment, first "
        f"{torn[key][0]}. Take the wrong ones out, or name the column that says when each was known as source.known_at."
    )
    return [Problem("keys", True, key, torn.num_rows, sentence)]
