"""Days shuffled between too few periods: level, power, and when it does not answer."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.monitoring.drift.day_permutation import Days
from retrain_assets.monitoring.drift.report import Drift, FurtherInputs, drift
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets_tests.monitoring.drift.worlds import EVERY_SIZE

NAMES = ["a", "b", "c", "d"]
MONDAY = date(2024, 1, 1)
EDGES = reference_edges(pa.table({name: np.random.default_rng(0).normal(0, 1.3, 5000) for name in NAMES}), NAMES, [])


def weeks(rng, periods, effect=0.3, autocorrelation=0.0, step=0.0):
    """Daily profiles of so many reference weeks and one more, with a weekday pattern and effects that days share."""
    shared, days = rng.normal(0, effect, len(NAMES)), []
    for n in range(7 * (periods + 1)):
        centre = shared + 0.5 * (n % 7 >= 5) + step * np.array([n >= 7 * periods, 0, 0, 0])
        days.append(profile(pa.table({name: rng.normal(centre[i], 1, 200) for i, name in enumerate(NAMES)}), EDGES))
        fresh = rng.normal(0, effect, len(NAMES))
        shared = autocorrelation * shared + np.sqrt(1 - autocorrelation**2) * fresh
    dated = {MONDAY + timedelta(days=n): one for n, one in enumerate(days)}
    last = MONDAY + timedelta(weeks=periods)
    return Days({k: v for k, v in dated.items() if k < last}, {k: v for k, v in dated.items() if k >= last})


def merged(profiles):
    total, *rest = profiles
    for one in rest:
        total = total.merge(one)
    return total


def judged(days, policy=EVERY_SIZE):
    by_week = {}
    for day, one in days.reference.items():
        by_week.setdefault(str(day - timedelta(days=day.weekday())), []).append(one)
    reference = {key: merged(found) for key, found in by_week.items()}
    return drift(policy, reference, merged(list(days.current.values())), "9999", None, FurtherInputs(days=days))


@pytest.mark.parametrize("periods", [1, 3])
def test_independent_days_alarm_at_their_level(periods):
    rng = np.random.default_rng(periods)
    reports = [judged(weeks(rng, periods)) for _ in range(80)]
    assert np.mean([bool(report.warned) for report in reports]) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 80)
    answered = [report for report in reports if report.tests]
    assert len(answered) > 40
    assert not any(report.triggers for report in reports)


def test_days_that_tell_of_one_another_are_not_asked():
    rng = np.random.default_rng(5)
    reports = [judged(weeks(rng, 3, autocorrelation=0.7)) for _ in range(30)]
    assert np.mean([report.tests > 0 for report in reports]) < 0.2
    assert np.mean([bool(report.warned) for report in reports]) <= 0.1


def test_a_step_among_three_weeks_is_found_and_told_in_the_reader_s_unit():
    rng = np.random.default_rng(6)
    reports = [judged(weeks(rng, 3, effect=0.1, step=0.8), DriftPolicy()) for _ in range(20)]
    found = [report for report in reports if "a" in report.warned]
    assert len(found) >= 15
    column = next(column for column in found[0].columns if column.column == "a")
    assert column.outcome is Drift.WARN
    assert found[0].reference_periods == 3
    assert column.wasserstein == pytest.approx(0.8, abs=0.25)


def test_too_few_days_to_reach_the_level_are_insufficient():
    days = weeks(np.random.default_rng(7), 1, step=3.0)
    few = Days(
        {day: one for day, one in days.reference.items() if day.weekday() < 4},
        {day: one for day, one in days.current.items() if day.weekday() < 4},
    )
    report = judged(few)
    assert {column.outcome for column in report.columns} == {Drift.INSUFFICIENT}
    assert "4 are needed" in report.sentence


def test_the_same_days_get_the_same_answer():
    days = weeks(np.random.default_rng(8), 2, step=0.5)
    assert judged(days) == judged(days)
