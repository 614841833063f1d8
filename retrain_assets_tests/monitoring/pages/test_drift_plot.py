"""The picture of the drift report shows what the records say, and is small enough for the event log."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.colors import to_rgb

from retrain_assets.documents.figure import BAD
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.impact.cost import Change
from retrain_assets.monitoring.pages.drift_plot import BINS, bars_of, drift_drawing, drift_figure, narrow_figure
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets.monitoring.records.drift_record import DriftRecord
from retrain_assets_tests.monitoring.stored import png


def column(name, outcome=Drift.QUIET, kind="numeric", confirmed=False):
    return ColumnDrift(name, kind, "", outcome, 0.5, 0.0, 0.01, None, None, None, None, None, 0.0, confirmed, "")


def record(period, columns, version="v1"):
    report = DriftReport(period, 100, 6, 8, tuple(columns), False, "")
    return DriftRecord(period, version, report)


def both(values, now, categorical=()):
    edges = reference_edges(values, [name for name in values.column_names if name not in categorical], categorical)
    return edges, profile(values, edges), profile(now, edges)


def test_numeric_bars_are_the_histogram_that_numpy_counts():
    random = np.random.default_rng(3)
    before, after = random.gamma(2, 2, 40_000), random.gamma(2, 2, 20_000) + 1.5
    edges, reference, current = both(pa.table({"x": before}), pa.table({"x": after}))

    bars = bars_of(column("x"), edges, reference.columns["x"], current.columns["x"])

    for drawn, values in ((bars.before, before), (bars.after, after)):
        inside = np.clip(values, bars.low, np.nextafter(bars.high, -np.inf))
        counted = np.histogram(inside, np.linspace(bars.low, bars.high, BINS + 1))[0] / values.size
        assert drawn.sum() == pytest.approx(1)
        assert np.abs(drawn - counted).max() < 0.02  # within a cell of the profile, rows are spread evenly


def test_few_values_get_a_bar_each_and_unknown_ones_a_bar_of_their_own():
    edges, reference, current = both(pa.table({"day": [1.0, 2.0, 2.0, 3.0]}), pa.table({"day": [2.0, 9.0]}))

    bars = bars_of(column("day"), edges, reference.columns["day"], current.columns["day"])

    assert bars.labels == ("1", "2", "3", "(new)")
    assert bars.before.tolist() == [0.25, 0.5, 0.25, 0]
    assert bars.after.tolist() == [0, 0.5, 0, 0.5]


@pytest.mark.parametrize("values", [["a", "b", "b", "b"], [1.0, 2.0, 2.0, 2.0]])
def test_rows_without_a_value_have_a_bar_of_their_own_and_all_bars_are_shares_of_all_rows(values):
    kind, gone = ["x"] if isinstance(values[0], str) else [], pa.array([values[0], None, None, values[1]])
    edges, reference, current = both(pa.table({"x": values}), pa.table({"x": gone}), kind)

    bars = bars_of(
        column("x", kind="categorical" if kind else "numeric"), edges, reference.columns["x"], current.columns["x"]
    )

    assert bars.labels[-1] == "no value"
    assert bars.before.tolist() == [0.25, 0.75, 0]
    assert bars.after.tolist() == [0.25, 0.25, 0.5]


def test_of_many_categories_the_largest_are_drawn():
    names = [f"zone {number:02d}" for number in range(40) for _ in range(number + 1)]
    edges, reference, current = both(pa.table({"zone": names}), pa.table({"zone": names}), ["zone"])

    bars = bars_of(column("zone", kind="categorical"), edges, reference.columns["zone"], current.columns["zone"])

    assert bars.labels == tuple(f"zone {number}" for number in range(32, 40))
    decided = replace(column("zone", kind="categorical"), summary="share of 'zone 03'")
    bars = bars_of(decided, edges, reference.columns["zone"], current.columns["zone"])
    assert bars.labels == ("zone 03", *(f"zone {number}" for number in range(33, 40))), "the one that the title names"


def test_a_column_that_never_had_a_value_is_drawn_empty():
    nothing = pa.table({"x": pa.nulls(5, pa.float64()), "c": pa.nulls(5, pa.string())})
    edges, reference, current = both(nothing, nothing, ["c"])
    columns = [column("x"), column("c", kind="categorical")]

    bars = [bars_of(each, edges, reference.columns[each.column], current.columns[each.column]) for each in columns]

    assert [each.before.tolist() for each in bars] == [[1], [1]]
    assert [each.labels for each in bars] == [("no value",), ("no value",)]
    assert len(drift_figure([record("2024-01", columns)], bars).axes) == 3


def test_the_heat_map_has_a_cell_for_every_column_and_period_and_a_bar_at_a_new_model():
    records = [record(f"2024-0{month}", [column("a"), column("b")]) for month in range(1, 5)]
    confirmed = [column("a", Drift.WARN, confirmed=True), column("b")]
    records += [record("2024-05", confirmed), record("2024-06", confirmed, version="v2")]

    heat = drift_figure(records, []).axes[0]

    cells = heat.images[0].get_array()
    assert cells.shape == (2, 6, 3)
    red = np.isclose(cells, to_rgb(BAD)).all(axis=2)
    assert np.argwhere(red).tolist() == [[0, 4], [0, 5]]
    assert [line.get_xdata()[0] for line in heat.lines if line.get_marker() == "None"] == [4.5]
    assert [tick.get_text() for tick in heat.get_yticklabels()] == ["a", "b"]


@pytest.mark.drawn
def test_the_picture_is_drawn_from_what_a_monitored_model_has_stored(world_after):
    built = world_after(6, slower_from=6)
    week = built.weeks(6)[-1]

    assert png(drift_drawing(built.store, built.registry, week).wide).shape[1] > 800


def test_each_outcome_has_a_sign_besides_its_colour():
    outcomes = (Drift.QUIET, Drift.SMALL, Drift.INSUFFICIENT, Drift.WARN)
    columns = [column(outcome.value, outcome) for outcome in outcomes] + [column("again", Drift.WARN, confirmed=True)]
    columns += [broken("gone")]
    heat = drift_figure([record("2024-01", columns)], []).axes[0]
    named = [label.get_text() for label in heat.get_yticklabels()]
    signs = {named[row]: line.get_label() for line in heat.lines for row in line.get_ydata()}
    assert signs == {"insufficient": "?", "warn": "!", "again": "x", "gone": "B"}


def test_a_phone_gets_the_histograms_below_the_map():
    values = pa.table({"x": [1.0, 2.0, 2.0, 3.0, 4.0]})
    edges, reference, current = both(values, values)
    bars = [bars_of(column("x"), edges, reference.columns["x"], current.columns["x"])] * 3
    heat, *small = narrow_figure([record("2024-01", [column("x")])], bars).axes
    assert len(small) == 3
    assert all(axes.get_position().y1 < heat.get_position().y0 for axes in small)
    assert small[0].get_position().x1 < small[1].get_position().x0


def test_a_column_with_a_name_of_any_length_has_room_on_a_phone():
    heat = narrow_figure([record("2024-01", [column("x" * 400)])], []).axes[0]
    assert heat.get_position().width > 0.4


def broken(name):
    return replace(column(name, Drift.WARN), problem="emptied", signals=("emptied",))


def test_columns_come_by_outcome_then_by_share_of_the_model():
    columns = [
        column("unknown", Drift.INSUFFICIENT), column("quiet"), column("large"), column("cheap", Drift.WARN),
        column("small", Drift.SMALL), column("dear", Drift.WARN), column("again", Drift.WARN, confirmed=True),
        broken("gone"),
    ]  # fmt: skip
    plain = record("2024-01", columns)
    names = [each.column for each in plain.columns]
    assert names == ["gone", "again", "cheap", "dear", "small", "quiet", "large", "unknown"]
    weighed = replace(
        plain, importance={"large": 0.9, "dear": 0.08}, impact=(Change("cheap", "2024-01", 0.01, 0.1, 0.001, None),)
    )
    names = [each.column for each in weighed.columns]
    assert names == ["gone", "again", "dear", "cheap", "small", "large", "quiet", "unknown"]


def test_of_columns_whose_share_nobody_knows_those_that_moved_most_come_first():
    moved = [replace(column(name), psi=psi) for name, psi in (("a", None), ("b", 0.1), ("c", 0.3))]
    assert [each.column for each in record("2024-01", moved).columns] == ["c", "b", "a"]


def test_a_broken_column_is_darker_than_any_change_and_has_a_bar_of_rows_without_a_value():
    random = np.random.default_rng(3)
    values = pa.table({"x": random.normal(size=500)})
    edges, reference, current = both(values, pa.table({"x": pa.nulls(200, pa.float64())}))
    bars = bars_of(broken("x"), edges, reference.columns["x"], current.columns["x"])
    assert (bars.before.sum(), bars.after.sum(), bars.without) == (pytest.approx(1), 0, (0.0, 1.0))

    heat, small = drift_figure([record("2024-01", [broken("x"), column("y", Drift.WARN, confirmed=True)])], [bars]).axes

    dark, confirmed = heat.images[0].get_array().sum(axis=2)[:, 0]
    assert dark < confirmed
    assert [tick.get_text() for tick in small.get_xticklabels()][-1] == "no value"
    assert [patch.get_height() for patch in small.patches if hasattr(patch, "get_height")] == [0.0, 1.0]


def test_names_with_dollar_signs_are_drawn_as_they_stand_and_no_formula():
    names = ["$^$", "US$ a", "a_b"]
    heat = drift_figure([record("2024-01", [column(name) for name in names])], []).axes[0]
    heat.figure.canvas.draw()
    assert [tick.get_text().replace("\\$", "$") for tick in heat.get_yticklabels()] == names


@pytest.mark.parametrize(
    ("name", "periods"), [("2024-01", 1), ("2024-01", 5), ("2024", 36), ("2024-01", 36), ("2024-01-01-00:00", 36)]
)
def test_the_names_of_the_periods_never_overlap_and_the_last_one_is_there(name, periods):
    heat = drift_figure([record(name, [column("a")])] * periods, []).axes[0]
    renderer = heat.figure.canvas.get_renderer()
    boxes = [label.get_window_extent(renderer) for label in heat.get_xticklabels()]
    assert heat.get_xticks()[-1] == periods - 1
    assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:], strict=False))
