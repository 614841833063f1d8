"""Which model meets the gate in one period, and why: the stored record of `candidate_model`.

This module alone knows the record's keys; the model itself is a version in the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from retrain_assets.candidates.rolling_origins import OriginLoss
from retrain_assets.store import Json, PeriodStore, require_schema

ASSET = "candidate_model"
SCHEMA = 1


@dataclass(frozen=True)
class CandidateRecord:
    """The candidate of one period.

    Attributes:
        digest: The version in the registry.
        strategy: The strategy that was chosen.
        rounds: Boosting rounds of its model.
        reason: Why this strategy, in words.
        losses: Mean loss by strategy over the rolling origins that all of them share.
        comparison: Every strategy's loss at every origin.
        eligible: The strategies whose training window covers what it must.
        trained_from: Start of the training window, ISO 8601.
        trained_until: Its end.
    """

    digest: str
    strategy: str = ""
    rounds: int = 0
    reason: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)
    comparison: tuple[OriginLoss, ...] = ()
    eligible: tuple[str, ...] = ()
    trained_from: str = ""
    trained_until: str = ""

    def to_dict(self) -> Json:
        """Build the record as plain JSON values."""
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "strategy": self.strategy,
            "rounds": self.rounds,
            "reason": self.reason,
            "losses": dict(self.losses),
            "comparison": [origin.to_dict() for origin in self.comparison],
            "eligible": list(self.eligible),
            "windows": {"start": self.trained_from, "end": self.trained_until},
        }

    @classmethod
    def from_dict(cls, record: Json) -> CandidateRecord:
        """Read a stored record, also one from before records had a schema version.

        Raises:
            DataError: A newer release wrote it.
        """
        require_schema(record, SCHEMA, "record of candidate_model")
        window = record.get("windows", {})
        return cls(
            digest=record["digest"],
            strategy=record.get("strategy", ""),
            rounds=record.get("rounds", 0),
            reason=record.get("reason", ""),
            losses=record.get("losses", {}),
            comparison=tuple(OriginLoss.from_dict(origin) for origin in record.get("comparison", ())),
            eligible=tuple(record.get("eligible", ())),
            trained_from=window.get("start", ""),
            trained_until=window.get("end", ""),
        )


def write_candidate(store: PeriodStore, period: str, record: CandidateRecord) -> None:
    """Store the period's record."""
    store.write_json(ASSET, period, record.to_dict())


def read_candidate(store: PeriodStore, period: str) -> CandidateRecord | None:
    """Read the candidate of a period; None when there is none.

    Raises:
        DataError: A newer release wrote the record.
    """
    record = store.read_json(ASSET, period)
    return CandidateRecord.from_dict(record) if record is not None else None
