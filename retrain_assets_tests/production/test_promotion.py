"""The decision of a period from its stored verdict: only the period's own candidate, only under the rules in force."""

from __future__ import annotations

import json
from dataclasses import replace
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
    FailedVerdict,
    IncompleteVerdict,
    StaleVerdict,
    Unservable,
    WrongCandidate,
    WrongChampion,
)
from retrain_assets.periods import Calendar
from retrain_assets.production.promotion import Promotion, headline
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import Outcome, Verdict
from retrain_assets_tests.production.test_rollback import trained

PROMOTION = Promotion(MODEL, RULES, Calendar(every="week", start="2019-01-01"))


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


def decide(store: PeriodStore, registry: Registry, number: int = 1, rules: Promotion = PROMOTION):  # type: ignore[no-untyped-def]
    return rules.promote(store, registry, period(number), moment(number), "run 1")


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


def test_a_failed_report_edited_to_require_less_is_refused(store: PeriodStore, registry: Registry) -> None:
    failed = verdict(registry, 1, candidate(registry, "b"), findings=findings(Outcome.FAIL), required=("significance",))
    reported(store, failed)
    with pytest.raises(FailedVerdict, match="fairness: JFK: 41 rows"):
        decide(store, registry)


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
