"""The served log: every row once, as it came, in files that are whole, readable as raw data."""

import os
import time
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.raw.policy import Source
from retrain_assets.raw.served import served_files, served_folder
from retrain_assets.raw.sources import read_rows
from retrain_assets.serving import served_log
from retrain_assets.serving.app import app_of
from retrain_assets.serving.served_log import ServedLog, ServedRows
from retrain_assets_tests.serving.client import FIRST, INFER, Client, tensors
from retrain_assets_tests.serving.conftest import Names
from retrain_assets_tests.serving.world import live_model, promoted, registry_in

SOURCE = Source.model_validate(
    {"served": MODEL, "outcomes": "outcomes.parquet", "key": "id", "time": "at", "label": "fare", "label_delay": "1d"}
)
MARCH = (datetime(2024, 3, 1), datetime(2024, 4, 1))
NOW = datetime(2026, 3, 1, 10, 59, 59)
LATER = NOW + timedelta(hours=2)


def answered(at=NOW, number=1, **changes):
    scorer = live_model().scorer
    columns = {"id": [number], "x": [0.5], "c": ["11"]}
    matrix, _ = scorer.encoded(columns)
    return replace(ServedRows(scorer, None, columns, matrix, scorer.predicted(matrix), f"r{number}", at), **changes)


def logged():
    return [row for name in served_files(served_folder(MODEL)) for row in pq.read_table(name).to_pylist()]


def test_what_was_served_comes_back_as_raw_data_of_its_period(server):
    running = server()
    client = Client(app_of(running))
    client.post("/predict", json={"rows": [FIRST, {**FIRST, "id": 8, "x": None, "c": "new"}]})
    client.post(INFER, json=tensors(id=["9"], at=["2024-03-02T00:00:00"], x=[2], c=[None]))
    running.log.flush()
    rows = read_rows(SOURCE, ["x", "c"], *MARCH, numbers=["x"]).table.sort_by("id")
    assert rows.select(["id", "x", "c"]).to_pydict() == {
        "id": ["7", "8", "9"],
        "x": [0.5, None, 2.0],
        "c": ["11", "new", None],
    }
    assert rows["at"].to_pylist()[2] == datetime(2024, 3, 2)


def test_each_row_names_its_request_version_digest_and_score_and_the_shadows(server, home):
    promoted(registry_in(home), 2)
    running = server()
    client = Client(app_of(running))
    answer = client.post("/predict", json={"rows": [FIRST]}, headers={"X-Request-Id": "abc"}).json()
    running.log.flush()
    (row,) = logged()
    assert (row["retrain:request_id"], row["retrain:version"]) == ("abc", "v2")
    assert (row["retrain:digest"], row["retrain:score"]) == (answer["digest"], answer["scores"][0])
    (before,) = running.follower.served.shadow.scorer.scores({"x": [0.5], "c": ["11"]})
    assert (row["retrain:shadow_version"], row["retrain:shadow_score"]) == ("v1", before)


@pytest.mark.parametrize("given", [{}, {"id": None, "at": "soon"}])
def test_a_row_without_key_or_time_gets_those_of_its_request(server, given):
    running = server()
    Client(app_of(running)).post("/predict", json={"id": "abc", "rows": [{"x": 1, "c": "N", **given}] * 2})
    running.log.flush()
    first, second = logged()
    assert (first["id"], second["id"]) == ("abc/0", "abc/1")
    assert abs(first["at"] - datetime.now()) < timedelta(minutes=1)


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    log = ServedLog(served_folder(MODEL), Names)
    yield log
    log.stop()


def test_rows_that_come_faster_than_they_are_written_are_counted_as_lost(log, monkeypatch):
    monkeypatch.setattr(served_log, "MOST_ROWS", 2)
    for number in range(5):
        log.add(answered(number=number))
    log.flush()
    assert (log.written, log.lost, len(logged())) == (2, 3, 2)


def test_rows_that_wait_when_a_server_ends_are_written(tmp_path):
    log = ServedLog(tmp_path / "served", Names)
    log.start()
    log.add(answered())
    log.stop()
    assert log.written == 1
    assert [pq.read_table(name)["id"].to_pylist() for name in served_files(tmp_path / "served")] == [["1"]]
    assert list((tmp_path / "served" / "parts").glob(".*.lock")) == []


def test_a_row_that_is_written_just_after_the_end_of_its_hour_is_read_too(log):
    for number, now in enumerate((NOW + timedelta(seconds=1), LATER)):
        log.add(answered(number=number))
        log.flush()
        log._gather_ended_hours(now)
    assert len(list(served_folder(MODEL).glob("*.parquet"))) == 1
    assert [row["id"] for row in logged()] == ["0", "1"]


def test_an_hour_that_cannot_be_gathered_keeps_no_other_from_it(log):
    folder = served_folder(MODEL)
    (folder / "parts" / "2026-03-01T09-gone").mkdir(parents=True)  # its server was killed before its first file
    log.add(answered())
    log.flush()
    log._gather_ended_hours(LATER)
    assert [path.name[:13] for path in folder.glob("*.parquet")] == ["2026-03-01T10"]


def test_ended_hours_are_looked_for_once_an_hour(log):
    log._gather_ended_hours(LATER)
    log.add(answered())
    log.flush()
    log._gather_ended_hours(LATER + timedelta(seconds=30))
    assert list(served_folder(MODEL).glob("*.parquet")) == []
    log._gather_ended_hours(LATER + timedelta(hours=1))
    assert len(list(served_folder(MODEL).glob("*.parquet"))) == 1


def test_hours_that_have_ended_become_one_file_and_no_reader_sees_a_row_twice(log):
    for number in range(3):
        log.add(answered(NOW + timedelta(seconds=number), number))
        log.flush()
    before = logged()
    log._gather_ended_hours(LATER)
    folder = served_folder(MODEL)
    assert sorted(path.name[:13] for path in folder.glob("*.parquet")) == ["2026-03-01T10", "2026-03-01T11"]
    assert logged() == before
    assert len({row["id"] for row in before}) == 3


def test_pieces_stay_for_readers_that_listed_them_and_are_deleted_later(log):
    log.add(answered())
    log.flush()
    pieces = served_files(served_folder(MODEL))
    log._gather_ended_hours(LATER)
    assert all(map(os.path.exists, pieces))
    (whole,) = served_folder(MODEL).glob("*.parquet")
    old = time.time() - 3600
    os.utime(whole, (old, old))
    log._gathered = ""
    log._gather_ended_hours(LATER)
    assert not any(map(os.path.exists, pieces))
    assert len(logged()) == 1


def test_the_hour_of_a_server_that_was_killed_is_gathered_by_the_next_and_that_of_a_living_one_is_not(log):
    other = ServedLog(served_folder(MODEL), Names)
    other.add(answered(datetime.now()))
    other.flush()
    log._gather_ended_hours(LATER)
    assert list(served_folder(MODEL).glob("*.parquet")) == []
    os.close(other._lock)  # as the end of its process does
    log._gathered = ""
    log._gather_ended_hours(LATER)
    assert len(list(served_folder(MODEL).glob("*.parquet"))) == 1
    other._lock = None
    assert len(logged()) == 1


def test_a_column_that_only_some_pieces_have_is_missing_in_the_others_rows(log):
    shadow = live_model().scorer
    log.add(answered())
    log.add(answered(number=2, shadow=shadow))
    log.flush()
    log._gather_ended_hours(LATER)
    assert [row["retrain:shadow_version"] for row in sorted(logged(), key=lambda row: row["id"])] == [None, "v3"]


def test_a_version_in_shadow_that_reads_what_a_request_lacks_gives_no_score(log):
    plain = live_model().scorer
    names = (*plain.contract.names, "zone")
    kinds = {**plain.contract.kinds, "zone": "numeric"}
    shadow = replace(plain, contract=replace(plain.contract, names=names, kinds=kinds))
    log.add(answered(shadow=shadow))
    log.flush()
    (row,) = logged()
    assert (row["retrain:shadow_version"], np.isnan(row["retrain:shadow_score"])) == ("v3", True)
    assert np.isfinite(row["retrain:score"])


def test_made_features_are_logged_beside_what_they_were_made_of(log):
    made = {"function": "pkg:add", "sha256": "9f", "inputs": {"y": "number", "z": "text"}, "columns": ["x"]}
    plain = live_model().scorer
    scorer = replace(plain, contract=replace(plain.contract, made=made))
    columns = {"y": [2, None], "z": ["a", 3], "c": ["N", "N"]}
    encoded = pa.table({"x": [2.5, None], "c": [2, 2]})
    log.add(replace(answered(), scorer=scorer, columns=columns, matrix=encoded, scores=np.zeros(2)))
    log.flush()
    found = [(row["x"], row["c"], row["y"], row["z"]) for row in logged()]
    assert found == [(2.5, "N", 2.0, "a"), (None, "N", None, "3")]


def test_a_made_category_is_logged_by_its_level(log):
    made = {"function": "pkg:add", "sha256": "9f", "inputs": {"y": "number"}, "columns": ["c"]}
    plain = live_model().scorer
    scorer = replace(plain, contract=replace(plain.contract, made=made))
    encoded = pa.table({"x": [2.5, None], "c": [2, None]})
    log.add(
        replace(answered(), scorer=scorer, columns={"x": [2.5, None], "y": [1, 2]}, matrix=encoded, scores=np.zeros(2))
    )
    log.flush()
    assert [row["c"] for row in logged()] == ["N", None]


def test_what_one_request_lacks_of_made_features_is_logged_of_the_others(log):
    made = {"function": "pkg:add", "sha256": "9f", "inputs": {"y": "number"}, "columns": ["x"]}
    plain = live_model().scorer
    scorer = replace(plain, contract=replace(plain.contract, made=made))
    for number, given in enumerate(({}, {"y": [2]})):
        log.add(replace(answered(number=number), scorer=scorer, columns={"id": [number], "c": ["N"], **given}))
    log.flush()
    assert [(row["id"], row["y"]) for row in logged()] == [("0", None), ("1", 2.0)]
