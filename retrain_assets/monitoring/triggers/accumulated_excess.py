"""The loss beyond the baseline that has piled up since the last attempt, as the stored reports tell it now.

Each report is asked again for its own period's excess, so that a report made anew on mended outcomes counts as mended
in the next one. Outcomes that jumped are more often faulty than true: what they would add waits until a person has
looked at them and released the hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from retrain_assets.monitoring.records.performance_record import (
    PerformanceRecord,
    monitored_periods,
    read_performance,
)
from retrain_assets.registry.journal.history import History
from retrain_assets.store import PeriodStore

REMEMBERED = 60
"""Reports that are asked again; what lies further back is taken as the oldest of them was told."""


@dataclass(frozen=True)
class ExcessSoFar:
    """What a period begins with, in loss units summed over rows.

    Attributes:
        excess: A cumulative sum chart over the periods that count, a ← max(0, a + x); never below 0.
        suspected: The excess of those that do not, because their outcomes jumped and nobody released the hold yet.
    """

    excess: float
    suspected: float


def excess_before(store: PeriodStore, history: History, version: str, period: str) -> ExcessSoFar:
    """The excess of the version's reports in a row before a period, from its last attempt on.

    Args:
        store: The model's files.
        history: Its journal.
        version: Name of the version in charge.
        period: Which one; reports of it and of later ones are not read.
    """
    attempt = last_attempt(history, period)
    known = [key for key in monitored_periods(store) if attempt < key < period]
    run: list[PerformanceRecord] = []
    for key in reversed(known[-REMEMBERED - 1 :]):
        record = read_performance(store, key)
        if record is None or record.version != version:
            break
        run.append(record)
    before = run.pop().accumulated_excess if len(run) > REMEMBERED else 0.0
    held = [outcomes_suspected(record, history) for record in run]
    counted = [_excess(record) for record, doubt in zip(run, held, strict=True) if not doubt]
    doubtful = [_excess(record) for record, doubt in zip(run, held, strict=True) if doubt]
    return ExcessSoFar(summed(before, reversed(counted)), sum(doubtful))


def summed(before: float, excesses: Iterable[float]) -> float:
    """The cumulative sum, cut off at 0 after every term.

    >>> summed(3.0, [-5.0, 2.0, 1.5])
    3.5
    """
    total = before
    for excess in excesses:
        total = max(0.0, total + excess)
    return total


def outcomes_suspected(record: PerformanceRecord, history: History) -> bool:
    """Whether the outcomes of a performance record jumped and no person has released the hold for it yet."""
    if record.label_jump is None:
        return False
    hold = history.held_for(record.period)
    return hold is None or hold in history.rulings


def _excess(record: PerformanceRecord) -> float:
    return record.report.excess_sum if record.report else 0.0


def last_attempt(history: History, period: str) -> str:
    """The period of the last retrain that was judged before a period; empty without one."""
    return max((event.period for event in history.events if event.gate and event.period < period), default="")
