"""The performance record of a period: the one module that knows what stands in `performance_report/<period>.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from retrain_assets.monitoring.drift.label_drift import Jump
from retrain_assets.monitoring.drift.report import DriftReport
from retrain_assets.monitoring.estimation.estimate_record import EstimateRecord, PastEstimate
from retrain_assets.monitoring.estimation.estimator import LossEstimate
from retrain_assets.monitoring.impact.cost import ColumnCost
from retrain_assets.monitoring.performance.business_metrics import BusinessMeasurement
from retrain_assets.monitoring.performance.report import PerformanceReport
from retrain_assets.store import Json, PeriodStore, require_schema

ASSET = "performance_report"
SCHEMA = 2
"""1 was written before records had a number; it reads the same."""


@dataclass(frozen=True)
class PerformanceRecord:
    """How good the model in charge of a period was, as of the end of the period.

    Attributes:
        version: Name of the version in charge; None while no model was live, and then little else is known.
        labelled_total: Outcomes that arrived so far, this period included.
        loss: Name of the mean loss per row.
        accumulated_excess: Loss beyond the baseline, summed over rows since the last attempt.
        suspected_excess: The same of outcomes that look faulty and are not released.
        report: What was measured; None where no outcome of the version's rows arrived.
        loss_since: The first period of the running warning; None without one.
        worse_before: The version before, where it was worse than expected already when the warning began; else empty.
        impact: What the rows lost in which drifted columns grew, the costliest first.
        impact_sentence: What changed, since when and at what cost; empty when nothing drifted.
        business: The declared business metrics on the outcomes that arrived.
        label_drift: How the outcomes themselves compare with those before; None where that is not watched.
        label_jump: A change of the outcomes that looks like a fault; None without one.
        estimated: What is expected of rows without outcomes; None where nothing is to be estimated.
        estimates: The latest estimates with their later truth, oldest first.
        sentence: All of it in words.
        written: The day on which it was written; empty where that is not known.
    """

    period: str
    version: str | None = None
    labelled_total: int = 0
    loss: str = ""
    accumulated_excess: float = 0.0
    suspected_excess: float = 0.0
    report: PerformanceReport | None = None
    loss_since: str | None = None
    worse_before: str = ""
    impact: tuple[ColumnCost, ...] = ()
    impact_sentence: str = ""
    business: tuple[BusinessMeasurement, ...] = ()
    label_drift: DriftReport | None = None
    label_jump: Jump | None = None
    estimated: EstimateRecord | None = None
    estimates: tuple[PastEstimate, ...] = ()
    sentence: str = ""
    written: str = ""

    @property
    def estimate(self) -> LossEstimate | None:
        """What the loss of rows without outcomes is estimated to be; None where nothing is estimated."""
        return self.estimated.estimate if self.estimated else None

    @property
    def estimated_excess(self) -> float:
        """The excess to be expected of rows without outcomes; 0 where nothing is estimated."""
        return self.estimated.excess_sum if self.estimated else 0.0

    def to_dict(self) -> Json:
        """As plain JSON; what is not known is left out."""
        names = (
            "loss",
            "accumulated_excess",
            "suspected_excess",
            "loss_since",
            "worse_before",
            "impact_sentence",
            "sentence",
            "written",
        )
        record: Json = {
            "schema": SCHEMA,
            "period": self.period,
            "version": self.version,
            "labelled_total": self.labelled_total,
            **{name: getattr(self, name) for name in names},
            "report": self.report.to_dict() if self.report else None,
            "impact": [asdict(one) for one in self.impact],
            "business": [asdict(one) for one in self.business],
            "label_drift": self.label_drift.to_dict() if self.label_drift else None,
            "label_jump": asdict(self.label_jump) if self.label_jump else None,
            "estimated": self.estimated.to_dict() if self.estimated else None,
            "estimates": [one.to_dict() for one in self.estimates],
        }
        return {name: value for name, value in record.items() if value not in (None, "", []) or name == "version"}

    @classmethod
    def from_dict(cls, record: Json) -> PerformanceRecord:
        """Read what `to_dict` wrote, in this release or an older one.

        Raises:
            DataError: A newer release wrote it.
        """
        require_schema(record, SCHEMA, ASSET)
        report, drifted, jump = record.get("report"), record.get("label_drift"), record.get("label_jump")
        estimated = record.get("estimated")
        return cls(
            period=record["period"],
            version=record["version"],
            labelled_total=int(record.get("labelled_total", 0)),
            loss=record.get("loss", ""),
            accumulated_excess=float(record.get("accumulated_excess", 0.0)),
            suspected_excess=float(record.get("suspected_excess", 0.0)),
            report=PerformanceReport.from_dict(report) if report else None,
            loss_since=record.get("loss_since"),
            worse_before=record.get("worse_before", ""),
            impact=tuple(ColumnCost(**one) for one in record.get("impact", ())),
            impact_sentence=record.get("impact_sentence", ""),
            business=tuple(BusinessMeasurement.from_dict(one) for one in record.get("business", ())),
            label_drift=DriftReport.from_dict(drifted) if drifted else None,
            label_jump=Jump.from_dict(jump) if jump else None,
            estimated=EstimateRecord.from_dict(estimated) if estimated else None,
            estimates=tuple(PastEstimate.from_dict(one) for one in record.get("estimates", ())),
            sentence=record.get("sentence", ""),
            written=record.get("written", ""),
        )


def monitored_periods(store: PeriodStore) -> list[str]:
    """The periods that have a performance record, in order."""
    return store.periods(ASSET, "json")


def read_performance(store: PeriodStore, period: str) -> PerformanceRecord | None:
    """The performance record of a period; None where it was not monitored."""
    record = store.read_json(ASSET, period)
    return PerformanceRecord.from_dict(record) if record else None


def write_performance(store: PeriodStore, record: PerformanceRecord) -> PerformanceRecord:
    """Replace the performance record of its period."""
    store.write_json(ASSET, record.period, record.to_dict())
    return record
