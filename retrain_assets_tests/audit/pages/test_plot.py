"""The timeline: what stands where, read back from the drawn figure."""

import base64
from datetime import datetime

import pytest

from retrain_assets.audit.pages.plot import MARKS, OTHER, PERIODS, WIDTH, draw, timeline
from retrain_assets.documents.figure import BAD, GOOD, NARROW
from retrain_assets.documents.page import PNG
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import spoken
from retrain_assets_tests.audit.journals import MONTHS, journal, until

ALL = journal(
    ("2019-01", "bootstrap"),
    ("2019-02", "rejected"),
    ("2019-03", "promoted"),
    ("2019-04", "held"),
    ("2019-05", "released"),
    ("2019-06", "rolled_back", "v1"),
    ("2019-06", "insufficient"),
    ("2019-07", "approved"),
    ("2019-08", "retired"),
)
YEAR = MONTHS.between("2019-01", "2019-12")


def bars(axes):
    """Left end, length and colour of every bar, in periods."""
    from matplotlib.colors import to_hex

    return [
        (round(bar.get_x(), 2), round(bar.get_width(), 2), to_hex(bar.get_facecolor()))
        for container in axes.containers
        for bar in container
    ]


def test_a_version_s_bar_goes_from_the_end_of_its_decision_s_period_to_the_end_of_its_successor_s():
    top = draw(MONTHS, YEAR, journal(("2019-01", "bootstrap"), ("2019-04", "promoted")), {}).axes[0]
    (first, second) = bars(top)
    assert first[:2] == (0.5, 3.0)
    assert second == (3.5, 8.0, GOOD)
    assert [label.get_text() for label in top.get_yticklabels()] == ["v1", "v2"]


def test_a_bar_begins_below_the_name_of_the_period_from_which_on_the_version_serves():
    top, low = draw(MONTHS, YEAR[:6], journal(("2019-01", "bootstrap"), ("2019-04", "promoted")), {}).axes
    named = {label.get_text(): place for place, label in zip(low.get_xticks(), low.get_xticklabels(), strict=True)}
    assert [left for left, *_ in bars(top)] == [named["2019-02"], named["2019-05"]]


@pytest.mark.parametrize(
    ("width", "count"), [(WIDTH, 1), (WIDTH, 10), (WIDTH, 11), (WIDTH, 60), (NARROW, 4), (NARROW, 5), (NARROW, 60)]
)
def test_the_names_of_periods_never_run_together(width, count):
    """The most of which each is named, one more, and the most that are shown."""
    weeks = Calendar(every="week", start="2024-01-01")
    figure = draw(weeks, weeks.between("2024-01-01", weeks.shift("2024-01-01", count - 1)), (), {}, width)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[1].get_xticklabels()]
    assert boxes
    assert all(one.x1 + 5 < other.x0 for one, other in zip(boxes, boxes[1:], strict=False))


def test_a_version_that_came_back_has_two_bars_in_one_lane_and_what_was_withdrawn_is_red():
    top = draw(MONTHS, YEAR, ALL, {}).axes[0]
    assert [label.get_text() for label in top.get_yticklabels()] == ["v1", "v2"]
    assert [color for *_, color in bars(top)][1:] == [BAD, BAD]  # v2 rolled back, v1 retired in the end
    assert [text.get_text() for text in top.texts] == ["rolled back", "retired", "held"]


def test_every_action_has_its_mark_in_the_legend_and_two_of_one_period_stand_side_by_side():
    low = draw(MONTHS, YEAR, ALL, {}).axes[1]
    named = [text.get_text() for text in low.get_legend().get_texts()]
    assert named == [spoken(event.action) for event in ALL]
    assert "first model" in named
    assert {event.action for event in ALL} <= set(MARKS)
    places = [line.get_xdata()[0] for line in low.lines]
    assert len(set(places)) == len(ALL)


def test_an_action_that_is_not_known_yet_is_drawn_too():
    from dataclasses import replace

    events = (*ALL[:1], replace(ALL[1], action="transferred"))
    low = draw(MONTHS, YEAR, events, {}).axes[1]
    assert [line.get_marker() for line in low.lines] == [MARKS["bootstrap"][0], OTHER[0]]


def test_the_objective_is_green_within_red_above_and_else_another_colour():
    quality = {"2019-02": "quiet", "2019-03": "warn", "2019-04": "insufficient"}
    low = draw(MONTHS, YEAR, (), quality).axes[1]
    found = bars(low)
    assert [round(left + width / 2) for left, width, _ in found] == [1, 2, 3]
    assert [color for *_, color in found][:2] == [GOOD, BAD]
    assert found[2][2] not in (GOOD, BAD)


def test_a_long_history_stays_a_small_png_of_the_latest_periods():
    steps = [("2019-01", "bootstrap")]
    steps += [(MONTHS.shift("2019-01", number), "promoted") for number in range(1, 120)]
    drawn = timeline(MONTHS, journal(*steps), {}, "2029-01")
    for picture in (drawn.wide, drawn.narrow):
        assert len(picture) < 100_000
        assert base64.b64decode(picture.removeprefix(PNG)).startswith(b"\x89PNG")
    figure = draw(MONTHS, MONTHS.between("2024-02", "2029-01"), journal(*steps), {})
    assert len(figure.axes[1].lines) == PERIODS - 1  # the last month has no decision yet


def test_nothing_at_all_is_drawn_as_such():
    top = draw(MONTHS, ["2019-01"], (), {}).axes[0]
    assert top.get_title(loc="left") == "no version has been live yet"


def test_a_hold_is_shaded_until_it_expires_or_is_released_and_no_longer():
    months = [("2019-01", "bootstrap"), ("2019-03", "held")]

    def shaded(events):
        from matplotlib.patches import Rectangle

        top = draw(MONTHS, YEAR, events, {}).axes[0]
        return [(p.get_x(), p.get_x() + p.get_width()) for p in top.patches if type(p) is Rectangle and p.get_alpha()]

    expiring = until(journal(*months), datetime(2019, 6, 1))
    assert shaded(expiring) == [(2.5, 5.0)]  # from the end of March to the end of May
    assert shaded(until(journal(*months), datetime(2020, 6, 1))) == [(2.5, 11.5)]
    assert shaded(journal(*months)) == [(2.5, 11.5)]
    assert shaded(journal(*months, ("2019-05", "released"))) == [(2.5, 4.5)]
