"""Tell since when a model is without rows, and what was measured of it last."""

from __future__ import annotations

from itertools import takewhile

from retrain_assets.documents.units import counted, plural
from retrain_assets.model import Model
from retrain_assets.monitoring.performance.report import PerformanceReport
from retrain_assets.monitoring.records.performance_record import monitored_periods, read_performance
from retrain_assets.store import PeriodStore

_LOOKED_AT = 24  # reports, each a small file


def gap_until(store: PeriodStore, model: Model, last: str) -> str | None:
    """Since when no rows came and for how many periods; None where the last period has some.

    Args:
        store: Of the model.
        model: Whose periods and rows.
        last: The last monitored period.
    """
    known = [period for period in monitored_periods(store) if period <= last]
    empty = list(takewhile(lambda period: not store.count_rows("raw_data", period), reversed(known)))
    if not empty or not store.periods("raw_data"):
        return None
    since = model.calendar.bounds(empty[-1])[0]
    return f"no {plural(model.row_name)} came for {counted(len(empty), model.calendar.every)}, since {since:%Y-%m-%d}"


def measured_last(store: PeriodStore, last: str, version: str | None = None) -> PerformanceReport | None:
    """The newest report with outcomes up to a period, of any version or of one; None where no recent one has any."""
    for period in [period for period in monitored_periods(store) if period <= last][: -_LOOKED_AT - 1 : -1]:
        record = read_performance(store, period)
        if record is not None and record.report is not None and version in (None, record.version):
            return record.report
    return None
