"""The acceptance tables of the drift verdict, one simulated case per row, each judged by `monitoring.drift.drift`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import pyarrow as pa

from benchmarks.monitoring.flights import against, weeks
from benchmarks.monitoring.worlds import EVERY_SIZE, Change, Reference, Rng, World
from benchmarks.tables import Case
from retrain_assets.monitoring.drift.domain_classifier import JOINT, joint_series
from retrain_assets.monitoring.drift.report import DriftReport, FurtherInputs, drift
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import profile, reference_profiles

PERIODS = 12
WEEKS_A_YEAR = 52
QUIET = Change()


def warns(rng: Rng, world: World, periods: int = PERIODS) -> bool:
    """Periods without drift: does the last one warn?"""
    *reference, current = world.periods(rng, [QUIET] * (periods + 1))
    return bool(Reference(reference).report(EVERY_SIZE, current).warned)


def finds(rng: Rng, world: World, change: Change, column: str) -> bool:
    """A change in the last period: does its column warn?"""
    *reference, current = world.periods(rng, [QUIET] * PERIODS + [change])
    return column in Reference(reference).report(DriftPolicy(), current).warned


def shuffled_week_warns(rng: Rng, policy: DriftPolicy) -> bool:
    """Real flight weeks in random order, so that nothing drifts: does the last of 13 warn?"""
    drawn = rng.permutation(len(weeks()))[: PERIODS + 1]
    *reference, current = (weeks()[n][1] for n in drawn)
    return bool(against(reference, current, policy).warned)


def year_triggers(rng: Rng, world: World) -> bool:
    """A year of weekly checks without drift against 12 fixed weeks: does any of them ask for a retrain?"""
    weeks_of_year = list(world.periods(rng, [QUIET] * (PERIODS + WEEKS_A_YEAR)))
    reference, previous = Reference(weeks_of_year[:PERIODS]), None
    for week in weeks_of_year[PERIODS:]:
        previous = reference.report(DriftPolicy(), week, previous)
        if previous.triggers:
            return True
    return False


def joint_change_found(rng: Rng, correlation: float) -> bool:
    """The correlation of 2 of 10 columns goes from 0 to this in the last of 13 periods of 10,000 rows: is it told?"""

    def rows(together: float) -> pa.Table:
        values = rng.normal(size=(10, 10_000))
        values[1] = together * values[0] + np.sqrt(1 - together**2) * values[1]
        return pa.table({f"x{n}": column for n, column in enumerate(values)})

    reference, current = {f"{n:03}": rows(0.0) for n in range(PERIODS)}, rows(correlation)
    edges, profiles = reference_profiles(reference, current.column_names, [])
    series = [joint_series(reference, current, [], seed=0)[0]]
    found = drift(DriftPolicy(), profiles, profile(current, edges), "999", None, FurtherInputs(series))
    return JOINT in found.warned if correlation else bool(found.warned)


def half_sd_triggers(rng: Rng, world: World, within: int) -> bool:
    """A step of .5 sd in one column: does it ask for a retrain within so many weeks?"""
    reference = Reference(list(world.periods(rng, [QUIET] * PERIODS)))
    previous: DriftReport | None = None
    for week in world.periods(rng, [Change(mean_sd=0.5)] * within):
        previous = reference.report(DriftPolicy(), week, previous)
        if previous.triggers and "x0" in previous.warned:
            return True
    return False


@cache
def level() -> Sequence[Case]:
    """How often nothing has drifted and the verdict says otherwise."""
    joint = Case("the same rows with the classifier's AUC, 10 columns, 10,000 rows", partial(joint_change_found,
                 correlation=0.0), 40, 0, high=0.07)  # fmt: skip
    return [*_independent(), *_moving(), *_real(), *_years(), joint]


@cache
def power() -> Sequence[Case]:
    """How often something has drifted and the verdict names its column."""
    ten_thousand = [
        ("5 % of a category's mass moved", Change(mass_moved=0.05), "c0"),
        ("a new category, 1 %", Change(new_share=0.01), "c0"),
        ("missing 2 -> 7 %", Change(missing=0.07), "x0"),
    ]
    still = World(10_000, levels=(12, 100))
    restless = World(10_000, levels=(12, 100), effect_sd=0.05)
    week = World(1_000, days=7, numeric=20, levels=(), effect_sd=0.1, plain=True)
    return [
        *(Case(f"{name}, 10,000 rows", partial(finds, world=still, change=change, column=column), 200, 30, 0.95)
          for name, change, column in ten_thousand),
        *(Case(f"{name}, effect .05 sd", partial(finds, world=restless, change=change, column=column), 200, 0)
          for name, change, column in ten_thousand),
        Case("+.25 sd in 1 of 20 columns, 7 days of 1,000 rows, day effect .1 sd",
             partial(finds, world=week, change=Change(mean_sd=0.25), column="x0"), 200, 25, 0.85),
        Case("correlation 0 -> .2 of 2 of 10 columns, 10,000 rows, by the classifier",
             partial(joint_change_found, correlation=0.2), 30, 0, 0.80),
        *(Case(f"+.5 sd asks for a retrain within 4 weeks, week effect {effect:g} sd",
               partial(half_sd_triggers, world=World(5_000, numeric=8, levels=(12,), effect_sd=effect, plain=True),
                       within=4), 200, 0, low)
          for effect, low in ((0.1, 0.87), (0.15, 0.0))),
    ]  # fmt: skip


def _independent() -> list[Case]:
    cases = []
    for rows, levels in ((1_000, (12,)), (1_000, (12, 100, 1_000)), (10_000, (12, 1_000)), (100_000, (12, 1_000)),
                         (1_000_000, (12, 100, 1_000))):  # fmt: skip
        name = f"independent rows, {rows:,}, up to {max(levels):,} levels"
        cases.append(Case(name, partial(warns, world=World(rows, levels=levels)), 300, 40, high=0.05))
    name = "the same 1,000 rows, 12 levels, drawn and profiled row by row"
    return [*cases, Case(name, partial(warns, world=World(1_000, from_rows=True)), 300, 0, high=0.05)]


def _moving() -> list[Case]:
    cases = []
    for effect in (0.0, 0.01, 0.05, 0.1, 0.2):
        for autocorrelation in (0.0, 0.5) if effect else (0.0,):
            world = World(1_000, levels=(12,), effect_sd=effect, autocorrelation=autocorrelation)
            name = f"12 days, day effect {effect:g} sd, autocorrelation {autocorrelation:g}"
            cases.append(Case(name, partial(warns, world=world), 400, 60 if effect == 0.1 else 0, high=0.07))
    for autocorrelation in (0.0, 0.5):
        world = World(1_000, days=7, levels=(12,), effect_sd=0.1, autocorrelation=autocorrelation)
        name = f"12 weeks, day effect .1 sd, autocorrelation {autocorrelation:g}"
        cases.append(Case(name, partial(warns, world=world), 200, 0, high=0.07))
    for periods in (4, 8, 26):
        world = World(1_000, effect_sd=0.1)
        cases.append(Case(f"{periods} days, day effect .1 sd", partial(warns, world=world, periods=periods), 400, 0,
                          high=0.07))  # fmt: skip
    for periods in (4, 5, 8, 12):
        for rows in (1_000, 100_000):
            world = World(rows, effect_sd=0.3, zeros_stay=True)
            name = f"{periods} days of {rows:,} rows, day effect .3 sd, zeros stay zero"
            cases.append(Case(name, partial(warns, world=world, periods=periods), 400, 0, high=0.07))
    return cases


def _real() -> list[Case]:
    return [
        Case("shuffled real flight weeks", partial(shuffled_week_warns, policy=DriftPolicy()), 500, 100, high=0.10),
        Case("the same, every size counts", partial(shuffled_week_warns, policy=EVERY_SIZE), 300, 0),
    ]


def _years() -> list[Case]:
    cases = []
    for effect, reps in ((0.0, 60), (0.1, 150)):
        world = World(1_000, days=1, numeric=6, levels=(12,), effect_sd=effect)
        name = f"a quiet year of weekly checks asks for a retrain, week effect {effect:g} sd"
        cases.append(Case(name, partial(year_triggers, world=world), reps, 4 if effect else 0, high=0.10))
    return cases
