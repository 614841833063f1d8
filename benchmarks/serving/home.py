"""A home with a live version of 30 columns, and a server process over it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving import model
from benchmarks.worlds.verdicts import MODEL, files_of, promote, verdict
from retrain_assets.registry.registry import Registry

_COMMAND = "from retrain_assets.cli.main import main; main()"


def promoted(home: Path, number: int, trees: int = model.TREES) -> str:
    """Promote a version in the period with a number, trained with that number as its seed; its digest."""
    registry = Registry(home / "registry", MODEL)
    digest = registry.add({**files_of(str(number)), **model.version_files(number, trees)})
    promote(registry, verdict(registry, number, digest), number)
    return digest


class Connection:
    """One connection that stays open, and sends the bytes of requests that were written beforehand."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self.ask(request)
        return self.answer()

    def ask(self, request: bytes) -> None:
        """Send the request."""
        self._socket.sendall(request)

    def answer(self) -> tuple[int, bytes]:
        """Wait for the answer: status and body."""
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += self._received()
        return int(head.split(b" ")[1]), body

    def fileno(self) -> int:
        """What tells that an answer begins to come."""
        return self._socket.fileno()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _received(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def request_of(body: object, path: str = "/predict") -> bytes:
    """The bytes of a request."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


@contextmanager
def serving(home: Path) -> Iterator[int]:
    """A server process over a home; its port."""
    command = [sys.executable, "-c", _COMMAND, "serve", MODEL, "--port", "0"]
    environment = {**os.environ, "RETRAIN_HOME": str(home), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().strip().rpartition(":")[2])
        time.sleep(0.5)
        yield port
    finally:
        process.kill()
        process.wait()
