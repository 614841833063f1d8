"""What the live version reads of a period's rows, whatever the spec declares by now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from retrain_assets.errors import RegistryError
from retrain_assets.store import Json

if TYPE_CHECKING:
    from retrain_assets.registry.registry import Registry


def served_kinds(registry: Registry, period: str) -> dict[str, str]:
    """The features of the version that serves a period, each with its kind.

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
