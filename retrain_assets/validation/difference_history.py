"""What a gate knows of the noise between days: daily differences of rehearsals, probations and gates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from retrain_assets.candidates.origin_losses import DailyLosses, OriginLosses
from retrain_assets.statistics.daily_differences import DailyDifferences, DifferenceHistory, stored_before
from retrain_assets.store import PeriodStore


def known_history(
    store: PeriodStore, period: str, before: datetime, loss: str, origins: OriginLosses | None
) -> DifferenceHistory:
    """The daily differences known when a period's candidate is judged, of days before its gate.

    Rehearsals come first, so that a probation or a gate replaces their days: what served is nearer to the question.

    Args:
        store: The model's files.
        period: Of the gate.
        before: Where the gate begins.
        loss: The loss that stands in for metrics with too short a history.
        origins: The candidate's rehearsals; None where an older version of the package trained it.
    """
    rehearsed = origin_differences(origins) if origins is not None else ()
    kept = tuple(each.until(before) for each in rehearsed)
    return DifferenceHistory((*kept, *stored_before(store, period, before)), loss)


def origin_differences(origins: OriginLosses) -> tuple[DailyDifferences, ...]:
    """Paired daily differences of the models of one retrain's rolling origins, every day in one pair.

    On the days from an origin to the next, the strategy's model of that origin is held against its model of the origin
    before: a fresh model against one that has aged, as a candidate is against a champion. On the days of the first
    origin, which has none before it, one strategy's model is held against the other's.
    """
    strategies = list(dict.fromkeys(model.strategy for model in origins.models))
    own = [model for model in origins.models if model.days and model.strategy == strategies[0]]
    own.sort(key=lambda model: model.days[0])
    found = []
    for number, fresh in enumerate(own):
        until = own[number + 1].days[0] if number + 1 < len(own) else None
        other = own[number - 1] if number else _rival(origins, fresh)
        if other is not None:
            pair = _Pair(fresh, other)
            found.append(pair.differences(origins.loss, until))
    return tuple(found)


def _rival(origins: OriginLosses, model: DailyLosses) -> DailyLosses | None:
    """Another strategy's model of the same origin."""
    others = (each for each in origins.models if each.origin == model.origin and each.strategy != model.strategy)
    return next(others, None)


@dataclass(frozen=True)
class _Pair:
    """Two models that were scored on the same rows."""

    fresh: DailyLosses
    other: DailyLosses

    def differences(self, loss: str, until: date | None) -> DailyDifferences:
        """By how much the other model lost more, on each day before `until` that both share."""
        days = list(self._shared(until))
        source = f"rehearsal of {self.fresh.origin}"
        return DailyDifferences(
            source,
            loss,
            tuple(day.isoformat() for day, _, _ in days),
            tuple(gain for _, gain, _ in days),
            tuple(rows for _, _, rows in days),
        )

    def _shared(self, until: date | None) -> Iterator[tuple[date, float, int]]:
        lost = dict(zip(self.other.days, self.other.losses, strict=True))
        for day, own, rows in zip(self.fresh.days, self.fresh.losses, self.fresh.rows, strict=True):
            if day in lost and (until is None or day < until):
                yield day, lost[day] - own, rows
