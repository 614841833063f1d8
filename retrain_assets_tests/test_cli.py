"""Every subcommand of `retrain` as a person types it: what it prints, its exit code, and what it leaves behind."""

import json
import os
import re
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path

import click
import dagster as dg
import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from retrain_assets import cli
from retrain_assets.alerts import read as read_alerts
from retrain_assets.registry.registry import Registry
from retrain_assets.story import decisions
from retrain_assets.validation.schema import PUBLISHED
from retrain_assets_tests.small_world import SPEC, make_world, rows_of

PERIODS = [f"2024-{day}" for day in ("01-01", "01-08", "01-15", "01-22", "01-29", "02-05", "02-12")]
FIRST = PERIODS[2]
"""The week that has enough behind it for a first model: two to train on, one to judge by."""

CHANGES = {
    "period": {"every": "week", "start": "2024-01-01", "end": "2024-02-19"},
    "windows": SPEC["windows"] | {"min_train_periods": 2, "recent_periods": 2, "selection_origins": 1},
}
DECISION = {"at", "period", "action", "from_version", "to_version", "actor", "reason"}


def environment(patch, folder, home):
    """A home and a folder of specs of their own, and nobody's DAGSTER_HOME; all of it is put back afterwards."""
    patch.setenv("RETRAIN_HOME", str(home))
    patch.setenv("RETRAIN_MODELS", str(folder / "models"))
    patch.setenv("DAGSTER_HOME", str(home / "dagster"))
    patch.setenv("USER", "ada")
    patch.setenv("COLUMNS", "200")
    patch.delenv("RETRAIN_ALERT_URLS", raising=False)
    patch.chdir(folder)


def retrain(*words, code=0):
    """Run the command and require its exit code; the result with what it printed."""
    result = CliRunner().invoke(cli.main, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def registry(home):
    return Registry(home / "registry", "delivery")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """A folder in which `retrain demo` has replayed seven weeks with a change after the third, in two calls.

    `young` is the home after the first call, which ends with the first model, and `home` after the second.
    """
    folder = tmp_path_factory.mktemp("replayed")
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(folder / "models", rows_of(7, slower_from=3), instance, **CHANGES)
    with pytest.MonkeyPatch.context() as patch:
        environment(patch, folder, folder / "home")
        first = retrain("demo", "--model", "delivery", "--until", FIRST).output
        shutil.copytree(folder / "home", folder / "young")
        second = retrain("demo", "--model", "delivery").output
    return folder, (first, second)


@pytest.fixture
def at_home(replayed, monkeypatch):
    """The replayed home, for commands that only read it."""
    environment(monkeypatch, replayed[0], replayed[0] / "home")
    return replayed[0] / "home"


@pytest.fixture
def own_home(replayed, monkeypatch, tmp_path):
    """A copy of the replayed home, for commands that change it."""
    environment(monkeypatch, replayed[0], tmp_path / "home")
    return Path(shutil.copytree(replayed[0] / "home", tmp_path / "home"))


@pytest.fixture
def young_home(replayed, monkeypatch, tmp_path):
    """A copy of the home in which the first model has just become live."""
    environment(monkeypatch, replayed[0], tmp_path / "home")
    return Path(shutil.copytree(replayed[0] / "young", tmp_path / "home"))


@pytest.fixture
def empty_home(replayed, monkeypatch, tmp_path):
    """A home in which nothing has happened yet."""
    folder, _ = replayed
    environment(monkeypatch, folder, tmp_path / "home")
    return tmp_path / "home"


# ---- every command


@pytest.mark.parametrize("name", sorted(cli.main.commands))
def test_help_shows_an_example_that_names_the_command_and_its_options(name):
    text = retrain(name, "--help").output
    example = re.search(rf"Example: retrain {name}\b(.*)", text)
    assert example
    known = {option for parameter in cli.main.commands[name].params for option in parameter.opts}
    assert set(re.findall(r"--[a-z]+", example[1])) <= known


def test_the_commands_of_the_first_version_are_there():
    wanted = {"demo", "check", "run", "monitor", "status", "history", "explain", "rollback", "verify"}
    assert wanted <= set(cli.main.commands)


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


def test_a_period_of_the_demo_that_is_none_is_bad_input(empty_home):
    assert (
        "expected a week like '2024-01-01'" in retrain("demo", "--model", "delivery", "--until", "March", code=2).stderr
    )


def test_a_wrong_spec_is_bad_input_with_its_line(empty_home, monkeypatch, tmp_path):
    (tmp_path / "odd.yaml").write_text("name: odd\nname: even\n")
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path))
    for command in ("status", "check"):
        assert f"{tmp_path / 'odd.yaml'}:2: the key 'name' stands twice" in retrain(command, code=2).stderr


# ---- demo


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
    assert "cool-down until 2024-02-05" in lines[PERIODS[4]]
    assert re.search(r"excess_loss +promoted v2: mae", lines[PERIODS[5]])
    assert "excess loss 0 of 1,000" in lines[PERIODS[6]]


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


# ---- check, monitor, run


def test_check_holds_for_good_data(at_home):
    warned, held = retrain("check", "delivery").output.splitlines()
    assert held == "delivery: spec and data contract hold (420 rows in 2024-01-01)"
    assert "8 weeks end before the test can find a harm where days resemble each other" in warned


def test_check_goes_through_every_model_and_answers_no_when_one_does_not_hold(empty_home, monkeypatch, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(tmp_path / "short", rows_of(1), instance, contract={"min_rows": 500})
        make_world(tmp_path / "zgone", rows_of(1), instance, name="zgone")
    (tmp_path / "zgone" / "rows.parquet").unlink()
    monkeypatch.setenv("RETRAIN_MODELS", os.pathsep.join([str(tmp_path / "short"), str(tmp_path / "zgone")]))
    output = retrain("check", code=1).output
    for name in ("taxi_charge", "flight_delays", "employment"):
        assert f"{name}: spec and data contract hold" in output
    assert "rows.parquet, 2024-01-01: 420 usable rows, 500 needed" in output
    assert "rows.parquet: no such file. Name an existing file" in output


def test_a_retrain_without_data_is_no_and_says_what_is_missing(empty_home):
    output = retrain("run", "delivery", "--period", PERIODS[0], code=1).output
    assert output.startswith("insufficient: ")
    assert "no period up to 2024-01-01 is ingested yet" in output
    assert "Monitor every period from 2024-01-01 on first" in output


def test_a_retrain_of_a_decided_period_is_no_for_its_rows_are_spent(own_home):
    before = registry(own_home).history()
    end = json.loads(retrain("run", "delivery", "--period", PERIODS[5], "--json", code=1).stdout)
    assert end["outcome"] == "refused"
    assert "GateRowsSpent" in end["cause"]
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


# ---- status, history, explain


def test_status_tells_where_each_model_stands(at_home):
    records = {record["model"]: record for record in json.loads(retrain("status", "--json").stdout)}
    assert set(records) == {"delivery", "employment", "flight_delays", "taxi_charge"}
    live = registry(at_home).live()
    mine = records["delivery"]
    assert (mine["live"], mine["decided_in"], mine["last_period"]) == (live.name, live.period, PERIODS[-1])
    assert mine["age_periods"] == PERIODS.index(PERIODS[-1]) - PERIODS.index(live.period)
    assert all(mine[name] for name in ("drift", "performance", "next_retrain"))
    assert records["employment"]["live"] is None


def test_status_is_readable_too(at_home):
    lines = retrain("status", "delivery").output.splitlines()
    assert lines[0] == "delivery"
    assert re.search(rf"^  last period +{PERIODS[-1]}$", "\n".join(lines), re.M)


def test_history_lists_every_decision_with_the_promised_fields(at_home):
    records = json.loads(retrain("history", "delivery", "--json").stdout)
    events = decisions(registry(at_home))
    assert {event.action for event in registry(at_home).history()} - {event.action for event in events} == {"passed"}
    assert [set(record) for record in records] == [DECISION] * len(events)
    assert [record["action"] for record in records] == [event.action for event in events]
    assert (records[0]["action"], records[0]["from_version"], records[0]["to_version"]) == ("bootstrap", None, "v1")
    moments = [datetime.fromisoformat(record["at"]) for record in records]
    assert moments == sorted(moments)
    assert moments[0] == datetime(2024, 1, 22)  # the replayed clock stands at the end of the third week
    lines = retrain("history", "delivery").output.splitlines()
    assert [line.split()[0] for line in lines] == [f"e{event.seq}" for event in events], "as `explain` counts"


def test_the_history_of_a_new_model_says_how_to_begin(empty_home):
    assert "no decision yet. Run `retrain demo --model delivery`" in retrain("history", "delivery").output
    assert retrain("history", "delivery", "--json").stdout == "[]\n"


def test_explain_tells_why_the_live_model_is_live(at_home):
    text = retrain("explain", "delivery").output
    found = registry(at_home)
    live, promotion = found.live(), next(e for e in found.history() if e.to_version == found.live().name)
    assert text.startswith(f"delivery: {live.name} replaced v1 (at ")
    assert f"Why: {promotion.reason}" in text
    verdict = found.verdict(live)
    assert f"It was judged on {verdict.gate.rows:,} fresh rows from {verdict.gate.start[:10]}" in text
    for check in ("significance", "guardrails", "fairness", "regression_suite"):
        assert re.search(rf"\[pass\] +{check}: ", text)
    assert "It looks most at distance" in text  # distance makes most of the minutes, see `rows_of`
    assert "It is live." in text


def test_explain_takes_a_version_or_the_period_of_an_attempt(at_home):
    assert "v1 became the first live model" in retrain("explain", "delivery", "v1").output
    assert f"Live today: {registry(at_home).live().name}" in retrain("explain", "delivery", "v1").output
    refused = next(event for event in registry(at_home).history() if event.action in ("rejected", "insufficient"))
    text = retrain("explain", "delivery", refused.period).output
    assert f"a candidate was not promoted: {refused.action}" in text
    assert "v1 stayed live" in text


def test_report_tells_the_last_judgement_in_words_or_that_of_a_period(at_home):
    first = registry(at_home).history()[0]
    assert retrain("report", "delivery").output.startswith(("May be promoted", "Not promoted"))
    assert retrain("report", "delivery", first.period).output.startswith("May be promoted as the first live model")
    assert "no validation report of '2031-01-06'" in retrain("report", "delivery", "2031-01-06", code=2).stderr


def test_report_as_json_keeps_the_published_schema_and_quotes_the_verdict(at_home):
    first = registry(at_home).history()[0]
    record = json.loads(retrain("report", "delivery", first.period, "--json").stdout)
    Draft202012Validator(json.loads(PUBLISHED.read_text())).validate(record)
    assert (record["decision"], record["sha256"]) == ("promote", first.evidence)


def test_report_and_card_write_the_same_html_each_time(at_home, tmp_path):
    for words in (("report", "delivery"), ("card", "delivery", "v1")):
        page, again = tmp_path / f"{words[0]}.html", tmp_path / f"{words[0]}2.html"
        assert f"wrote {page}" in retrain(*words, "--html", page).stderr
        retrain(*words, "--html", again)
        assert page.read_bytes() == again.read_bytes()
        assert page.read_bytes().startswith(b"<!DOCTYPE html>")


def test_the_report_file_beside_the_record_is_what_the_command_writes(at_home, tmp_path):
    period = registry(at_home).history()[0].period
    retrain("report", "delivery", period, "--html", tmp_path / "report.html")
    beside = at_home / "data" / "delivery" / "validation_report" / f"{period}.html"
    assert (tmp_path / "report.html").read_bytes() == beside.read_bytes()


def test_card_describes_the_live_version_or_the_one_named(at_home):
    live = registry(at_home).live().name
    assert retrain("card", "delivery").stdout.startswith(f"# Model card: delivery {live}\n")
    assert retrain("card", "delivery", "v1").stdout.startswith("# Model card: delivery v1\n")
    assert "no version 'v77'" in retrain("card", "delivery", "v77", code=2).stderr


def test_the_monitoring_report_is_there_in_words_as_json_and_as_one_file_the_same_each_time(at_home, tmp_path):
    week = PERIODS[3]
    words = retrain("report", "delivery", week, "--monitoring").output
    record = json.loads(retrain("report", "delivery", week, "--monitoring", "--json").stdout)
    assert words.startswith(record["drift_report"]["sentence"])
    assert record["performance_report"]["report"]["sentence"] in words
    for name in ("first.html", "second.html"):
        retrain("report", "delivery", week, "--monitoring", "--html", tmp_path / name)
    page = (tmp_path / "first.html").read_bytes()
    assert page == (tmp_path / "second.html").read_bytes()
    for said in (b"<h1>Drift report: delivery 2024-01-22", b"<h1>Performance report: delivery 2024-01-22"):
        assert said in page
    assert PERIODS[-1] in retrain("report", "delivery", "--monitoring").output
    assert "no monitoring report of '2031-01-06'" in retrain(
        "report", "delivery", "2031-01-06", "--monitoring", code=2
    ).stderr  # fmt: skip


def test_before_any_judgement_report_and_card_say_what_to_run(empty_home):
    assert "Run `retrain monitor delivery" in retrain("report", "delivery", "--monitoring", code=2).stderr
    assert "Run `retrain run delivery --period P`" in retrain("report", "delivery", code=2).stderr
    assert "no live version, so there is no card" in retrain("card", "delivery", code=2).stderr
    assert not empty_home.exists()


def test_an_unknown_decision_is_bad_input_and_the_known_ones_are_named(at_home):
    sentence = retrain("explain", "delivery", "v77", code=2).stderr
    assert sentence.startswith("retrain: delivery: no decision 'v77'. Known: 2024-01-15, ")
    assert "v1, v2" in sentence


@pytest.mark.parametrize(
    "day", ["2024-01-10", "2024-01-21", "2024-01-22", "2024-02-05", PERIODS[5], "2024-02-19", "2030-01-01"]
)
def test_explain_answers_for_any_past_moment_of_a_replay(at_home, day):
    record = json.loads(retrain("explain", "delivery", "--at", day, "--json").stdout)
    served = registry(at_home).served_at(datetime.fromisoformat(day) + timedelta(days=1, microseconds=-1))
    text = retrain("explain", "delivery", "--at", day).output
    if served is None:
        assert record["decision"] is None
        assert "no version was live at" in text
        assert "The next was v1" in text
        return
    assert record["tenure"]["version"] == served.name
    assert record["decision"]["actor"] == "ada"
    assert record["training"]["rows"] > 0
    assert f"{served.name} was live, since {served.at:%Y-%m-%d %H:%M}" in text
    assert "It was judged on" in text


def test_explain_tells_what_was_tried_while_a_version_was_live_and_how_it_did_and_left(at_home):
    text = retrain("explain", "delivery", "--at", "2024-02-01").output
    assert re.search(rf"v1 served {PERIODS[3]} to {PERIODS[5]}: mean loss [\d.]+ on [\d,]+ rows, promoted with", text)
    assert re.search(rf"While it was live:\n  e3 {PERIODS[3]} rejected by ada: significance: ", text)
    assert re.search(rf"It left at 2024-02-12 00:00 \(as of {PERIODS[5]}, by ada\): v2 replaced it", text)


def test_the_number_that_history_shows_is_the_one_that_explain_takes(at_home):
    for line in retrain("history", "delivery").output.splitlines():
        number, period, action = line.split()[:3]
        assert f"as of {period}, by ada, {number})" in retrain("explain", "delivery", number).output
        assert "(ada, 2024-" in line
        assert action in ("bootstrap", "rejected", "promoted")


def test_a_moment_that_is_none_is_bad_input(at_home):
    assert "'May' is no day like 2019-05-03" in retrain("explain", "delivery", "--at", "May", code=2).stderr


def test_a_model_without_decisions_cannot_be_explained(empty_home):
    assert "no decision yet. Run `retrain demo" in retrain("explain", "delivery", code=2).stderr


# ---- rollback, verify


def test_rollback_puts_the_former_version_back_and_explain_says_so(own_home):
    assert registry(own_home).live().name == "v2"
    assert retrain("rollback", "delivery", "--reason", "drivers complain").output.startswith("rolled_back (run ")
    event = registry(own_home).history()[-1]
    assert (event.action, event.from_version, event.to_version) == ("rolled_back", "v2", "v1")
    assert (event.reason, event.actor) == ("drivers complain", "ada")
    told = [(alert.kind, alert.sentence) for alert in read_alerts(own_home)]
    assert told == [("rolled_back", "v1 is live, it was v2: drivers complain")]
    text = retrain("explain", "delivery").output
    assert "v2 was rolled back to v1" in text
    assert "Why: drivers complain" in text


def test_a_rollback_behind_the_first_model_goes_to_the_fallback_and_one_more_is_refused_and_changes_nothing(own_home):
    retrain("rollback", "delivery", "--reason", "first")
    retrain("rollback", "delivery", "--reason", "second")
    before = registry(own_home).history()
    assert (before[-1].from_version, before[-1].to_version) == ("v1", "v0")
    sentence = retrain("rollback", "delivery", "--reason", "third", code=2).stderr
    assert "delivery: live is v0; versions served before and not rolled back: none" in sentence
    assert "Retrain to get another version" in sentence
    assert registry(own_home).history() == before


def test_a_rollback_without_a_live_model_is_refused(empty_home):
    sentence = retrain("rollback", "delivery", "--reason", "x", code=2).stderr
    assert "no version is live, so there is nothing to roll back. Run `retrain status delivery`" in sentence


def test_a_rollback_needs_a_reason(own_home):
    assert "--reason" in retrain("rollback", "delivery", code=2).stderr


def test_verify_is_quiet_about_a_whole_registry(at_home):
    assert retrain("verify", "delivery").output == "delivery: every digest and the journal's chain hold\n"
    assert json.loads(retrain("verify", "--json").stdout) == dict.fromkeys(
        ("delivery", "employment", "flight_delays", "taxi_charge"), []
    )


@pytest.mark.parametrize("pattern", ["versions/*/model.bst", "verdicts/*.json", "journal/*1.json"])
def test_verify_notices_a_flipped_byte(own_home, pattern):
    path = sorted(registry(own_home).folder.glob(pattern))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    output = retrain("verify", "delivery", code=1).output
    assert path.stem in output or path.parent.name in output
    assert any(json.loads(retrain("verify", "delivery", "--json", code=1).stdout)["delivery"])


# ---- dev


def test_dev_starts_dagster_on_this_home_and_this_machine_only(empty_home, monkeypatch):
    started = []
    monkeypatch.setattr(os, "execv", lambda path, words: started.append((path, words)))
    retrain("dev", "--port", "3456")
    ((path, words),) = started
    assert Path(path).parent == Path(sys.executable).parent
    assert words[1:] == ["dev", "-m", "retrain_assets.definitions", "-h", "127.0.0.1", "-p", "3456"]
    assert Path(os.environ["DAGSTER_HOME"]) == empty_home / "dagster"
    config = yaml.safe_load((empty_home / "dagster" / "dagster.yaml").read_text())
    assert config["concurrency"]["pools"]["default_limit"] == 1


def test_the_spec_of_these_tests_is_the_one_of_the_small_world(replayed):
    spec = yaml.safe_load((replayed[0] / "models" / "delivery.yaml").read_text())
    assert spec == yaml.safe_load(yaml.safe_dump(SPEC | CHANGES))
    assert isinstance(cli.main, click.Group)
