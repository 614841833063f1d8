"""Counting on the grid gives what sorting gives, for every shape of column and every size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.monitoring.profiles.binning import STEPS, Bins, order_statistics, widened

SHAPES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n),
    "money": lambda rng, n: rng.exponential(20, n).round(2),
    "mostly zero": lambda rng, n: np.where(rng.random(n) < 0.97, 0.0, rng.normal(size=n)),
    "signed zeros": lambda rng, n: rng.choice([-0.0, 0.0, 1.0], n),
    "two clusters": lambda rng, n: rng.choice([0.0, 1e9], n) + rng.normal(0, 1e-3, n),
    "huge": lambda rng, n: rng.choice([-1.7e308, 1.7e308, 0.0], n),
    "tiny": lambda rng, n: rng.normal(0, 1e-300, n),
    "one value": lambda rng, n: np.full(n, 3.5),
}
ODD = [shape for shape in SHAPES if shape not in ("normal", "money")]
"""What the grid cannot spread: values far out, equal, or nearer to each other than its steps."""


def sorted_cells(values, edges):
    ordered = np.sort(values)
    below = np.searchsorted(ordered, edges, side="left")
    up_to = np.searchsorted(ordered, edges, side="right")
    return np.diff(np.column_stack([below, up_to]).ravel(), prepend=0, append=values.size)


@pytest.mark.parametrize(("shape", "rows"), [*((shape, 40_000) for shape in ODD), ("normal", 1), ("money", 700)])
def test_the_counts_are_those_of_sorting(shape, rows):
    rng = np.random.default_rng(8)
    reference, values = SHAPES[shape](rng, 30_000), SHAPES[shape](rng, rows)
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, 65), method="inverted_cdf"))
    values = np.concatenate([values, edges, edges + 1])
    bins = Bins(edges, *widened(*np.quantile(reference, [0.01, 0.99], method="inverted_cdf")))
    assert list(bins.count(np.array_split(values, 3)).cells) == sorted_cells(values, edges).tolist()


@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1), st.integers(0, 9000), st.lists(st.floats(-5, 5), max_size=70, unique=True),
    st.floats(-4, 4), st.floats(1e-3, 4),
)  # fmt: skip
def test_any_edges_and_any_grid_give_the_counts_of_sorting_and_the_sums_of_the_steps(seed, rows, points, low, width):
    values, edges = np.random.default_rng(seed).normal(size=rows).round(3), np.array(sorted(points))
    edges = np.unique(np.concatenate([edges, values[:20]]))
    counted = Bins(edges, low, low + width).count([values])
    assert list(counted.cells) == sorted_cells(values, edges).tolist()
    steps = [round((min(max(x, low), low + width) - low) * (STEPS / (low + width - low))) for x in values.tolist()]
    assert (counted.first, counted.second) == (sum(steps), sum(step**2 for step in steps))


@pytest.mark.parametrize(("shape", "rows"), [*((shape, 50_000) for shape in ODD), ("money", 50_000), ("normal", 5)])
def test_order_statistics_are_those_of_sorting(shape, rows):
    values = SHAPES[shape](np.random.default_rng(9), rows)
    ranks = np.unique(np.linspace(0, rows - 1, 67).astype(int))
    assert order_statistics(np.array_split(values, 3), ranks).tolist() == np.sort(values)[ranks].tolist()


@pytest.mark.parametrize("ends", [(0.0, 0.0), (1.0, 1.0), (-1.7e308, 1.7e308), (1.7e308, 1.7e308), (0.0, 5e-324)])
def test_a_widened_range_is_finite_and_not_empty(ends):
    low, high = widened(*ends)
    assert np.isfinite(STEPS / (high - low))
    assert high > low
