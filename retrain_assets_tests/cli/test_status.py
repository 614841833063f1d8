"""What `retrain` tells about a model's present and past: status, history, explain."""

import json
import re
import shutil
from datetime import datetime, timedelta

import pytest

from retrain_assets.audit.status import decisions
from retrain_assets_tests.commanded import DECISION, PERIODS, registry, retrain


def test_status_tells_where_each_model_stands(at_home):
    records = {record["model"]: record for record in json.loads(retrain("status", "--json").stdout)}
    assert set(records) == {"delivery", "employment", "flight_delays", "taxi_charge"}
    live = registry(at_home).live()
    mine = records["delivery"]
    assert (mine["live"], mine["decided_in"], mine["last_period"]) == (live.name, live.period, PERIODS[-1])
    assert mine["age_periods"] == PERIODS.index(PERIODS[-1]) - PERIODS.index(live.period)
    assert all(mine[name] for name in ("drift", "performance", "next_retrain"))
    assert records["employment"]["live"] is None


def test_status_is_a_line_a_model_and_one_that_never_ran_says_how_to_begin(at_home):
    lines = {line.split()[0]: line for line in retrain("status").output.splitlines()}
    live = registry(at_home).live().name
    assert re.match(rf"delivery +{live} +was well +promoted {live} +watching ended$", lines["delivery"])
    assert re.match(r"employment +- +never ran +- +`retrain replay employment`$", lines["employment"])
    assert set(lines) == {"model", "delivery", "employment", "flight_delays", "taxi_charge"}


def test_a_damaged_journal_hides_no_other_model(own_home):
    last = registry(own_home).folder / "journal" / "00000001.json"
    last.chmod(0o644)
    last.write_bytes(last.read_bytes()[:200])
    said = retrain("status", code=2)
    lines = {line.split()[0]: line for line in said.stdout.splitlines()}
    assert re.match(r"delivery +- +damaged +- +`retrain verify delivery`$", lines["delivery"])
    assert {"employment", "flight_delays", "taxi_charge"} < set(lines)
    assert "delivery: " in said.stderr
    assert "00000001.json" in said.stderr
    records = {one["model"]: one for one in json.loads(retrain("status", "--json", code=2).stdout)}
    assert records["delivery"]["health"] == "damaged"
    assert records["employment"]["health"] == "never ran"
    assert "00000001.json" in retrain("status", "delivery", code=2).stderr


def test_a_terminal_too_narrow_for_columns_gets_all_of_them_below_one_another(at_home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    printed, live = retrain("status").output, registry(at_home).live().name
    assert max(map(len, printed.splitlines())) <= 40
    said = " ".join(printed.split())
    assert f"delivery: {live}, was well; promoted {live}; next: watching ended" in said
    assert "employment: never ran; next: `retrain replay employment`" in said


def test_damaged_files_of_the_live_version_and_a_lost_history_come_before_anything_else(own_home):
    model = registry(own_home).folder / "versions" / registry(own_home).live().digest / "model.bst"
    model.chmod(0o644)
    model.write_bytes(b"another model")
    told = retrain("status", "delivery").output
    assert "model.bst has digest " in told
    assert "`retrain verify delivery` says what to restore (team:tests owns it)" in told
    assert re.search(r"delivery +v2 +damaged +promoted v2 +`retrain verify delivery`", retrain("status").output)
    shutil.rmtree(registry(own_home).folder)
    lost = retrain("status", "delivery").output
    assert re.search(r"is it well +no: the registry holds no history, and there was one", lost)
    assert "what comes next     nothing before it is restored" in lost


def test_one_model_is_told_in_five_answers(at_home):
    name, *lines = retrain("status", "delivery").output.splitlines()
    told = dict(re.split(r" {2,}", line.strip(), maxsplit=1) for line in lines if line[2] != " ")
    live = registry(at_home).live()
    assert name == "delivery (as of the week of 12 February 2024; owner: team:tests)"
    assert list(told) == [
        "is it well", "what to do now", "what is live", "what happened last", "what comes next"
    ]  # fmt: skip
    assert told["what is live"].startswith(f"{live.name}, since {live.at:%Y-%m-%d}, ")
    assert told["is it well"].startswith(f"it was when looked at last, but watching ended on 2024-02-19: {live.name} ")
    assert told["what to do now"].startswith("move period.end in the spec (2024-02-19), or take it out, to go on")


@pytest.mark.usefixtures("at_home")
def test_the_details_are_shown_on_request():
    text = retrain("status", "delivery", "--details").output
    assert text.splitlines()[0].startswith("delivery (as of the week of ")
    assert re.search(rf"^  last period +{PERIODS[-1]}$", text, re.M)
    assert text in retrain("status", "--details").output


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
    assert "no decision yet. Run `retrain replay delivery`" in retrain("history", "delivery").output
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
    assert text.startswith(f"delivery: {refused.from_version} was kept (at ")
    assert f"Live today: {registry(at_home).live().name}, decided in " in text


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
    assert record["decision"]["actor"] == "ada in a replay"
    assert record["training"]["rows"] > 0
    assert f"{served.name} was live, since {served.at:%Y-%m-%d %H:%M}" in text
    assert "It was judged on" in text


def test_explain_tells_what_was_tried_while_a_version_was_live_and_how_it_did_and_left(at_home):
    text = retrain("explain", "delivery", "--at", "2024-02-01").output
    assert re.search(
        rf"v1 served {PERIODS[3]} to {PERIODS[5]}: it was off by [\d.]+ a row on average \([\d,]+ rows\); expected",
        text,
    )
    assert re.search(
        rf"While it was live:\n  e3 {PERIODS[3]} kept v1, by ada in a replay: the new model was not ", text
    )
    assert re.search(rf"It left at 2024-02-12 00:00 \(as of {PERIODS[5]}, by ada in a replay\): v2 replaced it", text)


def test_the_number_that_history_shows_is_the_one_that_explain_takes(at_home):
    for line in retrain("history", "delivery").output.splitlines():
        number, period, action = line.split()[:3]
        assert f"as of {period}, by ada in a replay, {number})" in retrain("explain", "delivery", number).output
        assert "(ada in a replay, 2024-" in line
        assert action in ("first", "kept", "promoted")


def test_a_moment_that_is_none_is_bad_input(at_home):
    assert "'May' is no day like 2019-05-03" in retrain("explain", "delivery", "--at", "May", code=2).stderr


def test_a_model_without_decisions_cannot_be_explained(empty_home):
    assert "no decision yet. Run `retrain replay" in retrain("explain", "delivery", code=2).stderr


@pytest.mark.parametrize("name", [(), ("delivery",)])
def test_where_nothing_ran_the_folder_that_was_looked_at_is_named(empty_home, name):
    assert f"Looked at {empty_home}, which does not exist yet." in " ".join(retrain("status", *name).output.split())
    empty_home.mkdir()
    assert f"Looked at {empty_home}, which is where nothing ran yet." in " ".join(
        retrain("status", *name).output.split()
    )


@pytest.mark.usefixtures("at_home")
def test_where_a_model_ran_no_folder_is_named():
    assert "Looked at" not in retrain("status").output
