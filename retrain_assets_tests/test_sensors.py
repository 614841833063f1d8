"""What starts runs and what tells people: the new-data sensor, the trigger sensor, and the alerts of finished runs."""

import json
import os
import threading
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.worlds.parcels import SPEC, failure_of
from retrain_assets import alerts
from retrain_assets.alerts import Alert, page_url, publish, read
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.dagster_glue.tags import MODEL_TAG
from retrain_assets.pipeline import frame_of, watch
from retrain_assets.production.sensors import failure_alerts, publish_all, success_alerts

# Apprise imports a module of the standard library that Python 3.13 drops, to fill in for it there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MODEL = "delivery"


@pytest.fixture(autouse=True)
def no_receivers(monkeypatch):
    for name in ("RETRAIN_ALERT_URLS", "RETRAIN_UI_URL"):
        monkeypatch.delenv(name, raising=False)


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


# ---- new data


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


def test_it_does_not_wait_for_the_run_of_another_model(world):
    built = world()
    run = dg.DagsterRun("other__retrain", tags={MODEL_TAG: "other"}, status=dg.DagsterRunStatus.STARTED)
    built.instance.add_run(run)
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


def test_a_query_is_asked_again_the_next_day_for_it_does_not_tell_that_its_rows_changed(world):
    sql = {"sql": "SELECT * FROM parcels WHERE at >= :start AND at < :end", "url_env": "PARCELS_URL"}
    built = world(source=SPEC["source"] | {"features": sql})
    moments = ("2024-01-08T00:00:00", "2024-01-08T23:00:00", "2024-01-09T00:00:00")
    first, same_day, next_day = (tick(built, "new_data", moment).run_requests[0].run_key for moment in moments)
    assert first == same_day != next_day


def test_a_failed_period_stays_the_next_one(world):
    built = world()
    built.run("monitor", "2024-01-01")
    path = built.store.path("performance_report", "2024-01-01", "json")
    path.unlink()
    assert new_data(built, "2024-02-20T00:00:00") == ["2024-01-01"]


def test_rows_that_are_not_there_in_time_are_an_alert_once(world):
    built = world(contract=SPEC["contract"] | {"max_delay": "2d"})
    request = tick(built, "new_data", "2024-01-08T00:00:00").run_requests[0]
    in_vain = dg.DagsterRun(f"{MODEL}__monitor", tags=dict(request.tags) | {"dagster/run_key": request.run_key})
    built.instance.add_run(in_vain)
    built.instance.report_run_failed(in_vain)
    assert new_data(built, "2024-01-09T23:00:00") == ["2024-01-01"]
    late = "2024-01-01 ended more than 2 d ago and its rows are not there, or break the contract"
    assert [new_data(built, f"2024-01-{day}T01:00:00") for day in (10, 11)] == [late, late]
    assert [(alert.kind, alert.sentence) for alert in read(built.folder / "home")] == [("stale", late)]
    os.utime(built.folder / "rows.parquet", (1_700_000_000, 1_700_000_000))
    assert new_data(built, "2024-01-12T00:00:00") == ["2024-01-01"]


# ---- the trigger


def test_the_trigger_says_what_it_waits_for_and_looks_at_a_report_once(world):
    built = world()
    assert tick(built, "retrain_trigger").skip_message == "no new performance report"
    built.monitor(built.weeks(1))
    first = tick(built, "retrain_trigger")
    assert first.run_requests == []
    assert first.skip_message.startswith("2024-01-01: ")
    assert "wait 4 periods" in first.skip_message  # four weeks to train on, one to judge by
    assert tick(built, "retrain_trigger", cursor=first.cursor).skip_message == "no new performance report"


def test_the_trigger_waits_for_a_run_in_flight_without_forgetting_the_report(world):
    built = world()
    built.monitor(built.weeks(5))
    run = dg.DagsterRun(f"{MODEL}__monitor", tags={MODEL_TAG: MODEL}, status=dg.DagsterRunStatus.STARTED)
    built.instance.add_run(run)
    waiting = tick(built, "retrain_trigger")
    assert "in flight" in waiting.skip_message
    assert waiting.cursor is None
    built.instance.delete_run(run.run_id)
    (request,) = tick(built, "retrain_trigger").run_requests
    assert request.tags["retrain/trigger"] == "bootstrap"


# ---- alerts


def alerts_of(world, result, publishing=True):
    """The alerts of a finished run, published as the sensors do."""
    run = world.instance.get_run_by_id(result.run_id)
    home, clock = world.defs.resources["home"], Clock(replay_at="2024-03-01T00:00:00")
    frame = frame_of(world.spec)
    if result.success:
        found = success_alerts(run, frame, home, clock)
    else:
        found = failure_alerts(world.instance, run, frame, home, clock)
    if publishing:
        publish_all(found, home)
    return found


def home_of(world):
    return Path(world.defs.resources["home"].path)


def test_a_promotion_a_rejection_and_a_crash_are_three_different_alerts(world):
    built = world()
    weeks = built.weeks(7)
    built.monitor(weeks[:5])
    promoted = built.run("retrain", weeks[4])
    (promotion,) = alerts_of(built, promoted)
    built.monitor(weeks[5:])
    (rejection,) = alerts_of(built, built.run("retrain", weeks[6]))
    (built.folder / "rows.parquet").unlink()
    (crash,) = alerts_of(built, built.run("monitor", built.weeks(8)[-1]))
    assert (promotion.kind, promotion.period) == ("promoted", weeks[4])
    assert promotion.sentence.startswith("v1 is live, it was nothing: mae ")
    assert (rejection.kind, rejection.period) == ("rejected", weeks[6])
    assert rejection.sentence == built.registry.history()[-1].reason
    assert (crash.kind, crash.period) == ("crash", built.weeks(8)[-1])
    assert crash.sentence.startswith("delivery__monitor failed: ")
    assert "rows.parquet: no such file. Name an existing file" in crash.sentence
    assert [alert.kind for alert in read(home_of(built))] == ["promoted", "rejected", "crash"]


def test_a_fact_is_published_once_however_often_a_run_is_read(world):
    built = world()
    weeks = built.weeks(5)
    built.monitor(weeks)
    result = built.run("retrain", weeks[-1])
    for _ in range(3):
        alerts_of(built, result)
    assert len(read(home_of(built))) == 1


def test_a_promotion_repeated_by_hand_is_no_second_promotion(world):
    built = world()
    week = built.bootstrapped()
    alerts_of(built, built.run("retrain", week, assets=["production_model"]))
    alerts_of(built, built.run("retrain", week, assets=["production_model"]))
    assert len(read(home_of(built))) == 1


def test_a_refused_contract_is_told_in_the_words_of_the_contract(world):
    built = world(contract={"min_rows": 5000})
    (alert,) = alerts_of(built, built.run("monitor", "2024-01-01"))
    assert alert.kind == "crash"
    assert "rows.parquet, 2024-01-01: 420 usable rows, 5,000 needed" in alert.sentence
    assert "dagster._core" not in alert.sentence


def test_loss_beyond_its_baseline_is_an_alert_and_a_quiet_week_is_none(world):
    built = world(slower_from=6)
    built.bootstrapped()
    quiet, slow = built.weeks(7)[5:]
    assert [alert.kind for alert in alerts_of(built, built.run("monitor", quiet))] == []
    found = {alert.kind: alert for alert in alerts_of(built, built.run("monitor", slow))}
    assert found["performance"].period == slow
    assert found["performance"].sentence == built.store.read_json("performance_report", slow)["report"]["sentence"]


def test_a_business_metric_beyond_its_threshold_is_a_series_an_alert_and_a_trigger(world):
    late = {
        "name": "late_share",
        "expression": "share(label > 30 and vehicle == 'bike')",
        "unit": "share",
        "better": "lower",
        "threshold": 0.05,
    }
    triggers = SPEC["triggers"] | {"on_business_metrics": ["late_share"], "patience": 1, "retrain_cost": 1e9}
    built = world(weeks=9, business_metrics=[late], triggers=triggers)
    built.bootstrapped()
    week = built.weeks(6)[-1]
    result = built.run("monitor", week)
    (one,) = built.store.read_json("performance_report", week)["business"]
    assert (one["outcome"], one["periods"]) == ("warn", 1)
    found = result.asset_materializations_for_node(f"{MODEL}__performance_report")[0].metadata
    assert found["late_share"].value == one["value"] > 0.05
    sentences = [alert.sentence for alert in alerts_of(built, result) if alert.kind == "business"]
    assert sentences == [one["sentence"]]
    assert "at most 0.05 declared" in one["sentence"]
    evidence = watch(built.spec).evidence(built.store, built.registry, week)
    assert evidence.business == {"late_share": 1}


def test_a_rollback_is_an_alert(world):
    built = world(slower_from=5)
    built.bootstrapped()
    weeks = built.weeks(8)
    built.monitor(weeks[5:])
    result = built.run("retrain", weeks[-1])
    assert result.success, failure_of(result)
    (promotion,) = alerts_of(built, result)
    ops = {"delivery__roll_back": {"config": {"reason": "drivers complain", "expected_live": "v2"}}}
    (alert,) = alerts_of(built, built.run("rollback", None, run_config={"ops": ops}))
    assert promotion.sentence.startswith("v2 is live, it was v1")
    assert (alert.kind, alert.sentence) == ("rolled_back", "v1 is live, it was v2: drivers complain")


# ---- receivers


@pytest.fixture
def receiver():
    """A web server on this machine that keeps what it is sent."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


ALERT = Alert("2024-03-01T00:00:00", MODEL, "2024-02-05", "rejected", "significance: mae 6.6 -> 6.7")


def test_a_receiver_gets_each_fact_once(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    assert publish(ALERT, tmp_path)
    assert not publish(ALERT, tmp_path)
    (message,) = received
    assert message["title"] == "delivery 2024-02-05: rejected"
    assert message["message"] == "significance: mae 6.6 -> 6.7"


def fact(kind, sentence, period="2024-02-05", model=MODEL):
    return Alert("2024-03-01T00:00:00", model, period, kind, sentence)


def test_the_facts_of_one_model_and_period_are_one_message_the_gravest_first(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    found = [fact("drift", "fare moved"), fact("performance", "loss rose"), fact("probation", "v2 is worse")]
    other = [fact("drift", "fare moved", "2024-02-12"), fact("drift", "fare moved", model="other")]

    assert alerts.publish_all([*found, *other], tmp_path) == [*found, *other]

    messages = {message["title"]: message for message in received}
    assert set(messages) == {
        "delivery 2024-02-05: probation, drift, performance", "delivery 2024-02-12: drift", "other 2024-02-05: drift",
    }  # fmt: skip
    assert messages["delivery 2024-02-05: probation, drift, performance"]["message"] == (
        "probation: v2 is worse\n\ndrift: fare moved\n\nperformance: loss rose"
    )
    assert read(tmp_path) == [*found, *other]


def test_only_what_is_new_is_sent_of_facts_that_come_again(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    first, second = fact("drift", "fare moved"), fact("performance", "loss rose")
    publish(first, tmp_path)
    later = replace(first, at="2024-03-02T00:00:00")

    assert alerts.publish_all([later, second, second], tmp_path) == [second]

    assert [message["title"] for message in received] == [
        "delivery 2024-02-05: drift",
        "delivery 2024-02-05: performance",
    ]
    assert read(tmp_path) == [first, second]


@pytest.mark.parametrize(
    ("kind", "severity"),
    [("promoted", "success"), ("rejected", "info"), ("drift", "warning"), ("stale", "warning"), ("crash", "failure")],
)
def test_a_message_and_its_row_say_how_urgent_the_fact_is(kind, severity, receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    publish(fact(kind, "something"), tmp_path)
    assert received[0]["type"] == severity
    assert json.loads((tmp_path / "alerts.jsonl").read_text())["severity"] == severity


def test_a_message_links_to_the_page_of_its_period_where_the_ui_is_named(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    monkeypatch.setenv("RETRAIN_UI_URL", "https://dagster.example/team/")
    publish(fact("drift", "fare moved"), tmp_path)
    link = "https://dagster.example/team/assets/delivery/drift_report?view=partitions&partition=2024-02-05"
    assert received[0]["message"] == f"fare moved\n{link}"
    assert page_url(fact("promoted", "v2 is live", "")).endswith("/assets/delivery/production_model")
    assert page_url(fact("crash", "boom")).endswith(
        "/runs?q%5B0%5D=tag%3Aretrain%2Fmodel%3Ddelivery&q%5B1%5D=tag%3Adagster%2Fpartition%3D2024-02-05"
    )


@pytest.mark.parametrize(
    "address", ["https://ann:secret@dagster.example", "dagster.example", "file:///etc", "http://", "http://a b"]
)
def test_an_address_of_the_ui_that_is_none_or_holds_a_login_is_said_and_gives_no_link(address, monkeypatch, caplog):
    monkeypatch.setenv("RETRAIN_UI_URL", address)
    assert page_url(ALERT) == ""
    assert "RETRAIN_UI_URL is no address" in caplog.text
    assert "secret" not in caplog.text


def test_what_the_data_say_is_no_markup_for_a_receiver_that_shows_html(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", f"{url}/?format=html")
    publish(fact("drift", "zone: share of '<script>alert(1)</script>' 0 -> 1 %"), tmp_path)
    assert "<script>" not in received[0]["message"]
    assert "&lt;script&gt;" in received[0]["message"]


def test_publishing_never_reads_what_was_published_before(tmp_path, monkeypatch):
    publish(fact("drift", "first"), tmp_path)
    (tmp_path / "alerts.jsonl").write_bytes(b"\xff no JSON and no text\n")
    assert publish(fact("drift", "second"), tmp_path)
    assert not publish(fact("drift", "first"), tmp_path)


def test_what_an_older_home_has_published_is_not_published_again(tmp_path):
    row = {"at": ALERT.at, "model": MODEL, "period": ALERT.period, "kind": ALERT.kind, "sentence": ALERT.sentence}
    (tmp_path / "alerts.jsonl").write_text(json.dumps(row) + "\n")
    assert not publish(ALERT, tmp_path)
    assert read(tmp_path) == [ALERT]


def test_a_fact_whose_publishing_was_cut_short_is_published_again_and_read_once(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    publish(fact("drift", "before"), tmp_path)
    with (tmp_path / "alerts.jsonl").open("a") as file:  # the row of a process that died before its mark
        file.write(json.dumps({**vars(ALERT), "severity": ALERT.severity}) + "\n")
    assert publish(ALERT, tmp_path)
    assert len(received) == 2
    assert read(tmp_path) == [fact("drift", "before"), ALERT]


def test_of_many_processes_that_see_one_fact_one_sends_it(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    publish(fact("drift", "before"), tmp_path)
    threads = [threading.Thread(target=publish, args=(ALERT, tmp_path)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [message["title"] for message in received].count("delivery 2024-02-05: rejected") == 1
    assert read(tmp_path).count(ALERT) == 1


def test_a_dead_receiver_fails_nothing_and_the_others_still_hear(receiver, tmp_path, monkeypatch, caplog):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", f"json://127.0.0.1:9 nonsense:// {url}")
    assert publish(ALERT, tmp_path)
    assert len(received) == 1
    assert read(tmp_path) == [ALERT]
    assert "did not take the message 'delivery 2024-02-05: rejected'" in caplog.text


@pytest.mark.parametrize("url", ["nonsense://", "json://"])
def test_a_receiver_that_is_none_fails_nothing(url, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    assert publish(ALERT, tmp_path)
    assert "did not take the message" in caplog.text


def test_a_receiver_whose_library_breaks_fails_nothing(tmp_path, monkeypatch, caplog):
    import apprise

    def broken(self, *args, **options):
        raise RuntimeError("no such certificate")

    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    monkeypatch.setenv("RETRAIN_ALERT_URLS", "json://127.0.0.1:9")
    assert publish(ALERT, tmp_path)
    assert "no such certificate" in caplog.text


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
