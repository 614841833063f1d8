"""The picture of the performance report shows what was measured, estimated and decided."""

import numpy as np
import pytest

from retrain_assets.documents.figure import BAD
from retrain_assets.monitoring.estimation.estimate_record import EstimateRecord
from retrain_assets.monitoring.pages.performance_plot import (
    METRICS,
    PerformanceHistory,
    performance_drawing,
    performance_figure,
    performance_history,
)
from retrain_assets.monitoring.performance.business_metrics import BusinessMeasurement
from retrain_assets.monitoring.performance.report import Baseline, Quality
from retrain_assets_tests.monitoring.stored import estimated, past, performance, png

BAND = {"v1": Baseline(1.0, 100, 0.9, 1.1, "gate rows")}


def line(axes, marker):
    """The points drawn with one marker."""
    (found,) = [each for each in axes.lines if each.get_marker() == marker]
    return found.get_ydata().tolist()


def business(name, value, threshold=0.3):
    outcome = Quality.WARN if value > threshold else Quality.QUIET
    return BusinessMeasurement(name, "US$", value, value - 0.1, value + 0.1, threshold, 9, outcome, name)


def test_the_losses_stand_on_the_band_of_the_version_that_made_them_and_promotions_are_named(world_after):
    built = world_after(5)
    event = built.registry.history()[-1]
    periods = [event.period, *(built.spec.period.shift(event.period, step) for step in (1, 2))]
    records = [performance(*each) for each in zip(periods, (1, 2, 3), ("v1",) * 3, (0, 5, 9), strict=True)]

    top, bottom = performance_figure(PerformanceHistory(records, BAND, [event]), "mae", 7.0).axes

    assert top.lines[0].get_ydata().tolist() == [1, 2, 3]
    assert [text.get_text() for text in top.texts] == ["v1"]
    (band,) = [path.get_extents() for path in top.collections[0].get_paths()]
    assert (band.y0, band.y1) == (0.9, 1.1)
    assert bottom.patches[0].get_data().values.tolist() == [0, 5, 9]
    assert bottom.lines[0].get_ydata() == [7.0, 7.0]


def test_a_rollback_is_marked_apart_from_a_promotion_and_a_rejection(world_after):
    from dataclasses import replace

    built = world_after(5)
    first = built.weeks(5)[-1]
    event = built.registry.history()[-1]
    weeks = [built.spec.period.shift(first, step) for step in range(4)]
    events = [
        event,
        replace(event, period=weeks[1], action="rejected"),
        replace(event, period=weeks[2], action="rolled_back", to_version="v0"),
    ]
    top, bottom = performance_figure(
        PerformanceHistory([performance(week, 1.0) for week in weeks], BAND, events), "mae", 7.0
    ).axes

    assert [text.get_text() for text in top.texts] == ["v1", "×", "back to v0"]
    assert top.texts[2].get_color() == BAD != top.texts[0].get_color()
    assert "× rejected" in bottom.get_title(loc="left")


def test_an_attempt_that_could_not_decide_is_called_undecided(world_after):
    from dataclasses import replace

    built = world_after(5)
    event = replace(built.registry.history()[-1], action="insufficient")
    records = [performance(event.period, 1.0)]
    *_, bottom = performance_figure(PerformanceHistory(records, BAND, [event]), "mae", 7.0).axes
    assert "? undecided" in bottom.get_title(loc="left")


def test_no_limit_of_a_mean_loss_is_drawn_below_zero():
    top, _ = performance_figure(PerformanceHistory([performance("2024-01", 0.05)], BAND, []), "mae", 7.0).axes
    limits = [path.vertices[:, 1] for lines in top.collections[1:] for path in lines.get_paths()]
    assert min(values.min() for values in limits) == 0


def test_the_estimate_stands_beside_what_was_measured_and_the_later_truth_beside_the_estimate():
    records = [
        performance("2024-01", 1.0, estimated=estimated(1.5, 1.2, 1.8)),
        performance("2024-02", None, estimated=EstimateRecord("nothing is estimated")),
        performance("2024-03", 2.0, estimated=estimated(2.5, 1.2, 1.8), estimates=(past("2024-01", 1.5, 1.6),)),
    ]

    top, _ = performance_figure(PerformanceHistory(records, BAND, []), "mae", 7.0).axes

    np.testing.assert_array_equal(top.lines[0].get_ydata(), [1.0, np.nan, 2.0])
    np.testing.assert_array_equal(line(top, "s"), [1.5, np.nan, 2.5])
    np.testing.assert_array_equal(line(top, "_"), [1.6, np.nan, np.nan])
    assert "estimated without outcomes" in top.get_title(loc="left")


def test_a_phone_gets_the_same_series_with_titles_that_fit():
    records = [performance("2024-01", 1.0), performance("2024-02", 2.0, outcome="warn")]
    figure = performance_figure(PerformanceHistory(records, BAND, []), "mae", 7.0, width=4.7)
    assert line(figure.axes[0], "X") == [2.0]
    edge = figure.bbox.x1
    assert all(axes.get_tightbbox().x1 <= edge + 1 for axes in figure.axes)


def test_what_was_never_estimated_is_not_in_the_legend():
    top, _ = performance_figure(PerformanceHistory([performance("2024-01", 1.0)], {}, []), "mae", 7.0).axes
    assert "estimated" not in top.get_title(loc="left")


def test_every_business_metric_is_a_series_with_its_threshold():
    values = [0.2, 0.5, 0.25]
    records = [
        performance(f"2024-0{at}", 1.0, business=(business("late share", value),) if at != 2 else ())
        for at, value in enumerate(values, start=1)
    ]

    _, _, axes = performance_figure(PerformanceHistory(records, {}, []), "mae", 7.0).axes

    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [0.2, np.nan, 0.25])
    assert axes.lines[-1].get_ydata() == [0.3, 0.3]
    assert axes.get_title(loc="left").startswith("late share")


def test_a_picture_has_room_for_a_few_business_metrics():
    many = tuple(business(f"metric {number}", 0.1) for number in range(9))
    history = PerformanceHistory([performance("2024-01", 1.0, business=many)], {}, [])
    assert len(performance_figure(history, "mae", 7.0).axes) == 2 + METRICS


@pytest.mark.parametrize("loss", [1.0, None])
def test_forty_periods_stay_under_the_limit(loss):
    records = [performance(f"2024-{week:02d}", loss and loss + week % 3, excess=week * 10.0) for week in range(40)]
    drawn = performance_drawing(PerformanceHistory(records, {}, []), "mae", 200.0)
    assert png(drawn.wide).shape[1] > 400
    assert png(drawn.narrow).shape[1] < png(drawn.wide).shape[1]


def test_the_history_is_what_a_monitored_model_has_stored(world_after):
    built = world_after(7, slower_from=6)
    last, *weeks = built.weeks(7)[4:]

    history = performance_history(built.store, built.registry, weeks[0])

    assert history.periods == weeks[:1]
    assert [event.period for event in history.events] == [last]
    assert set(history.baselines) == {"v1"}
    assert history.reports[0].loss == built.store.read_json("performance_report", weeks[0])["report"]["loss"]


def test_the_axes_say_in_what_they_count_and_write_no_powers_of_ten():
    records = [performance(f"2024-{month:02}", 1.5, excess=9_000.0 * month) for month in range(1, 4)]
    top, bottom = performance_figure(PerformanceHistory(records, BAND, []), "MAE", 7.0, "minutes").axes
    assert (top.get_ylabel(), bottom.get_ylabel()) == ("MAE\nminutes", "excess\nminutes")
    assert bottom.yaxis.get_major_formatter()(20_000.0) == "20,000"
    money = performance_figure(PerformanceHistory(records, BAND, []), "MAE", 7.0, "USD").axes[1]
    assert (money.get_ylabel(), money.yaxis.get_major_formatter()(20_000.0)) == ("excess", "\\$20,000")
