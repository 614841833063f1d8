"""Commands that run something: a retrain or monitoring run, the demo and the UI, and what each lacks as a sentence."""

import json
import os
import shutil
import socket
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import dagster as dg
import pytest
import yaml

from benchmarks.worlds.parcels import make_world, rows_of
from benchmarks.worlds.verdicts import fresh, promoted, rolled_back
from retrain_assets import errors
from retrain_assets.cli import run
from retrain_assets.cli.runner import prepare_instance
from retrain_assets.documents import server
from retrain_assets.spec import loading
from retrain_assets_tests.commanded import CHANGES, FIRST, PERIODS, registry, retrain


@pytest.fixture
def without(monkeypatch):
    """An installation without one package."""

    def leave_out(module):
        there = errors.find_spec
        monkeypatch.setattr(errors, "find_spec", lambda name: None if name == module else there(name))

    return leave_out


@pytest.fixture
def unserved(monkeypatch):
    """Fails a test in which Dagster would be started."""
    monkeypatch.setattr(run, "_serve", lambda *at: pytest.fail("nothing was to be served"))


@pytest.mark.usefixtures("unserved")
def test_dev_without_the_web_server_names_the_command_that_installs_it(empty_home, without):
    without("dagster_webserver")
    said = retrain("dev", code=2).stderr
    assert said == "retrain: `retrain dev` needs dagster_webserver: pip install 'retrain-assets[ui]'\n"
    assert not empty_home.exists()


@pytest.mark.usefixtures("unserved", "empty_home")
def test_dev_with_receivers_of_alerts_but_without_apprise_says_so_before_an_alert_is_lost(without, monkeypatch):
    without("apprise")
    monkeypatch.setenv("RETRAIN_ALERT_URLS", "json://127.0.0.1:9")
    assert (
        retrain("dev", code=2).stderr
        == "retrain: RETRAIN_ALERT_URLS needs apprise: pip install 'retrain-assets[alerts]'\n"
    )


@pytest.mark.usefixtures("unserved", "empty_home")
def test_dev_on_a_port_that_is_taken_says_so():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        said = retrain("dev", "--port", port, code=2).stderr
    assert f"127.0.0.1:{port}: Address already in use. Choose another port with --port." in said


def test_dev_starts_dagster_on_this_home_and_this_machine_only(empty_home, monkeypatch):
    started = []
    dagster = SimpleNamespace(load=lambda: lambda: started.append(sys.argv))
    monkeypatch.setattr(run, "entry_points", lambda **chosen: (dagster,) if chosen["name"] == "dagster" else ())
    monkeypatch.setattr(run, "_say_once_served", lambda *what: None)
    monkeypatch.setattr(sys, "argv", [])
    retrain("dev", "--port", "3456")
    words = "dagster dev -m retrain_assets.definitions -h 127.0.0.1 -p 3456 --log-level error"
    assert started == [words.split()]
    assert Path(os.environ["DAGSTER_HOME"]) == empty_home / "dagster"
    config = yaml.safe_load((empty_home / "dagster" / "dagster.yaml").read_text())
    assert config["concurrency"]["pools"]["default_limit"] == 1


@pytest.mark.usefixtures("at_home")
def test_dev_names_the_page_of_a_started_model_and_how_to_start_the_others():
    lines = run.opening("http://h:1").splitlines()
    assert lines[0].startswith("Open http://h:1 ")
    assert lines[1] == "  delivery: http://h:1/assets/delivery/model_status"
    assert lines[2].startswith(
        "Nothing runs for employment, flight_delays, taxi_charge until you start it: `retrain replay"
    )


def test_dev_without_a_model_says_how_to_make_one(monkeypatch, tmp_path):
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path))
    assert run.opening("http://h:1").startswith("Open http://h:1 (Ctrl-C stops it). No model: there is none yet, ")


def test_what_to_open_is_said_once_the_ui_answers(monkeypatch, capsys):
    asked = []

    def answer(page, timeout):
        asked.append(page)
        if len(asked) < 3:
            raise URLError("Connection refused")
        return BytesIO()

    monkeypatch.setattr(run, "urlopen", answer)
    monkeypatch.setattr(run, "time", SimpleNamespace(sleep=lambda seconds: None))
    run._say_once_served("http://h:1", "Open http://h:1.")
    assert capsys.readouterr().out == "Open http://h:1.\n"
    assert asked == ["http://h:1/server_info"] * 3


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("http://ann:secret@h:1", "RETRAIN_REPORTS_URL is no address like http://127.0.0.1:3001 without a login:"),
        ("http://127.0.0.1:3456", "RETRAIN_REPORTS_URL names the port of the UI: reports are not served."),
        ("http://localhost:3456/of/taxi", "RETRAIN_REPORTS_URL names the port of the UI: reports are not served."),
        ("https://reports.example/taxi", "Links to reports lead to https://reports.example/taxi (RETRAIN_REPORTS_URL)"),
    ],
)
def test_an_address_of_reports_that_this_machine_does_not_serve_is_said(monkeypatch, tmp_path, named, said):
    monkeypatch.setenv("RETRAIN_REPORTS_URL", named)
    assert run.serving_reports(tmp_path, 3456).startswith(said)


@pytest.fixture
def taken():
    """A port that another program listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_an_address_of_reports_that_is_taken_is_said(monkeypatch, tmp_path, taken):
    monkeypatch.setenv("RETRAIN_REPORTS_URL", f"http://127.0.0.1:{taken}")
    assert run.serving_reports(tmp_path, 3456) == (
        f"Links to reports do not open: http://127.0.0.1:{taken}: Address already in use. Another `retrain dev` may "
        "serve its own there; name an address that is free in RETRAIN_REPORTS_URL."
    )


def test_where_no_port_is_free_for_reports_that_is_said(monkeypatch, tmp_path, taken):
    monkeypatch.setattr(server, "SERVED_AT", f"http://127.0.0.1:{taken}")
    monkeypatch.setattr(server, "_NEAR", 1)
    said = run.serving_reports(tmp_path, 3456)
    assert said == (
        f"Links to reports do not open: no port from {taken} to {taken} is free: name one in RETRAIN_REPORTS_URL."
    )


def test_reports_beside_another_program_are_served_on_the_next_port_and_older_pages_named(monkeypatch, tmp_path, taken):
    began, serve_reports = [], server.serve_reports
    monkeypatch.setattr(server, "SERVED_AT", f"http://127.0.0.1:{taken}")
    monkeypatch.setattr(server, "serve_reports", lambda *at: began.append(serve_reports(*at)) or began[-1])
    said = run.serving_reports(tmp_path, taken + 1)
    (serving,) = began
    serving.shutdown()
    serving.server_close()
    assert serving.server_port > taken + 1
    assert said == (
        f"Reports are served under http://127.0.0.1:{serving.server_port}, where the pages link that are made from now "
        f"on; those made before may link http://127.0.0.1:{taken}, where another program answers."
    )


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """An installed package, beside which no data are, and no specs of a team either."""
    for module in (loading, run):
        monkeypatch.setattr(module, "SHIPPED_DATA", tmp_path / "data")
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RETRAIN_MODELS", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("installed")
def test_an_installed_package_without_its_data_shows_no_shipped_model_and_says_where_the_demo_is():
    assert loading.load_specs() == {}
    for words in ((), ("--scenario", "bad-deploy")):
        assert "the demo's data are in the project's repository" in retrain("demo", *words, code=2).stderr
    assert retrain("status").output == (
        "No model: there is none yet, `retrain new NAME --data FILES` writes the first spec.\n"
    )


@pytest.mark.parametrize(
    ("command", "period", "sentence"),
    [
        ("run", "2024-13-01", "period '2024-13-01' is not one of this model's: expected a week like '2024-01-01'"),
        ("monitor", "2024-01-03", "period '2024-01-03' does not begin a week; '2024-01-01' does"),
    ],
)
def test_an_unknown_period_is_bad_input(empty_home, command, period, sentence):
    assert sentence in retrain(command, "delivery", "--period", period, code=2).stderr
    assert not empty_home.exists()


@pytest.mark.parametrize(
    "words", [("demo", "--model", "delivery", "--until", "March"), ("replay", "delivery", "--from", "March")]
)
def test_a_period_of_a_replay_that_is_none_is_bad_input(empty_home, words):
    assert "expected a week like '2024-01-01'" in retrain(*words, code=2).stderr
    assert not empty_home.exists()


def test_a_scenario_that_was_played_is_not_played_again(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    played = fresh(tmp_path / "scenarios" / "bad-deploy" / "registry")
    promoted(played, [0, 1])
    rolled_back(played, 2)
    assert played.model == "taxi_charge"
    assert "holds a finished scenario. Look at it with" in retrain("demo", "--scenario", "bad-deploy", code=2).stderr


def test_a_retrain_without_data_is_no_and_says_what_is_missing(empty_home):
    output = retrain("run", "delivery", "--period", PERIODS[0], code=1).output
    assert output.startswith("insufficient: ")
    assert "no period up to 2024-01-01 is ingested yet: `retrain replay delivery` goes on from 2024-01-01" in output
    assert "wait" not in output


def test_a_retrain_of_the_period_that_promoted_the_live_version_answers_with_that_decision(own_home):
    before = registry(own_home).history()
    end = json.loads(retrain("run", "delivery", "--period", PERIODS[5], "--json").stdout)
    assert (end["outcome"], end["cause"]) == ("promoted", "")
    assert registry(own_home).history() == before


def test_a_retrain_that_promotes_is_yes(young_home):
    shutil.rmtree(young_home / "registry")
    again = retrain("run", "delivery", "--period", FIRST, code=1)
    assert "the registry holds no history, and there was one" in again.output
    retrain("release", "delivery", "--reason", "begun anew", "--by", "ann")
    assert retrain("run", "delivery", "--period", FIRST).output.startswith("first model v1: ")
    begun, judged, event = registry(young_home).history()
    assert (begun.action, begun.actor, judged.action) == ("released", "ann", "passed")
    assert (event.action, event.period, event.actor) == ("bootstrap", FIRST, "ada")


def test_a_retrain_that_is_rejected_is_no_and_says_why(young_home):
    end = json.loads(retrain("monitor", "delivery", "--period", PERIODS[3], "--json").stdout)
    assert (end["outcome"], end["cause"], end["period"], end["version"]) == ("done", "", PERIODS[3], "v1")
    with dg.DagsterInstance.get() as instance:
        assert instance.get_run_by_id(end["run_id"]).status is dg.DagsterRunStatus.SUCCESS
    end = json.loads(retrain("run", "delivery", "--period", PERIODS[3], "--json", code=1).stdout)
    assert end["outcome"] == "rejected"
    assert end["cause"] == registry(young_home).history()[-1].reason
    assert end["cause"].startswith("the new model was not ")


def test_monitoring_a_period_whose_rows_are_refused_is_no_and_says_why(empty_home, tmp_path, monkeypatch):
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(tmp_path / "models", rows_of(1), instance, contract={"min_rows": 500})
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path / "models"))
    end = json.loads(retrain("monitor", "delivery", "--period", PERIODS[0], "--json", code=1).stdout)
    assert "420 usable rows, 500 needed" in end["cause"]


def runs_of(home):
    with prepare_instance(home) as instance:
        return len(instance.get_runs())


@pytest.fixture
def partly_there(young_home, tmp_path, monkeypatch):
    """The home after three weeks; the source has the second and the third."""
    with dg.DagsterInstance.ephemeral() as instance:
        rows = rows_of(3)
        make_world(tmp_path / "models", rows[len(rows) // 3 :], instance, **CHANGES)
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path / "models"))
    return young_home


def test_monitoring_a_period_whose_rows_have_not_come_starts_no_run_and_the_status_stays(partly_there):
    before, status = runs_of(partly_there), retrain("status", "delivery").output
    said = retrain("monitor", "delivery", "--period", PERIODS[3], code=2).stderr
    assert f"no rows of {PERIODS[3]} in " in said
    assert f" yet (ended {PERIODS[4]}). Deliver them, or ask whoever does, then" in said
    assert (runs_of(partly_there), retrain("status", "delivery").output) == (before, status)


def test_monitoring_a_stored_period_whose_rows_have_gone_overwrites_nothing(partly_there):
    stored = partly_there / "data" / "delivery"
    before = {path: path.read_bytes() for path in stored.rglob(f"{PERIODS[0]}.*")}
    said = retrain("monitor", "delivery", "--period", PERIODS[0], code=2).stderr
    assert f"no rows of {PERIODS[0]} in " in said
    assert "; what is stored stays. Put them back there to monitor it again" in said
    assert {path: path.read_bytes() for path in stored.rglob(f"{PERIODS[0]}.*")} == before


def test_a_gap_before_later_rows_is_monitored(partly_there):
    shutil.rmtree(partly_there)
    retrain("monitor", "delivery", "--period", PERIODS[0])


def test_monitoring_by_hand_prints_what_was_watched_what_it_says_and_what_is_next(young_home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    head, *said = retrain("monitor", "delivery", "--period", PERIODS[3]).stdout.splitlines()
    assert head.startswith(f"delivery {PERIODS[3]}, monitored (run ")
    titles = [line.strip().split("  ")[0] for line in said if line.startswith("  ") and line[2] != " "]
    assert titles[:3] == ["watched", "drift", "quality"]
    assert "420 rows, scored by v1; 420 outcomes became known" in said[0]
    assert f"Next: retrain report delivery {PERIODS[3]} --monitoring" in " ".join(said)
    assert max(map(len, said)) <= 80
