"""The evaluation matrix: the loss by day of the model of every origin, on days that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class LossMatrix:
    """L[i, d]: the loss, summed over the rows of day d, of the model that would have been trained as of origin i.

    Attributes:
        moments: When each origin's decision falls, shape (origins,), increasing.
        trained_until: The end of each origin's training rows, shape (origins,).
        days: The days that have rows, shape (days,), increasing.
        rows: Rows of each day, shape (days,).
        losses: Shape (origins, days); NaN on days that the model was trained on, in part or wholly.
        label_delay: How long after its row an outcome is known.
        gate_from: Where the gate of a retrain at each origin begins, shape (origins,); it ends with `trained_until`.
        rehearsed: Mean loss that the rehearsals promised at each origin, shape (origins,); NaN without any.
        doubts: The same as `losses` of a classifier's uncertainty; None for a regression.
        strategies: The strategy that served, by origin.
        known_at: When each day's outcomes were known, shape (days,), where they say so; None where `label_delay` does.
    """

    moments: Days
    trained_until: Days
    days: Days
    rows: Floats
    losses: Floats
    label_delay: timedelta
    gate_from: Days
    rehearsed: Floats
    doubts: Floats | None = None
    strategies: tuple[str, ...] = ()
    known_at: Days | None = None

    @property
    def origins(self) -> int:
        """How many origins there are."""
        return int(self.moments.size)

    @cached_property
    def served_from(self) -> NDArray[np.intp]:
        """The first day, by its place, that each origin's model can serve."""
        return np.searchsorted(self.days.astype("datetime64[us]"), self.moments.astype("datetime64[us]"))

    @cached_property
    def tested_from(self) -> NDArray[np.intp]:
        """The first day, by its place, that each origin's model was not trained on."""
        return np.searchsorted(self.days.astype("datetime64[us]"), self.trained_until.astype("datetime64[us]"))

    @cached_property
    def known_until(self) -> NDArray[np.intp]:
        """How many days' outcomes are known at each origin."""
        return self.known_by(self.moments)

    def known_by(self, moments: NDArray[Any]) -> NDArray[np.intp]:
        """How many days' outcomes are known at each of some moments, up to the first day of which they are not.

        Those of a day that ended one label delay before, or where outcomes say when they were known, that were.
        """
        moments = moments.astype("datetime64[us]")
        if self.known_at is None:
            return self.ended_by(moments - np.timedelta64(self.label_delay))
        told = np.searchsorted(np.maximum.accumulate(self.known_at.astype("datetime64[us]")), moments, side="right")
        return np.minimum(told, self.ended_by(moments))

    def ended_by(self, moments: NDArray[Any]) -> NDArray[np.intp]:
        """How many days have ended at each of some moments: one of which a part has passed is not known yet."""
        ends = self.days.astype("datetime64[us]") + np.timedelta64(1, "D").astype("timedelta64[us]")
        return np.searchsorted(ends, moments, side="right")

    @cached_property
    def running(self) -> Floats:
        """Sums of `losses` over the days before each, shape (origins, days + 1); days without a loss add nothing."""
        return np.concatenate([np.zeros((self.origins, 1)), np.cumsum(np.nan_to_num(self.losses), axis=1)], axis=1)

    @cached_property
    def running_rows(self) -> Floats:
        """Sums of `rows` over the days before each, shape (days + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.rows)])

    def lost(self, origin: int, first: int, last: int) -> float:
        """Loss of an origin's model over the days from the first to before the last."""
        return float(self.running[origin, last] - self.running[origin, first])

    def rows_of(self, first: int, last: int) -> float:
        """Rows of the days from the first to before the last."""
        return float(self.running_rows[last] - self.running_rows[first])

    @property
    def whole(self) -> Stretch:
        """All decisions, and the days up to the last."""
        return Stretch(0, self.origins, int(self.days.size))

    def halves(self) -> tuple[Stretch, Stretch]:
        """The first and the second half of the decisions; each begins with a model of its own first origin."""
        middle = self.origins // 2
        end = int(self.served_from[middle])
        return Stretch(0, middle, end), Stretch(middle, self.origins, int(self.days.size))


@dataclass(frozen=True)
class Stretch:
    """A stretch of history: its decisions, and where its days end.

    Attributes:
        first: The origin whose model serves when it begins.
        last: The origin before which its last decision falls.
        end: The day, by its place, before which it ends.
    """

    first: int
    last: int
    end: int

    @property
    def decisions(self) -> int:
        """How many decisions it has after its first model."""
        return self.last - self.first - 1
