"""The probation of a promoted model: which versions are compared, what the days say so far, and what follows.

Pure: the rows and their scores come from `report`. A day's sum is kept, so that no row is ever scored twice, and a day
is closed once its outcomes are due; what comes later is counted and left out, so that no look is taken back.

A version is confirmed when it has proved itself, or after the declared periods when the confidence sequence rules out
the harm that the policy names. A probation whose declared periods end before that goes on, for looking longer costs an
anytime-valid test nothing and the alternative is a model that nobody has tested. It does not go on for ever: where the
blocks do not come (no outcomes, rows of one day a year), or stay in doubt, it ends `unproven`, which is never called a
confirmation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np

from retrain_assets.documents.units import counted as things
from retrain_assets.errors import NoProbation
from retrain_assets.periods import Calendar
from retrain_assets.production.policy import ProbationPolicy
from retrain_assets.production.probation.anytime_valid import Conclusion, Path, enough_blocks, follow
from retrain_assets.production.probation.record import (
    ASSET,
    ComparedVersions,
    ProbationRecord,
    Status,
    stored_record,
)
from retrain_assets.registry.journal.events import FIRSTS, Event
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.statistics.day_blocks import LENGTHS_DAYS
from retrain_assets.store import PeriodStore

PATIENCE = 2
"""A probation goes on for so many times the days that the blocks take which decide it when they are without noise.

Of equal models 97 % are then confirmed where days are independent (`python -m benchmarks.rollback`)."""


@dataclass(frozen=True)
class Trial:
    """A probation under way.

    Args:
        compared: The version on probation and the one that it replaced.
        first_day: The first day that the version was in charge of.
        event: The promotion.
    """

    compared: ComparedVersions
    first_day: date
    event: Event


@dataclass(frozen=True)
class ProbationTerms:
    """What was measured at the promotion: days in an independent block, and the cap of a row's loss (None: no cap)."""

    block_days: int = LENGTHS_DAYS[-1]
    loss_cap: float | None = None

    @classmethod
    def from_dict(cls, evidence: Mapping[str, object]) -> ProbationTerms:
        """The terms in a verdict's evidence; a verdict without them gets the longest block, which is always safe.

        >>> ProbationTerms.from_dict({})
        ProbationTerms(block_days=14, loss_cap=None)
        >>> ProbationTerms.from_dict({"probation": {"block_days": 3, "loss_cap": 9.5}})
        ProbationTerms(block_days=3, loss_cap=9.5)
        """
        found = evidence.get("probation")
        if not isinstance(found, Mapping):
            return cls()
        return cls(int(found["block_days"]), found["loss_cap"])


def trial_of(history: History, calendar: Calendar, policy: ProbationPolicy, period: str) -> Trial:
    """The probation of the version in charge of a period.

    Raises:
        NoProbation: There is none; the sentence says why.
    """
    earlier = [move for move in history.moves if move.period < period]
    if not earlier:
        raise NoProbation("no probation: no model was in charge")
    event = earlier[-1]
    if event.action in FIRSTS:
        when = calendar.during(period)
        raise NoProbation(f"nothing to compare: the model that served {when} was the first, {event.to_version}")
    if event.action == "retired":
        raise NoProbation(f"no probation: the model was retired in {event.period}")
    if event.action == "rolled_back":
        raise NoProbation(f"no probation: {event.to_version} came back in {event.period}, it had served before")
    compared = ComparedVersions(
        version=str(event.to_version),
        digest=str(event.to_digest),
        previous=str(event.from_version),
        previous_digest=str(event.from_digest),
        promoted_in=event.period,
        last=calendar.shift(event.period, policy.periods),
    )
    return Trial(compared, calendar.bounds(event.period)[1].date(), event)


def closed_until(trial: Trial, block_days: int, period_end: datetime, label_delay: timedelta) -> date:
    """The first day that is not closed: whole blocks from the trial's first day whose outcomes are due.

    A day's outcomes are due when the label delay has passed since its end.
    """
    due = (period_end - label_delay).date()
    blocks = max(0, (due - trial.first_day).days // block_days)
    return trial.first_day + timedelta(days=blocks * block_days)


def closed_in(calendar: Calendar, first_day: date, days: int, label_delay: timedelta) -> str:
    """The first period at whose end the outcomes of so many days are due.

    >>> closed_in(Calendar(every="week", start="2024-01-01"), date(2024, 1, 8), 14, timedelta(days=1))
    '2024-01-22'
    """
    due = datetime.combine(first_day, time.min) + timedelta(days=days) + label_delay
    return calendar.key(due - timedelta.resolution)


def limit_of(
    last: str, calendar: Calendar, first_day: date, block_days: int, policy: ProbationPolicy, label_delay: timedelta
) -> str:
    """The period with which a probation ends whatever came of it: the last declared one, or a later one.

    >>> days, begun = Calendar(every="day", start="2024-01-01"), date(2024, 1, 2)
    >>> limit_of("2024-01-09", days, begun, 1, ProbationPolicy(), timedelta(0))
    '2024-01-29'
    >>> limit_of("2024-06-30", days, begun, 1, ProbationPolicy(), timedelta(0))
    '2024-06-30'
    """
    needed = PATIENCE * enough_blocks(block_days, policy.alpha, policy.rules_out) * block_days
    return max(last, closed_in(calendar, first_day, needed, label_delay))


def judge(
    blocks: Sequence[float], block_days: int, policy: ProbationPolicy, *, over: bool, final: bool = False
) -> tuple[Status, Path]:
    """Where the probation stands after these blocks, and the e-process that says so.

    Args:
        blocks: Mean excess loss per row of each block.
        block_days: Days in a block.
        policy: Level, tolerance and the harm that is to be ruled out.
        over: Whether the last declared period is reached.
        final: Whether the probation ends now, with however few blocks.

    >>> judge([1.2, 0.7, 1.0, 1.4, 0.9, 1.1], 1, ProbationPolicy(), over=False)[0]
    <Status.HARMED: 'harmed'>
    >>> judge([1.2, 0.7, 1.0, 1.4, 0.9, 1.1], 1, ProbationPolicy(tolerance=3.0), over=False)[0]
    <Status.CONFIRMED: 'confirmed'>
    >>> [judge([0.1], 14, ProbationPolicy(), over=True, final=final)[0].value for final in (False, True)]
    ['open', 'unproven']
    """
    path = follow(np.asarray(blocks, dtype=np.float64) - policy.tolerance, block_days, policy.alpha)
    if path.ruling is Conclusion.WORSE:
        return Status.HARMED, path
    ruled_out = path.harm_left <= policy.rules_out
    if path.ruling is Conclusion.PROVEN or (ruled_out and (over or final)):
        return Status.CONFIRMED, path
    return (Status.UNPROVEN if final else Status.OPEN), path


def counted(blocks: int, block_days: int) -> str:
    """How many blocks of which length, in words.

    >>> counted(1, 7), counted(4, 1)
    ('1 block of 7 days', '4 blocks of 1 day')
    """
    return f"{things(blocks, 'block')} of {things(block_days, 'day')}"


def asking(store: PeriodStore, registry: Registry) -> ProbationRecord | None:
    """The newest report, when it asks for the rollback of the version that is live."""
    periods = store.periods(ASSET, "json")
    record = stored_record(store, periods[-1]) if periods else None
    if record is None or record.comparison is None or not record.status.asks_rollback:
        return None
    live = registry.live()
    return record if live and live.digest == record.comparison.digest else None
