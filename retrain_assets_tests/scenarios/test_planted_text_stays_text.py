"""Markup, escape sequences and marks of direction, planted in every field that people and data fill: all stay text.

What is written is read as a browser, a Markdown renderer and a terminal read it, not compared with what we escape.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner
from markdown_it import MarkdownIt

from benchmarks.worlds.parcels import make_world, rows_of
from retrain_assets.alerts import message, publish_all, read
from retrain_assets.cli.main import main
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.tags import PARTITION_TAG
from retrain_assets.pipeline import frame_of
from retrain_assets.production.jobs import rollback_config
from retrain_assets.production.sensors import success_alerts
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import Hold, Release, Signature
from retrain_assets_tests.past_worlds import undrawn
from retrain_assets_tests.served import TWO_WEEKS

MARKUP = "<img src=//planted.test/a>![b](http://planted.test/b)[c](javascript:planted) www.planted.test <b>*x*</b>"
SIGNS = "\x1b[2J\x1b]0;t\x07\u202e\u2066\u200b\x00"
LINE = "\nforged|line\r\n\u2028# forged\x85forged"
PLANTED = f"{MARKUP} {{0}} {{planted}} $x_1$ `code` | cell {SIGNS}{LINE}"
TYPED = PLANTED.replace("\x00", "")
"""What can be typed into a command or stand in a YAML file: all but the NUL."""

BEGINNINGS = ("forged", "# forged")
WEEKS = ["2024-01-01", "2024-01-08", "2024-01-15"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A model with all of it in its data, its spec and the decisions about it; its folder and its run history."""
    folder = tmp_path_factory.mktemp("fields")
    rows = rows_of(4)
    rows["vehicle"] = rows.vehicle.replace({"bike": f"bike{PLANTED}", "van": f"van{PLANTED}"})
    rows.loc[rows["at"] >= WEEKS[2], "vehicle"] = f"sled{PLANTED}"
    rows.loc[rows["at"] >= WEEKS[2], "minutes"] += 60
    rows["district"] = rows.district.replace({"north": f"north{PLANTED}"})
    column = f"distance {TYPED}"
    rows = rows.rename(columns={"distance": column})
    rows.loc[rows.index[::50], column] = -1.0
    parts = {
        "period": {"every": "week", "start": "2024-01-01", "end": "2024-01-22"},
        "description": f"Minutes. {TYPED}",
        "intended_use": f"Tests. {TYPED}",
        "columns": {"numeric": {column: {"min": 0, "max": 100}, "weight": None}, "categorical": ["vehicle"],
                    "groups": ["district"]},
        "contract": {"min_rows": 100, "max_outside_share": 0.1},
        "business_metrics": [
            {"name": "late", "expression": "mean(label())", "better": "lower", "threshold": 0.0, "unit": TYPED}
        ],
    }  # fmt: skip
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        world = make_world(folder, rows, instance, **TWO_WEEKS | parts)
        case = yaml.safe_load((folder / "delivery.suite.yaml").read_text())["cases"][0]
        case |= {"owner": f"team:{TYPED}", "reason": TYPED, "added": date(2024, 1, 8)}
        (folder / "delivery.suite.yaml").write_text(yaml.safe_dump({"cases": [case]}))
        world.monitor(WEEKS[:2])
        assert world.run("retrain", WEEKS[1]).success
        world.monitor(WEEKS[2:])
        monitored = [run for run in instance.get_runs() if run.tags.get(PARTITION_TAG) == WEEKS[2]]
        publish_all(
            success_alerts(instance, monitored[0], frame_of(world.spec), Home(path=str(folder / "home")), Clock()),
            folder / "home",
        )
        signed = Signature(f"ann {PLANTED}", f"looks odd {PLANTED}", datetime(2024, 1, 16), WEEKS[-1])
        world.registry.rule(Hold(signed))
        world.registry.rule(Release(signed))
        person = {"person": f"ann {TYPED}", "to": "v0"}
        config = rollback_config("delivery", f"complaints {TYPED}", "v1", **person, period=WEEKS[-1])
        assert world.run("rollback", None, run_config=config).success
        yield folder, instance


def lines_of(text: str) -> list[str]:
    """The lines as any terminal or editor would break them, without what we indent them by."""
    return [line.strip() for line in text.splitlines()]


def is_text(text: str) -> bool:
    return all(sign.isprintable() or sign == "\n" for sign in text) and not any(
        line.startswith(BEGINNINGS) for line in lines_of(text)
    )


def markup_in(document: str) -> list[str]:
    """What a renderer that knows raw HTML, links and bare addresses would make of planted text."""
    reader = MarkdownIt("gfm-like", {"html": True, "linkify": False})
    found = []
    for token in (part for block in reader.parse(document) for part in (block, *(block.children or ()))):
        address = str(token.attrs.get("src", token.attrs.get("href", "")))
        if token.type in ("html_block", "html_inline") or (token.type == "image" and not address.startswith("data:")):
            found.append(f"{token.type}: {token.content or address}")
        if "planted" in address or (token.type == "code_inline" and "planted" in token.content):
            found.append(f"{token.type}: {address or token.content}")
    return found


def test_the_pages_of_the_ui_hold_no_markup_that_was_planted(home):
    _, instance = home
    pages = {
        f"{record.asset_materialization.asset_key.to_user_string()} {name}": value.value
        for run in instance.get_runs()
        for record in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        if record.asset_materialization
        for name, value in record.asset_materialization.metadata.items()
        if isinstance(value, dg.MarkdownMetadataValue)
    }
    pages |= {
        f"{evaluation.asset_key.to_user_string()} {evaluation.check_name}": evaluation.description
        for run in instance.get_runs()
        for record in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        for evaluation in [record.dagster_event.event_specific_data]
    }
    assert any("planted" in page for page in pages.values())
    found = {name: markup for name, page in pages.items() if (markup := markup_in(page)) or not is_text(page)}
    assert found == {}


class Reader(HTMLParser):
    """Collects what a browser would fetch, run or follow, and elements that we never write."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        address = given.get("src", given.get("href", given.get("xlink:href", "")))
        beside = tag == "a" and set(given) == {"href"} and re.fullmatch(r"\.\./\w+/[\w.:-]+\.html", address)
        if beside:  # a report of the same model
            return
        if tag in ("script", "iframe", "object", "a", "b") or any(name.startswith("on") for name in given):
            self.found.append(f"{tag} {given}")
        elif address and not address.startswith(("data:", "#")):
            self.found.append(f"{tag} {address}")


def test_the_files_that_a_browser_opens_hold_no_markup_that_was_planted(home):
    folder, _ = home
    pages = list((folder / "home").rglob("*.html"))
    assert {"performance_report", "validation_report", "drift_report"} <= {page.parent.name for page in pages}
    assert any("planted" in page.read_text() for page in pages)
    for page in pages:
        reader = Reader()
        reader.feed(page.read_text())
        assert (page.name, reader.found) == (page.name, [])


COMMANDS = (
    ("status",), ("status", "delivery"), ("status", "delivery", "--details"), ("history", "delivery"),
    ("explain", "delivery"), ("explain", "delivery", "v1"), ("report", "delivery"), ("card", "delivery", "v1"),
    ("report", "delivery", WEEKS[-1], "--monitoring"), ("suite", "list", "delivery"), ("verify", "delivery"),
    ("check", "delivery"), ("hold", "delivery", "--reason", TYPED, "--by", f"bob {TYPED}"),
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command)[:30])
def test_no_command_prints_a_sign_that_steers_a_terminal_or_a_line_that_was_planted(home, monkeypatch, command):
    folder, _ = home
    for name, value in {"RETRAIN_HOME": folder / "home", "RETRAIN_MODELS": folder, "RETRAIN_SHIPPED": "0"}.items():
        monkeypatch.setenv(name, str(value))

    said = CliRunner().invoke(main, command)

    assert said.exit_code in (0, 1), said.output
    assert is_text(said.output), said.output
    if command[0] == "card":
        assert markup_in(said.output) == []


def test_the_journal_and_the_alerts_hold_one_line_for_each_fact(home):
    folder, _ = home
    events = Registry(folder / "home" / "registry", "delivery").history()
    assert {"held", "rolled_back"} <= {event.action for event in events}
    assert all(is_text(event.reason) and "\n" not in event.reason + event.actor for event in events)
    alerts = read(folder / "home")
    assert any("planted" in alert.sentence for alert in alerts)
    for alert in alerts:
        title, body, _ = message([alert])
        assert is_text(title)
        assert is_text(body)
        assert len([line for line in body.splitlines() if "planted" in line]) == ("planted" in body)


def test_a_spec_drawn_from_planted_names_is_the_spec_of_those_names(tmp_path: Path, monkeypatch):
    rows = rows_of(3)
    odd = f"colour {TYPED}"
    rows[odd] = rows.vehicle
    rows[f"one value\nfeatures: os:system {TYPED}"] = 1
    rows.rename(columns={"minutes": f"minutes: {TYPED}"}).to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.chdir(tmp_path)

    said = CliRunner().invoke(main, ["new", "odd", "--data", "rows.csv", "--label", f"minutes: {TYPED}", "--yes"])

    assert said.exit_code == 0, said.output
    assert is_text(said.output)
    written = yaml.safe_load((tmp_path / "retrain_models" / "odd.yaml").read_text())
    assert odd in written["columns"]["categorical"]
    assert "features" not in written
