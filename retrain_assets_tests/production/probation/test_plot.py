"""The picture of a probation is drawn from its record; a sentence stands in while there is nothing to draw."""

from dataclasses import replace

from retrain_assets.production.probation.plot import probation_figure, probation_picture
from retrain_assets.production.probation.record import ProbationRecord, Status
from retrain_assets_tests.production.probation.test_record import COMPARED, FOUND, SUMS

RECORD = ProbationRecord("2024-02-05", Status.OPEN, "said", "2024-02-05", COMPARED, None, SUMS, FOUND)


def test_without_a_closed_block_it_says_so():
    early = replace(RECORD, measurement=replace(FOUND, blocks=()))
    assert probation_picture("parcels", early) == "No block of 1 d is closed yet, so there is nothing to draw."


def test_where_nothing_was_compared_there_is_no_picture():
    assert probation_picture("parcels", replace(RECORD, measurement=None)) == ""


def test_the_figure_sums_the_differences_of_the_blocks_and_names_both_versions():
    left, right = probation_figure(Status.HARMED, COMPARED, FOUND).axes
    assert left.lines[0].get_ydata().tolist() == [0.5, 0.25]
    assert left.get_title(loc="left").startswith("v2 against v1: loss difference summed over blocks, 90 % confidence")
    assert [line.get_ydata()[0] for line in right.lines[1:]] == [10.0]


def test_the_picture_is_named_for_version_and_period():
    assert probation_picture("parcels", RECORD).startswith("![probation of v2 of parcels up to 2024-02-05](")
