"""The server of reports: it gives out the reports of a home to this machine, and nothing else."""

import socket
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from retrain_assets.documents.server import reports_url, serve_reports
from retrain_assets.store import PeriodStore


@pytest.fixture
def address(tmp_path):
    store = PeriodStore(tmp_path / "data" / "taxi")
    store.write_bytes("drift_report", "2019-03", "html", b"<p>nothing moved</p>")
    store.write_json("drift_report", "2019-03", {"secret": 1})
    (tmp_path / "data" / "taxi" / "top.html").write_bytes(b"no report")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.html").write_bytes(b"not yours")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = serve_reports(tmp_path, f"http://127.0.0.1:{port}")
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()


def test_a_report_is_served_by_its_model_asset_and_period(address):
    with urlopen(f"{address}/taxi/drift_report/2019-03.html", timeout=5) as answer:
        assert answer.read() == b"<p>nothing moved</p>"
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/", "/taxi", "/taxi/drift_report/", "/taxi/drift_report/2019-03.json", "/taxi/drift_report/2020-01.html",
        "/taxi/top.html", "/../outside/a.html", "/taxi/../../outside/a.html", "/taxi/..%2f..%2foutside/a.html",
        "/..%2foutside/x/a.html", "/taxi/drift_report/%2e%2e%2f2019-03.html",
    ],
)  # fmt: skip
def test_nothing_else_is_served(address, path):
    with pytest.raises(HTTPError, match="404"):
        urlopen(address + path, timeout=5)


def test_a_page_of_another_site_cannot_read_a_report_under_a_name_of_its_own(address):
    asked = Request(f"{address}/taxi/drift_report/2019-03.html", headers={"Host": "evil.example"})
    with pytest.raises(HTTPError, match="404"):
        urlopen(asked, timeout=5)


def test_what_listens_there_already_is_told_and_another_machine_is_left_alone(address, tmp_path):
    with pytest.raises(OSError, match="in use"):
        serve_reports(tmp_path, address)
    assert serve_reports(tmp_path, "https://reports.example/taxi") is None


def test_the_address_is_that_of_the_environment_or_this_machine_s(monkeypatch):
    monkeypatch.delenv("RETRAIN_REPORTS_URL", raising=False)
    assert reports_url() == "http://127.0.0.1:3001"
    monkeypatch.setenv("RETRAIN_REPORTS_URL", "https://reports.example/taxi/")
    assert reports_url() == "https://reports.example/taxi"
