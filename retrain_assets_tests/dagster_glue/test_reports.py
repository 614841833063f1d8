"""A report is written beside its record, and the asset's page leads to it."""

from retrain_assets.dagster_glue.reports import kept, link
from retrain_assets.documents.page import PNG, Document, Drawing, Part
from retrain_assets.model import PeriodAccess
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore


def at(tmp_path, period="2019-01-01-00:00"):
    return PeriodAccess(PeriodStore(tmp_path / "data" / "taxi"), Registry(tmp_path / "registry", "taxi"), period)


def test_the_file_the_link_the_pictures_and_the_words_say_the_same(tmp_path):
    access = at(tmp_path)
    document = Document("Drift", ("Nothing moved.",), (Part("Map", "![map](picture:map)"), Part("Rows", "None.")))
    shown = kept(access, "drift_report", document, {"map": Drawing(f"{PNG}wide", f"{PNG}narrow")})
    page = access.store.read_bytes("drift_report", access.period, "html")
    assert b"Nothing moved." in page
    assert page.count(b"<img") == 2
    address = "http://127.0.0.1:3001/taxi/drift_report/2019-01-01-00%3A00.html"
    assert shown["report"].value == f"[Open the drift report of 2019-01-01-00:00]({address})"
    assert shown["picture"].value == f"![Drift]({PNG}wide)"
    assert PNG not in shown["in_words"].value
    assert "Nothing moved." in shown["in_words"].value


def test_without_a_picture_there_is_no_entry_for_one(tmp_path):
    assert "picture" not in kept(at(tmp_path), "drift_report", Document("Drift", ("No model was live.",)), {})


def test_a_team_that_serves_reports_elsewhere_names_the_address(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_REPORTS_URL", "https://reports.example/")
    led = link(at(tmp_path), "model_card", "v2").value
    assert led == "[Open the model card of v2](https://reports.example/taxi/model_card/v2.html)"
