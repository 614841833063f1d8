"""KServe's own server on an exported model, in an environment of its own: its SDK needs another pandas than we do.

python3.11 -m venv kserve && kserve/bin/pip install kserve==0.21.0 lightgbm==4.7.0
RETRAIN_KSERVE_PYTHON=kserve/bin/python make test
"""

import http.client
import json
import os
import socket
import subprocess
import time
from contextlib import closing

import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.serving.export import export
from retrain_assets.serving.inference import tensor_answer
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
    from retrain_assets.serving.live import loaded

    registry = registry_in(tmp_path)
    scored = loaded(registry, registry.live()).score(ROWS)
    own = json.loads(tensor_answer(MODEL, scored, "r1"))
    status, answer = ask(port, tensors(c=ROWS["c"].to_pylist(), x=ROWS["x"].to_pylist()))
    assert status == 200
    assert answer["outputs"][0]["data"] == own["outputs"][0]["data"]
    assert (answer["model_version"], answer["parameters"]["digest"]) == ("v1", scored.digest)
    status, answer = ask(port, tensors(c=["11"]))
    assert (status, "feature 'x' is missing" in answer["error"]) == (400, True)
