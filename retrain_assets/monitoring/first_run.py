"""Whether anybody has started a model yet, and how to start one: no sensor begins a model's history by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrain_assets.periods import Calendar

if TYPE_CHECKING:
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import PeriodStore


def started(store: PeriodStore, registry: Registry) -> bool:
    """Tell whether a model has taken in a period, or has a version or a ruling."""
    return bool(store.periods("raw_data") or registry.history())


def how_to_start(model: str, calendar: Calendar) -> str:
    """Say how a person starts a model, in a terminal or in the UI.

    >>> from datetime import datetime
    >>> how_to_start("churn", Calendar(every="month", start=datetime(2024, 1, 1)))
    'Start it with `retrain replay churn`, or run churn__monitor for 2024-01 in the UI; the later periods follow by \
themselves.'
    """
    return (
        f"Start it with `retrain replay {model}`, or run {model}__monitor for {calendar.first} in the UI; "
        "the later periods follow by themselves."
    )
