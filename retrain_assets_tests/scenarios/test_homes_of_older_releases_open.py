"""A home that release 0.1.0 wrote opens in this one: its records are read, its journal holds, and it goes on.

`old_home/home.tar.gz` is a RETRAIN_HOME without Dagster's run history and the HTML pages, which are written anew. It
holds a regression model with a first model, three promotions, a hold and its release, proposed suite cases, a business
metric and a rollback, and a binary one with outcomes that are 17 days late and a rejected candidate. What is
expected here is what the old release printed about it. `old_home/models` has a few more weeks of rows for both.
"""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from retrain_assets_tests.commanded import environment, registry, retrain

OLD = Path(__file__).parents[1] / "old_home"
DECISIONS = {
    "delivery": [
        ("2024-01-15", "bootstrap", None, "v1"),
        ("2024-01-22", "promoted", "v1", "v2"),
        ("2024-01-29", "promoted", "v2", "v3"),
        ("2024-02-05", "held", "v3", "v3"),
        ("2024-02-05", "released", "v3", "v3"),
        ("2024-02-12", "promoted", "v3", "v4"),
        ("2024-02-12", "rolled_back", "v4", "v3"),
    ],
    "lateness": [
        ("2024-02-12", "bootstrap", None, "v1"),
        ("2024-02-26", "rejected", "v1", "v1"),
    ],
}


def unpack(folder):
    shutil.copytree(OLD / "models", folder / "models")
    with tarfile.open(OLD / "home.tar.gz") as archive:
        archive.extractall(folder / "home", filter="data")
    return folder


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    return unpack(tmp_path_factory.mktemp("old"))


@pytest.fixture
def old_home(unpacked, monkeypatch):
    """The old home, for commands that only read it."""
    environment(monkeypatch, unpacked, unpacked / "home")
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    return unpacked / "home"


@pytest.fixture
def own_old_home(tmp_path, monkeypatch):
    """A copy of the old home, for commands that change it."""
    environment(monkeypatch, unpack(tmp_path), tmp_path / "home")
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    return tmp_path / "home"


@pytest.mark.usefixtures("old_home")
@pytest.mark.parametrize("model", sorted(DECISIONS))
def test_history_tells_every_decision(model):
    told = json.loads(retrain("history", model, "--json").stdout)
    assert [(d["period"], d["action"], d["from_version"], d["to_version"]) for d in told] == DECISIONS[model]
    assert {decision["actor"] for decision in told} == {"ada"}


@pytest.mark.usefixtures("old_home")
def test_status_reads_the_live_version_and_the_last_reports():
    delivery, lateness = json.loads(retrain("status", "--json").stdout)
    assert (delivery["live"], delivery["decided_in"], delivery["last_period"]) == ("v3", "2024-01-29", "2024-02-12")
    assert "16.88" in delivery["performance"]
    assert "567.9" in delivery["performance"]
    assert "v3 was confirmed in 2024-02-05" in delivery["probation"]
    assert delivery["cooldown"] == "no promotion before 2024-03-04 (cool-down after the rollback of v4)"
    assert (lateness["live"], lateness["decided_in"], lateness["last_period"]) == ("v1", "2024-02-12", "2024-02-26")
    assert lateness["performance"] is None


@pytest.mark.usefixtures("old_home")
def test_explain_quotes_the_evidence_of_a_promotion():
    told = json.loads(retrain("explain", "delivery", "v2", "--json").stdout)
    assert told["decision"]["action"] == "promoted"
    assert told["evidence"]["gate"]["rows"] == 360
    assert {finding["outcome"] for finding in told["evidence"]["findings"]} == {"pass"}
    assert "0.6203" in next(f["reason"] for f in told["evidence"]["findings"] if f["check"] == "guardrails")
    assert (told["training"]["strategy"], told["training"]["rows"], told["training"]["rounds"]) == ("recent", 780, 23)
    assert told["tenure"]["loss"] == pytest.approx(29.94967908757803)


@pytest.mark.usefixtures("old_home")
@pytest.mark.parametrize(
    ("model", "which", "words"),
    [
        ("delivery", [], ["v4 was rolled back to v3", "Why: drivers complain"]),
        ("lateness", ["2024-02-26"], ["v1 was kept", "-0.02671", "trained on"]),
    ],
)
def test_explain_tells_of_a_rollback_and_of_a_rejection(model, which, words):
    told = retrain("explain", model, *which).output
    assert [word for word in words if word not in told] == []


@pytest.mark.usefixtures("old_home")
def test_every_digest_and_the_chain_hold():
    assert json.loads(retrain("verify", "--json").stdout) == {"delivery": [], "lateness": []}


@pytest.mark.usefixtures("old_home")
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["report", "delivery", "2024-01-22"], "32.13"),
        (["report", "delivery", "--monitoring"], "16.88"),
        (["card", "delivery", "v2"], "delivery"),
        (["card", "lateness"], "lateness"),
        (["suite", "list", "delivery"], "2154"),
    ],
)
def test_reports_cards_and_suites_are_shown(words, answer):
    assert answer in retrain(*words).output


def measured(model):
    """Mean loss and rows of the newest performance report."""
    record = json.loads(retrain("report", model, "--monitoring", "--json").stdout)["performance_report"]["report"]
    return record["loss"], record["rows"]


def test_monitoring_and_retraining_go_on_where_the_old_release_stopped(own_old_home):
    for period in ("2024-02-19", "2024-02-26"):
        assert json.loads(retrain("monitor", "delivery", "--period", period, "--json").stdout)["outcome"] == "done"
    (status,) = json.loads(retrain("status", "delivery", "--json").stdout)
    assert status["last_period"] == "2024-02-26"
    assert measured("delivery") == (pytest.approx(15.62, abs=0.005), 420)
    assert "v3 came back in 2024-02-12" in status["probation"]

    assert json.loads(retrain("run", "delivery", "--period", "2024-02-26", "--json").stdout)["outcome"] == "promoted"
    event = registry(own_old_home).history()[-1]
    assert (event.period, event.action, event.from_version, event.to_version) == (
        "2024-02-26",
        "promoted",
        "v3",
        "v5",
    )
    assert json.loads(retrain("verify", "--json").stdout) == {"delivery": [], "lateness": []}


@pytest.mark.usefixtures("own_old_home")
def test_late_outcomes_of_rows_that_the_old_release_scored_are_measured():
    assert json.loads(retrain("monitor", "lateness", "--period", "2024-03-04", "--json").stdout)["outcome"] == "done"
    assert measured("lateness") == (pytest.approx(0.2022, abs=0.00005), 240)
