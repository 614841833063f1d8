"""KServe's own server on an exported model, in an environment of its own: its SDK needs another pandas than we do.

python3.11 -m venv kserve && kserve/bin/pip install kserve==0.21.0 lightgbm==4.7.0
RETRAIN_KSERVE_PYTHON=kserve/bin/python make test
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from importlib import import_module
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.serving.export import export
from retrain_assets.serving.inference import tensor_answer
from retrain_assets.serving.live import loaded
from retrain_assets_tests.serving.client import INFER, tensors
from retrain_assets_tests.serving.world import ROWS, promoted, registry_in

PYTHON = os.environ.get("RETRAIN_KSERVE_PYTHON", "")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def port(tmp_path):
    """KServe's server on the exported version v1."""
    registry = registry_in(tmp_path)
    promoted(registry, 1)
    export(registry, registry.live(), tmp_path / "out")
    port = free_port()
    words = [PYTHON, "-m", "live_scorer.predictor", "--model_dir", str(tmp_path / "out"), "--model_name", MODEL]
    words += ["--http_port", str(port), "--enable_grpc", "false"]
    process = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(tmp_path / "out" / "code")})
    yield port
    process.kill()
    process.wait(30)


def ask(port, body):
    for _ in range(300):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            try:
                connection.request("POST", INFER, json.dumps(body), {"Content-Type": "application/json"})
                response = connection.getresponse()
                return response.status, json.loads(response.read())
            except ConnectionRefusedError:
                time.sleep(0.1)
    raise AssertionError("no answer after 30 s")


@pytest.mark.skipif(not PYTHON, reason="RETRAIN_KSERVE_PYTHON names no Python with KServe")
def test_the_same_request_gets_the_same_answer_to_the_last_bit(port, tmp_path):
    registry = registry_in(tmp_path)
    scored = loaded(registry, registry.live()).score(ROWS)
    own = json.loads(tensor_answer(MODEL, scored, "r1"))
    status, answer = ask(port, tensors(c=ROWS["c"].to_pylist(), x=ROWS["x"].to_pylist()))
    assert status == 200
    assert answer["outputs"][0]["data"] == own["outputs"][0]["data"]
    assert (answer["model_version"], answer["parameters"]["digest"]) == ("v1", scored.digest)
    status, answer = ask(port, tensors(c=["11"]))
    assert (status, "feature 'x' is missing" in answer["error"]) == (400, True)


class Refused(Exception):
    """What KServe answers with status 400."""


class Model:
    """A model of KServe before it is loaded."""

    def __init__(self, name):
        self.name, self.ready = name, False


def output(name, shape, datatype, data):
    return SimpleNamespace(name=name, shape=shape, datatype=datatype, data=data)


def response(id_, model, outputs, version, parameters):
    return SimpleNamespace(id=id_, model=model, outputs=outputs, version=version, parameters=parameters)


@pytest.fixture
def predictor(monkeypatch, tmp_path):
    """The predictor of the exported version v1, with no more of KServe than the names that it imports."""
    registry = registry_in(tmp_path)
    promoted(registry, 1)
    export(registry, registry.live(), tmp_path / "out")
    kserve, errors = ModuleType("kserve"), ModuleType("kserve.errors")
    names = {"Model": Model, "InferOutput": output, "InferResponse": response}
    for name in ("InferInput", "InferRequest", "ModelServer", "model_server"):
        names[name] = None
    vars(kserve).update(names)
    errors.InvalidInput = Refused
    monkeypatch.setitem(sys.modules, "kserve", kserve)
    monkeypatch.setitem(sys.modules, "kserve.errors", errors)
    module = import_module("retrain_assets.serving.exported.predictor")
    yield module.Predictor(MODEL, str(tmp_path / "out"))
    del sys.modules[module.__name__]


def columns(**values):
    """A request as KServe hands it over: lists from JSON, arrays from the binary form, where text is bytes."""

    def tensor(name, data):
        return SimpleNamespace(name=name, data=data, as_numpy=lambda: data)

    return SimpleNamespace(id="r1", inputs=[tensor(name, data) for name, data in values.items()])


@pytest.mark.parametrize("loaded_before", [True, False])
def test_columns_as_lists_and_as_arrays_of_bytes_get_the_versions_scores(predictor, tmp_path, loaded_before):
    assert not loaded_before or (predictor.load() and predictor.ready)
    registry = registry_in(tmp_path)
    own = loaded(registry, registry.live()).score(ROWS.slice(0, 2))
    for x, c in (([0.5, 1.5], ["11", "12"]), (np.array([[0.5], [1.5]]), np.array([b"11", b"12"], object))):
        answer = predictor.predict(columns(x=x, c=c))
        (scores,) = answer.outputs
        assert (scores.name, scores.shape, scores.data) == ("score", [2], own.scores.tolist())
        assert (answer.id, answer.version, answer.parameters["digest"]) == ("r1", "v1", own.digest)


def test_rows_that_are_not_the_versions_are_refused_with_its_sentence(predictor):
    with pytest.raises(Refused, match="feature 'x' is missing"):
        predictor.predict(columns(c=["11"]))
