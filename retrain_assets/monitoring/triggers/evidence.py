"""What is known about a model as of a period, gathered from its reports and its journal for the trigger policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from retrain_assets.model import Model
from retrain_assets.monitoring.performance.report import EXPECTED, Baseline, PerformanceReport
from retrain_assets.monitoring.policy import TriggerPolicy
from retrain_assets.monitoring.records.drift_record import DriftRecord, read_drift
from retrain_assets.monitoring.records.forgone_record import read_forgone
from retrain_assets.monitoring.records.performance_record import read_performance
from retrain_assets.monitoring.triggers.decision import NoRetrain, Trigger, TriggerEvidence, decide
from retrain_assets.periods import Calendar, Length
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rules import until
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import Verdict
from retrain_assets.windows.cut import UsedRows, Wait, Windows, cut
from retrain_assets.windows.policy import WindowsPolicy

_USUAL_PERIODS = 4


@dataclass(frozen=True)
class Watch:
    """What the trigger decision of one model needs besides its store and registry."""

    model: Model
    windows: WindowsPolicy
    triggers: TriggerPolicy
    rollback_cooldown: Length
    max_delay: timedelta | None = None
    """How long after a period's end its rows may take to arrive; None where that is not declared."""

    @property
    def calendar(self) -> Calendar:
        """The model's periods."""
        return self.model.calendar

    def decide(self, store: PeriodStore, registry: Registry, period: str) -> Trigger | NoRetrain:
        """Decide whether the evidence as of a period asks for a retrain."""
        evidence = self.evidence(store, registry, period)
        return decide(self.model, self.triggers, evidence, self.rollback_cooldown)

    def windows_at(self, store: PeriodStore, registry: Registry, period: str) -> Windows | Wait:
        """The windows of a retrain as of a period; attempts of that very period do not stand in their own way."""
        used = UsedRows(tuple(spent_ranges(registry, before=period)), trained_until(registry))
        return cut(self.model, self.windows, period, store.periods("raw_data"), used)

    def evidence(self, store: PeriodStore, registry: Registry, period: str) -> TriggerEvidence:
        """The evidence as of a period."""
        drift = read_drift(store, period) or DriftRecord(period, None)
        performance = read_performance(store, period)
        live = registry.live()
        attempts = [event for event in registry.history() if event.gate and event.period <= period]
        rollbacks = [event.failure_period for event in registry.history() if event.withdraws]
        last = attempts[-1].period if attempts else None
        in_vain = attempts and not History(registry.history()).promoted(attempts[-1])
        seen = read_performance(store, last) if last else None
        year_ago = self.calendar.shift(period, -self.calendar.per_year)
        windows = self.windows_at(store, registry, period)
        current = performance if performance and live and performance.version == live.name else None
        labelled = performance.labelled_total if performance else 0
        forgone = read_forgone(store, period) if self.triggers.on_forgone_gain is not None else None
        forgone = forgone if forgone is not None and live and forgone.version == live.name else None
        return TriggerEvidence(
            period=period,
            live_version=live.name if live else None,
            live_since_period=live.period if live else None,
            drift_confirmed=drift.triggers,
            drift_sentence=drift.sentence,
            accumulated_excess=current.accumulated_excess if current else 0.0,
            excess_than=_than(registry.verdict(live)) if current and live else EXPECTED,
            suspected_excess=current.suspected_excess if current else 0.0,
            forgone_low=forgone.low if forgone else None,
            forgone_sentence=forgone.sentence(self.model.units) if forgone else "",
            estimated_excess=current.estimated_excess if current else 0.0,
            usual_loss=_usual_loss(current.report, self._rows(store, period)) if current and current.report else 0.0,
            business={one.name: one.periods for one in current.business} if current else {},
            uncertain_periods=drift.uncertain_periods if current else 0,
            new_rows=labelled - (seen.labelled_total if seen else 0),
            last_attempt_period=last if in_vain else None,
            attempts_last_year=sum(event.period > year_ago for event in attempts),
            last_rollback_period=rollbacks[-1] if rollbacks else None,
            broken=self._newly_broken(store, drift, period),
            wait=self._barred(registry, period) or self._wait(windows, rollbacks[-1] if rollbacks else None),
        )

    def _newly_broken(self, store: PeriodStore, drift: DriftRecord, period: str) -> tuple[str, ...]:
        """Columns that broke in a period and not before: there was no time yet to mend them."""
        before = read_drift(store, self.calendar.shift(period, -1))
        known = {column.column for column in before.broken} if before else set()
        return tuple(column.column for column in drift.broken if column.column not in known)

    def _rows(self, store: PeriodStore, period: str) -> int:
        """The usual number of rows of a period, of the last ones."""
        stored = [known for known in store.periods("raw_data") if known <= period][-_USUAL_PERIODS:]
        counts = sorted(store.count_rows("raw_data", known) for known in stored)
        return counts[len(counts) // 2] if counts else 0

    def _barred(self, registry: Registry, period: str) -> str:
        """What a person decided against a promotion; an attempt would spend its gate rows for nothing."""
        history, end = History(registry.history()), self.calendar.bounds(period)[1]
        if history.retired is not None:
            return f"retired by {history.retired.actor}: {history.retired.reason}"
        hold = history.held(end, history.live.digest if history.live else None, deciding=period)
        return f"held by {hold.actor} {until(hold)}: {hold.reason}" if hold else ""

    def _wait(self, windows: Windows | Wait, rolled_back: str | None) -> str:
        """Why no candidate can be judged yet; after a rollback it must have learnt from the failure too."""
        if isinstance(windows, Wait):
            return windows.reason
        needed = self.calendar.bounds(rolled_back)[1] - self.model.label_delay if rolled_back else datetime.min
        if windows.history.end >= needed:
            return ""
        return (
            f"a candidate would be trained until {windows.history.end:%Y-%m-%d %H:%M}, after the rollback of "
            f"{rolled_back} {needed:%Y-%m-%d %H:%M} is needed"
        )


def _than(verdict: Verdict) -> str:
    """What an excess of the version that a verdict promoted is more than."""
    return Baseline.of(verdict).than if "baseline" in verdict.evidence else EXPECTED


def _usual_loss(report: PerformanceReport, rows: int) -> float:
    """The loss that a period's rows were promised to have, however few outcomes came in this one; 0 if not known."""
    return (report.baseline or 0.0) * max(report.rows, rows)


def spent_ranges(registry: Registry, before: str) -> Sequence[tuple[datetime, datetime]]:
    """Time ranges whose rows decided an attempt of an earlier period."""
    return [
        (datetime.fromisoformat(use.start), datetime.fromisoformat(use.end))
        for use in registry.spent()
        if use.period != before
    ]


def trained_until(registry: Registry) -> datetime | None:
    """The moment up to which the live version saw rows; None without one."""
    live = registry.live()
    return registry.verdict(live).trained_until if live else None
