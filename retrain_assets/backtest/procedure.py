"""Does retraining work at all? Fresh models against ones that are older by the usual interval, on rows neither saw."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from scipy import special

from retrain_assets.backtest.matrix.loss_matrix import LossMatrix
from retrain_assets.backtest.policies.path import PolicyPath
from retrain_assets.documents.units import counted
from retrain_assets.statistics.long_run_variance import DailySums, mean_error
from retrain_assets.store import Json

MOST_ORIGINS, FEWEST_ORIGINS = 12, 6
ALPHA = 0.05


@dataclass(frozen=True)
class ProcedureEvidence:
    """What the procedure gained over the last origins.

    Attributes:
        origins: How many origins' fresh models were compared.
        interval: By how many decisions the others are older.
        share: Loss that the fresh ones had less, as a share of that of the older ones.
        low: Its lower one-sided 95 % limit; None where the days are too few.
        p_value: One-sided, of no gain; None likewise.
        days: Days behind it.
    """

    origins: int
    interval: int
    share: float
    low: float | None
    p_value: float | None
    days: int

    def to_dict(self) -> Json:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> ProcedureEvidence:
        """The inverse of `to_dict`."""
        return cls(**record)

    def sentence(self, unit: str) -> str:
        """The answer first.

        >>> ProcedureEvidence(12, 10, 0.031, 0.022, 1e-4, 84).sentence("week")
        'Retraining works: over the last 12 weeks fresh models lost 3.1 % less than ones 10 weeks older, at least \
2.2 % with 95 % certainty.'
        """
        lately = f"over the last {counted(self.origins, unit)} fresh models lost"
        size = f"{100 * abs(self.share):.2g} % {'less' if self.share >= 0 else 'more'}"
        older = f"than ones {counted(self.interval, unit)} older"
        if self.low is None:
            return f"Whether retraining works is not known: {lately} {size} {older}, on {counted(self.days, 'day')}."
        if self.low > 0:
            return f"Retraining works: {lately} {size} {older}, at least {100 * self.low:.2g} % with 95 % certainty."
        return f"Retraining shows no certain gain: {lately} {size} {older}, which may be chance."


def procedure_evidence(matrix: LossMatrix, usual: PolicyPath) -> ProcedureEvidence | None:
    """Join the last origins' days, and test the gain of the fresh models by the t of dependent days.

    Args:
        matrix: All losses.
        usual: The spec's own triggers, whose mean distance between retrains is the age that is compared.

    Returns:
        None where fewer than 6 origins have a model that is so much older.
    """
    interval = max(1, round(matrix.origins / (usual.count + 1)))
    interval = min(interval, matrix.origins - FEWEST_ORIGINS)
    fresh = range(max(interval, matrix.origins - MOST_ORIGINS), matrix.origins)
    if interval < 1 or len(fresh) < FEWEST_ORIGINS:
        return None
    ends = np.append(matrix.served_from, matrix.days.size)
    gains, aged, rows = [], 0.0, []
    for origin in fresh:
        first, last = int(ends[origin]), int(ends[origin + 1])
        gains.append(matrix.losses[origin - interval, first:last] - matrix.losses[origin, first:last])
        rows.append(matrix.rows[first:last])
        aged += matrix.lost(origin - interval, first, last)
    joined, counts = np.concatenate(gains), np.concatenate(rows)
    held = np.isfinite(joined) & (counts > 0)
    days = DailySums(joined[held], counts[held])
    share = float(days.sums.sum()) / aged if aged else 0.0
    found = mean_error(days, None)
    if not (math.isfinite(found.error) and found.degrees > 0 and found.error > 0 and aged):
        return ProcedureEvidence(len(fresh), interval, share, None, None, days.days)
    reach = float(special.stdtrit(found.degrees, 1 - ALPHA * found.level_share)) * found.error
    low = (days.mean - reach) * float(days.rows.sum()) / aged
    p_value = float(special.stdtr(found.degrees, -days.mean / found.error))
    return ProcedureEvidence(len(fresh), interval, share, low, p_value, days.days)
