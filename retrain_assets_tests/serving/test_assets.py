"""`scored_batch` in Dagster: its page, its sensor, and how it fails."""

import os

import dagster as dg
import pyarrow.parquet as pq
import pytest

from benchmarks.worlds.parcels import SPEC
from benchmarks.worlds.verdicts import MODEL, fresh
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.pipeline import build_model_defs
from retrain_assets.serving.assets import batch_job, batch_sensor, serving_assets
from retrain_assets.serving.policy import BatchesPolicy
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets_tests.serving.world import ROWS, promoted, registry_in

PARCELS = ModelSpec.model_validate(SPEC)


@pytest.fixture
def batches(tmp_path):
    (tmp_path / "in").mkdir()
    return BatchesPolicy(path=str(tmp_path / "in"), depends_on=("crm/customers",))


@pytest.fixture
def frame():
    return Frame(MODEL, (), PARCELS.period)


def arrived(path, rows=ROWS):
    """A file that was written an hour ago."""
    pq.write_table(rows, path)
    hour_ago = path.stat().st_mtime - 3600
    os.utime(path, (hour_ago, hour_ago))


class Rides:
    key, time = "id", "at"


def scored(frame, batches, home, **options):
    return dg.materialize(
        serving_assets(frame, Rides, batches), resources={"home": Home(path=str(home)), "clock": Clock()}, **options
    )


def asked(frame, batches, home, instance):
    context = dg.build_sensor_context(instance=instance, resources={"home": Home(path=str(home)), "clock": Clock()})
    return batch_sensor(frame, batches, f"{MODEL}__score")(context)


def test_what_waits_is_scored_and_the_page_says_how_many_rows_by_which_version(frame, batches, home, tmp_path):
    arrived(tmp_path / "in" / "a.parquet")
    result = scored(frame, batches, home)
    (made,) = result.asset_materializations_for_node(f"{MODEL}__scored_batch")
    assert made.metadata["summary"].value == (
        "**4 rows** of 1 file scored by v1.\n- c: 1 row with a category that v1 never saw, scored as missing"
    )
    assert made.metadata["rows"].value == 4
    (again,) = scored(frame, batches, home).asset_materializations_for_node(f"{MODEL}__scored_batch")
    assert again.metadata["summary"].value == "**Nothing new to score.** v1 is live."


def test_a_bad_file_fails_the_run_after_the_others_are_scored(frame, batches, home, tmp_path):
    arrived(tmp_path / "in" / "bad.parquet", ROWS.drop_columns(["x"]))
    arrived(tmp_path / "in" / "good.parquet")
    result = scored(frame, batches, home, raise_on_error=False)
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert "feature 'x' is missing" in str(failure.event_specific_data)
    (made,) = result.asset_materializations_for_node(f"{MODEL}__scored_batch")
    assert made.metadata["rows"].value == 4


def test_the_sensor_waits_for_a_version_and_for_files_and_starts_one_run_for_them(frame, batches, home, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        fresh(tmp_path / "other" / "registry")
        assert "has no live version yet" in asked(frame, batches, tmp_path / "other", instance).skip_message
        assert "no such file" in asked(frame, batches, home, instance).skip_message
        arrived(tmp_path / "in" / "a.parquet")
        one = asked(frame, batches, home, instance)
        assert one.run_key == asked(frame, batches, home, instance).run_key
        running = dg.DagsterRun(f"{MODEL}__score", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(running)
        waits = asked(frame, batches, home, instance).skip_message
        assert waits == "1 file waits for the run that is scoring others"
        instance.delete_run(running.run_id)
        promoted(registry_in(home), 2)
        assert asked(frame, batches, home, instance).run_key == one.run_key, "another version scores no file again"
        scored(frame, batches, home)
        assert asked(frame, batches, home, instance).skip_message == "every file that has arrived and rests is scored"


def test_only_a_spec_that_declares_batches_has_the_asset_its_job_and_its_sensor():
    without = build_model_defs(PARCELS)
    assert not [sensor for sensor in without.sensors or () if "batch" in sensor.name]
    declared = PARCELS.model_copy(update={"batches": BatchesPolicy(path="in", depends_on=("crm/customers",))})
    made = build_model_defs(declared)
    graph = made.resolve_asset_graph()
    node = graph.get(dg.AssetKey([PARCELS.name, "scored_batch"]))
    assert node.parent_keys == {dg.AssetKey([PARCELS.name, "production_model"]), dg.AssetKey(["crm", "customers"])}
    assert made.resolve_job_def(f"{PARCELS.name}__score").tags["retrain/model"] == PARCELS.name
    assert made.resolve_sensor_def(f"{PARCELS.name}__new_batch").job_name == f"{PARCELS.name}__score"


def test_the_job_takes_no_turn_with_retrains(frame):
    assert batch_job(frame, "score").tags["retrain/turn"] == f"{MODEL} batches" != MODEL
