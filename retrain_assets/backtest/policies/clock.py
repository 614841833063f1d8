"""Policies that look at nothing: never, and every so many decisions."""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.backtest.policies.path import Past


@dataclass(frozen=True)
class Never:
    """Keep the first model for good."""

    name: str = "never"
    family: str = "never"

    def asks(self, past: Past) -> bool:
        """Never."""
        return False


@dataclass(frozen=True)
class FixedClock:
    """Retrain when the live model has reached an age.

    >>> FixedClock(4, "week").name, FixedClock(1, "year").name
    ('every 4 weeks', 'every year')
    """

    every: int
    unit: str
    family: str = "clock"

    @property
    def name(self) -> str:
        """How often."""
        return f"every {self.unit}" if self.every == 1 else f"every {self.every} {self.unit}s"

    def asks(self, past: Past) -> bool:
        """Whether the age is reached."""
        return past.age >= self.every
