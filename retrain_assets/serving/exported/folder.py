"""Load the version that an exported folder holds; numpy and LightGBM are all that it needs."""

from __future__ import annotations

import json
from pathlib import Path

from retrain_assets.scoring.scorer import Scorer

FILES = ("model.bst", "features.json")


def load(folder: str | Path) -> Scorer:
    """Load the version that an export holds, with its name and its digest."""
    place = Path(folder)
    about = json.loads((place / "version.json").read_bytes())
    files = {name: (place / name).read_bytes() for name in FILES}
    return Scorer.from_files(files, **{name: str(about[name]) for name in ("version", "digest")})
