"""Small built registries whose past is explained."""

import pytest

from benchmarks.worlds.verdicts import (
    candidate,
    findings,
    fresh,
    moment,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.store import PeriodStore


@pytest.fixture
def registry(tmp_path):
    return fresh(tmp_path)


@pytest.fixture
def past(registry, tmp_path):
    """A registry in which v1 and v2 were promoted, one attempt failed, v2 was rolled back and v3 came."""
    promoted(registry, [1, 3])
    failed = verdict(registry, 5, candidate(registry, "of 5"), findings=findings("fail"))
    registry.record(failed, at=moment(5), actor="run 5")
    rolled_back(registry, 7)
    promoted(registry, [9])
    return registry, PeriodStore(tmp_path / "data")
