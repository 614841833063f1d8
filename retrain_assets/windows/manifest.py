"""The stored record of a cut: the windows of one retrain, and which rows with an outcome its main windows hold.

What belongs here is the record and its keys. How windows are cut is in `cut`, how their rows are read in `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from retrain_assets.model import RowNames
from retrain_assets.store import Json, PeriodStore, require_schema
from retrain_assets.windows.cut import Origin, Span, Windows, spanning
from retrain_assets.windows.rows import load_window, require_disjoint, rowset_sha256, within

ASSET = "feature_windows"
SCHEMA = 1


@dataclass(frozen=True)
class RowSet:
    """The rows of a window that have an outcome: how many, and the digest of their keys."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The windows of one retrain with the row sets of the three that train or judge."""

    windows: Windows
    history: RowSet
    recent: RowSet
    gate: RowSet

    def to_dict(self) -> Json:
        """Build the record as plain JSON values."""
        windows = self.windows
        return {
            "schema": SCHEMA,
            "as_of": windows.as_of,
            "gate": _span(windows.gate) | _row_set(self.gate),
            "recent": _span(windows.recent) | _row_set(self.recent),
            "history": _span(windows.history) | _row_set(self.history),
            "immature": _span(windows.immature),
            "origins": [
                {
                    "train_recent": _span(origin.train_recent),
                    "train_history": _span(origin.train_history),
                    "early_stop": _span(origin.early_stop) if origin.early_stop else None,
                    "selection": _span(origin.selection),
                }
                for origin in windows.origins
            ],
            "missing": list(windows.missing),
        }

    @classmethod
    def from_dict(cls, record: Json) -> Manifest:
        """Read a stored record, also one from before records had a schema version.

        Raises:
            DataError: A newer release wrote it.
        """
        require_schema(record, SCHEMA, "window manifest")
        origins = tuple(
            Origin(
                _read_span(origin["train_recent"]),
                _read_span(origin["train_history"]),
                _read_span(origin["early_stop"]) if origin["early_stop"] else None,
                _read_span(origin["selection"]),
            )
            for origin in record["origins"]
        )
        spans = {name: _read_span(record[name]) for name in ("gate", "recent", "history", "immature")}
        windows = Windows(as_of=record["as_of"], origins=origins, missing=tuple(record["missing"]), **spans)
        return cls(windows, *(_read_row_set(record[name]) for name in ("history", "recent", "gate")))


def write_manifest(store: PeriodStore, windows: Windows, names: RowNames) -> Manifest:
    """Count and hash the rows of the main windows that have an outcome, and store the record of the period.

    Raises:
        DataError: A row stands in the training and in the gate window.
    """
    spans = {"history": windows.history, "recent": windows.recent, "gate": windows.gate}
    rows = load_window(store, names, spanning(spans.values()), [], windows.as_of)
    keys = {name: within(rows, span, names.time)[names.key] for name, span in spans.items()}
    require_disjoint({"history": keys["history"], "gate": keys["gate"]})
    counted = {name: RowSet(len(found), rowset_sha256(found)) for name, found in keys.items()}
    manifest = Manifest(windows, **counted)
    store.write_json(ASSET, windows.as_of, manifest.to_dict())
    return manifest


def read_manifest(store: PeriodStore, period: str) -> Manifest:
    """Read what was cut for a period.

    Raises:
        FileNotFoundError: Nothing was cut.
        DataError: A newer release wrote it.
    """
    record = store.read_json(ASSET, period)
    if record is None:
        raise FileNotFoundError(f"no windows of {period}: materialize feature_windows of {period} first")
    return Manifest.from_dict(record)


def _span(span: Span) -> Json:
    return {"periods": list(span.periods), "start": span.start.isoformat(), "end": span.end.isoformat()}


def _read_span(record: Json) -> Span:
    start, end = (datetime.fromisoformat(record[side]) for side in ("start", "end"))
    return Span(tuple(record["periods"]), start, end)


def _row_set(found: RowSet) -> Json:
    return {"rows": found.rows, "rowset_sha256": found.sha256}


def _read_row_set(record: Json) -> RowSet:
    return RowSet(record["rows"], record["rowset_sha256"])
