"""What the block rule costs: equal models called better, and better models found, under four ways to choose a unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.gate.worlds import Rng, alike_days, gate_rows
from retrain_assets.metrics.metric import Array
from retrain_assets.statistics.day_blocks import LENGTHS_DAYS, block_length_days, lag1_autocorrelation, means_by_day
from retrain_assets.validation.comparison.estimate import estimate

PER_DAY = 50
LARGEST_LOSS = 0.03
"""By how much `auto` may find fewer better models on independent days than the same rule without weekly blocks."""


def without_weeks(daily: Array) -> int:
    """The rule of `blocks` as it is for less than 8 weeks: 1, 3, 7 or 14 days by the autocorrelation alone."""
    return LENGTHS_DAYS[int(np.searchsorted((0.10, 0.25, 0.50), lag1_autocorrelation(daily), side="right"))]


RULES: dict[str, Callable[[Array], int]] = {
    "day": lambda daily: 1,
    "without weeks": without_weeks,
    "auto": block_length_days,
    "week": lambda daily: 7,
}


@dataclass(frozen=True)
class Price:
    """One rule in windows of so many days: equal models called better (`wrong`) and better ones found (`found`).

    `wrong` has 1 % of the variance shared within a day and an autocorrelation of .6; `found` has independent days and a
    gain of 2.5 standard errors, which a test by day finds four times in five.
    """

    rule: str
    days: int
    wrong: float
    found: float


def prices(reps: int, seed: int, windows: tuple[int, ...] = (28, 56, 84, 182)) -> list[Price]:
    """Every rule in every window, on the same made-up rows."""
    return [price for days in windows for price in _prices(np.random.default_rng(seed), days, reps)]


def _prices(rng: Rng, days: int, reps: int) -> list[Price]:
    wrong, found = dict.fromkeys(RULES, 0), dict.fromkeys(RULES, 0)
    gain = 2.5 / np.sqrt(days * PER_DAY)
    for _ in range(reps):
        _count(wrong, alike_days(rng, days, PER_DAY), days)
        _count(found, rng.normal(gain, 1, days * PER_DAY), days)
    return [Price(rule, days, wrong[rule] / reps, found[rule] / reps) for rule in RULES]


def _count(better: dict[str, int], psi: Array, days: int) -> None:
    rows = gate_rows(psi, days=days)
    daily = means_by_day(psi, rows.day)
    for rule, length in RULES.items():
        better[rule] += estimate(psi, rows.blocks(length(daily))).low(0.05) > 0
