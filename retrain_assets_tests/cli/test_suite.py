"""`retrain suite` and the further looks of `retrain check`, as a person types them over a replayed home."""

import json
import re
import shutil

import pandas as pd
import pytest
import yaml

from retrain_assets.cli import main
from retrain_assets.validation.suite.cases import load_suite
from retrain_assets_tests.commanded import retrain


@pytest.fixture
def folder(world_after, monkeypatch):
    """The specs of a world in which v1 has served two weeks, half an hour slower than those it was trained on."""
    folder = world_after(7, slower_from=5).folder
    monkeypatch.setenv("RETRAIN_HOME", str(folder / "home"))
    monkeypatch.setenv("RETRAIN_MODELS", str(folder))
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    return folder


def cases(folder):
    return load_suite(folder / "delivery.suite.yaml")


def row_in(folder, moment):
    """The key of the first parcel from a moment on."""
    rows = pd.read_parquet(folder / "rows.parquet")
    return str(rows[rows["at"] >= moment].iloc[0].id)


@pytest.mark.parametrize("command", ["list", "add", "harvest"])
def test_each_command_shows_an_example_with_its_own_options(command):
    text = retrain("suite", command, "--help").output
    example = re.search(rf"Example: retrain suite {command}\b(.*?)\n\n", text, re.DOTALL)
    assert example
    known = {option for parameter in main.main.commands["suite"].commands[command].params for option in parameter.opts}
    assert set(re.findall(r"--[a-z]+", example[1])) <= known


@pytest.mark.parametrize("words", [("list", "parcels"), ("add", "parcels", "1"), ("harvest", "parcels")])
def test_an_unknown_model_is_bad_input(folder, words):
    assert "no model 'parcels'; known: delivery" in retrain("suite", *words, code=2).stderr


def test_list_shows_the_case_the_file_and_what_the_live_model_says(folder):
    lines = retrain("suite", "list", "delivery").output.splitlines()
    assert lines[0] == f"delivery: 1 case in {folder / 'delivery.suite.yaml'}"
    assert re.search(r"2024-01-01 +critical +live +v1 right: [\d.]+, it was [\d.]+ +the first parcel", lines[1])
    record = json.loads(retrain("suite", "list", "delivery", "--json").stdout)
    (case,) = record["cases"]
    assert (case["severity"], case["added"], case["state"], case["right"]) == ("critical", "2024-01-08", "live", True)
    assert (record["live"], record["proposals"]) == ("v1", [])


def test_list_says_of_each_case_what_keeps_an_answer_from_it(folder):
    late = row_in(folder, "2024-02-18")  # its outcome is not known yet
    path = folder / "delivery.suite.yaml"
    suite = yaml.safe_load(path.read_text())
    (first,) = suite["cases"]
    suite["cases"] = [first, {**first, "id": "999999"}, {**first, "id": late, "period": "2024-02-12"}]
    path.write_text(yaml.safe_dump(suite))
    _, *said = retrain("suite", "list", "delivery").output.splitlines()
    assert [re.search(r"NO SUCH ROW|its outcome is not known yet|v1 right", line)[0] for line in said] == [
        "v1 right", "NO SUCH ROW", "its outcome is not known yet",
    ]  # fmt: skip
    shutil.rmtree(folder / "home" / "registry")
    assert "no model is live" in retrain("suite", "list", "delivery").output.splitlines()[1]


def test_list_works_before_anything_is_stored(folder):
    shutil.rmtree(folder / "home")
    assert "its period is not stored yet" in retrain("suite", "list", "delivery").output


def test_harvest_proposes_list_shows_add_takes(folder):
    found = json.loads(retrain("suite", "harvest", "delivery", "--limit", 3, "--json").stdout)
    assert len(found) == 3
    shown = retrain("suite", "list", "delivery").output
    assert "proposed, not in the suite (`retrain suite add delivery ID` takes one)" in shown
    assert all(proposal["id"] in shown for proposal in found)
    first = found[0]
    told = retrain("suite", "add", "delivery", first["id"]).output
    assert told.startswith(f"delivery: {first['id']} of {first['period']} is a normal case in ")
    assert re.search(r"v1 gets it wrong \([\d.]+, it was [\d.]+\), so it blocks nobody", told)
    case = cases(folder)[-1]
    assert (case.id, case.period, case.owner, case.severity) == (first["id"], first["period"], "team:tests", "normal")
    assert case.reason == f"one of the worst mistakes of v1: it said {first['said']}, it was {first['label']}"
    left = json.loads(retrain("suite", "list", "delivery", "--json").stdout)["proposals"]
    assert sorted(proposal["id"] for proposal in left) == sorted(proposal["id"] for proposal in found[1:])
    again = json.loads(retrain("suite", "harvest", "delivery", "--limit", 3, "--json").stdout)
    assert first["id"] not in {proposal["id"] for proposal in again}


def test_harvest_in_words_and_of_one_period(folder):
    text = retrain("suite", "harvest", "delivery", "--period", "2024-02-05", "--limit", 2).output
    assert len(re.findall(r"^  \d+ +2024-02-05 +v1 said ", text, re.M)) == 2
    assert "2 rows proposed. Take one with `retrain suite add delivery ID`." in text


def test_harvest_of_what_is_not_there_is_bad_input(folder):
    text = retrain("suite", "harvest", "delivery", "--period", "2024-04-01", code=2).stderr
    assert "2024-04-01 is not stored. Run `retrain monitor delivery --period 2024-04-01`" in text
    assert "expected a week" in retrain("suite", "harvest", "delivery", "--period", "March", code=2).stderr
    assert "--limit" in retrain("suite", "harvest", "delivery", "--limit", 0, code=2).stderr
    shutil.rmtree(folder / "home")
    assert "no version is live, so there are no mistakes yet" in retrain("suite", "harvest", "delivery", code=2).stderr


def test_add_finds_the_period_and_says_when_the_live_model_may_know_the_row_by_heart(folder):
    row = row_in(folder, "2024-01-10")
    words = ("--reason", "a parcel: heavy", "--owner", "ann@example.com", "--severity", "critical")
    told = retrain("suite", "add", "delivery", row, *words, "--added", "2024-02-10", "--expires", "2025-01-01").output
    assert "v1 was trained on the time of this row and may know it by heart" in told
    assert "It never trains a model again." in told
    case = cases(folder)[-1]
    assert (case.id, case.period, case.owner, case.reason) == (row, "2024-01-08", "ann@example.com", "a parcel: heavy")
    assert (case.severity, str(case.added), str(case.expires)) == ("critical", "2024-02-10", "2025-01-01")
    shown = retrain("suite", "list", "delivery").output
    assert re.search(rf"^  {row} .*v1 right\*: ", shown, re.M)
    assert "* v1 was trained before the case was added and may know its row by heart." in shown


def test_add_warns_when_the_data_end_before_the_case_counts_and_when_the_outcome_is_not_known(folder):
    row = row_in(folder, "2024-02-18")
    record = json.loads(retrain("suite", "add", "delivery", row, "--reason", "x", "--json").stdout)
    assert (record["model"], record["id"]) == ("delivery", row)
    told = "\n".join(record["said"])
    assert "The model's data ends on 2024-07-01, before it counts: for a replay give an earlier --added." in told
    assert "Its outcome is not known yet; until it is, no candidate can pass the suite." in told


def test_add_takes_a_row_of_a_period_that_is_not_stored_from_the_source(folder):
    shutil.rmtree(folder / "home")
    row = row_in(folder, "2024-01-10")
    assert "stands in no stored period. Correct it, or name its --period" in (
        retrain("suite", "add", "delivery", row, "--reason", "x", code=2).stderr
    )
    wrong = retrain("suite", "add", "delivery", row, "--reason", "x", "--period", "2024-01-15", code=2).stderr
    assert re.search(rf"rows.parquet has no row of 2024-01-15 with id {row}. Correct the key or the period", wrong)
    retrain("suite", "add", "delivery", row, "--reason", "x", "--period", "2024-01-08")
    assert cases(folder)[-1].id == row


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("999999", "--reason", "x"), "id 999999 stands in no stored period"),
        (("999999", "--reason", "x", "--period", "2024-01-08"), "2024-01-08 has no row with id 999999"),
        (("ROW",), "is not proposed, so a reason is needed. Add --reason"),
        (("ROW", "--reason", " "), "a reason is needed"),
        (("ROW", "--reason", "x", "--expires", "2020-01-01"), "it expires 2020-01-01, before"),
        (("ROW", "--reason", "x", "--added", "2024-01-01"), "added 2024-01-01 lies before the row's period 2024-01-08"),
        (("ROW", "--reason", "x", "--period", "2024-01-09"), "does not begin a week"),
        (("ROW", "--reason", "x", "--severity", "huge"), "'huge' is not one of 'critical', 'normal'"),
        (("FIRST", "--reason", "x"), "stands in entry 1 already"),
    ],
)
def test_a_case_that_cannot_be_is_refused_and_the_file_stays(folder, words, sentence):
    before = (folder / "delivery.suite.yaml").read_text()
    names = {"ROW": row_in(folder, "2024-01-10"), "FIRST": cases(folder)[0].id}
    stderr = retrain("suite", "add", "delivery", *(names.get(word, word) for word in words), code=2).stderr
    assert sentence in stderr
    assert (folder / "delivery.suite.yaml").read_text() == before


def test_a_suite_file_that_cannot_be_written_is_refused_with_the_next_step(folder):
    (folder / "delivery.suite.yaml").chmod(0o444)
    row = row_in(folder, "2024-01-10")
    stderr = retrain("suite", "add", "delivery", row, "--reason", "x", code=2).stderr
    assert "delivery.suite.yaml: cannot be written" in stderr
    assert "name it in RETRAIN_MODELS" in stderr


# ---- check


def test_check_names_the_cases_whose_row_the_source_does_not_have_and_the_file(folder):
    path = folder / "delivery.suite.yaml"
    record = yaml.safe_load(path.read_text())
    first = record["cases"][0]
    record["cases"] += [first | {"id": "nobody"}, first | {"id": row_in(folder, "2024-01-10"), "period": "2024-01-22"}]
    path.write_text(yaml.safe_dump(record))
    output = retrain("check", "delivery").output
    assert f"- {path}: {folder / 'rows.parquet'} has no row of 2024-01-01 with id nobody. Correct" in output
    assert f"has no row of 2024-01-22 with id {record['cases'][2]['id']}" in output
    assert "delivery can work" in output


def test_check_says_that_a_case_s_row_is_set_aside_by_the_contract(folder):
    rows = pd.read_parquet(folder / "rows.parquet")
    rows.loc[0, "distance"] = -5.0
    rows.to_parquet(folder / "rows.parquet")
    spec = yaml.safe_load((folder / "delivery.yaml").read_text())
    spec["columns"]["numeric"]["distance"]["outside"] = "reject"
    (folder / "delivery.yaml").write_text(yaml.safe_dump(spec))
    assert f"with id {rows.id[0]} (set aside by the data contract)" in retrain("check", "delivery").output


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        (lambda rows: rows.assign(minutes="soon"), 1, "minutes"),
        (
            lambda rows: rows.assign(minutes=float("nan")),
            1,
            "cannot work as it is:\n  - none of the 9 periods can be taken in: minutes: 360 of 360 outcomes missing. "
            "Check source.label.",
        ),
        (
            lambda rows: rows.assign(minutes=rows.minutes.where(rows.index != 3)),
            0,
            "minutes: 1 of 360 outcomes missing",
        ),
    ],
    ids=["text", "all missing", "one missing"],
)
def test_check_looks_whether_the_labels_fit_the_task(folder, change, code, sentence):
    change(pd.read_parquet(folder / "rows.parquet")).to_parquet(folder / "rows.parquet")
    output = retrain("check", "delivery", code=code).output
    assert sentence in output
    assert ("delivery can work" in output) == (code == 0)


def test_check_refuses_labels_that_are_no_class_of_a_classifier(folder):
    spec = yaml.safe_load((folder / "delivery.yaml").read_text())
    spec |= {"task": "binary", "training": spec["training"] | {"objective": "binary"}}
    spec["validation"] |= {
        "primary": "log_loss",
        "guardrails": [{"metric": "auc", "margin": 0.1}],
        "floors": [{"metric": "auc", "at_least": 0.6}],
        "fairness": {
            "groups": ["district"], "metrics": ["tpr"], "margin": 0.2, "floors": [{"metric": "tpr", "at_least": 0.2}],
        },
    }  # fmt: skip
    (folder / "delivery.yaml").write_text(yaml.safe_dump(spec))
    output = retrain("check", "delivery", code=1).output
    assert re.search(r"minutes.*class", output)
