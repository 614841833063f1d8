"""`retrain explain` and `history` for any past moment: of small built registries, and of a home that was replayed."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from benchmarks.worlds.verdicts import (
    MODEL,
    candidate,
    findings,
    gate,
    moment,
    period,
    promote,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.audit.pages.explanation_text import in_words
from retrain_assets.documents.units import LossUnits
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, write_performance
from retrain_assets.production.probation.record import ComparedVersions, ProbationRecord, Status
from retrain_assets.store import PeriodStore
from retrain_assets_tests.audit.pasts import ask, explanation, told
from retrain_assets_tests.monitoring.stored import measured


@pytest.mark.parametrize("day", [0, 14, 28, 49, 63, 84])
def test_at_any_moment_the_version_the_registry_served_then_is_explained_with_all_that_is_asked(past, day):
    """Before the first version, under v1, v2, v2 after an attempt that failed, v1 again and v3."""
    registry, _ = past
    at = datetime(2019, 1, 1, 12) + timedelta(days=day)
    record = ask(past, at=at.isoformat())
    served = registry.served_at(at)
    if served is None:
        assert record["decision"] is None
        assert record["after"]["to_version"] == "v1"
        return
    tenure, decision = record["tenure"], record["decision"]
    assert (tenure["version"], tenure["digest"]) == (served.name, served.digest)
    assert datetime.fromisoformat(tenure["since"]) <= at
    assert tenure["until"] is None or at < datetime.fromisoformat(tenure["until"])
    assert decision["to_version"] == served.name
    assert decision["actor"] == ("ann" if decision["action"] == "rolled_back" else "run 1")
    assert record["evidence"]["candidate"] == served.digest  # also of a version that a rollback brought back
    assert len(record["evidence"]["findings"]) == 4
    assert (record["before"] is None) == (decision["action"] == "bootstrap")
    assert (record["after"] is None) == (served == registry.live())


def test_every_event_can_be_asked_for_by_its_number(past):
    for event in past[0].history():
        record = ask(past, f"e{event.seq}")
        assert (record["decision"]["at"], record["decision"]["action"]) == (event.at.isoformat(), event.action)


def test_a_version_is_explained_by_its_promotion_and_by_how_it_left(past):
    record = ask(past, "v2")
    assert record["decision"]["action"] == "promoted"
    assert record["evidence"]["champion_version"] == "v1"
    assert record["before"]["version"] == "v1"
    assert [event["action"] for event in record["meanwhile"]] == ["rejected"]
    assert record["after"]["action"] == "rolled_back"
    text = told(past, "v2")
    assert "v2 replaced v1 (at " in text
    assert "That is why v1 left" in text
    assert "against v1 (" in text
    assert "kept v2, by run 5: fairness: JFK: 41 rows" in text
    assert "by ann): rolled back to v1, worse on airport rides." in text
    assert "Live today: v3" in text


def test_a_rollback_is_explained_with_the_evidence_of_the_version_that_came_back(past):
    record = ask(past, at=moment(8).isoformat())
    assert record["decision"]["action"] == "rolled_back"
    assert record["promotion"]["period"] == period(1)
    text = told(past, at=moment(8).isoformat())
    assert f"At {moment(8):%Y-%m-%d %H:%M} v1 was live" in text
    assert "v2 was rolled back to v1" in text
    assert "v1 was trusted on the evidence of 2019-01-08 (e2, first model): " in text
    assert "against a trivial baseline" in text


def test_an_attempt_that_did_not_promote_is_explained_by_its_period_and_says_what_stayed(past):
    text = told(past, period(5))
    assert "taxi_charge: v2 was kept (at 2019-02-12 00:00" in text
    assert "[fail]         fairness: JFK: 41 rows" in text
    assert text.endswith(f"Live today: v3, decided in {period(9)}: `retrain explain taxi_charge v3` tells why.")


def test_without_a_word_the_last_move_is_explained(past):
    assert ask(past)["decision"]["to_version"] == "v3"
    assert told(past).endswith("It is live.")


def test_two_events_of_one_period_are_both_named(registry, tmp_path):
    promoted(registry, [1, 3])
    rolled_back(registry, 3)
    record = ask((registry, PeriodStore(tmp_path)), period(3))
    assert record["decision"]["action"] == "rolled_back"
    assert "Also in 2019-01-22: e3 passed, e4 promoted v2." in told((registry, PeriodStore(tmp_path)), period(3))


def test_a_version_promoted_again_after_a_rejection_shows_the_promotion(registry, tmp_path):
    promoted(registry, [1])
    digest = candidate(registry, "twice")
    registry.record(verdict(registry, 2, digest, findings=findings("fail")), at=moment(2), actor="run 2")
    promote(registry, verdict(registry, 3, digest), 3)
    assert ask((registry, PeriodStore(tmp_path)), "v2")["decision"]["period"] == period(3)


def test_rows_scored_by_another_version_than_the_one_live_by_the_clock_are_told(registry, tmp_path):
    made = verdict(registry, 1, candidate(registry, "late"), gate=gate(1))
    promote(registry, made, 1, at=moment(20))  # decided for an early period, long after
    record = ask((registry, PeriodStore(tmp_path)), at=(moment(10)).isoformat())
    assert record["decision"] is None
    assert record["asked"]["scored_by"] == "v1"
    record = ask((registry, PeriodStore(tmp_path)), at=(moment(21)).isoformat())
    assert record["asked"]["scored_by"] == "v1"


def test_how_a_version_did_is_the_mean_over_the_rows_of_its_periods(past):
    registry, store = past
    for number, (loss, rows, outcome) in enumerate([(1.0, 100, "quiet"), (4.0, 300, "warn")], start=4):
        write_performance(store, measured(period(number), loss, rows, "v2", outcome))
    write_performance(store, measured(period(6), 99.0, 9, "v1", "warn"))
    tenure = ask(past, "v2")["tenure"]
    assert tenure["loss"] == pytest.approx((1.0 * 100 + 4.0 * 300) / 400)
    assert (tenure["rows"], tenure["judged_periods"], tenure["within_objective"]) == (400, 2, 1)
    text = told(past, "v2")
    assert (
        "it was off by 3.25 a row on average (400 rows); expected 1.5; within its quality objective in 1 of 2" in text
    )


def test_rows_and_their_loss_are_called_what_the_spec_calls_them(past):
    _, store = past
    write_performance(store, measured(period(4), 3.25, 100, "v2"))
    text = in_words(explanation(past, "v2"), LossUnits("ride", "USD"))
    assert f"v2 served {period(4)}: it was off by $3.25 a ride on average (100 rides); expected $1.50;" in text
    assert " fresh rides from " in text


def test_an_expected_loss_of_the_rehearsal_is_said_to_be_from_there(registry, tmp_path):
    store, held_to = PeriodStore(tmp_path), {"mean": 1.5, "source": "rehearsal"}
    digest = candidate(registry, "rehearsed")
    made = verdict(registry, 1, digest)
    promote(registry, replace(made, evidence={**made.evidence, "baseline": held_to}), 1)
    write_performance(store, measured(period(2), 2.0, 50, registry.live().name))
    text = told((registry, store), registry.live().name)
    assert "; expected 1.5, from its rehearsal on older periods; within" in text


def test_a_period_of_which_no_outcome_arrived_is_named(past):
    _, store = past
    write_performance(store, measured(period(4), 1.0, 100, "v2"))
    for number in (5, 6):
        write_performance(store, measured(period(number), None, 0, "v2", "insufficient"))
    assert ask(past, "v2")["tenure"]["blind_periods"] == [period(5), period(6)]
    text = told(past, "v2")
    assert f"Nothing is known of {period(5)}, {period(6)}: no outcome of its rows arrived." in text
    assert "within its quality objective in 1 of 1 period." in text


def test_a_version_that_came_back_is_told_with_its_service_before(past):
    registry, store = past
    write_performance(store, measured(period(2), 2.0, 50))
    write_performance(store, measured(period(7), 2.0, 50, "v2"))
    text = told(past, "e6")
    assert f"v1 served {period(2)} to {period(3)}: it was off by 2 a row on average (50 rows)" in text
    assert f"v1 has served no monitored period since {moment(7):%Y-%m-%d %H:%M}." in text
    write_performance(store, measured(period(8), 2.0, 50))
    text = told(past, "e6")
    assert f"v1 served {period(2)} to {period(3)}" in text
    assert f"v1 served {period(8)}: " in text


@pytest.mark.parametrize(
    ("status", "words"),
    [("unproven", "ended unproven"), ("confirmed", "confirmed it"), ("harmed", "found harm"), ("blind", "was blind"),
     ("open", "goes on")],
)  # fmt: skip
def test_how_the_probation_of_a_version_went_is_told(past, status, words):
    registry, store = past
    write_performance(store, PerformanceRecord(period(6)))
    first, second = (version.digest for version in registry.versions()[:2])
    compared = ComparedVersions("v2", second, "v1", first, period(3), period(9))
    said = ProbationRecord(period(5), Status(status), f"{period(5)}: as it was", period(5), compared)
    store.write_json("probation_report", period(5), said.to_dict())
    store.write_json("probation_report", period(6), replace(said, period=period(6), status=Status.IDLE).to_dict())
    assert ask(past, "v2")["tenure"]["probation"]["status"] == status
    assert f"Its probation {words} in {period(5)}: as it was." in told(past, "v2")
    assert ask(past, "v1")["tenure"]["probation"] is None


def test_a_moment_and_a_version_together_are_refused(past):
    with pytest.raises(ValueError, match="explain either v1 or the moment 2019-05-03, not both"):
        ask(past, "v1", "2019-05-03")


def test_the_record_is_plain_json(past):
    for at in ("2019-01-01", "2019-03-12"):
        assert json.loads(json.dumps(ask(past, at=at)))["model"] == MODEL
