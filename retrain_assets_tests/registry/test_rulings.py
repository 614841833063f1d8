"""What people decide: who may, what it binds, how long it stands, and that no run undoes it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.worlds.verdicts import (
    RULES,
    candidate,
    findings,
    fresh,
    moment,
    period,
    promote,
    promote_only,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.errors import (
    FailedVerdict,
    GateRowsSpent,
    Held,
    IncompleteVerdict,
    InsufficientVerdict,
    NotApprovable,
    NotFound,
    NothingToRelease,
    RegistryError,
    Retired,
    StaleVerdict,
    WrongChampion,
)
from retrain_assets.registry.journal.events import Event, content_hash, in_short
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.retention import RetainedVersions, RetentionPolicy, disposable
from retrain_assets.registry.rulings import Anchor, Approve, Hold, Release, Retire, Signature
from retrain_assets.registry.storage.disk import canonical
from retrain_assets.verdict import CHECKS, Outcome, Verdict


def ann(number: int, person: str = "ann", reason: str = "JFK has 41 rides a month") -> Signature:
    return Signature(person, reason, moment(number), period(number))


def insufficient(registry: Registry, number: int, text: str = "b", **changes: Any) -> Verdict:
    """A recorded attempt of a period that could not be decided."""
    judged = verdict(registry, number, candidate(registry, text), findings=findings(Outcome.INSUFFICIENT), **changes)
    registry.record(judged, at=moment(number), actor="run 1")
    return judged


def approve(registry: Registry, judged: Verdict, number: int, **changes: Any) -> Event:
    arguments: dict[str, Any] = {"until": moment(number + 4), "policy_sha256": RULES, "allowed": True}
    return registry.rule(Approve(ann(number), judged, **{**arguments, **changes}))


def refused(registry: Registry, error: type[Exception], match: str, number: int, judged: Verdict, **how: Any) -> None:
    before = registry.history()
    with pytest.raises(error, match=match):
        promote_only(registry, judged, number, **how)
    assert registry.history() == before


# ---- approval


def test_an_approved_verdict_promotes_exactly_its_candidate_and_says_who_approved(served: Registry) -> None:
    judged = insufficient(served, 1)
    ruling = approve(served, judged, 1)
    event = promote(served, judged, 2, approvals=True)
    assert (event.action, event.from_version, event.to_version) == ("promoted", "v1", "v2")
    assert event.to_digest == judged.candidate_digest == ruling.terms.subject
    assert event.reason == (
        "approved by ann (JFK has 41 rides a month) where the evidence says: fairness: JFK: 41 rows"
    )
    assert (ruling.action, ruling.actor, ruling.person, ruling.evidence) == ("approved", "ann", True, judged.digest)
    assert served.verify() == []


def test_an_approved_promotion_repeated_changes_nothing(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1)
    event = promote(served, judged, 2, approvals=True)
    assert promote(served, judged, 3, approvals=True) == event
    assert served.record(judged, at=moment(3), actor="run 1").action == "insufficient"
    assert len(served.history()) == 5


def test_an_approved_attempt_counts_once_in_the_ledger(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1)
    promote(served, judged, 2, approvals=True)
    assert [use.outcome for use in served.spent()] == ["passed", "insufficient"]


def test_rows_of_an_approved_promotion_still_decide_nothing_else(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1)
    promote(served, judged, 2, approvals=True)
    again = verdict(served, 3, candidate(served, "c"), gate=judged.gate)
    refused(served, GateRowsSpent, rf"decided the attempt of {period(1)} \(insufficient\)", 3, again)


def test_an_approval_does_not_excuse_rows_that_another_attempt_spent(registry: Registry) -> None:
    promoted(registry, [0])
    insufficient(registry, 1, "a")
    judged = insufficient(registry, 2, "b", gate=insufficient(registry, 1, "c").gate)
    approve(registry, judged, 2)
    refused(registry, GateRowsSpent, rf"decided the attempt of {period(1)}", 2, judged, approvals=True)


def test_without_approval_what_is_insufficient_is_refused_and_the_next_step_depends_on_the_spec(
    served: Registry,
) -> None:
    judged = insufficient(served, 1)
    refused(served, InsufficientVerdict, "JFK: 41 rows. Wait for more rows, or widen", 1, judged)
    refused(served, InsufficientVerdict, "ask a person for a `retrain approve`", 1, judged, approvals=True)


def test_an_approval_under_a_spec_that_allows_none_promotes_nothing(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1)
    refused(served, InsufficientVerdict, "insufficient: fairness", 2, judged)


def test_an_approval_ends_at_its_moment(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1, until=moment(2))
    refused(
        served, InsufficientVerdict, "The approval by ann stood until the end of 2019-01-21", 2, judged, approvals=True
    )
    late = moment(2) - timedelta(microseconds=1)
    assert promote(served, judged, 2, approvals=True, at=late).to_version == "v2"


def test_an_approval_that_is_released_promotes_nothing(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1)
    served.rule(Release(ann(1), judged.candidate_digest))
    refused(served, InsufficientVerdict, "insufficient", 1, judged, approvals=True)


def test_an_approval_is_bound_to_the_verdict_not_to_the_candidate_alone(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1)
    other = replace(judged, evidence={"trained_until": "another"})
    refused(served, InsufficientVerdict, "insufficient", 1, other, approvals=True)
    with pytest.raises(NotApprovable, match="this verdict is not in the journal"):
        approve(served, other, 1)


def test_an_approval_lapses_when_another_version_becomes_live(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1)
    promoted(served, [2])
    refused(served, WrongChampion, "The live version stays v2", 3, judged, approvals=True)
    with pytest.raises(WrongChampion, match="live is"):
        approve(served, judged, 3)


def test_an_approval_holds_under_the_rules_it_was_given_for_only(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1)
    refused(served, StaleVerdict, "in force are 666", 2, judged, approvals=True, policy_sha256="6" * 64)
    with pytest.raises(StaleVerdict, match="in force are 666"):
        approve(served, judged, 1, policy_sha256="6" * 64)


def test_a_failure_is_never_approved(served: Registry) -> None:
    failed = verdict(served, 1, candidate(served, "b"), findings=findings(Outcome.FAIL))
    served.record(failed, at=moment(1), actor="run 1")
    with pytest.raises(NotApprovable, match="reject: fairness: JFK: 41 rows. Only what is insufficient can be"):
        approve(served, failed, 1)
    refused(served, FailedVerdict, "reject", 1, failed, approvals=True)


def test_what_passed_or_equals_the_champion_or_lacks_a_check_is_not_approved(served: Registry) -> None:
    with pytest.raises(NotApprovable, match="every check passed, so there is nothing to approve"):
        approve(served, verdict(served, 1, candidate(served, "b")), 1)
    with pytest.raises(NotApprovable, match="identical"):
        approve(served, verdict(served, 1, candidate(served, "b"), identical=True), 1)
    left = tuple(finding for finding in findings() if finding.check != CHECKS[0])
    with pytest.raises(IncompleteVerdict, match=f"1 of 4 checks have no finding: {CHECKS[0]}"):
        approve(served, verdict(served, 1, candidate(served, "b"), findings=left), 1)


def test_where_the_spec_does_not_say_human_nothing_is_approved(served: Registry) -> None:
    with pytest.raises(NotApprovable, match="With validation.insufficient: human"):
        approve(served, insufficient(served, 1), 1, allowed=False)


def test_an_approval_until_a_past_moment_is_refused(served: Registry) -> None:
    with pytest.raises(RegistryError, match="Name a later moment"):
        approve(served, insufficient(served, 1), 1, until=moment(1))


def test_verify_notices_a_promotion_of_an_insufficient_verdict_that_nobody_approved(served: Registry) -> None:
    judged = insufficient(served, 1)
    approve(served, judged, 1)
    promote(served, judged, 2, approvals=True)
    rewritten(served, lambda events: [event for event in events if event["action"] != "approved"])
    assert f"{served.model}: event 4 is promoted, its verdict says insufficient." in served.verify()


def test_verify_notices_an_approval_of_another_candidate(served: Registry) -> None:
    approve(served, insufficient(served, 1), 1)

    def elsewhere(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        events[-1]["terms"]["subject"] = "0" * 64
        return events

    rewritten(served, elsewhere)
    assert any("event 4 is about 000000000000, its verdict about" in problem for problem in served.verify())


def rewritten(registry: Registry, change: Any) -> None:
    """Rewrite the whole journal with a chain that holds, as somebody with write access could."""
    folder = registry.folder / "journal"
    events = change([event.to_dict() for event in registry.history()])
    before = registry.history()[0].previous_hash
    for path in folder.glob("*.json"):
        path.unlink()
    for seq, event in enumerate(events, start=1):
        event |= {"seq": seq, "previous_hash": before}
        event["hash"] = before = content_hash(event)
        (folder / f"{seq:08d}.json").write_bytes(canonical(event))
    for head in (folder / "head.json", registry.folder / "checkpoints" / "head.json"):
        head.write_bytes(canonical({"seq": len(events), "hash": before}))
    assert [event.seq for event in fresh(registry.folder.parent).history()] == list(range(1, len(events) + 1))


# ---- hold and release


def test_a_hold_on_the_model_stops_promotion_and_automatic_rollback_until_it_is_released(registry: Registry) -> None:
    promoted(registry, [0, 1])
    registry.rule(Hold(ann(1, reason="tariffs change")))
    judged = verdict(registry, 2, candidate(registry, "c"))
    refused(registry, Held, "ann holds the model until somebody releases it: tariffs change", 2, judged)
    with pytest.raises(Held, match="rollback: ann holds the model"):
        rolled_back(registry, 2)
    registry.rule(Release(ann(2, "bob")))
    assert promote(registry, judged, 2).to_version == "v3"
    assert rolled_back(registry, 3).to_version == "v2"
    assert registry.verify() == []


def test_a_hold_ends_at_its_moment_and_not_when_the_clock_goes_backwards(served: Registry) -> None:
    served.rule(Hold(ann(1), until=moment(3)))
    history = History(served.history())
    assert history.held(moment(3)) is None
    assert history.held(moment(3) - timedelta(microseconds=1)) is not None
    assert history.held(moment(-100)) is not None


def test_a_hold_on_a_candidate_stops_that_one_alone(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    served.rule(Hold(ann(1), judged.candidate_digest))
    refused(served, Held, f"ann holds the candidate \\({judged.candidate_digest[:12]}\\)", 1, judged)
    assert promote(served, verdict(served, 1, candidate(served, "c")), 1).to_version == "v2"


@pytest.mark.parametrize("held", ["v1", "v2"])
def test_a_run_neither_takes_a_held_version_out_of_service_nor_puts_it_in(registry: Registry, held: str) -> None:
    promoted(registry, [0, 1])
    digests = {version.name: version.digest for version in registry.versions()}
    registry.rule(Hold(ann(1), digests[held]))
    with pytest.raises(Held, match=rf"ann holds version {digests[held][:12]}"):
        rolled_back(registry, 2)
    if held == "v2":
        refused(registry, Held, "ann holds the live version", 2, verdict(registry, 2, candidate(registry, "c")))
    assert rolled_back(registry, 2, person=True).to_version == "v1"


def test_a_release_ends_what_binds_its_subject_and_nothing_else(served: Registry) -> None:
    digest = candidate(served, "b")
    served.rule(Hold(ann(1)))
    served.rule(Hold(ann(1), digest))
    served.rule(Release(ann(1), digest))
    history = History(served.history())
    assert [ruling.terms.subject for ruling in history.rulings] == [None]
    served.rule(Release(ann(1)))
    assert History(served.history()).rulings == ()


def test_a_release_of_what_nobody_holds_is_refused(served: Registry) -> None:
    with pytest.raises(NothingToRelease, match="binds the whole model"):
        served.rule(Release(ann(1)))
    with pytest.raises(NothingToRelease, match="binds version"):
        served.rule(Release(ann(1), served.live().digest))
    assert len(served.history()) == 2


def test_a_hold_on_files_that_are_not_there_is_refused(served: Registry) -> None:
    with pytest.raises(NotFound, match="no files of 000000000000"):
        served.rule(Hold(ann(1), "0" * 64))


# ---- a person's rollback


def test_no_run_undoes_a_persons_rollback(registry: Registry) -> None:
    promoted(registry, [0, 1, 2])
    rolled_back(registry, 3, person=True)
    with pytest.raises(Held, match=f"ann rolled back to v2 in {period(3)}: worse on airport rides. A run does not"):
        rolled_back(registry, 4, actor="run 4f2a")
    assert rolled_back(registry, 4, person=True).to_version == "v1"


@pytest.mark.parametrize("whole", [True, False])
def test_a_persons_rollback_stands_until_it_is_released(registry: Registry, whole: bool) -> None:
    promoted(registry, [0, 1, 2])
    rolled_back(registry, 3, person=True)
    registry.rule(Release(ann(3), None if whole else registry.live().digest))
    assert rolled_back(registry, 4, actor="run 4f2a").to_version == "v1"


def test_a_persons_rollback_stands_until_a_better_version_is_promoted(registry: Registry) -> None:
    promoted(registry, [0, 1, 2])
    rolled_back(registry, 3, person=True)
    promoted(registry, [4])
    assert rolled_back(registry, 5, actor="run 4f2a").to_version == "v2"


def test_a_rollback_by_a_run_is_no_persons_decision(registry: Registry) -> None:
    promoted(registry, [0, 1, 2])
    rolled_back(registry, 3, actor="run 4f2a")
    assert rolled_back(registry, 4, actor="run 4f2b").to_version == "v1"


@pytest.mark.parametrize("name", ["run 4f2a91bc", "run 1", " "])
def test_a_run_cannot_sign_as_a_person(registry: Registry, name: str) -> None:
    promoted(registry, [0, 1])
    with pytest.raises(ValueError, match="no person's|is empty"):
        ann(1, name)
    with pytest.raises(ValueError, match="no person's|is empty"):
        rolled_back(registry, 2, actor=name, person=True)
    assert len(registry.history()) == 4


# ---- retirement


def test_a_retired_model_has_no_live_version_from_the_next_period_on(registry: Registry) -> None:
    promoted(registry, [0, 1])
    event = registry.rule(Retire(ann(3, reason="fares are fixed by law")))
    assert (event.action, event.from_version, event.to_version) == ("retired", "v2", None)
    assert registry.live() is None
    served = [registry.served_in(period(number)) for number in range(1, 6)]
    assert [version.name if version else None for version in served] == ["v1", "v2", "v2", None, None]
    assert registry.served_at(moment(3)) is None
    assert registry.served_at(moment(3) - timedelta(seconds=1)).name == "v2"
    assert registry.verify() == []


def test_a_retired_model_is_neither_promoted_nor_rolled_back_by_anybody(registry: Registry) -> None:
    promoted(registry, [0, 1])
    registry.rule(Retire(ann(3, reason="fares are fixed by law")))
    first = verdict(registry, 4, candidate(registry, "c"))
    refused(registry, Retired, f"ann retired the model in {period(3)}: fares are fixed by law", 4, first)
    with pytest.raises(Retired, match="ann retired the model"):
        rolled_back(registry, 4, person=True)
    with pytest.raises(RegistryError, match="ann retired the model in .* already"):
        registry.rule(Retire(ann(4)))


def test_a_released_model_begins_again_with_a_first_promotion_and_keeps_counting(registry: Registry) -> None:
    promoted(registry, [0, 1])
    registry.rule(Retire(ann(3)))
    registry.rule(Release(ann(4)))
    assert registry.live() is None
    event = promote(registry, verdict(registry, 4, candidate(registry, "c")), 4)
    assert (event.action, event.from_version, event.to_version) == ("bootstrap", None, "v3")
    assert registry.verify() == []


def test_a_released_model_can_be_put_back_to_the_version_that_served_last(registry: Registry) -> None:
    promoted(registry, [0, 1])
    registry.rule(Retire(ann(3)))
    registry.rule(Release(ann(4)))
    event = rolled_back(registry, 4, person=True)
    assert (event.from_version, event.to_version, event.withdraws) == (None, "v2", False)
    assert in_short(event) == "v2 is live again"
    assert History(registry.history()).last_rollback is None, "nothing failed, so nothing rests"
    assert not any(version.quarantined for version in registry.versions())
    assert registry.verify() == []


def test_a_rollback_before_a_retirement_rests_the_model_as_long_as_without_it(registry: Registry) -> None:
    promoted(registry, [0, 1])
    withdrawn = rolled_back(registry, 2)
    registry.rule(Retire(ann(3)))
    registry.rule(Release(ann(3)))
    rolled_back(registry, 3, person=True)
    assert History(registry.history()).last_rollback == withdrawn


def test_a_retirement_takes_effect_no_earlier_than_the_decision_it_ends(registry: Registry) -> None:
    promoted(registry, [0, 4])
    assert registry.rule(Retire(ann(2))).period == period(4)


# ---- the record


def test_a_journal_without_the_fields_of_rulings_still_reads_and_verifies(registry: Registry) -> None:
    """The record of an ordinary event is what it was before rulings existed: the same keys, the same hash."""
    promoted(registry, [0, 1])
    rolled_back(registry, 2)
    old = {
        "at", "period", "action", "from_version", "to_version", "from_digest", "to_digest", "actor", "reason",
        "evidence", "gate", "seq", "previous_hash", "hash",
    }  # fmt: skip
    records = [json.loads(path.read_bytes()) for path in sorted((registry.folder / "journal").glob("0*.json"))]
    assert [set(record) for record in records] == [old] * 5
    assert [(event.person, event.terms, event.deleted) for event in registry.history()] == [(False, None, ())] * 5


def test_every_ruling_reads_back_as_it_was_written(tmp_path: Path) -> None:
    registry = fresh(tmp_path)
    promoted(registry, [0])
    written = [
        approve(registry, insufficient(registry, 1), 1),
        registry.rule(Hold(ann(1), until=moment(9))),
        registry.rule(Release(ann(2))),
        registry.rule(Retire(ann(2))),
    ]
    assert list(fresh(tmp_path).history()[3:]) == written
    assert [event.person for event in written] == [True] * 4
    assert registry.verify() == []


def test_a_ruling_by_nobody_is_no_event(served: Registry) -> None:
    event = served.rule(Hold(ann(1)))
    with pytest.raises(ValueError, match="only a person decides that"):
        replace(event, person=False)
    with pytest.raises(ValueError, match="only a person decides that"):
        replace(event, terms=None)


def test_the_anchor_is_the_first_version_until_a_person_names_another_and_again_once_that_is_released(
    registry: Registry,
) -> None:
    promoted(registry, [0, 1, 2])
    versions = registry.versions()

    def anchor() -> str | None:
        found = History(registry.history()).anchor
        return found.name if found else None

    assert anchor() == "v1"
    event = registry.rule(Anchor(ann(3), versions[1].digest))
    assert (event.action, event.person, event.to_version, anchor()) == ("anchored", True, "v3", "v2")
    keep = RetentionPolicy(versions=RetainedVersions(newest=0), candidates=RetainedVersions(newest=0))
    gone = disposable(History(registry.history()), keep, moment(9))
    assert versions[1].digest not in gone, "every later candidate is held against it"
    registry.rule(Release(ann(4), versions[1].digest))
    assert anchor() == "v1"
    with pytest.raises(NotFound, match="was never promoted"):
        registry.rule(Anchor(ann(5), candidate(registry, "never judged")))
