"""Has the candidate made any protected group worse off than the margin allows?

Per group and rate, on the same rows. Where every row is independent, rates are compared by their flips (mid-p McNemar
for certain harm, the widest of three limits to pass); over days or clusters by the t test that serves every metric. The
largest gap between groups is reported (`groups`) and never gated: with 100 positives a group and no disparity at all it
averages .094 for the TPR, so that "the gap must not rise" would stop half of all equal models.

A group may be too small for any gate of this length to answer. Whether it is, is settled without its own result: by
its rows, and by how much the two models differ on all rows. Unless its limits answer all the same it is WATCHED: named
here, and followed after the promotion (`production.probation.group_watch`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrain_assets.documents.units import plural
from retrain_assets.metrics.formulas import predicted_class
from retrain_assets.metrics.metric import Array, metric
from retrain_assets.statistics.codes import Codes, narrow
from retrain_assets.statistics.multiple_testing import holm
from retrain_assets.validation.comparison.comparison import (
    Answer,
    Comparison,
    Level,
    Question,
    against_limit,
    compare_in_parts,
    finite,
)
from retrain_assets.validation.comparison.estimate import FEWEST_ROWS, Estimate, counted, estimate
from retrain_assets.validation.comparison.grouping import Group, Mask, groups
from retrain_assets.validation.comparison.paired_proportions import drop_limits, mid_p_mcnemar, rows_to_exclude_drop
from retrain_assets.validation.comparison.units import GateRows, units_within
from retrain_assets.validation.comparison.wording import held_to, perhaps, surely
from retrain_assets.validation.criteria.guardrails import clears, joint_power, not_asked
from retrain_assets.validation.policy import Floor, ValidationPolicy
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets.verdict import Finding, Outcome

RATES = ("tpr", "fpr", "selection_rate")
"""Rates of decisions; of several classes one is named (`tpr[2]`), or all are meant."""

_ASKED = {"tpr": "positives", "fpr": "negatives", "selection_rate": "rows"}
_DIRECTION = {"tpr": "higher is better", "fpr": "lower is better", "selection_rate": "higher is better"}


@dataclass(frozen=True)
class _Harm:
    """How much worse one metric of one group has become, before it is judged; above 0 is worse.

    `asked` names the rows the metric rests on (positives, negatives, rows). `variance` is that of a row's paired
    difference as expected before the group's own result is seen; `least` the smallest change that so few rows could
    exclude if not one of them changed.
    """

    group: Group
    comparison: Comparison
    asked: str
    low: float
    high: float
    p_value: float
    rows_needed: int | None
    variance: float
    least: float = 0.0

    def visible(self, level: Level) -> float:
        """The smallest change that its rows are expected to find; infinite where they can show nothing."""
        return max(_visible(self.comparison.estimate, self.variance, level), self.least)


@dataclass(frozen=True)
class _ClassDecisions:
    """One class of the task: the suffix of its rates' names, which rows are of it, and what both models decide.

    `answers` is 0 for two times no, 1 or 2 for a yes of the champion or the candidate alone, 3 for two.
    """

    suffix: str
    truth: Mask
    answers: Codes

    def disagreement(self, rate: str) -> tuple[float, float]:
        """Of all rows that the rate is of: the share whose decision the models do not share, and the live rate."""
        own = self.answers[_asked(rate, self.truth, np.ones_like(self.truth))]
        differ = np.count_nonzero((own == 1) | (own == 2)) / max(own.size, 1)
        return float(differ), _smoothed(int(np.count_nonzero((own == 1) | (own == 3))), own.size)


def fairness(
    policy: ValidationPolicy, task: str, rows: GateRows, champion: Array, candidate: Array, level: Level
) -> tuple[Finding, ...]:
    """One finding per protected group and declared metric, or one that says that nobody is protected.

    PASS when the upper confidence limit of the harm at `level.alpha` is below the margin; FAIL when it is not and some
    harm is certain, by a one-sided test below `policy.alpha` after Holm over all groups and metrics; otherwise WATCHED
    where the group is too small for a gate to judge, and INSUFFICIENT where it is not. How many rows a group has
    decides nothing where its limits give the answer. Under `strict` certain harm is a FAIL also within the margin.
    """
    return _fairness(policy, rows, Questioned(task, champion, candidate), level, "")


@dataclass(frozen=True)
class Questioned:
    """Two models' scores of the gate rows, and the task they are scores of."""

    task: str
    champion: Array
    candidate: Array


def since_anchor(
    policy: ValidationPolicy, rows: GateRows, pair: Questioned, level: Level, anchor: str
) -> tuple[Finding, ...]:
    """The same questions against the version that a person approved last, whose name is `anchor`."""
    return _fairness(policy, rows, pair, level, anchor)


def _fairness(
    policy: ValidationPolicy, rows: GateRows, pair: Questioned, level: Level, against: str
) -> tuple[Finding, ...]:
    if not policy.fairness.asked:
        return (not_asked("fairness", f"no group is protected ({policy.fairness.none})"),)
    found = groups(policy.fairness, rows)
    harms: list[_Harm] = []
    for name in policy.fairness.metrics:
        if name == "mae":
            harms += _error_harms(policy, rows, found, pair, level)
        else:
            harms += _rate_harms(policy, rows, found, name, pair, level)
    order = {group.name: place for place, group in enumerate(found)}
    harms.sort(key=lambda harm: order[harm.group.name])
    adjusted = holm([harm.p_value for harm in harms]).tolist()
    family = len(harms)
    return tuple(
        _judged(policy, harm, Question("fairness", "fairness", harm.group.name, against), (p, family, len(rows)), level)
        for harm, p in zip(harms, adjusted, strict=True)
    )


def floors(policy: ValidationPolicy, task: str, rows: GateRows, candidate: Array, level: Level) -> tuple[Finding, ...]:
    """One finding per protected group and absolute limit that the first model must clear with confidence."""
    if not policy.fairness.asked or not policy.fairness.floors:
        why = "no floor is declared for the groups" if policy.fairness.asked else policy.fairness.none
        return (not_asked("fairness", f"{why}, and a first model has nothing to be compared with"),)
    return tuple(
        _cleared(policy, floor, comparison, level, group)
        for group in groups(policy.fairness, rows)
        for floor in policy.fairness.floors
        for comparison in _distances(policy, task, rows, group, floor, candidate)
    )


def _cleared(policy: ValidationPolicy, floor: Floor, comparison: Comparison, level: Level, group: Group) -> Finding:
    """A floor of one group; nothing is asked of a small group whose rows allow no answer at all."""
    found = clears(floor, comparison, level, Question("fairness", "floor", group.name))
    small = policy.fairness.is_small(comparison.estimate.rows, group.code.size)
    if not (small and found.outcome is Outcome.INSUFFICIENT and comparison.estimate.shortfall()):
        return found
    return replace(found, outcome=Outcome.NOT_ASKED, reason=f"not asked of so small a group: {found.reason}")


def rate_of(name: str) -> tuple[str, int | None]:
    """A rate's name and the class it is of, None for every class.

    >>> rate_of("tpr[2]"), rate_of("fpr")
    (('tpr', 2), ('fpr', None))
    """
    one = re.fullmatch(r"(\w+)\[(\d+)\]", name)
    return (one[1], int(one[2])) if one else (name, None)


def _decisions(
    task: str, label: Array, scores: Array, threshold: float, only: int | None = None
) -> Iterator[tuple[str, Mask, Mask]]:
    """Name suffix, truth and decision of each class that is asked about: of class 1 alone, or of each of several."""
    if task == "multiclass":
        given = narrow(predicted_class(scores, threshold))
        for number_of_class in range(scores.shape[1]) if only is None else (only,):
            yield f"[{number_of_class}]", label == number_of_class, given == number_of_class
    else:
        yield "", label == 1, scores >= threshold


def _asked(name: str, truth: Mask, mask: Mask) -> Mask:
    """Which rows of a group a rate is of."""
    if name == "selection_rate":
        return mask
    return mask & truth if name == "tpr" else mask & ~truth


def _rate_harms(
    policy: ValidationPolicy, rows: GateRows, found: Sequence[Group], name: str, pair: Questioned, level: Level
) -> Iterator[_Harm]:
    rate, only = rate_of(name)
    before = _decisions(pair.task, rows.label, pair.champion, policy.threshold, only)
    after = _decisions(pair.task, rows.label, pair.candidate, policy.threshold, only)
    for (suffix, truth, old), (_, _, new) in zip(before, after, strict=True):
        decided = _ClassDecisions(suffix, truth, old.view(np.uint8) + 2 * new.view(np.uint8))
        differ = decided.disagreement(rate)
        for group in found:
            yield _rate_harm(policy, rows, group, (rate, *differ), decided, level)


def _rate_harm(
    policy: ValidationPolicy,
    rows: GateRows,
    group: Group,
    question: tuple[str, float, float],
    decided: _ClassDecisions,
    level: Level,
) -> _Harm:
    """How much worse a rate has become in a group; `question` is the rate and its `disagreement` on all rows."""
    rate, differ, usual = question
    asked = _asked(rate, decided.truth, group.mask)
    own = decided.answers[asked]
    n, (lost, gained, both) = own.size, (int(np.count_nonzero(own == answer)) for answer in (1, 2, 3))
    b, c = (gained, lost) if rate == "fpr" else (lost, gained)
    psi = np.array([0.0, 1.0, -1.0, 0.0] if rate == "fpr" else [0.0, -1.0, 1.0, 0.0])[own]
    name = rate + decided.suffix
    comparison = Comparison(
        name,
        _DIRECTION[rate],
        "share",
        (lost + both) / n if n else None,
        (gained + both) / n if n else np.nan,
        estimate(psi, units_within(policy.unit, rows, asked, name), one_flip=policy.unit != "row"),
        row=rows.row_name,
    )
    own_rate = _smoothed(lost + both, n)
    differ *= max(own_rate * (1 - own_rate) / (usual * (1 - usual)), 1.0)
    variance = max(differ, 1 / n) if n else np.inf
    if policy.unit != "row":
        return _harm_by_units(policy, group, comparison, (_ASKED[rate], variance), level)
    fewest = rows_to_exclude_drop(b, c, n, policy.fairness.margin, level.alpha, level.power)
    low, high = drop_limits(b, c, n, level.alpha) if n else (np.nan, np.nan)
    least = -float(np.log(level.alpha)) / n if n else np.inf
    p_value = mid_p_mcnemar(b, c) if n else np.nan
    return _Harm(group, comparison, _ASKED[rate], low, high, p_value, fewest, variance, least)


def _smoothed(count: int, of: int) -> float:
    """A rate that is neither 0 nor 1, however few rows it is of.

    >>> _smoothed(0, 0), _smoothed(3, 3)
    (0.5, 0.8)
    """
    return (count + 1) / (of + 2)


def _error_harms(
    policy: ValidationPolicy, rows: GateRows, found: Sequence[Group], pair: Questioned, level: Level
) -> Iterator[_Harm]:
    error = metric("mae")
    compared = compare_in_parts(error, policy, rows, pair.champion, pair.candidate, found)
    before = error.row_losses(rows.label, pair.champion)
    differ = float((before - error.row_losses(rows.label, pair.candidate)).var())
    spread = float(before.var())
    for group, comparison in zip(found, compared, strict=True):
        own = differ * float(before.var(where=group.mask)) / spread if spread > 0 else 0.0
        yield _harm_by_units(policy, group, comparison, ("rows", own), level)


def _visible(found: Estimate, variance: float, level: Level) -> float:
    """The smallest change that a group's rows are expected to find with the declared power, before its result is seen.

    Args:
        found: Of the group, for its rows, days and degrees of freedom.
        variance: Of the paired difference of one row, from all rows, times how much more the live model's errors vary
            in the group than everywhere.
        level: How strict the test is.
    """
    if found.rows < FEWEST_ROWS or found.units < found.fewest_units:
        return float("inf")
    known = found.by_day is not None and found.by_day.history_days
    ratio = found.by_day.ratio if found.by_day and known else 1.0
    expected = replace(found, standard_error=float(np.sqrt(ratio * variance / found.rows)))
    smallest = expected.minimum_detectable(level.alpha, level.power)
    return smallest if np.isfinite(smallest) else float("inf")


def _harm_by_units(
    policy: ValidationPolicy, group: Group, comparison: Comparison, asked: tuple[str, float], level: Level
) -> _Harm:
    """The harm by the t test over independent units; limits are unknown where there are too few.

    `asked` names the rows that the metric rests on, with the expected variance of one of them.
    """
    found, unknown = comparison.estimate, bool(comparison.estimate.shortfall())
    return _Harm(
        group,
        comparison,
        asked[0],
        np.nan if unknown else -found.high(level.alpha),
        np.nan if unknown else -found.low(level.alpha),
        np.nan if unknown else found.p_worse(),
        found.rows_needed(policy.fairness.margin, level.alpha, level.power),
        asked[1],
    )


def _judged(
    policy: ValidationPolicy, harm: _Harm, question: Question, among: tuple[float, int, int], level: Level
) -> Finding:
    """The answer, from the harm's upper limit; `among` holds its p-value after Holm, over how many, and all rows."""
    margin, comparison, alpha, (p_value, tests, rows) = policy.fairness.margin, harm.comparison, policy.alpha, among
    joint = Level(level.alpha, joint_power(level.power, tests))
    change, allowed = f"{question.about}{comparison.change}", f"the margin of {comparison.difference(margin)}"
    limits = (-harm.high, comparison.unit, comparison.confidence(level))
    certain, within = p_value < alpha, harm.high < margin
    if certain and (policy.fairness.strict or not within):
        outcome, chance = Outcome.FAIL, f"{held_to(p_value, alpha)} after Holm over {tests}"
        bound = f"within {allowed}, but the rule is strict" if within else f"it may be beyond {allowed}"
        reason = f"{change}, surely worse ({chance}), and {bound}"
    elif within:
        spare = "" if harm.high < 0 else f", within {allowed}"
        worse = "surely worse, " if certain else ""
        outcome, reason = Outcome.PASS, f"{change}: {worse}{surely(*limits)}{spare}"
    elif policy.fairness.is_small(comparison.estimate.rows, rows) and (visible := harm.visible(joint)) > margin:
        outcome, reason = Outcome.WATCHED, f"{change}, {_why_watched(harm, visible, margin, tests)}"
    elif why := (comparison.shortfall if not np.isfinite(harm.high) else ""):
        outcome, reason = Outcome.INSUFFICIENT, f"{change}: {why}"
    else:
        missed = f"not shown to be within {allowed}: {perhaps(*limits)}"
        outcome, reason = Outcome.INSUFFICIENT, f"{change}, {missed}"
        reason += _lacking(harm, comparison.estimate.rows)
    reason += f", {comparison.estimate.rows:,} {_rows_words(harm)}"
    if comparison.estimate.unit != "row":
        reason += f" in {counted(comparison.estimate.units, comparison.estimate.unit)}"
    answer = Answer(outcome, reason, margin, p_value, harm.rows_needed, alpha)
    found = comparison.finding(question, answer, level)
    if outcome is Outcome.WATCHED:
        found = replace(found, minimum_detectable=finite(visible))
    return replace(found, low=finite(-harm.high), high=finite(-harm.low))


def _rows_words(harm: _Harm) -> str:
    """What the rows that a metric rests on are called."""
    return plural(harm.comparison.row) if harm.asked == "rows" else harm.asked


def _why_watched(harm: _Harm, visible: float, margin: float, tests: int) -> str:
    """Why a group is not judged, and what happens instead."""
    written = harm.comparison.difference
    together = f" ({tests} questions asked together)" if tests > 1 else ""
    sees = f"show no change below {written(visible)}{together}, and the margin is {written(margin)}"
    few = sees if np.isfinite(visible) else "can show nothing"
    return f"too few to judge, so watched if it is promoted: so few {_rows_words(harm)} {few}"


def _lacking(harm: _Harm, rows: int) -> str:
    """The rows that an undecided group lacks, in words."""
    if harm.rows_needed is None:
        return ""
    if rows >= harm.rows_needed:
        same = f"as many {_rows_words(harm)} would show that nothing changed"
        return f"; {same}, so that it is the change itself which is in doubt"
    return f"; {harm.rows_needed - rows:,} more {_rows_words(harm)} needed"


def _distances(
    policy: ValidationPolicy, task: str, rows: GateRows, group: Group, floor: Floor, candidate: Array
) -> Iterator[Comparison]:
    """How far one group stands from a limit: a metric of its rows, or a rate of each class's decisions."""
    mask, (rate, only) = group.mask, rate_of(floor.metric)
    inside, scores = rows.where(mask), candidate[mask]
    if rate not in RATES:
        yield against_limit(metric_of(policy, floor.metric), policy, inside, scores, floor)
        return
    for suffix, truth, decision in _decisions(task, inside.label, scores, policy.threshold, only):
        asked = _asked(rate, truth, np.ones_like(truth))
        answers = decision[asked].astype(float)
        value = float(answers.mean()) if answers.size else np.nan
        found = estimate(floor.clearance(answers), units_within(policy.unit, inside, asked), one_flip=True)
        yield Comparison(rate + suffix, _DIRECTION[rate], "share", None, value, found, row=rows.row_name)
