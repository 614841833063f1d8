"""Figures for people: small enough for the event log, the same bytes each time, text as it stands."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.image import imread

from retrain_assets.documents.figure import LIMIT_BYTES, bare, literal, markdown, new_figure, period_ticks, svg


def pixels(text):
    data = re.fullmatch(r"!\[[^]]*\]\(data:image/png;base64,(.*)\)", text)[1]
    return imread(io.BytesIO(base64.b64decode(data, validate=True)))


def noise(inches):
    """The hardest figure to compress."""
    figure = new_figure(inches, inches)
    figure.add_subplot().imshow(np.random.default_rng(1).random((400, 400, 3)))
    return figure


def test_a_picture_is_drawn_coarser_until_it_is_small_enough():
    simple = new_figure(2, 1)
    assert pixels(markdown(simple, "nothing")).shape[:2] == (100, 200)
    crowded = markdown(noise(6), "noise")
    assert pixels(crowded).shape[1] < 600
    assert len(crowded) < LIMIT_BYTES * 2


def test_the_same_figure_gives_the_same_svg_whose_text_stays_text():
    def drawn():
        figure = new_figure(2, 2)
        figure.add_subplot().set_title("loss of v1")
        return svg(figure)

    assert drawn() == drawn()
    assert "loss of v1" in drawn()
    assert "<metadata>" not in drawn()


def test_a_dollar_begins_no_formula():
    figure = new_figure(2, 2)
    figure.add_subplot().set_title(literal("US$ 1 to US$ 2"))
    assert "US$ 1 to US$ 2" in svg(figure)


@pytest.mark.parametrize(("inches", "shown"), [(0.1, 1), (1.0, 1), (3.0, 5), (30.0, 24)])
def test_as_many_periods_are_named_as_have_room_and_the_last_is_among_them(inches, shown):
    periods = [f"20{year}-{month:02}" for year in (18, 19) for month in range(1, 13)]
    axes = new_figure(4, 2).add_subplot()
    axes.set_xlim(0, 24)
    period_ticks(axes, periods, inches)
    named = [label.get_text() for label in axes.get_xticklabels()]
    assert named[-1] == "2019-12"
    assert len(named) == shown  # a name of seven letters and its gap take .58 inches


def test_sides_of_the_frame_are_taken_away_by_name():
    axes = new_figure(2, 2).add_subplot()
    bare(axes, "top", "right")
    visible = {side for side, spine in axes.spines.items() if spine.get_visible()}
    assert visible == {"left", "bottom"}
