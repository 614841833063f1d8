"""One row through the server against `Booster.predict` in process: milliseconds, at 1 and at 8 connections."""

from __future__ import annotations

import selectors
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.serving import model
from benchmarks.serving.home import Connection, promoted, request_of, serving
from benchmarks.serving.peers import exported, peers

MOST_MEDIAN_MS, MOST_P99_MS = 1.5, 10.0
Line = tuple[str, bool]
"""A printed line, and whether the number in it is as stated."""


def lines(requests: int) -> Iterator[Line]:
    """Measure so many requests at 1 and at 8 connections, and a twentieth of them with 1,000 rows."""
    columns = model.rows(1000, 99).drop_columns(["at"]).to_pydict()
    one = {name: values[:1] for name, values in columns.items()}
    with tempfile.TemporaryDirectory() as folder:
        promoted(Path(folder), 1)
        yield f"Booster.predict of one row in process: {_in_process(one):.3f} ms", True
        with serving(Path(folder)) as port:
            own = {}
            for connections in (1, 8):
                times = _times(port, request_of({"columns": one}), connections, requests)
                median, p99 = own[connections] = _median_and_p99(times)
                text = f"one row, {_connections(connections)}, {len(times):,} requests"
                yield f"{text}: median {median:.2f} ms (at most {MOST_MEDIAN_MS})", median <= MOST_MEDIAN_MS
                yield f"{text}: p99 {p99:.2f} ms (below {MOST_P99_MS:.0f})", p99 < MOST_P99_MS
            times = _times(port, request_of({"columns": columns}), 1, max(20, requests // 20))
            yield f"1,000 rows, 1 connection: median {statistics.median(times):.1f} ms", True
        yield from _beside(Path(folder), {name: values for name, values in one.items() if name != "id"}, own, requests)


def _beside(
    home: Path, one: dict[str, list[object]], own: dict[int, tuple[float, float]], requests: int
) -> Iterator[Line]:
    """The same row through the servers that there are besides, and how much longer they take."""
    found = peers()
    folder = exported(home) if found else home
    for peer in found:
        with peer.serving(folder, one) as (port, request):
            for connections, (own_median, own_p99) in own.items():
                median, p99 = _median_and_p99(_times(port, request, connections, requests // 4))
                text = f"{peer.name}, one row, {_connections(connections)}: median {median:.2f} ms, p99 {p99:.2f} ms"
                yield f"{text}; {median / own_median:.1f} and {p99 / own_p99:.1f} times ours", median > own_median


def _connections(count: int) -> str:
    return f"{count} connection{'s' if count > 1 else ''}"


def _median_and_p99(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), times[int(0.99 * len(times))]


def _in_process(one: dict[str, list[object]]) -> float:
    from retrain_assets.scoring.scorer import Scorer

    scorer = Scorer.from_files(model.version_files(1))
    matrix, _ = scorer.encoded(one)
    times = []
    for _ in range(2000):
        began = time.perf_counter()
        scorer.booster.predict(matrix)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def _times(port: int, request: bytes, connections: int, requests: int) -> list[float]:
    """Milliseconds of every request, sorted; the first of each connection are left out.

    All connections are kept by one thread, because threads of one process would wait for each other.
    """
    times, began, left = [], {}, requests + 20 * connections
    with selectors.DefaultSelector() as waiting, ExitStack() as stack:
        for _ in range(connections):
            connection = stack.enter_context(closing(Connection(port)))
            waiting.register(connection, selectors.EVENT_READ)
            began[connection] = time.perf_counter()
            connection.ask(request)
        while began:
            for key, _ in waiting.select():
                connection = key.fileobj
                status, _body = connection.answer()
                times.append(1000 * (time.perf_counter() - began.pop(connection)))
                if status != 200:
                    raise RuntimeError(f"status {status}")
                if len(times) + len(began) < left:
                    began[connection] = time.perf_counter()
                    connection.ask(request)
    return sorted(times[20 * connections :])
