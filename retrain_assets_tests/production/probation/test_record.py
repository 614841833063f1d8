"""The stored record of a probation: it reads back as it was, older ones are read, newer ones are refused."""

from __future__ import annotations

import math

import pytest

from retrain_assets.production.probation.anytime_valid import Conclusion
from retrain_assets.production.probation.record import (
    ComparedVersions,
    DaySums,
    Ending,
    Measurement,
    ProbationRecord,
    Status,
)
from retrain_assets_tests.production.bad_deploy import report

COMPARED = ComparedVersions("v2", "2" * 64, "v1", "1" * 64, "2024-01-29", "2024-03-25")
FOUND = Measurement(
    Conclusion.OPEN, (0.5, -0.25), 1, "2024-04-22", 0.0, 200.0, 840, 840, 12.5, 12.25, 1.5, 10.0, 0.125, -3.0, 3.25, 2.5
)
SUMS = DaySums({"2024-02-05": (30.0, 60), "2024-02-06": (-15.0, 60)}, "2024-02-07", 3)


@pytest.mark.parametrize(
    "record",
    [
        ProbationRecord("2024-02-05", Status.IDLE, "2024-02-05: no probation", "2024-02-05"),
        ProbationRecord("2024-02-05", Status.OPEN, "said", "2024-02-05", COMPARED, None, SUMS, FOUND),
        ProbationRecord("2024-02-05", Status.TRIPWIRE, "said", "2024-01-29", COMPARED, None, SUMS),
        ProbationRecord(
            "2024-04-29", Status.IDLE, "said", "2024-04-29", COMPARED, Ending(Status.UNPROVEN, "2024-04-22")
        ),
    ],
)
def test_a_record_reads_back_as_it_was_written(record):
    assert ProbationRecord.from_dict(record.to_dict()) == record


def test_what_is_not_known_is_null_in_the_file_and_no_number_afterwards():
    early = Measurement(**{**vars(FOUND), "low": -math.inf, "high": math.inf, "harm_left": math.inf, "mean": math.nan})
    stored = ProbationRecord("2024-02-05", Status.OPEN, "said", "2024-02-05", COMPARED, None, SUMS, early).to_dict()
    assert [stored[name] for name in ("low", "high", "harm_left", "mean")] == [None] * 4
    read = ProbationRecord.from_dict(stored).measurement
    assert all(math.isnan(value) for value in (read.low, read.high, read.harm_left, read.mean))
    assert not read.series().keys() & {"low", "high", "mean"}


def test_a_record_of_before_there_were_schema_versions_is_read(story):
    week = story.weeks(7)[-1]
    stored = report(story, week)
    older = {name: value for name, value in stored.items() if name != "schema"}
    assert ProbationRecord.from_dict(older) == ProbationRecord.from_dict(stored)
    assert ProbationRecord.from_dict(older).status.asks_rollback


def test_a_record_of_an_earlier_release_no_longer_gives_an_order():
    stored = {
        "period": "2024-02-05",
        "status": "harmed",
        "sentence": "2024-02-05: v2 is worse than v1: roll it back; x",
    }
    assert ProbationRecord.from_dict(stored).sentence == "2024-02-05: v2 is worse than v1; x"


def test_a_record_of_a_later_schema_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match="schema 2, this version reads up to 1. Install the version that wrote it"):
        ProbationRecord.from_dict({"schema": 2, "period": "2024-02-05"})
