"""The acceptance table of the gate, one simulated case per row, each decided by the project's own judge or registry.

A case is a question to one fresh world that is answered yes or no; the share of yes has a limit. Cases without a limit
show what a simpler rule does in the same world. A case is asked so often that about three Monte-Carlo standard errors
fit between its share and its limit, and at least 2,000 times: the two that must fit then hardly depend on the seed. The
ledger, which chance has no part in and which writes to disk, is asked less often.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.gate import procedure, watched, worlds
from benchmarks.gate.worlds import CLASSES, VALUES, Rng
from benchmarks.tables import Case
from benchmarks.worlds.verdicts import content, no_rest
from retrain_assets.candidates.rolling_origins import prefer
from retrain_assets.errors import GateRowsSpent
from retrain_assets.metrics.metric import Array
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rules import PromotionRules
from retrain_assets.statistics.daily_differences import DifferenceHistory
from retrain_assets.validation.comparison.estimate import Estimate, estimate
from retrain_assets.validation.comparison.units import GateRows, Units
from retrain_assets.validation.judge import Judgement
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.verdict import Decision, GateWindow, Outcome, combine

# ---- the primary metric


def equal_classifiers(rng: Rng, policy: ValidationPolicy) -> bool:
    """Two equal classifiers on 400 independent rows: is the candidate found better?"""
    label, champion, candidate = worlds.classifier(rng, 400)
    return worlds.primary_passes(worlds.ask(policy, "binary", worlds.gate_rows(label), champion, candidate))


@dataclass(frozen=True)
class Days:
    """A world of days that resemble each other: how many, how many rows each, how alike, and how long they are known.

    Attributes:
        days: Days of the gate.
        per_day: Rows of each.
        history: Days of history before it, 0 for none.
        autocorrelation: How much of a day's effect is left the next day.
        shared: Share of the variance that the rows of a day share.
        louder: Variance of the gate's differences over that of the history's.
    """

    days: int
    per_day: int
    history: int = 84
    autocorrelation: float = 0.6
    shared: float = 0.01
    louder: float = 1.0

    def gain(self, rng: Rng) -> Array:
        """Gains of mean 0 of the gate's rows."""
        alike = worlds.alike_days(rng, self.days, self.per_day, self.autocorrelation, self.shared)
        return math.sqrt(self.louder) * alike

    def past(self, rng: Rng) -> DifferenceHistory | None:
        """The history before the gate."""
        if not self.history:
            return None
        alike = {"autocorrelation": self.autocorrelation, "shared": self.shared}
        return worlds.past_days(rng, self.history, self.per_day, **alike)

    @property
    def true_error(self) -> float:
        """Standard error of the mean gain, from the world's own variance."""
        lag = np.arange(1, self.days)
        alike = 1 + 2 * float(((1 - lag / self.days) * self.autocorrelation**lag).sum())
        variance = self.shared * alike + (1 - self.shared) / self.per_day
        return math.sqrt(self.louder * variance / self.days)


def primary_on_days(
    rng: Rng, policy: ValidationPolicy, world: Days, gain: Array | float = 0.0, attempts: int = 1
) -> Outcome:
    """What the judge says of the primary metric of two models that differ by `gain` on such days."""
    label, champion, candidate = worlds.values_with_gain(world.gain(rng) + gain)
    rows = worlds.gate_rows(label, days=world.days, history=world.past(rng))
    found = worlds.ask(policy, "regression", rows, champion, candidate, attempts)
    return next(finding.outcome for finding in found.findings if finding.role == "primary")


def equal_on_days(rng: Rng, policy: ValidationPolicy, world: Days, attempts: int = 1) -> bool:
    """Two equal models on days that resemble each other: is the candidate found better?"""
    return primary_on_days(rng, policy, world, attempts=attempts) is Outcome.PASS


def undecided_on_days(rng: Rng, policy: ValidationPolicy, world: Days) -> bool:
    """The same two models: does the primary metric stay undecided?"""
    return primary_on_days(rng, policy, world) is Outcome.INSUFFICIENT


def better_on_days(rng: Rng, policy: ValidationPolicy, world: Days) -> bool:
    """A gain of two and a half true standard errors: is the candidate found better?"""
    return primary_on_days(rng, policy, world, 2.5 * world.true_error) is Outcome.PASS


def rising_gain(rng: Rng, policy: ValidationPolicy, world: Days) -> bool:
    """A gain that rises from 0 to four standard deviations of a day's mean: is the candidate found better?"""
    deviation = math.sqrt(world.shared + (1 - world.shared) / world.per_day)
    return primary_on_days(rng, policy, world, np.repeat(np.linspace(0, 4 * deviation, world.days), world.per_day)) is (
        Outcome.PASS
    )


def equal_on_clusters(rng: Rng, policy: ValidationPolicy) -> bool:
    """Two equal classifiers on 50 clusters of 20 rows, judged by AUC: is the candidate found better?"""
    cluster = np.repeat(np.arange(50), 20)
    shared, *own = rng.normal(size=(3, 50))[:, cluster]
    label = (rng.random(1000) < worlds.sigmoid(shared + rng.normal(size=1000))).astype(np.float64)
    champion, candidate = (worlds.sigmoid(label + shared + 0.7 * level + rng.normal(0, 1, 1000)) for level in own)
    rows = worlds.gate_rows(label, cluster=cluster)
    return worlds.primary_passes(worlds.ask(policy, "binary", rows, champion, candidate))


def equal_with_few_positives(rng: Rng, policy: ValidationPolicy) -> bool:
    """Two equal classifiers on 1,000 rows of which 10 are positive, judged by AUC: is the candidate found better?"""
    label = np.zeros(1000)
    label[rng.choice(1000, 10, replace=False)] = 1
    seen, *own = rng.normal(size=(3, 1000))
    champion, candidate = (worlds.sigmoid(label + seen + noise) for noise in own)
    return worlds.primary_passes(worlds.ask(policy, "binary", worlds.gate_rows(label, days=56), champion, candidate))


def better_of_two(rng: Rng, policy: ValidationPolicy, *, elsewhere: bool) -> bool:
    """The better of two equal candidates, chosen on other rows or on the gate's own: is it found better?"""
    gate, selection = rng.gamma(2, 1, (2, 3, 200))
    seen = selection if elsewhere else gate
    winner = prefer({"recent": float(seen[1].mean()), "history": float(seen[2].mean())}, incumbent="history")
    label, candidate = worlds.varied(200), gate[1 if winner == "recent" else 2]
    rows = worlds.gate_rows(label)
    return worlds.primary_passes(worlds.ask(policy, "regression", rows, label + gate[0], label + candidate))


# ---- guardrails

TYPICAL, SPREAD = 1.3, 1.5
"""Every error of one model of `at_the_margin` is about `TYPICAL`; the other's are normal with `SPREAD` as deviation."""


def at_the_margin(rng: Rng, policy: ValidationPolicy) -> bool:
    """Better in squared error, worse in absolute error by exactly the margin: is the candidate promoted?"""
    label, typical, spread = two_kinds_of_error(rng, 400)
    judgement = worlds.ask(policy, "regression", worlds.gate_rows(label), spread, typical)
    return worlds.decision(judgement) is Decision.PROMOTE


def skewed_at_the_margin(rng: Rng, policy: ValidationPolicy, rows: int) -> bool:
    """Worse in squared error by exactly the margin, where a few large errors decide: does the guardrail pass?"""
    label, typical, spread = two_kinds_of_error(rng, rows)
    judgement = worlds.ask(policy, "regression", worlds.gate_rows(label), typical, spread)
    return combine(worlds.all_of(judgement, "guardrails")) is Outcome.PASS


def two_kinds_of_error(rng: Rng, rows: int) -> tuple[Array, Array, Array]:
    """Labels, a model that always errs by about as much, and one that errs less often and more."""
    label = rng.gamma(4, 5, rows)
    typical = label + rng.choice([-1.0, 1.0], rows) * rng.normal(TYPICAL, 0.1, rows)
    return label, typical, label + rng.normal(0, SPREAD, rows)


def with_rails(count: int) -> ValidationPolicy:
    """So many guardrails: one in absolute error at its margin, the others with room; the primary is squared error."""
    room = [("rmse", 0.5), ("wape", 0.2), ("mse", 0.5)]
    others = [{"metric": room[i % 3][0], "margin": room[i % 3][1] + i // 3} for i in range(count - 1)]
    worse = TYPICAL - SPREAD * math.sqrt(2 / math.pi)
    return worlds.without_groups(VALUES, primary="mse", guardrails=[{"metric": "mae", "margin": worse}, *others])


def twice_the_margin(rng: Rng, policy: ValidationPolicy) -> tuple[Judgement, Estimate]:
    """500 rows of a candidate worse by .1 where .05 is allowed: the judgement, and the plain paired estimate."""
    gain = rng.normal(-0.1, 3.2, 500)
    label, champion, candidate = worlds.values_with_gain(gain)
    judgement = worlds.ask(policy, "regression", worlds.gate_rows(label), champion, candidate)
    return judgement, estimate(gain, Units.rows(500))


def slips_through(rng: Rng, policy: ValidationPolicy) -> bool:
    """Does the guardrail pass it?"""
    return combine(worlds.all_of(twice_the_margin(rng, policy)[0], "guardrails")) is Outcome.PASS


def not_significantly_worse(rng: Rng, policy: ValidationPolicy) -> bool:
    """Would "p > .05, so not worse" pass it?"""
    return twice_the_margin(rng, policy)[1].p_worse() > 0.05


# ---- the same question again


def champion_again(rng: Rng, policy: ValidationPolicy) -> bool:
    """The champion submitted as candidate: is the verdict IDENTICAL?"""
    label, champion, _ = worlds.classifier(rng, 400)
    judgement = worlds.ask(policy, "binary", worlds.gate_rows(label), champion, champion.copy())
    return judgement.identical and worlds.decision(judgement) is Decision.IDENTICAL


def second_attempt(rng: Rng, policy: ValidationPolicy) -> bool:
    """A rejected candidate's gate rows, asked again for a candidate that passes: does the registry refuse?"""
    start = datetime(2024, 1, 1) + timedelta(days=int(rng.integers(0, 300)))
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder), "simulated")
        attempts = []
        for number, skill in ((0, -1.0), (1, 1.0)):
            gain = rng.normal(skill, 1, 200)
            label, champion, candidate = worlds.values_with_gain(gain)
            judgement = worlds.ask(policy, "regression", worlds.gate_rows(label), champion, candidate)
            begin = start + timedelta(days=number * int(rng.integers(0, 28)))
            window = _window(number, begin)
            against = None if number else "c" * 64  # an attempt without a live version would spend nothing
            attempts.append(worlds.verdict(judgement, registry.add({"model.bst": b"%d" % number}), against, window))
        for attempt in attempts:
            registry.record(attempt, at=start, actor="simulation")
        try:
            registry.promote(attempts[1], None, PromotionRules("rules", content, no_rest), at=start, actor="simulation")
        except GateRowsSpent:
            return registry.live() is None
        return False


def _window(number: int, begin: datetime) -> GateWindow:
    end = begin + timedelta(days=28)
    return GateWindow((f"attempt {number}",), begin.isoformat(), end.isoformat(), 200, f"rows of attempt {number}")


# ---- groups


def small_group_rows(rng: Rng, positives: int, lost: float, gained: float) -> tuple[GateRows, Array, Array]:
    """Positives of a small and a large group; in the small one the given shares change their answer.

    200 more rows are of class 0, and both models get them right.
    """
    small = np.arange(positives + 600) < positives
    draw, worse = rng.random(small.size), np.where(small, lost, 0.03)
    changed = worse + np.where(small, gained, 0.03)
    champion = np.where(draw < worse, 0.9, np.where(draw < changed, 0.1, 0.8))
    candidate = np.where(draw < worse, 0.1, np.where(draw < changed, 0.9, 0.8))
    label, others = np.r_[np.ones(small.size), np.zeros(200)], np.full(200, 0.2)
    part = np.where(np.r_[small, np.zeros(200, bool)], "small", "large").astype(object)
    return worlds.gate_rows(label, part), np.r_[champion, others], np.r_[candidate, others]


def small_group(rng: Rng, policy: ValidationPolicy, positives: int, lost: float, gained: float) -> Judgement:
    """The judgement about such rows."""
    rows, champion, candidate = small_group_rows(rng, positives, lost, gained)
    return worlds.ask(policy, "binary", rows, champion, candidate)


def called_unfair(rng: Rng, policy: ValidationPolicy, positives: int, lost: float, gained: float) -> bool:
    """Does the fairness check fail?"""
    found = worlds.all_of(small_group(rng, policy, positives, lost, gained), "fairness")
    return combine(found) is Outcome.FAIL


def passes_silently(rng: Rng, policy: ValidationPolicy, positives: int, lost: float, gained: float) -> bool:
    """Does the small group pass?"""
    found = worlds.all_of(small_group(rng, policy, positives, lost, gained), "fairness")
    return any(finding.group == "part=small" and finding.outcome is Outcome.PASS for finding in found)


DAY_SPREAD = 0.1
"""Standard deviation of a day's change of the true positive rate."""


def groups_on_days(
    rng: Rng, days: int, positives: int, drop: float = 0.0, autocorrelation: float = 0.0
) -> tuple[GateRows, Array, Array]:
    """Positives of two groups on every day; the share of them that changes for the worse differs from day to day.

    One in five positives changes its answer; on a day with effect e, .1 + (drop + e)/2 for the worse and the others for
    the better, so that the rate of the first group drops by `drop + e` and of the second by e. As many rows of class 0
    are right in both models.
    """
    effect = DAY_SPREAD * worlds.day_effects(rng, days, autocorrelation)
    part = np.tile(np.repeat(np.array(["small", "other"], object), positives), days)
    worse = np.clip(0.1 + (np.repeat(effect, 2 * positives) + drop * (part == "small")) / 2, 0, 0.2)
    draw = rng.random(part.size)
    champion = np.where(draw < worse, 0.9, np.where(draw < 0.2, 0.1, 0.8))
    candidate = np.where(draw < worse, 0.1, np.where(draw < 0.2, 0.9, 0.8))
    both, others = np.repeat(np.arange(part.size), 2), np.tile([False, True], part.size)
    rows = worlds.gate_rows(np.where(others, 0.0, 1.0), part[both], days=days)
    return rows, np.where(others, 0.2, champion[both]), np.where(others, 0.2, candidate[both])


def called_unfair_on_days(rng: Rng, policy: ValidationPolicy, days: int, positives: int, **world: float) -> bool:
    """Does the fairness check fail?"""
    judged = worlds.ask(policy, "binary", *groups_on_days(rng, days, positives, **world))
    return combine(worlds.all_of(judged, "fairness")) is Outcome.FAIL


def passes_silently_on_days(rng: Rng, policy: ValidationPolicy, days: int, positives: int, **world: float) -> bool:
    """Does the harmed group pass?"""
    judged = worlds.ask(policy, "binary", *groups_on_days(rng, days, positives, **world))
    found = worlds.all_of(judged, "fairness")
    return any(finding.group == "part=small" and finding.outcome is Outcome.PASS for finding in found)


def passes_with_certain_harm(rng: Rng, policy: ValidationPolicy) -> bool:
    """A million rows of one group whose rate drops by a tenth of the margin, which is certain: does it pass?"""
    draw, label = rng.random(1_000_000), np.ones(1_000_000)
    label[::20] = 0
    champion = np.where(draw < 0.015, 0.9, np.where(draw < 0.025, 0.1, 0.8))
    candidate = np.where(draw < 0.015, 0.1, np.where(draw < 0.025, 0.9, 0.8))
    judged = worlds.ask(policy, "binary", worlds.gate_rows(label), champion, candidate)
    found = worlds.all_of(judged, "fairness")
    return combine(found) is Outcome.PASS and all((finding.p_value or 1) < 0.001 for finding in found)


def equal_slices(rng: Rng, policy: ValidationPolicy) -> bool:
    """19 slices of 300 rows of two equal models: does any slice fail?"""
    label = worlds.varied(19 * 300)
    rows = worlds.gate_rows(label, np.repeat([f"slice {number:02}" for number in range(19)], 300))
    champion, candidate = label + 10 + rng.laplace(size=(2, 19 * 300))
    found = worlds.ask(policy, "regression", rows, champion, candidate).findings
    return any(finding.group and finding.outcome is Outcome.FAIL for finding in found)


def point_rule_on_slices(rng: Rng) -> bool:
    """Would "no slice may lose .02" reject?"""
    gain = rng.normal(0, 0.5, (19, 300))
    return bool((gain.mean(axis=1) < -0.02).any())


# ---- the table


def cases() -> Sequence[Case]:
    """Every row of the table, in the order in which it is printed."""
    found = (_primary(), procedure.cases(), _guardrails(), _again(), _groups(), watched.cases())
    return tuple(case for cases in found for case in cases)


def _primary() -> Iterator[Case]:
    auto, row = worlds.primary_alone(VALUES, unit="auto"), worlds.primary_alone(VALUES)
    yield Case(
        "equal models, 400 independent rows: primary PASS",
        partial(equal_classifiers, policy=worlds.primary_alone(CLASSES)),
        5_000,
        1_000,
        0.04,
        0.06,
    )
    yield from _days(auto)
    yield Case(
        "the same, 56 days x 200 rows, unit row",
        partial(equal_on_days, policy=row, world=Days(56, 200)),
        2_000,
        200,
    )
    yield Case(
        "independent rows, 30 days x 20 rows, without history",
        partial(equal_on_days, policy=auto, world=Days(30, 20, 0, 0.0, 0.0)),
        2_000,
        500,
        0.0,
        0.06,
    )
    clusters = worlds.primary_alone(CLASSES, primary="auc", unit="vehicle")
    yield Case("equal AUC, 50 clusters of 20 rows", partial(equal_on_clusters, policy=clusters), 2_000, 300, 0.0, 0.08)
    for unit, fast in (("row", 600), ("auto", 0)):
        few = partial(equal_with_few_positives, policy=worlds.primary_alone(CLASSES, primary="auc", unit=unit))
        yield Case(f"equal AUC, 10 positives of 1,000 rows, unit {unit}: primary PASS", few, 8_000, fast, 0.0, 0.065)
    chosen = partial(better_of_two, policy=row, elsewhere=True)
    reused = partial(better_of_two, policy=row, elsewhere=False)
    yield Case("better of two, chosen on the selection window: primary PASS", chosen, 7_000, 1_000, 0.04, 0.06)
    yield Case("the same, chosen on the gate window", reused, 2_000, 500)


_ASKED = {(28, 300, 84): 6_000, (28, 50, 0): 6_000, (28, 300, 0): 6_000}
"""Repetitions where the most alike days come near their limit: by days, rows a day and days of history."""


def _days(auto: ValidationPolicy) -> Iterator[Case]:
    """Equal and better models on days that resemble each other, with history and without."""
    for known in (84, 0):
        told = f"{known} days of history" if known else "without history"
        for days, per_day, alike in product((7, 14, 28, 56), (50, 300), (0.0, 0.3, 0.6)):
            world, limit = Days(days, per_day, known, alike), 0.08 if known or days >= 28 else 1.0
            asked = _ASKED.get((days, per_day, known), 4_000) if alike == 0.6 and limit < 1 else 1_000
            name = f"equal models, ICC .01, autocorrelation {alike:g}, {days} days x {per_day}, {told}"
            fast = 300 if (days, per_day, alike) in ((7, 50, 0.6), (14, 300, 0.6), (28, 50, 0.6)) else 0
            yield Case(name, partial(equal_on_days, policy=auto, world=world), asked, fast, 0.0, limit)
    for days in (7, 14, 28, 56):
        open_ = partial(undecided_on_days, policy=auto, world=Days(days, 50))
        yield Case(f"undecided, the same days, {days} days x 50, with history", open_, 500, 50, 0.0, 0.0)
    for days, asked in ((14, 4_000), (28, 12_000)):
        louder = partial(equal_on_days, policy=auto, world=Days(days, 300, louder=2.0))
        yield Case(
            f"equal models, {days} days x 300, the gate twice as noisy as its history", louder, 4_000, 0, 0, 0.09
        )
        slow = Days(days, 300, autocorrelation=0.8, shared=0.05)
        equal = partial(equal_on_days, policy=auto, world=slow)
        yield Case(
            f"equal models, ICC .05, autocorrelation .8, {days} days x 300, with history", equal, asked, 0, 0, 0.14
        )
        rising = partial(rising_gain, policy=auto, world=Days(days, 50, 84, 0.0, 0.0))
        yield Case(f"a gain rising from 0 to 4 day-sd, {days} independent days: PASS", rising, 1_000, 100, 0.95, 1.0)
    for days, per_day, alike in ((7, 50, 0.0), (14, 50, 0.0), (14, 300, 0.6), (28, 300, 0.6)):
        for known in (84, 0):
            found = partial(better_on_days, policy=auto, world=Days(days, per_day, known, alike))
            told = "with history" if known else "without"
            name = f"a gain of 2.5 true errors, autocorrelation {alike:g}, {days} days x {per_day}, {told}: PASS"
            least = 0.7 if (days, known, alike) == (14, 84, 0.6) else 0.0
            yield Case(name, found, 2_000, 200 if least else 0, least, 1.0)
    for days, attempts in ((14, 26), (14, 52), (28, 52), (56, 52)):
        few = partial(equal_on_days, policy=auto, world=Days(days, 50), attempts=attempts)
        name = f"equal models, autocorrelation .6, {days} days x 50, with history, level 1/{attempts}"
        yield Case(name, few, 2_000, 0)


def _guardrails() -> Iterator[Case]:
    for count, fast in ((1, 800), (2, 0), (4, 400), (8, 0), (16, 200)):
        name = f"one of {count} guardrails truly at its margin: promoted"
        yield Case(name, partial(at_the_margin, policy=with_rails(count)), 4_000, fast, 0.0, 0.06)
    worse = SPREAD**2 - TYPICAL**2 - 0.1**2
    squared = worlds.without_groups(VALUES, guardrails=[{"metric": "mse", "margin": worse}])
    for rows in (400, 4_000):
        name = f"guardrail of squared errors (skewness -2.8) at its margin, {rows} rows: PASS"
        yield Case(name, partial(skewed_at_the_margin, policy=squared, rows=rows), 4_000, 0)
    tight = worlds.without_groups(VALUES, guardrails=[{"metric": "mae", "margin": 0.05}])
    slips = partial(slips_through, policy=tight)
    yield Case("guardrail twice the margin worse, 500 rows: PASS", slips, 10_000, 800, 0.0, 0.03)
    yield Case('the same under "p > .05, so not worse"', partial(not_significantly_worse, policy=tight), 2_000, 200)


def _again() -> Iterator[Case]:
    again = partial(champion_again, policy=worlds.rules(CLASSES))
    yield Case("the champion submitted again: IDENTICAL", again, 2_000, 50, 1.0, 1.0)
    second = partial(second_attempt, policy=worlds.without_groups(VALUES))
    yield Case("a second attempt on rows that have gated before: refused", second, 400, 10, 1.0, 1.0)


def _groups() -> Iterator[Case]:
    policy = worlds.rules(CLASSES, fairness={"margin": 0.05, "pool_below": 20})
    caught = partial(called_unfair, policy=policy, positives=200, lost=0.12, gained=0.02)
    equal = partial(called_unfair, policy=policy, positives=200, lost=0.05, gained=0.05)
    silent = partial(passes_silently, policy=policy, positives=20, lost=0.1, gained=0.0)
    yield Case("TPR drop .10, 200 positives: fairness FAIL", caught, 2_000, 400, 0.95, 1.0)
    yield Case("equal TPR, 200 positives: fairness FAIL", equal, 2_000, 400, 0.0, 0.07)
    yield Case("TPR drop .10, 20 positives: silent PASS", silent, 2_000, 300, 0.0, 0.05)
    for positives, gained, fast in ((100, 0.0, 200), (200, 0.005, 0)):
        edge = partial(passes_silently, policy=policy, positives=positives, lost=0.05 + gained, gained=gained)
        name = f"TPR drop of the margin, .05, {positives} positives, {gained:g} changed for the better: PASS"
        yield Case(name, edge, 4_000, fast, 0.0, 0.055)
    alike = partial(passes_silently, policy=policy, positives=100, lost=0.01, gained=0.01)
    yield Case("equal TPR, .01 changed either way, 100 positives: PASS", alike, 4_000, 0)
    auto, row = (
        worlds.rules(CLASSES, unit=unit, fairness={"margin": 0.05, "pool_below": 20}) for unit in ("auto", "row")
    )
    for days, positives, alike, reps, fast in (
        (56, 10, 0.0, 2_000, 400),
        (56, 50, 0.0, 1_000, 0),
        (28, 20, 0.0, 2_000, 0),
        (56, 10, 0.6, 2_000, 0),
    ):
        name = f"equal TPR, day sd .1, autocorrelation {alike:g}, {days} days x {positives} positives, unit auto: FAIL"
        question = partial(called_unfair_on_days, policy=auto, days=days, positives=positives, autocorrelation=alike)
        yield Case(name, question, reps, fast, 0.0, 1.0 if alike else 0.07)
    byrow = partial(called_unfair_on_days, policy=row, days=56, positives=50)
    yield Case("the same, 56 days x 50 positives, unit row", byrow, 500, 200)
    dropped = partial(called_unfair_on_days, policy=auto, days=56, positives=10, drop=0.1)
    yield Case("TPR drop .10, day sd .1, 56 days x 10 positives, unit auto: FAIL", dropped, 6_000, 300, 0.95, 1.0)
    few = partial(passes_silently_on_days, policy=auto, days=20, positives=1, drop=0.1)
    yield Case("TPR drop .10, day sd .1, 20 days x 1 positive, unit auto: silent PASS", few, 2_000, 300, 0.0, 0.05)
    within = partial(passes_with_certain_harm, policy=policy)
    yield Case("1,000,000 rows, a certain harm of a tenth of the margin: fairness PASS", within, 20, 1, 1.0, 1.0)
    slices = partial(equal_slices, policy=sliced())
    yield Case("19 slices x 300 rows, equal: any FAIL", slices, 1_000, 100, 0.0, 0.10)
    yield Case('the same under "no slice may lose .02"', point_rule_on_slices, 2_000, 200)


def sliced() -> ValidationPolicy:
    """A policy that judges every slice: as protected group, and as slice where the policy knows slices."""
    guarded = {"slices": {"columns": ["part"], "guardrails": [{"metric": "mae", "margin": 0.02}]}}
    known = guarded if "slices" in ValidationPolicy.model_fields else {}
    return worlds.rules(VALUES, fairness={"pool_below": 300, "margin": 0.5}, **known)
