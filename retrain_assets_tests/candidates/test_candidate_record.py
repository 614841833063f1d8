"""The candidate's record is read as it was written, and one of a newer release is refused."""

import pytest

from retrain_assets.candidates.candidate_record import CandidateRecord, read_candidate, write_candidate
from retrain_assets.candidates.rolling_origins import OriginLoss
from retrain_assets.errors import DataError
from retrain_assets.store import PeriodStore

RECORD = CandidateRecord(
    "5ac1",
    "recent",
    30,
    "Mean mae.",
    {"recent": 1.5},
    (OriginLoss("2019-01-01", "recent", 1.5, 90, 30, 400),),
    ("recent",),
)


def test_the_record_of_a_period_is_read_as_it_was_written(tmp_path):
    store = PeriodStore(tmp_path)
    assert read_candidate(store, "2019-03") is None
    write_candidate(store, "2019-03", RECORD)
    assert read_candidate(store, "2019-03") == RECORD


def test_a_record_of_a_newer_release_is_refused():
    with pytest.raises(DataError, match="schema 9"):
        CandidateRecord.from_dict(RECORD.to_dict() | {"schema": 9})
