"""Too few periods for a scatter of their own: days are shuffled between them instead, Mondays among Mondays.

It needs days that are independent of one another, which the days themselves must show: where today tells of tomorrow
the answer is that nothing can be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from retrain_assets.monitoring.drift.column_change import measure
from retrain_assets.monitoring.drift.period_tests import PeriodTest
from retrain_assets.monitoring.drift.summaries import Summary
from retrain_assets.monitoring.profiles.profile import Profile
from retrain_assets.statistics.day_blocks import lag1_autocorrelation

Floats = NDArray[np.float64]

SHUFFLES = 1999
LARGEST_MEAN_AUTOCORRELATION, LARGEST_AUTOCORRELATION = 0.10, 0.25
"""Up to which lag-1 autocorrelation days count as independent: on average over all summaries, and for each."""


@dataclass(frozen=True)
class Days:
    """Profiles of the days of the reference periods and of the period under test, all with the same edges."""

    reference: Mapping[date, Profile]
    current: Mapping[date, Profile]


def day_tests(days: Days, names: Sequence[str], alpha: float, seed: int) -> list[list[PeriodTest]]:
    """Test every summary of every column by shuffling days within weekdays, all together by the largest statistic.

    Each shuffle gives every weekday's days anew to the reference and the period; a p-value is the share of shuffles in
    which any summary is as far off as this one, so that it is adjusted for all of them.

    Args:
        days: Daily profiles; weekdays that only one side has are left out.
        names: Columns to test.
        alpha: Level; fewer shuffles than it needs to be reached give no test.
        seed: Of the shuffles.

    Returns:
        What was tested of each column; nothing where days are too few or tell of one another.

    Source: Westfall & Young (1993), Resampling-Based Multiple Testing, section 2.2.
    """
    kept = [(day, profile, now) for day, profile, now in _in_order(days) if _on_both_sides(days, day)]
    current = np.array([now for *_, now in kept], dtype=bool)
    weekday = np.array([day.weekday() for day, *_ in kept], dtype=int)
    nothing: list[list[PeriodTest]] = [[] for _ in names]
    if _distinct(weekday, current) * alpha < 1:
        return nothing
    profiles = [profile for _, profile, _ in kept]
    summaries = [(at, one) for at, name in enumerate(names) for one in measure(profiles, name).summaries]
    summaries = [(at, one) for at, one in summaries if one.varies and np.isfinite(one.values).all()]
    if not summaries:
        return nothing
    values = _without_weekday(np.array([one.values for _, one in summaries]), weekday)
    related = np.array([_autocorrelation(row, current) for row in values])
    if not related.mean() < LARGEST_MEAN_AUTOCORRELATION:
        return nothing
    usable = related < LARGEST_AUTOCORRELATION
    statistics, p_values = _largest(values[usable], weekday, current, seed)
    found = nothing
    for n, (t, p) in zip(np.flatnonzero(usable), zip(statistics, p_values, strict=True), strict=True):
        at, summary = summaries[n]
        found[at].append(PeriodTest(_ends(summary, current), float(t), float(p), p_alone=1.0))
    return found


def _in_order(days: Days) -> list[tuple[date, Profile, bool]]:
    both = [(day, profile, False) for day, profile in days.reference.items()]
    both += [(day, profile, True) for day, profile in days.current.items()]
    return sorted((one for one in both if one[1].rows), key=lambda one: one[0])


def _on_both_sides(days: Days, day: date) -> bool:
    return all(
        any(other.weekday() == day.weekday() and side[other].rows for other in side)
        for side in (days.reference, days.current)
    )


def _distinct(weekday: NDArray[np.int_], current: NDArray[np.bool_]) -> int:
    """How many different ways there are to give the days out, two sides that change places counted once."""
    ways = prod(comb(int((weekday == day).sum()), int(current[weekday == day].sum())) for day in np.unique(weekday))
    return ways if weekday.size else 0


def _without_weekday(values: Floats, weekday: NDArray[np.int_]) -> Floats:
    left = values.copy()
    for day in np.unique(weekday):
        left[:, weekday == day] -= values[:, weekday == day].mean(axis=1, keepdims=True)
    return left


def _autocorrelation(values: Floats, current: NDArray[np.bool_]) -> float:
    """Lag-1 autocorrelation of the days once each side's own level is taken away, corrected for the short series."""
    within = values.copy()
    for side in (current, ~current):
        within[side] -= within[side].mean()
    return float(lag1_autocorrelation(within)) if np.ptp(within) > 0 else 0.0


def _largest(values: Floats, weekday: NDArray[np.int_], current: NDArray[np.bool_], seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    sides = np.tile(current, (SHUFFLES + 1, 1))
    for day in np.unique(weekday):
        at = np.flatnonzero(weekday == day)
        order = rng.random((SHUFFLES, at.size)).argsort(axis=1)
        sides[1:, at] = current[at][order]
    weights = sides / current.sum() - ~sides / (~current).sum()
    scale = np.sqrt((values**2).mean(axis=1, keepdims=True) * (1 / current.sum() + 1 / (~current).sum()))
    statistics = (values / np.where(scale > 0, scale, 1.0)) @ weights.T
    largest = np.abs(statistics[:, 1:]).max(axis=0)
    observed = statistics[:, 0]
    as_far = (largest[None, :] >= np.abs(observed)[:, None] - 1e-9).sum(axis=1)
    return observed, (1 + as_far) / (SHUFFLES + 1)


def _ends(summary: Summary, current: NDArray[np.bool_]) -> Summary:
    """The summary as the two sides' means, for the reader."""
    before, after = (float(summary.values[side].mean()) for side in (~current, current))
    return Summary(summary.what, summary.at, np.array([before, after]), summary.noise[:2], before, after)
