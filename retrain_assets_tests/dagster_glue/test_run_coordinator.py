"""Runs that nobody tagged take their turn in the queue, and rollbacks wait for none."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from retrain_assets.cli.runner import prepare_instance
from retrain_assets.dagster_glue.run_coordinator import TurnTakingRunCoordinator, turn_of
from retrain_assets.dagster_glue.tags import MODEL_TAG, TURN_TAG

SHIPPED = Path(__file__).parents[2] / "retrain_assets" / "dagster.yaml"


def run_of(job="__ASSET_JOB", tags=(), *assets):
    keys = frozenset(dg.AssetKey(asset.split("/")) for asset in assets)
    return dg.DagsterRun(job_name=job, run_id="a1", tags=dict(tags), asset_selection=keys or None)


@pytest.mark.parametrize(
    ("run", "tags"),
    [
        (run_of("__ASSET_JOB", (), "taxi/raw_data", "taxi/outcomes"), {TURN_TAG: "taxi", MODEL_TAG: "taxi"}),
        (run_of("__ASSET_JOB", (), "taxi/raw_data", "churn/raw_data"), {TURN_TAG: "a1"}),
        (run_of("somebody_elses_job"), {TURN_TAG: "a1"}),
        (run_of("taxi__score", {TURN_TAG: "taxi batches"}), {}),
        (run_of("taxi__rollback"), {}),
    ],
)
def test_a_run_gets_the_turn_of_its_model_or_one_of_its_own(run, tags):
    assert turn_of(run) == tags


def test_the_shipped_instance_queues_with_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # so that what `prepare_instance` sets is undone
    with prepare_instance(tmp_path / "home") as instance:
        assert isinstance(instance.run_coordinator, TurnTakingRunCoordinator)
        queue = instance.get_concurrency_config().run_queue_config
        assert queue.max_concurrent_runs == 8
        assert queue.tag_concurrency_limits[0] == {"key": TURN_TAG, "limit": 4}
        assert instance.run_coordinator.dequeue_interval_seconds == 1
    assert "run_queue" not in yaml.safe_load(SHIPPED.read_text())
