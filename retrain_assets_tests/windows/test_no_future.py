"""What lies in the future of a decision cannot change it.

A world of rows and outcomes is drawn, with late outcomes and corrections. Two stores take it in: one from sources that
hold all of it, for all periods, future ones too; the other from sources that end with the period of the decision. As of
that period both must give the same bytes. Rows and outcomes of the future carry a mark, so that a leak names itself.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.candidates.policy import RareType
from retrain_assets.candidates.rare_types import load_kept
from retrain_assets.model import Model
from retrain_assets.periods import Calendar
from retrain_assets.raw.ingest import ingest, ingest_outcomes
from retrain_assets.raw.policy import Columns, Contract, Source
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.windows.cut import Span, UsedRows, Windows, cut
from retrain_assets.windows.policy import WindowsPolicy
from retrain_assets.windows.rows import load_window, rowset_sha256
from retrain_assets_tests.raw.rides import intake

DAYS = Calendar(every="day", start="2019-01-01")
PERIODS = DAYS.between("2019-01-01", "2019-01-10")
PRESENT = "2019-01-07"
NOW = DAYS.bounds(PRESENT)[1]
COLUMNS = Columns(numeric=["miles"], categorical=["zone"])
CONTRACT = Contract(min_rows=1)
POLICY = WindowsPolicy(recent_periods=2, half_life_periods=3, selection_origins=2, min_train_periods=2)
RARE = (RareType(column="zone", value="LGA", min_rows=1), RareType(column="zone", value="future", min_rows=1))
RIDES = Model("rides", "regression", 2, DAYS, "id", "at", "label", timedelta(0), "mae")
FUTURE = 999.0
ARRANGEMENTS = ("same table", "own time", "by key", "booked")


def world(seed, delay_hours, correct_share):
    """Rows of ten days with their outcomes; what is known only after NOW has label FUTURE, and so have future rows."""
    numbers = np.random.default_rng(seed)
    rows = 200
    minutes = np.sort(numbers.integers(0, 10 * 24 * 60, rows))
    at = [DAYS.start + timedelta(minutes=int(minute)) for minute in minutes]
    frame = pd.DataFrame({"id": numbers.permutation(rows), "at": at})
    future = frame["at"] >= NOW
    frame["miles"] = np.where(future, FUTURE, numbers.uniform(0, 20, rows))
    frame["zone"] = np.where(future, "future", numbers.choice(["JFK", "LGA"], rows))
    frame["booked"] = frame["at"] + pd.to_timedelta(numbers.integers(0, 2 * delay_hours + 1, rows), unit="h")
    frame["label"] = numbers.normal(size=rows)
    corrected = frame[numbers.random(rows) < correct_share].copy()
    corrected["booked"] += pd.to_timedelta(numbers.integers(1, 100, len(corrected)), unit="h")
    corrected["label"] = numbers.normal(size=len(corrected))
    outcomes = pd.concat([frame, corrected])[["id", "at", "booked", "label"]].sample(frac=1, random_state=seed)
    return frame, outcomes


def marked(frame, known_at):
    return frame.assign(label=frame["label"].mask(frame[known_at] >= NOW, FUTURE))


def write(folder, frame, outcomes, arrangement, suffix, delay, only_past):
    """The sources of one arrangement; with `only_past`, as they stood at NOW."""
    known = frame.assign(due=frame["at"] + delay)
    frame = marked(known, "due").drop(columns=["due", "booked"])
    if arrangement == "booked":
        table = marked(outcomes, "booked").drop(columns="at")
        table = table[table["booked"] < NOW] if only_past else table
    else:
        keep = ["id", "at", "label"] if arrangement == "own time" else ["id", "label"]
        table = frame[known["due"] < NOW][keep] if only_past else frame[keep]
    if only_past:
        frame = frame[frame["at"] < NOW]
    paths = {}
    for name, content in (("rows", frame), ("outcomes", table)):
        paths[name] = folder / f"{name}.{suffix}"
        if suffix == "csv":
            content.to_csv(paths[name], index=False)
        else:
            content.to_parquet(paths[name], index=False)
    apart = {} if arrangement == "same table" else {"outcomes": {"path": str(paths["outcomes"])}}
    return Source(
        features={"path": str(paths["rows"])},
        **apart,
        key="id",
        time="at",
        label="label",
        label_delay=delay,
        known_at="booked" if arrangement == "booked" else None,
    )


def taken_in(folder, source, periods):
    store = PeriodStore(folder / "store")
    for period in periods:
        declared = intake(source, COLUMNS, CONTRACT, task="regression", objective="regression", calendar=DAYS)
        ingest(declared, store, period)
        ingest_outcomes(declared, store, period)
    return store


def decision(store, delay):
    """Everything that a retrain as of the present reads."""
    windows = cut(replace(RIDES, label_delay=delay), POLICY, PRESENT, store.periods("raw_data"), UsedRows())
    assert isinstance(windows, Windows)
    spans = {"gate": windows.gate, "recent": windows.recent, "history": windows.history, "immature": windows.immature}
    for number, origin in enumerate(windows.origins):
        spans |= {f"train {number}": origin.train_history, f"selection {number}": origin.selection}
    tables = {name: load_window(store, RIDES, span, ["miles", "zone"], PRESENT) for name, span in spans.items()}
    whole = Span(tuple(PERIODS), datetime.min, datetime.max)
    tables["kept"] = load_kept(store, RIDES, whole, ["miles", "zone"], PRESENT, RARE)
    return windows, tables


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@given(seed=st.integers(0, 10_000), delay_hours=st.integers(0, 40), correct_share=st.sampled_from([0.0, 0.3]))
@settings(max_examples=3)
def test_nothing_of_the_future_reaches_a_decision(arrangement, suffix, seed, delay_hours, correct_share):
    delay = timedelta(hours=delay_hours)
    frame, outcomes = world(seed, delay_hours, correct_share)
    with tempfile.TemporaryDirectory() as name:
        stores = {}
        for only_past, periods in ((True, PERIODS[: PERIODS.index(PRESENT) + 1]), (False, PERIODS)):
            folder = Path(name) / str(only_past)
            folder.mkdir()
            source = write(folder, frame, outcomes, arrangement, suffix, delay, only_past)
            stores[only_past] = taken_in(folder, source, periods)
        then, with_future = decision(stores[True], delay), decision(stores[False], delay)
        for period in PERIODS[: PERIODS.index(PRESENT) + 1]:
            for asset in ("raw_data", "rejected_rows", "outcomes"):
                paths = [store.path(asset, period) for store in stores.values()]
                assert paths[0].read_bytes() == paths[1].read_bytes()
    assert then[0] == with_future[0]
    for window, table in then[1].items():
        assert table.equals(with_future[1][window]), window
        assert rowset_sha256(table["id"]) == rowset_sha256(with_future[1][window]["id"])
        assert FUTURE not in with_future[1][window][LABEL].to_pylist()
        assert FUTURE not in with_future[1][window]["miles"].to_pylist()
        assert "future" not in with_future[1][window]["zone"].to_pylist()
    check_against_pandas(frame, outcomes, arrangement, delay, with_future)


def check_against_pandas(frame, outcomes, arrangement, delay, decided):
    """The labelled rows are the ones that pandas finds from the world itself."""
    windows, tables = decided
    if arrangement == "booked":
        known = (
            outcomes[outcomes["booked"] < NOW].sort_values("booked", kind="stable").drop_duplicates("id", keep="last")
        )
        known = known.set_index("id")["label"]
    else:
        known = frame[frame["at"] + delay < NOW].set_index("id")["label"]
    past = Span((), DAYS.start, NOW)
    for name, span in (("gate", windows.gate), ("history", windows.history), ("kept", past)):
        rows = frame[(frame["at"] >= span.start) & (frame["at"] < span.end) & frame["id"].isin(known.index)]
        rows = rows[rows["zone"] == "LGA"] if name == "kept" else rows
        ids = [int(key) for key in tables[name]["id"].to_pylist()]
        assert sorted(ids) == sorted(rows["id"].tolist())
        found = dict(zip(ids, tables[name][LABEL].to_pylist(), strict=True))
        assert all(found[key] == pytest.approx(known[key]) for key in ids)


def test_rows_and_outcomes_of_later_periods_in_the_store_are_never_opened(tmp_path, monkeypatch):
    stamp = pa.timestamp("us")
    store = PeriodStore(tmp_path)
    for number, period in enumerate(PERIODS):
        at = pa.array([DAYS.bounds(period)[0]], stamp)
        store.write_table("raw_data", period, pa.table({"id": [number], "at": at, "miles": [1.0], "zone": ["JFK"]}))
        known = pa.table({"id": [number], "label": [1.0], "time": at, "known_at": at})
        store.write_table("outcomes", period, known)
    opened = []
    read = PeriodStore.read_table

    def watched(self, asset, periods, columns=None):
        periods = list(periods)
        opened.extend(periods)
        return read(self, asset, periods, columns)

    monkeypatch.setattr(PeriodStore, "read_table", watched)
    windows = cut(RIDES, POLICY, PRESENT, PERIODS, UsedRows())
    whole = windows.history.__class__(tuple(PERIODS), datetime.min, datetime.max)
    assert load_window(store, RIDES, whole, ["miles", "zone"], PRESENT).num_rows == 7
    assert max(opened) == PRESENT
