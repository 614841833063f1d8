"""A query on a database: the bounds as its parameters, typed columns, and messages that hold no URL."""

import sqlite3

import pyarrow as pa
import pytest
import sqlalchemy as sa

from retrain_assets.errors import NotEnoughData, SourceError
from retrain_assets.raw.database import connected, query
from retrain_assets.raw.policy import Table
from retrain_assets_tests.raw.rides import BOUNDS

BOUNDED = "select * from rides where at >= :start and at < :end"


@pytest.fixture
def database(tmp_path, monkeypatch):
    """Three rides, one of them in February, in a loosely typed table."""
    with sqlite3.connect(tmp_path / "rides.db") as connection:
        connection.execute("create table rides (id integer, at text, miles)")
        rows = [
            (1, "2019-01-31 23:59:59.000000", 1.5),
            (2, "2019-02-01 00:00:00.000000", "far"),
            (3, "2019-03-01 00:00:00.000000", None),
        ]
        connection.executemany("insert into rides values (?, ?, ?)", rows)
    connection.close()
    monkeypatch.setenv("RIDES_URL", f"sqlite:///{tmp_path / 'rides.db'}")


def asked(sql):
    """The columns of all parts of a query's result."""
    parts = query(Table(sql=sql, url_env="RIDES_URL"), BOUNDS)
    assert {name for name, _ in parts} == {"the query on RIDES_URL"}
    return pa.concat_tables([part for _, part in parts], promote_options="permissive").to_pydict()


@pytest.mark.usefixtures("database")
def test_the_start_is_included_and_the_end_is_not():
    assert asked(BOUNDED)["id"] == [2]


@pytest.mark.usefixtures("database")
def test_a_column_of_mixed_types_is_read_as_text():
    every = asked("select * from rides where at >= :start or at < :end or 1 order by id")
    assert every["miles"] == ["1.5", "far", None]


@pytest.mark.usefixtures("database")
def test_a_result_without_rows_has_its_columns():
    assert asked(f"{BOUNDED} and id > 9") == {"id": [], "at": [], "miles": []}


@pytest.mark.usefixtures("database")
def test_a_query_without_bounds_is_refused():
    with pytest.raises(SourceError, match="lacks :start or :end"):
        asked("select * from rides")


@pytest.mark.usefixtures("database")
def test_a_failing_query_names_the_cause_and_never_the_url(tmp_path):
    with pytest.raises(SourceError, match="the query on RIDES_URL failed: no such table: trips") as raised:
        asked(BOUNDED.replace("rides", "trips"))
    assert str(tmp_path) not in str(raised.value)


def test_an_unset_variable_is_named(monkeypatch):
    monkeypatch.delenv("RIDES_URL", raising=False)
    with pytest.raises(SourceError, match="RIDES_URL is not set"):
        asked(BOUNDED)


@pytest.mark.parametrize("url", ["no url at all", "oracledb+nothing://scott:tiger@host/db"])
def test_a_wrong_url_is_not_repeated_in_the_message(monkeypatch, url):
    monkeypatch.setenv("RIDES_URL", url)
    with pytest.raises(SourceError, match="RIDES_URL: .*not a usable database URL") as raised:
        asked(BOUNDED)
    assert "tiger" not in str(raised.value)


@pytest.mark.usefixtures("database")
def test_an_error_of_ours_within_a_transaction_stays_as_it_is_and_undoes_it():
    def emptied():
        with connected("RIDES_URL", "the write") as connection:
            connection.execute(sa.text("delete from rides"))
            raise NotEnoughData("nothing to write")

    with pytest.raises(NotEnoughData, match="nothing to write"):
        emptied()
    assert len(asked(f"{BOUNDED} or 1")["id"]) == 3
