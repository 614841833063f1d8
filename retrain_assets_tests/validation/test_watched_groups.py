"""Groups that a gate leaves to probation: their harm is the change of the gate's own metric, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from retrain_assets.validation.comparison.comparison import Level
from retrain_assets.validation.criteria.fairness import fairness
from retrain_assets.validation.watched_groups import WatchedGroup, watched_groups
from retrain_assets_tests.validation.worlds import VALUE_RULES, gate_rows, policy

LEVEL = Level(alpha=0.05, power=0.8)


def few_and_many(rng):
    """60 rows of two small values and of none, 3,000 of a large one."""
    part = np.array(["a"] * 20 + ["b"] * 20 + [None] * 20 + ["c"] * 3000, object)
    return gate_rows((rng.random(3060) < 0.5).astype(float), {"part": part})


@pytest.mark.parametrize("name", ["tpr", "fpr", "selection_rate", "mae"])
def test_the_mean_harm_of_a_watched_group_s_rows_is_what_the_gate_found(name):
    rng = np.random.default_rng(3)
    rows, (before, after) = few_and_many(rng), rng.random((2, 3060))
    task, base = ("regression", VALUE_RULES) if name == "mae" else ("binary", None)
    asked = {"groups": ["part"], "metrics": [name], "margin": 0.05, "pool_below": 30}
    rules = policy(base, fairness=asked) if base else policy(fairness=asked)
    found = fairness(rules, task, rows, before, after, LEVEL)
    left = WatchedGroup.of_evidence(watched_groups(rules, rows, found))
    assert ("a", "b") in {each.values for each in left} <= {("(missing)",), ("a", "b")}
    for each in left:
        own = each.members(rows.groups["part"])
        finding = next(finding for finding in found if finding.group == each.group)
        harm = each.harm(rows.label, before, after)[own]
        assert np.isfinite(harm).sum() == finding.rows
        assert np.nanmean(harm) == pytest.approx(-finding.improvement)


def test_the_harm_of_one_class_of_several_is_that_of_its_rate():
    label = np.array([0.0, 2.0, 2.0, 1.0])
    before, after = np.eye(3)[[0, 2, 2, 2]], np.eye(3)[[0, 1, 2, 1]]
    rate, alarm = (WatchedGroup("sex=F", name, "sex", ("F",), 0.1, 0.5) for name in ("tpr[2]", "fpr[2]"))
    assert rate.harm(label, before, after).tolist() == pytest.approx([np.nan, 1.0, 0.0, np.nan], nan_ok=True)
    assert alarm.harm(label, before, after).tolist() == pytest.approx([0.0, np.nan, np.nan, -1.0], nan_ok=True)


def test_a_verdict_that_leaves_no_group_to_probation_has_no_such_evidence():
    rng = np.random.default_rng(3)
    rows, scores = few_and_many(rng), rng.random(3060)
    rules = policy(fairness={"groups": ["part"], "strict": True})
    assert watched_groups(rules, rows, fairness(rules, "binary", rows, scores, scores, LEVEL)) == {}
