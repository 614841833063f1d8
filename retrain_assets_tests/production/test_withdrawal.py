"""A bad version on probation, through real Dagster runs: noticed, and withdrawn by the sensor's own run alone."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

import dagster as dg
import numpy as np
import pytest

from benchmarks.worlds.parcels import failure_of
from retrain_assets.alerts import read
from retrain_assets.audit.explanation import explained
from retrain_assets.audit.pages.explanation_text import in_words
from retrain_assets.candidates.boosting.constant_model import fallback_files
from retrain_assets.cli.replay import decision
from retrain_assets.cli.runner import RunEnd
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.dagster_glue.tags import MODEL_TAG
from retrain_assets.errors import Conflict, DataError, Held, IntegrityError, NotFound, NothingChanged
from retrain_assets.model import PeriodAccess
from retrain_assets.pipeline import frame_of, probation, watch
from retrain_assets.production.sensors import failure_alerts, publish_all, success_alerts
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.rulings import Approve, Hold, Release, Retire, Signature
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.verdict import Finding, Outcome
from retrain_assets_tests.production.bad_deploy import (
    MODEL,
    NEXT_WEEK,
    back,
    damage,
    launched,
    promote,
    promote_twin,
    report,
    tick,
    told,
    verdict,
)

# ---- the withdrawal


def test_the_sensor_asks_for_one_rollback_and_its_run_puts_the_previous_bytes_in_place(watched):
    week = watched.weeks(7)[-1]
    bad, good = watched.registry.versions()[1], watched.registry.versions()[0]
    asked = tick(watched, "rollback_trigger")
    (request,) = asked.run_requests
    assert request.tags["dagster/priority"] == "10"
    waiting = f"the rollback that {week} asked for comes before"
    assert tick(watched, "new_data", now=NEXT_WEEK).skip_message.startswith(waiting)
    assert tick(watched, "retrain_trigger").skip_message.startswith(waiting)

    result = watched.run("rollback", None, run_config=dict(request.run_config), tags=dict(request.tags))

    assert result.success, failure_of(result)
    page = watched.store.read_bytes("probation_report", week, "html").decode()
    live, event = watched.registry.live(), watched.registry.history()[-1]
    assert f"<p>v2 was worse than v1 and was taken back on {event.at:%Y-%m-%d}.</p>" in page
    assert (live.name, live.digest) == ("v1", good.digest)
    assert watched.registry.read(live.digest)["model.bst"] != watched.registry.read(bad.digest)["model.bst"]
    assert (event.action, event.period, event.actor.split(",")[0]) == ("rolled_back", week, "probation")
    assert "v2 is worse than v1; on the same" in event.reason
    assert bad.digest in History(watched.registry.history()).quarantined
    assert watched.registry.verify() == []
    told = in_words(explained(MODEL, watched.registry, watched.store, watched.spec.period))
    assert "v2 was rolled back to v1" in told
    ended = RunEnd(result.run_id, True, "rolled_back", "")
    assert decision(watched.registry, week, ended).startswith("rolled back to v1: ")
    assert [item["id"] for item in watched.store.read_json("suite_proposals", week)["proposals"]]
    home, clock = watched.defs.resources["home"], Clock(replay_at="2024-02-19T00:00:00")
    run = watched.instance.get_run_by_id(result.run_id)
    publish_all(success_alerts(watched.instance, run, frame_of(watched.spec), home, clock), home)
    assert [alert.kind for alert in read(watched.folder / "home")] == ["rolled_back"]
    assert "does not ask for a rollback of the live version" in tick(watched, "rollback_trigger").skip_message
    (following,) = tick(watched, "new_data", now=NEXT_WEEK).run_requests
    assert following.run_key.endswith(":1")  # a week that failed with the withdrawn model is tried again


def test_evidence_that_was_taken_back_withdraws_nothing(own):
    week = own.weeks(7)[-1]
    record = own.store.read_json("probation_report", week)
    assert len(tick(own, "rollback_trigger").run_requests) == 1
    own.store.write_json("probation_report", week, record | {"status": "open"})
    assert "does not ask" in tick(own, "rollback_trigger").skip_message


def model_files(built, *versions):
    folder = built.registry.folder / "versions"
    return [folder / version.digest / "model.bst" for version in versions]


def test_a_rollback_that_failed_is_asked_for_again_ever_more_patiently(own, monkeypatch):
    (request,) = tick(own, "rollback_trigger").run_requests
    good = {path: path.read_bytes() for path in model_files(own, *own.registry.rollback_targets())}
    for path, whole in good.items():
        path.write_bytes(whole[:-1])
    failed = own.run("rollback", None, run_config=dict(request.run_config), tags=dict(request.tags))
    assert not failed.success
    assert "1 rollback run failed; the next begins in" in tick(own, "rollback_trigger").skip_message
    for path, whole in good.items():
        path.write_bytes(whole)
    later = time.time() + 61
    monkeypatch.setattr("retrain_assets.production.sensors.time.time", lambda: later)
    (again,) = tick(own, "rollback_trigger").run_requests
    assert again.run_key != request.run_key
    result = own.run("rollback", None, run_config=dict(again.run_config), tags=dict(again.tags))
    assert result.success, failure_of(result)
    assert own.registry.live().name == "v1"


# ---- damaged targets


@pytest.fixture
def three(own):
    """The same story, and v3 in service: versions that all score differently, and the constant behind them."""
    files = own.registry.read(own.registry.live().digest)
    training = TrainingRecord.from_files(files)
    other = fallback_files(files | {"training.json": replace(training, baseline=150.0).to_bytes()})
    week = own.weeks(7)[-1]
    promote(own, verdict(own, week, own.registry.add(other)), datetime(2024, 2, 19))
    return own


def test_a_run_passes_over_a_damaged_version_and_says_so_in_the_journal_and_in_the_alert(three):
    damage(three, three.registry.versions()[1])
    result = launched(three, reason="v3 fails.")
    assert result.success, failure_of(result)
    event = three.registry.history()[-1]
    assert (event.from_version, event.to_version) == ("v3", "v1")
    assert event.reason.startswith("v3 fails. Passed over v2, which is damaged: ")
    (alert,) = told(three)
    assert alert.sentence == f"v3 was rolled back, v1 is live: {event.reason.rstrip('.')}."
    assert alert.severity == "failure"
    asked_again = {"actor": event.actor, "person": False, "reason": "v3 fails.", "expected_live": event.from_digest}
    assert back(three, **asked_again) == event
    assert three.registry.history()[-1] == event


def test_a_person_is_told_what_is_damaged_and_goes_further_back_by_name(three):
    damage(three, three.registry.versions()[1])
    with pytest.raises(
        IntegrityError, match=r"To go back further: `retrain rollback delivery --to v1`; there are v1, v0"
    ):
        back(three)
    assert three.registry.live().name == "v3"
    result = launched(three, person="ann", to="v1")
    assert result.success, failure_of(result)
    assert (three.registry.live().name, three.registry.history()[-1].person) == ("v1", True)


def test_where_every_version_is_damaged_nothing_moves_and_each_is_named(three):
    for version in three.registry.rollback_targets():
        damage(three, version)
    with pytest.raises(DataError, match=r"no version can come back\. v2, .*; v1, .*; v0, .* or retrain"):
        back(three, actor="run 1", person=False)
    assert three.registry.live().name == "v3"


def test_a_run_does_not_pass_over_to_a_version_that_a_person_holds(three):
    damage(three, three.registry.versions()[1])
    signed = Signature("ann", "never again", datetime(2024, 2, 19), three.weeks(7)[-1])
    three.registry.rule(Hold(signed, three.registry.versions()[0].digest))
    with pytest.raises(Held, match="ann holds version"):
        back(three, actor="run 1", person=False)
    assert three.registry.live().name == "v3"


@pytest.mark.parametrize(("to", "said"), [("v3", "not v3"), ("v9", "not v9"), ("", "not rolled back: v2, v1, v0")])
def test_a_rollback_to_what_is_live_or_unknown_is_refused_with_the_names_there_are(three, to, said):
    sentence = failure_of(launched(three, to=to))
    assert "versions served before and not rolled back: v2, v1, v0" in sentence
    assert said in sentence
    assert three.registry.live().name == "v3"


def test_a_rollback_to_the_fallback_can_be_named_once_and_not_again_after_it_was_left(three):
    assert back(three, to="v0").to_version == "v0"
    assert back(three, to="v1", reason="v0 knows nothing").to_version == "v1"
    with pytest.raises(NotFound, match="not rolled back: v2, not v0"):
        back(three, to="v0", reason="again")


def test_another_target_for_the_same_reason_is_another_rollback(three):
    left = three.registry.live().digest
    assert back(three).to_version == "v2"
    with pytest.raises(Conflict, match="the rollback was meant for"):
        back(three, to="v1", expected_live=left)


# ---- who and when


def test_a_retired_model_has_no_probation_and_no_alarm(own):
    own.registry.rule(Retire(Signature("ann", "the product ends", datetime(2024, 2, 19), own.weeks(7)[-1])))
    record = probation(own.spec).report(PeriodAccess(own.store, own.registry, own.weeks(8)[-1]))
    assert record.sentence == f"{own.weeks(8)[-1]}: no probation: the model was retired in {own.weeks(7)[-1]}"


def test_a_hold_stops_the_automatic_rollback_with_a_sentence_and_an_alert_and_no_person(own):
    signed = Signature("ann", "the fair, until Monday", datetime(2024, 2, 18), own.weeks(7)[-1])
    own.registry.rule(Hold(signed))
    kept = tick(own, "rollback_trigger")
    assert kept.run_requests == []
    assert "Not rolled back: delivery: rollback: ann holds the model" in kept.skip_message
    assert "the fair, until Monday" in kept.skip_message
    assert [alert.kind for alert in read(own.folder / "home")] == ["held"]
    assert "the rollback that" not in (tick(own, "new_data", now=NEXT_WEEK).skip_message or "")
    with pytest.raises(Held, match="ann holds the model"):
        back(own, actor="run 1", person=False)
    assert own.registry.live().name == "v2"
    own.registry.rule(Release(signed))
    assert len(tick(own, "rollback_trigger").run_requests) == 1
    own.registry.rule(Hold(signed))
    assert back(own).to_version == "v1"


@pytest.mark.parametrize("period", ["2O24-02-12", "2024-02-13", "2030-01-07"])
def test_a_rollback_of_a_period_that_is_none_or_still_to_come_is_refused(own, period):
    config = {
        "ops": {
            f"{MODEL}__roll_back": {
                "config": {"reason": "typing", "expected_live": "v2", "person": "ann", "period": period}
            }
        }
    }
    assert "rollback refused" in failure_of(own.run("rollback", None, run_config=config))
    assert own.registry.live().name == "v2"


def test_a_late_rollback_cannot_hit_another_version(own):
    with pytest.raises(Conflict, match="the rollback was meant for"):
        back(own, expected_live="0" * 64)
    config = {"ops": {f"{MODEL}__roll_back": {"config": {"reason": "late", "expected_live": "0" * 64}}}}
    assert "the rollback was meant for" in failure_of(own.run("rollback", None, run_config=config))
    assert own.registry.live().name == "v2"


def test_a_rollback_to_the_very_same_model_says_that_nothing_changed(own):
    promote_twin(own)
    with pytest.raises(NothingChanged, match="nothing changed for anybody"):
        back(own)


def test_the_monitor_run_says_that_a_probation_found_harm(story):
    run = dg.DagsterRun(f"{MODEL}__monitor", tags={"dagster/partition": story.weeks(7)[-1], MODEL_TAG: MODEL})
    home, clock = story.defs.resources["home"], Clock(replay_at="2024-02-19T00:00:00")
    kinds = [alert.kind for alert in success_alerts(story.instance, run, frame_of(story.spec), home, clock)]
    assert "probation" in kinds
    assert [a.kind for a in failure_alerts(story.instance, run, frame_of(story.spec), home, clock)] == [
        "crash",
        "probation",
    ]


# ---- a promotion that a person approved


def test_what_a_person_approved_is_withdrawn_when_harm_is_proven_and_a_hold_keeps_it(own):
    weeks, registry = own.weeks(8), own.registry
    files = registry.read(registry.live().digest)
    training = TrainingRecord.from_files(files)
    worse = fallback_files(files | {"training.json": replace(training, baseline=150.0).to_bytes()})
    passing = verdict(own, weeks[6], registry.add(worse))
    open_question = Finding("fairness", Outcome.INSUFFICIENT, "north: 41 rows, 200 needed")
    findings = tuple(open_question if found.check == "fairness" else found for found in passing.findings)
    judged = replace(passing, findings=findings)
    rules, now = own.spec.policy_sha256, own.spec.period.bounds(weeks[6])[1]
    registry.record(judged, at=now, actor="run 1")
    signed = Signature("ann", "the north is small", now, weeks[6])
    registry.rule(Approve(signed, judged, datetime(2025, 1, 1), rules, True))
    promote(own, judged, now, approvals=True)
    own.monitor(weeks[7:8])
    assert report(own, weeks[7])["status"] == "harmed"

    registry.rule(Hold(signed, registry.live().digest))
    assert "ann holds version" in tick(own, "rollback_trigger", now=NEXT_WEEK).skip_message
    registry.rule(Release(signed, registry.live().digest))
    (request,) = tick(own, "rollback_trigger", now=NEXT_WEEK).run_requests
    result = own.run("rollback", None, run_config=dict(request.run_config), tags=dict(request.tags))

    assert result.success, failure_of(result)
    assert (registry.live().name, registry.history()[-1].person) == ("v2", False)
    (alert,) = told(own)
    said = "v3 had been promoted on the approval of ann. Nothing to do now; team:tests looks at v3."
    assert alert.sentence.endswith(said)


# ---- the fallback, and what follows


def test_the_first_model_falls_back_to_the_stored_constant_which_serves_and_asks_to_be_replaced(own):
    week = own.weeks(7)[-1]
    back(own)
    assert own.registry.rollback_target().name == "v0"
    with pytest.raises(NotFound, match="nothing but v0 is left, a constant"):
        back(own)
    event = back(own, to="v0")
    live = own.registry.live()
    assert (event.to_version, live.name, live.number) == ("v0", "v0", 0)
    files = own.registry.read(live.digest)
    constant = TrainingRecord.from_files(files).baseline
    rows = own.store.require_table("raw_data", week)
    assert Scorer.from_files(files).scores(rows) == pytest.approx(np.full(rows.num_rows, constant))
    assert own.registry.verify() == []
    with pytest.raises(NotFound, match="live is v0"):
        back(own)
    weeks = own.weeks(8)
    own.monitor(weeks[7:8])
    record = own.store.read_json("performance_report", weeks[7])
    assert record["version"] == "v0"
    assert record["report"]["outcome"] == "warn"
    assert "v0 came back" in report(own, weeks[7])["sentence"]
    assert "cool-down after the rollback" in watch(own.spec).decide(own.store, own.registry, weeks[7]).reason


def test_after_a_rollback_no_gate_row_is_spent_on_a_candidate_of_the_cool_down(own):
    weeks = own.weeks(8)
    back(own)
    own.monitor(weeks[7:8])
    spent = own.registry.spent()
    result = own.run("retrain", weeks[7])
    assert result.success, failure_of(result)
    (decision,) = result.asset_materializations_for_node("delivery__feature_windows")
    assert decision.asset_key.path[-1] == "production_model"
    said = f"nothing was trained: after the rollback of v2 in {weeks[6]} the model rests"
    assert said in decision.metadata["summary"].value
    assert own.registry.spent() == spent
