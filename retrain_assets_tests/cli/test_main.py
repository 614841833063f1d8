"""Every subcommand of `retrain` as a person types it: what it prints, its exit code, and what it leaves behind."""

import json
import re
import shutil

import click
import dagster as dg
import pytest
import yaml

from benchmarks.worlds.parcels import SPEC
from retrain_assets.cli import main
from retrain_assets_tests.commanded import CHANGES, FIRST, PERIODS, registry, retrain


@pytest.mark.parametrize("name", sorted(main.main.commands))
def test_help_shows_an_example_that_names_the_command_and_its_options(name):
    text = retrain(name, "--help").output
    example = re.search(rf"Example: retrain {name}\b(.*)", text)
    assert example
    known = {option for parameter in main.main.commands[name].params for option in parameter.opts}
    assert set(re.findall(r"--[a-z]+", example[1])) <= known


def test_the_commands_of_the_first_version_are_there():
    wanted = {"demo", "check", "run", "monitor", "status", "history", "explain", "rollback", "verify"}
    assert wanted <= set(main.main.commands)


@pytest.mark.parametrize(
    "words",
    [
        ("demo", "--model", "parcels"),
        ("check", "parcels"),
        ("run", "parcels", "--period", "2024-01-01"),
        ("monitor", "parcels", "--period", "2024-01-01"),
        ("status", "parcels"),
        ("history", "parcels"),
        ("explain", "parcels"),
        ("report", "parcels"),
        ("card", "parcels"),
        ("rollback", "parcels", "--reason", "x"),
        ("verify", "parcels"),
    ],
)
def test_an_unknown_model_is_bad_input_and_the_known_ones_are_named(empty_home, words):
    result = retrain(*words, code=2)
    assert result.stdout == ""
    assert result.stderr == (
        "retrain: no model 'parcels'; known: delivery, employment, flight_delays, taxi_charge. "
        "RETRAIN_MODELS names further folders.\n"
    )
    assert not empty_home.exists()


@pytest.mark.parametrize("command", ["run", "monitor"])
@pytest.mark.parametrize(
    ("period", "sentence"),
    [
        ("2024-13-01", "period '2024-13-01' is not one of this model's: expected a week like '2024-01-01'"),
        ("2024-01-03", "period '2024-01-03' does not begin a week; '2024-01-01' does"),
        ("2024-02-19", "delivery has no period 2024-02-19"),
        ("2023-12-25", "delivery has no period 2023-12-25"),
    ],
)
def test_an_unknown_period_is_bad_input(empty_home, command, period, sentence):
    assert sentence in retrain(command, "delivery", "--period", period, code=2).stderr
    assert not empty_home.exists()


@pytest.mark.parametrize("period", ["1999-01-04", "2023-12-25", "2024-02-19", "2024-02-26"])
@pytest.mark.parametrize(
    "words",
    [
        ("run", "delivery", "--period"),
        ("monitor", "delivery", "--period"),
        ("promote", "delivery", "--period"),
        ("approve", "delivery", "--until", "2030-01-01", "--reason", "x", "--period"),
        ("suite", "add", "delivery", "12", "--reason", "x", "--period"),
        ("demo", "--model", "delivery", "--until"),
    ],
)
def test_a_period_outside_the_spec_is_named_with_the_first_and_the_last(empty_home, words, period):
    sentence = retrain(*words, period, code=2).stderr
    assert sentence.startswith(f"retrain: delivery has no period {period} (")
    assert "its periods go from 2024-01-01 to 2024-02-12, the last that has ended. Name one of these." in sentence
    assert not empty_home.exists()


def test_hard_cases_of_a_period_outside_the_spec_are_bad_input(at_home):
    sentence = retrain("suite", "harvest", "delivery", "--period", "1999-01-04", code=2).stderr
    assert "delivery has no period 1999-01-04" in sentence


def test_a_period_of_the_demo_that_is_none_is_bad_input(empty_home):
    assert (
        "expected a week like '2024-01-01'" in retrain("demo", "--model", "delivery", "--until", "March", code=2).stderr
    )


def test_a_wrong_spec_is_bad_input_with_its_line(empty_home, monkeypatch, tmp_path):
    (tmp_path / "odd.yaml").write_text("name: odd\nname: even\n")
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path))
    for command in ("status", "check"):
        assert f"{tmp_path / 'odd.yaml'}:2: the key 'name' stands twice" in retrain(command, code=2).stderr


def rows_printed(text):
    """The lines of the demo's table, by period."""
    return {line[:10]: line for line in text.splitlines() if line[:10] in PERIODS}


def test_the_demo_prints_a_line_for_every_period_and_a_second_one_goes_on_where_it_stopped(replayed):
    first, second = (rows_printed(text) for text in replayed[1])
    assert (list(first), list(second)) == (PERIODS[:3], PERIODS[3:])
    lines = first | second
    assert all(re.match(r"\S+ +420 ", line) for line in lines.values())  # 60 parcels a day
    assert "wait 2 periods" in lines[PERIODS[0]]
    assert "bootstrap v1: mae" in lines[FIRST]
    assert re.search(r"excess_loss +rejected", lines[PERIODS[3]])  # nothing was trained on a slower week yet
    assert "cool-down until the week of 5 February 2024" in lines[PERIODS[4]]
    assert re.search(r"excess_loss +promoted v2: mae", lines[PERIODS[5]])
    assert "no retrain due: 0 of the 1,000 of excess loss" in lines[PERIODS[6]]


def test_the_demo_ends_with_what_was_decided_and_what_it_was_worth(replayed):
    folder, (first, second) = replayed
    assert "Decisions: 1 bootstrap\n" in first
    assert "Nothing was promoted after the first model: no evidence asked for a retrain." in first
    assert "3 periods in" in first
    assert "Decisions: 1 bootstrap, 1 rejected, 1 promoted\n" in second
    found = re.search(r"all +([\d,]+) rows +served ([\d.]+) +never retrained ([\d.]+)", second)
    assert found
    assert int(found[1].replace(",", "")) == 4 * 420 - 60  # every scored parcel but those of the last day
    assert float(found[2]) < float(found[3])  # the world became half an hour slower, and the first model never knows
    assert registry(folder / "home").live().name == "v2"
    assert f"Live: v2, decided in {PERIODS[5]}." in second
    assert "4 periods in" in second
    assert "retrain explain delivery" in second


def test_a_demo_before_the_first_model_says_that_there_is_nothing_to_compare(empty_home):
    printed = retrain("demo", "--model", "delivery", "--until", PERIODS[0]).output
    assert "Decisions: none" in printed
    assert "No model has been promoted yet" in printed


def test_a_demo_of_what_is_done_says_so_and_repeats_the_summary(own_home):
    before = registry(own_home).history()
    again = retrain("demo", "--model", "delivery").output
    assert rows_printed(again) == {}
    assert "is left to monitor" in again
    assert "Decisions:" in again
    assert registry(own_home).history() == before


def test_the_runs_of_the_demo_stay_in_the_instance_that_the_ui_shows(at_home):
    with dg.DagsterInstance.get() as instance:
        assert instance.root_directory == str(at_home / "dagster")
        key = dg.AssetKey(["delivery", "raw_data"])
        assert instance.get_materialized_partitions(key) == set(PERIODS)
        users = {run.tags["dagster/user"] for run in instance.get_runs()}
    assert users == {"ada"}


def test_a_retrain_without_data_is_no_and_says_what_is_missing(empty_home):
    output = retrain("run", "delivery", "--period", PERIODS[0], code=1).output
    assert output.startswith("insufficient: ")
    assert "no period up to 2024-01-01 is ingested yet" in output
    assert "Monitor every period from 2024-01-01 on first" in output


def test_a_retrain_of_the_period_that_promoted_the_live_version_answers_with_that_decision(own_home):
    before = registry(own_home).history()
    end = json.loads(retrain("run", "delivery", "--period", PERIODS[5], "--json").stdout)
    assert (end["outcome"], end["cause"]) == ("promoted", "")
    assert registry(own_home).history() == before


def test_a_retrain_that_promotes_is_yes(young_home):
    shutil.rmtree(young_home / "registry")
    assert retrain("run", "delivery", "--period", FIRST).output.startswith("promoted (run ")
    judged, event = registry(young_home).history()
    assert judged.action == "passed"
    assert (event.action, event.period, event.actor) == ("bootstrap", FIRST, "ada")


def test_a_retrain_that_is_rejected_is_no_and_says_why(young_home):
    end = json.loads(retrain("monitor", "delivery", "--period", PERIODS[3], "--json").stdout)
    assert (end["outcome"], end["cause"]) == ("done", "")
    with dg.DagsterInstance.get() as instance:
        assert instance.get_run_by_id(end["run_id"]).status is dg.DagsterRunStatus.SUCCESS
    end = json.loads(retrain("run", "delivery", "--period", PERIODS[3], "--json", code=1).stdout)
    assert end["outcome"] == "rejected"
    assert end["cause"] == registry(young_home).history()[-1].reason
    assert end["cause"].startswith("significance: mae ")


def test_the_spec_of_these_tests_is_the_one_of_the_small_world(replayed):
    spec = yaml.safe_load((replayed[0] / "models" / "delivery.yaml").read_text())
    assert spec == yaml.safe_load(yaml.safe_dump(SPEC | CHANGES))
    assert isinstance(main.main, click.Group)
