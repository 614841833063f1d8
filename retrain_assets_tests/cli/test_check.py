"""`retrain check` in a terminal: one screen that never calls ready what cannot work."""

import json
import os
import re
import sys
from io import StringIO

import dagster as dg
import pytest

from benchmarks.worlds.parcels import make_world, rows_of
from retrain_assets.cli import check
from retrain_assets.onboarding.outlook import Outlook
from retrain_assets.onboarding.survey import PeriodFindings
from retrain_assets.spec.loading import SHIPPED, load_spec
from retrain_assets_tests.commanded import retrain


def test_a_model_that_can_work_says_when_it_begins_and_what_is_not_asked(at_home):
    output = retrain("check", "delivery").output
    assert "delivery can work: the first model can be judged as of" in output.splitlines()[-1]
    assert "8 weeks end before a harm of 1 standard deviation between blocks can be ruled out" in output
    assert "triggers.retrain_cost" not in output
    assert "2024-02-12" in output


def test_every_model_is_read_and_the_answer_is_no_when_one_cannot_work(empty_home, monkeypatch, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(tmp_path / "short", rows_of(1), instance, contract={"min_rows": 500})
        make_world(tmp_path / "zgone", rows_of(1), instance, name="zgone")
    (tmp_path / "zgone" / "rows.parquet").unlink()
    monkeypatch.setenv("RETRAIN_MODELS", os.pathsep.join([str(tmp_path / "short"), str(tmp_path / "zgone")]))
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    output = retrain("check", code=1).output
    assert "delivery cannot work as it is:" in output
    assert "420 usable rows, 500 needed" in output
    assert "rows.parquet: no such file. Name an existing file" in output


def test_what_was_found_can_be_read_by_a_program(at_home):
    record = json.loads(retrain("check", "delivery", "--json").output)
    assert (record["model"], record["ready"], len(record["periods"])) == ("delivery", True, 7)
    assert {period["rows"] for period in record["periods"]} == {420}


def finding(period, *found):
    return PeriodFindings(period, 100, 0, 0.0, 1.0, found)


def test_what_many_periods_show_is_said_once_and_what_one_shows_in_its_line():
    said = "rows_{0}.csv: {0} numbers are written like 1,{0}00.5"
    found = [finding(f"2024-0{month}", said.format(month)) for month in range(1, 7)]
    found[2] = finding("2024-03", *found[2].found, "plan: 1 not seen since 2024-01 (Student), in 7 of 100 rows.")
    lines = list(check._table(found, "row"))
    assert [line for line in lines if "Student" in line][0].startswith("2024-03")
    assert [line for line in lines if "written like" in line] == [
        "  in 6 of 6 periods: rows_1.csv: 1 numbers are written like 1,100.5"
    ]


def test_every_period_and_all_that_was_found_in_it_are_shown_when_that_is_asked_for():
    spec = load_spec(SHIPPED / "taxi_charge.yaml")
    found = [finding("2018-01"), PeriodFindings("2018-02", 90, 10, 0.1, 0.5, ("one", "two"), ("no rows",))]
    lines = [line.strip() for line in check.screen(spec, found, Outlook((), ()), every=True)]
    at = next(number for number, line in enumerate(lines) if line.startswith("2018-01"))
    assert lines[at + 1].startswith("2018-02")
    assert lines[at + 1].endswith("REFUSED: no rows")
    assert lines[at + 2 : at + 4] == ["one", "two"]


def test_a_terminal_shows_the_period_that_is_being_read_and_is_left_clean(monkeypatch):
    terminal = StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    with check._Told("left") as tell:
        tell("2024-01")
    assert terminal.getvalue().startswith("\rleft: reading 2024-01 ")
    assert terminal.getvalue().rsplit("\r", 2)[1:] == [" " * 60, ""]


def test_the_screen_calls_a_row_what_the_spec_calls_it():
    spec = load_spec(SHIPPED / "taxi_charge.yaml")
    lines = list(check.screen(spec, [finding("2018-01")], Outlook((), ("significance: mae on 9 rides",))))
    assert lines[1].split()[:2] == ["period", "rides"]
    assert not re.search(r"\brows?\b", " ".join(lines))


@pytest.mark.parametrize("width", [80, 200])
def test_no_line_is_wider_than_the_terminal(at_home, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, retrain("check", "delivery").output.splitlines())) <= width
