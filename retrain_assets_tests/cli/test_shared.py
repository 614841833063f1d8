"""What every command shares: a model by name, a period that has ended, errors as sentences, and exit codes."""

import errno
import json
import re
import sqlite3

import click
import dagster as dg
import pytest
from click.testing import CliRunner

from benchmarks.worlds.parcels import make_world, rows_of
from retrain_assets.cli.runner import RunEnd
from retrain_assets.cli.shared import finish, guarded, person_of
from retrain_assets.errors import DataError, Held, NotApprovable
from retrain_assets_tests.commanded import retrain


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


@pytest.mark.parametrize(
    ("words", "period"),
    [
        (("run", "delivery", "--period"), "1999-01-04"),
        (("run", "delivery", "--period"), "2023-12-25"),
        (("run", "delivery", "--period"), "2024-02-26"),
        (("monitor", "delivery", "--period"), "2024-02-19"),
        (("promote", "delivery", "--period"), "2023-12-25"),
        (("approve", "delivery", "--until", "2030-01-01", "--reason", "x", "--period"), "2024-02-19"),
        (("suite", "add", "delivery", "12", "--reason", "x", "--period"), "2024-02-19"),
        (("demo", "--model", "delivery", "--until"), "2024-02-26"),
    ],
)
def test_a_period_outside_the_spec_is_named_with_the_first_and_the_last(empty_home, words, period):
    sentence = retrain(*words, period, code=2).stderr
    assert sentence.startswith(f"retrain: delivery has no period {period} (")
    assert "its periods go from 2024-01-01 to 2024-02-12, the last that has ended. Name one of these." in sentence
    assert not empty_home.exists()


def test_a_wrong_spec_is_bad_input_with_its_line(empty_home, monkeypatch, tmp_path):
    (tmp_path / "odd.yaml").write_text("name: odd\nname: even\n")
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path))
    for command in ("status", "check"):
        assert f"{tmp_path / 'odd.yaml'}:2: the key 'name' stands twice" in retrain(command, code=2).stderr


def test_a_model_that_is_not_there_beside_a_wrong_spec_is_said_to_be_in_it(empty_home, monkeypatch, tmp_path):
    (tmp_path / "odd.yaml").write_text("name: odd\nname: even\n")
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path))
    sentence = retrain("monitor", "even", "--period", "2024-01-01", code=2).stderr
    assert sentence.startswith(f"retrain: {tmp_path / 'odd.yaml'}:2: the key 'name' stands twice")


def test_before_the_first_period_has_ended_there_is_none_to_name(empty_home, monkeypatch, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(tmp_path, rows_of(1), instance, period={"every": "week", "start": "2199-01-07"})
    monkeypatch.setenv("RETRAIN_MODELS", str(tmp_path))
    sentence = retrain("monitor", "delivery", "--period", "2199-01-07", code=2).stderr
    assert "none has ended yet, the first is 2199-01-07. Wait for its end, or mend period.start in the spec" in sentence


@pytest.mark.parametrize(
    ("error", "code"),
    [(DataError("no rows"), 2), (ValueError("no rows"), 2), (OSError("no rows"), 2), (Held("no rows"), 1),
     (NotApprovable("no rows"), 1)],
)  # fmt: skip
def test_an_error_is_a_sentence_and_its_kind_the_exit_code(capsys, error, code):
    @guarded
    def command():
        raise error

    with pytest.raises(SystemExit, match=str(code)) as left:
        command()
    assert left.value.code == code
    assert capsys.readouterr().err == "retrain: no rows\n"


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (
            sqlite3.OperationalError("database or disk is full"),
            "run history in .* cannot be written: database or disk is",
        ),
        (
            sqlite3.OperationalError("attempt to write a readonly database"),
            "Free some space there, or make it writable",
        ),
        (MemoryError(), "not enough memory for that. Ask for fewer rows at once"),
    ],
)
def test_a_full_disk_under_the_run_history_or_a_lack_of_memory_is_a_sentence_too(capsys, cause, sentence):
    @guarded
    def command():
        try:
            raise cause
        except Exception as inner:
            raise RuntimeError("wrapped by a library") from inner

    with pytest.raises(SystemExit, match="2"):
        command()
    said = capsys.readouterr().err
    assert re.search(sentence, said)
    assert len(said.splitlines()) == 1


def test_a_reader_that_has_enough_of_the_output_is_no_fault():
    @click.command()
    @guarded
    def told():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    result = CliRunner().invoke(told)
    assert (result.exit_code, result.output) == (1, "")


def test_a_fault_of_our_own_is_no_sentence():
    with pytest.raises(KeyError, match="ours"):
        guarded(lambda: {}["ours"])()


@pytest.mark.parametrize("words", [("status",), ("history", "delivery"), ("verify", "delivery")])
@pytest.mark.parametrize(
    ("named", "sentence"), [("", "RETRAIN_HOME is empty"), ("rows", "RETRAIN_HOME=.*rows is a file")]
)
def test_a_home_that_is_no_folder_is_refused_by_every_command(
    empty_home, monkeypatch, tmp_path, words, named, sentence
):
    (tmp_path / "rows").write_text("")
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path / named) if named else "")
    assert re.search(sentence, retrain(*words, code=2).stderr)


@pytest.mark.parametrize(("end", "code"), [(RunEnd("f" * 32, True, "promoted", ""), 0),
                                           (RunEnd("f" * 32, True, "rejected", "no better"), 1)])  # fmt: skip
def test_the_end_of_a_run_is_told_in_words_or_as_json(capsys, end, code):
    for as_json in (False, True):
        with pytest.raises(SystemExit, match=str(code)) as left:
            finish(end, as_json)
        assert left.value.code == code
        printed = capsys.readouterr().out
        if as_json:
            assert json.loads(printed) == {"run_id": end.run_id, "outcome": end.outcome, "cause": end.cause}
        else:
            assert printed == f"{end.outcome}{': no better' if code else ''} (run ffffffff)\n"


def test_a_person_is_named_or_known_by_the_login_and_is_no_run(monkeypatch):
    monkeypatch.setenv("USER", "ada")
    assert (person_of(None), person_of("bob")) == ("ada", "bob")
    with pytest.raises(ValueError, match="'run 4f2a' is the name of a run"):
        person_of("run 4f2a")
