"""Profiles: counts against numpy and pandas, exact merging, and every kind of broken column."""

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.errors import DataError
from retrain_assets.monitoring.profiles.files import profiles_from_parquet, profiles_to_parquet
from retrain_assets.monitoring.profiles.profile import profile, reference_edges

RNG = np.random.default_rng(20)


def reference(rows=5000):
    return pa.table(
        {
            "distance": RNG.lognormal(6, 0.8, rows),
            "dow": RNG.integers(1, 8, rows),
            "carrier": pa.array(RNG.choice(["AA", "B6", "DL", "UA"], rows)).dictionary_encode(),
        }
    )


REFERENCE = reference()
EDGES = reference_edges(REFERENCE, ["distance", "dow"], ["carrier"])


def replaced(name, values):
    table = REFERENCE.slice(0, 100)
    return table.set_column(table.column_names.index(name), name, values)


def test_edges_are_quantiles_of_the_reference_and_every_value_when_there_are_few():
    assert EDGES.numeric["distance"].size == 65
    expected = np.quantile(REFERENCE["distance"].to_numpy(), np.linspace(0, 1, 65), method="inverted_cdf")
    assert np.array_equal(EDGES.numeric["distance"], expected)
    assert EDGES.numeric["dow"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert EDGES.categories["carrier"] == ("AA", "B6", "DL", "UA")


def test_counts_are_those_of_numpy_including_below_above_and_at_the_edges():
    values = np.concatenate([RNG.lognormal(6, 1.5, 3000), EDGES.numeric["distance"]])
    counts = profile(pa.table({"distance": values}), EDGES).columns["distance"].counts
    edges = EDGES.numeric["distance"]
    assert counts[0] == (values < edges[0]).sum()
    assert counts[-1] == (values > edges[-1]).sum()
    assert list(counts[1::2]) == [(values == edge).sum() for edge in edges]
    between = [((values > low) & (values < high)).sum() for low, high in zip(edges, edges[1:], strict=False)]
    assert list(counts[2:-2:2]) == between


def test_category_counts_are_those_of_pandas():
    seen = pd.Series(["AA", "ZZ", None, "UA", "AA", "Y1", "ZZ"])
    column = profile(pa.table({"carrier": pa.array(seen.astype(object), pa.string())}), EDGES).columns["carrier"]
    known = seen.value_counts()
    assert column.counts == tuple(known.get(level, 0) for level in EDGES.categories["carrier"])
    assert (column.unseen, column.missing, dict(column.new)) == (3, 1, {"ZZ": 2, "Y1": 1})


def test_mean_and_variance_are_those_of_the_cut_off_values():
    found = profile(REFERENCE, EDGES)
    cut = np.clip(REFERENCE["distance"].to_numpy(), *EDGES.limits_of("distance"))
    assert found.moments("distance") == pytest.approx((cut.mean(), cut.var()), rel=1e-4)


def test_one_wild_value_does_not_move_the_mean():
    wild = REFERENCE["distance"].to_numpy().copy()
    wild[0] = 1e12
    moved = profile(pa.table({"distance": wild}), EDGES).moments("distance")
    assert moved == pytest.approx(profile(REFERENCE, EDGES).moments("distance"), rel=2e-2)


VALUES = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(-1e300, 1e300), st.sampled_from([float("inf"), float("nan"), 3.0])),
        st.one_of(st.none(), st.sampled_from(["AA", "UA", "ZZ", ""])),
    ),
    max_size=40,
)


def table_of(rows):
    numbers, names = zip(*rows, strict=True) if rows else ((), ())
    return pa.table({"distance": pa.array(numbers, pa.float64()), "carrier": pa.array(names, pa.string())})


@settings(max_examples=60)
@given(VALUES, VALUES, VALUES)
def test_merging_is_exact_and_associative(one, two, three):
    a, b, c = (profile(table_of(rows), EDGES) for rows in (one, two, three))
    together = profile(table_of(one + two + three), EDGES)
    assert a.merge(b).merge(c) == a.merge(b.merge(c)) == together


@settings(max_examples=60)
@given(VALUES)
def test_every_row_is_counted_once_and_the_file_loses_nothing(rows):
    found = profile(table_of(rows), EDGES)
    for column in found.columns.values():
        assert column.rows == column.unusable + column.unseen + column.rest + sum(column.counts)
    assert profiles_from_parquet(profiles_to_parquet([("2024-01", found)]), EDGES) == {"2024-01": found}


def test_profiles_of_different_edges_do_not_merge():
    other = reference_edges(reference(), ["distance", "dow"], ["carrier"])
    with pytest.raises(DataError, match="different edges"):
        profile(REFERENCE, EDGES).merge(profile(REFERENCE, other))


INFINITE = pa.array([float("inf")] * 3 + [1.0] * 97)
MIXED = pa.array(["12.5"] * 98 + ["n/a", "??"])
BROKEN = {
    "vanished": (REFERENCE.slice(0, 100).drop_columns(["distance"]), "distance", "vanished", "no such column"),
    "null type": (replaced("distance", pa.nulls(100)), "distance", "all_missing", "all 100 values are missing"),
    "all NaN": (replaced("distance", pa.array([float("nan")] * 100)), "distance", "all_missing", "all 100"),
    "null names": (replaced("carrier", pa.nulls(100, pa.string())), "carrier", "all_missing", "all 100"),
    "text": (
        replaced("distance", pa.array(["far"] * 100)),
        "distance",
        "wrong_type",
        "100 of 100 .* no numbers, like 'far'",
    ),
    "mixed": (replaced("distance", MIXED), "distance", "wrong_type", r"2 of 100 .* no numbers, like '\?\?'"),
    "dates": (
        replaced("distance", pa.array([np.datetime64("2019-01-01", "us")] * 100)),
        "distance",
        "wrong_type",
        "a times",
    ),
    "lists": (replaced("carrier", pa.array([["AA"]] * 100)), "carrier", "wrong_type", "100 of 100 .* no names"),
    "infinite": (replaced("distance", INFINITE), "distance", "infinite", "3 of 100 values are infinite"),
    "constant": (
        replaced("distance", pa.array([7.5] * 100)),
        "distance",
        "constant",
        "all 100 values are the same, 7.5",
    ),
    "one name": (replaced("carrier", pa.array(["XX"] * 100)), "carrier", "constant", "'XX'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_column_is_one_named_problem_and_the_others_are_profiled(case):
    table, name, kind, sentence = BROKEN[case]
    found = profile(table, EDGES)
    assert set(found.problems) == {name}
    assert found.problems[name].kind == kind
    assert re.search(sentence, found.problems[name].sentence)
    healthy = profile(REFERENCE.slice(0, 100), EDGES)
    assert all(found.columns[other] == healthy.columns[other] for other in found.columns if other != name)


def test_a_reference_without_the_column_or_without_values_gives_bins_without_edges():
    edges = reference_edges(pa.table({"x": pa.nulls(5, pa.float64())}), ["x", "gone"], ["also_gone"])
    found = profile(pa.table({"x": [1.0, 2.0], "gone": [3.0, None], "also_gone": ["a", "b"]}), edges)
    assert found.columns["x"].counts == (2,)
    assert found.columns["gone"].missing == 1
    assert found.columns["also_gone"].unseen == 2


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2, None, 3], pa.int8()),
        pa.array([1.0, 2.0, None, 3.0], pa.float32()),
        pa.array(["1", "2.0", None, "3e0"]),
        pa.array(["1", "2.0", None, "3e0"]).dictionary_encode(),
        pa.array([Decimal("1.0"), Decimal("2.0"), None, Decimal("3.0")], pa.decimal128(5, 1)),
    ],
)
def test_numbers_of_any_type_give_the_same_profile(values):
    edges = reference_edges(pa.table({"x": [1.0, 2.0, 3.0]}), ["x"], [])
    assert profile(pa.table({"x": values}), edges) == profile(pa.table({"x": [1.0, 2.0, None, 3.0]}), edges)


def test_dictionaries_that_differ_between_chunks_count_like_plain_text():
    chunks = [pa.array(["AA", "UA"]).dictionary_encode(), pa.array(["UA", None, "ZZ"]).dictionary_encode()]
    chunked = pa.table({"carrier": pa.chunked_array(chunks)})
    assert profile(chunked, EDGES).columns["carrier"].counts == (1, 0, 0, 2)
    assert profile(chunked, EDGES).columns["carrier"].unseen == 1


def test_a_column_of_ten_thousand_new_names_keeps_a_thousand_of_them_and_counts_all():
    names = pa.array([f"id{number:05}" for number in range(10_000)])
    column = profile(pa.table({"carrier": names}), EDGES).columns["carrier"]
    assert (column.unseen, len(column.new)) == (10_000, 1000)


def test_an_empty_table_is_a_profile_of_no_rows():
    found = profile(REFERENCE.slice(0, 0), EDGES)
    assert (found.rows, found.problems) == (0, {})
    assert np.isnan(found.moments("distance")).all()
