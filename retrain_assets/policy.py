"""What every stage's policy has in common: frozen, and refusing what it does not know."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Policy(BaseModel):
    """A group of knobs of one stage, read from a model's YAML.

    Infinite numbers are refused: a margin of `.inf` would be a rule that nothing breaks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d+)([mhdw])", str(value))
    if not match:
        raise ValueError(f"{value!r} is no duration: write a number and m, h, d or w, like 36h or 2d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A span of time in YAML, like `36h` or `2d`."""
