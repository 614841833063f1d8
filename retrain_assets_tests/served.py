"""The real webserver and daemon over a small model's folder, as a person starts them, and GraphQL to look at them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import retrain_assets

Found = TypeVar("Found")

TWO_WEEKS: dict[str, Any] = {
    "period": {"every": "week", "start": "2024-01-01", "end": "2024-01-15"},
    "windows": {
        "recent_periods": 1,
        "half_life_periods": 2,
        "selection_origins": 1,
        "gate_periods": 1,
        "min_train_periods": 1,
    },
}
"""Changes to the small model's spec: the fewest periods with which a first model can be trained and judged."""

RUNS = """query($job: String!) { runsOrError(filter: {pipelineName: $job}) { ... on Runs {
  results { runId status endTime tags { key value } } } } }"""
TICKS = """query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor {
  sensorState { ticks(limit: 100) { timestamp status skipReason } } } } }"""
LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
LOCATION = {"repositoryLocationName": "retrain_assets.definitions", "repositoryName": "__repository__"}
MATERIALIZATIONS = """query($key: [String!]!) { assetOrError(assetKey: {path: $key}) { ... on Asset {
  assetMaterializations { partition runId } } } }"""
CHECKS = """query($key: [String!]!) { assetNodeOrError(assetKey: {path: $key}) { ... on AssetNode {
  assetChecksOrError { ... on AssetChecks { checks {
    name blocking executionForLatestMaterialization { status evaluation { description } } } } } } } }"""


@dataclass(frozen=True)
class Served:
    """A served home: where it listens, and what the processes have printed."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            record = json.load(answer)
        assert "errors" not in record, record["errors"]
        return record["data"]

    def runs(self, job: str) -> list[dict[str, Any]]:
        """The runs of a job, newest first; tags as a mapping."""
        runs = self.ask(RUNS, job=job)["runsOrError"]["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in runs]

    def ticks(self, sensor: str) -> list[dict[str, Any]]:
        """The ticks of a sensor that have ended, newest first."""
        found = self.ask(TICKS, sensor=LOCATION | {"sensorName": sensor})["sensorOrError"]
        return [tick for tick in found["sensorState"]["ticks"] if tick["status"] != "STARTED"] if found else []

    def tick_after(self, moment: float, sensor: str, seconds: float = 60) -> dict[str, Any]:
        """The newest tick of a sensor, once it is later than a moment (seconds since 1970)."""

        def later() -> dict[str, Any] | None:
            return next((tick for tick in self.ticks(sensor) if tick["timestamp"] > moment), None)

        return self.wait(later, f"{sensor} was not asked again", seconds)

    def first_tick(self, sensor: str, seconds: float = 120) -> dict[str, Any]:
        """The oldest tick of a sensor, once the daemon has asked it."""

        def asked() -> dict[str, Any] | None:
            try:
                return next(reversed(self.ticks(sensor)), None)
            except (AssertionError, KeyError):  # the code location is not loaded yet
                return None

        return self.wait(asked, f"{sensor} was never asked", seconds)

    def launch(self, job: str, period: str | None, config: Mapping[str, object] | None = None) -> str:
        """Launch a job for a period, as the button of its page does; the run's id."""
        tags = [{"key": "dagster/partition", "value": period}] if period else []
        asked = {"mode": "default", "runConfigData": dict(config or {}), "selector": LOCATION | {"jobName": job}}
        answer = self.ask(LAUNCH, params=asked | {"executionMetadata": {"tags": tags}})["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def materializations(self, *key: str) -> list[dict[str, Any]]:
        """What was materialized of an asset, newest first."""
        return self.ask(MATERIALIZATIONS, key=key)["assetOrError"]["assetMaterializations"]

    def checks(self, *key: str) -> list[dict[str, Any]]:
        """The checks of an asset with their latest result."""
        return self.ask(CHECKS, key=key)["assetNodeOrError"]["assetChecksOrError"]["checks"]

    def finished(self, job: str, seconds: float = 240) -> dict[str, Any]:
        """The newest run of a job, once it has ended, however it ended."""

        def ended() -> dict[str, Any] | None:
            return next((run for run in self.runs(job) if run["status"] in ("SUCCESS", "FAILURE", "CANCELED")), None)

        return self.wait(ended, f"{job} did not end", seconds)

    def wait(self, found: Callable[[], Found | None], otherwise: str, seconds: float) -> Found:
        """What `found` gives as soon as it gives something; fails with the end of the log."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if (answer := found()) is not None:
                    return answer
            except OSError:  # the webserver is not up yet
                pass
            time.sleep(0.5)
        raise AssertionError(f"{otherwise} within {seconds:.0f} s:\n{self.log.read_text()[-4000:]}")


@contextmanager
def serve(folder: Path, in_background: bool = False) -> Iterator[Served]:
    """`retrain dev` over the specs of a folder and nothing else; every process is gone at the end.

    Args:
        folder: Where the specs are, and the home.
        in_background: Begin it as a script begins what it does not wait for, with SIGINT ignored.
    """
    port = _free_port()
    log = folder / "dev.log"
    environment = {
        **os.environ,
        "RETRAIN_HOME": str(folder / "home"),
        "RETRAIN_MODELS": str(folder),
        "RETRAIN_SHIPPED": "0",
        "PYTHONPATH": str(Path(retrain_assets.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "",
        "RETRAIN_REPORTS_URL": f"http://127.0.0.1:{_free_port()}",
    }
    command = [sys.executable, "-c", "from retrain_assets.cli.main import main; main()", "dev", "--port", str(port)]
    if in_background:
        command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield Served(f"http://127.0.0.1:{port}", log, process)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the parent to stop its services, then end whatever of its group is left."""
    process.send_signal(signal.SIGINT)
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
