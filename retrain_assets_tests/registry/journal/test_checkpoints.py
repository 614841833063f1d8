"""A checkpoint gives back what was gathered, or nothing: any changed byte shows."""

import pytest

from benchmarks.worlds.verdicts import fresh, promoted
from retrain_assets.registry.journal.checkpoints import pack, unpack


@pytest.fixture
def records(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0, 1, 2])
    return [event.to_dict() for event in registry.history()]


def test_what_was_gathered_is_read_back(records):
    assert unpack(pack(records)) == records


def test_no_changed_byte_goes_unnoticed(records):
    data = pack(records)
    for place in range(0, len(data), 97):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert unpack(changed) == [], place


def test_records_written_anew_with_another_content_are_refused(records):
    forged = [{**record, "reason": "because I say so"} for record in records]
    assert unpack(pack(forged)) == []
    assert unpack(pack(records[::-1])) == []
