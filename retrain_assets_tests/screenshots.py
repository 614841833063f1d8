"""Make the pictures of README from the reports of a replayed taxi demo.

    retrain demo && python -m retrain_assets_tests.screenshots .retrain

writes docs/pictures/*.png anew.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from retrain_assets_tests.browser import PHONE, chromium, opened

MODEL = "taxi_charge"
FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
PICTURES = {
    "status": ("model_status", {"width": 1100, "height": 860}),
    "validation_on_a_phone": ("validation_report", PHONE),
}
"""By the name of the file: the newest report of which asset, on which screen."""

COLORS = 128


def make(home: Path, folder: Path = FOLDER) -> list[Path]:
    """Write every picture; the files.

    Raises:
        SystemExit: No Chromium is installed, or the home has no such report.
    """
    executable = chromium()
    if executable is None:
        raise SystemExit("No Chromium is installed: install chromium, chromium-browser or google-chrome.")
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory() as profile, opened(executable, Path(profile)) as page:
        for name, (asset, screen) in PICTURES.items():
            reports = sorted((home / "data" / MODEL / asset).glob("*.html"))
            if not reports:
                raise SystemExit(f"{home}: no {asset} of {MODEL}. Run `retrain demo` with this RETRAIN_HOME first.")
            page.set_viewport_size(screen)
            page.goto(reports[-1].resolve().as_uri())
            path = folder / f"{name}.png"
            page.screenshot(path=path)
            Image.open(path).convert("RGB").quantize(COLORS).save(path, optimize=True)
            made.append(path)
    return made


if __name__ == "__main__":
    for written in make(Path(sys.argv[1] if len(sys.argv) > 1 else ".retrain")):
        print(written)
