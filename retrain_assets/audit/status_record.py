"""What a run leaves of a model's status: which run it was, what broke it, the status, the figures and the tenures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from retrain_assets.store import Json, PeriodStore

ASSET = "model_status"
"""Under this name the store keeps the record of each period."""


@dataclass(frozen=True)
class StatusRecord:
    """The status as of a period, as the run `run` left it; `fault` is what broke that run, None where nothing did."""

    run: str
    fault: str | None = None
    status: Json = field(default_factory=dict)
    figures: Json = field(default_factory=dict)
    tenures: Sequence[Json] = ()

    def to_dict(self) -> Json:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> StatusRecord:
        """The inverse of `to_dict`; a record of an older release may lack what was broken.

        >>> StatusRecord.from_dict({"run": "8c156e8a", "status": {}, "figures": {}, "tenures": []}).fault is None
        True
        """
        fault = record.get("fault")
        return cls(
            run=str(record.get("run", "")),
            fault=str(fault) if fault else None,
            status=record.get("status", {}),
            figures=record.get("figures", {}),
            tenures=record.get("tenures", ()),
        )


def read_status(store: PeriodStore, period: str) -> StatusRecord | None:
    """The stored status of a period; None where no run left one."""
    record = store.read_json(ASSET, period)
    return StatusRecord.from_dict(record) if record is not None else None
