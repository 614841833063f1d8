"""Rows of rare types are kept whatever their age: only those, only as known at the time, at their natural weight."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.worlds.changes import CALENDAR, LATE, TRIPS, span
from retrain_assets.candidates.boosting.lightgbm_model import predict
from retrain_assets.candidates.policy import CoveragePolicy, RareType, TrainingPolicy
from retrain_assets.candidates.rare_types import load_kept
from retrain_assets.candidates.strategies import (
    HeldRows,
    Recipe,
    TrainingRows,
    effective_row_count,
    row_weights,
    train_strategy,
    training_table,
)
from retrain_assets.errors import DataError
from retrain_assets.scoring.features import contract_of, encode
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.windows.cut import Span

MONTHS = CALENDAR.between("2018-01", "2018-08")
RIDES = replace(TRIPS, key="id")
AS_OF, BEFORE = "2018-06", datetime(2018, 5, 1)
TYPES = (RareType(column="rate", value=5, min_rows=1), RareType(label=1, min_rows=1))
OLDER = Span(tuple(CALENDAR.between("2018-01", "2018-05")), datetime.min, BEFORE)


def world(seed: int, rows: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rides of eight months, one in twenty of rate 5, and their outcomes, some late, some corrected later."""
    random = np.random.default_rng(seed)
    minutes = np.sort(random.integers(0, 8 * 30 * 24 * 60, rows))
    rides = pd.DataFrame(
        {
            "id": random.permutation(rows),
            "at": [CALENDAR.start + timedelta(minutes=int(minute)) for minute in minutes],
            "miles": random.uniform(0, 9, rows),
            "rate": np.where(random.random(rows) < 0.05, "5", random.choice(["1", "2", None], rows)),
        }
    )
    outcomes = rides[["id", "at"]].assign(label=(random.random(rows) < 0.1).astype(float))
    outcomes["known_at"] = outcomes["at"] + pd.to_timedelta(random.integers(0, 60, rows), "D")
    corrected = outcomes[random.random(rows) < 0.3].copy()
    corrected["label"] = 1 - corrected["label"]
    corrected["known_at"] += pd.to_timedelta(random.integers(1, 60, len(corrected)), "D")
    return rides, pd.concat([outcomes, corrected]).sort_values("known_at", kind="stable")


def stored(folder: Path, rides: pd.DataFrame, outcomes: pd.DataFrame) -> PeriodStore:
    store = PeriodStore(folder)
    for month in MONTHS:
        start, end = CALENDAR.bounds(month)
        mine = rides[(rides["at"] >= start) & (rides["at"] < end)].astype({"at": "datetime64[us]"})
        rows = pa.Table.from_pandas(mine, preserve_index=False)
        rate = rows["rate"].cast(pa.string()).dictionary_encode()
        store.write_table("raw_data", month, rows.set_column(rows.column_names.index("rate"), "rate", rate))
        known = outcomes[(outcomes["known_at"] >= start) & (outcomes["known_at"] < end)].rename(columns={"at": "time"})
        known = known.astype({"time": "datetime64[us]", "known_at": "datetime64[us]"})
        store.write_table("outcomes", month, pa.Table.from_pandas(known, preserve_index=False))
    return store


def kept(store: PeriodStore, types: tuple[RareType, ...] = TYPES) -> pa.Table | None:
    return load_kept(store, RIDES, OLDER, ["miles", "rate"], AS_OF, types)


def by_pandas(rides: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """What must be kept, from the world itself: the latest outcome known at the end of June, of either type."""
    known = outcomes[outcomes["known_at"] < CALENDAR.bounds(AS_OF)[1]].drop_duplicates("id", keep="last")
    rows = rides[rides["at"] < BEFORE].merge(known[["id", "label"]], on="id")
    return rows[(rows["rate"] == "5") | (rows["label"] == 1)].sort_values(["at", "id"])


@pytest.mark.parametrize("seed", range(6))
def test_what_is_kept_is_what_pandas_finds_with_the_outcomes_known_at_the_time(seed: int, tmp_path: Path) -> None:
    rides, outcomes = world(seed)
    found = kept(stored(tmp_path, rides, outcomes))
    expected = by_pandas(rides, outcomes)
    assert found is not None
    assert found["id"].to_pylist() == expected["id"].tolist()
    assert found[LABEL].to_pylist() == expected["label"].tolist()
    assert found["rate"].fill_null("?").to_pylist() == expected["rate"].fillna("?").tolist()


def test_what_became_known_later_changes_nothing(tmp_path: Path) -> None:
    rides, outcomes = world(3)
    end = CALENDAR.bounds(AS_OF)[1]
    truth = kept(stored(tmp_path / "truth", rides, outcomes))
    later = outcomes["known_at"] >= end
    assert later.sum() > 20
    planted = outcomes.assign(label=outcomes["label"].mask(later, 1 - outcomes["label"]))
    assert kept(stored(tmp_path / "planted", rides, planted)).equals(truth)
    earlier = outcomes.assign(label=1 - outcomes["label"])
    assert not kept(stored(tmp_path / "control", rides, earlier)).equals(truth)


def test_only_rows_that_may_be_of_a_type_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rides, outcomes = world(4)
    store, sizes = stored(tmp_path, rides, outcomes), []
    read = pq.read_table

    def watched(path: Path, **options: object) -> pa.Table:
        rows = read(path, **options)
        sizes.append((path.parent.name, path.stem, rows.num_rows, options["filters"] is not None))
        return rows

    monkeypatch.setattr("retrain_assets.candidates.rare_types.pq.read_table", watched)
    kept(store, (RareType(column="rate", value=5, min_rows=1),))
    raw = [rows for asset, _, rows, _ in sizes if asset == "raw_data"]
    assert sum(raw) == ((rides["rate"] == "5") & (rides["at"] < BEFORE)).sum()
    assert all(filtered for *_, filtered in sizes)
    assert max(period for _, period, *_ in sizes) <= AS_OF


def test_without_such_rows_nothing_is_kept(tmp_path: Path) -> None:
    store = stored(tmp_path, *world(6))
    assert kept(store, (RareType(column="rate", value=99, min_rows=1),)) is None
    assert kept(store, ()) is None


def test_a_period_without_the_types_column_has_no_row_of_the_type(tmp_path: Path) -> None:
    rides, outcomes = world(7)
    store = stored(tmp_path, rides, outcomes)
    store.write_table("raw_data", "2018-03", store.require_table("raw_data", "2018-03").drop_columns(["rate"]))
    march = rides["at"].dt.strftime("%Y-%m") == "2018-03"
    expected = by_pandas(rides.assign(rate=rides["rate"].mask(march)), outcomes)
    found = kept(store)
    assert found is not None
    assert found["id"].to_pylist() == expected["id"].tolist()


# ---- training on them

BINARY = replace(
    LATE,
    training=TrainingPolicy(
        objective="binary", num_leaves=7, threads=1, coverage=CoveragePolicy(rare=(RareType(label=1, min_rows=1),))
    ),
)
RECENT = span("2019-10-01", "2020-01-01")


def covering(*rare: RareType) -> Recipe:
    """The recipe with other rare types."""
    return replace(BINARY, training=BINARY.training.model_copy(update={"coverage": CoveragePolicy(rare=rare)}))


def claims(rate: float, months: int = 24, seed: int = 1) -> pa.Table:
    """Policies of two years in time order, of which a share `rate` has a claim, more so on long trips."""
    random = np.random.default_rng(seed)
    count = 1000 * months
    at = np.sort(np.datetime64("2018-01-01", "us") + random.integers(0, 730 * 86_400, count).astype("m8[s]"))
    miles = random.uniform(0, 10, count)
    return pa.table(
        {
            "trip": np.arange(count),
            "at": at,
            "miles": miles,
            "zone": pa.array(["Z"] * count).dictionary_encode(),
            LABEL: (random.random(count) < rate * miles / 5).astype(float),
        }
    )


def training_rows(table: pa.Table, recipe: Recipe) -> TrainingRows:
    rows = TrainingRows.of(table, contract_of(table, recipe.columns), recipe)
    return rows.training(RECENT, "recent", recipe)


def test_the_recent_strategy_trains_on_its_window_and_on_every_older_row_of_the_type() -> None:
    table = claims(0.02)
    at, label = table["at"].to_numpy(), table[LABEL].to_numpy()
    recent = (at >= np.datetime64(RECENT.start)) & (at < np.datetime64(RECENT.end))
    expected = table["trip"].to_numpy()[recent | ((at < np.datetime64(RECENT.start)) & (label == 1))]
    assert training_rows(table, BINARY).key.to_pylist() == expected.tolist()
    assert training_table(HeldRows(table, BINARY), RECENT, "recent", BINARY)["trip"].to_pylist() == expected.tolist()
    unkept = RareType(label=1, min_rows=1, keep=False)
    plain = covering(unkept)
    assert len(training_rows(table, plain)) == recent.sum()
    assert len(training_rows(table, BINARY)) > recent.sum() + 300


def test_the_history_strategy_keeps_nothing_twice() -> None:
    table = claims(0.02)
    rows = TrainingRows.of(table, contract_of(table, BINARY.columns), BINARY)
    assert rows.training(RECENT, "history", BINARY).key.equals(rows.within(RECENT).key)


@pytest.mark.parametrize("strategy", ["recent", "history"])
def test_weights_have_mean_one_and_the_effective_rows_are_kishs(strategy: str) -> None:
    rows = training_rows(claims(0.02), BINARY)
    weight = row_weights(rows, strategy, RECENT, BINARY)
    assert weight.mean() == pytest.approx(1, abs=1e-6)
    exact = weight.astype(float)
    assert effective_row_count(weight, len(rows)) == pytest.approx(exact.sum() ** 2 / (exact**2).sum())
    assert effective_row_count(weight, len(rows)) < len(rows)


def test_old_rows_of_a_class_do_not_make_the_class_look_common() -> None:
    """The weighted share of the class is its share in the world; unweighted it would be eight times that."""
    rows = training_rows(claims(0.02), BINARY)
    weight = row_weights(rows, "recent", RECENT, BINARY)
    label = rows.label.to_numpy()
    assert np.average(label, weights=weight) == pytest.approx(0.02, abs=0.003)
    assert label.mean() > 0.1


def test_a_model_of_kept_rows_is_calibrated_and_better_than_one_without() -> None:
    train, fresh = claims(0.01), claims(0.01, seed=2)
    losses = {}
    for name, recipe in (("kept", BINARY), ("recent only", covering())):
        trained = train_strategy(HeldRows(train, recipe), RECENT, "recent", 30, recipe)
        scores = predict(trained.model, encode(fresh, trained.contract).table)
        label = fresh[LABEL].to_numpy()
        losses[name] = -np.mean(np.log(np.where(label == 1, scores, 1 - scores)))
        if name == "kept":
            assert scores.mean() == pytest.approx(train[LABEL].to_numpy().mean(), rel=0.1)
    assert losses["kept"] < losses["recent only"]


def test_rows_kept_by_a_features_value_weigh_like_any_other() -> None:
    recipe = covering(RareType(column="zone", value="Z", min_rows=1))
    rows = training_rows(claims(0.02), recipe)
    assert row_weights(rows, "recent", RECENT, recipe) is None


def test_a_period_that_is_gone_and_a_column_that_no_period_has_take_no_row_of_the_others(tmp_path: Path) -> None:
    rides, outcomes = world(1)
    store = stored(tmp_path, rides, outcomes)
    store.path("raw_data", "2018-02").unlink()
    found = load_kept(store, RIDES, OLDER, ["miles", "toll", "rate"], AS_OF, TYPES)
    expected = by_pandas(rides, outcomes)
    expected = expected[expected["at"].dt.month != 2]
    assert found is not None
    assert found["id"].to_pylist() == expected["id"].tolist()
    assert found["toll"].null_count == found.num_rows


def test_keys_that_some_periods_store_as_text_are_the_same_keys(tmp_path: Path) -> None:
    rides, outcomes = world(2)
    store = stored(tmp_path, rides, outcomes)
    plain = kept(store)
    for month in MONTHS[::2]:
        known = store.require_table("outcomes", month)
        store.write_table("outcomes", month, known.set_column(0, "id", known["id"].cast(pa.string())))
    found = kept(store)
    assert plain is not None
    assert found is not None
    assert found.equals(plain)


def test_without_an_outcome_nothing_is_kept(tmp_path: Path) -> None:
    rides, outcomes = world(3)
    store = stored(tmp_path, rides, outcomes)
    for month in MONTHS:
        store.path("outcomes", month).unlink()
    assert kept(store) is None


def test_a_column_that_no_period_has_yet_makes_no_row_rare_and_hides_no_rare_class(tmp_path: Path) -> None:
    rides, outcomes = world(4)
    store = stored(tmp_path, rides, outcomes)
    for month in MONTHS:
        store.write_table("raw_data", month, store.require_table("raw_data", month).drop_columns(["rate"]))
    found = kept(store)
    expected = by_pandas(rides.assign(rate="1"), outcomes)
    assert found is not None
    assert found["id"].to_pylist() == expected["id"].tolist()


def test_a_word_for_a_rare_number_is_refused_with_the_column(tmp_path: Path) -> None:
    store = stored(tmp_path, *world(5))
    with pytest.raises(DataError, match="training.coverage.rare: miles holds numbers, 'far' is none"):
        kept(store, (RareType(column="miles", value="far", min_rows=1),))
