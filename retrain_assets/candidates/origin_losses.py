"""Daily losses of the models of the rolling origins, on days that none of them was trained on.

They tell how much one day's difference between two models of this spec says of the next day's, before any gate: a file
of every version, `rolling_origins.json`, so that the gate can learn the noise of the stream from a candidate's own
history and from the candidates before it. This module alone knows the record's keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import ArrayLike

from retrain_assets.store import Json, require_schema

FILE = "rolling_origins.json"
SCHEMA = 1


@dataclass(frozen=True)
class DailyLosses:
    """Loss of one strategy's model at one rolling origin, summed by day, on every day from the origin up to the gate.

    `days`, `rows` and `losses` are of one length: `losses[i]` is the sum over the `rows[i]` rows of `days[i]` that have
    an outcome. Models of one retrain were scored on the same rows, so that on a day that two of them share the
    difference of their sums is the paired difference: of two strategies at one origin, or of a fresh model and one that
    is an origin older.

    Attributes:
        origin: Name of the origin, its selection window's periods.
        strategy: The strategy that was trained, "recent" or "history".
        days: The days, in order, those without rows left out.
        rows: Rows by day.
        losses: Summed loss by day.
    """

    origin: str
    strategy: str
    days: tuple[date, ...]
    rows: tuple[int, ...]
    losses: tuple[float, ...]

    @classmethod
    def of(cls, origin: str, strategy: str, time: ArrayLike, row_losses: ArrayLike) -> DailyLosses:
        """Sum the losses of rows by the day they happened.

        >>> moments = np.array(["2019-01-01T08", "2019-01-01T20", "2019-01-03T00"], "M8[us]")
        >>> DailyLosses.of("2019-01", "recent", moments, [1.0, 2.0, 4.0]).losses
        (3.0, 4.0)
        """
        days, place = np.unique(np.asarray(time, "datetime64[D]"), return_inverse=True)
        rows = np.bincount(place, minlength=len(days))
        sums = np.bincount(place, weights=np.asarray(row_losses, dtype=np.float64), minlength=len(days))
        return cls(origin, strategy, tuple(days.tolist()), tuple(rows.tolist()), tuple(sums.tolist()))

    def to_dict(self) -> Json:
        """Build the record as plain JSON values."""
        return {
            "origin": self.origin,
            "strategy": self.strategy,
            "days": [day.isoformat() for day in self.days],
            "rows": list(self.rows),
            "losses": list(self.losses),
        }

    @classmethod
    def from_dict(cls, record: Json) -> DailyLosses:
        """Read a stored record."""
        days = tuple(date.fromisoformat(day) for day in record["days"])
        return cls(record["origin"], record["strategy"], days, tuple(record["rows"]), tuple(record["losses"]))


@dataclass(frozen=True)
class OriginLosses:
    """Daily losses of every model of one retrain's rolling origins; `loss` names the loss that was summed."""

    loss: str
    models: tuple[DailyLosses, ...]

    def to_bytes(self) -> bytes:
        """The file of a version."""
        record = {"schema": SCHEMA, "loss": self.loss, "models": [model.to_dict() for model in self.models]}
        return json.dumps(record, sort_keys=True).encode()

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> OriginLosses | None:
        """Read the record from a version's files; None for a version of a release that did not write it.

        Raises:
            DataError: A newer release wrote it.
        """
        if FILE not in files:
            return None
        record = json.loads(files[FILE])
        require_schema(record, SCHEMA, "losses of the rolling origins")
        return cls(record["loss"], tuple(DailyLosses.from_dict(model) for model in record["models"]))
