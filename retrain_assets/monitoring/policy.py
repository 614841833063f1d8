"""When a change counts as drift, and when evidence asks for a retrain."""

from __future__ import annotations

from pydantic import Field

from retrain_assets.policy import Policy


class DriftPolicy(Policy):
    """Level of the drift verdict, its reference, and the smallest change that counts.

    `min_mean_shift` is in reference standard deviations, `min_share_shift` is total variation, `min_missing_shift` is a
    difference of shares.
    """

    alpha: float = Field(default=0.05, gt=0, lt=1)
    immediate_alpha: float = Field(default=0.001, gt=0, lt=1)
    reference_periods: int = Field(default=12, ge=4)
    min_mean_shift: float = Field(default=0.05, ge=0)
    min_share_shift: float = Field(default=0.02, ge=0)
    min_missing_shift: float = Field(default=0.01, ge=0)


class TriggerPolicy(Policy):
    """Which evidence starts a retrain, and how often it may.

    `retrain_cost` is in units of the primary loss summed over rows: a retrain is due once the live model has lost that
    much more than its baseline. It is a business choice, so it has no default; so is the yearly cap.
    """

    retrain_cost: float = Field(gt=0)
    on_confirmed_drift: bool = False
    max_age_periods: int | None = Field(default=None, gt=0)
    cooldown_periods: int = Field(default=1, ge=0)
    max_per_year: int = Field(gt=0)
    min_new_rows: int = Field(default=1, ge=0)
