"""Evidence about the procedure: when it was committed, and how its figure reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from retrain_assets.errors import NotFound
from retrain_assets.validation.criteria.procedure_evidence import Procedure, ProcedureEvidence, committed
from retrain_assets.verdict import Outcome

FOUND = ProcedureEvidence(12, 8, 0.05, 0.02, 0.001, 84, 0.025, 2.0, 840)


@dataclass
class Attempts:
    """A registry whose attempts were made with these procedures, one a month; None for a verdict that is gone."""

    names: list

    def history(self):
        return [Made(number, datetime(2024, number + 1, 1)) for number in range(len(self.names))]

    def evidence(self, event):
        name = self.names[event.number]
        if name is None:
            raise NotFound("pruned")
        return Verdict({"procedure": {"sha256": name}} if name else {})


@dataclass
class Made:
    number: int
    at: datetime
    gate: str = "rows"


@dataclass
class Verdict:
    evidence: dict


@pytest.mark.parametrize(
    ("names", "month"),
    [(["a"], 1), (["a", "a"], 1), (["b", "a", "a"], 2), (["a", "b"], None), ([], None), (["a", "", "a"], 3),
     (["a", None, "a"], 3), (["a", "b", "a"], 3)],
)  # fmt: skip
def test_a_procedure_is_committed_at_the_first_of_the_newest_attempts_in_a_row_that_used_it(names, month):
    assert committed(Attempts(names), "a") == (datetime(2024, month, 1) if month else None)


def test_the_first_attempt_with_a_procedure_has_no_evidence_of_it():
    @dataclass
    class Access:
        registry: Attempts

    measured = Procedure(
        "a", lambda access, since, alpha: replace(FOUND, since=str(since), alpha=alpha), lambda _: None
    )
    first = measured.evidence(Access(Attempts(["b"])), 0.02)
    assert not first.proven
    assert "this is the first attempt with these columns, windows and training" in first.sentence
    assert measured.evidence(Access(Attempts(["b", "a"])), 0.02).since.startswith("2024-02-01")


@pytest.mark.parametrize(
    ("origins", "low", "proven"), [(12, 0.02, True), (5, 0.02, False), (12, -0.1, False), (12, None, False)]
)
def test_it_is_proven_by_a_limit_above_0_over_six_origins(origins, low, proven):
    found = replace(FOUND, origins=origins, low=low)
    assert found.proven == proven
    assert found.sentence.startswith("Retraining works") == proven
    assert (found.finding("mae").outcome is Outcome.PASS) == proven


def test_its_finding_adds_up_and_its_record_is_read_back():
    row = FOUND.finding("mae")
    assert row.champion_value - row.candidate_value == pytest.approx(row.improvement)
    assert (row.improvement, row.low, row.p_level) == (pytest.approx(0.1), pytest.approx(0.04), 0.025)
    assert ProcedureEvidence.from_dict(FOUND.to_dict()) == FOUND
    assert (
        ProcedureEvidence.from_dict(
            {"origins": 12, "interval": 4, "share": 0.1, "low": None, "p_value": None, "days": 3}
        ).unit
        == "week"
    )
