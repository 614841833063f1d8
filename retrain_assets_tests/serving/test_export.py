"""An exported version: a whole folder that scores by itself, in MLflow's and KServe's form."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.errors import DataError
from retrain_assets.serving.export import Deployment, code, export, inference_service
from retrain_assets_tests.scoring.test_scorer import BARRED
from retrain_assets_tests.serving.world import registry_in

SCHEMA = json.loads(Path(__file__).with_name("inference_service.schema.json").read_text())

SCORED = f"""{BARRED}
import sys
sys.path.insert(0, sys.argv[1] + "/code")
import json, live_scorer
scorer = live_scorer.load(sys.argv[1])
inputs = json.load(open(sys.argv[1] + "/request.json"))["inputs"]
scored = scorer.score({{one["name"]: one["data"] for one in inputs}})
print(json.dumps([scored.scores.tolist(), scored.version, scored.digest, "retrain_assets" in sys.modules]))
"""


@pytest.fixture
def folder(home):
    registry = registry_in(home)
    export(registry, registry.live(), home / "out" / "rides", Deployment(canary=10))
    return home / "out" / "rides"


def test_the_folder_scores_its_example_with_numpy_and_lightgbm_alone_and_without_this_package(folder, home):
    done = subprocess.run(
        [sys.executable, "-c", SCORED.replace('"retrain_assets"}', '"live_scorer"}'), str(folder)],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert done.stderr == ""
    answer = json.loads((folder / "answer.json").read_text())
    live = registry_in(home).live()
    assert json.loads(done.stdout) == [answer["outputs"][0]["data"], "v1", live.digest, False]
    assert (answer["model_version"], answer["parameters"]["digest"]) == ("v1", live.digest)


def test_the_example_is_rows_of_the_versions_own_probe_as_people_write_them(folder):
    inputs = {one["name"]: one["data"] for one in json.loads((folder / "request.json").read_text())["inputs"]}
    assert inputs == {"x": [0.5, 1.5, None], "c": ["11", "12", None]}


def test_the_model_file_is_the_registrys_own_and_plain_lightgbm_scores_encoded_rows_alike(folder, home):
    registry = registry_in(home)
    assert (folder / "model.bst").read_bytes() == registry.read(registry.live().digest)["model.bst"]
    scores = lgb.Booster(model_file=str(folder / "model.bst")).predict(np.array([[0.5, 0.0]]))
    assert scores.tolist() == json.loads((folder / "answer.json").read_text())["outputs"][0]["data"][:1]


def test_mlflow_is_told_both_flavors(folder):
    told = yaml.safe_load((folder / "MLmodel").read_text())["flavors"]
    assert told["lightgbm"]["data"] == "model.bst"
    assert told["python_function"]["loader_module"] == "live_scorer.pyfunc"
    assert (folder / told["python_function"]["code"] / "live_scorer" / "pyfunc.py").exists()
    assert (folder / told["python_function"]["env"]["virtualenv"]).exists()


@pytest.mark.parametrize("canary", [10, 100])
def test_the_inference_service_meets_kserves_schema_and_holds_the_canary_share(canary):
    service = inference_service(MODEL, "v3", Deployment("gs://bucket/{name}", "image:{version}", canary))
    Draft202012Validator(SCHEMA).validate(service)
    predictor = service["spec"]["predictor"]
    assert predictor.get("canaryTrafficPercent", 100) == canary
    (container,) = predictor["containers"]
    assert container["image"] == "image:v3"
    assert {"name": "STORAGE_URI", "value": "gs://bucket/taxi-charge"} in container["env"]


def test_a_folder_that_holds_something_is_left_alone(folder, home):
    registry = registry_in(home)
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(DataError, match="holds something already"):
        export(registry, registry.live(), folder)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_an_export_that_fails_leaves_nothing(home, monkeypatch):
    registry = registry_in(home)
    monkeypatch.setattr("retrain_assets.serving.export.os.rename", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError, match="division"):
        export(registry, registry.live(), home / "out" / "rides")
    assert list((home / "out").iterdir()) == []


def test_no_exported_module_imports_this_package_but_for_a_type_checker():
    nodes = [node for text in code().values() for node in ast.walk(ast.parse(text))]
    imported = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported if name.startswith("retrain_assets")} == {"retrain_assets.raw.policy"}
