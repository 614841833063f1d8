"""Paired daily differences of two models, kept as they arise, and the history of them that tells how alike days are.

What belongs here: the stored record, its readers and writers. Gates and probations write it, each under its own name,
and rehearsals on rolling origins come in its form; what a test makes of it stands in `long_run_variance`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike

from retrain_assets.errors import DataError
from retrain_assets.statistics.codes import sums
from retrain_assets.statistics.long_run_variance import LEAST_HISTORY_DAYS, DailySums, Dependence, dependence
from retrain_assets.store import Json, PeriodStore

SCHEMA = 1

GATES, PROBATIONS = "gate_differences", "probation_differences"
"""The assets under which gates and probations keep their records; rehearsals stand in the version's own files."""


@dataclass(frozen=True)
class DailyDifferences:
    """The paired difference of two models in one metric, added up by day, on days that neither was trained on.

    Attributes:
        source: Where the pair met, like `rolling origin 2019-03` or `gate`.
        metric: Name of the metric.
        days: Each day as ISO text, in order.
        sums: Sum of the row differences of each day.
        rows: Rows of each day.
    """

    source: str
    metric: str
    days: tuple[str, ...]
    sums: tuple[float, ...]
    rows: tuple[int, ...]

    def to_dict(self) -> Json:
        """As plain JSON."""
        return {
            "source": self.source,
            "metric": self.metric,
            "days": list(self.days),
            "sums": list(self.sums),
            "rows": list(self.rows),
        }

    @classmethod
    def from_dict(cls, record: Json) -> DailyDifferences:
        """The inverse of `to_dict`."""
        days, totals, rows = (tuple(record[name]) for name in ("days", "sums", "rows"))
        return cls(record["source"], record["metric"], days, totals, rows)

    def until(self, before: datetime) -> DailyDifferences:
        """The same without the days from a moment on."""
        count = sum(datetime.fromisoformat(day) < before for day in self.days)
        return replace(self, days=self.days[:count], sums=self.sums[:count], rows=self.rows[:count])


def daily_differences(source: str, metric: str, difference: ArrayLike, time: ArrayLike) -> DailyDifferences:
    """Add row differences up by day; rows whose difference is not a finite number are left out.

    Args:
        source: Where the pair met.
        metric: Name of the metric.
        difference: Paired difference of each row, shape (n,).
        time: When each row happened, shape (n,).

    >>> at = np.array(["2019-01-01T08", "2019-01-03T01", "2019-01-01T21"], "datetime64[h]")
    >>> found = daily_differences("gate", "mae", [1.0, 5.0, 2.0], at)
    >>> found.days, found.sums, found.rows
    (('2019-01-01', '2019-01-03'), (3.0, 5.0), (2, 1))
    """
    values, moments = np.asarray(difference, dtype=float), np.asarray(time, dtype="datetime64[D]")
    known = np.isfinite(values) & ~np.isnat(moments)
    days, code = np.unique(moments[known], return_inverse=True)
    totals = sums(code, values[known], days.size)
    counts = sums(code, None, days.size)
    return DailyDifferences(
        source,
        metric,
        tuple(str(day) for day in days),
        tuple(float(total) for total in totals),
        tuple(int(count) for count in counts),
    )


def write_differences(store: PeriodStore, asset: str, period: str, found: Sequence[DailyDifferences]) -> None:
    """Keep what arose in a period under one of the two assets; the same again changes nothing."""
    store.write_json(asset, period, {"schema": SCHEMA, "differences": [each.to_dict() for each in found]})


def read_differences(store: PeriodStore, asset: str, period: str) -> tuple[DailyDifferences, ...]:
    """What one of the two assets keeps of a period; empty where nothing is.

    Raises:
        DataError: A newer version of the package wrote the record.
    """
    record = store.read_json(asset, period)
    if record is None:
        return ()
    if record["schema"] > SCHEMA:
        raise DataError(
            f"{asset} of {period} has schema {record['schema']}, this version reads up to {SCHEMA}. Update the package."
        )
    return tuple(DailyDifferences.from_dict(each) for each in record["differences"])


@dataclass(frozen=True)
class DifferenceHistory:
    """Daily differences of the past, in which every day of a metric counts once.

    Attributes:
        records: What was kept, the later ones replacing the days of earlier ones.
        loss: The metric whose days stand in for those of a metric with less than six weeks of its own.
    """

    records: tuple[DailyDifferences, ...] = ()
    loss: str = ""

    def dependence(self, metric: str, window_days: int) -> Dependence | None:
        """What the past tells of the dependence between days in a metric; None where it is shorter than six weeks.

        Args:
            metric: Name of the metric.
            window_days: Days of the mean that is judged.
        """
        own = self.parts(metric)
        if sum(part.days for part in own) < LEAST_HISTORY_DAYS:
            own = self.parts(self.loss)
        return dependence(own, window_days)

    def parts(self, metric: str) -> list[DailySums]:
        """The days of a metric in the order of time, cut where the pair of models changes."""
        of_day: dict[str, tuple[float, int, int]] = {}
        for number, record in enumerate(self.records):
            if record.metric == metric:
                found = zip(record.days, record.sums, record.rows, strict=True)
                of_day |= {day: (total, rows, number) for day, total, rows in found if rows}
        days = [of_day[day] for day in sorted(of_day)]
        cuts = [place for place in range(1, len(days)) if days[place][2] != days[place - 1][2]]
        return [
            DailySums(np.array([total for total, _, _ in part]), np.array([float(rows) for _, rows, _ in part]))
            for first, last in zip([0, *cuts], [*cuts, len(days)], strict=True)
            if (part := days[first:last])
        ]


def stored_before(store: PeriodStore, period: str, before: datetime) -> tuple[DailyDifferences, ...]:
    """What probations and gates of earlier periods kept, of days before a moment.

    Args:
        store: The model's files.
        period: Only what was kept in periods before this one.
        before: Only days before this moment.
    """
    return tuple(
        each.until(before)
        for asset in (PROBATIONS, GATES)
        for known in store.periods(asset, "json")
        if known < period
        for each in read_differences(store, asset, known)
    )
