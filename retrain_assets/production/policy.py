"""What happens after a rollback."""

from __future__ import annotations

from pydantic import Field

from retrain_assets.policy import Policy


class RollbackPolicy(Policy):
    """How long automatic retraining rests after a rollback, in periods."""

    cooldown_periods: int = Field(default=1, ge=0)
