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
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from benchmarks.gate import worlds
from benchmarks.gate.worlds import CLASSES, VALUES, Rng
from benchmarks.tables import Case
from benchmarks.worlds.verdicts import content, no_rest
from retrain_assets.candidates.rolling_origins import prefer
from retrain_assets.errors import GateRowsSpent
from retrain_assets.metrics.metric import Array
from retrain_assets.registry.registry import Registry
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


def equal_on_days(
    rng: Rng, policy: ValidationPolicy, days: int, per_day: int, attempts: int = 1, **alike: float
) -> bool:
    """Two equal models on days that resemble each other: is the candidate found better?"""
    return _better_by(worlds.alike_days(rng, days, per_day, **alike), policy, days, attempts)


def better_on_days(rng: Rng, policy: ValidationPolicy, days: int, per_day: int, attempts: int) -> bool:
    """A gain that a test by day finds four times in five, on independent days: is the candidate found better?"""
    gain = (ndtri(1 - 1 / attempts) + ndtri(0.8)) / math.sqrt(days * per_day)
    return _better_by(rng.normal(gain, 1, days * per_day), policy, days, attempts)


def _better_by(gain: Array, policy: ValidationPolicy, days: int, attempts: int) -> bool:
    label, champion, candidate = worlds.values_with_gain(gain)
    rows = worlds.gate_rows(label, days=days)
    return worlds.primary_passes(worlds.ask(policy, "regression", rows, champion, candidate, attempts))


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
    candidate = gate[1 if winner == "recent" else 2]
    rows = worlds.gate_rows(np.zeros(200))
    return worlds.primary_passes(worlds.ask(policy, "regression", rows, gate[0], candidate))


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
    return worlds.rules(VALUES, primary="mse", guardrails=[{"metric": "mae", "margin": worse}, *others])


def twice_the_margin(rng: Rng, policy: ValidationPolicy) -> tuple[Judgement, Estimate]:
    """500 rows of a candidate worse by .1 where .05 is allowed: the judgement, and the plain paired estimate."""
    gain = rng.normal(-0.1, 3.2, 500)
    judgement = worlds.ask(policy, "regression", worlds.gate_rows(np.zeros(500)), *worlds.values_with_gain(gain)[1:])
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
            rows = worlds.gate_rows(np.zeros(200))
            judgement = worlds.ask(policy, "regression", rows, *worlds.values_with_gain(gain)[1:])
            begin = start + timedelta(days=number * int(rng.integers(0, 28)))
            window = _window(number, begin)
            attempts.append(worlds.verdict(judgement, registry.add({"model.bst": b"%d" % number}), None, window))
        for attempt in attempts:
            registry.record(attempt, at=start, actor="simulation")
        moved = {"policy_sha256": "rules", "at": start, "actor": "simulation", "probe": content, "rest": no_rest}
        try:
            registry.promote(attempts[1], None, **moved)
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


def equal_slices(rng: Rng, policy: ValidationPolicy) -> bool:
    """19 slices of 300 rows of two equal models: does any slice fail?"""
    rows = worlds.gate_rows(np.zeros(19 * 300), np.repeat([f"slice {number:02}" for number in range(19)], 300))
    champion, candidate = 10 + rng.laplace(size=(2, 19 * 300))
    found = worlds.ask(policy, "regression", rows, champion, candidate).findings
    return any(finding.group and finding.outcome is Outcome.FAIL for finding in found)


def point_rule_on_slices(rng: Rng) -> bool:
    """Would "no slice may lose .02" reject?"""
    gain = rng.normal(0, 0.5, (19, 300))
    return bool((gain.mean(axis=1) < -0.02).any())


# ---- the table


def cases() -> Sequence[Case]:
    """Every row of the table, in the order in which it is printed."""
    return tuple(_primary()) + tuple(_guardrails()) + tuple(_again()) + tuple(_groups())


def _primary() -> Iterator[Case]:
    auto, row = worlds.rules(VALUES, unit="auto"), worlds.rules(VALUES)
    yield Case(
        "equal models, 400 independent rows: primary PASS",
        partial(equal_classifiers, policy=worlds.rules(CLASSES)),
        5_000,
        2_000,
        0.04,
        0.06,
    )
    for days, per_day, reps, fast in (
        (56, 20, 4_000, 0),
        (56, 50, 10_000, 1_200),
        (56, 200, 4_000, 300),
        (56, 1000, 2_000, 0),
        (84, 50, 5_000, 0),
        (182, 50, 9_000, 0),
    ):
        name = f"equal models, day ICC .01, autocorrelation .6, {days} days x {per_day} rows, unit auto"
        yield Case(name, partial(equal_on_days, policy=auto, days=days, per_day=per_day), reps, fast, 0.0, 0.08)
    yield Case(
        "the same, 28 days x 50 rows, unit auto",
        partial(equal_on_days, policy=auto, days=28, per_day=50),
        4_000,
        0,
    )
    for days, attempts, high in ((56, 52, 0.033), (56, 80, 1.0), (84, 52, 0.03), (84, 80, 0.023)):
        world = f"{days} days x 50 rows, {attempts} attempts a year, unit auto"
        equal = partial(equal_on_days, policy=auto, days=days, per_day=50, attempts=attempts)
        yield Case(f"equal models, the same days, {world}", equal, 12_000, 0, 0.0, high)
        better = partial(better_on_days, policy=auto, days=days, per_day=50, attempts=attempts)
        yield Case(f"a better one, independent days, {world}", better, 4_000, 0)
    yield Case(
        "nothing but days, autocorrelation .9, 56 days, unit auto",
        partial(equal_on_days, policy=auto, days=56, per_day=1, autocorrelation=0.9, shared=1.0),
        2_000,
        0,
    )
    yield Case(
        "the same, 56 days x 200 rows, unit row",
        partial(equal_on_days, policy=row, days=56, per_day=200),
        2_000,
        200,
    )
    yield Case(
        "independent rows, 30 days x 20 rows, unit auto",
        partial(equal_on_days, policy=auto, days=30, per_day=20, autocorrelation=0.0, shared=0.0),
        2_000,
        1_000,
        0.0,
        0.06,
    )
    clusters = worlds.rules(CLASSES, primary="auc", unit="vehicle")
    yield Case("equal AUC, 50 clusters of 20 rows", partial(equal_on_clusters, policy=clusters), 2_000, 300, 0.0, 0.08)
    for unit, fast in (("row", 600), ("auto", 0)):
        few = partial(equal_with_few_positives, policy=worlds.rules(CLASSES, primary="auc", unit=unit))
        yield Case(f"equal AUC, 10 positives of 1,000 rows, unit {unit}: primary PASS", few, 8_000, fast, 0.0, 0.065)
    chosen = partial(better_of_two, policy=row, elsewhere=True)
    reused = partial(better_of_two, policy=row, elsewhere=False)
    yield Case("better of two, chosen on the selection window: primary PASS", chosen, 7_000, 2_000, 0.04, 0.06)
    yield Case("the same, chosen on the gate window", reused, 2_000, 1_000)


def _guardrails() -> Iterator[Case]:
    for count, fast in ((1, 1_500), (2, 0), (4, 500), (8, 0), (16, 200)):
        name = f"one of {count} guardrails truly at its margin: promoted"
        yield Case(name, partial(at_the_margin, policy=with_rails(count)), 4_000, fast, 0.0, 0.06)
    worse = SPREAD**2 - TYPICAL**2 - 0.1**2
    squared = worlds.rules(VALUES, guardrails=[{"metric": "mse", "margin": worse}])
    for rows in (400, 4_000):
        name = f"guardrail of squared errors (skewness -2.8) at its margin, {rows} rows: PASS"
        yield Case(name, partial(skewed_at_the_margin, policy=squared, rows=rows), 4_000, 0)
    tight = worlds.rules(VALUES, guardrails=[{"metric": "mae", "margin": 0.05}])
    slips = partial(slips_through, policy=tight)
    yield Case("guardrail twice the margin worse, 500 rows: PASS", slips, 10_000, 1_500, 0.0, 0.03)
    yield Case('the same under "p > .05, so not worse"', partial(not_significantly_worse, policy=tight), 2_000, 200)


def _again() -> Iterator[Case]:
    again = partial(champion_again, policy=worlds.rules(CLASSES))
    yield Case("the champion submitted again: IDENTICAL", again, 2_000, 50, 1.0, 1.0)
    second = partial(second_attempt, policy=worlds.rules(VALUES))
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
        (56, 50, 0.0, 2_000, 0),
        (28, 20, 0.0, 2_000, 0),
        (56, 10, 0.6, 2_000, 0),
    ):
        name = f"equal TPR, day sd .1, autocorrelation {alike:g}, {days} days x {positives} positives, unit auto: FAIL"
        question = partial(called_unfair_on_days, policy=auto, days=days, positives=positives, autocorrelation=alike)
        yield Case(name, question, reps, fast, 0.0, 1.0 if alike else 0.07)
    byrow = partial(called_unfair_on_days, policy=row, days=56, positives=50)
    yield Case("the same, 56 days x 50 positives, unit row", byrow, 2_000, 200)
    dropped = partial(called_unfair_on_days, policy=auto, days=56, positives=10, drop=0.1)
    yield Case("TPR drop .10, day sd .1, 56 days x 10 positives, unit auto: FAIL", dropped, 2_000, 300, 0.95, 1.0)
    few = partial(passes_silently_on_days, policy=auto, days=20, positives=1, drop=0.1)
    yield Case("TPR drop .10, day sd .1, 20 days x 1 positive, unit auto: silent PASS", few, 2_000, 300, 0.0, 0.05)
    slices = partial(equal_slices, policy=sliced())
    yield Case("19 slices x 300 rows, equal: any FAIL", slices, 2_000, 100, 0.0, 0.10)
    yield Case('the same under "no slice may lose .02"', point_rule_on_slices, 2_000, 200)


def sliced() -> ValidationPolicy:
    """A policy that judges every slice: as protected group, and as slice where the policy knows slices."""
    guarded = {"slices": {"columns": ["part"], "guardrails": [{"metric": "mae", "margin": 0.02}]}}
    known = guarded if "slices" in ValidationPolicy.model_fields else {}
    return worlds.rules(VALUES, fairness={"pool_below": 300, "margin": 0.5}, **known)
