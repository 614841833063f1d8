"""Follow the protected groups that a gate was too small to judge, after the promotion, until their rows suffice.

What serves a group is held against the version that served before anything was left open, over all promotions since, so
that small harms of several promotions add up. Per day the summed harm is kept, and an anytime-valid test over blocks of
days asks for a rollback when some harm is certain and its size lies beyond the margin. Pure: rows and scores come from
`report`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrain_assets.documents.units import counted, difference
from retrain_assets.metrics.metric import Array
from retrain_assets.production.probation.anytime_valid import Conclusion, follow
from retrain_assets.production.probation.day_sums import Days, add_days, block_means, last_of
from retrain_assets.store import Json
from retrain_assets.validation.comparison.estimate import FEWEST_ROWS
from retrain_assets.validation.watched_groups import WatchedGroup

LONGEST_DAYS = 364
"""After a year a watch that neither found harm nor ruled it out ends unproven."""


_CONFIRMED = re.compile(r"\b(is|was) confirmed( in [^;]+)?")
"""How a sentence says that a version's probation ended well, then or in an earlier period."""


class WatchStatus(StrEnum):
    """Where the watch of a group stands; all but `open` are ends."""

    OPEN = "open"
    UNHARMED = "unharmed"
    HARMED = "harmed"
    UNPROVEN = "unproven"


@dataclass(frozen=True)
class GroupAccount:
    """One metric of one group: what is known of its harm since the version that it is held against.

    Attributes:
        watched: Which metric of which group, and the margin.
        reference: Name of the version that served before anything was left open.
        reference_digest: Of its folder.
        since: The first day, as ISO text.
        block_days: Days in an independent block.
        alpha: One-sided level, held over all looks together.
        closed_until: The first day that is not closed.
        days: Per day the summed harm and the rows.
        status: Where it stands.
        harm: Mean harm so far, in the metric's unit; None without rows.
        high: Upper limit of its confidence sequence; None where nothing is excluded.
    """

    watched: WatchedGroup
    reference: str
    reference_digest: str
    since: str
    block_days: int
    alpha: float
    closed_until: str
    days: Days = field(default_factory=dict)
    status: WatchStatus = WatchStatus.OPEN
    harm: float | None = None
    high: float | None = None

    @property
    def rows(self) -> int:
        """Rows so far."""
        return sum(count for _, count in self.days.values())

    def with_rows(self, day: NDArray[np.datetime64], harm: Array) -> Self:
        """The account with the harm of new rows on their days; NaN and rows of closed days are left out."""
        fresh = np.isfinite(harm) & (day.astype("datetime64[D]") >= np.datetime64(self.closed_until))
        return replace(self, days=add_days(self.days, day[fresh], harm[fresh]))

    def judged(self, until: date) -> Self:
        """The account as its blocks that end before a day say.

        HARMED: the e-process of the harm stands above its line, and the mean harm reaches the margin. UNHARMED: the
        upper confidence limit lies below the margin. Nothing is said on fewer than ten rows.
        """
        first = date.fromisoformat(self.since)
        blocks = max((until - first).days // self.block_days, 0)
        closed = first + timedelta(days=blocks * self.block_days)
        means = block_means(self.days, first, closed, self.block_days)
        path = follow(means, self.block_days, self.alpha)
        total = math.fsum(harm for harm, _ in self.days.values())
        mean, high = total / self.rows if self.rows else math.nan, last_of(path.high, math.inf)
        status = WatchStatus.OPEN
        if self.rows >= FEWEST_ROWS:
            above = last_of(path.e_value, 0.0) >= path.line and path.ruling is Conclusion.WORSE
            if above and mean >= self.watched.margin:
                status = WatchStatus.HARMED
            elif high < self.watched.margin:
                status = WatchStatus.UNHARMED
        if status is WatchStatus.OPEN and (until - first).days >= LONGEST_DAYS:
            status = WatchStatus.UNPROVEN
        known = [value if math.isfinite(value) else None for value in (mean, high)]
        return replace(
            self, status=status, closed_until=max(self.closed_until, closed.isoformat()), harm=known[0], high=known[1]
        )

    def words(self, label_unit: str, row_name: str) -> str:
        """How the group stands, like `sex=F (tpr): 1.2 % worse than with v1 on 63 rows, margin 3 %`."""
        unit = label_unit if self.watched.metric == "mae" else "share"
        harm = math.nan if self.harm is None else self.harm
        side = "worse" if harm >= 0 else "better"
        stands = f"{difference(abs(harm), unit)} {side} than with {self.reference} on {counted(self.rows, row_name)}"
        if self.harm is None:
            stands = "no outcome yet"
        return f"{self.watched.group} ({self.watched.metric}): {stands}, margin {difference(self.watched.margin, unit)}"

    def to_dict(self) -> Json:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> Self:
        """The inverse of `to_dict`."""
        days = {day: (float(total), int(rows)) for day, (total, rows) in record["days"].items()}
        watched, status = WatchedGroup.from_dict(record["watched"]), WatchStatus(record["status"])
        return cls(**{**record, "watched": watched, "status": status, "days": days})


@dataclass(frozen=True)
class Opening:
    """What a promotion settles for the accounts that it opens.

    Attributes:
        reference: Name of the version that it replaced.
        reference_digest: Of its folder.
        first: The first day that the new version is in charge of.
        block_days: Days in an independent block.
        alpha: One-sided level of all its accounts together.
    """

    reference: str
    reference_digest: str
    first: date
    block_days: int
    alpha: float


def open_accounts(
    before: Sequence[GroupAccount], left: Sequence[WatchedGroup], opening: Opening
) -> tuple[GroupAccount, ...]:
    """The accounts after a promotion: those still open go on, and each group that it left open gets one.

    Args:
        before: Of the version that was replaced.
        left: What the promotion's verdict leaves to probation.
        opening: What it settles for them.
    """
    going_on = tuple(account for account in before if account.status is WatchStatus.OPEN)
    known = {(account.watched.group, account.watched.metric) for account in going_on}
    fresh = [watched for watched in left if (watched.group, watched.metric) not in known]
    day, alpha = opening.first.isoformat(), opening.alpha / max(len(fresh), 1)
    return going_on + tuple(
        GroupAccount(each, opening.reference, opening.reference_digest, day, opening.block_days, alpha, day)
        for each in fresh
    )


def group_sentence(accounts: Sequence[GroupAccount], version: str, label_unit: str, row_name: str) -> str:
    """What the groups' accounts say, as the end of a sentence about the version that serves; empty without any.

    Every harmed group is named; of the others how many there are, and the one that is worst off.
    """
    harmed = [account.words(label_unit, row_name) for account in accounts if account.status is WatchStatus.HARMED]
    if harmed:
        return f"{version} harms a protected group, {'; '.join(harmed)}: more than chance explains. Roll it back"
    told = {
        WatchStatus.OPEN: "watched",
        WatchStatus.UNHARMED: "shown to lose no more than the margin",
        WatchStatus.UNPROVEN: f"still not known after {LONGEST_DAYS} days",
    }
    parts = [
        f"{counted(len(own), 'small group')} {said}, {'the worst off ' if len(own) > 1 else ''}"
        f"{_worst(own).words(label_unit, row_name)}"
        for status, said in told.items()
        if (own := [account for account in accounts if account.status is status])
    ]
    return "; ".join(parts)


def overall(sentence: str, accounts: Sequence[GroupAccount]) -> str:
    """What is said of a confirmed version, with the groups that nobody can tell about yet; any other sentence as it is.

    >>> overall("2019-03: v2 is confirmed; 3 rides", ())
    '2019-03: v2 is confirmed; 3 rides'
    """
    still = sum(account.status is WatchStatus.OPEN for account in accounts)
    left = f", {counted(still, 'group')} still open"
    return _CONFIRMED.sub(rf"\1 confirmed overall\2{left}", sentence, count=1) if still else sentence


def _worst(accounts: Sequence[GroupAccount]) -> GroupAccount:
    """The account whose harm is largest by its margin."""
    return max(accounts, key=lambda each: -math.inf if each.harm is None else each.harm / (each.watched.margin or 1.0))
