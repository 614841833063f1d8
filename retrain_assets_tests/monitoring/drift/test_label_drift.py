"""Drift and jumps of the outcomes themselves, by simulation, and the hold that a jump puts on promotion."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.monitoring.drift.label_drift import LABEL, Labels, hold_on_jump, label_step, label_table
from retrain_assets.monitoring.policy import DriftPolicy, LabelPolicy
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets.monitoring.records.performance_record import PerformanceRecord
from retrain_assets.registry.registry import Registry

BINARY = Labels("binary", DriftPolicy(), LabelPolicy())
VALUES = Labels("regression", DriftPolicy(), LabelPolicy())


def outcomes(values):
    return pa.table({"label": np.asarray(values, dtype=float)})


def series(labels, tables):
    """The records of periods, each seeing those before it."""
    records, known, edges, before = [], {}, None, None
    for number, table in enumerate(tables):
        period, seen = f"2024-{number + 1:02}", label_table(labels.task, table["label"])
        if edges is None:
            numeric = labels.task == "regression"
            edges = reference_edges(seen, [LABEL] if numeric else [], [] if numeric else [LABEL])
        current = profile(seen, edges)
        last = dict(list(known.items())[-labels.drift.reference_periods :])
        before, found = label_step(labels, last, current, before, period)
        records.append(PerformanceRecord(period, label_drift=before, label_jump=found))
        known[period] = current
    return records


def rates(seed, shares, rows=2000):
    random = np.random.default_rng(seed)
    return [outcomes(random.uniform(size=rows) < share) for share in shares]


def test_a_rate_that_doubles_its_odds_at_once_is_a_jump_with_its_numbers():
    records = series(BINARY, rates(1, [0.2] * 8 + [0.42]))
    jump = records[-1].label_jump
    assert (jump.what, jump.rows) == ("share of label 1", 2000)
    assert jump.before == pytest.approx(0.2, abs=0.01)
    assert jump.after == pytest.approx(0.42, abs=0.03)
    assert jump.size == pytest.approx((0.42 / 0.58) / (0.2 / 0.8), rel=0.15)
    assert jump.p_value < 0.001
    assert "more often a fault in the data than a change of the world" in jump.sentence
    assert [record.label_jump for record in records[:-1]] == [None] * 8


def test_a_rate_that_falls_to_nothing_is_a_jump():
    assert series(BINARY, rates(2, [0.2] * 8 + [0.0]))[-1].label_jump.size == np.inf


def test_a_certain_change_that_is_not_large_drifts_without_a_jump():
    last = series(BINARY, rates(3, [0.2] * 8 + [0.28], rows=20_000))[-1]
    assert last.label_jump is None
    assert last.label_drift.columns[0].outcome == "warn"
    assert "the outcomes drifted" in last.label_drift.sentence


def test_a_rate_that_swings_from_period_to_period_does_not_jump():
    random = np.random.default_rng(4)
    found = [series(BINARY, rates(seed, random.beta(4, 16, 13)))[-1].label_jump for seed in range(40)]
    assert sum(jump is not None for jump in found) <= 1


def test_a_level_that_has_jumped_does_not_jump_again():
    records = series(BINARY, rates(5, [0.2] * 8 + [0.42] * 3))
    assert [record.label_jump is not None for record in records[8:]] == [True, False, False]


@pytest.mark.parametrize("effect", [0.0, 0.15])
def test_quiet_outcomes_drift_in_about_one_period_in_twenty(effect):
    random, warned = np.random.default_rng(6), 0
    for seed in range(150):
        levels = 0.2 * np.exp(effect * random.normal(size=9))
        last = series(BINARY, rates(seed, levels, rows=1000))[-1]
        warned += last.label_drift.columns[0].outcome == "warn"
    assert warned / 150 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 150)


def test_a_unit_error_in_the_values_is_a_jump_and_a_dearer_month_is_not():
    random = np.random.default_rng(7)
    months = [outcomes(random.gamma(2, 6, 3000)) for _ in range(8)]
    jump = series(VALUES, [*months, outcomes(random.gamma(2, 6, 3000) * 100)])[-1].label_jump
    assert jump.what == "mean label"
    assert jump.size > 1
    dearer = series(VALUES, [*months, outcomes(random.gamma(2, 6, 3000) + 2.5)])[-1]
    assert dearer.label_jump is None
    assert dearer.label_drift.columns[0].outcome == "warn"


def test_a_class_without_precedent_is_a_jump():
    random = np.random.default_rng(8)
    months = [outcomes(random.choice([0, 1, 2], 2000, p=[0.5, 0.3, 0.2])) for _ in range(8)]
    odd = outcomes(random.choice([0, 1, 2, 7], 2000, p=[0.45, 0.25, 0.2, 0.1]))
    jump = series(Labels("multiclass", DriftPolicy(), LabelPolicy()), [*months, odd])[-1].label_jump
    assert jump.what == "share of labels without precedent"


def test_fewer_than_four_periods_tell_nothing():
    last = series(BINARY, rates(9, [0.2, 0.2, 0.2, 0.9]))[-1]
    assert last.label_jump is None
    assert last.label_drift.columns[0].outcome == "insufficient"


def test_a_jump_holds_promotion_once_and_a_quiet_period_does_not(tmp_path):
    registry, records = Registry(tmp_path, "parcels"), series(BINARY, rates(1, [0.2] * 8 + [0.42]))
    at = datetime(2024, 10, 1)
    assert hold_on_jump(registry, "2024-08", records[-2].label_jump, at) is None
    event = hold_on_jump(registry, "2024-09", records[-1].label_jump, at)
    assert (event.action, event.actor, event.period) == ("held", "monitor", "2024-09")
    assert event.reason == records[-1].label_jump.sentence
    assert hold_on_jump(registry, "2024-09", records[-1].label_jump, at) == event
    assert len(registry.history()) == 1
