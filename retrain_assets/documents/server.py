"""Serve the HTML reports of a home to this machine, so that a link on an asset's page opens one in the browser.

    <address>/<model>/<asset>/<period>.html

Nothing but such files is served, nothing is written, and a page of another site cannot read one: a request must name
the address itself as its host.
"""

from __future__ import annotations

import os
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, unquote, urlsplit

from retrain_assets.store import PeriodStore, plain

REPORTS_URL = "RETRAIN_REPORTS_URL"
"""The environment variable that names where reports are served, when that is not `SERVED_AT`."""

SERVED_AT = "http://127.0.0.1:3001"
"""Where `retrain dev` serves them."""

_LOCAL = ("127.0.0.1", "localhost")
_PATH = re.compile(r"/([^/]+)/([^/]+)/([^/]+)\.html")


def is_plain_address(address: str) -> bool:
    """Whether an address leads to a page and holds no login.

    >>> is_plain_address("https://reports.example/taxi"), is_plain_address("https://ann:secret@reports.example")
    (True, False)
    """
    return re.fullmatch(r"https?://[\w.\-\[\]:]+(/[\w.~%/-]*)?", address, re.ASCII) is not None


def declared_url() -> str:
    """The address that RETRAIN_REPORTS_URL names; empty without one, and where it is none."""
    base = os.environ.get(REPORTS_URL, "").strip().rstrip("/")
    return base if is_plain_address(base) else ""


def reports_url() -> str:
    """The address under which reports are reached."""
    return declared_url() or SERVED_AT


def report_path(model: str, asset: str, name: str) -> str:
    """The path of a report behind the address.

    >>> report_path("taxi", "drift_report", "2019-01-01-00:00")
    '/taxi/drift_report/2019-01-01-00%3A00.html'
    """
    return f"/{quote(model)}/{asset}/{quote(name, safe='')}.html"


def serve_reports(home: Path, address: str) -> ThreadingHTTPServer | None:
    """Serve the reports of a home in a thread; None where somebody else serves them, elsewhere than on this machine.

    Args:
        home: Of the models.
        address: Such as `http://127.0.0.1:3001`.

    Raises:
        OSError: Another program listens there.
    """
    split = urlsplit(address)
    if split.scheme != "http" or split.hostname not in _LOCAL or split.port is None:
        return None
    server = _Server(("127.0.0.1", split.port), _Handler)
    server.data = home / "data"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    data: Path


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer with the report, or with 404."""
        page = self._page()
        self.send_response(HTTPStatus.OK if page is not None else HTTPStatus.NOT_FOUND)
        body = page if page is not None else b"No such report here."
        self.send_header("Content-Type", "text/html; charset=utf-8" if page is not None else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _page(self) -> bytes | None:
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
            found = _PATH.fullmatch(unquote(urlsplit(self.path).path))
            if host not in _LOCAL or found is None:
                return None
            model, asset, name = found.groups()
            return PeriodStore(self.server.data / plain(model)).read_bytes(asset, name, "html")
        except (OSError, ValueError):  # no such file, no plain name, or no host
            return None

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal to what a person needs."""
