"""Tables of new rows: the scores that the rows get in Python, whatever carries them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime

import pandas as pd
import pyarrow.parquet as pq
import pytest

from retrain_assets.errors import DataError, SourceError
from retrain_assets.raw.policy import Table
from retrain_assets.serving import batch
from retrain_assets.serving.batch import Batch
from retrain_assets_tests.serving.world import ROWS, expected


def batch_of(live, **options):
    return Batch(live, ("id", "at"), datetime(2024, 3, 1), **options)


def score(live, path, out, **options):
    return batch_of(live, **options).score(str(path), Table(path=str(path)), str(out))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_file_gets_the_scores_of_its_rows_piece_by_piece(live, tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(batch, "ROWS_AT_ONCE", 3)
    path, out, seen = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}", []
    pq.write_table(ROWS, path) if suffix == "parquet" else ROWS.to_pandas().to_csv(path, index=False)
    result = batch_of(live).score(str(path), Table(path=str(path)), str(out), seen.append)
    found = pd.read_parquet(out) if suffix == "parquet" else pd.read_csv(out)
    assert list(found) == ["id", "at", "version", "digest", "scored_at", "score"]
    assert found["score"].tolist() == pytest.approx(expected(live), rel=1e-15)
    assert (result.rows, result.unseen, seen[-1]) == (4, {"c": 1}, 4)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_csv_that_writes_its_rows_otherwise_gets_the_same_scores(live, tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    path.write_text("id;x;c\n1;0,5;11.0\n2;1,5;12.0\n")
    score(live, path, out)
    assert pd.read_parquet(out)["score"].tolist() == expected(live)[:2]


def test_a_file_that_fails_midway_leaves_the_earlier_result(live, tmp_path, monkeypatch):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    out.write_text("earlier")
    path.write_text("id,x,c\n1,0.5,11\n2,far,12\n")
    with pytest.raises(DataError, match="numeric feature 'x' holds 'far', which is no number"):
        score(live, path, out)
    assert out.read_text() == "earlier"


@pytest.fixture
def database(tmp_path, monkeypatch):
    """A database with the rows in `new_rows`; its URL is in SCORES_URL."""
    path = tmp_path / "rows.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        ROWS.to_pandas().assign(other=1).to_sql("new_rows", connection, index=False)
    monkeypatch.setenv("SCORES_URL", f"sqlite:///{path}")
    return path


def stored(database):
    with closing(sqlite3.connect(database)) as connection:
        return pd.read_sql("select * from scores order by id", connection)


@pytest.mark.parametrize("asked", ["new_rows", "select id, at, x, c from new_rows"])
def test_a_table_of_a_database_is_scored_into_another_which_is_appended_to(live, database, asked):
    for day in (1, 2):
        batch = Batch(live, ("id", "at"), datetime(2024, 3, day))
        assert batch.score(f"sql:SCORES_URL/{asked}", Table(path="-"), "sql:SCORES_URL/scores").rows == 4
    found = stored(database)
    assert list(found) == ["id", "at", "version", "digest", "scored_at", "score"]
    assert found["score"].tolist() == [score for score in expected(live) for _ in range(2)]
    assert set(found["version"]) == {"v3"}


def test_a_database_that_fails_midway_gets_no_row_and_shows_no_url(live, database, monkeypatch):
    monkeypatch.setattr("retrain_assets.raw.database._ROWS_AT_ONCE", 2)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("update new_rows set x = 'far' where id = 4")
    with pytest.raises(DataError, match="'x' holds no number, first 'far'"):
        batch_of(live).score("sql:SCORES_URL/new_rows", Table(path="-"), "sql:SCORES_URL/scores")
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("select count(*) from sqlite_master where name = 'scores'").fetchone() == (0,)
    with pytest.raises(SourceError, match="the query on SCORES_URL failed: no such table: old_rows") as refused:
        batch_of(live).score("sql:SCORES_URL/old_rows", Table(path="-"), "sql:SCORES_URL/scores")
    assert str(database) not in str(refused.value)


def test_reasons_stand_beside_each_score_strongest_first(live, tmp_path):
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pq.write_table(ROWS, path)
    score(live, path, out, reasons=2)
    found = pd.read_parquet(out)
    assert [text.partition("=")[0] for text in found.loc[3, ["reason_1", "reason_2"]]] == ["x", "c"]
    assert found.loc[2, "reason_2"].startswith("c=missing (")


@pytest.mark.parametrize("out", ["scores.txt", "sql:scores", "sql:/scores"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(live, out):
    with pytest.raises(SourceError, match="unknown kind of file|write sql:VARIABLE/TABLE"):
        score(live, "missing.parquet", out)


def test_a_table_without_the_key_of_its_rows_names_the_columns_that_it_has(live, tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(ROWS.drop_columns(["id"]), path)
    with pytest.raises(DataError, match=r"in.parquet: no column 'id', the key of a row. It has at, x, c"):
        score(live, path, tmp_path / "out.parquet")


def test_a_table_without_rows_is_refused_and_leaves_the_earlier_result(live, tmp_path):
    path, out = tmp_path / "in.parquet", tmp_path / "out.csv"
    out.write_text("earlier")
    pq.write_table(ROWS.slice(0, 0), path)
    with pytest.raises(DataError, match="in.parquet: no rows to score"):
        score(live, path, out)
    assert out.read_text() == "earlier"
