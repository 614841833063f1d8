"""When a change counts as drift, and when evidence asks for a retrain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StrictBool, model_validator

from retrain_assets.periods import Length
from retrain_assets.policy import CountedPolicy, LengthsPolicy, Policy, PositiveLength

USUAL_SHARE = 0.1
"""Without a declared `retrain_cost`: the share of a period's promised loss that must be lost beyond it."""


FEWEST_REFERENCE_PERIODS = 4
"""With fewer there is no verdict."""


class DriftPolicy(CountedPolicy):
    """Level of the drift verdict, its reference, and the smallest change that counts.

    The reference is the latest `reference_length` before, in whole `reference_periods`; `reference: 13w` says the same.

    `alpha` and `immediate_alpha` are adjusted p-values: below the second a warning needs no ranking among the reference
    periods, and one period is enough to ask for a retrain. `min_mean_shift` is in reference standard deviations,
    `min_share_shift` is total variation, `min_missing_shift` is a difference of shares. `reference` says
    whether a period is compared with the latest ones or with those of its season in earlier years; `joint` adds a
    classifier that is to tell the period's rows from the reference's.
    """

    alpha: float = Field(default=0.05, gt=0, lt=1)
    immediate_alpha: float = Field(default=0.001, gt=0, lt=1)
    counts: ClassVar[Mapping[str, tuple[str, int]]] = {
        "reference_length": ("reference_periods", FEWEST_REFERENCE_PERIODS)
    }

    reference_length: PositiveLength | None = None
    reference_periods: int = Field(default=12, ge=FEWEST_REFERENCE_PERIODS)
    reference: Literal["recent", "same_season"] = "recent"
    joint: bool = False
    min_mean_shift: float = Field(default=0.05, ge=0)
    min_share_shift: float = Field(default=0.02, ge=0)
    min_missing_shift: float = Field(default=0.01, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _length_of_the_latest(cls, record: object) -> object:
        """Read `reference: 13w`, a length where else a kind stands, as that of the latest periods."""
        said = record.get("reference") if isinstance(record, Mapping) else None
        if not isinstance(record, Mapping) or not re.fullmatch(r"\d+[mhdw]", str(said)):
            return record
        return {**{key: value for key, value in record.items() if key != "reference"}, "reference_length": said}


class LabelPolicy(Policy):
    """When the outcomes that arrive look like a data fault, which holds promotion until a person releases it.

    A jump is certain (`jump_alpha`, the p-value of the period verdict) and large: by `jump_odds_ratio` for the share of
    a class, by `jump_sd` reference standard deviations for a value.
    """

    jump_alpha: float = Field(default=0.001, gt=0, lt=1)
    jump_odds_ratio: float = Field(default=2.0, gt=1)
    jump_sd: float = Field(default=1.0, gt=0)


class BusinessMetric(Policy):
    """What the model earns or costs, in the business's own unit, and where it begins to hurt.

    Either `expression`, in the grammar of `monitoring.expression`, or for two classes `cost_matrix`: the cost of a row
    by outcome (rows 0, 1) and decision (columns 0, 1), averaged over rows.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    expression: str | None = None
    cost_matrix: tuple[tuple[float, float], tuple[float, float]] | None = None
    unit: str
    better: Literal["higher", "lower"]
    threshold: float

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.expression is None) == (self.cost_matrix is None):
            raise ValueError(f"business metric {self.name}: declare either expression or cost_matrix")
        return self


@dataclass(frozen=True)
class MonitoringPolicy:
    """What the monitoring assets are told of a model besides its facts and columns.

    Attributes:
        retrain_cost: Excess loss, summed over rows, that pays for a retrain; None where it is not declared.
        threshold: From which score on a row counts as class 1.
        group_minimum: Rows from which on a group has a loss of its own in a report.
    """

    drift: DriftPolicy
    labels: LabelPolicy
    business: tuple[BusinessMetric, ...]
    retrain_cost: float | None
    threshold: float
    group_minimum: int = 0

    @property
    def costs(self) -> dict[str, tuple[tuple[float, float], tuple[float, float]]]:
        """The cost matrices among the business metrics, by name."""
        return {one.name: one.cost_matrix for one in self.business if one.cost_matrix is not None}


class TriggerPolicy(LengthsPolicy):
    """Which evidence starts a retrain, and how often it may.

    `retrain_cost` is in units of the primary loss summed over rows: a retrain is due once the live model has lost that
    much more than its baseline. Without one it is `USUAL_SHARE` of the loss that a period's rows are promised to have.
    `on_excess_loss` is another excess than the cost of a retrain, or `false`, with which no excess asks for one.
    `on_forgone_gain` is a certainty: a retrain is due once fresh models have been better than the live one by what a
    retrain costs, so certainly; the backtest measures it, and it asks for nothing before the first. Where
    `on_excess_loss` is not said beside it, the excess asks until then, and no longer.

    `on_estimated_loss` adds to the measured excess the one estimated for rows whose outcomes are still out.
    `on_uncertainty` and `on_business_metrics` ask after `patience` periods in a row; `new_labels` asks by the number of
    labelled rows since the last attempt; `max_age` by the time since the live model was last held against a candidate.
    `cooldown` is the rest after an attempt that did not promote.
    """

    retrain_cost: float | None = Field(default=None, gt=0)
    on_excess_loss: StrictBool | Annotated[float, Field(gt=0)] = True
    on_forgone_gain: float | None = Field(default=None, ge=0.5, lt=1)
    on_estimated_loss: bool = False
    on_confirmed_drift: bool = False
    on_uncertainty: bool = False
    on_business_metrics: tuple[str, ...] = ()
    patience: int = Field(default=2, ge=1)
    new_labels: int | None = Field(default=None, gt=0)
    max_age: PositiveLength | None = None
    cooldown: Length = Length.parse("2w")
    max_age_periods: int | None = Field(default=None, gt=0)
    cooldown_periods: int | None = Field(default=None, ge=0)
    max_per_year: int = Field(default=12, gt=0)
    min_new_rows: int = Field(default=1, ge=0)

    def cost_of_a_retrain(self, usual_loss: float) -> float:
        """The excess loss at which a retrain is due; infinite while it is neither declared nor can be known.

        >>> TriggerPolicy().cost_of_a_retrain(usual_loss=1_350.0), TriggerPolicy(retrain_cost=400).cost_of_a_retrain(0)
        (135.0, 400.0)
        """
        if self.retrain_cost is not None:
            return self.retrain_cost
        return USUAL_SHARE * usual_loss or float("inf")

    @property
    def excess_said(self) -> bool:
        """Whether the spec says of the excess loss whether it asks."""
        return "on_excess_loss" in self.model_fields_set

    def excess_that_asks(self, usual_loss: float, forgone_measured: bool = False) -> float:
        """The excess loss from which on a retrain is due: what one costs, or what `on_excess_loss` says.

        Infinite where another trigger has taken its place: what is forgone is declared, measured, and nothing is said
        of the excess.

        >>> [TriggerPolicy(retrain_cost=400, on_excess_loss=said).excess_that_asks(0) for said in (True, 900, False)]
        [400.0, 900.0, inf]
        """
        if self.on_forgone_gain is not None and forgone_measured and not self.excess_said:
            return float("inf")
        if isinstance(self.on_excess_loss, bool):
            return self.cost_of_a_retrain(usual_loss) if self.on_excess_loss else float("inf")
        return self.on_excess_loss

    @property
    def declared_excess(self) -> float | None:
        """The excess loss from which on a retrain is due, where that is declared."""
        if isinstance(self.on_excess_loss, bool):
            return self.retrain_cost if self.on_excess_loss else None
        return self.on_excess_loss
