"""The same version behind other servers: `mlflow models serve` and KServe's own, each with a Python of its own.

python3.11 -m venv mlflow && mlflow/bin/pip install mlflow==3.17.2 lightgbm==4.7.0
python3.11 -m venv kserve && kserve/bin/pip install kserve==0.21.0 lightgbm==4.7.0
RETRAIN_MLFLOW_PYTHON=mlflow/bin/python RETRAIN_KSERVE_PYTHON=kserve/bin/python python -m benchmarks.serving latency
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.home import Connection, request_of
from benchmarks.worlds.verdicts import MODEL
from retrain_assets.registry.registry import Registry
from retrain_assets.serving.export import export

_PATIENCE_SECONDS = 120.0
Row = Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class Peer:
    """A server that is there: its name, and the Python that has it."""

    name: str
    python: str

    @contextmanager
    def serving(self, folder: Path, one: Row) -> Iterator[tuple[int, bytes]]:
        """The server over an exported folder, once it answers; its port, and a request for one row."""
        port = _free_port()
        command, request = _mlflow(folder, port, one) if self.name == "mlflow" else _kserve(folder, port, one)
        environment = {**os.environ, "PYTHONPATH": str(folder / "code"), "OMP_NUM_THREADS": "1"}
        environment["PATH"] = f"{Path(self.python).parent}{os.pathsep}{os.environ['PATH']}"
        with (folder.parent / f"{self.name}.log").open("wb") as log:
            process = subprocess.Popen([self.python, *command], env=environment, stdout=log, stderr=log)
            try:
                _wait(port, request, process)
                yield port, request
            finally:
                process.terminate()
                process.wait(30)


def peers() -> list[Peer]:
    """Those whose Python the environment names."""
    named = {"mlflow": "RETRAIN_MLFLOW_PYTHON", "kserve": "RETRAIN_KSERVE_PYTHON"}
    return [Peer(name, os.environ[variable]) for name, variable in named.items() if os.environ.get(variable)]


def exported(home: Path) -> Path:
    """The live version of a home as `retrain export` lays it out."""
    registry = Registry(home / "registry", MODEL)
    live = registry.live()
    assert live is not None
    export(registry, live, home / "exported")
    return home / "exported"


def _mlflow(folder: Path, port: int, one: Row) -> tuple[list[str], bytes]:
    command = ["-m", "mlflow", "models", "serve", "-m", str(folder), "-p", str(port), "--env-manager", "local"]
    split = {"columns": list(one), "data": [list(row) for row in zip(*one.values(), strict=True)]}
    return command, request_of({"dataframe_split": split}, "/invocations")


def _kserve(folder: Path, port: int, one: Row) -> tuple[list[str], bytes]:
    command = ["-m", "live_scorer.predictor", "--model_dir", str(folder), "--model_name", MODEL]
    command += ["--http_port", str(port), "--enable_grpc", "false"]
    inputs = [
        {
            "name": name,
            "shape": [len(values)],
            "datatype": "BYTES" if isinstance(values[0], str) else "FP64",
            "data": list(values),
        }
        for name, values in one.items()
        if name != "id"
    ]
    return command, request_of({"inputs": inputs}, f"/v2/models/{MODEL}/infer")


def _wait(port: int, request: bytes, process: subprocess.Popen[bytes]) -> None:
    """Ask until it answers with 200.

    Raises:
        RuntimeError: It ended, or never did.
    """
    until, answer = time.monotonic() + _PATIENCE_SECONDS, (0, b"nothing")
    while time.monotonic() < until and process.poll() is None:
        try:
            with closing(Connection(port)) as connection:
                answer = connection.send(request)
        except OSError:
            time.sleep(0.2)
        if answer[0] == 200:
            return
    raise RuntimeError(f"{process.args!r} does not answer: {answer}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
