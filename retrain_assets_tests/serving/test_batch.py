"""Files of new rows: the scores that the rows get in Python, whatever carries them."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow.parquet as pq
import pytest

from retrain_assets.errors import DataError
from retrain_assets.raw.policy import Table
from retrain_assets.serving import batch
from retrain_assets.serving.batch import score_file
from retrain_assets_tests.serving.world import ROWS, expected


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
