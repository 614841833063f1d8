"""What the live model lost against fresh ones, as stored: the one module that knows the keys of `forgone_gain`.

The backtest writes it at the end of each period, from the losses of models that were trained meanwhile and of the one
that is as old as the live model; the trigger reads it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from retrain_assets.documents.units import LossUnits, counted
from retrain_assets.store import Json, PeriodStore, fields_of

ASSET = "forgone_gain"
SCHEMA = 1


@dataclass(frozen=True)
class ForgoneRecord:
    """What fresh models would have saved since the last attempt, on rows that neither they nor the live one saw.

    Attributes:
        period: As of whose end.
        version: Name of the live version.
        total: Loss of the live model beyond that of fresh ones, summed over rows.
        low: Lower limit of it, at the declared certainty; None where so few days tell none.
        certainty: One-sided, from .5 to below 1.
        share: The same as a share of the live model's loss.
        next_week: What a retrain now is expected to save in a week, summed over its rows.
        age_days: How old the live model is.
        days: Days that this rests on.
    """

    period: str
    version: str
    total: float
    low: float | None
    certainty: float
    share: float
    next_week: float
    age_days: int
    days: int

    def sentence(self, units: LossUnits) -> str:
        """All of it in words.

        >>> known = ForgoneRecord("2019-03", "v2", 2412.0, 2050.0, 0.9, 0.04, 310.0, 63, 50)
        >>> known.sentence(LossUnits("ride", "USD"))
        'models aged 9 weeks did 4 % worse than fresh ones: $2,412 more error so far, at least $2,050 with 90 % \
certainty; retraining now is expected to save $310 of it a week'
        """
        age = counted(max(round(self.age_days / 7), 1), "week")
        if self.low is None:
            days = counted(self.days, "day")
            return f"{days} of fresh models beside one aged {age} are too few to tell how much worse it is"
        than = "worse" if self.total >= 0 else "better"
        return (
            f"models aged {age} did {100 * abs(self.share):.2g} % {than} than fresh ones: "
            f"{units.excess(self.total, 'so far')}, at least {units.total(self.low)} with "
            f"{100 * self.certainty:g} % certainty; retraining now is expected to save {units.total(self.next_week)} "
            "of it a week"
        )

    def to_dict(self) -> Json:
        """As plain JSON."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, record: Json) -> ForgoneRecord:
        """Read a stored record.

        Raises:
            DataError: A newer release wrote it.
        """
        return cls(**fields_of(record, SCHEMA, ASSET))


def read_forgone(store: PeriodStore, period: str) -> ForgoneRecord | None:
    """What is stored as of a period; None where nothing is."""
    record = store.read_json(ASSET, period)
    return ForgoneRecord.from_dict(record) if record is not None else None


def write_forgone(store: PeriodStore, record: ForgoneRecord) -> None:
    """Keep what was found as of a period."""
    store.write_json(ASSET, record.period, record.to_dict())
