"""A metric of every make goes through the whole judge in its task, and every line of evidence is complete."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from retrain_assets.validation.judge import Conditions, GateScores, judge
from retrain_assets.validation.policy_metrics import metric_of
from retrain_assets.verdict import CHECKS, Decision, Finding, GateWindow, Outcome, Verdict
from retrain_assets_tests.validation.makes import GUARDING, OF_EACH_MAKE, OF_TASK, rules_of, world
from retrain_assets_tests.validation.worlds import VALUE_RULES, gate_rows, policy

ESTIMATE = (
    "metric", "role", "direction", "rows", "unit", "units", "design_effect", "candidate_value", "improvement", "low",
    "high", "alpha", "margin", "p_value", "p_level", "minimum_detectable", "rows_needed", "outcome",
    "reason",
)  # fmt: skip
"""What a line that rests on an estimate always tells; `champion_value` where there is a champion."""


def margin_of(name):
    return 0.5 if name == "own_cost" else 0.05


def decision(found) -> Decision:
    gate = GateWindow(("2024-01",), "2024-01-01", "2024-02-01", 10, "0" * 64)
    return Verdict("m", "2024-01", found.findings, gate, "a", "b", "p", "1", identical=found.identical).decision


def judged(task, name, turned=False, **changes):
    rows, champion, candidate, baseline, cases = world(task)
    if turned:
        champion, candidate = candidate, champion
    base, own = rules_of(task)
    everywhere = {
        "primary": name,
        "fairness": {"margin": 0.3},
        "guardrails": [{"metric": name, "margin": margin_of(name)}],
        "slices": {"columns": ["sex"], "guardrails": [{"metric": name, "margin": 4 * margin_of(name)}]},
    }
    rules = policy(base, **(own | everywhere | changes))
    return judge(rules, task, rows, GateScores(candidate, baseline, champion), cases, Conditions(12))


def make_of(task, name):
    """All that a judgement asks about a metric before it computes it."""
    base, own = rules_of(task)
    metric, columns = metric_of(policy(base, **own), name), 3 if task == "multiclass" else 1
    by_class, parts = metric.one_by_one(columns), metric.parts(np.zeros(2), columns)
    return (
        *(metric.whole is None, metric.is_mean_loss, metric.by_part, metric.counts_flips),
        *(bool(by_class), parts is None),
    )


def test_every_metric_that_may_guard_is_of_one_of_the_makes():
    assert {make_of(*guarding) for guarding in GUARDING} == {make_of(*judged) for judged in OF_EACH_MAKE}


@pytest.mark.parametrize(("task", "name"), OF_EACH_MAKE)
def test_a_candidate_better_in_every_respect_is_promoted_on_a_metric_of_any_make_and_its_rival_is_not(task, name):
    found = judged(task, name)
    reasons = [finding.reason for finding in found.findings if finding.outcome is not Outcome.PASS]
    assert decision(found) is Decision.PROMOTE, reasons
    assert decision(judged(task, name, turned=True)) is Decision.REJECT


@pytest.mark.parametrize(("task", "name"), OF_EACH_MAKE)
def test_every_line_that_rests_on_an_estimate_is_complete(task, name):
    found = judged(task, name)
    estimates = [finding for finding in (*found.findings, *found.reported) if finding.improvement is not None]
    assert {finding.role for finding in estimates} == {"guardrail", "slice", "fairness", "primary"}
    for finding in estimates:
        lacking = [field for field in (*ESTIMATE, "champion_value") if getattr(finding, field) in (None, "")]
        assert not lacking, f"{finding.check} {finding.role} {finding.metric} {finding.group}: {lacking}"
        assert finding.low <= finding.improvement <= finding.high
        assert finding.rows_needed > 0
        assert finding.minimum_detectable > 0
        assert finding.design_effect > 0


@pytest.mark.parametrize("task", list(OF_TASK))
def test_every_line_about_a_first_model_is_complete(task):
    rows, _, candidate, baseline, cases = world(task)
    base, own = rules_of(task)
    floors = [{"metric": "own_cost", "at_most": 50.0}, {"metric": "own_function", "at_least": -1.0}]
    rules = policy(base, **own, primary=["own_cost", "own_function"], floors=floors)
    cases = replace(cases, champion_scores=None)
    found = judge(rules, task, rows, GateScores(candidate, baseline), cases, Conditions(12)).findings
    estimates = [finding for finding in found if finding.improvement is not None]
    assert {finding.role for finding in estimates} == {"floor", "primary"}
    for finding in estimates:
        lacking = [field for field in ESTIMATE if getattr(finding, field) in (None, "")]
        assert not lacking, f"{finding.check} {finding.metric} {finding.group}: {lacking}"


def test_every_check_leaves_a_line_and_every_line_has_the_declared_fields():
    found = judged("binary", "log_loss").findings
    assert {finding.check for finding in found} == {*CHECKS, "hard"}
    record = {
        "check", "metric", "role", "direction", "rows", "unit", "units", "design_effect", "champion_value",
        "candidate_value", "improvement", "low", "high", "alpha", "margin", "p_value", "minimum_detectable",
        "rows_needed", "outcome", "reason",
    }  # fmt: skip
    assert record <= {field.name for field in fields(Finding)}
    bound = {"gate", "candidate_digest", "champion_digest", "code_version", "policy_sha256"}
    assert bound <= {field.name for field in fields(Verdict)}
    assert {"periods", "start", "end", "rowset_sha256"} <= {field.name for field in fields(GateWindow)}


@pytest.mark.parametrize(
    ("task", "name", "broken"),
    [(*one, broken) for one, broken in zip(OF_EACH_MAKE, [np.nan, np.inf] * 4, strict=True)],
)
def test_a_score_that_is_no_number_promotes_on_no_metric(task, name, broken):
    rows, champion, candidate, baseline, cases = world(task, n=400)
    base, own = rules_of(task)
    rules = policy(base, **own, primary=name)
    for sick, wrong in (("candidate", candidate), ("champion", champion)):
        scores = {"candidate": candidate, "champion": champion} | {sick: wrong.copy()}
        scores[sick][7] = broken
        found = judge(
            rules, task, rows, GateScores(scores["candidate"], baseline, scores["champion"]), cases, Conditions(12)
        )
        assert decision(found) is (Decision.REJECT if sick == "candidate" else Decision.INSUFFICIENT)
        assert f"1 of 400 scores of the {sick} are not finite" in found.findings[0].reason


@pytest.mark.parametrize(("task", "name"), OF_EACH_MAKE)
def test_a_window_without_one_class_or_with_one_value_promotes_on_no_metric(task, name):
    rows, champion, candidate, baseline, cases = world(task, n=400)
    base, own = rules_of(task)
    one = gate_rows(np.full(400, rows.label[0]), dict(rows.groups))
    one = replace(one, amounts=rows.amounts)
    found = judge(
        policy(base, **own, primary=name), task, one, GateScores(candidate, baseline, champion), cases, Conditions(12)
    )
    assert decision(found) is not Decision.PROMOTE


@pytest.mark.parametrize("task", list(OF_TASK))
def test_a_champion_that_cannot_be_scored_leaves_it_open(task):
    rows, _, candidate, baseline, cases = world(task, n=400)
    base, own = rules_of(task)
    fault = "feature 'weight' is missing"
    found = judge(
        policy(base, **own), task, rows, GateScores(candidate, baseline), cases, Conditions(12, champion_fault=fault)
    )
    assert decision(found) is Decision.INSUFFICIENT
    assert found.findings[0].reason == "the champion can no longer be scored: feature 'weight' is missing"


def test_a_champion_of_another_number_of_classes_leaves_it_open():
    rows, champion, candidate, baseline, cases = world("multiclass", n=400)
    base, own = rules_of("multiclass")
    found = judge(
        policy(base, **own), "multiclass", rows, GateScores(candidate, baseline, champion[:, :2]), cases, Conditions(12)
    )
    assert decision(found) is Decision.INSUFFICIENT
    assert "the champion's scores have shape (400, 2), the candidate's (400, 3)" in found.findings[0].reason


def test_a_metric_of_another_task_or_of_no_name_is_an_error_and_no_answer():
    rows, champion, candidate, baseline, cases = world("regression", n=400)
    for name, why in (("auc", "metric auc does not fit task regression"), ("gini", "unknown metric 'gini'")):
        with pytest.raises(Exception, match=why):
            judge(
                policy(VALUE_RULES, primary=name),
                "regression",
                rows,
                GateScores(candidate, baseline, champion),
                cases,
                Conditions(12),
            )
