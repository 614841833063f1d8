"""The cut of a retrain as a stored record: what later steps of the same retrain read, and what the asset page shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from retrain_assets.store import PeriodStore
from retrain_assets.windows.cut import Origin, Span, Windows, spanning
from retrain_assets.windows.rows import load_window, require_disjoint, rowset_sha256, within

ASSET = "feature_windows"


def write_manifest(store: PeriodStore, windows: Windows, key: str, time: str) -> dict[str, Any]:
    """Count and hash the labelled rows of the main windows, and write the record of the period."""
    record = to_dict(windows)
    spans = {"history": windows.history, "recent": windows.recent, "gate": windows.gate}
    rows = load_window(store, spanning(spans.values()), [], key, time, windows.as_of)
    keys = {name: within(rows, span, time)[key] for name, span in spans.items()}
    for name in keys:
        record[name] |= {"rows": len(keys[name]), "rowset_sha256": rowset_sha256(keys[name])}
    require_disjoint({"history": keys["history"], "gate": keys["gate"]})
    store.write_json(ASSET, windows.as_of, record)
    return record


def read_manifest(store: PeriodStore, period: str) -> Windows:
    """The windows that were cut for a period.

    Raises:
        FileNotFoundError: None were cut.
    """
    record = store.read_json(ASSET, period)
    if record is None:
        raise FileNotFoundError(f"no windows of {period}: materialize feature_windows of {period} first")
    return from_dict(record)


def to_dict(windows: Windows) -> dict[str, Any]:
    """Windows as plain JSON values."""
    return {
        "as_of": windows.as_of,
        "gate": _span(windows.gate),
        "recent": _span(windows.recent),
        "history": _span(windows.history),
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


def from_dict(record: Mapping[str, Any]) -> Windows:
    """The inverse of `to_dict`.

    >>> moment = datetime(2019, 1, 1)
    >>> span = Span(("2019-01",), moment, moment)
    >>> windows = Windows("2019-01", span, span, span, (Origin(span, span, None, span),), span)
    >>> from_dict(to_dict(windows)) == windows
    True
    """
    origins = tuple(
        Origin(
            _read(origin["train_recent"]),
            _read(origin["train_history"]),
            _read(origin["early_stop"]) if origin["early_stop"] else None,
            _read(origin["selection"]),
        )
        for origin in record["origins"]
    )
    spans = {name: _read(record[name]) for name in ("gate", "recent", "history", "immature")}
    return Windows(as_of=record["as_of"], origins=origins, missing=tuple(record["missing"]), **spans)


def _span(span: Span) -> dict[str, Any]:
    return {"periods": list(span.periods), "start": span.start.isoformat(), "end": span.end.isoformat()}


def _read(record: Mapping[str, Any]) -> Span:
    start, end = (datetime.fromisoformat(record[side]) for side in ("start", "end"))
    return Span(tuple(record["periods"]), start, end)
