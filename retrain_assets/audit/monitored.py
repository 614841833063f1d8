"""What the monitoring of one period left: the rows that were watched, what is said of them, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from retrain_assets.audit.model_status import ModelStatus
from retrain_assets.documents.units import counted, plural
from retrain_assets.errors import NotFound
from retrain_assets.model import Model
from retrain_assets.monitoring.pages.performance_text import performance_sentences
from retrain_assets.monitoring.pages.summary import drift_summary
from retrain_assets.monitoring.records.drift_record import DriftRecord, read_drift
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, read_performance
from retrain_assets.production.probation.record import stored_record
from retrain_assets.store import Json, PeriodStore

_SHOWN = 5


@dataclass(frozen=True)
class MonitoredPeriod:
    """One monitored period.

    Attributes:
        rows: Taken in.
        set_aside: Rows that the data contract took out.
        empty: Columns that no row has a value of.
        outcomes: That became known in the period.
        version: That served it; None before the first model.
        drift: What changed, in words.
        performance: How good the version was, in words.
        probation: How the new version does; None where none is on probation.
        next: What comes next.
    """

    model: str
    period: str
    rows: int
    set_aside: int
    empty: tuple[str, ...]
    outcomes: int
    version: str | None
    drift: str
    performance: str
    probation: str | None
    next: str

    def to_dict(self) -> Json:
        """As plain JSON values."""
        return {**asdict(self), "empty": list(self.empty)}

    def answers(self, row: str) -> dict[str, str]:
        """What was watched and what is said of it, each with its title; `row` is what a row is called."""
        served = f"scored by {self.version}" if self.version else "scored by nothing: no model is live yet"
        gap = f"no {plural(row)} came, a gap"
        taken = f"{counted(self.rows, row)}{self._aside}, {served}" if self.rows else gap
        known = f"{counted(self.outcomes, 'outcome')} became known"
        return {
            "watched": f"{taken}; {known}{self._lacking}",
            "drift": self.drift,
            "quality": self.performance,
            **({"probation": self.probation} if self.probation else {}),
            "what comes next": self.next,
        }

    @property
    def _aside(self) -> str:
        return f" ({self.set_aside:,} set aside by the data contract)" if self.set_aside else ""

    @property
    def _lacking(self) -> str:
        more = f" and {len(self.empty) - _SHOWN} more" if len(self.empty) > _SHOWN else ""
        return f"; no value of {', '.join(self.empty[:_SHOWN])}{more}" if self.empty else ""


def monitored(
    model: Model, store: PeriodStore, period: str, columns: Sequence[str], status: ModelStatus
) -> MonitoredPeriod:
    """Tell what the monitoring of a period left.

    Args:
        model: Whose period it is.
        store: Its files.
        period: Which one.
        columns: That it declares.
        status: Where it stands after the period.

    Raises:
        NotFound: The period was not monitored.
    """
    performance, drift = read_performance(store, period), read_drift(store, period)
    if performance is None:
        raise NotFound(f"{model.name} was not monitored in {period}: retrain monitor {model.name} --period {period}")
    rows = store.read_table("raw_data", [period], columns)
    empty = [name for name in columns if rows is not None and rows.num_rows == rows[name].null_count > 0]
    probation = stored_record(store, period)
    return MonitoredPeriod(
        model=model.name,
        period=period,
        rows=rows.num_rows if rows is not None else 0,
        set_aside=store.count_rows("rejected_rows", period),
        empty=tuple(empty),
        outcomes=store.count_rows("outcomes", period),
        version=performance.version,
        drift=_drift(model, drift, performance) if drift and drift.columns else _no_drift(performance.version),
        performance=" ".join(_quality(performance)) if performance.version else "no model is live yet",
        probation=(probation.sentence.removeprefix(f"{period}: ") or None) if probation else None,
        next=status.steps,
    )


def _quality(record: PerformanceRecord) -> list[str]:
    """What is said of a version's quality; what is only expected of it where nothing was measured."""
    guess = record.estimated.sentence if record.estimated and record.report else None
    return [said for said in performance_sentences(record) if said != guess]


def _drift(model: Model, record: DriftRecord, performance: PerformanceRecord) -> str:
    """What drifted; what it cost stands with the loss where outcomes tell it, which is why it is not said here."""
    told = drift_summary(model, record)
    return " ".join(told[:1] if performance.impact_sentence and record.impact_sentence else told)


def _no_drift(version: str | None) -> str:
    return "nothing to compare" if version else "no model is live yet, so there is nothing to compare with"
