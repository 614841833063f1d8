"""A policy as a path through the evaluation matrix: at which origins it retrains, and what that loses day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Protocol

import numpy as np

from retrain_assets.backtest.matrix.loss_matrix import Floats, LossMatrix, Stretch


@dataclass(frozen=True, eq=False)
class Past:
    """What is known at a decision, and nothing that comes later.

    Attributes:
        matrix: All losses; a policy reads them through the methods of this class.
        now: The origin at which the decision falls.
        retrains: The origins at which the policy has retrained, the first model's among them, in order.
    """

    matrix: LossMatrix
    now: int
    retrains: tuple[int, ...]

    @property
    def live(self) -> int:
        """The origin of the live model."""
        return self.retrains[-1]

    @property
    def known(self) -> int:
        """How many days' outcomes are known."""
        return int(self.matrix.known_until[self.now])

    @property
    def age(self) -> int:
        """How many decisions ago the live model was trained."""
        return self.now - self.live

    def year_back(self) -> int:
        """How many retrains fell into the last year, the first model not among them."""
        moments = self.matrix.moments
        since = moments[self.now] - np.timedelta64(timedelta(days=365))
        return int(sum(moments[origin] > since for origin in self.retrains[1:]))

    def served(self) -> tuple[Floats, Floats]:
        """Loss and rows of each day that the live model has served and whose outcomes are known."""
        first = int(self.matrix.served_from[self.live])
        last = max(self.known, first)
        return self.matrix.losses[self.live, first:last], self.matrix.rows[first:last]

    def served_between(self, earlier: int, later: int) -> tuple[float, float]:
        """Loss and rows of the live model's days that became known from one decision to a later one."""
        start = int(self.matrix.served_from[self.live])
        first, last = (max(int(self.matrix.known_until[at]), start) for at in (earlier, min(later, self.now)))
        return self.matrix.lost(self.live, first, last), self.matrix.rows_of(first, last)


class RetrainPolicy(Protocol):
    """Decides at every origin whether to retrain."""

    @property
    def name(self) -> str:
        """What it does, in a few words, its parameters among them."""

    @property
    def family(self) -> str:
        """What it is one of; of a family the parameters are chosen on the first half."""

    def asks(self, past: Past) -> bool:
        """Whether to retrain now."""


@dataclass(frozen=True, eq=False)
class PolicyPath:
    """Which model served when, and what that lost.

    Attributes:
        matrix: The matrix that the path runs through.
        stretch: The part of history that counts.
        retrains: Origins at which a model was trained, the first model's first.
    """

    matrix: LossMatrix
    stretch: Stretch
    retrains: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many times it retrained after the first model."""
        return len(self.retrains) - 1

    @property
    def first_day(self) -> int:
        """The first day that counts."""
        return int(self.matrix.served_from[self.retrains[0]])

    @cached_property
    def daily(self) -> Floats:
        """Loss of each day that counts, by the model that served it."""
        borders = [int(self.matrix.served_from[origin]) for origin in self.retrains]
        ends = [*borders[1:], self.stretch.end]
        return np.concatenate(
            [
                self.matrix.losses[origin, first:last]
                for origin, first, last in zip(self.retrains, borders, ends, strict=True)
            ]
        )

    @property
    def rows(self) -> Floats:
        """Rows of each day that counts."""
        return self.matrix.rows[self.first_day : self.stretch.end]

    @property
    def loss(self) -> float:
        """Loss summed over all rows."""
        return float(self.daily.sum())

    @property
    def mean_loss(self) -> float:
        """Mean loss per row."""
        return self.loss / float(self.rows.sum())

    @property
    def oldest_days(self) -> int:
        """The greatest age that a serving model reached, in days since its decision."""
        moments = self.matrix.moments
        end = self.matrix.days[self.stretch.end - 1].astype("datetime64[us]") + np.timedelta64(1, "D")
        changes = [*(moments[origin] for origin in self.retrains[1:]), end]
        ages = [change - moments[origin] for origin, change in zip(self.retrains, changes, strict=True)]
        return int(max(ages) / np.timedelta64(1, "D"))

    @property
    def worse_next(self) -> float:
        """Share of retrains after which the model that was replaced would have lost less until the next decision."""
        matrix, worse = self.matrix, 0
        for before, origin in zip(self.retrains, self.retrains[1:], strict=False):
            first = int(matrix.served_from[origin])
            last = int(matrix.served_from[origin + 1]) if origin + 1 < self.stretch.last else self.stretch.end
            worse += matrix.lost(before, first, last) < matrix.lost(origin, first, last)
        return worse / self.count if self.count else 0.0

    def cost(self, of_a_retrain: float) -> float:
        """Loss plus what the retrains cost."""
        return self.loss + of_a_retrain * self.count


def walk(policy: RetrainPolicy, matrix: LossMatrix, stretch: Stretch) -> PolicyPath:
    """Ask a policy at every origin of a stretch after the first model's, and follow what it says."""
    retrains: tuple[int, ...] = (stretch.first,)
    for now in range(stretch.first + 1, stretch.last):
        if policy.asks(Past(matrix, now, retrains)):
            retrains = (*retrains, now)
    return PolicyPath(matrix, stretch, retrains)


def clock_of(matrix: LossMatrix, stretch: Stretch, count: int) -> PolicyPath:
    """The clock with a number of retrains, spread as evenly as the origins allow.

    What a policy gains over it, it gains by choosing the moments, not by retraining more often.
    """
    origins = stretch.last - stretch.first
    places: Sequence[int] = [stretch.first + round(number * origins / (count + 1)) for number in range(count + 1)]
    return PolicyPath(matrix, stretch, tuple(sorted(set(places))))
