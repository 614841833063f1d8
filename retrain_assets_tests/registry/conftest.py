"""The registry that most tests begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import fresh
from retrain_assets.registry.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry."""
    return fresh(tmp_path)
