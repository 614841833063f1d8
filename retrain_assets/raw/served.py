"""What the live version reads of a period's rows, whatever the spec declares by now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrain_assets.registry.registry import Registry


def served_kinds(registry: Registry, period: str) -> dict[str, str]:
    """The features of the version that serves a period, each with its kind; none before the first model."""
    version = registry.served_in(period)
    if version is None:
        return {}
    contract: dict[str, Any] = json.loads(registry.read(version.digest)["features.json"])
    return dict(contract["kinds"])
