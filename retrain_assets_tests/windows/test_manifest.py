"""The stored record of a cut: counted and hashed by hand, read as written, refused where rows would judge twice."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from retrain_assets.errors import DataError
from retrain_assets.periods import Calendar
from retrain_assets.store import PeriodStore
from retrain_assets.windows.cut import Origin, Span, Windows
from retrain_assets.windows.manifest import Manifest, RowSet, read_manifest, write_manifest
from retrain_assets.windows.rows import rowset_sha256
from retrain_assets_tests.monitoring.facts import delivery

MODEL = delivery(Calendar(every="month", start="2024-01-01"))


def span(first, last, *periods):
    return Span(periods, datetime(2024, 1, 1) + timedelta(days=first), datetime(2024, 1, 1) + timedelta(days=last))


HISTORY, RECENT = span(0, 40, "2024-01", "2024-02"), span(20, 40, "2024-01", "2024-02")
GATE, IMMATURE = span(40, 50, "2024-02"), span(50, 60, "2024-02")
ORIGINS = (
    Origin(RECENT, HISTORY, None, span(30, 40, "2024-01", "2024-02")),
    Origin(RECENT, HISTORY, span(25, 30, "2024-01"), span(30, 40, "2024-01", "2024-02")),
)
WINDOWS = Windows("2024-02", GATE, RECENT, HISTORY, ORIGINS, IMMATURE, ("2023-12",))


@pytest.fixture
def store(tmp_path):
    """A row a day for sixty days, of which every outcome but that of day 45 is known."""
    store = PeriodStore(tmp_path)
    for period, days in (("2024-01", range(31)), ("2024-02", range(31, 60))):
        keys = [f"d{day}" for day in days]
        time = pa.array([datetime(2024, 1, 1, 12) + timedelta(days=day) for day in days], pa.timestamp("us"))
        rows = pa.table({"id": keys, "time": time})
        store.write_table("raw_data", period, rows)
        known = rows.append_column("label", pa.array([0.0] * len(keys))).append_column("known_at", time)
        store.write_table("outcomes", period, known.filter([key != "d45" for key in keys]))
    return store


def test_the_rows_with_an_outcome_are_counted_and_hashed_by_window(store):
    found = write_manifest(store, WINDOWS, MODEL)
    assert (found.history.rows, found.recent.rows, found.gate.rows) == (40, 20, 9)
    gate = pa.chunked_array([[f"d{day}" for day in range(40, 50) if day != 45]])
    assert found.gate == RowSet(9, rowset_sha256(gate))
    assert read_manifest(store, "2024-02") == found


def test_a_record_is_plain_json_and_one_without_a_schema_is_read():
    manifest = Manifest(WINDOWS, RowSet(40, "a"), RowSet(20, "b"), RowSet(9, "c"))
    record = json.loads(json.dumps(manifest.to_dict()))
    assert Manifest.from_dict(record) == manifest
    del record["schema"]
    assert Manifest.from_dict(record) == manifest
    with pytest.raises(DataError, match="window manifest .*schema 9"):
        Manifest.from_dict(record | {"schema": 9})


def test_a_row_that_would_train_and_judge_is_refused_and_nothing_is_stored(store):
    overlapping = replace(WINDOWS, history=span(0, 16, "2024-01"), gate=span(14, 16, "2024-01"))
    with pytest.raises(DataError, match="the history and the gate window share 2 key"):
        write_manifest(store, overlapping, MODEL)
    with pytest.raises(FileNotFoundError, match="no windows of 2024-02: materialize feature_windows of 2024-02 first"):
        read_manifest(store, "2024-02")
