"""`retrain export` in a home where a model was promoted."""

import json

import yaml

from retrain_assets_tests.commanded import registry, retrain


def test_the_live_version_is_exported_with_where_it_will_run(at_home, tmp_path):
    to = tmp_path / "export"
    words = ("--storage-uri", "s3://bucket/{name}", "--image", "registry/{name}", "--canary", "20")
    said = retrain("export", "delivery", "--to", to, *words).output
    live = registry(at_home).live()
    assert said == f"delivery {live.name} is in {to}.\n"
    assert json.loads((to / "version.json").read_text())["digest"] == live.digest
    predictor = yaml.safe_load((to / "inference_service.yaml").read_text())["spec"]["predictor"]
    assert (predictor["canaryTrafficPercent"], predictor["containers"][0]["image"]) == (20, "registry/delivery")


def test_a_program_reads_what_was_exported(at_home, tmp_path):
    told = json.loads(retrain("export", "delivery", "--to", tmp_path / "out", "--json").stdout)
    assert (told["model"], told["version"], told["to"]) == ("delivery", "v2", str(tmp_path / "out"))


def test_an_unknown_version_and_a_full_folder_are_refused(at_home, tmp_path):
    (tmp_path / "mine").write_text("kept")
    assert "delivery has no version v9" in retrain("export", "delivery", "--to", "x", "--version", "v9", code=2).output
    assert "holds something already" in retrain("export", "delivery", "--to", tmp_path, code=2).output
