"""What every stage's policy has in common: frozen, and refusing what it does not know."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

from retrain_assets.periods import Length

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Policy(BaseModel):
    """A group of knobs of one stage, read from a model's YAML.

    Infinite numbers are refused: a margin of `.inf` would be a rule that nothing breaks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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
            self.__dict__[name] = Length(periods=periods)
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
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A span of time in YAML, like `36h` or `2d`."""
