"""Two models, or a model and a limit, on the same rows in one metric; and how such a comparison reads as evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrain_assets.metrics import Array, Metric
from retrain_assets.validation.by_block import Rows, block_estimate
from retrain_assets.validation.estimate import Estimate, counted, estimate
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.units import GateRows, units_of
from retrain_assets.verdict import Finding, Outcome


@dataclass(frozen=True)
class Level:
    """How strict a comparison is: the one-sided level, and the power at which it should find a margin."""

    alpha: float
    power: float

    @property
    def confidence(self) -> str:
        """The level as a reader knows it.

        >>> Level(alpha=0.05, power=0.8).confidence
        '95 %'
        """
        return f"{100 * (1 - self.alpha):.4g} %"


@dataclass(frozen=True)
class Comparison:
    """A candidate's value beside the champion's (None: beside a limit), and the estimate of the improvement."""

    metric: str
    direction: str
    unit: str
    champion_value: float | None
    candidate_value: float
    estimate: Estimate

    @property
    def values(self) -> str:
        """Both values in words, like `mae 1.92 -> 1.71 label units`."""
        before = "" if self.champion_value is None else f"{number(self.champion_value)} -> "
        return f"{self.metric} {before}{number(self.candidate_value)} {self.unit}".rstrip()

    @property
    def base(self) -> str:
        """What the estimate rests on, like `30 days`."""
        return counted(self.estimate.units, self.estimate.unit)

    def finding(
        self,
        check: str,
        role: str,
        outcome: Outcome,
        reason: str,
        level: Level,
        *,
        group: str = "",
        margin: float | None = None,
        p_value: float | None = None,
        rows_needed: int | None = None,
    ) -> Finding:
        """The comparison as one row of evidence."""
        found = self.estimate
        return Finding(
            check,
            outcome,
            reason,
            metric=self.metric,
            role=role,
            group=group,
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
            alpha=level.alpha,
            margin=margin,
            p_value=finite(p_value),
            minimum_detectable=finite(found.minimum_detectable(level.alpha, level.power)),
            rows_needed=rows_needed,
        )


def compare(metric: Metric, policy: ValidationPolicy, rows: GateRows, champion: Array, candidate: Array) -> Comparison:
    """Compare the candidate with the champion in one metric, row by row.

    The support is that of the model for which fewer rows bear on the metric.
    """
    metric = metric.on(rows.amounts)
    if metric.whole is not None:
        return _compare_whole(metric, policy, rows, champion, candidate)
    before = metric.row_values(rows.label, champion, policy.threshold)
    after = metric.row_values(rows.label, candidate, policy.threshold)
    champion_value, candidate_value = (float(each.mean()) if each.size else math.nan for each in (before, after))
    psi = after - before if metric.higher_is_better else before - after
    del before, after  # a column each, while the units are looked for
    support = min(metric.support(rows.label, scores, policy.threshold) for scores in (champion, candidate))
    found = estimate(psi, units_of(policy.unit, psi, rows), support=support, one_flip=metric.counts_flips)
    return Comparison(metric.name, metric.direction, metric.unit, champion_value, candidate_value, found)


def against_limit(
    metric: Metric,
    policy: ValidationPolicy,
    rows: GateRows,
    candidate: Array,
    *,
    at_least: float | None,
    at_most: float | None,
) -> Comparison:
    """Measure by how much one model clears a limit; the improvement is the distance on the good side of it."""
    metric = metric.on(rows.amounts)
    if metric.whole is not None:
        return _limit_whole(metric, policy, rows, candidate, at_least, at_most)
    values = metric.row_values(rows.label, candidate, policy.threshold)
    psi = values - at_least if at_least is not None else (at_most or 0.0) - values
    support = metric.support(rows.label, candidate, policy.threshold)
    found = estimate(psi, units_of(policy.unit, psi, rows), support=support, one_flip=metric.counts_flips)
    value = float(values.mean()) if values.size else math.nan
    return Comparison(metric.name, metric.direction, metric.unit, None, value, found)


def _compare_whole(
    metric: Metric, policy: ValidationPolicy, rows: GateRows, champion: Array, candidate: Array
) -> Comparison:
    """The same for a metric without row values, block by block."""

    def value(scores: Array, part: Rows) -> float:
        return metric.value(rows.label[part], scores[part])

    def gain(part: Rows) -> float:
        return metric.improvement(champion=value(champion, part), candidate=value(candidate, part))

    before, after = metric.value(rows.label, champion), metric.value(rows.label, candidate)
    return Comparison(
        metric.name, metric.direction, metric.unit, before, after, block_estimate(gain, policy.unit, rows)
    )


def _limit_whole(
    metric: Metric,
    policy: ValidationPolicy,
    rows: GateRows,
    candidate: Array,
    at_least: float | None,
    at_most: float | None,
) -> Comparison:
    def distance(part: Rows) -> float:
        value = metric.value(rows.label[part], candidate[part])
        return value - at_least if at_least is not None else (at_most or 0.0) - value

    found = block_estimate(distance, policy.unit, rows)
    return Comparison(metric.name, metric.direction, metric.unit, None, metric.value(rows.label, candidate), found)


def number(value: float) -> str:
    """Four significant digits, thousands separated.

    >>> number(0.0219444), number(12345.6), number(float("nan")), number(-0.00001234)
    ('0.02194', '12,346', 'undefined', '-1.234e-05')
    """
    if not math.isfinite(value):
        return "undefined"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def finite(value: float | None) -> float | None:
    """A number as plain float; None when it is none, because evidence holds no NaN."""
    return float(value) if value is not None and np.isfinite(value) else None
