"""Which rows a stored version was trained on, by time, and the refusal to judge a version on rows that it has seen.

The span comes from the version's own training record, whose bytes its digest speaks for: whatever the spec says by
now, the record says what was trained on when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from retrain_assets.errors import TrainedOnGate
from retrain_assets.registry.journal.events import wall_clock
from retrain_assets.registry.training_record import trained_between
from retrain_assets.verdict import GateWindow


@dataclass(frozen=True)
class TrainingSpan:
    """The time of the rows that trained a version: `start` (included) to `end` (excluded)."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, trained_from: str, trained_until: str) -> Self | None:
        """The span between two times of a training record; None where one of them is none.

        >>> TrainingSpan.of("2019-01-01", "2019-03-31").end
        datetime.datetime(2019, 3, 31, 0, 0)
        >>> TrainingSpan.of("2019-01-01", "May") is None
        True
        """
        try:
            return cls(wall_clock(trained_from), wall_clock(trained_until))
        except ValueError:
            return None

    @classmethod
    def in_files(cls, files: Mapping[str, bytes]) -> Self | None:
        """The span in a version's files; None where they do not say, as of a model that was trained elsewhere."""
        bounds = trained_between(files)
        return cls.of(*bounds) if bounds else None

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether some moment lies in both the span and [start, end).

        >>> span = TrainingSpan(datetime(2019, 1, 1), datetime(2019, 3, 31))
        >>> span.holds(datetime(2019, 3, 30), datetime(2019, 5, 1)), span.holds(datetime(2019, 3, 31), datetime.max)
        (True, False)
        """
        return max(self.start, start) < min(self.end, end)


def refuse_seen_rows(where: str, gate: GateWindow, spans: Mapping[str, TrainingSpan | None]) -> None:
    """Refuse gate rows that one of the compared versions was trained on.

    Args:
        where: What the sentence begins with: model, period.
        gate: The rows.
        spans: By what the sentence calls a version, the span that trained it; None where that is not known.

    Raises:
        TrainedOnGate: One of them was.
    """
    start, end = wall_clock(gate.start), wall_clock(gate.end)
    for what, span in spans.items():
        if span is not None and span.holds(start, end):
            raise TrainedOnGate(
                f"{where}: {what} was trained on rows up to {span.end:%Y-%m-%d %H:%M}, the gate rows begin at "
                f"{start:%Y-%m-%d %H:%M}. A version is not judged on rows that it has seen: the windows were cut anew "
                "after it was trained. Materialize the candidates of the period again, then judge them."
            )
