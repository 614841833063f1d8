"""The history of a backtest: the model's own, or its source read once and again only when it changed."""

import shutil
import sqlite3

import pytest
import yaml

from benchmarks.worlds.parcels import SPEC, rows_of
from retrain_assets.errors import SourceError
from retrain_assets.onboarding.replayed_history import TAKEN_IN, TakenIn, replayed_history
from retrain_assets.spec.loading import load_spec
from retrain_assets_tests.backtest.worlds import parcels


@pytest.fixture
def model(tmp_path):
    spec, stored = parcels(tmp_path, weeks=4)
    return spec, stored, tmp_path / "home"


def test_a_source_is_taken_in_once(model):
    spec, stored, home = model
    told = []
    found = replayed_history(spec, home, tell=told.append)
    assert found.store.periods("raw_data") == stored.periods("raw_data") == told
    assert replayed_history(spec, home, tell=told.append).store.root == found.store.root
    assert len(told) == 4
    replayed_history(spec, home, again=True, tell=told.append)
    assert len(told) == 8


def test_a_file_that_changed_is_taken_in_again(model):
    spec, _, home = model
    replayed_history(spec, home)
    rows_of(5).to_parquet(spec.path.parent / "rows.parquet")
    assert len(replayed_history(spec, home).store.periods("raw_data")) == 5


def test_a_model_that_is_monitored_up_to_date_is_replayed_from_its_own_store(model):
    spec, stored, home = model
    own = home / "data" / spec.name
    shutil.copytree(stored.root, own)
    assert replayed_history(spec, home).store.root == own
    (own / "raw_data" / f"{stored.periods('raw_data')[-1]}.parquet").unlink()
    assert replayed_history(spec, home).store.root == home / "backtest" / spec.name


def test_a_period_that_breaks_the_contract_is_named(model):
    spec, _, home = model
    rows = rows_of(4)
    in_second = (rows["at"] >= "2024-01-08") & (rows["at"] < "2024-01-15")
    rows[~in_second | (rows.index % 40 == 0)].to_parquet(spec.path.parent / "rows.parquet")
    found = replayed_history(spec, home)
    assert [stop.split(":")[0] for stop in found.stops] == ["2024-01-08"]
    assert "not replayed" in found.stops[0]
    assert replayed_history(spec, home).stops == found.stops


def test_a_source_without_rows_says_so(model):
    spec, _, home = model
    rows_of(4).iloc[:0].to_parquet(spec.path.parent / "rows.parquet")
    with pytest.raises(SourceError, match="holds no period that has ended"):
        replayed_history(spec, home)


def test_a_database_is_read_once_and_again_only_when_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PARCELS_URL", f"sqlite:///{tmp_path / 'rows.db'}")
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        rows = rows_of(2)
        rows.assign(at=rows["at"].astype(str)).to_sql("parcels", connection, index=False)
    connection.close()
    sql = "SELECT * FROM parcels WHERE at >= :start AND at < :end"
    source = SPEC["source"] | {"features": {"sql": sql, "url_env": "PARCELS_URL"}}
    (tmp_path / "delivery.suite.yaml").write_text("cases: []\n")
    (tmp_path / "delivery.yaml").write_text(yaml.safe_dump(SPEC | {"source": source}))
    spec, told = load_spec(tmp_path / "delivery.yaml"), []
    for again, periods in ((False, 2), (False, 2), (True, 4)):
        replayed_history(spec, tmp_path / "home", again=again, tell=told.append)
        assert len(told) == periods


def test_what_was_taken_in_is_read_back_as_it_was_written():
    taken = TakenIn({"files": []}, "2024-01-22", ("2024-01-08: not replayed, too few rows.",))
    assert TakenIn.from_dict(taken.to_dict()) == taken
    assert TAKEN_IN.endswith(".json")
