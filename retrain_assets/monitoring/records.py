"""The monitoring records of a period, as they are stored."""

from __future__ import annotations

from typing import Any

from retrain_assets.store import PeriodStore


def write_record(store: PeriodStore, asset: str, period: str, record: dict[str, Any]) -> dict[str, Any]:
    """Store a record under its period."""
    record = {"period": period, **record}
    store.write_json(asset, period, record)
    return record
