"""A refitted model takes the tested candidate's place only under the verdict that names it and found it alike."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.worlds.verdicts import candidate, findings, moment, promote, rolled_back, verdict
from retrain_assets.errors import FailedVerdict, NotFound, Quarantined, WrongCandidate
from retrain_assets.registry.registry import Registry
from retrain_assets.verdict import REFIT_CHECKS, Finding, Outcome, Refit


def refitted(registry: Registry, made_of: str, name: str = "again", **changes: Any) -> Refit:
    """A refitted version made of a candidate, with findings that pass."""
    record = json.dumps({"refit_of": made_of}).encode()
    digest = registry.add({"model.bst": name.encode(), "training.json": record})
    found = tuple(Finding(check, Outcome.PASS, "as before") for check in REFIT_CHECKS)
    return replace(Refit(digest, moment(1).isoformat(), found), **changes)


def test_a_refitted_model_is_promoted_by_the_verdict_that_names_it(served: Registry) -> None:
    tested = candidate(served, "tested")
    judged = verdict(served, 2, tested, refit=refitted(served, tested))
    event = promote(served, judged, 2)
    assert event.to_digest == served.live().digest == judged.refit.digest
    assert served.spent()[-1].candidate == tested
    assert promote(served, judged, 2) == event
    assert served.verify() == []
    assert served.verdict(served.live()) == judged


@pytest.mark.parametrize("missing", REFIT_CHECKS)
def test_a_refitted_model_that_did_not_answer_every_question_leaves_the_tested_one(
    served: Registry, missing: str
) -> None:
    tested = candidate(served, "tested")
    again = refitted(served, tested)
    for found in (
        tuple(finding for finding in again.findings if finding.check != missing),
        tuple(replace(f, outcome=Outcome.FAIL) if f.check == missing else f for f in again.findings),
        tuple(replace(f, outcome=Outcome.INSUFFICIENT) if f.check == missing else f for f in again.findings),
        (),
    ):
        assert verdict(served, 2, tested, refit=replace(again, findings=found)).promotes == tested
    event = promote(served, verdict(served, 2, tested, refit=replace(again, findings=())), 2)
    assert event.to_digest == tested


def test_a_refitted_model_made_of_another_candidate_is_refused(served: Registry) -> None:
    tested, other = candidate(served, "tested"), candidate(served, "other")
    with pytest.raises(WrongCandidate, match=f"was made of {other[:12]}, the verdict is about {tested[:12]}"):
        promote(served, verdict(served, 2, tested, refit=refitted(served, other)), 2)


def test_a_version_that_was_never_refitted_cannot_take_the_candidates_place(served: Registry) -> None:
    tested, other = candidate(served, "tested"), candidate(served, "other")
    with pytest.raises(WrongCandidate, match="was made of no version"):
        promote(served, verdict(served, 2, tested, refit=refitted(served, tested, digest=other)), 2)


def test_a_refitted_model_that_is_not_in_the_store_is_refused(served: Registry) -> None:
    tested = candidate(served, "tested")
    with pytest.raises(NotFound, match="no version"):
        promote(served, verdict(served, 2, tested, refit=refitted(served, tested, digest="0" * 64)), 2)


def test_a_refitted_model_that_was_rolled_back_is_refused(served: Registry) -> None:
    tested = candidate(served, "tested")
    again = refitted(served, tested)
    promote(served, verdict(served, 2, tested, refit=again), 2)
    rolled_back(served, 3)
    with pytest.raises(Quarantined, match=f"the refitted {again.digest[:12]} was rolled back before"):
        promote(served, verdict(served, 5, tested, refit=again), 5)


def test_a_passing_refit_does_not_rescue_a_verdict_that_failed(served: Registry) -> None:
    tested = candidate(served, "tested")
    failed = verdict(served, 2, tested, findings=findings(Outcome.FAIL), refit=refitted(served, tested))
    with pytest.raises(FailedVerdict, match="reject: fairness"):
        promote(served, failed, 2)
