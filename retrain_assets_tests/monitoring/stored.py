"""Records of monitoring reports as the pages read them, and the picture in a piece of Markdown."""

import base64
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

from matplotlib.image import imread

from retrain_assets.documents.figure import LIMIT_BYTES
from retrain_assets.documents.page import PNG
from retrain_assets.model import Model
from retrain_assets.monitoring.drift.label_drift import Jump
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.estimation.estimate_record import EstimateRecord, PastEstimate, Truth
from retrain_assets.monitoring.estimation.estimator import LossEstimate
from retrain_assets.monitoring.performance.report import PerformanceReport, Quality
from retrain_assets.monitoring.records.drift_record import DriftRecord
from retrain_assets.monitoring.records.performance_record import PerformanceRecord
from retrain_assets.periods import Calendar

MONTHS = Calendar(every="month", start="2018-01-01")
TAXI = Model("taxi", "regression", 2, MONTHS, "id", "at", "charge", timedelta(days=1), "mae", "USD", "ride")


def png(address: str) -> Any:
    """The pixels of a picture that stands in its address."""
    assert address.startswith(PNG)
    assert len(address) < LIMIT_BYTES
    return imread(io.BytesIO(base64.b64decode(address.removeprefix(PNG), validate=True)))


def performance(
    period: str, loss: float | None, version: str = "v1", excess: float = 0.0, outcome: str = "quiet", **more: Any
) -> PerformanceRecord:
    """A performance record; without a loss nothing was measured."""
    record = PerformanceRecord(period, version, loss="mae", accumulated_excess=excess, **more)
    if loss is None:
        return record
    sentence = f"{period}: {version} lost {loss}"
    report = PerformanceReport(
        period, version, 100, loss, loss - 0.1, loss + 0.1, 1.0, loss - 1.0, 0.0, excess, (), Quality(outcome), sentence
    )
    return replace(record, report=report)


def measured(
    period: str, loss: float | None, rows: int = 100, version: str = "v1", outcome: str = "quiet"
) -> PerformanceRecord:
    """A performance record of so many rows against a baseline of 1.5; without a loss a blind one."""
    report = PerformanceReport(
        period, version, rows, loss, loss, loss, 1.5, None, 0.0, 0.0, (), Quality(outcome), f"{version}: {loss}"
    )
    return PerformanceRecord(period, version, loss="mae", report=report)


def estimated(loss: float, low: float, high: float, rows: int = 40) -> EstimateRecord:
    """An estimate of rows without outcomes, against a baseline of 1."""
    found = LossEstimate(rows, loss, low, high, "calibrated confidence", 2000, 2000.0)
    return EstimateRecord(f"estimated, not measured: {loss}", found, 1.0, Quality.QUIET)


def past(period: str, loss: float, truth: float | None = None) -> PastEstimate:
    """An earlier estimate, and the loss that was measured of its rows later on."""
    met = Truth(truth, None, None, False) if truth is not None else None
    ends = loss - 0.25, loss + 0.25
    return PastEstimate(period, "v1", 30, (period, period), loss, *ends, settled=met is not None, truth=met)


def broken_drift(period: str, column: str = "zone") -> DriftRecord:
    """The drift report of a period in which a column lost all its values."""
    said = f"{column}: all 9,882 values are missing, where the reference has most"
    numbers = 0.01, 3.0, 0.2, 0.1, 0.3, 0.4, 0.25, 0.05, 0.0
    lost = ColumnDrift(column, "numeric", "mean", Drift.WARN, *numbers, False, said, "emptied", ("emptied",))
    return DriftRecord(period, "v1", features=DriftReport(period, 9882, 6, 8, (lost,), False, said))


def jump(sentence: str = "mean label jumped") -> Jump:
    """A jump of the outcomes."""
    return Jump("mean label", 1.0, 9.0, 3.0, 1e-6, 1.0, 100, sentence)
