"""Performance decay: the live model's loss against the promise, by a share of it or by Page's chart."""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.backtest.policies.path import Past
from retrain_assets.backtest.policies.promise import promise


@dataclass(frozen=True)
class RelativeDecay:
    """Retrain when the loss of what became known since the last decision lies above the promise by a share of it.

    Attributes:
        share: The share, .1 for 10 %.
    """

    share: float
    family: str = "decay"

    @property
    def name(self) -> str:
        """How much worse is too much."""
        return f"loss {100 * self.share:g} % above what was expected"

    def asks(self, past: Past) -> bool:
        """Whether the newest known loss is too high."""
        held_to = promise(past)
        loss, rows = past.served_between(past.now - 1, past.now)
        return held_to is not None and rows > 0 and loss / rows > (1 + self.share) * held_to.mean


@dataclass(frozen=True)
class CusumDecay:
    """Page's cumulative sum of the daily mean loss: S ← max(0, S + z − slack), asking above a limit.

    z is the day's mean loss minus the promise, in standard deviations between the days of the gate.

    Attributes:
        limit: In standard deviations; 5 is the textbook's.
        slack: What a day may lie above the promise, in standard deviations; half of the change that is to be found.

    Source: Page (1954), Biometrika 41; Montgomery (2019), Introduction to Statistical Quality Control, section 9.1.
    """

    limit: float = 5.0
    slack: float = 0.5
    family: str = "cusum"

    @property
    def name(self) -> str:
        """Its limit."""
        return f"CUSUM of the loss above {self.limit:g} sd"

    def asks(self, past: Past) -> bool:
        """Whether the chart is above its limit."""
        held_to = promise(past)
        if held_to is None or not held_to.day_sd > 0:
            return False
        losses, rows = past.served_since(past.since)
        total = 0.0
        for value in (losses[rows > 0] / rows[rows > 0] - held_to.mean) / held_to.day_sd:
            total = max(0.0, total + float(value) - self.slack)
        return total > self.limit
