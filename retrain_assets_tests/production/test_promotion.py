"""The decision of a period from its stored verdict: only the period's own candidate, only under the rules in force."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import (
    MODEL,
    RULES,
    candidate,
    findings,
    fresh,
    moment,
    period,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.errors import (
    IncompleteVerdict,
    StaleVerdict,
    Unservable,
    WrongCandidate,
    WrongChampion,
)
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.periods import Calendar
from retrain_assets.production.promotion import KeptLive, Promotion, headline, refuse_unshown
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import CHECKS, Outcome, Verdict
from retrain_assets_tests.production.test_rollback import trained

FACTS = Model(
    MODEL, "regression", 2, Calendar(every="week", start="2019-01-01"), "id", "at", "minutes", timedelta(0), "mae"
)
PROMOTION = Promotion(FACTS, RULES)
SHOWN = dict.fromkeys(CHECKS, True)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry with v1 live since period 0."""
    registry = fresh(tmp_path / "registry")
    promoted(registry, [0])
    return registry


@pytest.fixture(scope="module")
def servable() -> dict[str, bytes]:
    """A small real model with the probe rows that it must score as when it was trained."""
    return trained("regression_l1")


@pytest.fixture
def store(tmp_path: Path) -> PeriodStore:
    return PeriodStore(tmp_path / "data")


def reported(store: PeriodStore, judged: Verdict, digest: str | None = None) -> None:
    """The period's validation report and the candidate it is about (or another one)."""
    store.write_json("validation_report", judged.period, judged.to_dict())
    store.write_json("candidate_model", judged.period, {"digest": digest or judged.candidate_digest})


def decide(  # type: ignore[no-untyped-def]
    store: PeriodStore, registry: Registry, number: int = 1, rules: Promotion = PROMOTION, shown=SHOWN
):
    return rules.decide(PeriodAccess(store, registry, period(number)), shown, moment(number), "run 1")


def test_a_passing_report_promotes_its_candidate_and_repeating_it_changes_nothing(
    store: PeriodStore, registry: Registry, servable: dict[str, bytes]
) -> None:
    judged = verdict(registry, 1, registry.add(servable))
    reported(store, judged)
    with pytest.raises(IncompleteVerdict, match="no attempt in the journal has this verdict"):
        decide(store, registry)
    registry.record(judged, at=moment(1), actor="run 1")
    event = decide(store, registry)
    assert registry.live().digest == judged.candidate_digest
    assert decide(store, registry) == event
    assert [past.action for past in registry.history()] == ["passed", "bootstrap", "passed", "promoted"]


@pytest.mark.parametrize("damage", ["no probe", "another score", "torn", "no trees"])
def test_a_candidate_that_does_not_load_and_score_as_it_was_trained_does_not_go_live(
    store: PeriodStore, registry: Registry, servable: dict[str, bytes], damage: str
) -> None:
    probe = json.loads(servable["probe.json"])
    changed = {
        "no probe": {"model.bst": servable["model.bst"]},
        "another score": {"probe.json": json.dumps(probe | {"scores": [0.0, *probe["scores"][1:]]}).encode()},
        "torn": {"model.bst": servable["model.bst"][:-400]},
        "no trees": {"model.bst": b"tree"},
    }[damage]
    files = changed if damage == "no probe" else servable | changed
    judged = verdict(registry, 1, registry.add(files))
    reported(store, judged)
    registry.record(judged, at=moment(1), actor="run 1")
    with pytest.raises(Unservable, match=r"was to go live and cannot serve: .* The live version stays v1\."):
        decide(store, registry)
    assert (registry.live().name, registry.history()[-1].action) == ("v1", "passed")


def test_without_a_report_nothing_is_promoted(store: PeriodStore, registry: Registry) -> None:
    with pytest.raises(IncompleteVerdict, match=f"{period(1)}: no verdict. Materialize validation_report"):
        decide(store, registry)


def test_a_candidate_newer_than_the_report_is_refused(store: PeriodStore, registry: Registry) -> None:
    judged = verdict(registry, 1, candidate(registry, "b"))
    reported(store, judged, digest=candidate(registry, "newer"))
    with pytest.raises(WrongCandidate, match=f"is about {judged.candidate_digest[:12]}, the period's candidate is"):
        decide(store, registry)


def test_a_report_without_a_candidate_beside_it_is_refused(store: PeriodStore, registry: Registry) -> None:
    judged = verdict(registry, 1, candidate(registry, "b"))
    store.write_json("validation_report", judged.period, judged.to_dict())
    with pytest.raises(WrongCandidate, match="the period's candidate is None"):
        decide(store, registry)


def test_the_report_of_another_period_in_this_ones_place_is_refused(store: PeriodStore, registry: Registry) -> None:
    judged = verdict(registry, 1, candidate(registry, "b"))
    store.write_json("validation_report", period(2), judged.to_dict())
    store.write_json("candidate_model", period(2), {"digest": judged.candidate_digest})
    with pytest.raises(WrongCandidate, match=f"the verdict of {period(1)}"):
        decide(store, registry, 2)


def test_a_report_by_rules_that_have_changed_is_refused(store: PeriodStore, registry: Registry) -> None:
    reported(store, verdict(registry, 1, candidate(registry, "b")))
    with pytest.raises(StaleVerdict, match="in force are 666666666666"):
        decide(store, registry, rules=replace(PROMOTION, policy_sha256="6" * 64))


def test_a_report_overtaken_by_another_promotion_is_refused(store: PeriodStore, registry: Registry) -> None:
    reported(store, verdict(registry, 2, candidate(registry, "b")))
    promoted(registry, [1])
    with pytest.raises(WrongChampion, match="The live version stays v2"):
        decide(store, registry, 2)


def test_a_failed_report_edited_to_require_less_keeps_the_live_version(store: PeriodStore, registry: Registry) -> None:
    failed = verdict(registry, 1, candidate(registry, "b"), findings=findings(Outcome.FAIL), required=("significance",))
    reported(store, failed)
    kept = decide(store, registry, shown=SHOWN | {"fairness": False})
    assert isinstance(kept, KeptLive)
    assert (kept.outcome, kept.live.name if kept.live else "") == ("rejected", "v1")
    assert kept.sentence == "**kept v1**: the candidate failed the check fairness. JFK: 41 rows."


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        ({}, "4 of 4 checks of this report were not recorded with it: significance, guardrails, fairness"),
        ({"significance": True}, "3 of 4 checks"),
        (SHOWN | {"fairness": False}, "fairness was recorded otherwise than the report says"),
    ],
)
def test_a_report_whose_checks_were_not_shown_as_they_are_is_refused(
    store: PeriodStore, registry: Registry, servable: dict[str, bytes], shown: dict[str, bool], sentence: str
) -> None:
    judged = verdict(registry, 1, registry.add(servable))
    reported(store, judged)
    registry.record(judged, at=moment(1), actor="run 1")
    with pytest.raises(IncompleteVerdict, match=sentence):
        decide(store, registry, shown=shown)
    with pytest.raises(IncompleteVerdict, match="recorded otherwise"):
        refuse_unshown(replace(judged, findings=findings(Outcome.FAIL)), SHOWN)


def test_the_headline_names_what_was_replaced_or_what_stays(registry: Registry) -> None:
    promoted(registry, [1])
    failed = verdict(registry, 2, candidate(registry, "b"), findings=findings(Outcome.FAIL))
    registry.record(failed, at=moment(2), actor="run 1")
    rolled_back(registry, 3)
    assert [headline(event) for event in registry.history() if event.action != "passed"] == [
        "**v1** is the first live version: every check passed",
        "**v2** replaces v1: every check passed",
        "**rejected**, v2 stays live: fairness: JFK: 41 rows",
        "**v1** is back, v2 is quarantined: worse on airport rides",
    ]


def test_what_was_adopted_names_the_person(registry):
    adopted = replace(registry.history()[-1], action="adopted", actor="ann", person=True, reason="in use since July")
    assert headline(adopted) == "**v1** was adopted by ann: in use since July"
