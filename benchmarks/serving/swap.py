"""Promotions and rollbacks under load: failures, answers whose score is not their version's, seconds until served."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from benchmarks.serving import model
from benchmarks.serving.home import Connection, promoted, request_of, serving
from benchmarks.worlds.verdicts import MODEL, rolled_back
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.scorer import Scorer

MOVES, MOST_SECONDS, TREES = 20, 2.0, 20
Line = tuple[str, bool]
"""A printed line, and whether the number in it is as stated."""


def lines(requests: int) -> Iterator[Line]:
    """Send so many requests over four connections, while the version changes twenty times."""
    columns = model.rows(1, 99).drop_columns(["at"]).to_pydict()
    request = request_of({"columns": columns})
    with tempfile.TemporaryDirectory() as folder:
        home, answers, ended = Path(folder), list[tuple[int, bytes]](), Event()
        promoted(home, 1, TREES)
        with serving(home) as port:

            def load(_: int) -> None:
                connection = Connection(port)
                while not ended.is_set() or len(answers) < requests:
                    answers.append(connection.send(request))

            with ThreadPoolExecutor(4) as pool:
                workers = [pool.submit(load, worker) for worker in range(4)]
                try:
                    seconds = [_moved(home, number, answers) for number in range(2, MOVES + 2)]
                finally:
                    ended.set()
                for worker in workers:
                    worker.result()
        failed = sum(status != 200 for status, _ in answers)
        mixed = _mixed(home, columns, [json.loads(body) for status, body in answers if status == 200])
    yield f"{len(answers):,} requests, {MOVES} promotions and rollbacks: {failed} failed (0)", failed == 0
    yield f"answers whose score is not their version's: {mixed} (0)", mixed == 0
    told = f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s (at most {MOST_SECONDS:.0f})"
    yield f"from the journal to the first answer: {told}", max(seconds) <= MOST_SECONDS


def _moved(home: Path, number: int, answers: list[tuple[int, bytes]]) -> float:
    """Promote or roll back; the seconds until an answer comes from the new version."""
    registry = Registry(home / "registry", MODEL)
    if number % 2 == 0:
        promoted(home, number, TREES)
    else:
        rolled_back(registry, number)
    began, seen = time.perf_counter(), len(answers)
    live = registry.live()
    wanted = f'"digest": "{live.digest}"'.encode() if live else b"?"
    while time.perf_counter() - began < 30:
        if any(wanted in body for _, body in answers[seen:]):
            return time.perf_counter() - began
        time.sleep(0.005)
    return 30.0


def _mixed(home: Path, columns: dict[str, list[object]], answers: list[dict[str, object]]) -> int:
    """How many answers hold another score than the version that they name gives."""
    registry = Registry(home / "registry", MODEL)
    scores = {
        version.digest: Scorer.from_files(registry.read(version.digest)).scores(columns).tolist()
        for version in registry.versions()
    }
    return sum(answer["scores"] != scores[str(answer["digest"])] for answer in answers)
