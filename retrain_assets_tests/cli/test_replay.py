"""The demo and the replay: a line for each period, and what all of it was worth."""

import re
from types import SimpleNamespace

import dagster as dg
import pytest

import retrain_assets.cli.replay as module
from benchmarks.worlds.parcels import SPEC, make_world, rows_of
from retrain_assets.alerts import read as read_alerts
from retrain_assets.cli.replay import INDENT, PeriodLine, decision, shown
from retrain_assets.cli.runner import RunEnd
from retrain_assets.documents.units import LossUnits
from retrain_assets.periods import Calendar
from retrain_assets.store import PeriodStore
from retrain_assets_tests.commanded import FIRST, PERIODS, registry, retrain


def rows_printed(text):
    """The lines of the demo's table, by period."""
    return {line[:10]: line for line in text.splitlines() if line[:10] in PERIODS}


def test_the_demo_prints_a_line_for_every_period_and_a_second_one_goes_on_where_it_stopped(replayed):
    first, second = (rows_printed(text) for text in replayed[1])
    assert (list(first), list(second)) == (PERIODS[:3], PERIODS[3:])
    lines = first | second
    assert all(re.match(r"\S+ +420 ", line) for line in lines.values())  # 60 parcels a day
    assert "wait 2 weeks" in lines[PERIODS[0]]
    assert "first model v1: MAE" in lines[FIRST]
    assert re.search(r"excess_loss +kept v1", lines[PERIODS[3]])  # nothing was trained on a slower week yet
    assert "no retrain before 2024-02-12 (cool-down)" in lines[PERIODS[4]]
    assert re.search(r"excess_loss +promoted v2: MAE", lines[PERIODS[5]])
    assert (
        "no retrain due: no more error than the most that is expected, a retrain pays once the excess reaches 1,000"
        in lines[PERIODS[6]]
    )


def test_the_demo_ends_with_what_was_decided_and_what_it_was_worth(replayed):
    folder, (first, second) = replayed
    assert "Decisions: 1 first model\n" in first
    assert "Nothing was promoted after the first model: no retrain was started." in first
    assert "3 periods in" in first
    assert "Decisions: 1 first model, 1 kept, 1 promoted\n" in second
    found = re.search(r"all +([\d,]+) rows +served ([\d.]+) +never retrained ([\d.]+)", second)
    assert found
    assert int(found[1].replace(",", "")) == 4 * 420 - 60  # every scored parcel but those of the last day
    assert float(found[2]) < float(found[3])  # the world became half an hour slower, and the first model never knows
    assert registry(folder / "home").live().name == "v2"
    assert f"Live: v2, decided in {PERIODS[5]}." in second
    assert "4 periods in" in second
    assert "retrain explain delivery" in second


def test_what_a_replay_promotes_is_no_alert(at_home):
    assert "promoted" in [event.action for event in registry(at_home).history()]
    assert read_alerts(at_home) == []


def test_a_demo_before_the_first_model_says_that_there_is_nothing_to_compare(empty_home):
    printed = retrain("demo", "--model", "delivery", "--until", PERIODS[0]).output
    assert "Decisions: none" in printed
    assert "No model has been promoted yet" in printed


def test_a_period_whose_rows_are_refused_is_a_line_that_says_why(empty_home, tmp_path, monkeypatch):
    triggers = SPEC["triggers"] | {"on_forgone_gain": 0.8}
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(tmp_path / "models", rows_of(1), instance, contract={"min_rows": 500}, triggers=triggers)
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path / "models"))
    printed = retrain("replay", "delivery", "--until", PERIODS[0]).output
    (line,) = rows_printed(printed).values()
    assert re.search(r"monitoring failed: .*rows.parquet, 2024-01-01: 420 usable rows, 500 needed", line)
    assert "`retrain backtest delivery` tells when retraining would have paid, and begins to measure it." in printed


@pytest.mark.parametrize(
    ("actions", "why"),
    [
        (("rejected", "bootstrap"), "no retrain was started"),
        (("rejected", "bootstrap", "insufficient"), "the last attempt (week 3) kept v1: so it was"),
    ],
)
def test_an_attempt_before_the_first_model_is_none_after_it(monkeypatch, capsys, actions, why):
    events = tuple(
        SimpleNamespace(
            seq=number,
            action=action,
            period=f"week {number}",
            reason="so it was",
            evidence=str(number),
            from_version="v1",
        )
        for number, action in enumerate(actions, start=1)
    )
    monkeypatch.setattr(module, "against_never", lambda *_: {})
    past = SimpleNamespace(history=lambda: events, live=lambda: None)
    module.summary(module.console(), SimpleNamespace(model=SimpleNamespace(loss="mae", units=LossUnits())), None, past)
    assert f"Nothing was promoted after the first model: {why}." in capsys.readouterr().out


def test_a_demo_of_what_is_done_says_so_and_repeats_the_summary(own_home):
    before = registry(own_home).history()
    again = retrain("demo", "--model", "delivery").output
    assert rows_printed(again) == {}
    assert "is left to monitor" in again
    assert "Decisions:" in again
    assert registry(own_home).history() == before


def test_a_narrow_terminal_has_the_decision_below_the_numbers(monkeypatch):
    line = PeriodLine("2024-01-01", 1420, "fare", "1.500 (1.000)", "drift", "promoted v2: MAE fell", "green")
    wide = shown(line)
    assert wide.endswith(" promoted v2: MAE fell")
    assert "\n" not in wide
    monkeypatch.setattr(module, "width", lambda: 80)
    first, second = shown(line).splitlines()
    assert first.split() == ["2024-01-01", "1,420", "fare", "1.500", "(1.000)", "drift"]
    assert second == f"{INDENT}promoted v2: MAE fell"


@pytest.mark.parametrize(
    ("actions", "outcome", "said"),
    [
        ([], "crash", "crash: disk full"),
        ([], "insufficient", "insufficient: disk full"),
        (["rejected"], "crash", "kept v1: because"),
        (["passed", "promoted"], "promoted", "promoted v2: because"),
        (["rolled_back"], "done", "rolled back to v2: because"),
    ],
)
def test_a_decision_is_told_from_the_journal_or_by_the_cause_of_a_crash(actions, outcome, said):
    known = {"from_version": "v1", "to_version": "v2", "reason": "because"}
    events = [SimpleNamespace(period="2024-01-01", action=one, **known) for one in actions]
    other = SimpleNamespace(period="2024-01-08", action="rejected", to_version="v2", reason="another week")
    registry = SimpleNamespace(history=lambda: (*events, other))
    assert decision(registry, "2024-01-01", RunEnd("1", outcome != "crash", outcome, "disk full")) == said


def test_a_replay_goes_no_further_than_the_source_has_rows(monkeypatch, tmp_path):
    spec = SimpleNamespace(period=Calendar(every="week", start="2024-01-01", end="2024-07-01"))
    for last, periods in ((PERIODS[2], PERIODS[:3]), (None, [])):
        monkeypatch.setattr(module, "last_period", lambda _, last=last: last)
        assert module._periods(spec, PeriodStore(tmp_path), None, None) == periods
