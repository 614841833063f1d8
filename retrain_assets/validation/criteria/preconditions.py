"""What must hold before any statistic is worth computing: usable labels and scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from retrain_assets.documents.units import counted, plural
from retrain_assets.errors import DataError
from retrain_assets.metrics.metric import Array
from retrain_assets.validation.comparison.comparison import number
from retrain_assets.validation.comparison.estimate import FEWEST_ROWS
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.verdict import Finding, Outcome

_SLICE_ROWS = 1 << 14
_ROUNDING, _SUM_TO_ONE = 1e-12, 1e-6
_NAMED = 5
"""How many strange labels are named, the most frequent first."""


def usable(task: str, rows: GateRows, candidate: Array, champion: Array | None) -> Finding:
    """Judge labels, amounts and scores: finite, in range, not constant, of the task's shape.

    Of a classifier at least two classes must be seen, each with a score: 0 and 1, or 0, 1, ... k - 1 of k columns. A
    fault of the candidate is a FAIL; a fault of the rows or of the champion leaves it undecided. Fewer than 10 rows of
    one score are no fault yet: what follows says that they are too few.
    """
    for name, scores in (("candidate", candidate), ("champion", champion)):
        if scores is not None and len(scores) != len(rows):
            raise DataError(f"gate: {len(scores)} {name} scores for {len(rows)} rows. Score exactly the gate rows.")
    for outcome, fault in (
        (Outcome.FAIL, _misshapen(task, candidate)),
        (Outcome.INSUFFICIENT, _unusable_rows(task, rows) or _unusable_amounts(rows)),
        (Outcome.INSUFFICIENT, _without_score(rows, 2 if task == "binary" else candidate.shape[-1], task)),
        (Outcome.FAIL, _fault("candidate", task, candidate, rows.row_name)),
        (
            Outcome.INSUFFICIENT,
            _champion_fault(task, champion, candidate, rows.row_name) if champion is not None else "",
        ),
    ):
        if fault:
            return _finding(outcome, fault, len(rows))
    if len(rows) >= FEWEST_ROWS and bool((candidate == candidate[:1]).all()):
        return _finding(
            Outcome.FAIL, f"the candidate gives all {counted(len(rows), rows.row_name)} the same score", len(rows)
        )
    return _finding(Outcome.PASS, f"labels and scores of {counted(len(rows), rows.row_name)} are usable", len(rows))


def unscorable(rows: GateRows, fault: str) -> Finding:
    """The finding that says why the live version cannot be compared with; it leaves the question open."""
    return _finding(Outcome.INSUFFICIENT, f"the champion can no longer be scored: {fault}", len(rows))


def same_scores(candidate: Array, champion: Array | None) -> bool:
    """Whether two models score every gate row alike, but for the rounding of sums."""
    if champion is None or not len(candidate) or candidate.shape != champion.shape:
        return False
    parts = (slice(first, first + _SLICE_ROWS) for first in range(0, len(candidate), _SLICE_ROWS))
    return all(np.allclose(candidate[part], champion[part], rtol=_ROUNDING, atol=0.0) for part in parts)


def identical(rows: GateRows) -> Finding:
    """The finding that says so."""
    return _finding(
        Outcome.FAIL,
        f"the candidate scores all {counted(len(rows), f'gate {rows.row_name}')} like the champion",
        len(rows),
    )


def _unusable_rows(task: str, rows: GateRows) -> str:
    label, several = rows.label, f"gate {plural(rows.row_name)}"
    if not len(label):
        return f"no gate {rows.row_name} with a known outcome"
    if unknown := int((~np.isfinite(label)).sum()):
        return f"{unknown:,} of {len(label):,} {several} have no outcome"
    if task != "regression" and len(np.unique(label)) < 2:
        return f"all {len(label):,} {several} are of class {label[0]:g}, two classes needed"
    if task == "regression" and len(label) >= FEWEST_ROWS and bool((label == label[0]).all()):
        return f"all {len(label):,} {several} have the outcome {label[0]:g}, which tells no two models apart"
    return ""


def _misshapen(task: str, candidate: Array) -> str:
    if candidate.ndim == (2 if task == "multiclass" else 1):
        return ""
    asked = "one column of scores for each class" if task == "multiclass" else "one score for each row"
    return f"the candidate's scores have shape {candidate.shape}, the task {task} asks for {asked}"


def _without_score(rows: GateRows, classes: int, task: str) -> str:
    """Labels of a classifier that no score speaks of, the most frequent of them by name."""
    if task == "regression":
        return ""
    label, several = rows.label, plural(rows.row_name)
    values, counts = np.unique(label, return_counts=True)
    strange = ~np.isin(values, np.arange(classes))
    if not strange.any():
        return ""
    order = np.argsort(-counts[strange], kind="stable")[:_NAMED]
    named = ", ".join(
        f"{values[strange][place]:g} ({counted(int(counts[strange][place]), rows.row_name)})" for place in order
    )
    more = f" and {int(strange.sum()) - _NAMED:,} further values" if strange.sum() > _NAMED else ""
    asked = "0 and 1" if classes == 2 else f"0 to {classes - 1}"
    return (
        f"{int(counts[strange].sum()):,} of {len(label):,} gate {several} have a label without a score: {named}{more}; "
        f"the {classes} classes that are scored are {asked}"
    )


def _unusable_amounts(rows: GateRows) -> str:
    several = f"gate {plural(rows.row_name)}"
    for name, values in rows.amounts.items():
        if unknown := int((~np.isfinite(values)).sum()):
            return f"{unknown:,} of {len(values):,} {several} have no {name}, by which errors are priced"
        if negative := int((values < 0).sum()):
            lowest = number(float(values.min()))
            return f"{negative:,} of {len(values):,} {several} have a {name} below 0, the lowest {lowest}"
    return ""


def _champion_fault(task: str, champion: Array, candidate: Array, row: str) -> str:
    if champion.shape != candidate.shape:
        return f"the champion's scores have shape {champion.shape}, the candidate's {candidate.shape}"
    return _fault("champion", task, champion, row)


def _fault(model: str, task: str, scores: Array, row: str) -> str:
    if broken := int((~_all_in_row(np.isfinite(scores))).sum()):
        return f"{broken:,} of {len(scores):,} scores of the {model} are not finite"
    if task == "regression":
        return ""
    if outside := int((~_all_in_row((scores >= 0) & (scores <= 1))).sum()):
        worst = scores.flat[int(np.argmax(np.abs(scores - 0.5)))]
        return f"{outside:,} of {len(scores):,} scores of the {model} are no probability, the worst {number(worst)}"
    if scores.ndim == 2 and (apart := np.abs(scores.sum(axis=1) - 1)).max(initial=0.0) > _SUM_TO_ONE:
        return (
            f"the class probabilities of {int((apart > _SUM_TO_ONE).sum()):,} of {len(scores):,} {plural(row)} do not "
            f"sum to 1 for the {model}, the worst to {number(float(scores.sum(axis=1)[int(apart.argmax())]))}"
        )
    return ""


def _all_in_row(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.asarray(mask if mask.ndim == 1 else mask.all(axis=1))


def _finding(outcome: Outcome, reason: str, rows: int) -> Finding:
    return Finding("hard", outcome, reason, role="hard", rows=rows, unit="row", units=rows)
