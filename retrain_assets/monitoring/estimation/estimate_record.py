"""What a performance record says of rows whose outcomes are still out, and of how right earlier estimates were."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from retrain_assets.monitoring.estimation.estimator import ASSUMES, LossEstimate
from retrain_assets.monitoring.performance.report import Quality
from retrain_assets.store import Json


@dataclass(frozen=True)
class EstimateRecord:
    """The loss to be expected on rows without outcomes, beside what the version was promoted with.

    Attributes:
        sentence: In words; without an estimate, why there is none.
        estimate: None where nothing is estimated.
        baseline: Mean loss that the version was promoted with; None without an estimate.
        outcome: WARN when the loss to be expected is above the baseline's limit; None without an estimate.
    """

    sentence: str
    estimate: LossEstimate | None = None
    baseline: float | None = None
    outcome: Quality | None = None

    @property
    def excess_sum(self) -> float:
        """Expected loss beyond the baseline, summed over the rows; 0 without an estimate."""
        if self.estimate is None or self.baseline is None:
            return 0.0
        return (self.estimate.loss - self.baseline) * self.estimate.rows

    def to_dict(self) -> Json:
        """As plain JSON, the estimate's own numbers beside the rest."""
        if self.estimate is None:
            return {"sentence": self.sentence}
        own = {"baseline": self.baseline, "excess_sum": self.excess_sum, "assumes": ASSUMES, "outcome": self.outcome}
        return {**asdict(self.estimate), **own, "sentence": self.sentence}

    @classmethod
    def from_dict(cls, record: Json) -> EstimateRecord:
        """Read what `to_dict` wrote."""
        if record.get("loss") is None:
            return cls(record["sentence"])
        estimate = LossEstimate.from_dict(record)
        return cls(record["sentence"], estimate, record["baseline"], Quality(record["outcome"]))


@dataclass(frozen=True)
class Truth:
    """The measured loss of the very rows that an estimate was about.

    Attributes:
        loss: Mean per row; `low` and `high` are its one-sided 95 % limits, None where they are not known.
        contradicted: The limits of estimate and truth do not meet: outcomes no longer followed from features as before.
    """

    loss: float
    low: float | None
    high: float | None
    contradicted: bool


@dataclass(frozen=True)
class PastEstimate:
    """An estimate that was made, and the later truth once it is known.

    Attributes:
        period: As of whose end it was made.
        rows: Without outcomes then; `periods` are the first and the last in which they happened.
        arrived: How many of them have an outcome by now.
        settled: Nothing more is awaited.
        truth: None until enough outcomes are there.
    """

    period: str
    version: str
    rows: int
    periods: tuple[str, str]
    loss: float
    low: float
    high: float
    arrived: int = 0
    settled: bool = False
    truth: Truth | None = field(default=None)

    @property
    def error(self) -> float | None:
        """Estimate minus truth."""
        return self.loss - self.truth.loss if self.truth else None

    def to_dict(self) -> Json:
        """As plain JSON; what is not known yet is left out."""
        names = ("period", "version", "rows", "low", "high", "arrived", "settled")
        record = {name: getattr(self, name) for name in names}
        record |= {"periods": list(self.periods), "estimated": self.loss}
        if self.truth is not None:
            record |= {"measured": self.truth.loss, "error": self.error, "contradicted": self.truth.contradicted}
            record |= {"measured_low": self.truth.low, "measured_high": self.truth.high}
        return record

    @classmethod
    def from_dict(cls, record: Json) -> PastEstimate:
        """Read what `to_dict` wrote."""
        measured, limits = record.get("measured"), (record.get("measured_low"), record.get("measured_high"))
        first, last = record["periods"]
        return cls(
            record["period"],
            record["version"],
            record["rows"],
            (first, last),
            record["estimated"],
            record["low"],
            record["high"],
            record.get("arrived", 0),
            record["settled"],
            None if measured is None else Truth(measured, *limits, bool(record.get("contradicted"))),
        )
