"""The part of a drifted column that became more frequent: its words, its shares and its rows."""

import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.monitoring.impact.grown_share import GrownPart, grown_part, rows_in
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets_tests.monitoring.impact.worlds import rows_of, watched


def test_the_grown_part_is_what_became_more_frequent():
    found, _, _, _ = watched(rows_of(99, bike=0.6))
    grown = found[0].grown
    assert grown.words == "vehicle 'bike'"
    assert (grown.share_before, grown.share_after) == (pytest.approx(0.3, abs=0.02), pytest.approx(0.6, abs=0.03))


@pytest.mark.parametrize(
    "now", [{"fare": 13.0}, {"missing": 0.2}, {"bike": 0.5}, {"zone": "D"}], ids=["numeric", "missing", "level", "new"]
)
def test_the_rows_in_the_grown_part_are_as_many_as_its_share_says(now):
    table = rows_of(99, **now)
    found, edges, *_ = watched(table)
    for one in found:
        inside = rows_in(one.grown, table[one.column], edges, one.column)
        assert inside.mean() == pytest.approx(one.grown.share_after)


def test_a_column_that_only_shrank_into_nothing_has_no_grown_part():
    quiet = rows_of(1)
    edges = reference_edges(quiet, ["fare"], [])
    one = profile(quiet, edges)
    assert grown_part(one, one, "fare") is None
    assert grown_part(one, profile(quiet.slice(0, 0), edges), "fare") is None


def test_a_share_that_rose_by_chance_has_no_grown_part():
    old, new = (pa.table({"zone": ["A"] * a + ["B"] * b}) for a, b in ((500, 500), (470, 530)))
    edges = reference_edges(old, [], ["zone"])  # .03 more, with a standard error of .022
    assert grown_part(profile(old, edges), profile(new, edges), "zone") is None


def test_many_grown_levels_are_named_up_to_three():
    old = pa.table({"zone": ["A"] * 900 + list("BCDEF") * 20})
    new = pa.table({"zone": ["A"] * 100 + list("BCDEF") * 180})
    edges = reference_edges(old, [], ["zone"])
    grown = grown_part(profile(old, edges), profile(new, edges), "zone")
    assert sorted(grown.levels) == list("BCDEF")
    assert grown.words.endswith(" or 2 more")
    assert (grown.share_before, grown.share_after) == (pytest.approx(0.1), pytest.approx(0.9))


@pytest.mark.parametrize("now", [{"fare": 13.0}, {"missing": 0.2}, {"zone": "D"}])
def test_a_grown_part_survives_json(now):
    for one in watched(rows_of(99, **now))[0]:
        assert GrownPart.from_dict(json.loads(json.dumps(asdict(one.grown)))) == one.grown


@pytest.mark.parametrize("seed", range(6))
def test_the_bounds_in_words_count_the_rows_that_the_share_says(seed):
    rng = np.random.default_rng(seed)
    old, new = (
        pa.table({"minute": np.floor(rng.beta(*shape, 9_000) * 1440)})
        for shape in ((2, 2), tuple(rng.uniform(1, 6, 2)))
    )
    edges = reference_edges(old, ["minute"], [])
    grown = grown_part(profile(old, edges), profile(new, edges), "minute")
    values = new["minute"].to_numpy()
    assert sum(told(part, values) for part in grown.words.removeprefix("minute ").split(" or ")) / 9_000 == (
        pytest.approx(grown.share_after)
    )


def told(part, values):
    """How many values a reader finds within bounds in words."""
    strict, (low, high) = "between" in part, (-np.inf, np.inf)
    found = [float(number) for number in part.replace("between", "").split() if number[0].isdigit()]
    if part.startswith(("below", "up to")):
        high = found[0]
    else:
        low, high = found[0], found[1] if len(found) > 1 else high
    above = values > low if strict or "above" in part else values >= low
    return (above & (values < high if strict or "below" in part else values <= high)).sum()
