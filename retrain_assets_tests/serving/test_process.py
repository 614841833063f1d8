"""A server as a process of its own: promotions and rollbacks under load, and what a kill leaves of its log."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event

import pyarrow.parquet as pq
import pytest

from benchmarks.worlds.verdicts import MODEL, rolled_back
from retrain_assets.errors import NotFound, SpecError
from retrain_assets.raw.served import served_files, served_folder
from retrain_assets.serving.process import TOKEN, Address, serve, token_for
from retrain_assets_tests.serving.client import FIRST
from retrain_assets_tests.serving.world import number_of, promoted, registry_in

COMMAND = "from retrain_assets.cli.main import main; main()"


class Running:
    """A server process and a connection to it."""

    def __init__(self, home):
        environment = {**os.environ, "RETRAIN_HOME": str(home)}
        command = [sys.executable, "-c", COMMAND, "serve", MODEL, "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.said = self.process.stdout.readline().strip()
        self.port = int(self.said.rpartition(":")[2])

    def connection(self):
        return closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))

    def end(self, with_signal):
        self.process.send_signal(with_signal)
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture
def running(home):
    running = Running(home)
    yield running
    if running.process.returncode is None:
        running.end(signal.SIGKILL)


def ask(connection, row):
    connection.request("POST", "/predict", json.dumps({"rows": [row]}))
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def wait_for(running, **told):
    """Ask for health until it says so."""
    with running.connection() as connection:
        for _ in range(600):
            connection.request("GET", "/health")
            if told.items() <= (health := json.loads(connection.getresponse().read())).items():
                return health
            time.sleep(0.05)
    raise AssertionError(f"not {told} after 30 s")


def test_promotions_and_rollbacks_under_load_fail_no_request_and_mix_no_answer(running, home):
    registry, ended, answers = registry_in(home), Event(), []

    def load(worker):
        with running.connection() as connection:
            while not ended.is_set():
                answers.append(ask(connection, {**FIRST, "trip_id": f"{worker}-{len(answers)}"}))

    assert running.said.startswith(f"{MODEL} v1 on http://127.0.0.1:")
    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(load, worker) for worker in range(3)]
        try:
            for number in range(2, 5):
                promoted(registry, 2 * number)
                wait_for(running, version=f"v{number}")
                rolled_back(registry, 2 * number + 1)
                wait_for(running, version="v1")
        finally:
            ended.set()
        for worker in workers:
            worker.result()
    assert {status for status, _ in answers} == {200}
    for _, answer in answers:
        number = int(answer["version"].removeprefix("v"))
        assert number_of(answer["scores"][0]) == (1 if number == 1 else 2 * number)
    assert {answer["version"] for _, answer in answers} == {"v1", "v2", "v3", "v4"}
    health = wait_for(running, version="v1", version_changes=6)
    assert health["log"]["lost_rows"] == 0
    running.end(signal.SIGTERM)
    rows = [row for name in served_files(served_folder(MODEL)) for row in pq.read_table(name).to_pylist()]
    assert len(rows) == len(answers)


def test_a_kill_loses_only_rows_that_were_not_written_yet_and_tears_no_file(running):
    with running.connection() as connection:
        for number in range(50):
            assert ask(connection, {**FIRST, "trip_id": number})[0] == 200
        wait_for(running, log={"rows": 50, "lost_rows": 0})
        for number in range(50, 60):
            ask(connection, {**FIRST, "trip_id": number})
        running.end(signal.SIGKILL)
    ids = [key for name in served_files(served_folder(MODEL)) for key in pq.read_table(name)["trip_id"].to_pylist()]
    assert sorted(map(int, ids))[:50] == list(range(50))
    assert len(set(ids)) == len(ids) <= 60


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::", "server.example"])
def test_an_address_that_others_reach_needs_a_token(monkeypatch, host):
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(SpecError, match=f"set {TOKEN} to a token"):
        token_for(Address(host))
    monkeypatch.setenv(TOKEN, "s3cret")
    assert token_for(Address(host)) == "s3cret"
    assert token_for(Address("127.0.0.1")) == "s3cret"


def test_nothing_is_served_without_a_live_version(server, home):
    empty = server()
    empty.follower.served = None
    empty.follower._registry = registry_in(home / "empty")
    with pytest.raises(NotFound, match="has no live version"):
        serve(empty, Address(port=0), lambda *said: pytest.fail("served"))


def test_an_address_that_is_taken_is_refused(server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="Address already in use"):
            serve(server(), Address(port=taken.getsockname()[1]), lambda *said: pytest.fail("served"))


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:{}"), ("::1", "http://[::1]:{}")])
def test_the_announced_address_is_the_one_that_listens(server, monkeypatch, host, url):
    said, before = [], sys.getswitchinterval()
    monkeypatch.setattr(
        "uvicorn.Server.run", lambda self, sockets: said.extend(one.getsockname()[1] for one in sockets)
    )
    serve(server(), Address(host, 0), lambda *announced: said.extend(announced))
    sys.setswitchinterval(before)
    assert said[:2] == ["v1", url.format(said[2])]
