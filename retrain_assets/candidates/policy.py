"""How a candidate is trained."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from retrain_assets.policy import Policy


class TrainingPolicy(Policy):
    """LightGBM's parameters that a model may set; the rest is fixed so that the same window gives the same bytes.

    The objective `quantile` forecasts the declared `quantile`, a share between 0 and 1.
    """

    objective: Literal["binary", "multiclass", "regression", "regression_l1", "huber", "poisson", "quantile"]
    quantile: float | None = Field(default=None, gt=0, lt=1)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    num_leaves: int = Field(default=31, gt=1)
    min_data_in_leaf: int = Field(default=20, gt=0)
    max_rounds: int = Field(default=200, gt=0)
    early_stopping_rounds: int = Field(default=20, gt=0)
    feature_fraction: float = Field(default=1.0, gt=0, le=1)
    lambda_l2: float = Field(default=0.0, ge=0)
    max_cat_to_onehot: int = Field(default=4, gt=0)
    seed: int = 7
    threads: int = Field(default=2, gt=0)
    strategies: tuple[Literal["recent", "history"], ...] = ("recent", "history")

    @model_validator(mode="after")
    def _which_quantile(self) -> Self:
        if (self.objective == "quantile") != (self.quantile is not None):
            raise ValueError("objective quantile and the key quantile go together: declare both or none")
        return self
