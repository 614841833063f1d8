"""A training record for tests that need a version and train none."""

from dataclasses import replace
from typing import Any

from retrain_assets.registry.training_record import TrainingRecord

RECORD = TrainingRecord(
    model="taxi",
    task="regression",
    as_of="2019-03",
    strategy="recent",
    rounds=30,
    rows=9_000,
    effective_rows=8_000.0,
    baseline=12.5,
    periods=("2019-01", "2019-02"),
    trained_from="2019-01-01T00:00:00",
    trained_until="2019-03-01T00:00:00",
    selection_loss=1.5,
    parameters={"objective": "regression"},
    importance={"distance": 0.75, "zone": 0.25},
)


def record_of(**changes: Any) -> TrainingRecord:
    """The record with changes."""
    return replace(RECORD, **changes)
