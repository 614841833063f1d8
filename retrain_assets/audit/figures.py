"""The figures a team that looks after a model is judged by, as of a period.

Everything comes from the journal, the stored reports and training records, and the finished runs' times; a figure that
nothing is known about is None, never 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median

from retrain_assets.candidates.candidate_record import ASSET
from retrain_assets.candidates.strategy_record import training_seconds
from retrain_assets.monitoring.performance.report import PerformanceReport
from retrain_assets.monitoring.records.performance_record import monitored_periods, read_performance
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import PROMOTIONS, Event
from retrain_assets.registry.journal.tenure import Tenure, moved, tenures
from retrain_assets.store import Json, PeriodStore

WITHIN, ABOVE = "quiet", "warn"
BLIND = "blind"
"""A monitored period in which no outcome with a loss arrived, so that nothing was measured."""


@dataclass(frozen=True)
class RunTime:
    """How long one retrain run took in seconds of wall clock: from its request to its end, and from its start."""

    outcome: str
    since_request: float
    since_start: float


@dataclass(frozen=True)
class Figures:
    """The success figures of a model as of a period.

    Attributes:
        live: Name of the live version; None before the first and after a retirement.
        live_since: The period whose decision put it in service.
        age_periods: Periods since the decision that promoted it, which a version that a rollback brought back has long
            behind it.
        attempts: Candidates that were judged; each ended promoted, rejected, insufficient or identical.
        promotion_rate: Share of the attempts that promoted, the first model included.
        periods_to_promotion: Mean number of periods from the first attempt since the last move to the promotion that
            followed; 0 when every promotion came at its first attempt.
        seconds_to_promotion: Median seconds from a retrain run's request to its end, of runs that promoted.
        judged_periods: Periods in which the live model's loss was measured against its baseline.
        blind_periods: Monitored periods in which no outcome arrived, so that nothing was measured.
        share_within_objective: Share of both in which the loss was known and not surely above the baseline; a period
            with too little to tell, and one that is blind, count as outside.
        training_cpu_seconds: Mean CPU seconds that training the strategies took per retrain.
        run_seconds: Median wall-clock seconds of a retrain run from its start, whatever its end.
    """

    period: str
    live: str | None
    live_since: str | None
    age_periods: int | None
    versions: int
    attempts: int
    promoted: int
    rejected: int
    insufficient: int
    identical: int
    rollbacks: int
    promotion_rate: float | None
    rejection_rate: float | None
    periods_to_promotion: float | None
    seconds_to_promotion: float | None
    judged_periods: int
    blind_periods: int
    share_within_objective: float | None
    training_cpu_seconds: float | None
    run_seconds: float | None

    def to_dict(self) -> Json:
        """As plain JSON."""
        return asdict(self)


def figures(
    period: str,
    calendar: Calendar,
    events: Sequence[Event],
    quality: Mapping[str, str],
    training_seconds: Iterable[float],
    runs: Sequence[RunTime],
) -> Figures:
    """The figures as of a period.

    Args:
        period: The last period that counts; later events and reports are left out by the caller.
        calendar: Of the model.
        events: Of the journal, oldest first.
        quality: Per period what its performance report said: quiet, warn, insufficient or blind.
        training_seconds: CPU seconds of each retrain's training.
        runs: The finished retrain runs.
    """
    served = tenures(events)
    live = served[-1] if served and served[-1].ended is None else None
    counts = Counter(str(event.action) for event in events)
    attempts = sum(event.gate is not None for event in events)
    promoted = sum(counts[action] for action in PROMOTIONS)
    return Figures(
        period=period,
        live=live.version if live else None,
        live_since=live.began.period if live else None,
        age_periods=calendar.distance(_promoted_in(live, events), period) if live else None,
        versions=len({tenure.digest for tenure in served}),
        attempts=attempts,
        promoted=promoted,
        **{action: counts[action] for action in ("rejected", "insufficient", "identical")},
        rollbacks=counts["rolled_back"],
        promotion_rate=promoted / attempts if attempts else None,
        rejection_rate=counts["rejected"] / attempts if attempts else None,
        periods_to_promotion=_mean(periods_to_promotion(events, calendar)),
        seconds_to_promotion=_median(run.since_request for run in runs if run.outcome == "promoted"),
        judged_periods=sum(word != BLIND for word in quality.values()),
        blind_periods=sum(word == BLIND for word in quality.values()),
        share_within_objective=_mean(float(word == WITHIN) for word in quality.values()),
        training_cpu_seconds=_mean(training_seconds),
        run_seconds=_median(run.since_start for run in runs),
    )


def _promoted_in(live: Tenure, events: Sequence[Event]) -> str:
    """The period of the last promotion of the live version; of its return where it was never promoted."""
    promotions = [event for event in events if event.action in PROMOTIONS and event.to_digest == live.digest]
    return promotions[-1].period if promotions else live.began.period


def periods_to_promotion(events: Sequence[Event], calendar: Calendar) -> list[int]:
    """For each promotion after the first: periods since the first attempt after the move before it."""
    waits: list[int] = []
    asked: str | None = None
    for event in events:
        if event.gate is not None:
            asked = asked or event.period
        if event.action == "promoted" and asked is not None:
            waits.append(calendar.distance(asked, event.period))
        if moved(event):
            asked = None
    return waits


def quality_until(store: PeriodStore, period: str) -> dict[str, str]:
    """What each performance report up to a period said of the loss: quiet, warn, insufficient or blind."""
    known = [other for other in monitored_periods(store) if other <= period]
    records = [record for other in known if (record := read_performance(store, other))]
    return {record.period: quality_of(record.report) for record in records if record.report}


def quality_of(report: PerformanceReport) -> str:
    """What one performance report said of the loss; without a loss the period was blind."""
    return str(report.outcome) if report.loss is not None else BLIND


def training_seconds_until(store: PeriodStore, period: str) -> list[float]:
    """CPU seconds that training took in each retrain up to a period, its strategies together."""
    return [training_seconds(store, known) for known in store.periods(ASSET, "json") if known <= period]


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return fmean(known) if known else None


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return float(median(known)) if known else None
