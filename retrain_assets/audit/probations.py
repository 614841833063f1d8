"""How the probation of a tenure went, from the stored `probation_report` records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from retrain_assets.production.probation.record import Status, stored_record
from retrain_assets.store import PeriodStore


@dataclass(frozen=True)
class Course:
    """Where a probation stood last: its status, the period that said so, and that period's sentence.

    `groups` tells of the small groups that were watched beyond it where they stood last; empty where none was.
    """

    status: Status
    period: str
    sentence: str
    groups: str = ""

    @property
    def words(self) -> str:
        """The status in words that fit a table.

        >>> Course(Status.UNPROVEN, "2019-06", "").words, Course(Status.OPEN, "2019-06", "").words
        ('unproven in 2019-06', 'still open in 2019-06')
        """
        return f"{self.status if self.status.ends else 'still open'} in {self.period}"


def course_of(store: PeriodStore, digest: str, served: Sequence[str]) -> Course | None:
    """How the probation of a version went in the periods that one tenure served, oldest first; None when it had none.

    Args:
        store: Of the model.
        digest: Of the version.
        served: The periods of the tenure.
    """
    last = None
    for period in served:
        record = stored_record(store, period)
        own = record is not None and record.comparison is not None and record.comparison.digest == digest
        if record is not None and own and record.status is not Status.IDLE:
            last = Course(record.status, period, record.sentence)
        elif last is not None and record is not None and record.groups:
            last = replace(last, groups=f"{period}: {record.sentence.partition('; ')[2]}")
    return last
