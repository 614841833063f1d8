"""Accumulated excess loss: retrain once the live model has lost more, beyond its promise, than a retrain costs."""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.backtest.policies.path import Past
from retrain_assets.backtest.policies.promise import promise
from retrain_assets.documents.units import LossUnits
from retrain_assets.monitoring.triggers.accumulated_excess import summed


@dataclass(frozen=True)
class AccumulatedExcess:
    """A cumulative sum chart of the loss beyond the promise, a ← max(0, a + x), added up decision by decision.

    Attributes:
        cost: The excess that asks for a retrain, in loss summed over rows.
        units: How the loss is written.
        how_often: How often it is asked, where the name has to say it.
    """

    cost: float
    units: LossUnits
    how_often: str = ""
    family: str = "excess loss"

    @property
    def name(self) -> str:
        """The loss that pays for a retrain."""
        return f"{self.units.excess(self.cost)}{self.how_often}"

    def asks(self, past: Past) -> bool:
        """Whether so much has piled up since the last retrain."""
        held_to = promise(past)
        if held_to is None:
            return False
        known = (past.served_between(at, at + 1) for at in range(past.since, past.now))
        return summed(0.0, (loss - rows * held_to.mean for loss, rows in known)) >= self.cost
