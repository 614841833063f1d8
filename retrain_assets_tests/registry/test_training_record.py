"""A training record is read as it was written, of older releases too; of newer ones it is refused."""

import json

import pytest

from benchmarks.worlds.training_records import record_of
from retrain_assets.errors import DataError
from retrain_assets.registry.training_record import FILE, AveragedModel, TrainingRecord

PART = AveragedModel(10, 500, 400.0, "2019-01-01T00:00:00", "2019-02-01T00:00:00")


@pytest.mark.parametrize("changes", [{}, {"baseline": (0.25, 0.75)}, {"parts": {"recent": PART}}, {"refit_of": "5ac1"}])
def test_a_record_is_read_as_it_was_written_with_and_without_a_schema(changes):
    record = record_of(**changes)
    assert TrainingRecord.from_files({FILE: record.to_bytes()}) == record
    older = {key: value for key, value in record.to_dict().items() if key != "schema"}
    assert TrainingRecord.from_dict(older) == record


def test_a_record_of_a_newer_release_is_refused():
    newer = json.dumps(record_of().to_dict() | {"schema": 9}).encode()
    with pytest.raises(DataError, match="schema 9, this release reads up to 1"):
        TrainingRecord.from_files({FILE: newer})
