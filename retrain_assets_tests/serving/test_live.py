"""The live model in Python: rows by the names of their columns, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pytest
from click.testing import CliRunner

import retrain_assets
from benchmarks.worlds.verdicts import promote, verdict
from retrain_assets.cli.main import main
from retrain_assets.errors import DataError, NotFound
from retrain_assets.serving.live import loaded
from retrain_assets_tests.serving.world import CONTRACT, ROWS, expected, registry_in, version_files


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


def test_a_misspelt_model_names_the_nearest(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    (tmp_path / "registry" / "taxi_charge").mkdir(parents=True)
    with pytest.raises(NotFound, match=r"Did you mean taxi_charge\? \(RETRAIN_HOME"):
        retrain_assets.predict("taxi_chrage", ROWS)
    with pytest.raises(NotFound, match="There is taxi_charge"):
        retrain_assets.predict("weather", ROWS)


def test_a_model_without_a_live_version_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    with pytest.raises(NotFound, match="taxi_charge has no live version: run `retrain replay taxi_charge`"):
        retrain_assets.predict("taxi_charge", ROWS)
    answer = CliRunner().invoke(main, ["score", "taxi_charge", "in.csv", "out.csv"])
    assert (answer.exit_code, "has no live version" in answer.output) == (2, True)


def test_a_version_whose_function_has_another_source_by_now_is_loaded_with_a_warning(tmp_path, caplog):
    function = "retrain_assets_tests.feature_function.our_pkg.features:add"
    made = {"function": function, "sha256": "0" * 64, "inputs": {"distance": "number"}, "columns": ["x"]}
    registry, own = (
        registry_in(tmp_path),
        {"features.json": json.dumps(replace(CONTRACT, made=made).to_dict()).encode()},
    )
    promote(registry, verdict(registry, 1, registry.add(version_files(1) | own)), 1)
    assert loaded(registry, registry.live()).score(ROWS).version == "v1"
    assert f"taxi_charge v1 was trained on columns that {function} made with another source" in caplog.text
