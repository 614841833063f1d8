"""The stored record of a period's probation: its keys, its schema version, and how older records are read.

Belongs here: `ProbationRecord` and its parts. What they mean is decided in `trial`, said in `text`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Self

from retrain_assets.production.probation.anytime_valid import Conclusion
from retrain_assets.production.probation.day_sums import Days
from retrain_assets.production.probation.group_watch import GroupAccount
from retrain_assets.statistics.daily_differences import DailyDifferences
from retrain_assets.store import Json, PeriodStore, finite

ASSET = "probation_report"
SCHEMA = 1
"""The schema version that is written; a record without one is of before there were versions, and is read alike."""

_ASKED = ": roll it back"
"""What the sentence on harm asked for in records of earlier releases; the rollback comes by itself."""


class Status(StrEnum):
    """Where a probation stands.

    `harmed` and `tripwire` ask for a rollback. `blind` means that nothing can be told of this period, `unproven` that
    the probation is over and neither found harm nor ruled it out. `confirmed` and `unproven` are ends.
    """

    IDLE = "idle"
    OPEN = "open"
    CONFIRMED = "confirmed"
    UNPROVEN = "unproven"
    HARMED = "harmed"
    TRIPWIRE = "tripwire"
    BLIND = "blind"

    @property
    def asks_rollback(self) -> bool:
        """Whether the live version is to be withdrawn.

        >>> Status.TRIPWIRE.asks_rollback, Status.BLIND.asks_rollback
        (True, False)
        """
        return self in (Status.HARMED, Status.TRIPWIRE)

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody should hear of it.

        >>> Status.UNPROVEN.needs_a_person, Status.CONFIRMED.needs_a_person
        (True, False)
        """
        return self.asks_rollback or self in (Status.BLIND, Status.UNPROVEN)

    @property
    def ends(self) -> bool:
        """Whether the probation is over with it.

        >>> Status.HARMED.ends, Status.OPEN.ends
        (True, False)
        """
        return self in (Status.CONFIRMED, Status.UNPROVEN, Status.HARMED, Status.TRIPWIRE)


@dataclass(frozen=True)
class ComparedVersions:
    """Which version is on probation against which, since when and until when.

    Attributes:
        version: Name of the version on probation.
        digest: Of its folder.
        previous: Name of the version that it replaced.
        previous_digest: Of that folder.
        promoted_in: The period whose decision promoted it.
        last: The last declared period of the probation.
    """

    version: str
    digest: str
    previous: str
    previous_digest: str
    promoted_in: str
    last: str


@dataclass(frozen=True)
class DaySums:
    """What is known of the probation's days, so that no row is scored twice.

    Attributes:
        days: Per day the summed excess loss, and the rows.
        closed_until: The first day that is not closed; None before anything was compared.
        late_rows: Rows whose outcome came after their day was closed, which are left out.
    """

    days: Days = field(default_factory=dict)
    closed_until: str | None = None
    late_rows: int = 0

    def differences(self, version: str, loss: str) -> DailyDifferences:
        """The days as a later gate reads them, to learn how alike days are."""
        days = sorted(self.days)
        totals, rows = tuple(self.days[day][0] for day in days), tuple(self.days[day][1] for day in days)
        return DailyDifferences(f"probation of {version}", loss, tuple(days), totals, rows)


@dataclass(frozen=True)
class Measurement:
    """What a period's comparison gave; losses and means are per row, in units of the loss.

    A number that is not known is NaN, and null in the stored record.

    Attributes:
        ruling: What the e-process says.
        blocks: Mean excess loss of each closed block.
        block_days: Days in a block.
        limit: The period with which the probation ends whatever comes of it.
        tolerance: The excess loss that is accepted.
        loss_cap: What a row's loss counts at most; None for no cap.
        rows: Rows that were added in this period.
        rows_total: Rows so far.
        loss: Mean loss of the new version on the period's rows; None without rows.
        previous_loss: The same of the version before it.
        e_value: Evidence that the new version is worse.
        line: The e-value at which that is decided.
        mean: Mean excess loss over blocks.
        low: Lower limit of its confidence sequence.
        high: Upper limit.
        harm_left: The harm that is not ruled out, in standard deviations between blocks.
    """

    ruling: Conclusion
    blocks: tuple[float, ...]
    block_days: int
    limit: str
    tolerance: float
    loss_cap: float | None
    rows: int
    rows_total: int
    loss: float | None
    previous_loss: float | None
    e_value: float
    line: float
    mean: float
    low: float
    high: float
    harm_left: float

    @classmethod
    def from_dict(cls, record: Json) -> Self:
        """The measurement in a stored record."""
        values = {name: record[name] for name in cls.__dataclass_fields__}
        unknown = {name: math.nan for name in ("e_value", "mean", "low", "high", "harm_left") if values[name] is None}
        ruling, blocks = Conclusion(record["ruling"]), tuple(record["blocks"])
        return cls(**{**values, **unknown, "ruling": ruling, "blocks": blocks})

    def series(self) -> dict[str, float]:
        """The numbers that are worth a series over the periods; those that are not known are left out."""
        names = ("e_value", "line", "loss", "previous_loss", "mean", "low", "high", "block_days", "rows_total")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}


@dataclass(frozen=True)
class Ending:
    """How an earlier period ended the probation: `confirmed` or `unproven`, and in which period."""

    status: Status
    period: str


@dataclass(frozen=True)
class ProbationRecord:
    """Where the probation of the version in charge of a period stands.

    Attributes:
        period: Of the report.
        status: Where it stands.
        sentence: The same in one sentence that begins with the period.
        decided_in: The period in which a rollback would be booked.
        comparison: Which versions are compared; None when no version is on probation.
        ended: How an earlier period ended it; None while it goes on.
        sums: What is known of its days; None before anything was compared.
        measurement: What the comparison gave; None when nothing was compared in this period.
        groups: The protected groups that a gate left to probation, as they stand.
        written: The day on which it was written; empty where that is not known.
    """

    period: str
    status: Status
    sentence: str
    decided_in: str
    comparison: ComparedVersions | None = None
    ended: Ending | None = None
    sums: DaySums | None = None
    measurement: Measurement | None = None
    groups: tuple[GroupAccount, ...] = ()
    written: str = ""

    @property
    def limit(self) -> str | None:
        """The period with which the probation ends whatever comes of it; None before anything was compared."""
        return self.measurement.limit if self.measurement else None

    def end(self) -> Ending | None:
        """How and in which period the probation ended without a rollback; None while it goes on."""
        if self.status in (Status.CONFIRMED, Status.UNPROVEN):
            return Ending(self.status, self.period)
        return self.ended

    def to_dict(self) -> Json:
        """The record as plain JSON values; a number that is not finite becomes None."""
        record: Json = {
            "schema": SCHEMA,
            "period": self.period,
            "status": str(self.status),
            "decided_in": self.decided_in,
            "sentence": self.sentence,
        }
        for part in (self.comparison, self.sums, self.measurement):
            record |= asdict(part) if part is not None else {}
        if self.ended is not None:
            record[f"{self.ended.status}_in"] = self.ended.period
        if self.groups:
            record["groups"] = [account.to_dict() for account in self.groups]
        if self.written:
            record["written"] = self.written
        plain: Json = finite(record)
        return plain

    @classmethod
    def from_dict(cls, record: Json) -> Self:
        """The inverse of `to_dict`, also of records that were written before there were schema versions.

        Raises:
            ValueError: The record was written by a newer version of this package.
        """
        if record.get("schema", SCHEMA) > SCHEMA:
            raise ValueError(
                f"{ASSET} of {record['period']} has schema {record['schema']}, this version reads up to {SCHEMA}. "
                "Install the version that wrote it, or materialize the report again."
            )
        sums = None
        if "days" in record:
            days = {day: (float(total), int(rows)) for day, (total, rows) in record["days"].items()}
            sums = DaySums(days, record.get("closed_until"), int(record.get("late_rows", 0)))
        ended = [Ending(end, record[f"{end}_in"]) for end in Status if f"{end}_in" in record]
        names = ComparedVersions.__dataclass_fields__
        return cls(
            period=record["period"],
            status=Status(record["status"]),
            sentence=record["sentence"].replace(_ASKED, "", 1),
            decided_in=str(record.get("decided_in", record["period"])),
            comparison=ComparedVersions(**{name: record[name] for name in names}) if "digest" in record else None,
            ended=ended[0] if ended else None,
            sums=sums,
            measurement=Measurement.from_dict(record) if "blocks" in record else None,
            groups=tuple(GroupAccount.from_dict(account) for account in record.get("groups", ())),
            written=str(record.get("written", "")),
        )


def stored_record(store: PeriodStore, period: str) -> ProbationRecord | None:
    """The record of a period; None where there is none."""
    record = store.read_json(ASSET, period)
    return ProbationRecord.from_dict(record) if record else None
