"""The rest after a rollback: no promotion for a while, and only of a candidate that has learnt from the failure.

How long, and up to when training must reach, is declared in periods of the model's calendar, which is not known here:
the caller turns the period of a rollback into a `Rest`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from retrain_assets.errors import CoolingDown, FailureNotSeen
from retrain_assets.registry.journal.history import History


@dataclass(frozen=True)
class Rest:
    """What a rollback asks of the next promotion.

    Args:
        first_period: The first period that may promote again.
        trained_until: How far a candidate's training data must reach, so that they include the failure.
    """

    first_period: str
    trained_until: datetime


def refuse_resting(
    where: str,
    period: str,
    history: History,
    rest: Callable[[str], Rest] | None,
    trained_until: Callable[[], datetime | None] | None,
) -> None:
    """Refuse a candidate while a rollback's cool-down runs, or when it has not learnt from the failure.

    Args:
        where: What the sentence begins with: model, period.
        period: Period of the candidate.
        history: The journal as it stands.
        rest: From the period of a rollback to what it asks of the next promotion, None when nothing is declared.
        trained_until: Says how far the candidate's training data reach, None when that is not known.

    Raises:
        CoolingDown: It is too soon.
        FailureNotSeen: The training data end before the failure.
    """
    rollback = history.last_rollback
    if rollback is None or rest is None:
        return
    asked = rest(rollback.failure_period)
    after = f"{where}: after the rollback of {rollback.from_version} in {rollback.failure_period}"
    if not period >= asked.first_period:
        raise CoolingDown(
            f"{after} the model rests; {asked.first_period} is the first period that may promote. {history.stays} "
            f"Retrain as of {asked.first_period} or later."
        )
    reached = trained_until() if trained_until is not None else None
    if reached is None or not reached >= asked.trained_until:
        raise FailureNotSeen(
            f"{after} a candidate must have learnt from the failure: its training data reach {_day(reached)}, "
            f"{_day(asked.trained_until)} is needed. {history.stays} Retrain as of a later period."
        )


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "to no known time"
