"""Edges of a long reference, and of columns of many levels."""

import numpy as np
import pyarrow as pa

from retrain_assets.monitoring.drift.report import drift
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles import edges as edges_module
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets_tests.monitoring.profiles.worlds import many_levels


def test_of_a_long_reference_every_kth_value_chooses_the_edges_and_the_extremes_stay(monkeypatch):
    monkeypatch.setattr(edges_module, "MOST_VALUES", 4096)
    values = np.random.default_rng(3).normal(size=20_000)
    edges = reference_edges(pa.table({"x": values}), ["x"], []).numeric["x"]
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    thinned = np.append(values[::5], [values.min(), values.max()])
    assert edges.tolist() == np.quantile(thinned, np.linspace(0, 1, 65), method="inverted_cdf").tolist()


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
