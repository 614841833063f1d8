"""What every stage's policy has in common: frozen, and refusing what it does not know."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from retrain_assets.periods import Calendar, Length

LARGEST = 1e15
"""The largest number that a spec may hold."""
_WRITTEN_OUT = 10**308


class Policy(BaseModel):
    """A group of knobs of one stage, read from a model's YAML.

    Infinite numbers are refused, and those beyond `LARGEST`: a margin of `.inf` would be a rule that nothing breaks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _of_this_world(cls, value: object) -> object:
        if isinstance(value, int | float) and abs(value) > LARGEST:
            said = (
                f"{value:g}"
                if isinstance(value, float) or abs(value) < _WRITTEN_OUT
                else "a number of hundreds of digits"
            )
            raise ValueError(f"{said} is beyond {LARGEST:g}, where no count, money or measure lies. Write a real one")
        return value


class CountedPolicy(Policy):
    """A policy that works by whole periods, and whose lengths a spec writes as time.

    `counts` names, for each length, the key that counts it in periods, which specs of earlier releases write, and the
    least count. `counted` turns what is written as time into that count, once the calendar is known.
    """

    counts: ClassVar[Mapping[str, tuple[str, int]]] = {}

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        for length, (periods, _) in self.counts.items():
            if {length, periods} <= self.model_fields_set:
                raise ValueError(f"{length} and {periods} say the same. Keep {length}")
        return self

    def counted(self, calendar: Calendar) -> Self:
        """The same policy with every length that is written as time counted in periods of a calendar, rounded up."""
        found = {}
        for length, (periods, least) in self.counts.items():
            written = getattr(self, length)
            if written is not None:
                found[periods] = max(least, math.ceil(round(written.in_periods(calendar), 2)))
        return self.model_copy(update=found) if found else self


class LengthsPolicy(Policy):
    """A policy with lengths of time, which specs of earlier releases count in periods.

    For a length `gate` the key `gate_periods` is read too, as a number of the calendar's periods.
    """

    @model_validator(mode="after")
    def _take_periods(self) -> Self:
        for name in type(self).model_fields:
            periods = getattr(self, f"{name}_periods", None)
            if periods is None:
                continue
            if name in self.model_fields_set:
                raise ValueError(f"{name} and {name}_periods say the same. Keep {name}")
            try:
                self.__dict__[name] = Length(periods=periods)
            except ValueError as error:
                raise ValueError(f"{name}_periods: {error}") from None
        return self


def _positive(length: Length) -> Length:
    if not length.positive:
        raise ValueError(f"{length} must be longer than nothing")
    return length


PositiveLength = Annotated[Length, AfterValidator(_positive)]
"""A length of time in YAML that is longer than nothing, like `2w`."""


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d+)([mhdw])", str(value))
    if not match:
        raise ValueError(f"{value!r} is no duration: write a number and m, h, d or w, like 36h or 2d")
    return Length.parse(match[0]).time or timedelta(0)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A span of time in YAML, like `36h` or `2d`."""
