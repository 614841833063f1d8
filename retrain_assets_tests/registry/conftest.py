"""The registry that most tests begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrain_assets.registry.registry import Registry
from retrain_assets_tests.registry.verdicts import fresh


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry."""
    return fresh(tmp_path)
