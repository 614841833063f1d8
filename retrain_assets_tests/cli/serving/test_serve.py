"""`retrain serve`: what it refuses before it listens; a running one is in `serving.test_process`."""

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.serving.process import TOKEN
from retrain_assets_tests.commanded import retrain


def test_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    monkeypatch.delenv(TOKEN, raising=False)
    assert "taxi_charge has no live version" in retrain("serve", MODEL, code=2).output
    assert TOKEN in retrain("serve", MODEL, "--host", "0.0.0.0", code=2).output


def test_without_its_extra_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "retrain_assets.serving.app", None)
    assert "pip install 'retrain-assets[serve]'" in retrain("serve", MODEL, code=2).output
