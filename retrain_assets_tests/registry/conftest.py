"""The registry that most tests begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import fresh, promoted
from retrain_assets.registry.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry."""
    return fresh(tmp_path)


@pytest.fixture
def served(registry: Registry) -> Registry:
    """A registry with v1 live, promoted in period 0."""
    promoted(registry, [0])
    return registry
