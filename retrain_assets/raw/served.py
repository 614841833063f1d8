"""What is served of a model: the features that its live version reads, and the rows that its servers logged.

    <home>/served/<model>/2026-11-29T14-<writer>.parquet                an hour that has ended
    <home>/served/<model>/parts/2026-11-29T14-<writer>/000012.parquet   pieces of an hour

What writes these files is `serving.served_log`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from retrain_assets.errors import RegistryError, SourceError
from retrain_assets.store import Json, plain, retrain_home

if TYPE_CHECKING:
    from retrain_assets.registry.registry import Registry


HOUR = "%Y-%m-%dT%H"
PARTS = "parts"


def served_kinds(registry: Registry, period: str) -> dict[str, str]:
    """The features of the version that serves a period, each with its kind, whatever the spec declares by now.

    None before the first model, and none of a version that cannot be read: its damage does not keep data out.
    """
    version = registry.served_in(period)
    if version is None:
        return {}
    try:
        contract: Json = json.loads(registry.read(version.digest)["features.json"])
    except RegistryError:
        return {}
    return dict(contract["kinds"])


def served_folder(model: str) -> Path:
    """Where the servers of a model log."""
    return retrain_home() / "served" / plain(model)


def served_files(folder: Path) -> list[str]:
    """The files with every logged row once, in order of time: hours that are gathered, else their pieces.

    Raises:
        SourceError: Nothing was served yet.
    """
    pieces = list((folder / PARTS).glob("[!.]*/[!.]*.parquet"))
    whole = {path.stem: path for path in folder.glob("[!.]*.parquet")}  # after the pieces: an hour may be gathered now
    named = [*whole.items(), *((path.parent.name, path) for path in pieces if path.parent.name not in whole)]
    if not named:
        raise SourceError(f"{folder}: nothing was served yet. Start `retrain serve`, and send it a request.")
    return [str(path) for _, path in sorted(named)]
