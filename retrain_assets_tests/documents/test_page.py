"""What a person sees: the pages of the Dagster UI, opened in Chromium."""

import os
import shutil
from pathlib import Path

import pytest

from retrain_assets.alerts import Alert, page_url
from retrain_assets.monitoring.pages.page import monitoring_html, performance_markdown
from retrain_assets.monitoring.pages.performance_plot import PerformanceHistory, performance_picture
from retrain_assets.verdict import CHECKS
from retrain_assets_tests.monitoring.stored import performance

pytestmark = [pytest.mark.chromium, pytest.mark.xdist_group("live")]

ASSETS = (
    "raw_data", "outcomes", "predictions", "drift_report", "performance_report", "feature_windows", "candidate_recent",
    "candidate_history", "candidate_model", "validation_report", "production_model",
    "probation_report", "model_status",
)  # fmt: skip
SWITCHES = [
    f"--{name}"
    for name in (
        "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync",
    )
]  # fmt: skip
PATIENCE_MS = 40_000


def chromium() -> str:
    """The installed Chromium; without one the test is skipped, or fails where RETRAIN_REQUIRE_CHROMIUM is set."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        missing = f"no Chromium is installed (looked for {', '.join(names)})"
        pytest.fail(missing) if os.environ.get("RETRAIN_REQUIRE_CHROMIUM") else pytest.skip(missing)
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    executable = chromium()
    from playwright.sync_api import sync_playwright

    profile: Path = tmp_path_factory.mktemp("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable, headless=True, args=SWITCHES, viewport={"width": 1800, "height": 1000}
        )
        browser.set_default_timeout(PATIENCE_MS)
        yield browser.pages[0]
        browser.close()


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

    page.get_by_text("promote: May be promoted as the first live model", exact=False).first.wait_for()
    page.get_by_text("team:tests").or_(page.get_by_text("tests", exact=True)).first.wait_for()
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.get_by_role("img", name="every check of delivery 2024-01-08")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 300


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
    document = performance_markdown("delivery", "2024-09", history, performance_picture(history, "mae", 100.0))
    path = tmp_path / "page.html"
    path.write_bytes(monitoring_html("delivery", "2024-09", document))
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
