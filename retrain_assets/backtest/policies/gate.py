"""The gate, replayed: a retrain is promoted when its candidate beats the live model on rows that neither saw.

The matrix holds both: the candidate is the model of the latest origin whose training ends where the gate begins, the
refitted one that of the decision itself. What is judged is the primary loss, by the gate's own test: paired daily
differences, their dependence learnt from history. Guardrails, fairness and the suite need rows, and are not replayed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from retrain_assets.backtest.policies.path import Past
from retrain_assets.statistics.long_run_variance import DailySums, dependence, mean_error

_HISTORY = 12
"""Decisions back from which the dependence between days is learnt."""


@dataclass(frozen=True)
class ReplayedGate:
    """One rule of promotion.

    Attributes:
        length: Of the gate.
        alpha: One-sided level of one attempt.
        margin_share: The candidate may be worse by this share of the live model's loss (`promote_when: fresher`); 0
            asks for better.
        refit: Whether the promoted model has seen the gate's rows.
    """

    length: timedelta
    alpha: float
    margin_share: float = 0.0
    refit: bool = True

    @property
    def name(self) -> str:
        """The rule in a few words."""
        asked = f"non-inferior by {100 * self.margin_share:g} %" if self.margin_share else "superior"
        return f"{asked}, {self.length.days} days, {'refit' if self.refit else 'no refit'}"

    def ready(self, past: Past) -> bool:
        """Whether the gate's rows are fresh: no earlier attempt and no training of the live model has seen them."""
        matrix, start = past.matrix, self._start(past)
        seen = matrix.trained_until[past.live] > start
        spent = bool(past.attempts) and matrix.trained_until[past.attempts[-1]] > start
        return not seen and not spent and self._candidate(past) is not None

    def promoted(self, past: Past) -> int | None:
        """The origin of the model that goes into service; None where the candidate is not shown to be good enough."""
        from scipy import special

        candidate = self._candidate(past)
        if candidate is None:
            return None
        matrix = past.matrix
        first, last = self._days(past)
        gain = matrix.losses[past.live, first:last] - matrix.losses[candidate, first:last]
        rows = matrix.rows[first:last]
        held = np.isfinite(gain) & (rows > 0)
        if not held.any():
            return None
        days = DailySums(gain[held], rows[held])
        found = mean_error(days, dependence(self._history(past, candidate), days.days))
        if not math.isfinite(found.error) or found.degrees <= 0:
            return None
        reach = float(special.stdtrit(found.degrees, 1 - self.alpha * found.level_share)) * found.error
        live = float(matrix.losses[past.live, first:last][held].sum()) / float(rows[held].sum())
        passed = days.mean - reach > -self.margin_share * live
        return (past.now if self.refit else candidate) if passed else None

    def _start(self, past: Past) -> np.datetime64:
        return np.datetime64(past.matrix.trained_until[past.now] - np.timedelta64(self.length))

    def _days(self, past: Past) -> tuple[int, int]:
        first = np.searchsorted(past.matrix.days.astype("datetime64[us]"), self._start(past))
        last = past.matrix.ended_by(past.matrix.trained_until[past.now : past.now + 1])[0]
        return int(first), max(int(first), min(int(last), past.known))

    def _candidate(self, past: Past) -> int | None:
        """The latest origin whose training ends where the gate begins, if it is newer than the live model."""
        older = np.flatnonzero(past.matrix.trained_until <= self._start(past))
        return int(older[-1]) if older.size and older[-1] > past.live else None

    def _history(self, past: Past, candidate: int) -> list[DailySums]:
        """Daily differences between each origin's model and the one before it, on the days that the newer served."""
        matrix, parts = past.matrix, []
        for newer in range(max(1, candidate - _HISTORY), candidate):
            first, last = int(matrix.served_from[newer]), int(matrix.served_from[newer + 1])
            gain = matrix.losses[newer - 1, first:last] - matrix.losses[newer, first:last]
            held = np.isfinite(gain) & (matrix.rows[first:last] > 0)
            if held.any():
                parts.append(DailySums(gain[held], matrix.rows[first:last][held]))
        return [_joined(parts)] if parts else []


def _joined(parts: list[DailySums]) -> DailySums:
    return DailySums(np.concatenate([one.sums for one in parts]), np.concatenate([one.rows for one in parts]))
