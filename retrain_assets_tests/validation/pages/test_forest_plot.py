"""The forest plot draws every finding of a verdict once, under its check, by colour and by mark."""

from dataclasses import replace

import pytest

from retrain_assets.documents.figure import BAD, GOOD, LIMIT_BYTES, UNKNOWN
from retrain_assets.documents.page import Drawing
from retrain_assets.validation.pages import forest_plot
from retrain_assets.validation.pages.forest_plot import (
    EDGE,
    MARKERS,
    MOST,
    ForestPictures,
    forest_drawing,
    forest_figure,
    forest_pictures,
    line_of,
    narrow_figure,
)
from retrain_assets.validation.pages.text import in_order
from retrain_assets.verdict import CHECKS, ORDER, Finding, GateWindow, Outcome, Verdict


def verdict(*findings):
    gate = GateWindow(("2024-01",), "2024-01-01T00:00:00", "2024-02-01T00:00:00", 100, "a" * 64)
    return Verdict("delivery", "2024-01", findings, gate, "c" * 64, "b" * 64, "p" * 64, "1")


def finding(check, outcome=Outcome.PASS, improvement=0.5, **numbers):
    low, high = improvement - 0.2, improvement + 0.2
    return Finding(check, outcome, "so", metric="mae", improvement=improvement, low=low, high=high, **numbers)


def drawn(figure, color):
    """The lines of one colour that are data: not the legend's."""
    return [line for line in figure.axes[0].lines if line.get_color() == color and len(line.get_xdata())]


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_findings_are_read_in_the_order_of_decisions():
    found = verdict(finding("hard"), *(finding(check) for check in reversed(CHECKS)))

    assert [each.check for each in in_order(found)] == list(ORDER)


def test_a_finding_with_a_margin_is_drawn_in_units_of_it():
    worse = finding("fairness", Outcome.FAIL, -1.0, margin=0.5, role="fairness")

    figure = forest_figure(verdict(worse))

    interval, point = drawn(figure, BAD)
    assert interval.get_xdata().tolist() == [-2.4, -1.6]
    assert point.get_xdata().tolist() == [-2.0]
    assert line_of(worse).asked == -1.0


def test_a_floors_distance_is_judged_against_nothing_and_not_against_the_limit_itself():
    distance = line_of(finding("guardrails", improvement=1.0, margin=20.0, role="floor"))

    assert distance.asked == 0.0
    assert max(abs(distance.low), abs(distance.high)) == pytest.approx(EDGE - 0.5)


def test_what_lies_beyond_the_edge_is_drawn_at_the_edge_as_an_arrow():
    far = finding("fairness", improvement=9.0, margin=0.5, role="fairness")

    lines = drawn(forest_figure(verdict(far)), GOOD)

    assert {line.get_marker() for line in lines} >= {">"}
    assert max(max(line.get_xdata()) for line in lines) == EDGE


@pytest.mark.parametrize(("improvement", "arrow", "side"), [(9.0, ">", 1), (-9.0, "<", -1)])
def test_an_interval_that_lies_beyond_the_edge_as_a_whole_has_one_arrow_beside_its_middle(improvement, arrow, side):
    far = finding("fairness", improvement=improvement, margin=0.5, role="fairness")
    marks = {
        line.get_marker(): line.get_xdata().tolist()
        for line in drawn(forest_figure(verdict(far)), GOOD)
        if len(line.get_xdata()) == 1
    }
    assert set(marks) == {arrow, "o"}
    assert marks[arrow] == [side * EDGE]
    assert abs(marks["o"][0]) < EDGE - 0.1


def test_no_line_is_nameless_and_critical_cases_are_told_from_normal_ones():
    kept = Finding("regression_suite", Outcome.PASS, "kept", metric="share right", role="regression")
    found = verdict(
        Finding("fairness", Outcome.NOT_ASKED, "not asked: nobody"), kept, replace(kept, p_value=1.0, alpha=0.05)
    )
    shown = words(forest_figure(found))
    assert {"share right, critical cases", "share right, normal cases", "not asked"} <= set(shown)
    assert shown.count("fairness") == 2, "the check and its line"
    assert "" not in shown


def test_every_finding_is_a_line_under_its_check_with_or_without_an_estimate():
    found = verdict(
        finding("significance", role="primary"),
        finding("fairness", group="sex=F", margin=1.0, role="fairness"),
        Finding("regression_suite", Outcome.PASS, "no flip", metric="share right"),
    )

    shown = words(forest_figure(found))

    for label in ("significance", "MAE (primary)", "fairness", "MAE sex=F", "regression suite", "share right"):
        assert label in shown
    assert sum("no interval" in label for label in shown) == 1
    assert "0.5 [0.3, 0.7], margin 1" in shown


JUDGED = (Outcome.PASS, Outcome.FAIL, Outcome.INSUFFICIENT, Outcome.WATCHED)


def test_each_outcome_has_a_mark_and_a_colour_of_its_own():
    found = verdict(*(finding("fairness", outcome, margin=1.0, role="fairness") for outcome in JUDGED))

    figure = forest_figure(found)

    for outcome, color in zip(JUDGED, (GOOD, BAD, UNKNOWN, UNKNOWN), strict=True):
        assert MARKERS[outcome] in {line.get_marker() for line in drawn(figure, color)}
    assert len(set(MARKERS.values())) == len(JUDGED)
    assert {"✔", "✖", "?", "□"} <= set(words(figure))


def test_pictures_stay_under_the_limit_whatever_they_hold():
    many = [finding("fairness", group=f"district={number}", margin=1.0, role="fairness") for number in range(60)]

    assert len(forest_pictures(verdict(*many)).markdown) < LIMIT_BYTES
    assert forest_pictures(verdict()) == ForestPictures(Drawing(""), "No check was asked.")
    assert forest_drawing(verdict()).wide == ""


def test_of_very_many_findings_those_that_hold_nothing_up_are_left_to_the_tables():
    many = [finding("fairness", group=f"district={number}", margin=1.0, role="fairness") for number in range(MOST)]
    harmed = finding("fairness", Outcome.FAIL, -1.0, group="district=last", margin=0.5, role="fairness")
    shown = words(forest_figure(verdict(*many, harmed)))
    assert "MAE district=last" in shown
    assert sum("district" in word for word in shown) == MOST
    assert "and 1 more, which the tables list" in shown


def test_a_phone_gets_every_finding_with_its_numbers_inside_the_picture():
    found = verdict(finding("guardrails", Outcome.FAIL, -1.0, margin=0.5, role="guardrail"), finding("fairness"))
    figure = narrow_figure(found)
    figure.canvas.draw()
    edge = figure.bbox.x1
    assert {"✖ MAE", "✔ MAE"} <= set(words(figure))
    assert all(text.get_window_extent().x1 <= edge for text in figure.axes[0].texts)


def test_the_wide_figure_is_drawn_once_for_both_pictures(monkeypatch):
    found, drawn = verdict(finding("fairness", margin=1.0, role="fairness")), []
    monkeypatch.setattr(forest_plot, "forest_figure", lambda *said: drawn.append(said) or forest_figure(*said))
    pictures = forest_pictures(found)
    assert len(drawn) == 1
    assert pictures.drawing == forest_drawing(found)
    assert pictures.markdown.startswith("![every check of ")


def test_the_same_verdict_gives_the_same_svg_with_its_text_as_text():
    found = verdict(finding("fairness", group="price=$5 & $6 <b>", margin=1.0, role="fairness"))

    assert forest_drawing(found) == forest_drawing(found)
    assert "price=$5 &amp; $6 &lt;b&gt;" in forest_drawing(found).wide
