"""What a person sees: the pages of the Dagster UI, opened in Chromium."""

import re

import pytest

from retrain_assets.alerts import Alert, page_url
from retrain_assets.backtest.pages.page import backtest_html
from retrain_assets.documents.page import Document, html_page
from retrain_assets.documents.units import LossUnits
from retrain_assets.monitoring.pages.page import PERFORMANCE, performance_report
from retrain_assets.monitoring.pages.performance_plot import PerformanceHistory, performance_drawing
from retrain_assets.verdict import CHECKS
from retrain_assets_tests.backtest.by_hand import backtest_record
from retrain_assets_tests.browser import CLIPPED, CUT_TABLES, DESK, PHONE, opened, required_chromium, unloaded_pictures
from retrain_assets_tests.commanded import FIRST
from retrain_assets_tests.monitoring.stored import performance

pytestmark = [pytest.mark.chromium, pytest.mark.xdist_group("live")]


@pytest.fixture(scope="module")
def page(tmp_path_factory, served, replayed):
    """One Chromium for all tests here; its event loop stays open, so what runs Dagster here is made before it."""
    with opened(required_chromium(), tmp_path_factory.mktemp("chromium")) as shared:
        yield shared


@pytest.fixture(autouse=True)
def desk(page):
    """Every test begins on a desk's screen."""
    page.set_viewport_size(DESK)


ASSETS = (
    "raw_data", "outcomes", "predictions", "drift_report", "performance_report", "feature_windows", "candidate_recent",
    "candidate_history", "candidate_model", "validation_report", "production_model",
    "probation_report", "model_status",
)  # fmt: skip
REPORTS = ("model_status", "drift_report", "performance_report", "probation_report", "validation_report")
"""The assets that have a report."""


def test_the_lineage_reads_from_raw_data_on_the_left_to_the_production_model_on_the_right(page, served):
    served.finished("delivery__retrain")

    page.goto(f"{served.url}/locations/retrain_assets.definitions/asset-groups/delivery/lineage")

    left = {}
    for asset in ASSETS:
        name = page.get_by_text(asset, exact=True).first
        name.wait_for()
        left[asset] = name.bounding_box()["x"]
    assert left["raw_data"] < left["outcomes"] < left["feature_windows"] < left["candidate_recent"]
    assert left["candidate_recent"] < left["candidate_model"] < left["validation_report"] < left["production_model"]
    assert left["production_model"] < left["model_status"]


def test_the_validation_report_says_what_was_decided_and_why(page, served):
    served.finished("delivery__retrain")

    page.goto(f"{served.url}/assets/delivery/validation_report")

    said = page.get_by_text("May be promoted as the first live model", exact=False).first
    said.wait_for()
    assert said.bounding_box()["y"] < DESK["height"]
    page.get_by_text("team:tests").or_(page.get_by_text("tests", exact=True)).first.wait_for()
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.get_by_role("img", name="every check of delivery 2024-01-08")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 300


@pytest.mark.parametrize("asset", [*REPORTS, "production_model", "predictions"])
def test_a_page_answers_on_the_first_screen_cuts_nothing_off_and_shows_nothing_failed(page, served, asset):
    served.finished("delivery__retrain")

    page.goto(f"{served.url}/assets/delivery/{asset}")

    answer = page.get_by_text("summary", exact=True).first
    answer.wait_for()
    row = page.locator("tr").filter(has=answer).first
    said = row.locator("td").last
    said.filter(has_text=re.compile(".{21}")).wait_for()  # Dagster renders Markdown after the row stands
    assert "Show Markdown" not in said.inner_text()
    assert row.bounding_box()["y"] + 60 < DESK["height"]
    assert page.evaluate(CUT_TABLES) == []
    assert page.get_by_text("Failed", exact=True).count() == 0


def test_the_link_on_a_page_opens_the_report(page, served):
    served.finished("delivery__retrain")
    page.goto(f"{served.url}/assets/delivery/validation_report")

    address = page.get_by_role("link", name="Open the validation report of 2024-01-08").get_attribute("href")
    page.goto(address)

    assert page.get_by_role("heading", name="Validation report: delivery 2024-01-08").is_visible()
    assert page.locator(".answer.well").count() == 1


def test_runs_that_did_their_work_are_all_successes(page, served):
    served.finished("delivery__retrain")
    page.goto(f"{served.url}/runs")
    page.get_by_text("delivery__retrain").first.wait_for()
    assert page.get_by_text("Failure", exact=True).count() == 0
    assert page.get_by_text("retrain/process", exact=False).count() == 0


def test_the_validation_report_lists_its_four_checks(page, served):
    served.finished("delivery__retrain")

    page.goto(f"{served.url}/assets/delivery/validation_report?view=checks")

    for check in CHECKS:
        page.get_by_text(check, exact=True).first.wait_for()
    page.get_by_text("This is a non-blocking asset check").wait_for()


def test_the_link_of_a_message_opens_the_page_of_its_period(page, served, monkeypatch):
    served.finished("delivery__retrain")
    monkeypatch.setenv("RETRAIN_UI_URL", served.url)
    weeks = ("2024-01-01", "2024-01-08")

    for week, other in (weeks, weeks[::-1]):
        page.goto(page_url(Alert("2024-01-15", "delivery", week, "stale", "late")))
        page.get_by_text("Latest materialization").first.wait_for()
        named = {name: page.get_by_text(name, exact=True).count() for name in weeks}
        assert named[week] > named[other] > 0  # both in the list of periods, the one at the head of its page too

    page.goto(page_url(Alert("2024-01-15", "delivery", weeks[1], "crash", "boom")))
    page.get_by_text("delivery__retrain").first.wait_for()
    assert page.get_by_text(f"partition: {weeks[0]}").count() == 0


def test_the_monitoring_page_of_a_period_is_one_file_that_loads_nothing(page, tmp_path):
    records = [performance(f"2024-0{month}", 1.0 + month % 3) for month in range(1, 10)]
    history = PerformanceHistory(records, {}, [])
    document = performance_report("delivery", "2024-09", history)
    pictures = {PERFORMANCE: performance_drawing(history, "mae", 100.0)}
    path = tmp_path / "page.html"
    path.write_bytes(html_page(document.title, document, pictures=pictures))
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))

    page.goto(path.as_uri())

    picture = page.get_by_role("img")
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 800
    assert picture.bounding_box()["width"] <= page.locator("body").bounding_box()["width"]
    assert page.get_by_role("heading", name="Performance report: delivery 2024-09").is_visible()
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert complaints == []


def reports(home):
    """The newest report of each asset in a replayed home, and the newest model card."""
    folder = home / "data" / "delivery"
    return {asset: sorted((folder / asset).glob("*.html"))[-1] for asset in (*REPORTS, "model_card")}


@pytest.fixture
def backtest_page(tmp_path):
    """The report of a backtest, which the replayed home has none of."""
    path = tmp_path / "policy_backtest.html"
    path.write_bytes(backtest_html(backtest_record(), LossUnits("ride", "USD")))
    return path


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("asset", [*REPORTS, "model_card", "policy_backtest"])
def test_a_report_answers_on_the_first_screen_and_cuts_nothing_off(page, at_home, backtest_page, asset, screen):
    page.set_viewport_size(screen)
    page.goto((reports(at_home) | {"policy_backtest": backtest_page})[asset].as_uri())

    answer = page.locator(".answer p").first.bounding_box()
    assert answer["y"] + answer["height"] <= screen["height"]
    assert page.evaluate(CLIPPED) == []
    assert unloaded_pictures(page) == []
    page.evaluate("() => document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate(CLIPPED) == []


def test_a_long_path_in_the_answer_is_broken_where_a_phone_ends(page, tmp_path):
    failed = f"the run of 2024-01 failed. /{'a_long_folder/' * 6}rows.parquet: distance holds no number."
    path = tmp_path / "failed.html"
    path.write_bytes(html_page("Status", Document("Status: delivery", ("What is live? v1.", failed)), pictures={}))
    page.set_viewport_size(PHONE)
    page.goto(path.as_uri())
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_phone_is_shown_the_picture_that_was_drawn_for_it(page, at_home):
    page.goto(reports(at_home)["model_status"].as_uri())
    shown = {}
    for screen in (DESK, PHONE):
        page.set_viewport_size(screen)
        shown[screen["width"]] = [figure.get_attribute("class") for figure in page.locator("figure:visible").all()]
    assert shown == {DESK["width"]: ["wide"], PHONE["width"]: ["narrow"]}


def test_print_unfolds_what_the_screen_folds(page, at_home):
    page.set_viewport_size(DESK)
    page.goto(reports(at_home)["validation_report"].as_uri())
    table = page.locator("details table").last
    assert not table.is_visible()
    page.emulate_media(media="print")
    try:
        assert table.bounding_box()["height"] > 20
    finally:
        page.emulate_media(media="screen")


def test_only_what_is_broken_looks_broken(page, at_home):
    tones = {}
    for path in sorted((at_home / "data" / "delivery" / "performance_report").glob("*.html")):
        page.goto(path.as_uri())
        tones[path.stem] = page.locator(".answer").get_attribute("class").split()[1]
    slower = [week for week, tone in tones.items() if tone == "broken"]
    assert slower  # the world turned in the fourth week, and the live model was worse than promised
    assert all(week > FIRST for week in slower)
    assert "well" in tones.values()
    for path in (at_home / "data" / "delivery" / "validation_report").glob("*.html"):
        page.goto(path.as_uri())
        assert page.locator(".answer.broken").count() == 0
