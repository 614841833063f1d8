"""Every reason to refuse a promotion, and that a refusal moves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from benchmarks.worlds.verdicts import (
    MODEL,
    RULES,
    candidate,
    content,
    files_of,
    findings,
    gate,
    moment,
    period,
    promote,
    promote_only,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.errors import (
    CoolingDown,
    DataError,
    FailedVerdict,
    FailureNotSeen,
    GateRowsSpent,
    IncompleteVerdict,
    InsufficientVerdict,
    IntegrityError,
    NotPromotable,
    Quarantined,
    StaleVerdict,
    Unservable,
    WrongCandidate,
    WrongChampion,
)
from retrain_assets.registry.cooldown import Rest
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rules import PromotionRules
from retrain_assets.verdict import CHECKS, Finding, GateWindow, Outcome, Verdict


def refused(registry: Registry, judged: Verdict, error: type[Exception], match: str, **changes: Any) -> None:
    """The promotion of a verdict that was written down is refused; neither pointer, journal nor evidence changes."""
    with suppress(NotPromotable):
        registry.record(judged, at=moment(9), actor="run 1")
    before, stored = registry.history(), sorted(registry.folder.rglob("*.json"))
    with pytest.raises(error, match=match):
        promote_only(registry, judged, 9, **changes)
    assert registry.history() == before
    assert sorted(registry.folder.rglob("*.json")) == stored


def test_a_verdict_with_every_check_passed_promotes(served: Registry) -> None:
    event = promote(served, verdict(served, 1, candidate(served, "b")), 1)
    assert (event.action, event.from_version, event.to_version) == ("promoted", "v1", "v2")
    assert served.live().digest == event.to_digest == candidate(served, "b")


def test_the_first_promotion_is_recorded_as_bootstrap(registry: Registry) -> None:
    (event,) = promoted(registry, [0])
    assert (event.action, event.from_version, event.to_version) == ("bootstrap", None, "v1")


def test_a_candidate_that_is_not_in_the_store_is_refused(served: Registry) -> None:
    refused(served, verdict(served, 1, "0" * 64), WrongCandidate, "candidate 000000000000 is not in the registry")


def test_a_verdict_about_another_model_is_refused(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"), model="flight_delays")
    refused(served, judged, WrongCandidate, "is about flight_delays")
    with pytest.raises(WrongCandidate, match="is about flight_delays"):
        served.record(judged, at=moment(1), actor="run 1")


def test_a_candidate_whose_stored_bytes_changed_is_refused(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    path = served.folder / "versions" / judged.candidate_digest / "model.bst"
    path.chmod(0o644)
    path.write_bytes(b"tree c")
    refused(served, judged, IntegrityError, "model.bst has digest")


def test_a_verdict_against_another_champion_is_refused(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"), champion_digest=candidate(served, "c"))
    refused(served, judged, WrongChampion, "The live version stays v1")


def test_a_verdict_without_champion_is_refused_once_a_version_is_live(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"), champion_digest=None)
    refused(served, judged, WrongChampion, "compared with no version")


def test_a_verdict_with_a_champion_is_refused_before_a_version_is_live(registry: Registry) -> None:
    judged = verdict(registry, 1, candidate(registry, "b"), champion_digest=candidate(registry, "c"))
    refused(registry, judged, WrongChampion, "No version is live")


@pytest.mark.parametrize("expected", [None, "0" * 64])
def test_a_caller_who_expects_another_live_version_is_refused(served: Registry, expected: str | None) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    refused(served, judged, WrongChampion, "the caller expects", expected_live=expected)


@pytest.mark.parametrize("missing", CHECKS)
def test_a_verdict_without_one_of_the_checks_is_refused_whatever_it_says_it_requires(
    served: Registry, missing: str
) -> None:
    left = tuple(finding for finding in findings() if finding.check != missing)
    required = tuple(check for check in CHECKS if check != missing)
    judged = verdict(served, 1, candidate(served, "b"), findings=left, required=required)
    assert judged.decision == "promote", "the verdict itself is content"
    refused(served, judged, IncompleteVerdict, f"1 of 4 checks have no finding: {missing}")


def test_a_verdict_without_findings_is_refused(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"), findings=(), required=())
    refused(served, judged, IncompleteVerdict, "4 of 4 checks")


@pytest.mark.parametrize(
    "change",
    [{"rows": 0}, {"start": "2030-01-01T00:00:00"}, {"end": ""}, {"start": "yesterday"}, {"rowset_sha256": ""}],
)
def test_a_verdict_that_names_no_gate_rows_is_refused(served: Registry, change: dict[str, Any]) -> None:
    judged = verdict(served, 1, candidate(served, "b"), gate=replace(gate(1), **change))
    refused(served, judged, IncompleteVerdict, "gate rows from")


@pytest.mark.parametrize("check", [*CHECKS, "hard"])
def test_one_failed_finding_is_refused(served: Registry, check: str) -> None:
    failed = (*findings(), Finding(check, Outcome.FAIL, "mae 1.92 -> 2.40 dollars"))
    judged = verdict(served, 1, candidate(served, "b"), findings=failed)
    refused(served, judged, FailedVerdict, f"reject: {check}: mae 1.92 -> 2.40 dollars")


@pytest.mark.parametrize("check", [*CHECKS, "hard"])
def test_one_undecided_finding_is_refused(served: Registry, check: str) -> None:
    undecided = (*findings(), Finding(check, Outcome.INSUFFICIENT, "JFK: 41 rows, 200 needed"))
    judged = verdict(served, 1, candidate(served, "b"), findings=undecided)
    refused(served, judged, InsufficientVerdict, f"insufficient: {check}: JFK: 41 rows, 200 needed")


def test_the_champion_submitted_again_is_refused_even_if_the_verdict_passes_it(served: Registry) -> None:
    judged = verdict(served, 1, served.live().digest)
    refused(served, judged, FailedVerdict, "identical: the candidate scores every gate row like the champion")
    flagged = verdict(served, 1, candidate(served, "b"), identical=True)
    refused(served, flagged, FailedVerdict, "identical")
    assert served.record(judged, at=moment(1), actor="run 1").action == "identical"


def test_a_verdict_by_other_rules_is_refused(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    refused(served, judged, StaleVerdict, "judged by rules 555555555555, in force are 666", policy_sha256="6" * 64)


@pytest.mark.parametrize("number", [0, -1])
def test_a_verdict_not_later_than_the_live_decision_is_refused(served: Registry, number: int) -> None:
    judged = verdict(served, number, candidate(served, "b"), gate=gate(5))
    refused(served, judged, StaleVerdict, f"was decided in {period(0)}")


def test_after_a_rollback_only_a_later_period_may_promote(served: Registry) -> None:
    promoted(served, [1])
    rolled_back(served, 3)
    judged = verdict(served, 3, candidate(served, "b"))
    refused(served, judged, StaleVerdict, f"was decided in {period(3)}")
    assert promote(served, verdict(served, 4, candidate(served, "b")), 4).to_version == "v3"


def test_rows_that_decided_a_promotion_decide_nothing_again(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"), gate=gate(0, periods=2))
    refused(served, judged, GateRowsSpent, rf"decided the attempt of {period(0)} \(passed\)")


@pytest.mark.parametrize(("first", "periods"), [(2, 1), (1, 2), (2, 3), (1, 4)])
def test_rows_that_decided_a_rejection_decide_nothing_again(served: Registry, first: int, periods: int) -> None:
    failed = verdict(served, 2, candidate(served, "b"), findings=findings(Outcome.FAIL))
    served.record(failed, at=moment(2), actor="run 1")
    judged = verdict(served, 4, candidate(served, "c"), gate=gate(first, periods))
    refused(served, judged, GateRowsSpent, rf"decided the attempt of {period(2)} \(rejected\)")


@pytest.mark.parametrize(("first", "periods"), [(1, 1), (3, 1), (3, 4)])
def test_rows_that_only_touch_spent_ones_are_fresh(served: Registry, first: int, periods: int) -> None:
    failed = verdict(served, 2, candidate(served, "b"), findings=findings(Outcome.FAIL))
    served.record(failed, at=moment(2), actor="run 1")
    assert promote(served, verdict(served, 4, candidate(served, "c"), gate=gate(first, periods)), 4)


def test_a_candidate_judged_again_on_its_own_rows_by_softer_rules_is_refused(served: Registry) -> None:
    """Widening a margin after seeing the answer is a second attempt, of the same candidate too."""
    failed = verdict(served, 2, candidate(served, "b"), findings=findings(Outcome.FAIL))
    served.record(failed, at=moment(2), actor="run 1")
    softer = verdict(served, 2, candidate(served, "b"), policy_sha256="6" * 64)
    refused(served, softer, GateRowsSpent, r"\(rejected\)", policy_sha256="6" * 64)


def test_a_version_that_was_rolled_back_stays_out(served: Registry) -> None:
    promoted(served, [1])
    left = served.live().digest
    rolled_back(served, 2)
    refused(served, verdict(served, 3, left), Quarantined, "was rolled back before. The live version stays v1")


def test_promoting_by_the_same_verdict_again_returns_the_earlier_event(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    event = promote(served, judged, 1)
    again = promote(served, Verdict.from_json(judged.to_json()), 7, actor="somebody else")
    assert again == event
    assert [past.action for past in served.history()] == ["passed", "bootstrap", "passed", "promoted"]


def test_the_same_verdict_does_not_promote_again_once_another_version_is_live(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    promote(served, judged, 1)
    promoted(served, [2])
    refused(served, judged, WrongChampion, "The live version stays v3")


def test_recording_the_same_attempt_again_returns_the_earlier_event(served: Registry) -> None:
    failed = verdict(served, 1, candidate(served, "b"), findings=findings(Outcome.FAIL))
    event = served.record(failed, at=moment(1), actor="run 1")
    assert served.record(failed, at=moment(2), actor="run 2") == event
    assert served.history()[-1] == event


def test_a_verdict_that_passed_spends_its_rows_at_once_and_promotes_later_at_no_further_charge(
    served: Registry,
) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    event = served.record(judged, at=moment(1), actor="run 1")
    assert (event.action, event.from_version, event.to_version) == ("passed", "v1", "v1")
    spent = served.spent()
    assert (len(spent), spent[-1].outcome, spent[-1].candidate) == (2, "passed", judged.candidate_digest)
    other = verdict(served, 2, candidate(served, "c"), gate=judged.gate)
    with pytest.raises(GateRowsSpent, match=r"decided the attempt of 2019-01-08 \(passed\)"):
        promote_only(served, other, 2)

    moved = promote(served, judged, 3)
    assert (moved.action, moved.evidence, moved.gate) == ("promoted", judged.digest, None)
    assert served.spent() == spent
    assert served.record(judged, at=moment(4), actor="run 2") == event
    assert served.verify() == []


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"findings": findings(Outcome.FAIL)}, "rejected"),
        ({"findings": findings(Outcome.INSUFFICIENT)}, "insufficient"),
        ({"findings": findings()[1:]}, "insufficient"),
        ({"findings": findings()[1:], "required": ("fairness",)}, "insufficient"),
        ({"identical": True}, "identical"),
    ],
)
def test_an_attempt_that_did_not_promote_says_why_spends_its_rows_and_moves_nothing(
    served: Registry, changes: dict[str, Any], action: str
) -> None:
    live = served.live()
    judged = verdict(served, 1, candidate(served, "b"), **changes)
    event = served.record(judged, at=moment(1), actor="run 1")
    assert (event.action, event.from_version, event.to_version) == (action, "v1", "v1")
    assert event.reason == replace(judged, required=CHECKS).reason
    assert served.live() == live
    use = served.spent()[-1]
    assert (use.period, use.start, use.end, use.rows) == (period(1), judged.gate.start, judged.gate.end, 500)
    assert (use.candidate, use.champion, use.outcome) == (judged.candidate_digest, live.digest, action)
    assert served.evidence(event) == judged


def test_every_refusal_of_a_verdict_is_a_not_promotable() -> None:
    """Glue catches one class."""
    for error in (WrongCandidate, WrongChampion, IncompleteVerdict, FailedVerdict, InsufficientVerdict, StaleVerdict):
        assert issubclass(error, NotPromotable)
    assert issubclass(GateRowsSpent, NotPromotable)
    assert issubclass(Quarantined, NotPromotable)


def test_models_in_one_folder_do_not_touch_each_other(tmp_path: Path, registry: Registry) -> None:
    promoted(registry, [0])
    other = Registry(tmp_path, "flight_delays")
    assert (MODEL, other.live(), other.history()) == (registry.model, None, ())


# ---- after a rollback


def resting(periods: int) -> Any:
    """A rest of so many periods, and training up to the end of the period of the rollback."""

    def rest(rolled: str) -> Rest:
        number = next(number for number in range(50) if period(number) == rolled)
        return Rest(period(number + periods + 1), moment(number))

    return {"rest": rest}


@pytest.fixture
def withdrawn(served: Registry) -> Registry:
    """A registry in which v2 was rolled back to v1 in period 3."""
    promoted(served, [1])
    rolled_back(served, 3)
    return served


@pytest.mark.parametrize(("number", "periods"), [(4, 1), (4, 3), (6, 3)])
def test_a_candidate_of_the_cool_down_is_refused(withdrawn: Registry, number: int, periods: int) -> None:
    judged = verdict(withdrawn, number, candidate(withdrawn, "c"))
    sentence = f"after the rollback of v2 in {period(3)} the model rests; {period(4 + periods)} is the first period"
    refused(withdrawn, judged, CoolingDown, sentence, **resting(periods))


@pytest.mark.parametrize(("number", "periods"), [(4, 0), (5, 1), (7, 3)])
def test_the_first_period_after_the_cool_down_promotes(withdrawn: Registry, number: int, periods: int) -> None:
    judged = verdict(withdrawn, number, candidate(withdrawn, "c"))
    assert promote(withdrawn, judged, 9, **resting(periods)).to_version == "v3"


def test_a_cool_down_counts_from_the_newest_rollback(withdrawn: Registry) -> None:
    promoted(withdrawn, [5])
    rolled_back(withdrawn, 7)
    refused(withdrawn, verdict(withdrawn, 8, candidate(withdrawn, "c")), CoolingDown, period(9), **resting(1))


SILENT = {"model.bst": b"tree", "training.json": b"{}"}


@pytest.mark.parametrize("files", [files_of("c", moment(3) - timedelta(seconds=1)), SILENT, {"model.bst": b"tree"}])
def test_a_candidate_that_did_not_learn_from_the_failure_is_refused(
    withdrawn: Registry, files: dict[str, bytes]
) -> None:
    judged = verdict(withdrawn, 6, withdrawn.add(files))
    sentence = "must have learnt from the failure: its training data reach"
    refused(withdrawn, judged, FailureNotSeen, sentence, **resting(1))


def test_a_candidate_trained_up_to_the_failure_promotes(withdrawn: Registry) -> None:
    judged = verdict(withdrawn, 6, candidate(withdrawn, "c", moment(3)))
    assert promote(withdrawn, judged, 9, **resting(1)).to_version == "v3"


def test_nobody_promotes_without_saying_what_a_rollback_asks_and_how_a_model_is_probed() -> None:
    said = {"policy_sha256": RULES, "probe": content, **resting(0)}
    assert PromotionRules(**said).approvals is False
    for left_out in ("policy_sha256", "probe", "rest"):
        with pytest.raises(TypeError, match=left_out):
            PromotionRules(**{name: value for name, value in said.items() if name != left_out})


def test_a_verdict_that_no_attempt_wrote_down_is_refused(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    before = served.history()
    with pytest.raises(IncompleteVerdict, match="no attempt in the journal has this verdict"):
        promote_only(served, judged, 1)
    served.record(judged, at=moment(1), actor="run 1")
    with pytest.raises(IncompleteVerdict, match="no attempt in the journal has this verdict"):
        promote_only(served, replace(judged, gate=gate(2)), 1)
    assert (served.history()[: len(before)], served.live().name) == (before, "v1")


def test_a_candidate_that_its_probe_refuses_does_not_go_live(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    seen = []

    def probe(files: Mapping[str, bytes]) -> None:
        seen.append(files["model.bst"])
        raise DataError("1 of 3 probe rows score otherwise than recorded.")

    sentence = "was to go live and cannot serve: 1 of 3 probe rows .* The live version stays v1."
    refused(served, judged, Unservable, sentence, probe=probe)
    assert seen == [b"tree b"]


def test_without_a_rollback_nobody_asks_how_far_training_reaches(served: Registry) -> None:
    judged = verdict(served, 1, candidate(served, "b"))
    assert promote(served, judged, 1, rest=lambda rolled_back: pytest.fail("asked")).to_version == "v2"


def test_every_refusal_has_an_error_class_of_its_own() -> None:
    """The tree drawn on top of `errors` names each, once, with its sentence."""
    import retrain_assets.errors as tree

    classes = {name for name, item in vars(tree).items() if isinstance(item, type) and issubclass(item, NotPromotable)}
    drawn = tree.__doc__.split("NotPromotable")[1]
    assert {name for name in classes if f" {name} " in drawn} == classes - {"NotPromotable"}
    assert {"CoolingDown", "FailureNotSeen", "Held", "Quarantined", "Retired"} < classes


def with_zone(window: GateWindow, hours: int = 2) -> GateWindow:
    """The same moments, told in a zone east of Greenwich."""

    def told(text: str) -> str:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=hours))).isoformat()

    return replace(window, start=told(window.start), end=told(window.end))


def test_gate_rows_told_with_a_time_zone_are_booked_by_wall_clock_and_spent_in_either_notation(
    registry: Registry,
) -> None:
    plain = gate(0)
    promote(registry, verdict(registry, 0, candidate(registry, "first"), gate=with_zone(plain)), 0)
    (use,) = registry.spent()
    assert (use.start, use.end) == (plain.start, plain.end)
    for again in (plain, with_zone(plain), with_zone(plain, -7), replace(plain, end=with_zone(plain).end)):
        with pytest.raises(GateRowsSpent, match="overlap the 500 rows"):
            promote(registry, verdict(registry, 1, candidate(registry, "second"), gate=again), 1)
    promote(registry, verdict(registry, 1, candidate(registry, "second"), gate=with_zone(gate(1))), 1)
    assert registry.verify() == []


@pytest.mark.parametrize("end", ["2019-01-01T02:00:00+02:00", "2018-12-31T20:00:00-03:00", "yesterday", None])
def test_gate_rows_that_end_before_they_begin_in_any_zone_are_refused_by_name(registry: Registry, end: str) -> None:
    with pytest.raises(IncompleteVerdict, match="it names 500 gate rows from"):
        promote(registry, verdict(registry, 0, candidate(registry, "first"), gate=replace(gate(0), end=end)), 0)


def test_attempts_before_the_first_model_spend_nothing(registry: Registry) -> None:
    failed = verdict(registry, 0, candidate(registry, "a"), findings=findings(Outcome.FAIL))
    registry.record(failed, at=moment(0), actor="run 1")
    again = verdict(registry, 0, candidate(registry, "b"))
    registry.record(again, at=moment(0), actor="run 2")
    assert promote_only(registry, again, 0).action == "bootstrap"
    assert registry.spent()[0].is_free
    assert not registry.spent()[1].is_free, "what made a model live has spent its rows"
