"""How often the gate is wrong: the acceptance table of `benchmarks.gate`, asked less often.

The accepted shares are those of the full table, plus one Monte-Carlo standard error. The rows about rollback are asked
in `production/test_sequential.py`, by the same simulation as in the full table.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gate import procedure, speed, worlds
from benchmarks.gate.cases import cases
from benchmarks.tables import FORGIVEN, Answer, Case, ask_often
from retrain_assets.metrics.metric import METRICS

TABLE = {case.name: case for case in cases()}
FAST = [case for case in TABLE.values() if case.fast and case.limit != "shown only"]


@pytest.mark.parametrize("case", FAST, ids=lambda case: case.name)
def test_the_gate_is_wrong_no_more_often_than_accepted(case):
    found = ask_often(case, case.fast)
    assert found.within(FORGIVEN), f"{found.share:.4f} +- {found.error:.4f}, must be {case.limit}"


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("the same, 56 days x 200 rows, unit row", 0.15),
        ("the same, chosen on the gate window", 0.07),
        ('the same under "p > .05, so not worse"', 0.7),
        ('the same under "no slice may lose .02"', 0.85),
    ],
)
def test_a_simpler_rule_is_wrong_more_often_in_the_same_world(name, least):
    assert ask_often(TABLE[name], TABLE[name].fast).share >= least


def test_evidence_about_the_procedure_keeps_models_fresher_than_superiority_under_fast_decay():
    quick, slow = (procedure.lived(rule, 0.2, reps=2) for rule in ("procedure", "superiority"))
    assert quick.excess < slow.excess


def test_a_better_model_is_found():
    rng, policy = np.random.default_rng(12), worlds.rules(worlds.CLASSES)
    found = []
    for _ in range(200):
        label, champion, _ = worlds.classifier(rng, 2000)
        better = np.clip(champion + 0.05 * (label - champion), 0, 1)
        judgement = worlds.ask(policy, "binary", worlds.gate_rows(label), champion, better)
        found.append(worlds.primary_passes(judgement))
    assert np.mean(found) >= 0.95


def test_the_better_and_harmless_candidate_of_the_guardrail_world_is_promoted():
    rng, policy = np.random.default_rng(3), worlds.rules(worlds.VALUES, guardrails=[{"metric": "mse", "margin": 0.5}])
    label = rng.gamma(4, 5, 400)
    champion, candidate = label + rng.choice([-1.2, 1.2], 400), label + rng.normal(0, 1, 400)
    judgement = worlds.ask(policy, "regression", worlds.gate_rows(label), champion, candidate)
    assert worlds.decision(judgement) == "promote"


@pytest.mark.parametrize(
    ("share", "errors", "kept"), [(0.08, 0, True), (0.079, 2, False), (0.09, -1, True), (0.1, -1, False), (0, 2, True)]
)
def test_a_share_keeps_its_limit_with_errors_to_spare_or_forgiven(share, errors, kept):
    case = Case("half", lambda rng: True, reps=1, fast=1, high=0.08)
    assert Answer(case, share, reps=600).within(errors) is kept


def test_the_gate_takes_at_most_four_columns_beyond_what_it_is_given(monkeypatch):
    """With a group of nearly all rows, every slice judged; one task and fewer rows than in the benchmark."""
    monkeypatch.setattr(speed, "ROWS", 300_000)
    monkeypatch.setattr(speed, "CLUSTERS", 60_000)
    peaks = speed.peaks("binary", seed=1)
    assert len(peaks) == 5
    assert all(1 < columns <= 4 for columns in peaks.values()), peaks


def test_row_values_are_never_the_arrays_that_were_given():
    """The gate keeps few columns in memory by working on them in place."""
    label, scores = np.r_[np.ones(20), np.zeros(20)], np.linspace(0.1, 0.9, 40)
    for name, metric in METRICS.items():
        kept = label.copy(), scores.copy()
        values = metric.row_values(label, scores)
        assert not np.shares_memory(values, label), name
        assert not np.shares_memory(values, scores), name
        assert np.array_equal(kept[0], label), name
        assert np.array_equal(kept[1], scores), name
