"""What a gate can see: for each part the smallest change it would find, and how often it would leave it undecided.

Two sources, one record. `detectability` needs no model, only the rows of a window as long as the gate, and assumes how
much two models of one spec differ; `retrain check` shows it. `found_detectability` reads a verdict, whose findings know
how much these two models differed; the validation report shows that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from scipy.special import ndtr, ndtri

from retrain_assets.documents.units import counted
from retrain_assets.metrics.metric import Array, metric
from retrain_assets.statistics.long_run_variance import FEWEST_DAYS
from retrain_assets.validation.comparison.estimate import FEWEST_ROWS
from retrain_assets.validation.comparison.grouping import groups
from retrain_assets.validation.comparison.paired_proportions import rows_to_exclude_drop
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.verdict import Finding, Outcome, Verdict

DISAGREEMENT = 0.1
"""Share of decisions that are assumed to differ between two models of one spec, and of a loss's variance that is left
in their paired difference."""

_LUCK = 0.05
"""A margin of 0 passes equal models as often as the level says. A part that passes them at most this much more often
can never decide: its margin is next to nothing for these rows."""

_RATES = ("tpr", "fpr", "selection_rate")


@dataclass(frozen=True)
class PartDetectability:
    """What one part of the gate (a metric, of all rows or of a group) can see.

    Attributes:
        check: The check it belongs to.
        metric: Its metric.
        group: The group of rows, empty for all.
        rows: Rows that bear on it.
        smallest: The smallest change that it finds with the declared power, in the metric's unit; None if unknown.
        margin: The change that may be accepted; None for the primary metric.
        undecided: Share of equal models that it would leave undecided; None if unknown, 0 for the primary metric, which
            answers whatever the rows.
        never: Why it can never decide, with the key to change; empty where it can.
        watched: Whether the group is too small to be judged, so that it is watched after a promotion.
        against: The version that it holds the candidate against where that is not the live one.
    """

    check: str
    metric: str
    group: str
    rows: int
    smallest: float | None
    margin: float | None
    undecided: float | None
    never: str = ""
    watched: bool = False
    against: str = ""


def detectability(
    policy: ValidationPolicy, task: str, rows: GateRows, attempts_per_year: int
) -> tuple[PartDetectability, ...]:
    """What the gate would see on rows like these, before any model is trained.

    With n rows that bear on a part and d = `DISAGREEMENT`, the standard error of a change is √(d/n) for a rate and
    √d·sd/√n for a mean loss, sd being that of the loss of a constant. The smallest change is (z_α + z_power) standard
    errors; equal models stay undecided with probability 1 − Φ(margin/error − z_α).

    Args:
        policy: What is asked, with margins.
        task: `binary`, `multiclass` or `regression`.
        rows: Rows of a window as long as the gate: labels, times and protected attributes.
        attempts_per_year: How many candidates a year are judged; the level follows from it.
    """
    level = _Level(policy.alpha_per_attempt(attempts_per_year), policy.power)
    days = int(np.unique(rows.time.astype("datetime64[D]")).size) if len(rows) else 0
    short = ""
    if policy.unit == "auto" and days < FEWEST_DAYS:
        short = (
            f"the gate has {counted(days, 'day')}, {FEWEST_DAYS} are needed: lengthen windows.gate, or "
            "set validation.unit: row where rows are independent"
        )
    found = [*_whole(policy, task, rows, level), *_of_groups(policy, task, rows, level)]
    return tuple(_with(part, short) if short else part for part in found)


def found_detectability(verdict: Verdict) -> tuple[PartDetectability, ...]:
    """What the gate could see in an attempt, from its findings."""
    return tuple(
        _of_finding(finding)
        for finding in verdict.findings
        if (finding.minimum_detectable is not None or finding.outcome is Outcome.WATCHED)
        and finding.role in ("primary", "guardrail", "fairness", "slice")
    )


@dataclass(frozen=True)
class _Level:
    alpha: float
    power: float

    def smallest(self, error: float) -> float:
        return float((ndtri(1 - self.alpha) + ndtri(self.power)) * error)

    def never(self, undecided: float) -> bool:
        """Whether equal models are left undecided nearly as often as with a margin of nothing: 1 − alpha."""
        return undecided > 1 - self.alpha - _LUCK

    def undecided(self, error: float, margin: float) -> float:
        return float(1 - ndtr(margin / error - ndtri(1 - self.alpha))) if error > 0 else 0.0


def _whole(policy: ValidationPolicy, task: str, rows: GateRows, level: _Level) -> Iterator[PartDetectability]:
    """The primary metrics and the guardrails."""
    superior = replace(level, alpha=policy.superiority_alpha(level.alpha))
    for name in policy.primary:
        count, error = _error(name, task, rows.label)
        known = superior.smallest(error) if error is not None else None
        yield PartDetectability("significance", name, "", count, known, None, 0.0)
    for rail in policy.guardrails:
        count, error = _error(rail.metric, task, rows.label)
        if error is None:
            yield PartDetectability("guardrails", rail.metric, "", count, None, rail.margin, None)
            continue
        undecided = level.undecided(error, rail.margin)
        never = ""
        if level.never(undecided):
            never = (
                f"{count:,} rows find a change of {level.smallest(error):.3g} and the margin is {rail.margin:g}: raise "
                f"the margin of {rail.metric} under validation.guardrails, or lengthen windows.gate"
            )
        yield PartDetectability(
            "guardrails", rail.metric, "", count, level.smallest(error), rail.margin, undecided, never
        )


def _of_groups(policy: ValidationPolicy, task: str, rows: GateRows, level: _Level) -> Iterator[PartDetectability]:
    """Every protected group in every declared rate."""
    fairness = policy.fairness
    if not fairness.asked:
        return
    for group in groups(fairness, rows):
        label = rows.label[group.mask]
        for name in fairness.metrics:
            for shown, count in _asked(name, task, label):
                part = _of_group(policy, shown, group.name, (count, label), level)
                small = fairness.is_small(part.rows, len(rows))
                yield _left_to_probation(part) if small and _cannot_show(part) else part


def _cannot_show(part: PartDetectability) -> bool:
    """Whether a group's rows find no change as small as the margin."""
    return bool(part.never) or (part.smallest is not None and part.margin is not None and part.smallest > part.margin)


def _left_to_probation(part: PartDetectability) -> PartDetectability:
    return replace(part, undecided=0.0, never="", watched=True)


def _of_group(
    policy: ValidationPolicy, name: str, group: str, bearing: tuple[int, Array], level: _Level
) -> PartDetectability:
    count, label = bearing
    margin = policy.fairness.margin
    error = math.sqrt(DISAGREEMENT / count) if count else None
    if name == "mae":
        _, error = _error("mae", "regression", label)
    if error is None or count < FEWEST_ROWS:
        never = (
            f"{group} has {count:,} rows that bear on {name}, {FEWEST_ROWS} are needed: raise "
            "validation.fairness.pool_below, or lengthen windows.gate"
        )
        return PartDetectability("fairness", name, group, count, None, margin, 1.0, never)
    undecided = level.undecided(error, margin)
    if name != "mae" and count * margin < math.log(1 / level.alpha):
        undecided = 1.0  # not one answer may change, and so few rows still do not exclude the margin
    never = ""
    if level.never(undecided):
        changed = round(DISAGREEMENT * count / 2)
        needed = rows_to_exclude_drop(changed, changed, count, margin, level.alpha, level.power)
        wanted = (
            f"{needed:,} are needed to exclude {margin:g}" if needed else "no number of rows excludes a margin of 0"
        )
        never = (
            f"{group} has {count:,} rows that bear on {name}, {wanted}: raise validation.fairness.margin or "
            "pool_below, or lengthen windows.gate"
        )
    return PartDetectability("fairness", name, group, count, level.smallest(error), margin, undecided, never)


def _asked(name: str, task: str, label: Array) -> Iterator[tuple[str, int]]:
    """A rate's name, class by class where it names none of several, and the rows that bear on it."""
    if name == "mae":
        yield name, len(label)
        return
    rate, _, rest = name.partition("[")
    if rest:
        classes: Sequence[float] = [float(rest.rstrip("]"))]
    else:
        classes = np.unique(label).tolist() if task == "multiclass" else [1.0]
    for number in classes:
        shown = name if rest or task != "multiclass" else f"{rate}[{number:g}]"
        own = int(np.count_nonzero(label == number))
        yield shown, {"tpr": own, "fpr": len(label) - own, "selection_rate": len(label)}[rate]


def _error(name: str, task: str, label: Array) -> tuple[int, float | None]:
    """Rows that bear on a metric of all rows, and the assumed standard error of its change; None where unknown."""
    if len(label) < 2:
        return len(label), None
    paired = math.sqrt(DISAGREEMENT / len(label))
    if name in _RATES or name == "accuracy":
        count = dict(_asked(name, task, label)).get(name, len(label)) if name != "accuracy" else len(label)
        return count, math.sqrt(DISAGREEMENT / count) if count else None
    if name == "auc" and task == "binary":
        ones, zeros = int((label == 1).sum()), int((label != 1).sum())
        if not ones or not zeros:
            return min(ones, zeros), None
        return min(ones, zeros), math.sqrt(DISAGREEMENT * (1 / ones + 1 / zeros) / 12)
    if name in ("mae", "mse") and task == "regression":
        lost = metric(name).row_losses(label, np.full(len(label), float(np.median(label))))
        return len(label), paired * float(lost.std())
    if name == "rmse" and task == "regression":
        lost = metric("mse").row_losses(label, np.full(len(label), float(label.mean())))
        spread = math.sqrt(float(lost.mean())) or 1.0
        return len(label), paired * float(lost.std()) / (2 * spread)
    if name == "wape" and task == "regression":
        lost = metric("mae").row_losses(label, np.full(len(label), float(np.median(label))))
        return len(label), paired * float(lost.std()) / (float(np.abs(label).mean()) or 1.0)
    if name == "log_loss" and task == "multiclass":
        _, place, counts = np.unique(label, return_inverse=True, return_counts=True)
        lost = -np.log(counts / len(label))[place]
        return len(label), paired * max(float(lost.std()), 0.1)
    if name in ("log_loss", "brier") and task == "binary":
        lost = metric(name).row_losses(label, np.full(len(label), min(max(float(label.mean()), 0.01), 0.99)))
        return len(label), paired * max(float(lost.std()), 0.1)
    return len(label), None


def _of_finding(finding: Finding) -> PartDetectability:
    smallest, margin = finding.minimum_detectable, finding.margin or None
    undecided: float | None = 0.0 if finding.role == "primary" else None
    never = ""
    if margin and smallest and finding.alpha:
        level = _Level(finding.alpha, 0.8)
        undecided = level.undecided(smallest / level.smallest(1.0), margin)
        if finding.outcome is Outcome.WATCHED:
            undecided = 0.0
        if finding.outcome is Outcome.INSUFFICIENT and level.never(undecided):
            never = f"it finds a change of {smallest:.3g} and the margin is {margin:g}: raise it, or lengthen the gate"
    return PartDetectability(
        finding.check,
        finding.metric,
        finding.group,
        finding.rows,
        smallest,
        margin,
        undecided,
        never,
        finding.outcome is Outcome.WATCHED,
        finding.against,
    )


def _with(part: PartDetectability, never: str) -> PartDetectability:
    return PartDetectability(part.check, part.metric, part.group, part.rows, None, part.margin, 1.0, never)


def days_lacking(verdict: Verdict) -> int | None:
    """How many more days like those of the gate its undecided findings need; None where that cannot be said.

    A gate of d days with n rows that bear on a question, of which N are needed, lacks d·(N/n − 1).
    """
    start, end = (datetime.fromisoformat(moment) for moment in (verdict.gate.start, verdict.gate.end))
    days = max((end - start).days, 1)
    undecided = [finding for finding in verdict.findings if finding.outcome is Outcome.INSUFFICIENT]
    lacking = [
        math.ceil(days * (finding.rows_needed / finding.rows - 1))
        for finding in undecided
        if finding.rows and finding.rows_needed and finding.rows_needed > finding.rows
    ]
    return max(lacking, default=None)
