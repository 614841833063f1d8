"""The model server as an ASGI application: routes, limits and the token. FastAPI is imported here and nowhere else.

    GET  /v2, /v2/models/NAME, /v2/models/NAME/ready, /v2/health/live, /v2/health/ready
    POST /v2/models/NAME/infer              Open Inference Protocol v2, one tensor for each column
    POST /predict                           rows by name
    GET  /health, /metrics

A request takes the version in service once and answers with it. The three paths that score are taken before FastAPI's
routing, which costs a row three times what scoring it does.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from retrain_assets import __version__
from retrain_assets.errors import DataError
from retrain_assets.model import RowNames
from retrain_assets.scoring.scorer import Scored
from retrain_assets.serving.follower import Follower, Served, age_seconds
from retrain_assets.serving.inference import InferenceRequest, metadata, named_answer, tensor_answer
from retrain_assets.serving.meters import Meters
from retrain_assets.serving.served_log import ServedLog, ServedRows

_TYPE, _METHOD, _PATH = "type", "method", "path"
_TOKEN, _REQUEST_ID, _LENGTH, _VERSION = "authorization", "x-request-id", "content-length", "version"
_AT_ONCE = 64  # rows that are scored faster than another thread is asked to


@dataclass(frozen=True)
class Limits:
    """What one request may be, and the token that it must carry; none is asked for where that is empty."""

    body_bytes: int = 8 << 20
    rows: int = 10_000
    token: str = ""


@dataclass(frozen=True)
class Server:
    """What a server needs: whom it follows, where it logs, how rows are called, and what it lets in."""

    model: str
    follower: Follower
    names: RowNames
    log: ServedLog | None = None
    limits: Limits = Limits()


class _Refused(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def app_of(server: Server) -> ASGIApp:
    """Build the application; the follower and the log run while it does."""

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        server.follower.start()
        if server.log is not None:
            server.log.start()
        yield
        server.follower.stop()
        if server.log is not None:
            server.log.stop()

    app = FastAPI(title=server.model, lifespan=running, docs_url=None, redoc_url=None, openapi_url=None)
    scores, model = _Scores(server.log, Meters(server.model)), f"/v2/models/{server.model}"
    infer = _Scoring(server, scores, "infer", lambda body, columns: InferenceRequest.from_json(body), tensor_answer)
    predict = _Scoring(server, scores, "predict", InferenceRequest.by_name, named_answer)
    scoring = {f"{model}/infer": infer, "/predict": predict}
    versioned = {f"{model}/versions/{{version}}/infer": infer}
    app.router.routes.extend(Route(path, one, methods=["POST"]) for path, one in {**scoring, **versioned}.items())
    routes = _Routes(server, scores.meters)
    told: dict[str, Callable[..., Awaitable[Response]]] = {
        "/v2": routes.server,
        model: routes.metadata,
        f"{model}/ready": routes.ready,
        "/v2/health/ready": routes.ready,
        "/v2/health/live": routes.alive,
        "/health": routes.health,
        "/metrics": routes.metrics,
    }
    for path, route in told.items():
        app.add_route(path, route, methods=["GET"])

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        is_post = scope[_TYPE] == "http" and scope[_METHOD] == "POST"
        found = scoring.get(scope[_PATH]) if is_post else None
        await (found or app)(scope, receive, send)

    return answered


class _Scoring:
    """An endpoint that scores rows."""

    def __init__(
        self,
        server: Server,
        scores: _Scores,
        route: str,
        read: Callable[[bytes, Iterable[str]], InferenceRequest],
        written: Callable[[str, Scored, str], bytes],
    ) -> None:
        self._server, self._scores, self._route, self._read, self._written = server, scores, route, read, written

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        try:
            status, body = 200, await self._answer(scope, receive)
        except _Refused as refused:
            status, body = refused.status, _error(str(refused))
        except DataError as error:
            status, body = 400, _error(str(error))
        except Exception as error:  # the sentence says what, and not where in the code
            status, body = 500, _error(f"{type(error).__name__}: the rows could not be scored")
        self._scores.meters.answered(self._route, status, time.perf_counter() - began)
        await Response(body, status, media_type="application/json")(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        request, limits, names = Request(scope, receive), self._server.limits, self._server.names
        _admit(self._server, request)
        body = await self._body(request)
        served = _served(self._server, request.path_params.get(_VERSION))
        asked = self._read(body, (names.key, names.time, *served.live.scorer.columns))
        if asked.rows > limits.rows:
            raise _Refused(413, f"{asked.rows:,} rows in one request, at most {limits.rows:,}")
        request_id = asked.id or request.headers.get(_REQUEST_ID) or uuid.uuid4().hex
        if asked.rows <= _AT_ONCE:
            scored = await self._scores.soon(_Waiting(served, asked, request_id))
        else:
            scored = await run_in_threadpool(self._scores.now, _Waiting(served, asked, request_id))
        self._scores.meters.scored(scored)
        return self._written(self._server.model, scored, request_id)

    async def _body(self, request: Request) -> bytes:
        """The body, refused as soon as it is known to be too long."""
        most = self._server.limits.body_bytes
        sentence = f"the request is longer than {most:,} bytes"
        if int(request.headers.get(_LENGTH) or 0) > most:
            raise _Refused(413, sentence)
        parts: list[bytes] = []
        size = 0
        try:
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _Refused(413, sentence)
                parts.append(part)
        except ClientDisconnect:
            raise _Refused(400, "the connection was closed before the request was complete") from None
        return b"".join(parts)


@dataclass(frozen=True)
class _Waiting:
    """Rows that wait for their scores: the version that will answer, what was asked, and the request's id."""

    served: Served
    request: InferenceRequest
    id: str

    @property
    def fits(self) -> Hashable:
        """What requests that are scored together share; those whose columns differ in length fit none."""
        columns = self.request.columns
        even = len(set(map(len, columns.values()))) == 1 and self.served.live.scorer.contract.made is None
        return (id(self.served), *columns) if even else id(self)


class _Scores:
    """Scores rows and leaves them to the log; requests that arrive together are scored by one call.

    A call of LightGBM costs a row four times what the row's trees do.
    """

    def __init__(self, log: ServedLog | None, meters: Meters) -> None:
        self._log, self.meters = log, meters
        self._waiting: list[tuple[_Waiting, asyncio.Future[Scored]]] = []

    def now(self, asked: _Waiting) -> Scored:
        """Score the rows of one request.

        Raises:
            DataError: The rows are not the version's.
            ValueError: A score is no finite number.
        """
        return self._scored([asked])[0]

    async def soon(self, asked: _Waiting) -> Scored:
        """The same, together with what else has arrived by the end of the loop's turn."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._score_waiting)
        future: asyncio.Future[Scored] = loop.create_future()
        self._waiting.append((asked, future))
        return await future

    def _score_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        groups: dict[Hashable, list[tuple[_Waiting, asyncio.Future[Scored]]]] = {}
        for one in waiting:
            groups.setdefault(one[0].fits, []).append(one)
        for group in groups.values():
            try:
                results: list[Scored | None] = list(self._scored([asked for asked, _ in group]))
            except Exception:  # one of them cannot be answered: each is asked by itself
                results = [None] * len(group)
            for (asked, future), scored in zip(group, results, strict=True):
                if not future.done():  # else its request has ended
                    self._answer(asked, future, scored)

    def _answer(self, asked: _Waiting, future: asyncio.Future[Scored], scored: Scored | None) -> None:
        try:
            future.set_result(scored or self.now(asked))
        except Exception as error:
            future.set_exception(error)

    def _scored(self, asked: Sequence[_Waiting]) -> list[Scored]:
        """Score requests of one version, whose columns have the same names.

        Raises:
            DataError: Rows are not the version's, or of several requests some hold a category that it never saw.
            ValueError: A score is no finite number.
        """
        served, columns = asked[0].served, asked[0].request.columns
        if len(asked) > 1:
            columns = {name: [value for one in asked for value in one.request.columns[name]] for name in columns}
        scorer = served.live.scorer
        encoded, unseen = scorer.encoded(columns)
        if unseen and len(asked) > 1:
            raise DataError("whose category is new is not known of several requests together")
        scores = scorer.predicted(encoded)
        if not np.isfinite(scores).all():
            raise ValueError(f"{scorer.version} gave a score that is no finite number")
        found, begin, at = [], 0, datetime.now()
        behind = served.shadow.scorer if served.shadow is not None else None
        for one in asked:
            own = slice(begin, begin + one.request.rows) if len(asked) > 1 else slice(None)
            begin += one.request.rows
            if self._log is not None and len(scores[own]):
                rows = encoded[own] if len(asked) > 1 else encoded
                self._log.add(ServedRows(scorer, behind, one.request.columns, rows, scores[own], one.id, at))
            found.append(Scored(scores[own], unseen, scorer.version, scorer.digest))
        return found


def _served(server: Server, version: str | None = None) -> Served:
    served = server.follower.served
    if served is None:
        raise _Refused(503, f"{server.model} has no live version")
    if version not in (None, served.live.version.name):
        raise _Refused(404, f"{version} is not live, {served.live.version.name} is")
    return served


def _admit(server: Server, request: Request) -> None:
    token = server.limits.token
    if token and not hmac.compare_digest(request.headers.get(_TOKEN, "").encode(), f"Bearer {token}".encode()):
        raise _Refused(401, "send the header Authorization: Bearer TOKEN")


class _Routes:
    """What is told of the server and of the model: one method for each route."""

    def __init__(self, server: Server, meters: Meters) -> None:
        self._server, self._meters = server, meters

    async def server(self, request: Request) -> Response:
        return self._told(request, lambda: {"name": "retrain_assets", "version": __version__, "extensions": []})

    async def metadata(self, request: Request) -> Response:
        def told() -> dict[str, object]:
            live = _served(self._server).live
            classes = live.scorer.booster.num_model_per_iteration()
            return metadata(self._server.model, [live.version.name], live.scorer.contract, classes) | {
                "parameters": {"digest": live.version.digest}
            }

        return self._told(request, told)

    async def alive(self, request: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(self, request: Request) -> Response:
        is_ready = self._server.follower.served is not None
        return JSONResponse({"name": self._server.model, "ready": is_ready}, 200 if is_ready else 503)

    async def health(self, request: Request) -> Response:
        def told() -> dict[str, object]:
            follower, log = self._server.follower, self._server.log
            served = _served(self._server)
            version = served.live.version
            return {
                "model": self._server.model,
                "version": version.name,
                "digest": version.digest,
                "promoted_at": version.at.isoformat(),
                "age_seconds": round(age_seconds(served.live)),
                "shadow": served.shadow.version.name if served.shadow is not None else None,
                "version_changes": follower.changes,
                "fault": follower.fault,
                "log": {"rows": log.written, "lost_rows": log.lost} if log is not None else None,
            }

        return self._told(request, told)

    async def metrics(self, request: Request) -> Response:
        try:
            _admit(self._server, request)
        except _Refused as refused:
            return Response(_error(str(refused)), refused.status, media_type="application/json")
        return Response(self._meters.text(self._server.follower, self._server.log), media_type="text/plain")

    def _told(self, request: Request, told: Callable[[], dict[str, object]]) -> Response:
        try:
            _admit(self._server, request)
            return JSONResponse(told())
        except _Refused as refused:
            return Response(_error(str(refused)), refused.status, media_type="application/json")


def _error(sentence: str) -> bytes:
    return json.dumps({"error": sentence}).encode()
