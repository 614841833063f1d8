"""How the probation of a tenure went, from the stored `probation_report` records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrain_assets.store import PeriodStore

IDLE = "idle"
ENDS = ("confirmed", "unproven", "harmed", "tripwire")


@dataclass(frozen=True)
class Course:
    """Where a probation stood last: its status, the period that said so, and that period's sentence."""

    status: str
    period: str
    sentence: str

    @property
    def words(self) -> str:
        """The status in words that fit a table.

        >>> Course("unproven", "2019-06", "").words, Course("open", "2019-06", "").words
        ('unproven in 2019-06', 'open, last blind or undecided in 2019-06')
        """
        ended = self.status in ENDS
        return f"{self.status} in {self.period}" if ended else f"open, last blind or undecided in {self.period}"


def course_of(store: PeriodStore, digest: str, served: Sequence[str]) -> Course | None:
    """How the probation of a version went in the periods that one tenure served, oldest first; None when it had none.

    Args:
        store: Of the model.
        digest: Of the version.
        served: The periods of the tenure.
    """
    last = None
    for period in served:
        record = store.read_json("probation_report", period) or {}
        if record.get("digest") == digest and record["status"] != IDLE:
            last = Course(str(record["status"]), period, str(record["sentence"]))
    return last
