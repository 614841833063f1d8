"""What a verdict is to the journal: the decision is computed from its findings, whatever it says of itself."""

from dataclasses import replace

import pytest

from benchmarks.worlds.verdicts import candidate, findings, fresh, gate, moment, promote, promoted, verdict
from retrain_assets.registry.journal.attempts import answers, contradiction, decision_of, gate_use, reason_of
from retrain_assets.registry.journal.history import History
from retrain_assets.verdict import CHECKS, Decision, Outcome


@pytest.fixture
def registry(tmp_path):
    return fresh(tmp_path)


def test_a_verdict_that_requires_less_of_itself_is_decided_by_all_checks(registry):
    found = tuple(one for one in findings() if one.check != "fairness")
    lax = verdict(registry, 0, candidate(registry, "a"), findings=found, required=("significance",))
    assert lax.decision is Decision.PROMOTE
    assert decision_of(lax) is Decision.INSUFFICIENT
    assert reason_of(lax) == "fairness: no finding"


@pytest.mark.parametrize("check", CHECKS)
def test_one_failed_check_rejects(registry, check):
    failed = verdict(registry, 0, candidate(registry, "a"), findings=findings(Outcome.FAIL, check))
    assert decision_of(failed) is Decision.REJECT
    assert reason_of(failed) == f"{check}: JFK: 41 rows"


def test_the_champion_itself_is_identical_whatever_its_findings_say(registry):
    (event,) = promoted(registry, [0])
    assert decision_of(verdict(registry, 1, event.to_digest, findings=findings(Outcome.FAIL))) is Decision.IDENTICAL


def test_a_claim_is_answered_by_the_same_candidate_champion_and_rows_alone(registry):
    asked = verdict(registry, 0, candidate(registry, "a"))
    use = gate_use(asked, "passed")
    assert answers(asked, use)
    for other in (
        replace(asked, candidate_digest="b"),
        replace(asked, champion_digest="b"),
        replace(asked, gate=gate(1)),
    ):
        assert not answers(other, use)


def test_an_event_that_says_otherwise_than_its_verdict_is_a_contradiction(registry):
    promote(registry, verdict(registry, 0, candidate(registry, "a")), 0)
    judged, moved = registry.history()
    stored = registry.evidence(moved)
    assert contradiction(moved, History(registry.history()), stored) is None
    failed = replace(stored, findings=findings(Outcome.FAIL))
    assert contradiction(judged, History(registry.history()), failed) == "is passed, its verdict says reject"
    other = replace(stored, candidate_digest="f" * 64)
    assert contradiction(moved, History(registry.history()), other) == (
        f"made {stored.candidate_digest[:12]} live, its verdict promotes ffffffffffff"
    )
    assert moment(0) == judged.at
