"""An installed Chromium, and what is asked of a page that people read in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

SWITCHES = [
    f"--{name}"
    for name in (
        "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync",
    )
]  # fmt: skip
PATIENCE_MS = 40_000

DESK, PHONE = {"width": 1400, "height": 1000}, {"width": 390, "height": 844}

CLIPPED = """() => {
  const seen = [];
  for (const element of document.querySelectorAll('main *')) {
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || element.closest('svg svg, svg *')) continue;
    const name = `${element.tagName} ${element.textContent.slice(0, 60)}`;
    if (box.right > window.innerWidth + 1 || box.left < -1) seen.push(name);
    const style = getComputedStyle(element);
    if (style.overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1 && style.display !== 'inline')
      seen.push(`hidden in ${name}`);
  }
  return seen;
}"""
"""What of a report reaches beyond the screen, or is cut off in its own box."""

CUT_TABLES = """() => {
  const cut = [];
  for (const table of document.querySelectorAll('table')) {
    const right = table.getBoundingClientRect().right;
    for (let box = table.parentElement; box && box !== document.body; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (style.overflowX !== 'visible' && right > box.getBoundingClientRect().right + 1) {
        cut.push(table.textContent.slice(0, 80));
        break;
      }
    }
  }
  return cut;
}"""
"""The tables of a page in the Dagster UI that are wider than the place they stand in."""


def chromium() -> str | None:
    """The path of the installed Chromium; None where there is none."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


def required_chromium() -> str:
    """The same; without one the test is skipped, or fails where RETRAIN_REQUIRE_CHROMIUM is set."""
    found = chromium()
    if found is None:
        missing = "no Chromium is installed (looked for chromium, chromium-browser, google-chrome)"
        pytest.fail(missing) if os.environ.get("RETRAIN_REQUIRE_CHROMIUM") else pytest.skip(missing)
    return found


@contextmanager
def opened(executable: str, profile: Path) -> Iterator["Page"]:
    """The one page of a browser with a profile of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable, headless=True, args=SWITCHES, viewport=DESK
        )
        browser.set_default_timeout(PATIENCE_MS)
        yield browser.pages[0]
        browser.close()


def unloaded_pictures(page: "Page") -> list[str]:
    """The pictures on the screen that did not load, by what they show."""
    return page.evaluate(
        """() => [...document.images]
        .filter(image => image.offsetParent && !(image.complete && image.naturalWidth > 300))
        .map(image => image.alt)"""
    )
