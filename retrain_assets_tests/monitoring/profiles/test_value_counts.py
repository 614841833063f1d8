"""Columns of few different values are told as each value once, and nothing that is counted depends on it."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from retrain_assets.monitoring.profiles.binning import Bins
from retrain_assets.monitoring.profiles.column_reader import numbers, numbers_of_parts
from retrain_assets.monitoring.profiles.edges import numeric_edges
from retrain_assets.monitoring.profiles.profile import numeric_column, reference_profiles
from retrain_assets.monitoring.profiles.value_counts import Tally, pooled, rows_by_code, tallied

RNG = np.random.default_rng(3)
NULLS = RNG.random(40_000) < 0.2
SHAPES = {
    "bytes": pa.array(RNG.integers(-128, 128, 40_000).astype(np.int8)),
    "negative shorts": pa.array(RNG.integers(-32768, 32768, 40_000).astype(np.int16), mask=NULLS),
    "flags": pa.array(RNG.random(40_000) < 0.3, mask=NULLS),
    "far whole numbers": pa.array(2**62 + RNG.integers(0, 50, 40_000)),
    "farther than signed": pa.array(RNG.integers(0, 50, 40_000).astype(np.uint64) + np.uint64(2**64 - 60)),
    "few floats": pa.array(RNG.integers(0, 300, 40_000).astype(np.float32) / 7, mask=NULLS),
    "NaN and infinity": pa.array(RNG.choice([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.5], 40_000)),
    "one value": pa.array(np.full(40_000, 3.5)),
    "all null": pa.array([None] * 40_000, pa.int32()),
}
PLAIN = ("rows", "missing", "infinite", "wrong", "least", "greatest")


@pytest.mark.parametrize(("shape", "pieces"), [*((shape, 3) for shape in SHAPES), ("few floats", 1)])
def test_a_told_column_has_the_edges_and_the_profile_of_its_values_in_order(shape, pieces):
    whole = SHAPES[shape]
    chunks = pa.chunked_array([whole.slice(at * 15_000, 15_000) for at in range(3)] if pieces == 3 else [whole])
    table = pa.table({"x": chunks})
    told, ordered = list(numbers(table, "x")), list(numbers(table, "x", in_order=True))
    assert all(isinstance(one.finite, Tally) for one in told) or shape == "all null"
    assert [[getattr(one, name) for name in PLAIN] for one in told] == [
        [getattr(one, name) for name in PLAIN] for one in ordered
    ]
    edges = numeric_edges("x", told, len(whole))
    assert edges == numeric_edges("x", ordered, len(whole))
    assert numeric_column(told, edges, "x") == numeric_column(ordered, edges, "x")


def test_a_column_of_many_different_values_is_not_told():
    assert tallied([pa.chunked_array([RNG.normal(size=5000)])]) is None
    assert tallied([pa.chunked_array([RNG.integers(0, 2**40, 5000)])]) is None
    assert tallied([pa.chunked_array([["a", "b"]])]) is None


@given(
    kind=st.sampled_from([np.float32, np.float64]),
    different=st.sampled_from([3, 400, 5000, 30_000]),
    seed=st.integers(0, 2**16),
    parts=st.integers(1, 40),
)
def test_floats_are_counted_as_numpy_counts_them(kind, different, seed, parts):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=different).astype(kind) * 10.0 ** rng.integers(-30, 30)
    rare = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, np.finfo(kind).tiny], kind)
    # each common value again and again, so that the sample calls them few, and the rest where the sample misses them
    values = rng.choice(common[:200].astype(kind), 70_000)
    values[rng.random(70_000) < 0.01] = rng.choice(rare)
    values[rng.integers(0, 70_000, different)] = common
    bounds = np.sort(rng.integers(0, 70_000, parts - 1))
    columns = [pa.chunked_array([part[: len(part) // 3], part[len(part) // 3 :]]) for part in np.split(values, bounds)]
    told = tallied(columns)
    for tally, part in zip(told or [], np.split(values, bounds), strict=bool(told)):
        found, rows = np.unique(part[np.isfinite(part)].astype(float) + 0.0, return_counts=True)
        assert tally.values[tally.rows > 0].tolist() == found.tolist()
        assert tally.rows[tally.rows > 0].tolist() == rows.tolist()
        assert tally.infinite == np.isinf(part).sum()
    event(f"{different} values told: {told is not None}")


def test_columns_of_two_types_are_not_told_together():
    assert tallied([pa.chunked_array([[1, 2]]), pa.chunked_array([[1.0, 2.0]])]) is None


def test_many_small_columns_of_a_wide_range_are_not_told_as_one_table_of_places():
    assert tallied([pa.chunked_array([[0, 60_000]])] * 50) is None


@pytest.mark.parametrize("shape", SHAPES)
def test_parts_told_together_are_those_told_one_by_one(shape):
    parts = [pa.table({"x": SHAPES[shape].slice(start, rows)}) for start, rows in ((0, 7), (7, 30_000), (30_007, 0))]
    together = numbers_of_parts(parts, "x")
    for pieces, part in zip(together, parts, strict=True):
        alone = list(numbers(part, "x"))
        assert [[getattr(one, name) for name in PLAIN] for one in pieces] == [
            [getattr(one, name) for name in PLAIN] for one in alone
        ]


def test_tallies_counted_together_are_those_counted_one_by_one():
    values = np.unique(RNG.normal(size=700).round(1))
    tallies = [Tally(values, RNG.integers(0, 2**20, values.size)) for _ in range(3)]
    bins = Bins(np.array([-1.0, 0.0, 0.5]), -2.0, 2.0)
    for one, counted in zip(tallies, bins.count_told(tallies), strict=True):
        assert counted == bins.count(one) == bins.count(np.array_split(np.repeat(one.values, one.rows), 4))


def test_pooled_tallies_are_the_counts_of_all_rows_in_order():
    values, rows = np.arange(20.0), RNG.integers(1, 9, (2, 20))
    expected = np.repeat(np.tile(values, 2), rows.ravel())
    for parts in ([Tally(values, part) for part in rows], [Tally(values.copy(), part) for part in rows]):
        both = pooled(parts)
        assert np.repeat(both.values, both.rows).tolist() == np.sort(expected).tolist()


def test_a_tally_finds_the_value_at_each_place_of_its_rows_in_order():
    tally = Tally(np.arange(20.0), RNG.integers(0, 9, 20))
    assert tally.at(np.arange(tally.size)).tolist() == np.repeat(tally.values, tally.rows).tolist()


def test_codes_without_a_value_and_dictionaries_without_an_entry_are_counted():
    nothing = pa.chunked_array([pa.array([None, None], pa.int8())])
    assert rows_by_code(nothing, 0).tolist() == []
    assert rows_by_code(nothing, 2).tolist() == [0, 0]


def test_parts_told_and_parts_in_order_make_one_reference():
    few, many = RNG.integers(0, 90, 3000).astype(float), RNG.normal(40, 9, 3000)
    parts = {"1": pa.table({"x": few}), "2": pa.table({"x": many})}
    edges, profiles = reference_profiles(parts, ["x"], [])
    pooled_edges = numeric_edges("x", numbers(pa.table({"x": np.concatenate([few, many])}), "x", in_order=True), 6000)
    assert edges == pooled_edges
    for part, table in parts.items():
        assert profiles[part].columns["x"] == numeric_column(numbers(table, "x", in_order=True), edges, "x")
