"""A fault in the outcomes, from its arrival to the release: the alert, the hold, and no retrain behind it.

In the same week most ways are short, so that the reports have a change to lead with.
"""

import dagster as dg
import pandas as pd
import pytest

from benchmarks.worlds.parcels import SPEC, make_world, rows_of
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.monitoring.triggers.decision import NoRetrain
from retrain_assets.pipeline import frame_of, watch
from retrain_assets.production.sensors import success_alerts
from retrain_assets.registry.rulings import Release, Signature
from retrain_assets_tests.past_worlds import undrawn

CHANGES = {"training": SPEC["training"] | {"max_rounds": 20}}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Five good weeks with a first model, and a sixth whose minutes were booked as seconds."""
    rows = rows_of(6)
    late = rows["at"] >= pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=5)
    rows.loc[late, "minutes"] *= 60
    rows.loc[late & (rows["id"] % 4 > 0), "distance"] *= 0.2
    with dg.DagsterInstance.ephemeral() as instance:
        with undrawn():
            world = make_world(tmp_path_factory.mktemp("faulty"), rows, instance, **CHANGES)
            world.bootstrapped()
            week = world.weeks(6)[-1]
            result = world.run("monitor", week)
            assert result.success
        yield world, week, result


def test_the_record_and_the_page_name_the_jump_first(faulty):
    world, week, result = faulty
    record = world.store.read_json("performance_report", week)
    assert record["label_jump"]["what"] == "mean label"
    assert record["sentence"].startswith(f"{week}: mean label jumped from ")
    (materialization,) = result.asset_materializations_for_node(f"{world.spec.name}__performance_report")
    assert "promotion is held until a person releases it" in materialization.metadata["summary"].value


def test_the_drift_report_leads_with_what_changed_and_since_when(faulty):
    world, week, _ = faulty
    record = world.store.read_json("drift_report", week)
    (change,) = record["impact"]
    assert (change["column"], change["since"]) == ("distance", week)
    assert change["weight"] == pytest.approx(change["importance"] * change["effect"])
    assert record["sentence"].startswith("distance (")
    assert "What it costs is in the performance report once outcomes are there." in record["sentence"]


def test_the_performance_report_counts_what_the_grown_part_lost(faulty):
    world, week, _ = faulty
    record = world.store.read_json("performance_report", week)
    (cost,) = record["impact"]
    assert cost["column"] == "distance"
    assert cost["excess"] == pytest.approx(cost["rows"] * (cost["loss"] - cost["rest"]))
    assert cost["rows"] < record["report"]["rows"]
    assert "distance (" in record["sentence"]


def test_the_excess_of_suspected_outcomes_is_told_and_set_aside(faulty):
    world, week, _ = faulty
    record = world.store.read_json("performance_report", week)
    assert record["suspected_excess"] == pytest.approx(record["report"]["excess_sum"])
    assert record["suspected_excess"] > 0
    assert record["accumulated_excess"] < record["suspected_excess"]
    assert "of suspected outcomes" in record["report"]["sentence"]


def test_one_alert_of_its_own_kind_comes(faulty):
    world, week, result = faulty
    home = Home(path=str(world.folder / "home"))
    run = result.dagster_run.with_tags({"dagster/partition": week})
    alerts = success_alerts(world.instance, run, frame_of(world.spec), home, Clock(replay_at="2024-02-12"))
    (jump,) = [alert for alert in alerts if alert.kind == "label_jump"]
    assert "more often a fault in the data than a change of the world" in jump.sentence


def test_the_loss_that_the_fault_makes_starts_no_retrain_before_a_person_releases(faulty):
    world, week, _ = faulty
    decision = watch(world.spec).decide(world.store, world.registry, week)
    assert isinstance(decision, NoRetrain)
    assert "of outcomes that look faulty, counts once released: held by monitor until somebody" in decision.reason
    events = len(world.registry.history())
    assert world.run("monitor", week).success
    assert len(world.registry.history()) == events
    at = world.spec.period.bounds(week)[1]
    world.registry.rule(Release(Signature("ann", "the feed is mended", at, week)))
    assert world.run("monitor", week).success
    assert len(world.registry.history()) == events + 1
    record = world.store.read_json("performance_report", week)
    assert record["accumulated_excess"] == pytest.approx(record["report"]["excess_sum"])
    assert record["suspected_excess"] == 0
    assert not str(getattr(watch(world.spec).decide(world.store, world.registry, week), "reason", "")).startswith(
        "held"
    )
