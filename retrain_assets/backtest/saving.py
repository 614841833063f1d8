"""What one path saves against another, with the limits that chance allows: the paired test, day by day."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from retrain_assets.backtest.policies.path import PolicyPath
from retrain_assets.statistics.long_run_variance import FEWEST_DAYS, DailySums, mean_error
from retrain_assets.store import Json

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Saving:
    """How much less one path costs than another on the same days, retrains included.

    Attributes:
        total: Cost of the other minus cost of the one; above 0 the one is cheaper.
        low: Lower 95 % limit; None where the days are too few to tell.
        high: Upper 95 % limit.
        days: Days that the limits rest on.
    """

    total: float
    low: float | None
    high: float | None
    days: int

    @property
    def distinguishable(self) -> bool:
        """Whether 0 lies outside the limits."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def to_dict(self) -> Json:
        """As plain JSON."""
        return asdict(self) | {"distinguishable": self.distinguishable}

    @classmethod
    def from_dict(cls, record: Json) -> Saving:
        """The inverse of `to_dict`."""
        return cls(record["total"], record["low"], record["high"], record["days"])


def saving(path: PolicyPath, other: PolicyPath, of_a_retrain: float) -> Saving:
    """Compare two paths over the same stretch.

    The daily differences of the loss are paired; their standard error takes in how much days depend on one another
    (`long_run_variance.mean_error`). What the retrains cost is known and adds no doubt.

    Args:
        path: The one.
        other: The other.
        of_a_retrain: Cost of a retrain, in loss summed over rows.
    """
    known = of_a_retrain * (other.count - path.count)
    days = DailySums(other.daily - path.daily, path.rows)
    total = float(days.sums.sum()) + known
    return Saving(total, *_limits(days, total), days.days)


def mean_limits(path: PolicyPath) -> tuple[float | None, float | None]:
    """The 95 % limits of a path's mean loss per row."""
    days = DailySums(path.daily, path.rows)
    rows = float(days.rows.sum())
    low, high = _limits(days, path.loss)
    return (None if low is None else low / rows), (None if high is None else high / rows)


def _limits(days: DailySums, total: float) -> tuple[float | None, float | None]:
    """Two-sided limits of a sum over days, around a total that may hold more than the days."""
    from scipy import special

    held = days.rows > 0
    if int(held.sum()) < FEWEST_DAYS:
        return None, None
    found = mean_error(DailySums(days.sums[held], days.rows[held]), None)
    if not math.isfinite(found.error) or found.degrees <= 0:
        return None, None
    level = (1 - CONFIDENCE) / 2 * found.level_share
    reach = float(special.stdtrit(found.degrees, 1 - level)) * found.error * float(days.rows.sum())
    return total - reach, total + reach
