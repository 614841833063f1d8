"""Two models, or a model and a limit, on the same rows in one metric; and how such a comparison reads as evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from retrain_assets.documents.page import figure
from retrain_assets.documents.units import amount, certainty, difference
from retrain_assets.metrics.metric import Array, Metric
from retrain_assets.statistics.codes import Codes, narrow, sums
from retrain_assets.validation.comparison.block_estimate import Rows, block_estimate, block_mean, block_units
from retrain_assets.validation.comparison.estimate import Estimate, counted, estimate
from retrain_assets.validation.comparison.grouping import Group
from retrain_assets.validation.comparison.units import GateRows, GateSubset, units_of, units_within
from retrain_assets.validation.comparison.wording import GUESSED, against, beside_constant, fresh, moved
from retrain_assets.validation.policy import Floor, ValidationPolicy
from retrain_assets.verdict import Finding, Outcome


@dataclass(frozen=True)
class Level:
    """How strict a comparison is: the one-sided level, and the power at which it should find a margin."""

    alpha: float
    power: float


@dataclass(frozen=True)
class Comparison:
    """A candidate's value beside the champion's (None: beside a limit), and the estimate of the improvement.

    The improvement is the difference of the two values. `note` says what the values are where that is not plain, `row`
    what a row is called, `is_mean` that the values are means over rows, and `constant` that the other value is that of
    always guessing one number.
    """

    metric: str
    direction: str
    unit: str
    champion_value: float | None
    candidate_value: float
    estimate: Estimate
    note: str = ""
    row: str = "row"
    is_mean: bool = False
    constant: bool = False

    @property
    def change(self) -> str:
        """Both values in words, like `MAE fell from $1.92 to $1.71 a ride (-11 %)`."""
        a_row = self.row if self.is_mean else ""
        before, after = self.champion_value, self.candidate_value
        if self.constant and before is not None:
            said = beside_constant(self.metric, self.unit, before, after, a_row=a_row)
        else:
            said = moved(self.metric, self.unit, before, after, a_row=a_row)
        return f"{said} ({self.note})" if self.note else said

    @property
    def beside(self) -> str:
        """Both values in words, like `average error $1.92 against $1.71`."""
        if self.champion_value is None:
            return self.change
        said = against(self.metric, self.unit, self.champion_value, self.candidate_value)
        said += f" of {GUESSED}" if self.constant else ""
        return f"{said} ({self.note})" if self.note else said

    @property
    def base(self) -> str:
        """What the estimate rests on, like `30 days of fresh rides`."""
        return fresh(self.estimate.units, self.estimate.unit, self.row)

    @property
    def shortfall(self) -> str:
        """Why no answer can be given; empty when one can."""
        return self.estimate.shortfall(self.row)

    def difference(self, value: float) -> str:
        """A difference of two values with its unit."""
        return difference(value, self.unit)

    def amount(self, value: float) -> str:
        """A number in the metric's unit."""
        return amount(value, self.unit)

    def confidence(self, level: Level) -> str:
        """How sure a limit at that level is; surer where nothing but these days tells how far days go together.

        >>> from retrain_assets.statistics.long_run_variance import MeanError
        >>> days = Estimate(0.1, 0.1, 12, 900, 900, "day", 14, 1, by_day=MeanError(0.1, 12, 1.0, 0, 0.5))
        >>> Comparison("mae", "lower is better", "", 1.0, 0.9, days).confidence(Level(alpha=0.05, power=0.8))
        '97.5 %'
        """
        return certainty(level.alpha * self.estimate.level_share)

    @property
    def _strict(self) -> str:
        """Why the confidence is more than the level's: nothing but these days tells how far days go together."""
        strict = self.estimate.level_share < 1 and not self.estimate.shortfall()
        return "; stricter, because there is no history of earlier days" if strict else ""

    def finding(self, question: Question, answer: Answer, level: Level) -> Finding:
        """The comparison as one row of evidence."""
        found, p_value, by_day = self.estimate, finite(answer.p_value), self.estimate.by_day
        return Finding(
            question.check,
            answer.outcome,
            f"{answer.reason}{self._strict}",
            metric=self.metric,
            role=question.role,
            group=question.group,
            direction=self.direction,
            rows=found.rows,
            unit=found.unit,
            units=found.units,
            design_effect=finite(found.design_effect),
            champion_value=finite(self.champion_value),
            candidate_value=finite(self.candidate_value),
            improvement=finite(found.improvement),
            low=finite(found.low(level.alpha)),
            high=finite(found.high(level.alpha)),
            alpha=level.alpha * found.level_share,
            margin=answer.margin,
            p_value=p_value,
            minimum_detectable=finite(found.minimum_detectable(level.alpha, level.power)),
            rows_needed=max(answer.rows_needed or 0, found.rows_to_answer or 0) or None,
            p_level=None if p_value is None else answer.p_level or level.alpha,
            degrees=finite(found.degrees) if by_day else None,
            variance_ratio=finite(by_day.ratio) if by_day else None,
            history_days=by_day.history_days if by_day else None,
            against=question.against,
        )


@dataclass(frozen=True)
class Question:
    """What is asked: the check it belongs to, its role there, the group of rows, and the version to compare with.

    `against` is empty for the live model, and names the version where it is another.
    """

    check: str
    role: str
    group: str = ""
    against: str = ""

    @property
    def about(self) -> str:
        """Beginning of the sentence that answers it, like `sex=F: ` or `against v1: `."""
        named = f"against {self.against}" if self.against else ""
        return "".join(f"{part}: " for part in (named, self.group) if part)


@dataclass(frozen=True)
class Answer:
    """What was found: the outcome, the sentence, and the numbers that decided it.

    `p_level` is what an adjusted p-value is held against; the level itself where None.
    """

    outcome: Outcome
    reason: str
    margin: float | None = None
    p_value: float | None = None
    rows_needed: int | None = None
    p_level: float | None = None


def compare(
    metric: Metric,
    policy: ValidationPolicy,
    rows: GateRows | GateSubset,
    champion: Array,
    candidate: Array,
    of: npt.NDArray[np.bool_] | None = None,
) -> Comparison:
    """Compare the candidate with the champion in one metric, row by row.

    The support is that of the model for which fewer rows bear on the metric. A function of all rows is compared block
    by block: both values are then means over the blocks, as the improvement is.

    Args:
        metric: What is compared.
        policy: Threshold and unit.
        rows: The rows.
        champion: The champion's scores, shape (n,) or (n, k).
        candidate: The candidate's scores, same shape.
        of: Which of the scores belong to the rows, where those are a part of what was scored.
    """
    metric = metric.on(rows.amounts)
    own = slice(None) if of is None else of
    if metric.whole is not None:
        return _compare_whole(metric, policy, rows, champion[own], candidate[own])
    pair = _paired_by_class if metric.one_by_one(_columns(champion)) else _paired
    psi, before, after, support = pair(metric, policy.threshold, rows.label, champion, candidate, own)
    parts = metric.parts(rows.label, _columns(champion))
    units = units_of(policy.unit, rows, metric.name)
    found = estimate(psi, units, support=support, one_flip=metric.counts_flips, parts=parts)
    return _compared(metric, rows, before, after, found)


def compare_in_parts(
    metric: Metric,
    policy: ValidationPolicy,
    rows: GateRows,
    champion: Array,
    candidate: Array,
    groups: Sequence[Group],
) -> list[Comparison]:
    """The same comparison for each of several groups of the rows.

    All groups are computed at once, so that no column is copied for a large one; a metric that cannot be asked by part
    needs the scores of each group. The groups are of one attribute, of a mean loss also of several.
    """
    if not metric.by_part:
        masks = (group.mask for group in groups)
        return [compare(metric, policy, _small(metric, rows.where(of)), champion, candidate, of) for of in masks]
    bound = metric.on(rows.amounts)
    psi, *values = (_losses if metric.is_mean_loss else _by_part)(bound, policy, rows, champion, candidate, groups)
    parts, found = bound.parts(rows.label, _columns(champion)), []
    for group, before, after, support in zip(groups, *values, strict=True):
        mask = group.mask
        units = units_within(policy.unit, rows, mask, metric.name)
        own = None if parts is None else parts[mask]
        measured = estimate(psi[mask], units, support=support, one_flip=metric.counts_flips, parts=own)
        found.append(_compared(metric, rows, before, after, measured))
    return found


PairedParts: TypeAlias = tuple[Array, Sequence[float], Sequence[float], Sequence[float]]
"""Row values of an improvement in their group, and of each group both models' values and the rows that bear on them."""


def _losses(
    metric: Metric, policy: ValidationPolicy, rows: GateRows, champion: Array, candidate: Array, groups: Sequence[Group]
) -> PairedParts:
    """A row's loss is the same whatever group it is in."""
    before = metric.row_values(rows.label, champion, policy.threshold)
    champion_values = [_mean(before, group.mask) for group in groups]
    after = metric.row_values(rows.label, candidate, policy.threshold)
    candidate_values = [_mean(after, group.mask) for group in groups]
    psi = np.subtract(before, after, out=before)
    return psi, champion_values, candidate_values, [float(group.rows) for group in groups]


def _by_part(
    metric: Metric, policy: ValidationPolicy, rows: GateRows, champion: Array, candidate: Array, groups: Sequence[Group]
) -> PairedParts:
    """Class by class where the metric is a mean over classes."""
    part, classes = _numbered(groups), metric.one_by_one(_columns(champion))
    psi, values, size = np.zeros(len(rows)), np.zeros((2, len(groups))), sums(part)
    sign = (1.0 if metric.higher_is_better else -1.0) / max(len(classes), 1)
    support = np.full(len(groups), math.inf)
    for number, each in enumerate(classes or (metric,)):
        truth = (rows.label == number).view(np.uint8) if classes else rows.label
        for place, (scores, turned) in enumerate(((champion, -sign), (candidate, sign))):
            own = scores[:, number] if classes else scores
            found = each.row_values(truth, own, policy.threshold, part)
            values[place] += sums(part, found) / size / max(len(classes), 1)
            psi += np.multiply(found, turned, out=found)
            del found
            bearing = sums(part, truth) if classes else metric.supports(truth, own, policy.threshold, part)
            support = np.minimum(support, bearing)
    return psi, values[0].tolist(), values[1].tolist(), support.tolist()


def _numbered(groups: Sequence[Group]) -> Codes:
    """The place of each row's group among those of one attribute."""
    code, place = groups[0].code, np.zeros(len(groups[0].member), dtype=np.int64)
    for number, group in enumerate(groups):
        place[group.member] = number
    return code if np.array_equal(place, np.arange(place.size)) else narrow(place)[code]


Paired: TypeAlias = tuple[Array, float, float, float]
"""Row values of an improvement, the champion's and the candidate's value, and how many rows bear on them."""

Own: TypeAlias = slice | npt.NDArray[np.bool_]


def _paired(metric: Metric, threshold: float, label: Array, champion: Array, candidate: Array, own: Own) -> Paired:
    """Two columns stand at a time, and what a metric needs."""
    before = metric.row_values(label, champion[own], threshold)
    champion_value = _mean(before)
    after = metric.row_values(label, candidate[own], threshold)
    candidate_value = _mean(after)
    psi = np.subtract(after, before, out=after) if metric.higher_is_better else np.subtract(before, after, out=before)
    del before, after
    support = min(metric.support(label, scores[own], threshold) for scores in (champion, candidate))
    return psi, champion_value, candidate_value, support


def _paired_by_class(
    metric: Metric, threshold: float, label: Array, champion: Array, candidate: Array, own: Own
) -> Paired:
    """The same for a mean over classes, one class after the other."""
    classes = metric.one_by_one(_columns(champion))
    psi, values, support = np.zeros(len(label)), [0.0, 0.0], math.inf
    sign = (1.0 if metric.higher_is_better else -1.0) / len(classes)
    for number, each in enumerate(classes):
        truth = (label == number).view(np.uint8)
        for place, (scores, turned) in enumerate(((champion, -sign), (candidate, sign))):
            found = each.row_values(truth, scores[:, number][own], threshold)
            values[place] += _mean(found) / len(classes)
            psi += np.multiply(found, turned, out=found)
            del found
        support = min(support, float(truth.sum(dtype=np.int64)))
    before, after = values
    return psi, before, after, support


def _compared(
    metric: Metric,
    rows: GateRows | GateSubset,
    before: float | None,
    after: float,
    found: Estimate,
    note: str = "",
) -> Comparison:
    """The comparison in the unit of the metric's values, in what the label is counted in where that was declared."""
    declared = metric.unit.replace("label units", rows.label_unit)
    unit = declared if rows.label_unit or declared == metric.unit else ""
    return Comparison(
        metric.name, metric.direction, unit, before, after, found, note, rows.row_name, metric.is_mean_loss
    )


def _columns(scores: Array) -> int:
    return scores.shape[1] if scores.ndim == 2 else 1


def _mean(values: Array, mask: npt.NDArray[np.bool_] | None = None) -> float:
    if mask is None:
        return float(values.mean()) if values.size else math.nan
    return float(values.mean(where=mask)) if mask.any() else math.nan


def _small(metric: Metric, rows: GateSubset) -> GateSubset:
    """Rows of a classifier with labels of one byte."""
    if "regression" in metric.tasks:
        return rows
    small: npt.NDArray[Any] = rows.label.astype(np.uint8)
    return replace(rows, label=small) if np.array_equal(small, rows.label) else rows


def against_limit(
    metric: Metric,
    policy: ValidationPolicy,
    rows: GateRows | GateSubset,
    candidate: Array,
    floor: Floor,
) -> Comparison:
    """Measure by how much one model clears a limit; the improvement is the distance on the good side of it."""
    metric = metric.on(rows.amounts)
    if metric.whole is not None:
        return _limit_whole(metric, policy, rows, candidate, floor)
    values = metric.row_values(rows.label, candidate, policy.threshold)
    psi = floor.clearance(values)
    support = metric.support(rows.label, candidate, policy.threshold)
    parts = metric.parts(rows.label, _columns(candidate))
    units = units_of(policy.unit, rows)
    found = estimate(psi, units, support=support, one_flip=metric.counts_flips, parts=parts)
    value = float(values.mean()) if values.size else math.nan
    return _compared(metric, rows, None, value, found)


def _compare_whole(
    metric: Metric, policy: ValidationPolicy, rows: GateRows | GateSubset, champion: Array, candidate: Array
) -> Comparison:
    """The same for a metric without row values, block by block."""

    def value(scores: Array, part: Rows) -> float:
        return metric.value(rows.label[part], scores[part])

    def gain(part: Rows) -> float:
        return metric.improvement(champion=value(champion, part), candidate=value(candidate, part))

    units = block_units(policy.unit, rows, metric.name)
    before, after = (block_mean(partial(value, scores), units) for scores in (champion, candidate))
    whole = f"{number(metric.value(rows.label, champion))} -> {number(metric.value(rows.label, candidate))}"
    found = block_estimate(gain, units)
    return _compared(metric, rows, before, after, found, _mean_of(found, whole))


def _limit_whole(
    metric: Metric,
    policy: ValidationPolicy,
    rows: GateRows | GateSubset,
    candidate: Array,
    floor: Floor,
) -> Comparison:
    def value(part: Rows) -> float:
        return metric.value(rows.label[part], candidate[part])

    def distance(part: Rows) -> float:
        return floor.clearance(value(part))

    units = block_units(policy.unit, rows)
    found, after = block_estimate(distance, units), block_mean(value, units)
    whole = number(metric.value(rows.label, candidate))
    return _compared(metric, rows, None, after, found, _mean_of(found, whole))


def _mean_of(found: Estimate, whole: str) -> str:
    return f"mean of {counted(found.units, found.unit)}; all rows together {whole}"


def number(value: float) -> str:
    """Four significant digits, thousands separated.

    >>> number(0.0219444), number(12345.6), number(float("nan")), number(-0.00001234)
    ('0.02194', '12,346', 'undefined', '-1.234e-05')
    """
    return figure(value) or "undefined"


def finite(value: float | None) -> float | None:
    """A number as plain float; None when it is none, because evidence holds no NaN."""
    return float(value) if value is not None and np.isfinite(value) else None
