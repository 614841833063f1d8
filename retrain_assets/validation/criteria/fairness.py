"""Has the candidate made any protected group worse off than the champion did?

Per group and rate, on the same rows. Where every row is independent, rates are compared by their flips (mid-p McNemar
to fail, the widest of three limits to pass); where days or clusters move together, by the t test over them that serves
every metric. The largest gap between groups is reported (`groups`) and never gated: with 100 positives a group and no
disparity at all it averages .094 for the TPR, so that "the gap must not rise" would stop half of all equal models.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from retrain_assets.metrics.metric import Array, metric, predicted_class
from retrain_assets.statistics.codes import Codes, narrow
from retrain_assets.statistics.multiple_testing import holm
from retrain_assets.validation.comparison.comparison import (
    Comparison,
    Level,
    against_limit,
    compare_in_parts,
    finite,
    number,
)
from retrain_assets.validation.comparison.estimate import estimate
from retrain_assets.validation.comparison.grouping import Group, Mask, groups
from retrain_assets.validation.comparison.paired_proportions import drop_limits, mid_p_mcnemar, rows_to_exclude_drop
from retrain_assets.validation.comparison.units import GateRows, units_within
from retrain_assets.validation.criteria.guardrails import clears
from retrain_assets.validation.policy import Floor, ValidationPolicy
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets.verdict import Finding, Outcome

RATES = ("tpr", "fpr", "selection_rate")
"""Rates of decisions; with several classes each class is asked about in turn (`tpr[2]`)."""

_ASKED = {"tpr": "positives", "fpr": "negatives", "selection_rate": "rows"}
_DIRECTION = {"tpr": "higher is better", "fpr": "lower is better", "selection_rate": "higher is better"}


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

    FAIL when the one-sided test for a drop, adjusted by Holm over all groups and metrics, is below `policy.alpha`,
    also when the certain drop is smaller than the margin; PASS when the upper confidence limit of the drop at
    `level.alpha` is below the margin; otherwise INSUFFICIENT. Fewer than 4 days, blocks or clusters are INSUFFICIENT.
    """
    found = groups(policy.fairness, rows)
    drops: list[_Drop] = []
    for name in policy.fairness.metrics:
        if name == "mae":
            drops += _error_drops(policy, rows, found, champion, candidate, level)
        else:
            drops += _rate_drops(policy, task, rows, found, name, champion, candidate, level)
    order = {group.name: place for place, group in enumerate(found)}
    drops.sort(key=lambda drop: order[drop.group.name])
    adjusted = holm([drop.p_value for drop in drops]).tolist()
    return tuple(_judged(policy, drop, p, len(drops), level) for drop, p in zip(drops, adjusted, strict=True))


def floors(policy: ValidationPolicy, task: str, rows: GateRows, candidate: Array, level: Level) -> tuple[Finding, ...]:
    """One finding per protected group and absolute limit that the first model must clear with confidence."""
    return tuple(
        _enough(clears("fairness", floor, comparison, level, group.name), group, policy.fairness.enough_rows)
        for group in groups(policy.fairness, rows)
        for floor in policy.fairness.floors
        for comparison in _distances(policy, task, rows, group, floor, candidate)
    )


def _decisions(task: str, label: Array, scores: Array, threshold: float) -> Iterator[tuple[str, Mask, Mask]]:
    """Name suffix, truth and decision of each class that is asked about: of class 1 alone, or of each of several."""
    if task == "multiclass":
        given = narrow(predicted_class(scores, threshold))
        for number_of_class in range(scores.shape[1]):
            yield f"[{number_of_class}]", label == number_of_class, given == number_of_class
    else:
        yield "", label == 1, scores >= threshold


def _asked(name: str, truth: Mask, mask: Mask) -> Mask:
    """Which rows of a group a rate is of."""
    if name == "selection_rate":
        return mask
    return mask & truth if name == "tpr" else mask & ~truth


def _rate_drops(
    policy: ValidationPolicy,
    task: str,
    rows: GateRows,
    found: tuple[Group, ...],
    name: str,
    champion: Array,
    candidate: Array,
    level: Level,
) -> Iterator[_Drop]:
    before = _decisions(task, rows.label, champion, policy.threshold)
    after = _decisions(task, rows.label, candidate, policy.threshold)
    for (suffix, truth, old), (_, _, new) in zip(before, after, strict=True):
        answers = old.view(np.uint8) + 2 * new.view(np.uint8)
        for group in found:
            yield _rate_drop(policy, rows, group, name, suffix, _asked(name, truth, group.mask), answers, level)


def _rate_drop(
    policy: ValidationPolicy,
    rows: GateRows,
    group: Group,
    name: str,
    suffix: str,
    asked: Mask,
    answers: Codes,
    level: Level,
) -> _Drop:
    """A rate of the rows `asked`, where `answers` is 0 for two times no, 1 or 2 for a single yes, 3 for two."""
    own = answers[asked]
    n, (lost, gained, both) = own.size, (int(np.count_nonzero(own == answer)) for answer in (1, 2, 3))
    b, c = (gained, lost) if name == "fpr" else (lost, gained)
    psi = np.array([0.0, 1.0, -1.0, 0.0] if name == "fpr" else [0.0, -1.0, 1.0, 0.0])[own]
    comparison = Comparison(
        name + suffix,
        _DIRECTION[name],
        "share",
        (lost + both) / n if n else None,
        (gained + both) / n if n else np.nan,
        estimate(psi, units_within(policy.unit, psi, rows, asked), one_flip=policy.unit != "row"),
    )
    margin, small = policy.fairness.margin, _too_small(group, policy.fairness.enough_rows)
    fewest, few = rows_to_exclude_drop(b, c, n, margin, level.alpha, level.power), ""
    if n < fewest:
        few = f"{n:,} {_ASKED[name]}, {fewest:,} needed to exclude a change for the worse of {number(margin)}"
    if policy.unit != "row":
        lacking = small or comparison.estimate.shortfall() or few
        return _by_units(policy, group, comparison, _ASKED[name], lacking, fewest, level)
    low, high = drop_limits(b, c, n, level.alpha)
    return _Drop(group, comparison, _ASKED[name], low, high, mid_p_mcnemar(b, c), fewest, small or few)


def _error_drops(
    policy: ValidationPolicy,
    rows: GateRows,
    found: tuple[Group, ...],
    champion: Array,
    candidate: Array,
    level: Level,
) -> Iterator[_Drop]:
    compared = compare_in_parts(metric("mae"), policy, rows, champion, candidate, found)
    for group, comparison in zip(found, compared, strict=True):
        lacking = _too_small(group, policy.fairness.enough_rows) or comparison.estimate.shortfall()
        yield _by_units(policy, group, comparison, "rows", lacking, None, level)


def _by_units(
    policy: ValidationPolicy,
    group: Group,
    comparison: Comparison,
    asked: str,
    lacking: str,
    fewest: int | None,
    level: Level,
) -> _Drop:
    """A drop judged by the t test over independent units; `fewest` rows are needed whatever the test says."""
    found, margin = comparison.estimate, policy.fairness.margin
    needed = [rows for rows in (fewest, found.rows_needed(margin, level.alpha, level.power)) if rows is not None]
    return _Drop(
        group,
        comparison,
        asked,
        -found.high(level.alpha),
        -found.low(level.alpha),
        np.nan if found.shortfall() else found.p_worse(),
        max(needed, default=None),
        lacking,
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
        if drop.rows_needed and comparison.estimate.rows >= drop.rows_needed:
            reason += (
                "; as many rows would show that nothing changed, so that it is the change itself which is in doubt"
            )
    reason += f", {comparison.estimate.rows:,} {drop.asked}"
    if comparison.estimate.unit != "row":
        reason += f" in {comparison.base}"
    finding = comparison.finding(
        "fairness",
        "fairness",
        outcome,
        reason,
        level,
        group=drop.group.name,
        margin=margin,
        p_value=p_value,
        p_level=alpha,
        rows_needed=_rows_needed(drop.group, comparison.estimate.rows, drop.rows_needed, policy.fairness.enough_rows),
    )
    return replace(finding, low=finite(-drop.high), high=finite(-drop.low))


def _rows_needed(group: Group, rows: int, needed: int | None, enough: int) -> int | None:
    """The test's rows, and as many of them as a group would have that is just large enough to be judged."""
    if not 0 < group.rows < enough:
        return needed
    return max(needed or 0, math.ceil(rows * enough / group.rows))


def _too_small(group: Group, enough: int) -> str:
    return f"{group.rows:,} rows in the group, {enough:,} needed" if group.rows < enough else ""


def _enough(finding: Finding, group: Group, enough: int) -> Finding:
    """A pass on a group that is too small is none."""
    lacking = _too_small(group, enough)
    if finding.outcome is Outcome.PASS and lacking:
        needed = _rows_needed(group, finding.rows, finding.rows_needed, enough)
        reason = f"{finding.reason}: {lacking}"
        return replace(finding, outcome=Outcome.INSUFFICIENT, reason=reason, rows_needed=needed)
    return finding


def _distances(
    policy: ValidationPolicy, task: str, rows: GateRows, group: Group, floor: Floor, candidate: Array
) -> Iterator[Comparison]:
    """How far one group stands from a limit: a metric of its rows, or a rate of each class's decisions."""
    mask = group.mask
    inside, scores = rows.where(mask), candidate[mask]
    if floor.metric not in RATES:
        yield against_limit(
            metric_of(policy, floor.metric), policy, inside, scores, at_least=floor.at_least, at_most=floor.at_most
        )
        return
    for suffix, truth, decision in _decisions(task, inside.label, scores, policy.threshold):
        asked = _asked(floor.metric, truth, np.ones_like(truth))
        answers = decision[asked].astype(float)
        psi = answers - floor.at_least if floor.at_least is not None else (floor.at_most or 0.0) - answers
        units = units_within(policy.unit, psi, inside, asked)
        value = float(answers.mean()) if answers.size else np.nan
        found = estimate(psi, units, one_flip=True)
        yield Comparison(floor.metric + suffix, _DIRECTION[floor.metric], "share", None, value, found)
