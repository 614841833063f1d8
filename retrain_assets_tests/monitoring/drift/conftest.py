"""A world of periods without drift."""

import pytest

from retrain_assets_tests.monitoring.drift.worlds import (
    World,
)


@pytest.fixture(scope="module")
def large():
    return World(seed=2, rows=10_000, effect_sd=0.0, periods=20)
