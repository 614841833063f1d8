"""The loss beyond the baseline that has piled up since the last attempt, as the stored reports tell it now.

Each report is asked again for its own period's excess, so that a report made anew on mended outcomes counts as mended
in the next one. Outcomes that jumped are more often faulty than true: what they would add waits until a person has
looked at them and released the hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retrain_assets.registry.history import History
from retrain_assets.store import PeriodStore

REMEMBERED = 60
"""Reports that are asked again; what lies further back is taken as the oldest of them was told."""


def carried(store: PeriodStore, history: History, version: str, period: str) -> float:
    """The excess that a period begins with: of the version's reports in a row before it, from its last attempt on.

    A cumulative sum chart over periods, a ← max(0, a + x), x being the excess of a period that counts.

    Args:
        store: The model's files.
        history: Its journal.
        version: Name of the version in charge.
        period: Which one; reports of it and of later ones are not read.

    Returns:
        In loss units summed over rows, never below 0.
    """
    attempt = last_attempt(history, period)
    known = [key for key in store.periods("performance_report", "json") if attempt < key < period]
    run: list[Mapping[str, Any]] = []
    for key in reversed(known[-REMEMBERED - 1 :]):
        record = store.read_json("performance_report", key) or {}
        if record.get("version") != version:
            break
        run.append(record)
    base = float(run.pop().get("accumulated_excess", 0.0)) if len(run) > REMEMBERED else 0.0
    return summed(base, (excess_of(record, history) for record in reversed(run)))


def summed(before: float, excesses: Iterable[float]) -> float:
    """The cumulative sum, cut off at 0 after every term.

    >>> summed(3.0, [-5.0, 2.0, 1.5])
    3.5
    """
    total = before
    for excess in excesses:
        total = max(0.0, total + excess)
    return total


def excess_of(record: Mapping[str, Any], history: History) -> float:
    """What a performance record adds: its period's excess, or nothing while its outcomes are suspected."""
    report = record.get("report")
    if not report or suspected(record, history):
        return 0.0
    return float(report["excess_sum"])


def suspected(record: Mapping[str, Any], history: History) -> bool:
    """Whether the outcomes of a performance record jumped and no person has released the hold for it yet."""
    if not record.get("label_jump"):
        return False
    hold = history.held_for(record["period"])
    return hold is None or hold in history.rulings


def last_attempt(history: History, period: str) -> str:
    """The period of the last retrain that was judged before a period; empty without one."""
    return max((event.period for event in history.events if event.gate and event.period < period), default="")
