"""`retrain new` in a terminal: what it writes, what it asks, and what it refuses."""

import csv
import json
from datetime import timedelta

import pandas as pd
import pytest
from click.testing import CliRunner

from retrain_assets.cli import main, new
from retrain_assets.spec.loading import load_spec
from retrain_assets_tests.commanded import retrain
from retrain_assets_tests.onboarding.tables import subscriptions


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RETRAIN_MODELS", raising=False)
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path / "home"))
    subscriptions(tmp_path)
    return tmp_path


WORDS = ("new", "left", "--data", "rows/*.csv", "--outcomes", "outcomes.csv")


def test_it_writes_a_spec_that_the_other_commands_find(here):
    output = retrain(*WORDS, "--yes").output
    assert "not used gender: looks like a protected attribute" in output
    assert "retrain check left" in output
    assert load_spec(here / "retrain_models" / "left.yaml").source.known_at == "seen_at"
    assert "left can work: the first model can be judged as of" in retrain("check", "left").output


def test_a_program_gets_what_was_found_and_written_as_json(here):
    told = json.loads(retrain(*WORDS, "--yes", "--json").stdout)
    assert told["model"] == "left"
    assert told["spec"] == (here / told["path"]).read_text()
    assert told["found"][0].startswith("left: ")
    assert "add --yes" in retrain(*WORDS, "--json", "--force", code=2).stderr


def test_an_existing_spec_is_not_written_over(here):
    retrain(*WORDS, "--yes")
    (here / "retrain_models" / "left.yaml").write_text("mine")
    assert "left.yaml is there already" in retrain(*WORDS, "--yes", code=2).stderr
    assert (here / "retrain_models" / "left.yaml").read_text() == "mine"
    retrain(*WORDS, "--yes", "--force")


def test_flags_say_what_a_person_knows(here):
    retrain(*WORDS, "--yes", "--positive", "no", "--protect", "gender", "--use", "gender", "--every", "week")
    spec = load_spec(here / "retrain_models" / "left.yaml")
    assert spec.source.label_values == {"no": 1.0, "yes": 0.0}
    assert spec.validation.fairness.groups == ("gender",)
    assert "gender" in spec.columns.categorical
    assert spec.period.every == "week"


@pytest.fixture
def renamed_and_worded(here):
    """From April on the fee is called price; some tenures are written k.A., 10 of the 120 of a month, and quoted."""
    for path in sorted((here / "rows").glob("*.csv")):
        rows = pd.read_csv(path).astype({"tenure": "str"})
        rows.loc[:9, "tenure"] = "k.A."
        rows = rows.rename(columns={"fee": "price"}) if path.stem >= "2024-04" else rows
        rows.to_csv(path, index=False, quoting=csv.QUOTE_ALL if path.stem == "2024-02" else csv.QUOTE_MINIMAL)
    return here


def test_words_for_a_missing_number_are_declared_so_that_no_period_is_refused(renamed_and_worded):
    output = retrain(*WORDS, "--yes").output
    assert "tenure: 60 values are 'k.A.', read as missing" in output
    assert load_spec(renamed_and_worded / "retrain_models" / "left.yaml").source.features.null_values == ("k.A.",)
    checked = retrain("check", "left").output
    assert "left can work" in checked
    assert "REFUSED" not in checked


def test_a_column_that_got_another_name_becomes_one_as_the_hint_says(renamed_and_worded):
    output = retrain(*WORDS, "--yes").output
    assert "if they are one, add --rename fee=price" in output
    retrain(*WORDS, "--yes", "--force", "--rename", "fee=price")
    spec = load_spec(renamed_and_worded / "retrain_models" / "left.yaml")
    assert list(spec.columns.numeric) == ["tenure", "price"]
    checked = retrain("check", "left").output
    assert "left can work" in checked
    assert "price" not in checked
    assert "no column 'cost'" in retrain(*WORDS, "--yes", "--force", "--rename", "cost=price", code=2).stderr
    assert "like --rename plan=tariff" in retrain(*WORDS, "--yes", "--force", "--rename", "fee", code=2).stderr


def test_in_a_terminal_a_new_name_is_asked_about(renamed_and_worded, monkeypatch):
    monkeypatch.setattr(new, "someone_is_there", lambda: True)
    result = CliRunner().invoke(main.main, WORDS, input="y\nno\n")
    assert "fee ends where price begins. Are they one column, now called price?" in result.output
    spec = load_spec(renamed_and_worded / "retrain_models" / "left.yaml")
    assert list(spec.columns.numeric) == ["tenure", "price"]
    assert spec.source.features.rename == {"fee": "price"}


def test_what_was_guessed_is_asked_in_a_terminal_and_the_answers_are_written(here, monkeypatch):
    outcomes = pd.read_csv(here / "outcomes.csv").drop(columns="seen_at")
    two = outcomes.rename(columns={"left": "one"}).assign(two=[0, 1, 1] * (len(outcomes) // 3))
    two.to_csv(here / "outcomes.csv", index=False)
    monkeypatch.setattr(new, "someone_is_there", lambda: True)
    result = CliRunner().invoke(main.main, WORDS, input="one\n3w\nboth\n")
    assert result.exit_code == 0, result.output
    assert "\n           one could be it too: --label says another\n" in result.output
    assert "Which column is to be predicted?" in result.output
    assert "How long after its row is an outcome known (like 6h, 1d, 2w)?" in result.output
    spec = load_spec(here / "retrain_models" / "left.yaml")
    assert (spec.source.label, spec.source.label_delay) == ("one", timedelta(weeks=3))
    assert spec.validation.fairness.groups == ("gender",)
    assert "gender" in spec.columns.categorical


def test_an_unfinished_month_and_outcomes_that_are_not_known_yet_are_said(here):
    outcomes = pd.read_csv(here / "outcomes.csv")
    outcomes.loc[:4, "left"] = "pending"
    outcomes.to_csv(here / "outcomes.csv", index=False)
    rows = pd.read_csv(here / "rows" / "2024-06.csv")
    rows.head(1).assign(account_id=9999, day="2024-07-01").to_csv(here / "rows" / "2024-07.csv", index=False)
    output = retrain(*WORDS, "--yes", "--every", "month").output
    assert "2024-07 has only 1 row and is left out" in output
    assert "pending counts as not known yet" in output


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (
            ["01/02/2024", "03/04/2024"],
            "write time_format: day-first or time_format: month-first, here --time-format day-first.",
        ),
        (["13/02/2024", "02/14/2024"], "or their form as time_format, here --time-format day-first."),
    ],
)
def test_days_that_can_be_read_in_two_ways_name_the_flag_that_decides(here, days, sentence):
    subscriptions(here, day=days * 60)
    assert sentence in " ".join(retrain(*WORDS, "--yes", code=2).stderr.split())


def test_without_a_terminal_nothing_is_asked_and_the_flag_is_named(here):
    assert "Add --yes to take every guess" in retrain(*WORDS, code=2).stderr


def test_in_a_terminal_protected_attributes_are_asked_about(here, monkeypatch):
    monkeypatch.setattr(new, "someone_is_there", lambda: True)
    result = CliRunner().invoke(main.main, WORDS, input="protect\n")
    assert result.exit_code == 0, result.output
    assert "gender looks like a protected attribute. Use it?" in result.output
    assert load_spec(here / "retrain_models" / "left.yaml").validation.fairness.groups == ("gender",)
