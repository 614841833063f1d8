"""The live model in Python and on files: the scores that monitoring gives the same rows, whatever carries them."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import retrain_assets
from retrain_assets.cli.main import main
from retrain_assets.errors import DataError, NotFound
from retrain_assets.raw.policy import Table
from retrain_assets.registry.journal.history import Version
from retrain_assets.scoring.booster import lgb
from retrain_assets.scoring.features import FeatureContract, encode
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.serving import batch
from retrain_assets.serving.batch import score_file
from retrain_assets.serving.live import LiveModel

CONTRACT = FeatureContract(("x", "c"), {"x": "numeric", "c": "categorical"}, {"c": ("11", "12", "N", "Y")})
ROWS = pa.table(
    {"id": [1, 2, 3, 4], "c": ["11", "12", None, "new"], "at": [datetime(2024, 1, 1)] * 4, "x": [0.5, 1.5, None, 2.5]}
)


@pytest.fixture
def live():
    rows = pa.table({"x": [float(n % 7) for n in range(400)], "c": [("11", "12", "N", "Y")[n % 4] for n in range(400)]})
    label = [float(n % 4 + n % 7) for n in range(400)]
    data = lgb.Dataset(encode(rows, CONTRACT).table, label, categorical_feature=[1], params={"verbosity": -1})
    booster = lgb.train({"objective": "regression", "verbosity": -1, "min_data_in_leaf": 5}, data, 20)
    version = Version(3, "9f" * 32, "2024-01", datetime(2024, 2, 1))
    return LiveModel("rides", version, Scorer(booster, CONTRACT, None, version.name, version.digest))


def expected(live):
    codes = {"11": 0, "12": 1, "N": 2, "Y": 3}
    rows = [[x, codes.get(c, float("nan"))] for x, c in zip(ROWS["x"].to_pylist(), ROWS["c"].to_pylist(), strict=True)]
    return live.scorer.booster.predict(pd.DataFrame(rows, dtype=float).to_numpy()).tolist()


@pytest.mark.parametrize("names", [("x", "c"), ("c", "id", "x")])
def test_rows_are_scored_by_name_in_any_order_and_unseen_categories_are_counted(live, names):
    scored = live.score(ROWS.select(list(names)))
    assert scored.scores.tolist() == expected(live)
    assert (scored.unseen, scored.version, scored.digest) == ({"c": 1}, "v3", "9f" * 32)
    assert live.score({name: ROWS[name].to_pylist() for name in names}).scores.tolist() == expected(live)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS.drop_columns(["x"]), "feature 'x' is missing"),
        (ROWS.set_column(3, "x", pa.array(["a"] * 4)), "numeric feature 'x' is string"),
        (ROWS.set_column(1, "c", pa.array([11] * 4)), "categorical feature 'c' is int64"),
    ],
)
def test_a_missing_column_and_a_wrong_type_are_refused_by_name(live, rows, message):
    with pytest.raises(DataError, match=message):
        live.score(rows)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_file_gets_the_scores_of_its_rows_piece_by_piece(live, tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(batch, "ROWS_AT_ONCE", 3)
    path, out, seen = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}", []
    pq.write_table(ROWS, path) if suffix == "parquet" else ROWS.to_pandas().to_csv(path, index=False)
    result = score_file(live, Table(path=str(path)), out, ("id", "at"), datetime(2024, 3, 1), seen.append)
    found = pd.read_parquet(out) if suffix == "parquet" else pd.read_csv(out)
    assert list(found) == ["id", "at", "version", "digest", "scored_at", "score"]
    assert found["score"].tolist() == pytest.approx(expected(live), rel=1e-15)
    assert (result.rows, result.unseen, seen[-1]) == (4, {"c": 1}, 4)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_csv_that_writes_its_rows_otherwise_gets_the_same_scores(live, tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    path.write_text("id;x;c\n1;0,5;11.0\n2;1,5;12.0\n")
    score_file(live, Table(path=str(path)), out, ("id", "at"), datetime(2024, 3, 1))
    assert pd.read_parquet(out)["score"].tolist() == expected(live)[:2]


def test_a_file_that_fails_midway_leaves_the_earlier_result(live, tmp_path, monkeypatch):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    out.write_text("earlier")
    path.write_text("id,x,c\n1,0.5,11\n2,far,12\n")
    with pytest.raises(DataError, match="numeric feature 'x' holds 'far', which is no number"):
        score_file(live, Table(path=str(path)), out, ("id", "at"), datetime(2024, 3, 1))
    assert out.read_text() == "earlier"


def test_a_model_without_a_live_version_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    with pytest.raises(NotFound, match="taxi_charge has no live version: run `retrain run taxi_charge"):
        retrain_assets.predict("taxi_charge", ROWS)
    answer = CliRunner().invoke(main, ["score", "taxi_charge", "in.csv", "out.csv"])
    assert (answer.exit_code, "has no live version" in answer.output) == (2, True)
