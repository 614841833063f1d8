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


def test_hours_that_have_ended_become_one_file_and_no_reader_sees_a_row_twice(log):
    for number in range(3):
        log.add(answered(NOW + timedelta(seconds=number), number))
        log.flush()
    before = logged()
    log._gather_ended_hours()
    folder = served_folder(MODEL)
    assert sorted(path.name[:13] for path in folder.glob("*.parquet")) == ["2026-03-01T10", "2026-03-01T11"]
    assert logged() == before
    assert len({row["id"] for row in before}) == 3


def test_pieces_stay_for_readers_that_listed_them_and_are_deleted_later(log):
    log.add(answered())
    log.flush()
    pieces = served_files(served_folder(MODEL))
    log._gather_ended_hours()
    assert all(map(os.path.exists, pieces))
    (whole,) = served_folder(MODEL).glob("*.parquet")
    old = time.time() - 3600
    os.utime(whole, (old, old))
    log._gathered = ""
    log._gather_ended_hours()
    assert not any(map(os.path.exists, pieces))
    assert len(logged()) == 1


def test_the_hour_of_a_server_that_was_killed_is_gathered_by_the_next_and_that_of_a_living_one_is_not(log):
    other = ServedLog(served_folder(MODEL), Names)
    other.add(answered(datetime.now()))
    other.flush()
    log._gather_ended_hours()
    assert list(served_folder(MODEL).glob("*.parquet")) == []
    os.close(other._lock)  # as the end of its process does
    log._gathered = ""
    log._gather_ended_hours()
    assert len(list(served_folder(MODEL).glob("*.parquet"))) == 1
    other._lock = None
    assert len(logged()) == 1


def test_a_column_that_only_some_pieces_have_is_missing_in_the_others_rows(log):
    shadow = live_model().scorer
    log.add(answered())
    log.add(answered(number=2, shadow=shadow))
    log.flush()
    log._gather_ended_hours()
    assert [row["retrain:shadow_version"] for row in sorted(logged(), key=lambda row: row["id"])] == [None, "v3"]


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
