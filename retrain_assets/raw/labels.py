"""The outcomes of a period: labels as numbers, one per key, with everything named that cannot be learnt from.

Which outcomes belong to a period is decided where they are read (`sources`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.documents.units import counted
from retrain_assets.raw.contract import ContractProblem, Intake
from retrain_assets.raw.notation.numbers import NumberColumn, read_numbers
from retrain_assets.raw.notation.values import FALSE_WORDS, TRUE_WORDS, flat, how_many, read_categories, same_levels
from retrain_assets.raw.policy import Source
from retrain_assets.store import KNOWN_AT, OUTCOME, OUTCOME_TIME, with_column

DEMANDS: Mapping[str, tuple[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]]] = {
    "poisson": ("below 0, which objective poisson cannot learn", lambda label: pc.less(label, 0)),
    "tweedie": ("below 0, which objective tweedie cannot learn", lambda label: pc.less(label, 0)),
    "gamma": ("not above 0, which objective gamma cannot learn", lambda label: pc.less_equal(label, 0)),
    "cross_entropy": (
        "no share from 0 to 1, which objective cross_entropy learns",
        lambda label: pc.or_(pc.less(label, 0), pc.greater(label, 1)),
    ),
}
"""What an objective demands of labels: the words for one that it cannot learn from, and which those are."""

_SHOWN = 5
_LARGEST = float(np.finfo(np.float32).max)


def check_labels(outcomes: pa.Table, intake: Intake, where: str) -> tuple[pa.Table, tuple[ContractProblem, ...]]:
    """Turn labels into float64, one per key, leave out the missing, and name what cannot be learnt from.

    Labels that are no number, infinite, no declared class, or nothing that the objective can learn from block, and so
    do two outcomes of one row that became known at once and differ. A missing label, an outcome that belongs to no row,
    and a single class are findings. Of two classes, yes and no are 1 and 0 in any common spelling.

    Args:
        outcomes: Columns key, `label`, `time`, `known_at` as read.
        intake: What the model declares.
        where: The file or query and the period, for messages.
    """
    source, task = intake.source, intake.model.task
    key, label = source.key, source.label
    numbers = _mapped(outcomes[OUTCOME], source.label_values) if source.label_values else _numbers(outcomes, task)
    typed = with_column(outcomes, OUTCOME, numbers.values.cast(pa.float64()))
    problems = [
        *_unusable_labels(outcomes, typed[OUTCOME], numbers, intake, where),
        *_findings_on_labels(typed, numbers, key, label),
    ]
    typed = typed.filter(pc.and_(typed[OUTCOME].is_valid(), typed[OUTCOME_TIME].is_valid()))
    problems += _contradictions(typed, source, where)
    typed = latest_per_key(typed, key)
    levels = pc.unique(typed[OUTCOME]) if task != "regression" else []
    if len(levels) == 1:
        rows = counted(typed.num_rows, "row")
        sentence = (
            f"{where}: {label}: the only outcome of {rows} is {levels[0].as_py():g}, and one class teaches nothing. "
            "Check the source, or wait for more outcomes."
        )
        problems.append(ContractProblem("ranges", False, label, typed.num_rows, sentence))
    return typed, tuple(problems)


def _numbers(outcomes: pa.Table, task: str) -> NumberColumn:
    """The labels as numbers; words for yes and no only where there are two classes."""
    numbers = read_numbers(outcomes[OUTCOME])
    if task == "binary" or numbers.remark is None or "yes and no" not in numbers.remark:
        return numbers
    words = pc.is_in(pc.utf8_lower(flat(outcomes[OUTCOME])), value_set=pa.array(sorted(TRUE_WORDS | FALSE_WORDS)))
    return NumberColumn(pa.nulls(len(words), pa.float64()), words, "holds words for yes and no, which are no numbers")


def _mapped(column: pa.ChunkedArray, values: Mapping[str, float]) -> NumberColumn:
    """Labels by the declared values; a word for yes or no is found in any common spelling of it."""
    text, fault = read_categories(column)
    if fault:
        return NumberColumn(pa.nulls(len(text), pa.float64()), flat(column).is_valid(), fault)
    text = pc.utf8_trim_whitespace(text)
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    known = pc.unique(text.drop_null()).to_pylist()
    same = {**same_levels(known, values), **{level: level for level in known if level in values}}
    numbers = [values[same[level]] if level in same else None for level in known]
    at = pc.index_in(text, value_set=pa.array(known, pa.string()))
    found = pa.array(numbers, pa.float64()).take(at)
    return NumberColumn(found, pc.and_(text.is_valid(), found.is_null()))


def latest_per_key(outcomes: pa.Table, key: str) -> pa.Table:
    """Keep the outcome of each key that became known last; of those known at once, the one that stands last.

    >>> outcomes = pa.table({"id": [7, 7, 8], "label": [1.0, 0.0, 0.0], "known_at": [2, 1, 1]})
    >>> latest_per_key(outcomes, "id").to_pydict()["label"]
    [0.0, 1.0]
    """
    if _distinct(outcomes[key]):
        return outcomes
    ordered = outcomes.take(pc.sort_indices(outcomes[KNOWN_AT]))
    numbered = pa.table({"key": ordered[key], "row": pa.array(np.arange(ordered.num_rows))})
    last = numbered.group_by("key").aggregate([("row", "max")])["row_max"]
    return ordered.take(last.take(pc.sort_indices(last)))


def _distinct(keys: pa.ChunkedArray) -> bool:
    if pa.types.is_integer(keys.type) and not keys.null_count:
        ordered = np.sort(keys.to_numpy())
        return not bool((ordered[1:] == ordered[:-1]).any())
    return int(pc.count_distinct(keys).as_py()) == len(keys)


def _unusable_labels(
    outcomes: pa.Table, labels: pa.ChunkedArray, numbers: NumberColumn, intake: Intake, where: str
) -> list[ContractProblem]:
    """What no model can learn from, each kind with its first key."""
    total, label, model = len(labels), intake.source.label, intake.model
    found = []

    def block(wrong: pa.ChunkedArray, check: str, what: str, advice: str) -> None:
        wrong = pc.fill_null(wrong, False)
        if count := how_many(wrong):
            at = pc.index(wrong, True).as_py()
            first = f"first {intake.source.key} {outcomes[intake.source.key][at]}: {outcomes[OUTCOME][at]}"
            sentence = f"{where}: {label}: {count:,} of {total:,} outcomes are {what}; {first}. {advice}"
            found.append(ContractProblem(check, True, label, count, sentence))

    values = intake.source.label_values
    advice = "Write classes as 0, 1, ... and values as numbers, or map them: label: {COLUMN: {Y: 1, N: 0}}."
    if values:
        advice = f"Add them to source.label, which knows {', '.join(values)}."
    if numbers.fault and total:
        shown = pc.unique(read_categories(outcomes[OUTCOME])[0].drop_null()).slice(0, _SHOWN).to_pylist()
        such = f", such as {', '.join(shown)}. {advice}" if shown else ". Store it as text or as numbers."
        sentence = f"{where}: {label} {numbers.fault}, {total:,} outcomes{such}"
        return [ContractProblem("schema", True, label, total, sentence)]
    block(numbers.unreadable, "schema", "no declared value" if values else "no number", advice)
    too_large = pc.greater(pc.abs(labels), _LARGEST)
    block(too_large, "ranges", "infinite or too large", "Correct them, or write them as missing.")
    if model.task != "regression":
        known = pc.is_in(labels, value_set=pa.array(np.arange(model.classes, dtype=np.float64)))
        unknown = pc.and_(pc.invert(known), pc.is_finite(labels))
        block(
            unknown, "ranges", f"no class from 0 to {model.classes - 1}", "Write classes so, or declare more classes."
        )
    elif intake.objective in DEMANDS:
        what, wrong = DEMANDS[intake.objective]
        block(wrong(labels), "ranges", what, "Correct them, or choose another training.objective.")
    return found


def _findings_on_labels(outcomes: pa.Table, numbers: NumberColumn, key: str, label: str) -> list[ContractProblem]:
    total = outcomes.num_rows
    missing, orphans = outcomes[OUTCOME].null_count - how_many(numbers.unreadable), outcomes[OUTCOME_TIME].null_count
    found = []
    if numbers.remark:
        found.append(ContractProblem("schema", False, label, 0, f"{label}: {numbers.remark}."))
    if missing:
        blocking = missing == total
        advice = " Check source.label." if blocking else ""
        sentence = f"{label}: {missing:,} of {total:,} outcomes missing.{advice}"
        found.append(ContractProblem("nulls", blocking, label, missing, sentence))
    if orphans:
        sentence = f"{orphans:,} of {total:,} outcomes belong to no known row by their {key}, left out."
        found.append(ContractProblem("keys", False, key, orphans, sentence))
    return found


def _contradictions(outcomes: pa.Table, source: Source, where: str) -> list[ContractProblem]:
    """Keys with two different outcomes that became known at the same moment, so that neither is the later one."""
    key, label = source.key, source.label
    if pc.count_distinct(outcomes[key]).as_py() == outcomes.num_rows:
        return []
    counted = outcomes.group_by([key, KNOWN_AT]).aggregate([(OUTCOME, "count_distinct")])
    torn = counted.filter(pc.greater(counted[f"{OUTCOME}_count_distinct"], 1))
    if not torn.num_rows:
        return []
    advice = "" if source.known_at else ", or name the column that says when each was known as source.known_at"
    words = f"1 key in {key} has" if torn.num_rows == 1 else f"{torn.num_rows:,} keys in {key} have"
    sentence = (
        f"{where}: {words} different outcomes in {label} at one moment, first "
        f"{torn[key][0]}. Take the wrong ones out{advice}."
    )
    return [ContractProblem("keys", True, key, torn.num_rows, sentence)]
