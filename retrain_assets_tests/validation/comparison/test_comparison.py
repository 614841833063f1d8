"""A comparison of some of the rows is that of the same rows alone, however it is computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrain_assets.validation.comparison.comparison import Level, compare, compare_in_parts
from retrain_assets.validation.comparison.grouping import groups_of
from retrain_assets.validation.comparison.units import GateRows, units_of, units_within
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets_tests.validation.makes import OF_EACH_MAKE, rules_of, world
from retrain_assets_tests.validation.worlds import policy

LEVEL = Level(alpha=0.05, power=0.8)
COMPARED = (*OF_EACH_MAKE, ("binary", "calibration_error"))
"""The last one is no function of parts."""


def alone(rows: GateRows, mask) -> GateRows:
    """The same rows as gate rows of their own."""
    amounts = {name: values[mask] for name, values in rows.amounts.items()}
    groups = {name: values[mask] for name, values in rows.groups.items()}
    cluster = None if rows.cluster is None else rows.cluster[mask]
    return GateRows(rows.key[mask], rows.label[mask], rows.time[mask], groups, cluster, amounts)


@pytest.mark.parametrize(("task", "name"), COMPARED)
def test_each_group_is_compared_as_if_there_were_no_other_rows(task, name):
    rows, champion, candidate, *_ = world(task)
    base, own = rules_of(task)
    rules = policy(base, **own)
    metric = metric_of(rules, name)
    parts = list(groups_of("sex", rows, pool_below=10))
    for group, found in zip(parts, compare_in_parts(metric, rules, rows, champion, candidate, parts), strict=True):
        mask = group.mask
        wanted = compare(metric, rules, alone(rows, mask), champion[mask], candidate[mask])
        assert (found.metric, found.base, found.change) == (wanted.metric, wanted.base, wanted.change)
        for field in ("improvement", "standard_error", "degrees", "rows", "support", "design_effect"):
            assert getattr(found.estimate, field) == pytest.approx(getattr(wanted.estimate, field)), field


@pytest.mark.parametrize(("task", "name"), COMPARED)
def test_the_improvement_is_the_difference_of_the_two_values(task, name):
    rows, champion, candidate, *_ = world(task)
    base, own = rules_of(task)
    rules = policy(base, **own)
    found = compare(metric_of(rules, name), rules, rows, champion, candidate)
    gain = found.candidate_value - found.champion_value
    assert found.estimate.improvement == pytest.approx(-gain if found.direction.startswith("lower") else gain)


@pytest.mark.parametrize("unit", ["row", "auto", "driver"])
def test_units_of_some_rows_are_those_of_the_rows_alone(unit):
    rows, *_ = world("regression")
    rows = replace(rows, cluster=np.array([f"driver {number % 37}" for number in range(3000)], object))
    rng = np.random.default_rng(1)
    mask = (np.arange(3000) > 700) & (rng.random(3000) < 0.3) & (rows.cluster != "driver 5")
    found, wanted = units_within(unit, rows, mask), units_of(unit, alone(rows, mask))
    assert (found.name, found.count) == (wanted.name, wanted.count)
    assert sorted(found.sizes) == sorted(wanted.sizes)
    assert found.effective == wanted.effective


@pytest.mark.parametrize("name", ["auc", "auc[0]", "auc[2]", "tpr[2]", "f1[1]", "log_loss"])
def test_both_values_of_several_classes_are_those_of_the_metric(name):
    rows, champion, candidate, *_ = world("multiclass")
    base, own = rules_of("multiclass")
    rules = policy(base, **own)
    metric = metric_of(rules, name)
    found = compare(metric, rules, rows, champion, candidate)
    wanted = metric.value(rows.label, champion), metric.value(rows.label, candidate)
    assert (found.champion_value, found.candidate_value) == pytest.approx(wanted)
