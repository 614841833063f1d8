"""Many periods as few: what was measured and decided in each month, quarter or year, for those who read no weeks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from retrain_assets.audit.status import decisions
from retrain_assets.documents.units import LossUnits
from retrain_assets.errors import NotFound
from retrain_assets.model import Model
from retrain_assets.monitoring.records.drift_record import read_drift
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, monitored_periods, read_performance
from retrain_assets.periods import Calendar, Every
from retrain_assets.registry.journal.events import spoken
from retrain_assets.registry.registry import Registry
from retrain_assets.store import Json, PeriodStore


@dataclass(frozen=True)
class Rollup:
    """What happened in the periods that begin in one longer span.

    Attributes:
        span: Its first month, such as `2019-03`, or `2019`.
        periods: How many monitored periods begin in it.
        rows: Outcomes of the live model's rows that arrived in them.
        loss: Mean loss over those rows; None where there are none.
        promised: The loss that the model was held to, weighted by the same rows.
        warned: Periods whose loss was surely above what was promised.
        drifted: Periods in which columns or scores drifted.
        decisions: What was decided, oldest first.
    """

    span: str
    periods: int
    rows: int
    loss: float | None
    promised: float | None
    warned: int
    drifted: int
    decisions: tuple[str, ...]

    @property
    def excess(self) -> float | None:
        """Loss beyond what was promised, summed over rows; below 0 where the model did better."""
        if self.loss is None or self.promised is None:
            return None
        return (self.loss - self.promised) * self.rows

    def to_dict(self) -> Json:
        """As plain JSON values."""
        return {**asdict(self), "decisions": list(self.decisions), "excess": self.excess}

    def cells(self, units: LossUnits) -> tuple[str, ...]:
        """A line of a table, in the order of `HEAD`."""
        loss, promised, excess = (
            "-" if value is None else units.total(value) for value in (self.loss, self.promised, self.excess)
        )
        counts = (f"{self.periods}", f"{self.rows:,}")
        decided = "; ".join(self.decisions) or "-"
        return (self.span, *counts, loss, promised, excess, f"{self.warned}", f"{self.drifted}", decided)


HEAD = ("in", "periods", "outcomes", "loss", "expected", "beyond expected", "worse", "drifted", "decided")


def rolled_up(model: Model, store: PeriodStore, registry: Registry, every: Every) -> list[Rollup]:
    """Sum the stored reports and the journal of a model up by longer spans, oldest first.

    Raises:
        NotFound: No period was monitored.
        ValueError: The spans are shorter than the model's periods.
    """
    periods = monitored_periods(store)
    if not periods:
        raise NotFound(f"{model.name}: no period is monitored yet. Run `retrain replay {model.name}` first.")
    spans = Calendar(every=every, start=model.calendar.start)
    if spans.per_year > model.calendar.per_year:
        raise ValueError(
            f"{model.name} has periods of a {model.calendar.every}, a {every} is shorter: name a longer one."
        )
    of = {period: spans.key(model.calendar.bounds(period)[0]) for period in periods}
    decided: dict[str, list[str]] = {}
    for event in decisions(registry):
        span = spans.key(model.calendar.bounds(event.period)[0])
        moved = f" {event.to_version}" if event.to_version and event.to_version != event.from_version else ""
        decided.setdefault(span, []).append(f"{spoken(event.action)}{moved}")
    return [
        _of_span(span, [period for period in periods if of[period] == span], store, decided.get(span, ()))
        for span in sorted({*of.values(), *decided})
    ]


def _of_span(span: str, periods: Sequence[str], store: PeriodStore, decided: Iterable[str]) -> Rollup:
    records = [record for period in periods if (record := read_performance(store, period)) is not None]
    drifts = [drift for period in periods if (drift := read_drift(store, period)) is not None]
    measured = [
        (record.report.loss, record.report.baseline, record.report.rows)
        for record in records
        if record.report is not None and record.report.loss is not None and record.report.baseline is not None
    ]
    rows = sum(count for *_, count in measured)
    return Rollup(
        span,
        len(periods),
        rows,
        sum(loss * count for loss, _, count in measured) / rows if rows else None,
        sum(promised * count for _, promised, count in measured) / rows if rows else None,
        sum(_warned(record) for record in records),
        sum(bool(drift.warned) for drift in drifts),
        tuple(decided),
    )


def _warned(record: PerformanceRecord) -> bool:
    return record.report is not None and record.report.outcome == "warn"
