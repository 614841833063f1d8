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

from retrain_assets.store import PeriodStore, plain, write_atomically

REPORTS_URL = "RETRAIN_REPORTS_URL"
"""The environment variable that names where reports are served, when that is not `SERVED_AT`."""

SERVED_AT = "http://127.0.0.1:3001"
"""Where `retrain dev` serves them, unless that port is taken."""

REMEMBERED = "reports_at"
"""The file of a home that names where its reports are served, if that is elsewhere."""

LOCAL_NAMES = ("127.0.0.1", "localhost")
"""How an address calls this machine."""

_NEAR = 50
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


def reports_url(home: Path | None = None) -> str:
    """The address under which reports are reached: the declared one, else the one that the home remembers."""
    return declared_url() or (_remembered(home) if home else "") or SERVED_AT


def _remembered(home: Path) -> str:
    try:
        address = (home / REMEMBERED).read_text().strip()
    except (OSError, UnicodeError):
        return ""
    return address if re.fullmatch(r"http://127\.0\.0\.1:\d{2,5}", address) else ""


def serve_beside(home: Path, taken: int) -> tuple[ThreadingHTTPServer, str]:
    """Serve the reports of a home where it did before, or on the next port that is free, which it then remembers.

    Args:
        home: Of the models.
        taken: The port of the UI.

    Raises:
        OSError: No port nearby is free, or the home cannot be written.
    """
    wanted = reports_url(home)
    first = urlsplit(wanted).port or 0
    for port in range(first, first + _NEAR):
        address = f"http://127.0.0.1:{port}"
        try:
            server = serve_reports(home, address) if port != taken else None
        except OSError:
            continue
        if server is not None:
            if address != wanted:
                write_atomically(home / REMEMBERED, address.encode())
            return server, address
    raise OSError(f"no port from {first} to {first + _NEAR - 1} is free: name one in {REPORTS_URL}")


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
        address: Such as `http://127.0.0.1:3001`; reports stand under its path, where it has one.

    Raises:
        OSError: Another program listens there.
    """
    split = urlsplit(address)
    if split.scheme != "http" or split.hostname not in LOCAL_NAMES or split.port is None:
        return None
    server = _Server(("127.0.0.1", split.port), _Handler)
    server.data, server.under = home / "data", unquote(split.path.rstrip("/"))
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    data: Path
    under: str = ""


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
            asked = unquote(urlsplit(self.path).path)
            found = (
                _PATH.fullmatch(asked.removeprefix(self.server.under)) if asked.startswith(self.server.under) else None
            )
            if host not in LOCAL_NAMES or found is None:
                return None
            model, asset, name = found.groups()
            return PeriodStore(self.server.data / plain(model)).read_bytes(asset, name, "html")
        except (OSError, ValueError):  # no such file, no plain name, or no host
            return None

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal to what a person needs."""
