"""The model server as an ASGI application: routes, limits and the token. FastAPI is imported here and nowhere else.

    GET  /v2, /v2/models/NAME, /v2/models/NAME/ready, /v2/health/live, /v2/health/ready
    POST /v2/models/NAME/infer              Open Inference Protocol v2, one tensor for each column
    POST /predict                           rows by name
    GET  /health, /metrics

A request takes the version in service once and answers with it.
"""

from __future__ import annotations

import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from retrain_assets import __version__
from retrain_assets.errors import DataError
from retrain_assets.model import RowNames
from retrain_assets.scoring.scorer import Scored
from retrain_assets.serving.follower import Follower, Served, age_seconds
from retrain_assets.serving.inference import InferenceRequest, metadata, named_answer, tensor_answer
from retrain_assets.serving.meters import Meters
from retrain_assets.serving.served_log import ServedLog, ServedRows

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


def app_of(server: Server) -> FastAPI:
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
    routes = _Routes(server)
    model = f"/v2/models/{server.model}"
    for path in (f"{model}/infer", f"{model}/versions/{{version}}/infer"):
        app.add_route(path, routes.infer, methods=["POST"])
    app.add_route("/predict", routes.predict, methods=["POST"])
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
    return app


class _Routes:
    """One method for each route."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._meters = Meters(server.model)

    # ---- scores

    async def infer(self, request: Request) -> Response:
        return await self._answered(request, "infer", InferenceRequest.from_json, tensor_answer)

    async def predict(self, request: Request) -> Response:
        def read(body: bytes) -> InferenceRequest:
            return InferenceRequest.by_name(body, self._wanted(self._served()))

        return await self._answered(request, "predict", read, named_answer)

    async def _answered(
        self,
        request: Request,
        route: str,
        read: Callable[[bytes], InferenceRequest],
        written: Callable[[str, Scored, str], bytes],
    ) -> Response:
        began = time.perf_counter()
        try:
            self._admit(request)
            asked = read(await self._body(request))
            if asked.rows > self._server.limits.rows:
                raise _Refused(413, f"{asked.rows:,} rows in one request, at most {self._server.limits.rows:,}")
            request_id = asked.id or request.headers.get(_REQUEST_ID) or uuid.uuid4().hex
            served = self._served(request.path_params.get(_VERSION))
            if asked.rows <= _AT_ONCE:
                scored = self._scored(served, asked, request_id)
            else:
                scored = await run_in_threadpool(self._scored, served, asked, request_id)
            self._meters.scored(scored)
            status, body = 200, written(self._server.model, scored, request_id)
        except _Refused as refused:
            status, body = refused.status, _error(str(refused))
        except DataError as error:
            status, body = 400, _error(str(error))
        except Exception as error:  # the sentence says what, and not where in the code
            status, body = 500, _error(f"{type(error).__name__}: the rows could not be scored")
        self._meters.answered(route, status, time.perf_counter() - began)
        return Response(body, status, media_type="application/json")

    def _scored(self, served: Served, asked: InferenceRequest, request_id: str) -> Scored:
        """Score the rows, and leave them to the log."""
        scorer = served.live.scorer
        encoded, unseen = scorer.encoded(asked.columns)
        scores = scorer.predicted(encoded)
        if not np.isfinite(scores).all():
            raise ValueError(f"{scorer.version} gave a score that is no finite number")
        log, shadow = self._server.log, served.shadow
        if log is not None and len(scores):
            behind = shadow.scorer if shadow is not None else None
            log.add(ServedRows(scorer, behind, asked.columns, encoded, scores, request_id, datetime.now()))
        return Scored(scores, unseen, scorer.version, scorer.digest)

    def _served(self, version: str | None = None) -> Served:
        served = self._server.follower.served
        if served is None:
            raise _Refused(503, f"{self._server.model} has no live version")
        if version not in (None, served.live.version.name):
            raise _Refused(404, f"{version} is not live, {served.live.version.name} is")
        return served

    def _wanted(self, served: Served) -> tuple[str, ...]:
        """The columns that are taken of a row by name."""
        names = self._server.names
        return (names.key, names.time, *served.live.scorer.columns)

    def _admit(self, request: Request) -> None:
        token = self._server.limits.token
        given = request.headers.get(_TOKEN, "")
        if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise _Refused(401, "send the header Authorization: Bearer TOKEN")

    async def _body(self, request: Request) -> bytes:
        """The body, refused as soon as it is known to be too long."""
        most = self._server.limits.body_bytes
        sentence = f"the request is longer than {most:,} bytes"
        if int(request.headers.get(_LENGTH) or 0) > most:
            raise _Refused(413, sentence)
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise _Refused(413, sentence)
            parts.append(part)
        return b"".join(parts)

    # ---- what is served

    async def server(self, request: Request) -> Response:
        return self._told(request, lambda: {"name": "retrain_assets", "version": __version__, "extensions": []})

    async def metadata(self, request: Request) -> Response:
        def told() -> dict[str, object]:
            live = self._served().live
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
            served = self._served()
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
            self._admit(request)
        except _Refused as refused:
            return Response(_error(str(refused)), refused.status, media_type="application/json")
        return Response(self._meters.text(self._server.follower, self._server.log), media_type="text/plain")

    def _told(self, request: Request, told: Callable[[], dict[str, object]]) -> Response:
        try:
            self._admit(request)
            return JSONResponse(told())
        except _Refused as refused:
            return Response(_error(str(refused)), refused.status, media_type="application/json")


def _error(sentence: str) -> bytes:
    return json.dumps({"error": sentence}).encode()
