"""The picture of a probation is drawn from its record, once there is something to draw."""

from dataclasses import replace

from retrain_assets.production.probation.plot import probation_drawing, probation_figure
from retrain_assets.production.probation.record import ProbationRecord, Status
from retrain_assets_tests.production.probation.test_record import COMPARED, FOUND, SUMS

RECORD = ProbationRecord("2024-02-05", Status.OPEN, "said", "2024-02-05", COMPARED, None, SUMS, FOUND)


def test_without_a_closed_block_or_a_comparison_there_is_no_picture():
    assert probation_drawing(replace(RECORD, measurement=replace(FOUND, blocks=()))) is None
    assert probation_drawing(replace(RECORD, measurement=None)) is None
    assert probation_drawing(replace(RECORD, comparison=None)) is None


def test_the_figure_sums_the_differences_of_the_blocks_and_names_both_versions():
    left, right = probation_figure(Status.HARMED, COMPARED, FOUND).axes
    assert left.lines[0].get_ydata().tolist() == [0.5, 0.25]
    assert left.get_title(loc="left") == "error of v2 beyond that of v1, summed with its 90 % confidence sequence"
    assert [line.get_ydata()[0] for line in right.lines[1:]] == [10.0]


def test_a_phone_gets_the_two_axes_one_below_the_other():
    above, below = probation_figure(Status.OPEN, COMPARED, FOUND, narrow=True).axes
    assert above.get_position().y0 > below.get_position().y1
    drawn = probation_drawing(RECORD)
    assert drawn.wide != drawn.narrow
