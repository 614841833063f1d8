"""The run launcher of the shipped instance: what it tells the daemon's run monitoring of a run's process."""

import os
from pathlib import Path

import pytest
import yaml
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

from retrain_assets.dagster_glue import crashed_runs
from retrain_assets.dagster_glue.crashed_runs import LAUNCHER_TAG, PROCESS_TAG
from retrain_assets.dagster_glue.run_launcher import WatchingRunLauncher
from retrain_assets.registry.storage.disk import exclusive

SHIPPED = Path(__file__).parents[2] / "retrain_assets" / "dagster.yaml"


@pytest.fixture
def launcher(instance):
    launcher = WatchingRunLauncher()
    launcher.register_instance(instance)
    return launcher


def health(launcher, instance, run_id):
    return launcher.check_run_worker_health(instance.get_run_by_id(run_id)).status


def lock_of(instance, name):
    path = Path(instance.root_directory) / "processes" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_the_shipped_instance_launches_with_it_and_keeps_places_free_for_rollbacks():
    declared = yaml.safe_load(SHIPPED.read_text())
    assert declared["run_launcher"] == {"module": WatchingRunLauncher.__module__, "class": WatchingRunLauncher.__name__}
    assert WatchingRunLauncher().supports_check_run_worker_health
    runs = declared["concurrency"]["runs"]
    assert {limit["key"] for limit in runs["tag_concurrency_limits"]} == {"retrain/turn"}
    assert runs["max_concurrent_runs"] > min(limit["limit"] for limit in runs["tag_concurrency_limits"])


def test_a_run_lives_as_long_as_its_process_holds_its_lock(launcher, instance, started):
    run = started({})
    with exclusive(lock_of(instance, run)):
        assert health(launcher, instance, run) is WorkerStatus.RUNNING
    assert health(launcher, instance, run) is WorkerStatus.RUNNING, "a lock so young may be about to be held"
    os.utime(lock_of(instance, run), (1, 1))
    assert health(launcher, instance, run) is WorkerStatus.FAILED


def test_a_run_that_nobody_marked_is_left_alone(launcher, instance, started):
    assert health(launcher, instance, started({})) is WorkerStatus.RUNNING


@pytest.mark.parametrize(("seconds", "status"), [(-1.0, WorkerStatus.FAILED), (3600.0, WorkerStatus.RUNNING)])
def test_before_the_first_step_a_run_is_gone_with_its_launcher_after_a_while(
    launcher, instance, started, monkeypatch, seconds, status
):
    monkeypatch.setattr(crashed_runs, "FIRST_STEP_SECONDS", seconds)
    assert health(launcher, instance, started({LAUNCHER_TAG: "dead"})) is status


def test_a_run_launched_again_is_not_judged_by_the_process_of_the_run_before(launcher, instance, started):
    with exclusive(lock_of(instance, "alive")):
        assert health(launcher, instance, started({PROCESS_TAG: "dead", LAUNCHER_TAG: "alive"})) is WorkerStatus.RUNNING


def test_a_run_that_ended_as_it_was_looked_at_is_not_gone(launcher, instance, started, monkeypatch):
    run = started({})
    lock_of(instance, run).touch()
    os.utime(lock_of(instance, run), (1, 1))

    def ends(path):
        instance.report_run_failed(instance.get_run_by_id(run), "ended by itself")
        return True

    monkeypatch.setattr(crashed_runs, "_free", ends)
    assert health(launcher, instance, run) is WorkerStatus.RUNNING


def test_every_run_it_launches_says_who_launched_it(launcher, instance, started, monkeypatch):
    launched = []
    monkeypatch.setattr(DefaultRunLauncher, "launch_run", lambda self, context: launched.append(context))
    run = instance.get_run_by_id(started({}))
    launcher.launch_run(LaunchRunContext(run, None))
    assert launched
    token = instance.get_run_by_id(run.run_id).tags[LAUNCHER_TAG]
    assert not crashed_runs._free(lock_of(instance, token))
