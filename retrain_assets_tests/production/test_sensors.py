"""The alerts of finished runs: one for each promotion, refusal, crossed threshold, rollback and crash."""

from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.worlds.parcels import SPEC, failure_of
from retrain_assets.alerts import LONGEST, read
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.pipeline import frame_of, watch
from retrain_assets.production.sensors import failure_alerts, publish_all, success_alerts

# Apprise imports a module of the standard library that Python 3.13 drops, to fill in for it there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MODEL = "delivery"


def alerts_of(world, result, publishing=True):
    """The alerts of a finished run, published as the sensors do."""
    run = world.instance.get_run_by_id(result.run_id)
    home, clock = world.defs.resources["home"], Clock(replay_at="2024-03-01T00:00:00")
    frame = frame_of(world.spec)
    if result.success:
        found = success_alerts(world.instance, run, frame, home, clock)
    else:
        found = failure_alerts(world.instance, run, frame, home, clock)
    if publishing:
        publish_all(found, home)
    return found


def home_of(world):
    return Path(world.defs.resources["home"].path)


def test_a_promotion_a_rejection_and_a_crash_are_three_different_alerts(world_after):
    built = world_after(5, retrained=())
    weeks = built.weeks(7)
    promoted = built.run("retrain", weeks[4])
    (promotion,) = alerts_of(built, promoted)
    built.monitor(weeks[5:])
    (rejection,) = alerts_of(built, built.run("retrain", weeks[6]))
    (built.folder / "rows.parquet").unlink()
    (crash,) = alerts_of(built, built.run("monitor", built.weeks(8)[-1]))
    assert (promotion.kind, promotion.period) == ("promoted", weeks[4])
    assert promotion.sentence.startswith("v1 is live, no version was before: MAE ")
    assert (rejection.kind, rejection.period) == ("rejected", weeks[6])
    assert rejection.sentence == built.registry.history()[-1].reason
    assert (crash.kind, crash.period) == ("crash", built.weeks(8)[-1])
    assert crash.sentence.startswith("delivery__monitor failed: ")
    assert "rows.parquet: no such file. Name an existing file" in crash.sentence
    assert [alert.kind for alert in read(home_of(built))] == ["promoted", "rejected", "crash"]


def test_a_fact_is_published_once_however_often_a_run_is_read(world_after):
    built = world_after(5, retrained=())
    weeks = built.weeks(5)
    result = built.run("retrain", weeks[-1])
    for _ in range(3):
        alerts_of(built, result)
    assert len(read(home_of(built))) == 1


def test_a_promotion_repeated_by_hand_is_no_second_promotion(world_after):
    built = world_after(5)
    week = built.weeks(5)[-1]
    alerts_of(built, built.run("retrain", week, assets=["production_model"]))
    alerts_of(built, built.run("retrain", week, assets=["production_model"]))
    assert len(read(home_of(built))) == 1


def test_a_refused_contract_is_told_in_the_words_of_the_contract(world):
    built = world(contract={"min_rows": 5000})
    (alert,) = alerts_of(built, built.run("monitor", "2024-01-01"))
    assert alert.kind == "crash"
    assert "rows.parquet, 2024-01-01: 420 usable rows, 5,000 needed" in alert.sentence
    assert "dagster._core" not in alert.sentence


def test_loss_beyond_its_baseline_is_an_alert_and_a_quiet_week_is_none(world_after):
    built = world_after(5, slower_from=6)
    quiet, slow = built.weeks(7)[5:]
    assert [alert.kind for alert in alerts_of(built, built.run("monitor", quiet))] == []
    found = {alert.kind: alert for alert in alerts_of(built, built.run("monitor", slow))}
    assert found["performance"].period == slow
    assert found["performance"].fact == built.store.read_json("performance_report", slow)["report"]["sentence"]
    assert found["performance"].fact.startswith(found["performance"].sentence.rstrip("."))
    assert len(found["performance"].sentence) <= LONGEST


def test_a_business_metric_beyond_its_threshold_is_a_series_an_alert_and_a_trigger(world_after):
    late = {
        "name": "late_share",
        "expression": "share(label > 30 and vehicle == 'bike')",
        "unit": "share",
        "better": "lower",
        "threshold": 0.05,
    }
    triggers = SPEC["triggers"] | {"on_business_metrics": ["late_share"], "patience": 1, "retrain_cost": 1e9}
    built = world_after(5, business_metrics=[late], triggers=triggers)
    week = built.weeks(6)[-1]
    result = built.run("monitor", week)
    (one,) = built.store.read_json("performance_report", week)["business"]
    assert (one["outcome"], one["periods"]) == ("warn", 1)
    found = result.asset_materializations_for_node(f"{MODEL}__performance_report")[0].metadata
    assert found["late_share"].value == pytest.approx(one["value"], rel=1e-3)
    assert one["value"] > 0.05
    sentences = [alert.sentence for alert in alerts_of(built, result) if alert.kind == "business"]
    assert sentences == [one["sentence"]]
    assert one["sentence"].endswith("above the limit of 5 %.")
    evidence = watch(built.spec).evidence(built.store, built.registry, week)
    assert evidence.business == {"late_share": 1}


def test_a_rollback_is_an_alert(world_after):
    built = world_after(8, slower_from=5)
    weeks = built.weeks(8)
    result = built.run("retrain", weeks[-1])
    assert result.success, failure_of(result)
    (promotion,) = alerts_of(built, result)
    ops = {"delivery__roll_back": {"config": {"reason": "drivers complain", "expected_live": "v2"}}}
    (alert,) = alerts_of(built, built.run("rollback", None, run_config={"ops": ops}))
    assert promotion.sentence.startswith("v2 is live, it was v1")
    asked = "Nothing to do now; team:tests looks at v2."
    assert (alert.kind, alert.sentence) == ("rolled_back", f"v2 was rolled back, v1 is live: drivers complain. {asked}")


def test_the_sensor_itself_sends_what_a_failed_run_has_to_tell(world, receiver, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    built = world(contract={"min_rows": 5000})
    result = built.run("monitor", "2024-01-01")
    sensor = built.defs.resolve_sensor_def(f"{MODEL}__alerts_failed")
    run = built.instance.get_run_by_id(result.run_id)
    (ended,) = (event for event in result.all_events if event.event_type_value == "PIPELINE_FAILURE")
    resources = {"home": built.defs.resources["home"], "clock": Clock()}
    with dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_instance=built.instance,
        dagster_run=run,
        dagster_event=ended,
        resources=resources,
    ) as context:
        sensor(context)
    assert [message["title"] for message in received] == ["delivery 2024-01-01: crash"]


def test_an_alert_tells_when_it_was_seen(world):
    built = world(contract={"min_rows": 5000})
    (alert,) = alerts_of(built, built.run("monitor", "2024-01-01"))
    assert datetime.fromisoformat(alert.at) == datetime(2024, 3, 1)
