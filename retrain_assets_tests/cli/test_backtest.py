import json

import pytest
import yaml
from click.testing import CliRunner

from retrain_assets.cli import main
from retrain_assets.store import PeriodStore
from retrain_assets_tests.backtest.worlds import parcels
from retrain_assets_tests.commanded import environment, retrain


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A home in which the backtest of nine weeks was made, and what it printed."""
    folder = tmp_path_factory.mktemp("backtested")
    parcels(folder / "models", period={"every": "week", "start": "2024-01-01", "end": "2024-03-04"})
    with pytest.MonkeyPatch.context() as patch:
        environment(patch, folder, folder / "home")
        patch.setattr("os.sched_getaffinity", lambda _: {0})
        return (
            folder,
            retrain("backtest", "delivery", "--html", "page.html").output,
            retrain("backtest", "delivery").output,
        )


@pytest.fixture
def home(once, monkeypatch):
    environment(monkeypatch, once[0], once[0] / "home")
    return once[0]


def test_the_answer_comes_first_then_what_was_replayed_then_the_table(once):
    _, _, printed = once
    name, answer, empty, span, *rest = printed.strip("\n").splitlines()
    assert (name, empty) == ("delivery", "")
    assert answer.startswith(("Retrain on", "Do not retrain", "Keep your triggers"))
    assert span.startswith("6 weeks from 22 January 2024 to 2 March 2024")
    assert any(line.startswith(("→ ", "  ")) and "your triggers" in line for line in rest)
    assert "hindsight (no policy can know it)" in printed


def test_the_page_is_written(once):
    folder, said, _ = once
    assert (folder / "page.html").read_text().count("<svg ") == 3
    assert "wrote page.html" in said


def test_json_names_the_recommendation_and_every_policy(home):
    told = json.loads(retrain("backtest", "delivery", "--json").output)
    assert {"policy", "parameters", "saves", "distinguishable"} <= set(told["recommendation"])
    assert "never" in [policy["name"] for policy in told["policies"]]


def test_writing_shows_the_difference_and_asks(home, monkeypatch):
    path = home / "models" / "delivery.yaml"
    before = path.read_text()
    store = PeriodStore(home / "home" / "data" / "delivery")
    period = store.periods("policy_backtest", "json")[-1]
    record = store.read_json("policy_backtest", period)
    record["recommendation"]["triggers"] = {"on_excess_loss": 400.0}
    store.write_json("policy_backtest", period, record)
    refused = CliRunner().invoke(main.main, ["backtest", "delivery", "--write"], input="n\n")
    assert "+  on_excess_loss: 400" in refused.output
    assert path.read_text() == before
    written = CliRunner().invoke(main.main, ["backtest", "delivery", "--write"], input="y\n")
    assert written.exit_code == 0, written.output
    assert yaml.safe_load(path.read_text())["triggers"]["on_excess_loss"] == 400
    path.write_text(before)


@pytest.fixture
def recorded(home):
    """Changes the record of the last backtest for one test."""
    store = PeriodStore(home / "home" / "data" / "delivery")
    period = store.periods("policy_backtest", "json")[-1]
    before = store.read_json("policy_backtest", period)

    def record(triggers, **changes):
        recommendation = {**before["recommendation"], "triggers": triggers}
        store.write_json("policy_backtest", period, {**before, "recommendation": recommendation, **changes})

    yield record
    store.write_json("policy_backtest", period, before)


def test_what_could_not_be_replayed_is_said_and_without_a_better_policy_nothing_is_written(home, recorded):
    recorded({}, problems=["of 2024-02-05 no model could be trained"])
    said = retrain("backtest", "delivery", "--write").output
    assert "\n! of 2024-02-05 no model could be trained\n" in said
    assert said.endswith("Nothing to write: your triggers stay as they are.\n")


def test_a_change_that_the_spec_does_not_allow_is_taken_back(home, recorded):
    path = home / "models" / "delivery.yaml"
    before = path.read_text()
    recorded({"on_excess_loss": -1.0})
    refused = CliRunner().invoke(main.main, ["backtest", "delivery", "--write"], input="y\n")
    assert refused.exit_code == 2
    assert "triggers.on_excess_loss" in refused.stderr
    assert path.read_text() == before


def test_a_history_that_is_too_short_is_bad_input(tmp_path, monkeypatch):
    parcels(tmp_path / "models", weeks=2, period={"every": "week", "start": "2024-01-01", "end": "2024-01-15"})
    environment(monkeypatch, tmp_path, tmp_path / "home")
    assert "is too short to replay" in retrain("backtest", "delivery", code=2).output
