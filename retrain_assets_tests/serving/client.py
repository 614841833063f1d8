"""Ask a server application in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

FIRST = {"id": 7, "at": "2024-03-01T10:00:00", "x": 0.5, "c": "11"}
"""A row by name."""

INFER = "/v2/models/taxi_charge/infer"


def tensors(**columns: list[Any]) -> dict[str, Any]:
    """An inference request of the protocol, one input for each column."""
    kinds = {str: "BYTES", float: "FP64", int: "INT64", bool: "BOOL"}

    def tensor(name: str, values: list[Any]) -> dict[str, Any]:
        kind = next((kinds[type(value)] for value in values if value is not None), "FP64")
        return {"name": name, "shape": [len(values)], "datatype": kind, "data": values}

    return {"id": "r1", "inputs": [tensor(name, values) for name, values in columns.items()]}


class Client:
    """Sends requests to an application without a network."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def get(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._send("GET", path, options))

    def post(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._send("POST", path, options))

    def post_at_once(self, path: str, bodies: Sequence[Any]) -> list[httpx.Response]:
        """Send requests that arrive in one turn of the server's loop."""

        async def all_of_them() -> list[httpx.Response]:
            return await asyncio.gather(*(self._send("POST", path, {"json": body}) for body in bodies))

        return asyncio.run(all_of_them())

    def post_while_running(self, path: str, **options: Any) -> httpx.Response:
        """Send a request after the application has started, and end it then."""

        async def between() -> httpx.Response:
            steps, answers = iter(("startup", "shutdown")), []

            async def receive() -> dict[str, str]:
                step = next(steps)
                if step == "shutdown":
                    answers.append(await self._send("POST", path, options))
                return {"type": f"lifespan.{step}"}

            async def send(message: dict[str, str]) -> None:
                assert message["type"].endswith(".complete"), message

            await self._app({"type": "lifespan"}, receive, send)
            return answers[0]

        return asyncio.run(between())

    async def _send(self, method: str, path: str, options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, path, **options)
