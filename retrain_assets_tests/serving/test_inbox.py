"""Each file that arrives is scored once as it is, by the version that is live, and one bad file stops no other."""

import os
from datetime import datetime, timedelta

import fsspec
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.errors import SourceError
from retrain_assets.serving.inbox import score_files, waiting
from retrain_assets.serving.policy import BatchesPolicy
from retrain_assets.store import PeriodStore
from retrain_assets_tests.serving.conftest import Names
from retrain_assets_tests.serving.world import ROWS, expected

NOW, LATER = datetime(2024, 3, 1, 12), datetime.now() + timedelta(hours=1)


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "in").mkdir()
    return BatchesPolicy(path=str(tmp_path / "in"), reasons=1)


@pytest.fixture
def store(tmp_path):
    return PeriodStore(tmp_path / "data" / MODEL)


@pytest.fixture
def scored(inbox, live, store):
    return lambda: score_files(waiting(inbox, store, LATER), inbox, live, Names, store, lambda: NOW)


def test_scores_stand_beside_key_time_version_and_reasons(tmp_path, scored, store, live):
    pq.write_table(ROWS, tmp_path / "in" / "new rides.parquet")
    (one,) = scored()
    assert (one.rows, one.version, one.unseen, one.fault) == (4, "v3", {"c": 1}, "")
    (name,) = store.periods("scored_batch")
    assert name.startswith("new_rides-")
    table = store.require_table("scored_batch", name)
    assert table.column_names == ["id", "at", "version", "digest", "scored_at", "score", "reason_1"]
    assert table["score"].to_pylist() == expected(live)
    assert store.read_json("scored_batch", name) == one.to_dict()


def test_a_file_is_scored_once_and_again_when_it_has_changed(tmp_path, scored, store):
    path = tmp_path / "in" / "a.csv"
    csv.write_csv(ROWS.drop_columns(["at"]), path)
    assert [one.rows for one in scored()] == [4]
    assert scored() == []
    csv.write_csv(ROWS.drop_columns(["at"]).slice(0, 3), path)
    assert [one.rows for one in scored()] == [3]
    os.utime(path, (1, 1))
    assert [one.rows for one in scored()] == [3]
    assert len(store.periods("scored_batch")) == 3


def test_a_file_that_cannot_be_scored_is_named_once_and_stops_no_other(tmp_path, scored, store):
    pq.write_table(ROWS.drop_columns(["x"]), tmp_path / "in" / "a.parquet")
    (tmp_path / "in" / "b.parquet").write_bytes(b"PAR1 torn")
    pq.write_table(ROWS, tmp_path / "in" / "c.parquet")
    first, torn, good = scored()
    assert first.fault.startswith(f"{tmp_path / 'in' / 'a.parquet'}: feature 'x' is missing")
    assert str(tmp_path / "in" / "b.parquet") in torn.fault
    assert (good.rows, good.fault) == (4, "")
    assert len(store.periods("scored_batch")) == 1
    assert not [path for path in (store.root / "scored_batch").iterdir() if "partial" in path.name]
    assert scored() == []


def test_a_declared_word_for_a_missing_number_is_no_fault_quoted_or_not(tmp_path, inbox, live, store):
    (tmp_path / "in" / "a.csv").write_text('id;x;c\n1;0,5;11\n2;k.A.;12\n3;"k.A.";12\n')
    written = inbox.model_copy(update={"null_values": ("k.A.",), "decimal": ",", "separator": ";"})
    (one,) = score_files(waiting(written, store, LATER), written, live, Names, store, lambda: NOW)
    assert (one.rows, one.fault) == (3, "")


def test_a_file_that_is_being_written_waits_until_it_rests(tmp_path, inbox, store):
    pq.write_table(ROWS, tmp_path / "in" / "a.parquet")
    written = datetime.fromtimestamp((tmp_path / "in" / "a.parquet").stat().st_mtime)
    assert waiting(inbox, store, written + timedelta(seconds=9)) == []
    assert len(waiting(inbox, store, written + timedelta(seconds=11))) == 1


def test_files_of_one_name_in_two_folders_are_two(tmp_path, inbox, store):
    for day in ("day=1", "day=2"):
        (tmp_path / "in" / day).mkdir()
        pq.write_table(pa.table({"id": [1]}), tmp_path / "in" / day / "rows.parquet")
    assert len({one.name for one in waiting(inbox, store, LATER)}) == 2


def test_a_file_in_a_store_of_objects_waits_until_it_is_scored_and_again_when_it_has_changed(store):
    memory, found = fsspec.filesystem("memory"), []
    for row in (b"id,x,c\n1,0.5,11\n", b"id,x,c\n2,0.5,11\n"):
        memory.pipe("/inbox/a.csv", row)
        (one,) = waiting(BatchesPolicy(path="memory://inbox"), store, LATER)
        found.append(one)
        store.write_json("scored_batch", one.name, {})
    assert waiting(BatchesPolicy(path="memory://inbox"), store, LATER) == []
    memory.rm("/inbox", recursive=True)
    assert [one.place for one in found] == ["memory:///inbox/a.csv"] * 2
    assert found[0].name != found[1].name


def test_an_empty_inbox_is_said(inbox, store):
    with pytest.raises(SourceError, match="no such file"):
        waiting(inbox, store, LATER)
