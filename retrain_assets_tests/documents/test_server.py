"""The server of reports: it gives out the reports of a home to this machine, and nothing else."""

import socket
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from retrain_assets.documents.server import reports_url, serve_beside, serve_reports
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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_reports_under_a_path_are_served_there_and_only_there(address, tmp_path):
    under = f"http://127.0.0.1:{free_port()}/of/taxi"
    server = serve_reports(tmp_path, under)
    try:
        with urlopen(f"{under}/taxi/drift_report/2019-03.html", timeout=5) as answer:
            assert answer.read() == b"<p>nothing moved</p>"
        with pytest.raises(HTTPError, match="404"):
            urlopen(under.removesuffix("/of/taxi") + "/taxi/drift_report/2019-03.html", timeout=5)
    finally:
        server.shutdown()
        server.server_close()


def test_a_second_home_takes_a_free_port_beside_the_ui_and_its_links_lead_there(address, tmp_path, monkeypatch):
    monkeypatch.delenv("RETRAIN_REPORTS_URL", raising=False)
    monkeypatch.setattr("retrain_assets.documents.server.SERVED_AT", address)
    home, port = tmp_path / "second", urlsplit(address).port
    server, there = serve_beside(home, taken=port + 1)
    server.shutdown()
    server.server_close()
    assert urlsplit(there).port > port + 1
    assert (reports_url(home), reports_url()) == (there, address)
    again, there_too = serve_beside(home, taken=port + 1)
    again.shutdown()
    again.server_close()
    assert there_too == there


def test_an_address_that_a_home_cannot_have_written_is_no_address(tmp_path, monkeypatch):
    monkeypatch.delenv("RETRAIN_REPORTS_URL", raising=False)
    (tmp_path / "reports_at").write_text("https://evil.example/")
    assert reports_url(tmp_path) == "http://127.0.0.1:3001"


def test_where_no_port_nearby_is_free_the_variable_that_names_one_is_told(address, tmp_path, monkeypatch):
    monkeypatch.setattr("retrain_assets.documents.server._NEAR", 1)
    monkeypatch.setenv("RETRAIN_REPORTS_URL", address)
    port = urlsplit(address).port
    for taken in (port, 3000):
        with pytest.raises(OSError, match=f"no port from {port} to {port} is free: name one in RETRAIN_REPORTS_URL"):
            serve_beside(tmp_path, taken)
