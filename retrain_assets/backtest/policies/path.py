"""A policy as a path through the evaluation matrix: at which origins it retrains, and what that loses day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
        retrains: The decisions that put a model in service, the first model's among them, in order.
        models: The origins of these models, where a gate put older ones in service; else they are the decisions'.
        attempts: Decisions to retrain, whatever came of them.
    """

    matrix: LossMatrix
    now: int
    retrains: tuple[int, ...]
    models: tuple[int, ...] = ()
    attempts: tuple[int, ...] = ()

    @property
    def live(self) -> int:
        """The origin of the live model."""
        return (self.models or self.retrains)[-1]

    @property
    def decided(self) -> int:
        """The decision that put it in service."""
        return self.retrains[-1]

    @property
    def since(self) -> int:
        """The last decision to retrain, whether or not it put a model in service."""
        return max((self.decided, *self.attempts[-1:]))

    @property
    def known(self) -> int:
        """How many days' outcomes are known."""
        return int(self.matrix.known_until[self.now])

    @property
    def age(self) -> int:
        """How many decisions ago the live model was last held against a newer one, or put in service."""
        return self.now - self.since

    def year_back(self) -> int:
        """How many retrains fell into the last year, the first model not among them."""
        moments = self.matrix.moments
        since = moments[self.now] - np.timedelta64(timedelta(days=365))
        return int(sum(moments[origin] > since for origin in self.attempts or self.retrains[1:]))

    def served(self) -> tuple[Floats, Floats]:
        """Loss and rows of each day that the live model has served and whose outcomes are known."""
        first = int(self.matrix.served_from[self.decided])
        last = max(self.known, first)
        return self.matrix.losses[self.live, first:last], self.matrix.rows[first:last]

    def served_since(self, decision: int) -> tuple[Floats, Floats]:
        """The same of the days that became known after a decision."""
        losses, rows = self.served()
        seen = max(int(self.matrix.known_until[decision]) - int(self.matrix.served_from[self.decided]), 0)
        return losses[seen:], rows[seen:]

    def served_between(self, earlier: int, later: int) -> tuple[float, float]:
        """Loss and rows of the live model's days that became known from one decision to a later one."""
        start = int(self.matrix.served_from[self.decided])
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


class Promotes(Protocol):
    """Decides what becomes of a retrain."""

    def promoted(self, past: Past) -> int | None:
        """The origin of the model that a retrain now puts in service; None where the live one stays."""

    def ready(self, past: Past) -> bool:
        """Whether a retrain now could be judged at all."""


@dataclass(frozen=True, eq=False)
class PolicyPath:
    """Which model served when, and what that lost.

    Attributes:
        matrix: The matrix that the path runs through.
        stretch: The part of history that counts.
        retrains: Decisions that put a model in service, the first model's first.
        models: The origins of these models, where they are others.
        attempts: How many retrains a gate judged; None without a gate, where each is promoted.
    """

    matrix: LossMatrix
    stretch: Stretch
    retrains: tuple[int, ...]
    models: tuple[int, ...] = ()
    attempts: int | None = None

    @property
    def count(self) -> int:
        """How many times it put a model in service after the first."""
        return len(self.retrains) - 1

    @property
    def paid(self) -> int:
        """How many retrains were paid for: every attempt, whatever came of it."""
        return self.count if self.attempts is None else self.attempts

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
                for origin, first, last in zip(self.models or self.retrains, borders, ends, strict=True)
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
        models = self.models or self.retrains
        for decision, before, model in zip(self.retrains[1:], models, models[1:], strict=False):
            first = int(matrix.served_from[decision])
            last = int(matrix.served_from[decision + 1]) if decision + 1 < self.stretch.last else self.stretch.end
            worse += matrix.lost(before, first, last) < matrix.lost(model, first, last)
        return worse / self.count if self.count else 0.0

    def cost(self, of_a_retrain: float) -> float:
        """Loss plus what the retrains cost."""
        return self.loss + of_a_retrain * self.paid


def walk(policy: RetrainPolicy, matrix: LossMatrix, stretch: Stretch, gate: Promotes | None = None) -> PolicyPath:
    """Ask a policy at every origin of a stretch after the first model's, and follow what it says.

    Args:
        policy: Says when to retrain.
        matrix: All losses.
        stretch: The part of history.
        gate: Judges each retrain; without one every retrain is promoted.
    """
    past = Past(matrix, stretch.first, (stretch.first,), (stretch.first,))
    for now in range(stretch.first + 1, stretch.last):
        past = replace(past, now=now)
        if (gate is not None and not gate.ready(past)) or not policy.asks(past):
            continue
        model = now if gate is None else gate.promoted(past)
        past = replace(past, attempts=(*past.attempts, now))
        if model is not None:
            past = replace(past, retrains=(*past.retrains, now), models=(*past.models, model))
    return PolicyPath(matrix, stretch, past.retrains, past.models, None if gate is None else len(past.attempts))


def clock_of(matrix: LossMatrix, stretch: Stretch, count: int) -> PolicyPath:
    """The clock with a number of retrains, spread as evenly as the origins allow.

    What a policy gains over it, it gains by choosing the moments, not by retraining more often.
    """
    origins = stretch.last - stretch.first
    places: Sequence[int] = [stretch.first + round(number * origins / (count + 1)) for number in range(count + 1)]
    return PolicyPath(matrix, stretch, tuple(sorted(set(places))))
