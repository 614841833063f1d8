"""A model's documents as words, as a file and as JSON: report, card."""

import json

import pytest
from jsonschema import Draft202012Validator

from retrain_assets.validation.pages.schema import PUBLISHED
from retrain_assets_tests.commanded import PERIODS, registry, retrain


def test_report_tells_the_last_judgement_in_words_or_that_of_a_period(at_home):
    first = registry(at_home).history()[0]
    assert retrain("report", "delivery").output.startswith(("May be promoted", "Not promoted"))
    assert retrain("report", "delivery", first.period).output.startswith("May be promoted as the first live model")
    assert "no validation report of '2031-01-06'" in retrain("report", "delivery", "2031-01-06", code=2).stderr


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("command", ["report", "explain"])
def test_a_period_that_was_only_monitored_names_the_command_that_tells_of_it(command):
    said = retrain(command, "delivery", PERIODS[0], code=2).stderr
    assert f"{PERIODS[0]} was only monitored: `retrain report delivery {PERIODS[0]} --monitoring`" in said
    assert "monitored" not in retrain(command, "delivery", "2031-01-06", code=2).stderr
    assert retrain("report", "delivery", PERIODS[0], "--monitoring").output


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
    told = json.loads(retrain("card", "delivery", "v1", "--json").stdout)
    assert (told["model"], told["version"]) == ("delivery", "v1")
    assert told["card"].startswith("# Model card: delivery v1\n")


def test_a_card_is_laid_out_to_the_width_of_the_terminal(at_home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    said = retrain("card", "delivery", "v1").stdout.splitlines()
    assert max(map(len, said)) <= 80
    assert any("Model card: delivery v1" in line for line in said)


def test_periods_summed_up_fit_a_narrow_terminal(at_home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    said = retrain("report", "delivery", "--by", "month").stdout.splitlines()
    assert max(map(len, said)) <= 80
    assert any(line.startswith("  first model v1") for line in said)


def test_periods_summed_up_can_be_read_by_a_program_and_go_with_nothing_else(at_home):
    told = json.loads(retrain("report", "delivery", "--by", "month", "--json").stdout)
    assert [one["span"] for one in told] == ["2024-01", "2024-02"]
    assert "leave the others out" in retrain("report", "delivery", PERIODS[3], "--by", "month", code=2).stderr


def test_the_monitoring_report_is_there_in_words_as_json_and_as_one_file_the_same_each_time(at_home, tmp_path):
    week = PERIODS[3]
    words = retrain("report", "delivery", week, "--monitoring").output
    record = json.loads(retrain("report", "delivery", week, "--monitoring", "--json").stdout)
    assert words.startswith("v1 was worse than expected in the week of ")
    assert record["performance_report"]["report"]["sentence"] in words
    assert record["drift_report"]["sentence"] in words
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
