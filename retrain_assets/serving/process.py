"""One server process: where it listens, what it asks for, and how it ends."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrain_assets.errors import NotFound, SpecError

if TYPE_CHECKING:
    from retrain_assets.serving.app import Server

TOKEN = "RETRAIN_SERVE_TOKEN"
"""The environment variable with the token that requests must carry."""


@dataclass(frozen=True)
class Address:
    """Where a server listens; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 8080

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it.

        >>> Address("127.0.0.1").is_loopback, Address("localhost").is_loopback, Address("0.0.0.0").is_loopback
        (True, True, False)
        """
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def token_for(address: Address) -> str:
    """The token that requests must carry; empty where none is set and only this machine reaches the server.

    Raises:
        SpecError: Others reach it, and none is set.
    """
    token = os.environ.get(TOKEN, "")
    if not token and not address.is_loopback:
        raise SpecError(
            f"{address.host} is reached from other machines: set {TOKEN} to a token that requests must carry "
            "(Authorization: Bearer TOKEN), or serve on 127.0.0.1."
        )
    return token


def serve(server: Server, address: Address, announce: Callable[[str, str], None]) -> None:
    """Serve until the process is told to end.

    Args:
        server: The model.
        address: Where.
        announce: Told the version and the URL once requests are answered.

    Raises:
        SpecError: Others reach the address, and there is no token.
        NotFound: The model has no live version.
        OSError: The address is taken.
    """
    import uvicorn

    from retrain_assets.serving.app import app_of

    guarded = replace(server, limits=replace(server.limits, token=token_for(address)))
    server.follower.look()
    if server.follower.served is None:
        raise NotFound(server.follower.fault or f"{server.model} has no live version: run `retrain run` first.")
    version = server.follower.served.live.version.name
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(2048)
        sys.setswitchinterval(0.001)  # the thread that writes the log lets a request through sooner
        config = uvicorn.Config(app_of(guarded), log_level="warning", access_log=False, lifespan="on")
        host = f"[{address.host}]" if family == socket.AF_INET6 else address.host
        announce(version, f"http://{host}:{listening.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listening])
