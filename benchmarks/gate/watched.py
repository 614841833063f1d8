"""A protected group too small for the gate: how often its harm is stopped there or found after the promotion, and when.

One story per repetition. The project's judge sees a gate of two weeks with one row of the small group a day; what it
leaves to probation is followed by the project's own accounts, looked at every four weeks for a year.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

import numpy as np

from benchmarks.gate import worlds
from benchmarks.gate.worlds import VALUES, Rng
from benchmarks.tables import Case
from retrain_assets.metrics.metric import Array
from retrain_assets.production.probation.group_watch import GroupAccount, WatchStatus
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.watched_groups import WatchedGroup, watched_groups
from retrain_assets.verdict import Outcome

MARGIN, SPREAD = 1.0, 2.0
"""The margin, and the standard deviation of a row's paired difference."""
GATE_DAYS, OTHERS, LOOK_DAYS, YEAR_DAYS = 14, 1_400, 28, 364
BEGAN = date(2024, 1, 15)


def small_and_others(rng: Rng, policy: ValidationPolicy, harm: float) -> tuple[Outcome, tuple[WatchedGroup, ...]]:
    """What the gate says of the small group, whose rows are worse by `harm`, and what it leaves to probation."""
    small = np.tile(np.arange(OTHERS // GATE_DAYS + 1) == 0, GATE_DAYS)
    label, champion, candidate = worlds.values_with_gain(draws(rng, small.size) - np.where(small, harm, 0.0))
    rows = worlds.gate_rows(label, np.where(small, "small", "others").astype(object), days=GATE_DAYS)
    found = worlds.ask(policy, "regression", rows, champion, candidate).findings
    outcome = next(each.outcome for each in found if "small" in each.group)
    return outcome, WatchedGroup.of_evidence(watched_groups(policy, rows, found))


def draws(rng: Rng, size: int) -> Array:
    """Paired differences of mean 0 with heavy tails."""
    return np.asarray(rng.laplace(0, SPREAD / np.sqrt(2), size))


def caught_on(rng: Rng, policy: ValidationPolicy, harm: float) -> float:
    """The day on which the harm is stopped: 0 at the gate, or that of the look which rolls back; infinite if never."""
    outcome, left = small_and_others(rng, policy, harm)
    if outcome is not Outcome.WATCHED:
        return 0.0 if outcome is Outcome.FAIL else float("inf")
    first = BEGAN.isoformat()
    account = GroupAccount(left[0], "v1", "1" * 64, first, 1, 0.05, first)
    day = np.arange(YEAR_DAYS)
    harms = draws(rng, YEAR_DAYS) + harm
    for look in range(LOOK_DAYS, YEAR_DAYS + 1, LOOK_DAYS):
        own = slice(look - LOOK_DAYS, look)
        account = account.with_rows(np.datetime64(BEGAN, "us") + day[own].astype("m8[D]"), harms[own])
        account = account.judged(BEGAN + timedelta(days=look))
        if account.status is not WatchStatus.OPEN:
            return float(look) if account.status is WatchStatus.HARMED else float("inf")
    return float("inf")


def caught_within(rng: Rng, policy: ValidationPolicy, harm: float, days: float) -> bool:
    """Whether that day comes within so many."""
    return caught_on(rng, policy, harm) <= days


def passes(rng: Rng, policy: ValidationPolicy, harm: float) -> bool:
    """Does the small group pass the gate?"""
    return small_and_others(rng, policy, harm)[0] is Outcome.PASS


def cases() -> Iterator[Case]:
    """The rows of the table."""
    policy = worlds.rules(VALUES, fairness={"margin": MARGIN, "pool_below": 20})
    about = "one row a day of a group, gate of 14 days"
    for harm, days, reps, fast, low, high in (
        (0.0, 0, 2_000, 0, 0.0, 0.05),
        (0.0, YEAR_DAYS, 1_000, 100, 0.0, 0.05),
        (0.5, YEAR_DAYS, 1_000, 0, 0.0, 1.0),
        (1.0, 0, 1_000, 0, 0.0, 1.0),
        (1.0, YEAR_DAYS, 500, 0, 0.0, 1.0),
        (1.5, 0, 1_000, 0, 0.0, 1.0),
        (1.5, 3 * LOOK_DAYS, 500, 0, 0.95, 1.0),
        (2.0, 0, 1_000, 0, 0.0, 1.0),
        (2.0, 3 * LOOK_DAYS, 500, 50, 0.95, 1.0),
        (4.0, 0, 500, 0, 0.95, 1.0),
    ):
        until = f"stopped there or within {days} days" if days else "stopped there"
        name = f"{about}, harm {harm:g} margins: {until}"
        yield Case(name, partial(caught_within, policy=policy, harm=harm, days=days), reps, fast, low, high)
    yield Case(
        f"{about}, harm 1 margin: PASS at the gate", partial(passes, policy=policy, harm=1.0), 2_000, 0, 0.0, 0.06
    )
