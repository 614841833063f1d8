"""Digests of what is stored, so that a model or a loss is computed again when its rows changed, and only then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from retrain_assets.model import Model
from retrain_assets.store import Json, PeriodStore


def digest_of(record: Json) -> str:
    """The digest of plain JSON values.

    >>> digest_of({"a": 1})[:12]
    'f9d86028c6e0'
    """
    return hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class StoredDigests:
    """Digests of the stored rows and outcomes by period.

    Attributes:
        model: Says how late outcomes arrive.
        dated: Whether each outcome says when it became known, so that any later period may correct an earlier row.
        rows: Digest of each period's rows.
        outcomes: Digest of the outcomes that arrived in each period.
    """

    model: Model
    dated: bool
    rows: dict[str, str]
    outcomes: dict[str, str]

    @classmethod
    def of(cls, store: PeriodStore, model: Model, dated: bool, until: str | None = None) -> StoredDigests:
        """Read every file once, up to those of a period."""
        return cls(model, dated, _digests(store, "raw_data", until), _digests(store, "outcomes", until))

    @property
    def all(self) -> str:
        """One digest of everything."""
        return digest_of({"rows": self.rows, "outcomes": self.outcomes})

    def before(self, moment: datetime) -> str:
        """One digest of the periods that began before a moment."""
        start = self.model.calendar.bounds
        return digest_of(
            {
                "rows": {period: digest for period, digest in self.rows.items() if start(period)[0] < moment},
                "outcomes": {period: digest for period, digest in self.outcomes.items() if start(period)[0] < moment},
            }
        )

    def of_rows_in(self, periods: Sequence[str]) -> str:
        """One digest of the rows of some periods and of every outcome that may belong to them."""
        calendar = self.model.calendar
        last = calendar.bounds(periods[-1])[1] + self.model.label_delay
        arrived = {
            period: digest
            for period, digest in self.outcomes.items()
            if period >= periods[0] and (self.dated or calendar.bounds(period)[0] <= last)
        }
        return digest_of({"rows": [self.rows[period] for period in periods], "outcomes": arrived})


def upto(periods: list[str], until: str | None) -> list[str]:
    """The periods up to one; all of them where none is named."""
    return periods if until is None else [period for period in periods if period <= until]


def _digests(store: PeriodStore, asset: str, until: str | None) -> dict[str, str]:
    return {
        period: hashlib.sha256(store.path(asset, period).read_bytes()).hexdigest()
        for period in upto(store.periods(asset), until)
    }
