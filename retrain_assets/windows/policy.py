"""How much of history each purpose gets."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from retrain_assets.periods import Length
from retrain_assets.policy import LengthsPolicy, PositiveLength


class WindowsPolicy(LengthsPolicy):
    """Lengths of the windows, as times that mean the same under every calendar.

    Attributes:
        recent: Training window of the strategy `recent`.
        half_life: Age at which a row counts half under the strategy `history`.
        gate: The newest rows with an outcome, on which a candidate is judged; training ends where they begin.
        min_train: How much must be stored before the gate of the first model.
        selection_origins: At how many rolling origins the strategies are compared.
        selection: How long after each origin they are compared, and how much before it says when to stop early; 4
            weeks, or a period where the gate is given in periods.
    """

    recent: PositiveLength = Length.parse("13w")
    half_life: PositiveLength = Length.parse("26w")
    gate: PositiveLength = Length.parse("2w")
    min_train: PositiveLength = Length.parse("8w")
    selection_origins: int = Field(default=3, ge=1)
    selection: PositiveLength | None = None
    recent_periods: int | None = Field(default=None, gt=0)
    half_life_periods: float | None = Field(default=None, gt=0)
    gate_periods: int | None = Field(default=None, gt=0)
    min_train_periods: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _gate_of_a_period(self) -> Self:
        """A spec that counts periods and leaves the gate out means one period, as it did when it was written."""
        counted = {"recent_periods", "half_life_periods", "min_train_periods"} & self.model_fields_set
        if counted and not {"gate", "gate_periods"} & self.model_fields_set:
            self.__dict__["gate"] = Length(periods=1)
        return self

    @property
    def selection_length(self) -> Length:
        """How long after each rolling origin the strategies are compared."""
        usual = Length.parse("4w") if self.gate.periods is None else Length(periods=1)
        return self.selection or usual
