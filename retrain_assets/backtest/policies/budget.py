"""A budget: another policy, at most so many times a year."""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.backtest.policies.path import Past, RetrainPolicy


@dataclass(frozen=True)
class Budgeted:
    """Follow another policy as long as the year's retrains are not used up.

    Attributes:
        policy: What asks.
        per_year: Retrains in any 365 days.
    """

    policy: RetrainPolicy
    per_year: int
    family: str = "budget"

    @property
    def name(self) -> str:
        """The policy and its cap."""
        return f"{self.policy.name}, at most {self.per_year} a year"

    def asks(self, past: Past) -> bool:
        """Whether the policy asks and the budget allows it."""
        return past.year_back() < self.per_year and self.policy.asks(past)
