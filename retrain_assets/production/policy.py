"""How long a promoted model is on probation, what ends it, and what follows a rollback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from retrain_assets.periods import Length
from retrain_assets.policy import CountedPolicy, LengthsPolicy, Policy, PositiveLength


class ScoreRate(Policy):
    """Hard limits of a period's mean score: the mean probability of the positive class, or the mean predicted value.

    In units of the score. A mean outside them withdraws a model on probation at once.
    """

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("score_rate: give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and not self.at_least < self.at_most:
            raise ValueError(f"score_rate: at_least {self.at_least:g} is not below at_most {self.at_most:g}")
        return self

    def holds(self, mean: float) -> bool:
        """Whether a mean score lies within the limits; NaN does not.

        >>> limits = ScoreRate(at_least=0.1, at_most=0.4)
        >>> limits.holds(0.2), limits.holds(0.5), limits.holds(float("nan"))
        (True, False, False)
        """
        low = float("-inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= mean <= high


class ProbationPolicy(CountedPolicy):
    """How a promoted model is compared with the one it replaced.

    `length` is how long the comparison lasts after the promotion, in whole `periods`; `alpha` the one-sided level held
    over all looks together, `tolerance` how much worse a row the new model may be, in units of the monitored loss.
    `rules_out` is the harm beyond the tolerance, in standard deviations between blocks, that must be ruled out before a
    version is confirmed that has not proved itself.
    """

    counts: ClassVar[Mapping[str, tuple[str, int]]] = {"length": ("periods", 1)}

    length: PositiveLength | None = None
    periods: int = Field(default=8, ge=1)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    tolerance: float = Field(default=0.0, ge=0)
    rules_out: float = Field(default=1.0, gt=0)
    score_rate: ScoreRate | None = None


class RollbackPolicy(LengthsPolicy):
    """How long automatic retraining rests after a rollback."""

    cooldown: Length = Length.parse("2w")
    cooldown_periods: int | None = Field(default=None, ge=0)
