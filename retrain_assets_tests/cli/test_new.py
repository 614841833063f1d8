"""`retrain new` in a terminal: what it writes, what it asks, and what it refuses."""

import csv
import json

import pandas as pd
import pytest

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
    from click.testing import CliRunner

    monkeypatch.setattr(new, "someone_is_there", lambda: True)
    result = CliRunner().invoke(main.main, WORDS, input="y\nno\n")
    assert "fee ends where price begins. Are they one column, now called price?" in result.output
    spec = load_spec(renamed_and_worded / "retrain_models" / "left.yaml")
    assert list(spec.columns.numeric) == ["tenure", "price"]
    assert spec.source.features.rename == {"fee": "price"}


def test_without_a_terminal_nothing_is_asked_and_the_flag_is_named(here):
    assert "Add --yes to take every guess" in retrain(*WORDS, code=2).stderr


def test_in_a_terminal_protected_attributes_are_asked_about(here, monkeypatch):
    from click.testing import CliRunner

    monkeypatch.setattr(new, "someone_is_there", lambda: True)
    result = CliRunner().invoke(main.main, WORDS, input="protect\n")
    assert result.exit_code == 0, result.output
    assert "gender looks like a protected attribute. Use it?" in result.output
    assert load_spec(here / "retrain_models" / "left.yaml").validation.fairness.groups == ("gender",)
