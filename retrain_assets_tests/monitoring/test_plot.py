"""The pictures show what the records say, and are small enough for the event log."""

import base64
import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from retrain_assets.monitoring.drift import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.performance import Baseline, PerformanceReport
from retrain_assets.monitoring.plot import (
    BINS,
    bars_of,
    drift_figure,
    drift_picture,
    performance_figure,
    performance_history,
    performance_picture,
)
from retrain_assets.monitoring.profile import profile, reference_edges
from retrain_assets.pictures import BAD, LIMIT_BYTES


def png(markdown):
    head, _, data = markdown.removesuffix(")").partition("](data:image/png;base64,")
    assert head.startswith("![")
    assert len(markdown) < LIMIT_BYTES
    return imread(io.BytesIO(base64.b64decode(data, validate=True)))


def column(name, outcome=Drift.QUIET, kind="numeric", confirmed=False):
    return ColumnDrift(name, kind, "", outcome, 0.5, 0.0, 0.01, None, None, None, None, None, 0.0, confirmed, "")


def record(period, columns, version="v1"):
    report = DriftReport(period, 100, 6, 8, tuple(columns), False, "")
    return {"period": period, "version": version, "features": report.to_dict()}


def report(period, loss, version="v1", excess=0.0, outcome="quiet"):
    return PerformanceReport(
        period, version, 100, loss, loss - 0.1, loss + 0.1, 1.0, loss - 1.0, 0.0, excess, (), outcome, ""
    )


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


def test_of_many_categories_the_largest_are_drawn():
    names = [f"zone {number:02d}" for number in range(40) for _ in range(number + 1)]
    edges, reference, current = both(pa.table({"zone": names}), pa.table({"zone": names}), ["zone"])

    bars = bars_of(column("zone", kind="categorical"), edges, reference.columns["zone"], current.columns["zone"])

    assert bars.labels == tuple(f"zone {number}" for number in range(32, 40))


def test_a_column_that_never_had_a_value_is_drawn_empty():
    nothing = pa.table({"x": pa.nulls(5, pa.float64()), "c": pa.nulls(5, pa.string())})
    edges, reference, current = both(nothing, nothing, ["c"])
    columns = [column("x"), column("c", kind="categorical")]

    bars = [bars_of(each, edges, reference.columns[each.column], current.columns[each.column]) for each in columns]

    assert [each.before.size for each in bars] == [0, 0]
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
    assert [line.get_xdata()[0] for line in heat.lines] == [4.5]
    assert [tick.get_text() for tick in heat.get_yticklabels()] == ["a", "b"]


def test_the_losses_stand_on_the_band_of_the_version_that_made_them_and_promotions_are_named(world):
    built = world(weeks=9)
    built.bootstrapped()
    event = built.registry.history()[-1]
    periods = [event.period, *(built.spec.period.shift(event.period, step) for step in (1, 2))]
    records = [
        report(period, loss, excess=excess) for period, loss, excess in zip(periods, (1, 2, 3), (0, 5, 9), strict=True)
    ]
    bands = {"v1": Baseline(1.0, 100, 0.9, 1.1, "gate rows")}

    top, bottom = performance_figure(records, bands, [event], "mae", 7.0).axes

    assert top.lines[0].get_ydata().tolist() == [1, 2, 3]
    assert [text.get_text() for text in top.texts] == ["v1"]
    assert [bar.get_height() for bar in bottom.patches] == [0, 5, 9]
    assert bottom.lines[0].get_ydata() == [7.0, 7.0]


def test_forty_periods_stay_under_the_limit():
    records = [report(f"2024-{week:02d}", 1 + week % 3, excess=week * 10.0) for week in range(40)]
    records[7] = replace(records[7], loss=None, low=None, high=None)

    picture = png(performance_picture(records, {}, [], "mae", 200.0))

    assert picture.shape[1] > 400


def test_both_pictures_are_drawn_from_what_a_monitored_model_has_stored(world):
    built = world(weeks=9, slower_from=6)
    last = built.bootstrapped()
    week = built.spec.period.shift(last, 1)
    assert built.run("monitor", week).success

    drift = png(drift_picture(built.store, built.registry, week))
    quality = png(performance_picture(*performance_history(built.store, built.registry, week), "mae", 1000))

    assert drift.shape[1] > quality.shape[1] > 400
