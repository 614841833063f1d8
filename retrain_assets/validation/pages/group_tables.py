"""How both models treat every protected group, in tables that are reported beside the findings and decide nothing.

The tables come from fairlearn's `MetricFrame`. Every metric here is a ratio of two sums over rows, so the rows are
added up once for each combination of attributes and the frame is given the sums: the same values as from single rows,
at a cost that does not grow with their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.errors import DataError
from retrain_assets.metrics.formulas import predicted_class
from retrain_assets.metrics.metric import Array
from retrain_assets.store import Json
from retrain_assets.validation.comparison.comparison import finite
from retrain_assets.validation.comparison.units import GateRows, coded
from retrain_assets.validation.policy import ValidationPolicy

JOIN = " & "
"""Between the attributes, and between the values, of an intersection."""

ROWS = "rows"
"""The metric of a group's record that only counts it."""

LISTED = 50
"""How many of an attribute's small groups are counted one by one, the largest first; the others together."""

_FURTHER = re.compile(r"=\(([\d,]+) further values\)$")

Sums = tuple[Array, Array]
"""Numerator and denominator of a metric, one value for each combination of attributes."""


@dataclass(frozen=True)
class GroupValue:
    """One metric of one group for both models.

    `attribute` is one protected attribute or two joined by ` & `, `group` their values (`sex=F & race=a`). `rows` is
    what the metric rests on: the positives of a TPR. A value of one attribute with fewer rows than `pool_below` has no
    values, only the record that counts it (metric `rows`); a pair with fewer is left out.
    """

    attribute: str
    group: str
    metric: str
    rows: int
    champion_value: float | None = None
    candidate_value: float | None = None

    @classmethod
    def from_dict(cls, record: Json) -> GroupValue:
        """Read a stored value; the attribute of an older one follows from the group's name."""
        attribute = JOIN.join(part.split("=")[0] for part in str(record["group"]).split(JOIN))
        return cls(**{"attribute": attribute, **record})


@dataclass(frozen=True)
class Disparity:
    """How far the groups of one attribute are apart in one metric: largest minus, and smallest over largest value.

    Over groups with at least `pool_below` rows; None where fewer than two of them have a value.
    """

    attribute: str
    metric: str
    champion_difference: float | None
    candidate_difference: float | None
    champion_ratio: float | None
    candidate_ratio: float | None


@dataclass(frozen=True)
class GroupReport:
    """Every group's values and every attribute's disparities."""

    values: tuple[GroupValue, ...]
    disparities: tuple[Disparity, ...]


def group_report(
    policy: ValidationPolicy, task: str, rows: GateRows, champion: Array | None, candidate: Array
) -> GroupReport:
    """Count the groups, and compute every reported metric of those with at least `pool_below` rows.

    Groups are the values of each protected attribute, a missing value being one of them, and of each pair of
    attributes. Values are as given by fairlearn's `MetricFrame`, differences and ratios between groups too.

    Raises:
        DataError: The gate rows lack a protected attribute.
    """
    cells = _cells(policy.fairness.groups, rows)
    sums = {"candidate": _added_up(policy, task, rows.label, candidate, cells.of_row, cells.count)}
    if champion is not None:
        sums["champion"] = _added_up(policy, task, rows.label, champion, cells.of_row, cells.count)
    size = np.bincount(cells.of_row, minlength=cells.count).astype(np.float64)
    values: list[GroupValue] = []
    disparities: list[Disparity] = []
    for names in _attributes(policy.fairness.groups):
        texts = [cells.values[name] for name in names]
        named = np.array([JOIN.join(pair) for pair in zip(*texts, strict=True)], dtype=object)
        of_cell, counts = _counted(named, size)
        enough = counts[of_cell] >= policy.fairness.pool_below
        frames = {side: _frame(found, named, enough) for side, found in sums.items()} if enough.any() else {}
        values += _values(names, named, of_cell, counts, sums["candidate"], frames)
        if len(names) == 1:
            small = counts < policy.fairness.pool_below
            values += _small(names[0], np.unique(named.astype(str))[small], counts[small])
            disparities += _disparities(names[0], sums["candidate"], frames)
    return GroupReport(tuple(values), tuple(disparities))


def group_evidence(
    policy: ValidationPolicy, task: str, rows: GateRows, champion: Array | None, candidate: Array
) -> Json:
    """The group report as a verdict keeps it in its evidence."""
    if not policy.fairness.asked:
        return {"groups": [], "disparities": []}
    report = group_report(policy, task, rows, champion, candidate)
    return {
        "group_minimum": policy.fairness.pool_below,
        "groups": [asdict(value) for value in report.values],
        "disparities": [asdict(disparity) for disparity in report.disparities],
    }


@dataclass(frozen=True)
class _Cells:
    """Every combination of attribute values that occurs: which one each row is in, and its value of each attribute."""

    of_row: npt.NDArray[np.int64]
    values: Mapping[str, list[str]]

    @property
    def count(self) -> int:
        return len(next(iter(self.values.values())))


def _cells(names: tuple[str, ...], rows: GateRows) -> _Cells:
    codes = np.zeros(len(rows), dtype=np.int64)
    levels: dict[str, npt.NDArray[np.str_]] = {}
    for name in names:
        if name not in rows.groups:
            raise DataError(f"gate rows: no protected attribute {name!r}. Load it into groups.")
        texts, own = coded(rows.groups[name])
        levels[name] = np.array(texts)
        codes = codes * len(levels[name]) + own.astype(np.int64)
    present, of_row = np.unique(codes, return_inverse=True)
    values: dict[str, list[str]] = {}
    for name in reversed(names):
        present, own = np.divmod(present, max(len(levels[name]), 1))
        values[name] = [f"{name}={level}" for level in levels[name][own]]
    return _Cells(of_row.reshape(-1), values)


def _attributes(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [*((name,) for name in names), *combinations(names, 2)]


def _added_up(
    policy: ValidationPolicy, task: str, label: Array, scores: Array, of_row: npt.NDArray[np.int64], count: int
) -> dict[str, Sums]:
    def total(values: npt.NDArray[Any]) -> Array:
        return np.bincount(of_row, weights=values, minlength=count).astype(np.float64)

    return {name: (total(top), total(below)) for name, top, below in _row_sums(policy, task, label, scores)}


def _row_sums(
    policy: ValidationPolicy, task: str, label: Array, scores: Array
) -> Iterator[tuple[str, npt.NDArray[Any], npt.NDArray[Any]]]:
    """Name, numerator and denominator of each metric, row by row."""
    one = np.ones(len(label))
    if task == "regression":
        yield "mae", np.abs(scores - label), one
        yield "mean_error", scores - label, one
        return
    given = predicted_class(scores, policy.threshold)
    yield "accuracy", given == label, one
    for number in range(scores.shape[1]) if task == "multiclass" else (1,):
        suffix = f"[{number}]" if task == "multiclass" else ""
        truth, chosen = label == number, given == number
        yield f"selection_rate{suffix}", chosen, one
        yield f"tpr{suffix}", chosen & truth, truth
        yield f"fpr{suffix}", chosen & ~truth, ~truth


def _counted(named: npt.NDArray[np.object_], size: Array) -> tuple[npt.NDArray[np.int64], Array]:
    _, places = np.unique(named.astype(str), return_inverse=True)
    of_cell = places.reshape(-1).astype(np.int64)
    return of_cell, np.bincount(of_cell, weights=size).astype(np.float64)


def _frame(sums: Mapping[str, Sums], named: npt.NDArray[np.object_], enough: npt.NDArray[np.bool_]) -> Any:
    """The `MetricFrame` of one model over the cells of groups that are large enough."""
    import pandas as pd
    from fairlearn.metrics import MetricFrame

    nothing = np.zeros(int(enough.sum()))
    return MetricFrame(
        metrics=dict.fromkeys(sums, _ratio),
        y_true=nothing,
        y_pred=nothing,
        sensitive_features=pd.Series(named[enough], dtype=object),  # as an array, one cell would be read as a scalar
        sample_params={name: {"top": top[enough], "below": below[enough]} for name, (top, below) in sums.items()},
    )


def _ratio(y_true: Any, y_pred: Any, *, top: Any, below: Any) -> float:
    """A metric of one group from its cells' sums; not a number where it rests on no row."""
    rests_on = float(np.sum(below))
    return float(np.sum(top)) / rests_on if rests_on else float("nan")


def _values(
    names: tuple[str, ...],
    named: npt.NDArray[np.object_],
    of_cell: npt.NDArray[np.int64],
    counts: Array,
    sums: Mapping[str, Sums],
    frames: Json,
) -> Iterator[GroupValue]:
    attribute = JOIN.join(names)
    by_side = {side: frame.by_group.to_dict("index") for side, frame in frames.items()}
    for place, group in enumerate(np.unique(named.astype(str)).tolist()):
        own = by_side.get("candidate", {}).get(group)
        if own is None:
            continue
        yield GroupValue(attribute, group, ROWS, int(counts[place]))
        for metric, value in own.items():
            rests_on = int(sums[metric][1][of_cell == place].sum())
            before = by_side["champion"][group][metric] if "champion" in by_side else None
            yield GroupValue(attribute, group, metric, rests_on, finite(before), finite(value))


def _small(attribute: str, names: npt.NDArray[np.str_], counts: Array) -> Iterator[GroupValue]:
    """The groups with too few rows, counted: the largest of them each, the others together."""
    order = np.lexsort((names, -counts))
    for place in order[:LISTED]:
        yield GroupValue(attribute, str(names[place]), ROWS, int(counts[place]))
    others = order[LISTED:]
    if len(others):
        yield GroupValue(attribute, f"{attribute}=({len(others):,} further values)", ROWS, int(counts[others].sum()))


def groups_counted(values: Iterable[GroupValue]) -> int:
    """How many groups some records stand for, one of which may stand for several together.

    >>> groups_counted([GroupValue("town", name, ROWS, 9) for name in ("town=A", "town=(1,200 further values)")])
    1201
    """
    together = (_FURTHER.search(each.group) for each in values)
    return sum(int(found[1].replace(",", "")) if found else 1 for found in together)


def _disparities(attribute: str, sums: Mapping[str, Sums], frames: Json) -> Iterator[Disparity]:
    if not frames:
        return
    known = {side: _apart(frame) for side, frame in frames.items()}
    for metric in sums:
        before, after = (known[side][metric] if side in known else (None, None) for side in ("champion", "candidate"))
        yield Disparity(attribute, metric, before[0], after[0], before[1], after[1])


def _apart(frame: Any) -> dict[str, tuple[float | None, float | None]]:
    """Difference and ratio of each metric; no ratio of values that have a sign, none of a single group."""
    enough = frame.by_group.notna().sum() >= 2
    signed = frame.by_group.min() < 0
    differences, ratios = frame.difference(), frame.ratio()
    return {
        metric: (finite(differences[metric]), None if signed[metric] else finite(ratios[metric]))
        if enough[metric]
        else (None, None)
        for metric in frame.by_group.columns
    }
