"""No slice may be harmed unnoticed, and equal models are not rejected for having many slices."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from statsmodels.stats.multitest import multipletests

from retrain_assets.errors import DataError
from retrain_assets.metrics.metric import metric
from retrain_assets.validation.comparison.comparison import Level, compare
from retrain_assets.validation.criteria.slices import slices
from retrain_assets.validation.judge import Conditions, GateScores, judge
from retrain_assets.verdict import Decision, GateWindow, Outcome, Verdict
from retrain_assets_tests.validation.worlds import VALUE_RULES, classifier, gate_rows, policy, suite

LEVEL = Level(alpha=0.05, power=0.8)
SLICES = {"columns": ["borough"], "guardrails": [{"metric": "mae", "margin": 0.5}]}


def sliced(rules=VALUE_RULES, **changes):
    return policy(rules, slices=SLICES | changes)


def world(rng, sizes=(2000, 2000, 300), harm=(0.0, 0.0, 0.0)):
    borough = np.repeat([f"b{place}" for place in range(len(sizes))], sizes).astype(object)
    n = len(borough)
    label = rng.gamma(2, 5, n)
    champion = label + rng.laplace(0, 1, n)
    candidate = label + rng.laplace(0, 1, n) * (1 + np.repeat(harm, sizes))
    groups = {"borough": borough, "sex": np.full(n, "F", dtype=object)}
    return gate_rows(label, groups), champion, candidate


def test_nineteen_equal_slices_of_three_hundred_rows_reject_less_than_one_time_in_ten():
    rng, rejected, naive = np.random.default_rng(1), [], []
    tight = sliced(guardrails=[{"metric": "mae", "margin": 0.05}])
    for _ in range(200):
        rows, champion, candidate = world(rng, (300,) * 19, (0.0,) * 19)
        found = slices(tight, rows, champion, candidate, LEVEL)
        assert len(found) == 19
        rejected.append(any(finding.outcome is Outcome.FAIL for finding in found))
        naive.append(any(finding.improvement < -0.1 for finding in found))
    assert 0 < np.mean(rejected) <= 0.10
    assert np.mean(naive) > 0.5


def test_nineteen_equal_slices_of_a_classifier_s_auc_reject_less_than_one_time_in_ten():
    rng, rejected, naive = np.random.default_rng(2), [], []
    rules = policy(slices={"columns": ["sex"], "guardrails": [{"metric": "auc", "margin": 0.02}]})
    group = np.repeat([f"s{place}" for place in range(19)], 300).astype(object)
    for _ in range(100):
        label, champion, candidate = classifier(rng, 19 * 300)
        found = slices(rules, gate_rows(label, {"sex": group}), champion, candidate, LEVEL)
        rejected.append(any(finding.outcome is Outcome.FAIL for finding in found))
        naive.append(any(finding.improvement < -0.02 for finding in found))
    assert np.mean(rejected) <= 0.10
    assert np.mean(naive) > 0.8


def test_p_values_of_slices_are_adjusted_like_holm_in_statsmodels():
    rows, champion, candidate = world(np.random.default_rng(3), (400,) * 6, (0.5, 0.3, 0.2, 0.1, 0.0, 0.0))
    found = slices(sliced(), rows, champion, candidate, LEVEL)
    alone = [
        compare(metric("mae"), sliced(), rows.where(part), champion[part], candidate[part]).estimate.p_worse()
        for part in (rows.groups["borough"] == name for name in [f"b{place}" for place in range(6)])
    ]
    assert [finding.p_value for finding in found] == pytest.approx(multipletests(alone, method="holm")[1])


def test_a_harmed_slice_fails_and_the_others_stay():
    rows, champion, candidate = world(np.random.default_rng(4), (4000, 4000, 600), (0.0, 0.0, 1.5))
    found = {finding.group: finding for finding in slices(sliced(), rows, champion, candidate, LEVEL)}
    assert [found[f"borough=b{place}"].outcome for place in range(3)] == [Outcome.PASS, Outcome.PASS, Outcome.FAIL]
    assert "after Holm over 3" in found["borough=b2"].reason
    assert {finding.role for finding in found.values()} == {"slice"}
    assert {finding.check for finding in found.values()} == {"guardrails"}


def test_a_certain_harm_within_the_margin_passes():
    rows, champion, candidate = world(np.random.default_rng(5), (40000,), (0.1,))
    (found,) = slices(sliced(), rows, champion, candidate, LEVEL)
    assert found.p_value < 0.05
    assert found.outcome is Outcome.PASS


def test_small_values_are_pooled_and_a_missing_value_is_a_slice():
    rows, champion, candidate = world(np.random.default_rng(6), (500, 60, 70, 500), (0.0,) * 4)
    rows.groups["borough"][-500:] = None
    names = [finding.group for finding in slices(sliced(), rows, champion, candidate, LEVEL)]
    assert names == ["borough=(missing)", "borough=b0", "borough=(pooled: b1 | b2)"]


def test_without_named_columns_every_group_column_slices():
    rows, champion, candidate = world(np.random.default_rng(7))
    found = slices(sliced(columns=[]), rows, champion, candidate, LEVEL)
    assert {finding.group.split("=")[0] for finding in found} == {"borough", "sex"}
    assert slices(policy(VALUE_RULES), rows, champion, candidate, LEVEL) == ()
    with pytest.raises(DataError, match="no column 'street'"):
        slices(sliced(columns=["street"]), rows, champion, candidate, LEVEL)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"guardrails": []}, "at least 1"),
        ({"guardrails": [{"metric": "mae", "margin": -0.5}]}, "greater than 0"),
        ({"guardrails": [{"metric": "mae"}]}, "required"),
    ],
)
def test_slices_without_a_margin_are_refused(wrong, why):
    with pytest.raises(ValidationError, match=why):
        sliced(**wrong)


def judged(rules, sizes=(3000, 12)):
    rng = np.random.default_rng(8)
    rows, candidate, champion = world(rng, sizes, (0.6,) * len(sizes))
    baseline = np.full(len(rows), np.median(rows.label))
    found = judge(
        rules,
        "regression",
        rows,
        GateScores(candidate, baseline, champion),
        suite((10.0,), (11.0,), (10.5,)),
        Conditions(12),
    )
    gate = GateWindow(("2024-01",), "2024-01-01", "2024-02-01", 10, "0" * 64)
    return found, Verdict("m", "2024-01", found.findings, gate, "a", "b", "p", "1").decision


def test_a_slice_too_small_to_tell_is_reported_and_holds_only_where_that_is_declared():
    tight = {"guardrails": [{"metric": "mae", "margin": 0.01}], "pool_below": 10}
    reported, decision = judged(sliced(**tight, hold_undecided=False))
    assert decision is Decision.PROMOTE
    (open_slice,) = reported.reported
    assert (open_slice.group, open_slice.outcome) == ("borough=b1", Outcome.INSUFFICIENT)
    assert open_slice.rows_needed > open_slice.rows == 12
    assert open_slice.minimum_detectable > 0
    assert open_slice.design_effect > 0
    held, decision = judged(sliced(**tight, hold_undecided=True))
    assert decision is Decision.INSUFFICIENT
    assert held.reported == ()
    assert open_slice in held.findings
