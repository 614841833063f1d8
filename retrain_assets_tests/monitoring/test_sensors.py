"""The sensors that ask for monitoring and retrain runs: when, for which period, and what they say otherwise."""

import os
import sqlite3
from datetime import datetime

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.worlds.parcels import SPEC, make_world, rows_of
from retrain_assets.alerts import read
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.dagster_glue.tags import MODEL_TAG, TURN_TAG
from retrain_assets.monitoring import sensors
from retrain_assets.pipeline import frame_of
from retrain_assets.production.sensors import failure_alerts

MODEL = "delivery"
WAITS = (
    "waits for its first run, which a person starts. Start it with `retrain replay delivery`, or run "
    "delivery__monitor for 2024-01-01 in the UI; the later periods follow by themselves."
)


@pytest.fixture
def unstarted(tmp_path, instance):
    """Builds a model that nobody has started."""

    def build(weeks=9, **changes):
        return make_world(tmp_path, rows_of(weeks), instance, **changes)

    return build


@pytest.fixture
def world(unstarted):
    """Builds a model that somebody has started, so far in vain."""

    def build(weeks=9, **changes):
        built = unstarted(weeks, **changes)
        run = dg.DagsterRun(f"{MODEL}__monitor", tags={MODEL_TAG: MODEL}, status=dg.DagsterRunStatus.FAILURE)
        built.instance.add_run(run)
        return built

    return build


def tick(world, sensor, now=None, cursor=None):
    """One evaluation of a sensor, as the daemon does it, at a moment."""
    found = world.defs.resolve_sensor_def(f"{MODEL}__{sensor}")
    resources = {"home": world.defs.resources["home"], "clock": Clock(replay_at=now)}
    with dg.build_sensor_context(
        world.instance, cursor=cursor, definitions=world.defs, sensor_name=found.name, resources=resources
    ) as context:
        return found.evaluate_tick(context)


def new_data(world, now):
    """The period that the sensor asks for, or why it asks for none."""
    data = tick(world, "new_data", now)
    return [request.partition_key for request in data.run_requests or ()] or data.skip_message


def test_a_model_that_nobody_started_waits_and_says_how_to_start_it(unstarted):
    built = unstarted(contract=SPEC["contract"] | {"max_delay": "2d"})
    assert new_data(built, "2024-02-20T00:00:00") == WAITS
    assert tick(built, "retrain_trigger").skip_message == WAITS
    assert read(built.folder / "home") == [], "nothing is overdue of a model that nobody started"


def test_the_sensors_take_a_model_over_after_its_first_run_by_hand(unstarted):
    built = unstarted()
    built.monitor(built.weeks(1))
    assert new_data(built, "2024-02-20T00:00:00") == ["2024-01-08"]
    assert tick(built, "retrain_trigger").skip_message.startswith("2024-01-01: ")


def test_the_sensors_take_over_after_a_first_run_that_failed(unstarted):
    built = unstarted(weeks=2, contract={"min_rows": 1_000_000})
    assert not built.run("monitor", "2024-01-01").success
    assert new_data(built, "2024-02-20T00:00:00") == ["2024-01-01"]


def test_the_run_of_another_model_starts_none(unstarted):
    built = unstarted()
    other = dg.DagsterRun("other__monitor", tags={MODEL_TAG: "other"}, status=dg.DagsterRunStatus.SUCCESS)
    built.instance.add_run(other)
    assert new_data(built, "2024-02-20T00:00:00") == WAITS


def test_nothing_is_asked_for_before_the_first_period_has_ended(world):
    assert new_data(world(), "2024-01-07T23:59:59") == "every period that has ended is monitored"


def test_only_the_next_ended_period_is_asked_for(world):
    built = world()
    assert new_data(built, "2024-01-08T00:00:00") == ["2024-01-01"]
    assert new_data(built, "2024-02-20T00:00:00") == ["2024-01-01"]
    built.monitor(["2024-01-01"])
    assert new_data(built, "2024-02-20T00:00:00") == ["2024-01-08"]
    assert new_data(built, "2024-01-14T00:00:00") == "every period that has ended is monitored"


def test_nothing_is_asked_for_after_the_end_of_the_calendar(world):
    built = world(weeks=2, period={"every": "week", "start": "2024-01-01", "end": "2024-01-15"})
    built.monitor(["2024-01-01", "2024-01-08"])
    assert new_data(built, "2025-01-01T00:00:00") == "every period that has ended is monitored"


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_it_waits_while_a_run_of_the_model_is_in_flight(world, status):
    built = world()
    run = dg.DagsterRun(f"{MODEL}__retrain", tags={MODEL_TAG: MODEL}, status=status)
    built.instance.add_run(run)
    assert new_data(built, "2024-01-08T00:00:00") == "a run of delivery is in flight; 2024-01-01 comes next"


@pytest.mark.parametrize(
    ("job", "tags"),
    [
        ("other__retrain", {MODEL_TAG: "other"}),
        (f"{MODEL}__score", {MODEL_TAG: MODEL, TURN_TAG: f"{MODEL} batches"}),
        (f"{MODEL}__backtest", {MODEL_TAG: MODEL, TURN_TAG: f"{MODEL} backtest"}),
    ],
)
def test_it_does_not_wait_for_the_run_of_another_model_or_one_that_takes_no_turn_with_it(world, job, tags):
    built = world()
    built.instance.add_run(dg.DagsterRun(job, tags=tags, status=dg.DagsterRunStatus.STARTED))
    assert new_data(built, "2024-01-08T00:00:00") == ["2024-01-01"]


def test_it_waits_for_the_retrain_that_is_due(world):
    built = world()
    weeks = built.weeks(7)
    built.monitor(weeks[:5])  # enough for a first model
    waiting = f"the retrain that {weeks[4]} asked for comes before {weeks[5]}"
    assert new_data(built, "2024-02-20T00:00:00") == waiting
    (request,) = tick(built, "retrain_trigger").run_requests
    assert request.partition_key == weeks[4]
    built.run("retrain", weeks[4], tags=dict(request.tags))
    assert new_data(built, "2024-02-20T00:00:00") == [weeks[5]]


def test_a_missing_source_is_said(world):
    built = world()
    path = built.folder / "rows.parquet"
    path.unlink()
    assert new_data(built, "2024-01-08T00:00:00") == (
        f"{path}: no such file. Name an existing file, or a glob that matches one: data/*.parquet."
    )


def test_a_period_is_asked_for_again_only_after_the_file_has_changed(world):
    built = world()
    path = built.folder / "rows.parquet"

    def key():
        (request,) = tick(built, "new_data", "2024-01-08T00:00:00").run_requests
        return request.run_key

    first = key()
    assert key() == first  # Dagster starts no second run for a key
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert key() != first


def test_a_query_is_asked_again_the_next_day_for_it_does_not_tell_that_its_rows_changed(world, tmp_path, monkeypatch):
    sql = {"sql": "SELECT * FROM parcels WHERE at >= :start AND at < :end", "url_env": "PARCELS_URL"}
    built = world(source=SPEC["source"] | {"features": sql})
    monkeypatch.setenv("PARCELS_URL", f"sqlite:///{tmp_path}/parcels.db")
    with sqlite3.connect(tmp_path / "parcels.db") as database:
        database.execute("CREATE TABLE parcels (id TEXT, at TEXT)")
        database.execute("INSERT INTO parcels VALUES ('1', '2024-01-03 08:00:00')")
    moments = ("2024-01-08T00:00:00", "2024-01-08T23:00:00", "2024-01-09T00:00:00")
    first, same_day, next_day = (tick(built, "new_data", moment).run_requests[0].run_key for moment in moments)
    assert first == same_day != next_day


def test_a_failed_period_stays_the_next_one(world):
    built = world()
    built.run("monitor", "2024-01-01")
    path = built.store.path("performance_report", "2024-01-01", "json")
    path.unlink()
    assert new_data(built, "2024-02-20T00:00:00") == ["2024-01-01"]


def test_a_period_without_rows_is_a_skipped_tick_with_its_date_and_an_alert_once_it_is_overdue(world):
    built = world(weeks=2, contract=SPEC["contract"] | {"max_delay": "2d"})
    built.monitor(["2024-01-01", "2024-01-08"])
    waits = "waits for the rows of the week of 15 January 2024, which ended on 2024-01-22"
    first = tick(built, "new_data", "2024-01-23T00:00:00")
    assert (first.run_requests or [], first.skip_message) == ([], waits)
    assert read(built.folder / "home") == []
    later = tick(built, "new_data", "2024-01-25T00:00:00", first.cursor)
    assert (later.run_requests or [], later.skip_message) == ([], waits)
    (alert,) = read(built.folder / "home")
    assert (alert.kind, alert.period) == ("stale", "2024-01-15")
    assert alert.sentence == (
        "The week of 15 January 2024 ended more than 2 days ago, and its rows are not there. "
        "Deliver them, or ask whoever does; monitoring goes on by itself."
    )


def test_a_gap_is_passed_over_once_it_is_overdue_and_later_rows_are_there(world):
    built = world(weeks=4, contract=SPEC["contract"] | {"max_delay": "10d"})
    built.monitor(["2024-01-01"])
    path = built.folder / "rows.parquet"
    rows = pq.read_table(path)
    inside = pc.and_(
        pc.greater_equal(rows["at"], pa.scalar(datetime(2024, 1, 8), rows["at"].type)),
        pc.less(rows["at"], pa.scalar(datetime(2024, 1, 15), rows["at"].type)),
    )
    pq.write_table(rows.filter(pc.invert(inside)), path)
    assert "waits for the rows of the week of 8 January 2024" in new_data(built, "2024-01-22T00:00:00")
    assert new_data(built, "2024-01-26T00:00:00") == ["2024-01-15"]


def test_rows_that_break_the_contract_until_they_are_overdue_are_an_alert_once(world):
    built = world(contract={"min_rows": 1_000_000, "max_delay": "2d"})
    request = tick(built, "new_data", "2024-01-08T00:00:00").run_requests[0]
    assert not built.run("monitor", "2024-01-01", tags={"dagster/run_key": request.run_key}).success
    assert new_data(built, "2024-01-09T23:00:00") == ["2024-01-01"]
    late = (
        "The week of 1 January 2024 ended more than 2 days ago, and a run of its rows failed. "
        "Look at the run, mend the rows."
    )
    assert [new_data(built, f"2024-01-{day}T01:00:00") for day in (10, 11)] == [late, late]
    assert [(alert.kind, alert.sentence) for alert in read(built.folder / "home")] == [("stale", late)]
    os.utime(built.folder / "rows.parquet", (1_700_000_000, 1_700_000_000))
    assert new_data(built, "2024-01-12T00:00:00") == ["2024-01-01"]


def test_the_trigger_says_what_it_waits_for_and_looks_at_a_report_once(world):
    built = world()
    assert tick(built, "retrain_trigger").skip_message == "no new performance report"
    built.monitor(built.weeks(1))
    first = tick(built, "retrain_trigger")
    assert first.run_requests == []
    assert first.skip_message.startswith("2024-01-01: ")
    assert "wait 4 weeks" in first.skip_message  # four weeks to train on, one to judge by
    assert tick(built, "retrain_trigger", cursor=first.cursor).skip_message == "no new performance report"


def test_the_trigger_waits_for_a_run_in_flight_without_forgetting_the_report(world_after):
    built = world_after(5, retrained=())
    run = dg.DagsterRun(f"{MODEL}__monitor", tags={MODEL_TAG: MODEL}, status=dg.DagsterRunStatus.STARTED)
    built.instance.add_run(run)
    waiting = tick(built, "retrain_trigger")
    assert "in flight" in waiting.skip_message
    assert waiting.cursor is None
    built.instance.delete_run(run.run_id)
    (request,) = tick(built, "retrain_trigger").run_requests
    assert request.tags["retrain/trigger"] == "bootstrap"


# ---- runs that were killed


def test_a_monitoring_run_that_was_killed_is_started_again_each_time_later_and_told(world, monkeypatch):
    built = world()
    keys = [tick(built, "new_data", "2024-01-08T00:00:00").run_requests[0].run_key]
    frame, home = frame_of(built.spec), built.defs.resources["home"]
    for number in range(3):
        tags = {MODEL_TAG: MODEL, "dagster/partition": "2024-01-01"}
        run = dg.DagsterRun(f"{MODEL}__monitor", tags=tags, status=dg.DagsterRunStatus.NOT_STARTED)
        built.instance.add_run(run)
        built.instance.report_run_failed(run, "gone")
        if number:
            left = f"{number + 1} runs of 2024-01-01 were killed; the next begins in"
            assert new_data(built, "2024-01-08T00:00:00").startswith(left)
        monkeypatch.setattr(sensors, "FIRST_RETRY_SECONDS", 0.0)
        keys.append(tick(built, "new_data", "2024-01-08T00:00:00").run_requests[0].run_key)
        monkeypatch.undo()
    assert len(set(keys)) == 4
    (alert,) = failure_alerts(built.instance, run, frame, home, Clock(replay_at="2024-01-08T00:00:00"))
    assert alert.sentence == f"{MODEL}__monitor of 2024-01-01 was killed before it ended. It is started again by itself"


def test_a_monitoring_run_that_failed_by_itself_is_not_started_again_on_the_same_rows(unstarted):
    built = unstarted(weeks=2, contract={"min_rows": 1_000_000})
    keys = []
    for _ in range(2):
        assert not built.run("monitor", "2024-01-01").success
        keys.append(tick(built, "new_data", "2024-01-08T00:00:00").run_requests[0].run_key)
    assert len(set(keys)) == 1


def test_a_retrain_that_was_killed_is_asked_for_once_more_and_told(world):
    built = world()
    frame, home, clock = frame_of(built.spec), built.defs.resources["home"], Clock(replay_at="2024-03-01T00:00:00")
    why = {"retrain/trigger_id": "excess:1", "retrain/trigger": "excess_loss", MODEL_TAG: MODEL}
    tags = {**why, "dagster/partition": "2024-01-29"}
    first = dg.DagsterRun(f"{MODEL}__retrain", tags=tags, status=dg.DagsterRunStatus.FAILURE)
    built.instance.add_run(first)
    (request,) = tick(built, "retrain_trigger").run_requests
    assert (request.partition_key, request.run_key) == ("2024-01-29", f"{first.run_id}:again")
    assert why.items() <= request.tags.items()
    (alert,) = failure_alerts(built.instance, first, frame, home, clock)
    assert (alert.kind, alert.sentence) == (
        "crash", f"{MODEL}__retrain of 2024-01-29 was killed before it ended. It is asked for once more by itself",
    )  # fmt: skip
    again = dg.DagsterRun(
        f"{MODEL}__retrain", tags=dict(request.tags) | {"dagster/partition": "2024-01-29"}, status=first.status
    )
    built.instance.add_run(again)
    assert tick(built, "retrain_trigger").run_requests == []
    (alert,) = failure_alerts(built.instance, again, frame, home, clock)
    assert "killed before it ended, for the second time. It is not asked for again" in alert.sentence


@pytest.mark.parametrize("outcome", ["refused", "rejected"])
def test_a_retrain_that_ended_by_itself_is_not_asked_for_again(world, outcome):
    built = world()
    tags = {MODEL_TAG: MODEL, "dagster/partition": "2024-01-29", "retrain/outcome": outcome}
    built.instance.add_run(dg.DagsterRun(f"{MODEL}__retrain", tags=tags, status=dg.DagsterRunStatus.FAILURE))
    assert tick(built, "retrain_trigger").run_requests == []
