"""What a candidate must show: primary metric, guardrails with margins, fairness, regression suite."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from retrain_assets.policy import Policy


class Guardrail(Policy):
    """A metric that may not get worse by `margin` or more, in the metric's own unit."""

    metric: str
    margin: float = Field(gt=0)


class Floor(Policy):
    """An absolute limit that the first model must clear with confidence: `at_least` or `at_most`."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"floor {self.metric}: declare either at_least or at_most")
        return self


class FairnessPolicy(Policy):
    """Protected groups and how much worse one may become.

    `margin` is in the rates' unit for classifiers (share) and in the label's unit for regression (mean absolute error).
    Values with fewer rows than `pool_below` are judged together as one group. `floors` bound the first model per group.
    """

    groups: tuple[str, ...] = Field(min_length=1)
    margin: float = Field(gt=0)
    metrics: tuple[Literal["tpr", "fpr", "selection_rate", "mae"], ...] = Field(min_length=1)
    pool_below: int = Field(default=200, gt=0)
    floors: tuple[Floor, ...] = Field(min_length=1)


class SuitePolicy(Policy):
    """The file of known hard cases, and for regression the absolute error up to which a case counts as right."""

    path: str
    tolerance: float | None = Field(default=None, gt=0)

    def resolved(self, folder: Path) -> SuitePolicy:
        """The same suite with its path made absolute."""
        return self.model_copy(update={"path": str((folder / self.path).resolve())})


class ValidationPolicy(Policy):
    """Everything the gate is told. Margins have no default: they are a business choice.

    `insufficient` says what becomes of a candidate that could not be decided: `hold` leaves the live version, `human`
    does so too until a person approves exactly that verdict. A failure is never approved.
    """

    primary: str
    insufficient: Literal["hold", "human"] = "hold"
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    power: float = Field(default=0.8, gt=0.5, lt=1)
    false_promotions_per_year: float = Field(gt=0)
    unit: str = "auto"
    threshold: float = Field(default=0.5, gt=0, lt=1)
    max_unlabelled_share: float = Field(default=0.05, ge=0, lt=1)
    guardrails: tuple[Guardrail, ...] = Field(min_length=1)
    floors: tuple[Floor, ...] = Field(min_length=1)
    fairness: FairnessPolicy
    regression_suite: SuitePolicy

    def alpha_per_attempt(self, attempts_per_year: int) -> float:
        """The level of one attempt that keeps the yearly number of false promotions within the budget."""
        return min(self.alpha, self.false_promotions_per_year / attempts_per_year)
