"""A model of unknown origin is tried in a process of its own, and whatever happens to that process is a refusal."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from retrain_assets.errors import DataError, ForeignModel
from retrain_assets.production.rollback import probe_model
from retrain_assets.scoring import booster, isolated_probe
from retrain_assets.scoring.isolated_probe import examined, probed
from retrain_assets_tests.adoption.elsewhere import text_model
from retrain_assets_tests.scoring.crafted_models import crafted, every, line, resized


@pytest.fixture(scope="module")
def model() -> bytes:
    return text_model()


def test_a_whole_model_holds(model):
    assert probed(model).trees == 3


def test_no_crafted_model_ends_the_process_that_loads_it(model):
    """With digests that fit: what promotes, judges, scores, serves and exports loads a version's text as this does."""
    command = [sys.executable, "-m", "retrain_assets_tests.scoring.crafted_models"]
    ended = subprocess.run(command, input=model, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found.keys() == crafted(model).keys()
    assert len(found) >= 44
    assert {kind for kind, answer in found.items() if answer == "scores"} == {"a parameter of letters"}
    assert all(len(answer) < 400 for answer in found.values())


def test_no_mutation_of_a_model_ends_the_process_that_examines_it(model):
    command = [sys.executable, "-m", "retrain_assets_tests.scoring.mutated_models", "150"]
    ended = subprocess.run(command, input=model, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert 75 < int(ended.stdout.splitlines()[-1]) < 150


def test_before_anything_moves_to_it_a_version_is_tried_in_a_child_unless_this_process_trained_or_checked_it(
    model, monkeypatch, tmp_path
):
    monkeypatch.setattr(isolated_probe.sys, "executable", stand_in(tmp_path, "kill -SEGV $$"))
    monkeypatch.setattr(booster, "_sound", set())
    files = {"model.bst": model, "probe.json": b'{"rows": [[1, 1, 1, 1, 1, 1]], "scores": [9]}'}
    with pytest.raises(
        DataError, match=r"does not load or does not score: the process that loaded it .* \(signal 11\)"
    ):
        probe_model(files)
    booster.vouch(model)
    with pytest.raises(DataError, match="1 of 1 probe rows score otherwise"):
        probe_model(files)


def test_what_lightgbm_itself_refuses_is_a_sentence(model):
    assert "Sigmoid parameter" in examined(model.replace(b"sigmoid:1", b"sigmoid:0", 1))


def test_what_loads_and_scores_is_refused_by_no_sentence(model):
    assert examined(model) == ""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b"tree\n", b"", "which is no LightGBM text model"),
        (b"leaf_value=", b"leaf_value=x", "leaf_value of tree 0 holds something that is no number"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(model, old, new, sentence):
    assert sentence in examined(model.replace(old, new, 1))


def test_a_model_that_gives_some_rows_no_finite_score_is_a_sentence():
    counts = text_model(objective="poisson")
    leaves = line("leaf_value", every("1000"))(counts)  # e to the thousand
    assert examined(resized(leaves)) == "some rows get no finite score from it"


def test_without_lightgbm_no_model_holds(model, monkeypatch):
    monkeypatch.setattr(isolated_probe.importlib.util, "find_spec", lambda name: None)
    assert examined(model) == "LightGBM cannot score with it: LightGBM is not installed"


def test_what_the_child_says_of_a_model_is_the_refusal(model, monkeypatch, tmp_path):
    answer = json.dumps({"refused": "some rows get no finite score from it"})
    monkeypatch.setattr(isolated_probe.sys, "executable", stand_in(tmp_path, f"echo 'a notice'; echo '{answer}'"))
    with pytest.raises(ForeignModel, match="^some rows get no finite score from it$"):
        probed(model)


def test_a_child_that_is_ended_by_the_model_is_a_refusal(model, monkeypatch, tmp_path):
    monkeypatch.setattr(isolated_probe.sys, "executable", stand_in(tmp_path, "kill -SEGV $$"))
    with pytest.raises(ForeignModel, match=r"ended \(signal 11\): it is damaged"):
        probed(model)


def test_a_child_that_takes_too_long_is_a_refusal(model, monkeypatch, tmp_path):
    monkeypatch.setattr(isolated_probe.sys, "executable", stand_in(tmp_path, "exec sleep 5"))
    monkeypatch.setattr(isolated_probe, "WALL_SECONDS", 0.2)
    with pytest.raises(ForeignModel, match=r"not loaded and scored within 0.2 seconds"):
        probed(model)


def test_no_process_is_started_for_what_is_no_text_model(monkeypatch):
    monkeypatch.setattr(isolated_probe.subprocess, "run", pytest.fail)
    with pytest.raises(ForeignModel, match="a pickle is not read"):
        probed(b"\x80\x04pickled")


def stand_in(folder: Path, line: str) -> str:
    """A program that is run in the place of Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return str(path)
