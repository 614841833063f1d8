"""The same function makes the columns of training, monitoring and scoring; what was made otherwise is named."""

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.worlds.parcels import SPEC, World, make_world, rows_of
from retrain_assets.candidates.version_files import made_columns
from retrain_assets.errors import DataError, SpecError
from retrain_assets.feature_function import feature_function as module
from retrain_assets.feature_function.made_columns import MadeColumns
from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.predictions import predict_period
from retrain_assets.raw.ingest import ingest, peek
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.spec.loading import load_spec
from retrain_assets_tests.past_worlds import undrawn

PATH = "retrain_assets_tests.feature_function.our_pkg.features"
COLUMNS = {
    "numeric": {"distance": {"min": 0, "max": 100}, "pace": None},
    "categorical": ["vehicle", "weekday"],
    "groups": ["district"],
}
PARTS = {
    "features": f"{PATH}:add",
    "columns": COLUMNS,
    "windows": SPEC["windows"] | {"min_train_periods": 2, "recent_periods": 2, "selection_origins": 1},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Iterator[World]:
    """Four weeks, monitored, with a first model of the first three."""
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        world = make_world(tmp_path_factory.mktemp("trained"), rows_of(4), instance, **PARTS)
        world.monitor(world.weeks(3))
        assert world.run("retrain", world.weeks(3)[-1]).success
        world.monitor(world.weeks(4)[3:])
        yield world


def test_a_version_scores_raw_rows_as_it_scored_them_in_the_loop(trained):
    live = trained.registry.live()
    scorer = Scorer.from_files(trained.registry.read(live.digest), live.name, live.digest)
    assert scorer.contract.made_by == f"{PATH}:add"
    assert scorer.contract.names == ("distance", "pace", "vehicle", "weekday")
    served = trained.store.require_table("predictions", trained.weeks(4)[3])
    rows = rows_of(4).set_index("id").loc[served["id"].to_pylist()].reset_index()
    raw = {name: rows[name].tolist() for name in ("id", "at", "distance", "vehicle")}
    assert np.array_equal(scorer.score(raw).scores, served["score"].to_numpy())


def test_rows_of_another_source_are_named_where_they_are_scored_and_train_no_model(trained, monkeypatch):
    week = trained.weeks(4)[3]
    other = replace(module.feature_function(f"{PATH}:add"), sha256="0" * 64)
    monkeypatch.setattr(module, "feature_function", lambda path: other)
    assert trained.run("monitor", week, assets=["raw_data"]).success
    remark = predict_period(trained.spec.model, PeriodAccess(trained.store, trained.registry, week)).remark
    assert remark.startswith(f"The features of {week} were made by {PATH}:add with another source (000000000000)")
    with pytest.raises(DataError, match="the columns of 3 periods from 2024-01-01 to 2024-01-15 were not made by"):
        made_columns(trained.store, trained.weeks(4), "delivery")


def test_stored_rows_say_how_their_columns_were_made(world):
    made = world(weeks=1, **PARTS)
    assert made.run("monitor", made.weeks(1)[0], assets=["raw_data"]).success
    path = made.store.path("raw_data", made.weeks(1)[0])
    record = MadeColumns.of_metadata(pq.read_schema(path).metadata)
    assert (record.function, record.columns) == (f"{PATH}:add", ("pace", "weekday"))
    assert "minutes" not in record.inputs
    assert record.inputs["weight"] == "number"


def test_a_declared_column_that_nothing_makes_is_refused_with_the_nearest_name(world):
    columns = COLUMNS | {"numeric": {"distance": None, "paces": None}}
    made = world(weeks=1, **(PARTS | {"columns": columns}))
    sentence = r"paces: declared under columns, neither in the source nor made by .*add, which makes pace, weekday. Did"
    with pytest.raises(DataError, match=sentence):
        peek(made.spec.intake, made.weeks(1)[0])


def test_a_module_that_is_not_there_is_a_fault_of_the_spec(world):
    made = world(weeks=1, **PARTS)
    path = made.folder / "delivery.yaml"
    path.write_text(path.read_text().replace(f"{PATH}:add", "no_such_package.features:add"))
    with pytest.raises(SpecError, match=r"features: no module 'no_such_package.features' is installed"):
        load_spec(path)


def test_a_column_that_the_function_no_longer_makes_is_refused_and_not_taken_as_missing(world, monkeypatch):
    made = world(weeks=2, **PARTS)
    weeks = made.weeks(2)
    assert made.run("monitor", weeks[0], assets=["raw_data"]).success
    shorter = replace(
        module.feature_function(f"{PATH}:add"), function=lambda rows: rows.append_column("pace", rows["distance"])
    )
    monkeypatch.setattr(module, "feature_function", lambda path: shorter)
    with pytest.raises(DataError, match="weekday: declared under columns, neither in the source nor made by"):
        ingest(made.spec.intake, made.store, weeks[1])
