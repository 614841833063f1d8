"""How much of history each purpose gets."""

from __future__ import annotations

from pydantic import Field

from retrain_assets.policy import Policy


class WindowsPolicy(Policy):
    """Lengths in periods. `min_train_periods` stand before the gate window of the first model."""

    recent_periods: int = Field(gt=0)
    half_life_periods: float = Field(gt=0)
    selection_origins: int = Field(default=3, ge=1)
    gate_periods: int = Field(default=1, gt=0)
    min_train_periods: int = Field(gt=0)
