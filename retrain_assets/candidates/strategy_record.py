"""What training a strategy left behind in a period: the record of `candidate_recent` and `candidate_history`.

This module alone knows the record's keys; the model's text stands beside the record as a file of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from retrain_assets.candidates.coverage import Coverage
from retrain_assets.candidates.origin_losses import DailyLosses
from retrain_assets.candidates.rolling_origins import OriginLoss
from retrain_assets.candidates.strategies import STRATEGIES, Trained
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.store import Json, PeriodStore, require_schema
from retrain_assets.windows.cut import Span

SCHEMA = 1


@dataclass(frozen=True)
class StrategyRecord:
    """One strategy in one period.

    Attributes:
        strategy: Which strategy.
        coverage: What its training window holds of what it must.
        window: Its training window, and the stored periods of it.
        trained: The model; None for a strategy that is not eligible.
        origins: Its loss at each rolling origin.
        daily: The losses of the origins' models by day.
        skipped: Which origins could not be used, and why.
        reason: Where the number of rounds comes from, in words.
        seconds: CPU seconds that all of it took.
    """

    strategy: str
    coverage: Coverage
    window: Span
    trained: Trained | None = None
    origins: tuple[OriginLoss, ...] = ()
    daily: tuple[DailyLosses, ...] = ()
    skipped: tuple[str, ...] = ()
    reason: str = ""
    seconds: float = 0.0

    @property
    def selection_loss(self) -> float | None:
        """Mean loss over the rolling origins; None where there are none."""
        return fmean(origin.loss for origin in self.origins) if self.origins else None

    def to_dict(self) -> Json:
        """Build the record as plain JSON values, without the model's text."""
        return {
            "schema": SCHEMA,
            "strategy": self.strategy,
            "coverage": self.coverage.to_dict(),
            "window": {"start": self.window.start.isoformat(), "end": self.window.end.isoformat()},
            "periods": list(self.window.periods),
            "origins": [origin.to_dict() for origin in self.origins],
            "selection_loss": self.selection_loss,
            "seconds": self.seconds,
            **(self._trained_dict(self.trained) if self.trained else {}),
        }

    def _trained_dict(self, trained: Trained) -> Json:
        baseline = trained.baseline
        return {
            "rounds": trained.rounds,
            "rows": trained.rows,
            "effective_rows": trained.effective_rows,
            "baseline": list(baseline) if isinstance(baseline, tuple) else baseline,
            "digest": trained.digest,
            "contract": trained.contract.to_dict(),
            "importance": trained.importance,
            "daily": [daily.to_dict() for daily in self.daily],
            "skipped": list(self.skipped),
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, record: Json, model: bytes | None) -> StrategyRecord:
        """Read a stored record, also one from before records had a schema version.

        Args:
            record: The record.
            model: The model's text; None for a strategy that was not trained.

        Raises:
            DataError: A newer release wrote it.
        """
        require_schema(record, SCHEMA, f"record of strategy {record.get('strategy')}")
        window = record["window"]
        start, end = (datetime.fromisoformat(window[side]) for side in ("start", "end"))
        span = Span(tuple(record["periods"]), start, end)
        return cls(
            strategy=record["strategy"],
            coverage=Coverage.from_dict(record["coverage"]),
            window=span,
            trained=_trained(record, span, model) if model is not None else None,
            origins=tuple(OriginLoss.from_dict(origin) for origin in record["origins"]),
            daily=tuple(DailyLosses.from_dict(daily) for daily in record.get("daily", ())),
            skipped=tuple(record.get("skipped", ())),
            reason=record.get("reason", ""),
            seconds=record.get("seconds", 0.0),
        )


def write_strategy(store: PeriodStore, period: str, record: StrategyRecord) -> None:
    """Store a strategy's record, and its model beside it."""
    if record.trained:
        store.write_bytes(asset_of(record.strategy), period, "bst", record.trained.model)
    store.write_json(asset_of(record.strategy), period, record.to_dict())


def read_strategy(store: PeriodStore, strategy: str, period: str) -> StrategyRecord | None:
    """Read what training a strategy left behind; None when it was not trained in that period.

    Raises:
        DataError: A newer release wrote the record.
    """
    asset = asset_of(strategy)
    record = store.read_json(asset, period)
    if record is None:
        return None
    eligible = Coverage.from_dict(record["coverage"]).eligible
    return StrategyRecord.from_dict(record, store.read_bytes(asset, period, "bst") if eligible else None)


def training_seconds(store: PeriodStore, period: str) -> float:
    """Sum the CPU seconds that training took in one period, the strategies together."""
    records = (store.read_json(asset_of(strategy), period) for strategy in STRATEGIES)
    return sum(StrategyRecord.from_dict(record, None).seconds for record in records if record is not None)


def asset_of(strategy: str) -> str:
    """The asset that trains a strategy.

    >>> asset_of("recent")
    'candidate_recent'
    """
    return f"candidate_{strategy}"


def _trained(record: Json, window: Span, model: bytes) -> Trained:
    baseline = record["baseline"]
    return Trained(
        model=model,
        contract=FeatureContract.from_dict(record["contract"]),
        strategy=record["strategy"],
        rounds=record["rounds"],
        rows=record["rows"],
        effective_rows=record["effective_rows"],
        baseline=tuple(baseline) if isinstance(baseline, list) else baseline,
        window=window,
    )
