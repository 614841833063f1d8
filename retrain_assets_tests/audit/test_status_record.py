"""The stored status of a period: what comes back of it, and of one that an older release wrote."""

from retrain_assets.audit.status_record import ASSET, StatusRecord, read_status
from retrain_assets.store import PeriodStore


def test_a_stored_status_comes_back_as_it_was(tmp_path):
    store = PeriodStore(tmp_path)
    record = StatusRecord("8c156e8a", "rows.csv: no such file", {"live": "v2"}, {"attempts": 3}, [{"version": "v2"}])
    store.write_json(ASSET, "2024-02-05", record.to_dict())
    assert read_status(store, "2024-02-05") == record
    assert read_status(store, "2024-02-12") is None


def test_a_status_without_a_word_on_faults_tells_of_none(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_json(ASSET, "2024-02-05", {"status": {"live": "v1"}, "figures": {}})
    assert read_status(store, "2024-02-05") == StatusRecord("", None, {"live": "v1"})
