"""Profiles read from Parquet a piece at a time, kept as Parquet, and a drift report that looks at a bounded past."""

import json
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrain_assets.errors import DataError
from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.drift_step import drift_step
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles import edges as edges_module
from retrain_assets.monitoring.profiles import profile as profile_module
from retrain_assets.monitoring.profiles.column_reader import stored_rows
from retrain_assets.monitoring.profiles.files import (
    DRIFT_PROFILES,
    edges_from_parquet,
    edges_to_parquet,
    keep_profiles,
    kept_profiles,
    profiles_from_parquet,
    profiles_to_parquet,
    reference_files,
)
from retrain_assets.monitoring.profiles.profile import profile, reference_edges, reference_profiles
from retrain_assets.periods import Calendar
from retrain_assets.raw.policy import Columns
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.facts import delivery
from retrain_assets_tests.monitoring.profiles.worlds import EDGES, NAMES, NUMERIC, WORLD, many_levels, world


def test_edges_and_profiles_survive_their_files():
    edges = reference_edges(many_levels().append_column("x", pa.nulls(31_000, pa.float64())), ["x", "gone"], ["id"])
    assert edges_from_parquet(edges_to_parquet(edges)) == edges
    assert edges_to_parquet(edges) == edges_to_parquet(edges)
    seen = profile(WORLD, EDGES)
    assert profiles_from_parquet(profiles_to_parquet([("a", seen), ("b", seen)]), EDGES) == {"a": seen, "b": seen}


def test_a_profile_of_twenty_thousand_million_rows_keeps_its_exact_sums():
    seen = profile(WORLD, EDGES)
    for _ in range(22):
        seen = seen.merge(seen)
    assert seen.columns["day"].second > 2**64
    assert profiles_from_parquet(profiles_to_parquet([("a", seen)]), EDGES) == {"a": seen}


def test_profiles_of_other_edges_in_the_file_are_left_out():
    scores = pa.table({"(prediction)": [0.1, 0.5]})
    other = reference_edges(scores, ["(prediction)"], [])
    data = profiles_to_parquet([("a", profile(WORLD, EDGES)), ("a", profile(scores, other))])
    assert set(profiles_from_parquet(data, other)["a"].columns) == {"(prediction)"}
    assert profiles_from_parquet(data, reference_edges(scores.slice(1), ["(prediction)"], [])) == {}


def test_one_column_of_one_period_is_one_row_of_a_small_file():
    data = profiles_to_parquet([("2024-01", profile(WORLD, EDGES))])
    table = pq.read_table(pa.BufferReader(data))
    assert list(zip(table["period"].to_pylist(), table["column"].to_pylist(), strict=True)) == [
        ("2024-01", name) for name in ("miles", "day", "carrier", "tail")
    ]
    assert len(data) < 20_000


def test_a_file_of_another_kind_is_refused_with_the_next_step():
    with pytest.raises(DataError, match="stored edges cannot be read: .* Materialize"):
        edges_from_parquet(b"{}")
    with pytest.raises(DataError, match=r"have the columns column, kind, .* another release wrote them"):
        profiles_from_parquet(edges_to_parquet(EDGES), EDGES)


def test_a_period_without_rows_or_profile_is_named(tmp_path):
    store = PeriodStore(tmp_path)
    with pytest.raises(FileNotFoundError, match="raw_data of 2024-02 is not there"):
        stored_rows(store, "raw_data", ["2024-02"])
    keep_profiles(store, DRIFT_PROFILES, "2024-01", [profile(WORLD, EDGES)])
    with pytest.raises(FileNotFoundError, match="materialize drift_report of 2024-02 again"):
        kept_profiles(store, DRIFT_PROFILES, ["2024-01", "2024-02"], EDGES)


MONTHS = Calendar(every="month", start="1999-01-01")


class Past:
    """A store with the reports of many months, as one version has written them, and its registry."""

    def __init__(self, folder, months):
        self.periods = [f"{2000 + month // 12}-{1 + month % 12:02}" for month in range(1, months + 2)]
        self.store, self.read = PeriodStore(folder), []
        self.version = SimpleNamespace(name="v1", digest="d1", period="2000-01")
        reference = {f"1999-{month:02}": profile(world(500, month), EDGES) for month in range(1, 7)}
        self.files = reference_files(EDGES, reference)
        for at, period in enumerate(self.periods):
            self.store.write_table("raw_data", period, world(300, at))
            scores = np.random.default_rng(at).random(300)
            self.store.write_table("predictions", period, pa.table({"score": scores}))
        for period in self.periods[:-1]:
            self.step(period)

    def step(self, period):
        registry = SimpleNamespace(served_in=lambda _: self.version, read=lambda _: self.files)
        columns = Columns(numeric=NUMERIC, categorical=NAMES)
        access = PeriodAccess(self.store, registry, period)
        return drift_step(delivery(MONTHS), access, columns, DriftPolicy(reference_periods=4))


def test_a_report_reads_as_much_of_a_long_past_as_of_a_short_one(tmp_path, monkeypatch):
    opened = []
    for name in ("read_json", "read_bytes", "read_table"):
        original = getattr(PeriodStore, name)

        def counting(self, asset, *rest, original=original):
            opened.append(asset)
            return original(self, asset, *rest)

        monkeypatch.setattr(PeriodStore, name, counting)
    counts = []
    for months in (8, 40):
        past = Past(tmp_path / str(months), months)
        opened.clear()
        record = past.step(past.periods[-1])
        counts.append(Counter(opened))
        assert record.scores.reference_periods == 4
    assert counts[0] == counts[1] == {
        "drift_report": 5, "drift_profile": 4, "score_edges": 1, "predictions": 1, "outcomes": 1,
    }  # fmt: skip


def test_the_record_holds_no_counts_and_the_period_keeps_features_and_scores_in_one_file(tmp_path):
    past = Past(tmp_path, 3)
    record = past.step(past.periods[-1])
    assert "counts" not in json.dumps(record.to_dict())
    assert record.features.rows == 300
    stored = pq.read_table(past.store.path("drift_profile", past.periods[-1]))
    scores = ["(prediction)", "(uncertainty)", "(margin)"]
    assert stored["column"].to_pylist() == ["miles", "day", "carrier", "tail", *scores]


@pytest.mark.parametrize("most", [2**20, 4096])
def test_a_reference_read_once_gives_what_pooling_and_profiling_each_part_gives(most, tmp_path, monkeypatch):
    for module in (edges_module, profile_module):
        monkeypatch.setattr(module, "MOST_VALUES", most)
    parts = {f"2024-{month:02}": world(3000, month) for month in range(1, 4)}
    edges, profiles = reference_profiles(parts, [*NUMERIC, "gone"], NAMES)
    pooled = pa.concat_tables(parts.values()).unify_dictionaries()
    assert edges == reference_edges(pooled, [*NUMERIC, "gone"], NAMES)
    assert profiles == {part: profile(table, edges) for part, table in parts.items()}
