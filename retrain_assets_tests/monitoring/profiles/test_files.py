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
from retrain_assets.monitoring.drift.report import drift
from retrain_assets.monitoring.drift_step import drift_step
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles import column_reader
from retrain_assets.monitoring.profiles import edges as edges_module
from retrain_assets.monitoring.profiles import profile as profile_module
from retrain_assets.monitoring.profiles.column_reader import ParquetRows, stored_rows
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


def world(rows=5000, seed=1):
    rng = np.random.default_rng(seed)
    miles = rng.lognormal(6, 0.8, rows)
    return pa.table(
        {
            "miles": pa.array(miles, mask=rng.random(rows) < 0.1),
            "day": rng.integers(1, 8, rows),
            "carrier": pa.array(rng.choice(["AA", "B6", "DL"], rows)).dictionary_encode(),
            "tail": pa.array([f"N{number:03}" for number in rng.integers(0, 400, rows)]),
        }
    )


NUMERIC, NAMES = ["miles", "day"], ["carrier", "tail"]
WORLD = world()
EDGES = reference_edges(WORLD, NUMERIC, NAMES)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(WORLD, path, row_group_size=1700)
    return path


def test_rows_streamed_in_pieces_give_the_edges_and_the_profile_of_the_table(file, monkeypatch):
    monkeypatch.setattr(column_reader, "PIECE_ROWS", 600)
    rows = ParquetRows([file])
    assert rows.num_rows == WORLD.num_rows
    assert reference_edges(rows, NUMERIC, NAMES) == EDGES
    assert profile(rows, EDGES) == profile(WORLD, EDGES)


def test_a_column_that_one_of_two_files_lacks_is_absent_in_its_rows(file, tmp_path):
    pq.write_table(WORLD.drop_columns(["miles", "tail"]), tmp_path / "lacking.parquet")
    found = profile(ParquetRows([file, tmp_path / "lacking.parquet"]), EDGES)
    assert [found.columns[name].absent for name in ("miles", "tail", "day")] == [5000, 5000, 0]
    assert found.columns["miles"].rows == 10_000
    assert found.problems == {}


def test_two_files_of_different_types_are_counted_as_the_declared_kind(tmp_path):
    for name, values in (("one", pa.array([1, 2], pa.int8())), ("two", pa.array(["2.0", "3"]))):
        pq.write_table(pa.table({"x": values}), tmp_path / f"{name}.parquet")
    rows = ParquetRows([tmp_path / "one.parquet", tmp_path / "two.parquet"])
    assert reference_edges(rows, ["x"], []).numeric["x"].tolist() == [1, 2, 3]
    assert reference_edges(rows, [], ["x"]).categories["x"] == ("1", "2", "2.0", "3")


def test_of_a_long_reference_every_kth_value_chooses_the_edges_and_the_extremes_stay(monkeypatch):
    monkeypatch.setattr(edges_module, "MOST_VALUES", 4096)
    values = np.random.default_rng(3).normal(size=20_000)
    edges = reference_edges(pa.table({"x": values}), ["x"], []).numeric["x"]
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    thinned = np.append(values[::5], [values.min(), values.max()])
    assert edges.tolist() == np.quantile(thinned, np.linspace(0, 1, 65), method="inverted_cdf").tolist()


def many_levels():
    common = [f"common{number:04}" for number in range(9000)] * 3
    return pa.table({"id": common + [f"rare{number:05}" for number in range(4000)]})


def test_ten_thousand_levels_are_counted_exactly_and_more_are_a_rest_that_is_not_called_new():
    edges = reference_edges(many_levels(), [], ["id"])
    assert (len(edges.categories["id"]), edges.beyond) == (10_000, {"id": 3000})
    assert {f"common{number:04}" for number in range(9000)} < set(edges.categories["id"])
    column = profile(pa.table({"id": ["common0000", "common0000", "rare03999", "never seen"]}), edges).columns["id"]
    assert (sum(column.counts), column.rest, column.unseen, dict(column.new)) == (2, 2, 0, {})
    few = reference_edges(pa.table({"id": [f"{number}" for number in range(10_000)]}), [], ["id"])
    assert (len(few.categories["id"]), few.beyond) == (10_000, {})


def test_a_rest_is_compared_as_one_group_and_never_as_new():
    edges = reference_edges(many_levels(), [], ["id"])
    reference = {f"{n:02}": profile(many_levels(), edges) for n in range(5)}
    moved = pa.table({"id": ["common0000"] * 500 + [f"never{number}" for number in range(500)]})
    [column] = drift(DriftPolicy(), reference, profile(moved, edges), "06", None).columns
    assert column.new_share == 0
    assert column.total_variation > 0.3


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
