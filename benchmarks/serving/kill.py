"""What a SIGKILL takes from the served log: answers that are not in it, by how long before the kill they were given."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.serving import model
from benchmarks.serving.home import Connection, promoted, request_of, serving
from benchmarks.worlds.verdicts import MODEL
from retrain_assets.raw.served import served_files

ROUNDS, SECONDS, MOST_SECONDS = 5, 3.0, 1.0
KEY = "trip_id"
Line = tuple[str, bool]
"""A printed line, and whether the number in it is as stated."""


def lines(rounds: int) -> Iterator[Line]:
    """Kill a server so many times in the middle of requests, and look for each answer in its log."""
    columns = model.rows(1, 99).drop_columns(["at", "id"]).to_pydict()
    answered, lost, oldest = 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        promoted(home, 1)
        for number in range(rounds):
            given, killed = _until_killed(home, number, columns)
            files = served_files(home / "served" / MODEL)
            kept = {key for file in files for key in pq.read_table(file)[KEY].to_pylist()}
            missing = [killed - at for key, at in given.items() if key not in kept]
            answered, lost = answered + len(given), lost + len(missing)
            oldest = max([oldest, *missing])
    yield f"{rounds} kills, {answered:,} rows answered: {lost:,} are not in the log, and its files are whole", True
    told = f"the oldest of them was answered {oldest:.2f} s before the kill"
    yield f"{told} (at most {MOST_SECONDS:g})", oldest <= MOST_SECONDS


def _until_killed(home: Path, number: int, columns: dict[str, list[object]]) -> tuple[dict[str, float], float]:
    """When each row was answered, by its key, and when the server was killed."""
    given: dict[str, float] = {}
    with serving(home) as port:  # leaves it by SIGKILL
        connection, until = Connection(port), time.monotonic() + SECONDS
        while time.monotonic() < until:
            key = f"{number}-{len(given)}"
            status, _ = connection.send(request_of({"columns": {**columns, KEY: [key]}}))
            if status != 200:
                raise RuntimeError(f"status {status}")
            given[key] = time.monotonic()
    return given, time.monotonic()
