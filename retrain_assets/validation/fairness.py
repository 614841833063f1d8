"""Has the candidate made any protected group worse off than the champion did?

Per group and rate, on the same rows. The largest gap between groups is reported (`groups`) and never gated: with 100
positives a group and no disparity at all it averages .094 for the TPR, so that "the gap must not rise" would stop half
of all equal models.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from retrain_assets.blocks import sums
from retrain_assets.errors import DataError
from retrain_assets.metrics import Array, metric, predicted_class
from retrain_assets.validation.comparison import Comparison, Level, against_limit, compare, finite, number
from retrain_assets.validation.declared import metric_of
from retrain_assets.validation.estimate import estimate, holm
from retrain_assets.validation.guardrails import clears
from retrain_assets.validation.policy import FairnessPolicy, Floor, ValidationPolicy
from retrain_assets.validation.proportions import drop_limits, mid_p_mcnemar, rows_to_exclude_drop
from retrain_assets.validation.units import GateRows, Units, coded, units_of
from retrain_assets.verdict import Finding, Outcome

Mask = npt.NDArray[np.bool_]

RATES = ("tpr", "fpr", "selection_rate")
"""Rates of decisions; with several classes each class is asked about in turn (`tpr[2]`)."""

_ASKED = {"tpr": "positives", "fpr": "negatives", "selection_rate": "rows"}
_DIRECTION = {"tpr": "higher is better", "fpr": "lower is better", "selection_rate": "higher is better"}


@dataclass(frozen=True)
class Group:
    """One value of one protected attribute, or several small ones together, and its rows."""

    attribute: str
    value: str
    mask: Mask

    @property
    def name(self) -> str:
        """As written in evidence, like `sex=F`."""
        return f"{self.attribute}={self.value}"

    @property
    def rows(self) -> int:
        """How many gate rows it has."""
        return int(self.mask.sum())


@dataclass(frozen=True)
class _Drop:
    """How much worse one metric of one group has become, before it is judged; above 0 is worse.

    `asked` names the rows the metric rests on (positives, negatives, rows); `lacking` says why nothing can be said.
    """

    group: Group
    comparison: Comparison
    asked: str
    low: float
    high: float
    p_value: float
    rows_needed: int | None
    lacking: str


def fairness(
    policy: ValidationPolicy, task: str, rows: GateRows, champion: Array, candidate: Array, level: Level
) -> tuple[Finding, ...]:
    """One finding per protected group and declared metric.

    FAIL when the one-sided test for a drop, adjusted by Holm over all groups and metrics, is below `policy.alpha`;
    PASS when the upper confidence limit of the drop at `level.alpha` is below the margin; otherwise INSUFFICIENT.
    """
    drops: list[_Drop] = []
    for group in groups(policy.fairness, rows):
        for name in policy.fairness.metrics:
            if name == "mae":
                drops.append(_error_drop(policy, rows, group, champion, candidate, level))
            else:
                drops.extend(_rate_drops(policy, task, rows, group, name, champion, candidate, level))
    adjusted = holm([drop.p_value for drop in drops])
    return tuple(_judged(policy, drop, p, len(drops), level) for drop, p in zip(drops, adjusted, strict=True))


def floors(policy: ValidationPolicy, task: str, rows: GateRows, candidate: Array, level: Level) -> tuple[Finding, ...]:
    """One finding per protected group and absolute limit that the first model must clear with confidence."""
    return tuple(
        _enough(clears("fairness", floor, comparison, level, group.name), group, policy.fairness.pool_below)
        for group in groups(policy.fairness, rows)
        for floor in policy.fairness.floors
        for comparison in _distances(policy, task, rows, group, floor, candidate)
    )


def groups(policy: FairnessPolicy, rows: GateRows) -> tuple[Group, ...]:
    """The groups of every protected attribute; values with fewer rows than `pool_below` are judged together.

    Raises:
        DataError: The gate rows lack a protected attribute.
    """
    return tuple(group for name in policy.groups for group in groups_of(name, rows, policy.pool_below))


def groups_of(attribute: str, rows: GateRows, pool_below: int) -> Iterator[Group]:
    """The values of one column as groups of rows, values with fewer rows than `pool_below` as one."""
    if attribute not in rows.groups:
        raise DataError(f"gate rows: no column {attribute!r}. Load it into groups.")
    names, code = coded(rows.groups[attribute])
    small = sums(code) < pool_below
    for place in np.flatnonzero(~small):
        yield Group(attribute, names[place], code == place)
    if small.any():
        pooled = ", ".join(name for name, few in zip(names, small, strict=True) if few)
        yield Group(attribute, f"(pooled: {pooled})", small[code])


def _decisions(
    task: str, label: Array, scores: Array, threshold: float
) -> Iterator[tuple[str, Mask, npt.NDArray[np.bool_]]]:
    """Name suffix, truth and decision of each class that is asked about: of class 1 alone, or of each of several."""
    if task == "multiclass":
        given = predicted_class(scores, threshold)
        for number_of_class in range(scores.shape[1]):
            yield f"[{number_of_class}]", label == number_of_class, given == number_of_class
    else:
        yield "", label == 1, scores >= threshold


def _asked(name: str, truth: Mask) -> Mask:
    return {"tpr": truth, "fpr": ~truth}.get(name, np.ones_like(truth))


def _rate_drops(
    policy: ValidationPolicy,
    task: str,
    rows: GateRows,
    group: Group,
    name: str,
    champion: Array,
    candidate: Array,
    level: Level,
) -> Iterator[_Drop]:
    before = _decisions(task, rows.label, champion, policy.threshold)
    after = _decisions(task, rows.label, candidate, policy.threshold)
    for (suffix, truth, old), (_, _, new) in zip(before, after, strict=True):
        asked = _asked(name, truth) & group.mask
        yield _rate_drop(policy, group, name, suffix, old[asked], new[asked], level)


def _rate_drop(
    policy: ValidationPolicy, group: Group, name: str, suffix: str, old: Mask, new: Mask, level: Level
) -> _Drop:
    lost, gained, n = int((old & ~new).sum()), int((~old & new).sum()), len(old)
    b, c = (gained, lost) if name == "fpr" else (lost, gained)
    margin, asked = policy.fairness.margin, _ASKED[name]
    needed = rows_to_exclude_drop(b, c, n, margin, level.alpha, level.power)
    low, high = drop_limits(b, c, n, level.alpha)
    psi = (new.astype(float) - old) * (-1.0 if name == "fpr" else 1.0)
    comparison = Comparison(
        name + suffix,
        _DIRECTION[name],
        "share",
        float(old.mean()) if n else None,
        float(new.mean()) if n else np.nan,
        estimate(psi, Units.rows(n)),
    )
    lacking = _too_small(group, policy.fairness.pool_below)
    if not lacking and n < needed:
        lacking = f"{n:,} {asked}, {needed:,} needed to exclude a change for the worse of {number(margin)}"
    return _Drop(group, comparison, asked, low, high, mid_p_mcnemar(b, c), needed, lacking)


def _error_drop(
    policy: ValidationPolicy, rows: GateRows, group: Group, champion: Array, candidate: Array, level: Level
) -> _Drop:
    mask, margin = group.mask, policy.fairness.margin
    comparison = compare(metric("mae"), policy, rows.where(mask), champion[mask], candidate[mask])
    found = comparison.estimate
    shortfall = found.shortfall()
    return _Drop(
        group,
        comparison,
        "rows",
        -found.high(level.alpha),
        -found.low(level.alpha),
        np.nan if shortfall else found.p_worse(),
        found.rows_needed(margin, level.alpha, level.power),
        _too_small(group, policy.fairness.pool_below) or shortfall,
    )


def _judged(policy: ValidationPolicy, drop: _Drop, p_value: float, tests: int, level: Level) -> Finding:
    margin, comparison, alpha = policy.fairness.margin, drop.comparison, policy.alpha
    change = f"{drop.group.name}: {comparison.values}"
    limit = f"{level.confidence} limit of the change for the worse {number(drop.high)}"
    if p_value < alpha:
        outcome = Outcome.FAIL
        worse = number(-comparison.estimate.improvement)
        reason = f"{change}, worse by {worse} (p {number(p_value)} < {alpha:g} after Holm over {tests})"
    elif drop.lacking:
        outcome, reason = Outcome.INSUFFICIENT, f"{change}: {drop.lacking}"
    elif drop.high < margin:
        outcome, reason = Outcome.PASS, f"{change} ({limit} < {number(margin)})"
    else:
        outcome, reason = Outcome.INSUFFICIENT, f"{change} ({limit}, not below {number(margin)})"
    reason += f", {comparison.estimate.rows:,} {drop.asked}"
    finding = comparison.finding(
        "fairness",
        "fairness",
        outcome,
        reason,
        level,
        group=drop.group.name,
        margin=margin,
        p_value=p_value,
        rows_needed=_rows_needed(drop.group, comparison.estimate.rows, drop.rows_needed, policy.fairness.pool_below),
    )
    return replace(finding, low=finite(-drop.high), high=finite(-drop.low))


def _rows_needed(group: Group, rows: int, needed: int | None, pool_below: int) -> int | None:
    """The test's rows, and as many of them as a group would have that is just large enough to be judged."""
    if not 0 < group.rows < pool_below:
        return needed
    return max(needed or 0, math.ceil(rows * pool_below / group.rows))


def _too_small(group: Group, pool_below: int) -> str:
    return f"{group.rows:,} rows in the group, {pool_below:,} needed" if group.rows < pool_below else ""


def _enough(finding: Finding, group: Group, pool_below: int) -> Finding:
    """A pass on a group that is too small is none."""
    lacking = _too_small(group, pool_below)
    if finding.outcome is Outcome.PASS and lacking:
        needed = _rows_needed(group, finding.rows, finding.rows_needed, pool_below)
        reason = f"{finding.reason}: {lacking}"
        return replace(finding, outcome=Outcome.INSUFFICIENT, reason=reason, rows_needed=needed)
    return finding


def _distances(
    policy: ValidationPolicy, task: str, rows: GateRows, group: Group, floor: Floor, candidate: Array
) -> Iterator[Comparison]:
    """How far one group stands from a limit: a metric of its rows, or a rate of each class's decisions."""
    inside, scores = rows.where(group.mask), candidate[group.mask]
    if floor.metric not in RATES:
        yield against_limit(
            metric_of(policy, floor.metric), policy, inside, scores, at_least=floor.at_least, at_most=floor.at_most
        )
        return
    for suffix, truth, decision in _decisions(task, inside.label, scores, policy.threshold):
        asked = _asked(floor.metric, truth)
        answers = decision[asked].astype(float)
        psi = answers - floor.at_least if floor.at_least is not None else (floor.at_most or 0.0) - answers
        units = units_of(policy.unit, psi, inside.where(asked))
        value = float(answers.mean()) if answers.size else np.nan
        found = estimate(psi, units, one_flip=True)
        yield Comparison(floor.metric + suffix, _DIRECTION[floor.metric], "share", None, value, found)
