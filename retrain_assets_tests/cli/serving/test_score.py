"""`retrain score`: a file of new rows gets the scores of the live version or of the one that is named."""

import json

import pandas as pd
import pytest

from retrain_assets.scoring.scorer import Scorer
from retrain_assets_tests.commanded import PERIODS, registry, retrain


@pytest.fixture
def rows(replayed, tmp_path):
    """Thirty parcels of the replayed world in a file, one of them with a vehicle that nobody knows."""
    frame = pd.read_parquet(replayed[0] / "models" / "rows.parquet").head(30).drop(columns="minutes")
    frame.loc[3, "vehicle"] = "balloon"
    frame.to_parquet(tmp_path / "new.parquet")
    return frame


def scores_of(home, version, rows):
    kept = registry(home)
    (digest,) = [one.digest for one in kept.versions() if one.name == version]
    columns = {name: rows[name].tolist() for name in ("distance", "weight", "vehicle")}
    return Scorer.from_files(kept.read(digest)).score(columns).scores.tolist()


def test_the_file_has_key_time_score_and_the_version_they_come_from(at_home, rows, tmp_path):
    out = tmp_path / "scores.parquet"
    result = retrain("score", "delivery", tmp_path / "new.parquet", out)
    found = pd.read_parquet(out)
    assert found["id"].tolist() == rows["id"].tolist()
    assert found["score"].tolist() == pytest.approx(scores_of(at_home, "v2", rows))
    assert set(found["version"].astype(str)) == {"v2"}
    assert f"delivery v2 scored 30 rows into {out}." in result.stdout
    assert "vehicle: 1 row with a category that v2 never saw, scored as missing." in result.stdout


def test_a_program_reads_what_was_done(at_home, rows, tmp_path):
    out = tmp_path / "scores.parquet"
    told = json.loads(retrain("score", "delivery", tmp_path / "new.parquet", out, "--json").stdout)
    version = registry(at_home).live()
    assert told == {
        "model": "delivery", "version": "v2", "digest": version.digest, "rows": 30, "out": str(out),
        "unseen": {"vehicle": 1},
    }  # fmt: skip


@pytest.mark.parametrize("which", [("--version", "v1"), ("--at", PERIODS[4])])
def test_another_version_is_named_or_found_by_its_time(at_home, rows, tmp_path, which):
    out = tmp_path / "scores.csv"
    retrain("score", "delivery", tmp_path / "new.parquet", out, *which)
    assert pd.read_csv(out)["score"].tolist() == pytest.approx(scores_of(at_home, "v1", rows))


def test_a_version_that_is_none_and_a_file_that_is_not_there_are_bad_input(at_home, rows, tmp_path):
    out = tmp_path / "scores.csv"
    assert "v9" in retrain("score", "delivery", tmp_path / "new.parquet", out, "--version", "v9", code=2).stderr
    assert "no such file" in retrain("score", "delivery", tmp_path / "none.parquet", out, code=2).stderr
    assert not out.exists()


def test_the_features_that_moved_a_score_most_are_named_beside_it(at_home, rows, tmp_path):
    out = tmp_path / "scores.parquet"
    retrain("score", "delivery", tmp_path / "new.parquet", out, "--reasons", "2")
    found = pd.read_parquet(out)
    features = found["reason_1"].str.partition("=")[0]
    assert set(features) <= {"distance", "weight", "vehicle"}
    assert (features != found["reason_2"].str.partition("=")[0]).all()
