"""The drift record of a period: what `drift_step` stores, and triggers, alerts, pages and commands read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.report import OUTCOME_ORDER, ColumnDrift, DriftReport
from retrain_assets.monitoring.drift.serving_series import ServingNumbers
from retrain_assets.monitoring.impact.cost import Change
from retrain_assets.store import Json, PeriodStore

ASSET = "drift_report"
SCHEMA = 1
"""Version of the stored form; a record that names none has the form of version 1."""


@dataclass(frozen=True)
class DriftRecord:
    """How one period of one version differs from its reference, and what that means to the model.

    Attributes:
        period: Key of the period.
        version: Name of the version in charge; None when no model was live, and then nothing else is known.
        features: Report on the columns of the period's rows.
        scores: Report on the scores and their uncertainty; None when the period was not scored.
        serving: Share of values out of range, and calibration.
        joint_aucs: AUC of the domain classifier for each reference period; None when joint drift is not measured.
        uncertain_periods: For how many periods in a row, this one included, the mean uncertainty has warned upwards.
        impact: Each drifted feature with its importance, the most important first.
        impact_sentence: What drifted, since when, and what it costs; empty when nothing drifted.
        importance: Share of the model's gain by feature; empty in records written before it was kept.
        reference: Which periods the features are compared with, in words; empty like `importance`.
        sentence: The whole result in words.
        written: The day on which it was written; empty where that is not known.
    """

    period: str
    version: str | None
    features: DriftReport | None = None
    scores: DriftReport | None = None
    serving: ServingNumbers = field(default_factory=ServingNumbers)
    joint_aucs: Mapping[str, float] | None = None
    uncertain_periods: int = 0
    impact: tuple[Change, ...] = ()
    impact_sentence: str = ""
    importance: Mapping[str, float] = field(default_factory=dict)
    reference: str = ""
    sentence: str = ""
    written: str = ""

    @property
    def reports(self) -> tuple[DriftReport, ...]:
        """The report on the features, then the one on the scores, as far as there are any."""
        return tuple(report for report in (self.features, self.scores) if report is not None)

    @property
    def columns(self) -> list[ColumnDrift]:
        """Every column, those that matter first: broken, then by outcome, within it by its share of the model.

        Features come before scores of the same rank, and of columns of the same share those that moved most.
        """
        share, features = self.shares_of_model, self.features.columns if self.features else ()
        own = {column.column for column in features}
        return sorted(
            (column for report in self.reports for column in report.columns),
            key=lambda column: (
                not column.broken,
                OUTCOME_ORDER.index(column.outcome),
                not column.confirmed,
                -share.get(column.column, 0.0),
                column.column not in own,
                -(column.psi or 0.0),
            ),
        )

    @property
    def shares_of_model(self) -> Mapping[str, float]:
        """Share of the model's gain by feature, as far as it is known."""
        return {**self.importance, **{one.column: one.importance for one in self.impact}}

    @property
    def broken(self) -> list[ColumnDrift]:
        """The columns that broke, which a repair mends and no retrain."""
        return [column for column in self.columns if column.broken]

    @property
    def warned(self) -> list[str]:
        """Columns and scores that warn."""
        return [name for report in self.reports for name in report.warned]

    @property
    def triggers(self) -> bool:
        """Whether the drift asks for a retrain."""
        return any(report.triggers for report in self.reports)

    def to_dict(self) -> Json:
        """As plain JSON; optional parts that are not there are left out, `warned` and `triggers` stand for readers."""
        if self.version is None:
            return {"schema": SCHEMA, "period": self.period, "version": None}
        reports = {"features": self.features, "scores": self.scores}
        return {
            "schema": SCHEMA,
            "period": self.period,
            "version": self.version,
            **self.serving.to_dict(),
            **({"joint": dict(self.joint_aucs)} if self.joint_aucs is not None else {}),
            **{name: report.to_dict() for name, report in reports.items() if report is not None},
            "uncertain_periods": self.uncertain_periods,
            "warned": self.warned,
            "triggers": self.triggers,
            **({"impact": [asdict(one) for one in self.impact]} if self.impact else {}),
            **({"impact_sentence": self.impact_sentence} if self.impact_sentence else {}),
            **({"importance": dict(self.importance)} if self.importance else {}),
            **({"reference": self.reference} if self.reference else {}),
            "sentence": self.sentence,
            **({"written": self.written} if self.written else {}),
        }

    @classmethod
    def from_dict(cls, record: Json) -> DriftRecord:
        """Read what `to_dict` wrote.

        Raises:
            DataError: A newer release wrote it.
        """
        if record.get("schema", SCHEMA) > SCHEMA:
            raise DataError(
                f"the drift record of {record['period']} has schema {record['schema']}, this release reads up to "
                f"{SCHEMA}: install the release that wrote it, or monitor the period again."
            )
        features, scores = record.get("features"), record.get("scores")
        return cls(
            period=record["period"],
            version=record["version"],
            features=DriftReport.from_dict(features) if features else None,
            scores=DriftReport.from_dict(scores) if scores else None,
            serving=ServingNumbers.from_dict(record),
            joint_aucs=record.get("joint"),
            uncertain_periods=record.get("uncertain_periods", 0),
            impact=tuple(Change.from_dict(one) for one in record.get("impact", ())),
            impact_sentence=record.get("impact_sentence", ""),
            importance=record.get("importance", {}),
            reference=record.get("reference", ""),
            sentence=record.get("sentence", ""),
            written=record.get("written", ""),
        )


def read_drift(store: PeriodStore, period: str) -> DriftRecord | None:
    """Read the drift record of a period; None when there is none."""
    record = store.read_json(ASSET, period)
    return DriftRecord.from_dict(record) if record is not None else None


def write_drift(store: PeriodStore, record: DriftRecord) -> DriftRecord:
    """Replace the drift record of its period."""
    store.write_json(ASSET, record.period, record.to_dict())
    return record


def drift_records(store: PeriodStore, periods: Iterable[str], version: str) -> Iterator[DriftRecord]:
    """The records of those periods that one version served, read one by one as they are asked for."""
    for period in periods:
        record = read_drift(store, period)
        if record is not None and record.version == version and record.scores is not None:
            yield record
