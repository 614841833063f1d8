"""A bad version on probation, through real Dagster runs: noticed, and withdrawn by the sensor's own run alone."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from datetime import datetime, timedelta

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from retrain_assets.alerts import read
from retrain_assets.candidates.constant import fallback_files
from retrain_assets.demo import decision
from retrain_assets.errors import Conflict, Held, NotFound, NothingChanged
from retrain_assets.explain import explained
from retrain_assets.pipeline import frame_of, probation, watch
from retrain_assets.production.policy import ProbationPolicy, ScoreRate
from retrain_assets.production.rollback import roll_back
from retrain_assets.production.sensors import failure_alerts, publish_all, success_alerts
from retrain_assets.registry.history import History
from retrain_assets.registry.people import Approve, Hold, Release, Retire, Signature
from retrain_assets.resources import EVENT_TAG, MODEL_TAG, Clock
from retrain_assets.runner import RunEnd
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.verdict import CHECKS, Finding, GateWindow, Outcome, Verdict
from retrain_assets.wording import in_words
from retrain_assets_tests.registry.verdicts import content, no_rest
from retrain_assets_tests.small_world import failure_of, make_world, open_world, rows_of

MODEL = "delivery"
NEXT_WEEK = "2024-02-26T00:00:00"


def verdict(built, week, candidate):
    """What a gate would have written that let a bad model pass."""
    start, end = built.spec.period.bounds(week)
    return Verdict(
        model=MODEL,
        period=week,
        findings=tuple(Finding(check, Outcome.PASS, "passed") for check in CHECKS),
        gate=GateWindow((week,), start.isoformat(), end.isoformat(), 100, "f" * 64),
        candidate_digest=candidate,
        champion_digest=built.registry.live().digest,
        policy_sha256=built.spec.policy_sha256,
        code_version="test",
        evidence={
            "baseline": built.registry.verdict(built.registry.live()).evidence["baseline"],
            "trained_until": start.isoformat(),
            "probation": {"block_days": 1, "autocorrelation": 0.0, "loss_cap": 200.0},
        },
    )


def promote(built, judged, at, **how):
    """Write a verdict down and promote its candidate, whatever its probe would say."""
    built.registry.record(judged, at=at, actor="test")
    how |= {"policy_sha256": built.spec.policy_sha256, "probe": content, "rest": no_rest}
    built.registry.promote(judged, judged.champion_digest, at=at, actor="test", **how)


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """v1 is a real model; v2, which says the same of every parcel, replaces it in week six and serves week seven."""
    with dg.DagsterInstance.ephemeral() as instance:
        built = make_world(tmp_path_factory.mktemp("story"), rows_of(8), instance)
        built.bootstrapped()
        weeks = built.weeks(7)
        built.monitor(weeks[5:6])
        registry = built.registry
        bad = registry.add(fallback_files(registry.read(registry.live().digest)) | {"note.txt": b"a bad deploy"})
        promote(built, verdict(built, weeks[5], bad), built.spec.period.bounds(weeks[5])[1])
        built.monitor(weeks[6:7])
        yield built


@pytest.fixture
def own(story, tmp_path):
    """The same story in files and a run history of its own, which begins empty."""
    shutil.copytree(story.folder, tmp_path / "own")
    with dg.DagsterInstance.ephemeral() as instance:
        yield open_world(tmp_path / "own", instance)


@pytest.fixture
def watched(story, tmp_path):
    """The same story in files of its own, with the run history that the sensors read."""
    shutil.copytree(story.folder, tmp_path / "watched")
    return open_world(tmp_path / "watched", story.instance)


def tick(built, sensor, cursor=None, now="2024-02-19T00:00:00"):
    found = built.defs.resolve_sensor_def(f"{MODEL}__{sensor}")
    resources = {"home": built.defs.resources["home"], "clock": Clock(replay_at=now)}
    with dg.build_sensor_context(
        built.instance, cursor=cursor, definitions=built.defs, sensor_name=found.name, resources=resources
    ) as context:
        return found.evaluate_tick(context)


def report(built, week):
    return built.store.read_json("probation_report", week)


def back(built, **changes):
    arguments = {
        "reason": "complaints",
        "at": datetime(2024, 3, 1),
        "actor": "ann",
        "period": built.weeks(7)[-1],
        "expected_live": built.registry.live().digest,
        "person": True,
    }
    return roll_back(built.registry, **{**arguments, **changes})


# ---- the report


def test_the_report_holds_what_both_models_lose_on_the_same_newly_labelled_rows(story):
    week = story.weeks(7)[-1]
    record = report(story, week)
    rows = rows_of(8)
    start, end = story.spec.period.bounds(week)
    known = rows[(rows["at"] >= start) & (rows["at"] < end) & (rows["at"] + np.timedelta64(1, "D") < end)]
    bad, good = (
        Scorer.from_files(story.registry.read(version.digest)) for version in reversed(story.registry.versions())
    )
    table = pa.Table.from_pandas(known)
    losses = [np.minimum(np.abs(model.scores(table) - known.minutes), 200.0) for model in (bad, good)]
    daily = (losses[0] - losses[1]).groupby(known["at"].dt.date).mean()
    assert record["rows"] == len(known)
    assert [record["loss"], record["previous_loss"]] == pytest.approx([losses[0].mean(), losses[1].mean()])
    assert record["blocks"] == pytest.approx(daily.tolist())
    assert record["status"] == "harmed"
    assert "v2 is worse than v1: roll it back" in record["sentence"]


def test_a_report_made_again_is_the_same(own):
    week = own.weeks(7)[-1]
    before = report(own, week)
    probation(own.spec).report(own.store, own.registry, week)
    assert report(own, week) == before


def test_a_week_without_a_comparison_says_why_and_scores_nothing(story):
    weeks = story.weeks(6)
    assert report(story, weeks[0])["sentence"] == f"{weeks[0]}: no probation: no model was in charge"
    assert report(story, weeks[5])["sentence"] == f"{weeks[5]}: nothing to compare: v1 is the first model"
    assert "blocks" not in report(story, weeks[5])


def test_the_next_week_adds_only_what_is_new(own):
    weeks = own.weeks(8)
    result = own.run("monitor", weeks[7], assets=["raw_data", "outcomes", "probation_report"])
    assert result.success, failure_of(result)
    before, after = report(own, weeks[6]), report(own, weeks[7])
    assert after["blocks"][: len(before["blocks"])] == before["blocks"]
    assert len(after["blocks"]) == len(before["blocks"]) + 7
    assert after["rows_total"] == before["rows_total"] + after["rows"]
    assert after["late_rows"] == 0


def test_an_outcome_for_a_closed_day_is_counted_and_left_out(own):
    weeks = own.weeks(8)
    first = report(own, weeks[6])
    own.run("monitor", weeks[7], assets=["raw_data", "outcomes"])
    arrived = own.store.require_table("outcomes", weeks[7])
    seen = own.store.require_table("outcomes", weeks[6])
    late = seen.filter(pc.greater_equal(seen["time"], own.spec.period.bounds(weeks[6])[0]))
    kept = seen.filter(pc.invert(pc.is_in(seen["id"], late.slice(0, 5)["id"].combine_chunks())))
    own.store.write_table("outcomes", weeks[6], kept)
    probation(own.spec).report(own.store, own.registry, weeks[6])
    own.store.write_table("outcomes", weeks[7], pa.concat_tables([arrived, late.slice(0, 5)]))
    record = probation(own.spec).report(own.store, own.registry, weeks[7])
    assert record["late_rows"] == 5
    assert record["blocks"][: len(first["blocks"])] == report(own, weeks[6])["blocks"]
    assert record["rows"] == arrived.num_rows


# ---- the end of a probation


def with_one_day_of_outcomes(built, week):
    """The outcomes of a week are those of its first day alone."""
    seen = built.store.require_table("outcomes", week)
    start = built.spec.period.bounds(week)[0]
    few = pc.and_(pc.greater_equal(seen["time"], start), pc.less(seen["time"], start + timedelta(days=1)))
    built.store.write_table("outcomes", week, seen.filter(few))


def test_a_probation_without_enough_blocks_goes_on_and_then_ends_unproven_with_an_alert(own):
    weeks = own.weeks(10)
    spec = own.spec.model_copy(update={"probation": ProbationPolicy(periods=1)})
    with_one_day_of_outcomes(own, weeks[6])
    asked = [probation(spec).report(own.store, own.registry, week) for week in weeks[6:]]
    assert [record["status"] for record in asked] == ["open", "open", "unproven", "idle"]
    assert [len(record["blocks"]) for record in asked[:3]] == [1, 1, 1]
    longer = f"goes on beyond {weeks[6]}, for 7 blocks are needed to find a harm, at the latest until {weeks[8]}"
    assert asked[0]["sentence"].endswith(longer)
    assert asked[2]["sentence"].endswith(
        "after 1 block of 1 day: the probation of v2 ends unproven, for 7 blocks are needed to find a harm; v2 stays "
        "live"
    )
    assert asked[3]["sentence"] == f"{weeks[9]}: no probation: that of v2 ended unproven in {weeks[8]}"
    assert own.registry.live().name == "v2"
    run = dg.DagsterRun(f"{MODEL}__monitor", tags={"dagster/partition": weeks[8], MODEL_TAG: MODEL})
    (alert,) = success_alerts(run, frame_of(spec), own.defs.resources["home"], Clock(replay_at=NEXT_WEEK))
    assert (alert.kind, alert.sentence) == ("probation", asked[2]["sentence"])
    told = in_words(explained(MODEL, own.registry, own.store, own.spec.period, "v2"))
    assert f"Its probation ended unproven in {weeks[8]}" in told


def test_a_probation_that_was_too_short_is_decided_as_soon_as_the_blocks_are_there(own):
    weeks = own.weeks(8)
    spec = own.spec.model_copy(update={"probation": ProbationPolicy(periods=1)})
    with_one_day_of_outcomes(own, weeks[6])
    probation(spec).report(own.store, own.registry, weeks[6])
    own.run("monitor", weeks[7], assets=["raw_data", "outcomes"])
    record = probation(spec).report(own.store, own.registry, weeks[7])
    assert record["status"] == "harmed"


def test_a_probation_that_is_blind_at_its_end_has_proved_nothing(own):
    week = own.weeks(7)[-1]
    spec = own.spec.model_copy(update={"probation": ProbationPolicy(periods=1)})
    damage(own, own.registry.versions()[0])
    record = probation(spec).report(own.store, own.registry, week)
    assert record["status"] == "unproven"
    assert record["sentence"].endswith("; its probation ends unproven")


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
    live, event = watched.registry.live(), watched.registry.history()[-1]
    assert (live.name, live.digest) == ("v1", good.digest)
    assert watched.registry.read(live.digest)["model.bst"] != watched.registry.read(bad.digest)["model.bst"]
    assert (event.action, event.period, event.actor.split(",")[0]) == ("rolled_back", week, "probation")
    assert "v2 is worse than v1" in event.reason
    assert bad.digest in History(watched.registry.history()).quarantined
    assert watched.registry.verify() == []
    told = in_words(explained(MODEL, watched.registry, watched.store, watched.spec.period))
    assert "v2 was rolled back to v1" in told
    ended = RunEnd(result.run_id, True, "rolled_back", "")
    assert decision(watched.registry, week, ended).startswith("rolled_back v1: ")
    assert [item["id"] for item in watched.store.read_json("suite_proposals", week)["proposals"]]
    home, clock = watched.defs.resources["home"], Clock(replay_at="2024-02-19T00:00:00")
    run = watched.instance.get_run_by_id(result.run_id)
    publish_all(success_alerts(run, frame_of(watched.spec), home, clock), home)
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


def test_a_rollback_that_failed_is_asked_for_again_ever_more_patiently(own, monkeypatch):
    (request,) = tick(own, "rollback_trigger").run_requests
    versions = own.folder / "home" / "registry" / MODEL / "versions"
    damaged = versions / own.registry.versions()[0].digest / "model.bst"
    good = damaged.read_bytes()
    damaged.write_bytes(good[:-1])
    failed = own.run("rollback", None, run_config=dict(request.run_config), tags=dict(request.tags))
    assert not failed.success
    assert "1 rollback run(s) failed; the next begins in" in tick(own, "rollback_trigger").skip_message
    damaged.write_bytes(good)
    later = time.time() + 61
    monkeypatch.setattr("retrain_assets.production.sensors.time.time", lambda: later)
    (again,) = tick(own, "rollback_trigger").run_requests
    assert again.run_key != request.run_key
    result = own.run("rollback", None, run_config=dict(again.run_config), tags=dict(again.tags))
    assert result.success, failure_of(result)
    assert own.registry.live().name == "v1"


def test_a_retired_model_has_no_probation_and_no_alarm(own):
    own.registry.rule(Retire(Signature("ann", "the product ends", datetime(2024, 2, 19), own.weeks(7)[-1])))
    record = probation(own.spec).report(own.store, own.registry, own.weeks(8)[-1])
    assert record["sentence"] == f"{own.weeks(8)[-1]}: no probation: the model was retired in {own.weeks(7)[-1]}"


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


def promote_twin(own):
    files = own.registry.read(own.registry.live().digest)
    twin = own.registry.add({**files, "note.txt": b"the same trees"})
    week = own.weeks(7)[-1]
    promote(own, verdict(own, week, twin), datetime(2024, 2, 19))


def test_a_rollback_to_the_very_same_model_says_that_nothing_changed(own):
    promote_twin(own)
    with pytest.raises(NothingChanged, match="nothing changed for anybody"):
        back(own)


def test_the_monitor_run_says_that_a_probation_found_harm(story):
    run = dg.DagsterRun(f"{MODEL}__monitor", tags={"dagster/partition": story.weeks(7)[-1], MODEL_TAG: MODEL})
    home, clock = story.defs.resources["home"], Clock(replay_at="2024-02-19T00:00:00")
    kinds = [alert.kind for alert in success_alerts(run, frame_of(story.spec), home, clock)]
    assert "probation" in kinds
    assert [a.kind for a in failure_alerts(story.instance, run, frame_of(story.spec), home, clock)] == [
        "crash",
        "probation",
    ]


# ---- who is told


def launched(built, **config):
    """A rollback as somebody launches the job: by hand, or as the command line does."""
    config = {"reason": "complaints", "expected_live": built.registry.live().digest, **config}
    ops = {f"{MODEL}__roll_back": {"config": config}}
    return built.run("rollback", None, run_config={"ops": ops})


def told(built, kind="rolled_back"):
    return [alert for alert in read(built.folder / "home") if alert.kind == kind]


@pytest.mark.parametrize("config", [{}, {"person": "ann"}])
def test_a_rollback_that_somebody_launches_is_one_alert_with_and_without_a_daemon(own, config):
    result = launched(own, **config)
    assert result.success, failure_of(result)
    (alert,) = told(own)
    assert (alert.period, alert.sentence) == (own.weeks(7)[-1], "v1 is live, it was v2: complaints")
    home, clock = own.defs.resources["home"], Clock(replay_at=NEXT_WEEK)
    monitor = dg.DagsterRun(f"{MODEL}__monitor", tags={"dagster/partition": own.weeks(8)[-1], MODEL_TAG: MODEL})
    for run in (own.instance.get_run_by_id(result.run_id), monitor):
        publish_all(success_alerts(run, frame_of(own.spec), home, clock), home)
    assert told(own) == [alert]


def test_a_rollback_whose_process_died_before_it_told_is_told_with_the_next_monitoring(own):
    back(own)  # the function alone, as a program may call it
    assert told(own) == []
    home, clock = own.defs.resources["home"], Clock(replay_at=NEXT_WEEK)
    monitor = dg.DagsterRun(f"{MODEL}__monitor", tags={"dagster/partition": own.weeks(8)[-1], MODEL_TAG: MODEL})
    for _ in range(2):
        publish_all(success_alerts(monitor, frame_of(own.spec), home, clock), home)
    assert [alert.sentence for alert in told(own)] == ["v1 is live, it was v2: complaints"]


def test_a_rollback_that_cannot_be_told_stands_and_is_logged(own, monkeypatch, caplog):
    monkeypatch.setattr("retrain_assets.production.notices.publish", lambda *_: (_ for _ in ()).throw(OSError("full")))
    result = launched(own)
    assert result.success, failure_of(result)
    assert own.registry.live().name == "v1"
    assert f"{MODEL}: a rollback could not be told: OSError: full" in caplog.text


def test_a_rollback_to_the_very_same_model_is_told_too_for_the_pointer_moved(own):
    promote_twin(own)
    result = launched(own)
    assert "nothing changed for anybody" in failure_of(result)
    assert [alert.sentence for alert in told(own)] == ["v2 is live, it was v3: complaints"]


def test_a_promotion_that_is_read_after_a_rollback_is_told_as_a_promotion(own):
    promotion = next(event for event in own.registry.history() if event.action == "promoted")
    run = dg.DagsterRun(f"{MODEL}__retrain", tags={MODEL_TAG: MODEL, EVENT_TAG: str(promotion.seq)})
    back(own)
    home, clock = own.defs.resources["home"], Clock(replay_at=NEXT_WEEK)
    (alert,) = success_alerts(run, frame_of(own.spec), home, clock)
    assert (alert.kind, alert.period, alert.at) == ("promoted", promotion.period, promotion.at.isoformat())
    assert alert.sentence.startswith("v2 is live, it was v1")
    assert success_alerts(dg.DagsterRun(f"{MODEL}__retrain"), frame_of(own.spec), home, clock) == []


# ---- a promotion that a person approved


def test_what_a_person_approved_is_withdrawn_when_harm_is_proven_and_a_hold_keeps_it(own):
    weeks, registry = own.weeks(8), own.registry
    files = registry.read(registry.live().digest)
    training = json.loads(files["training.json"])
    worse = fallback_files(files | {"training.json": json.dumps(training | {"baseline": 150.0}).encode()})
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
    assert alert.sentence.endswith("v3 had been promoted on the approval of ann")


# ---- tripwires


def damage(built, version):
    path = built.registry.folder / "versions" / version.digest / "model.bst"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-100])


def test_a_model_that_does_not_load_asks_at_once_for_the_period_that_it_did_not_serve(own):
    weeks = own.weeks(8)
    damage(own, own.registry.live())
    result = own.run("monitor", weeks[7])
    assert not result.success  # it cannot score the week, yet the report is there
    record = report(own, weeks[7])
    assert record["status"] == "tripwire"
    assert "v2 must go at once: it does not load (IntegrityError" in record["sentence"]
    assert record["decided_in"] == weeks[6]
    assert back(own, period=record["decided_in"], actor="run 1", person=False).to_version == "v1"
    assert own.registry.served_in(weeks[7]).name == "v1"


def test_nothing_can_be_told_where_the_previous_version_fails_too(own):
    week = own.weeks(7)[-1]
    good, bad = own.registry.versions()
    damage(own, good)
    record = probation(own.spec).report(own.store, own.registry, week)
    assert record["status"] == "blind"
    damage(own, bad)
    assert probation(own.spec).report(own.store, own.registry, week)["status"] == "blind"


def limited(built, limits):
    """The probation report of week seven with hard limits of the mean score."""
    spec = built.spec.model_copy(update={"probation": ProbationPolicy(score_rate=limits)})
    return probation(spec).report(built.store, built.registry, built.weeks(7)[-1])


def test_a_mean_score_outside_its_limits_is_a_tripwire(own):
    week = own.weeks(7)[-1]
    previous = Scorer.from_files(own.registry.read(own.registry.versions()[0].digest))
    rows = own.store.require_table("raw_data", week, list(previous.contract.names))
    live = float(own.store.require_table("predictions", week)["score"].to_numpy().mean())
    middle = (live + float(previous.scores(rows).mean())) / 2
    limits = ScoreRate(at_most=middle) if live > middle else ScoreRate(at_least=middle)
    record = limited(own, limits)
    assert record["status"] == "tripwire"
    assert f"its mean score {live:.4g} is outside" in record["sentence"]
    assert record["decided_in"] == week


def test_limits_that_the_previous_version_breaks_too_withdraw_nothing(own):
    record = limited(own, ScoreRate(at_least=0.0, at_most=1.0))
    assert record["status"] == "blind"
    assert record["sentence"].count("is outside 0.0 to 1.0") == 2


def test_scores_that_are_not_finite_are_a_tripwire(own):
    week = own.weeks(7)[-1]
    served = own.store.require_table("predictions", week)
    (name,) = [column for column in served.column_names if column.startswith("score")]
    scores = served[name].to_numpy().copy()
    scores[:3] = [np.nan, np.inf, -np.inf]
    at = served.column_names.index(name)
    own.store.write_table("predictions", week, served.set_column(at, name, pa.array(scores)))
    record = probation(own.spec).report(own.store, own.registry, week)
    assert record["status"] == "tripwire"
    assert f"v2 must go at once: 3 of {len(scores)} scores are not finite; v1 answers" in record["sentence"]
    assert record["decided_in"] == week


def test_a_model_that_reads_a_column_which_is_not_there_is_a_tripwire(own):
    weeks, registry = own.weeks(8), own.registry
    files = registry.read(registry.live().digest)
    contract = json.loads(files["features.json"])
    contract["names"].append("humidity")
    contract["kinds"]["humidity"] = "numeric"
    thirsty = registry.add(files | {"features.json": json.dumps(contract).encode()})
    promote(own, verdict(own, weeks[6], thirsty), own.spec.period.bounds(weeks[6])[1])
    assert own.run("monitor", weeks[7], assets=["raw_data", "outcomes"]).success
    record = probation(own.spec).report(own.store, registry, weeks[7])
    assert record["status"] == "tripwire"
    assert "v3 must go at once: its feature contract is broken" in record["sentence"]
    assert "humidity" in record["sentence"]
    assert record["decided_in"] == weeks[6]


# ---- the fallback, and what follows


def test_the_first_model_falls_back_to_the_stored_constant_which_serves_and_asks_to_be_replaced(own):
    week = own.weeks(7)[-1]
    back(own)
    assert own.registry.rollback_target().name == "v0"
    event = back(own)
    live = own.registry.live()
    assert (event.to_version, live.name, live.number) == ("v0", "v0", 0)
    files = own.registry.read(live.digest)
    constant = json.loads(files["training.json"])["baseline"]
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
    assert not result.success
    assert "CoolingDown" in failure_of(result)
    assert f"after the rollback of v2 in {weeks[6]} the model rests" in failure_of(result)
    assert own.registry.spent() == spent
