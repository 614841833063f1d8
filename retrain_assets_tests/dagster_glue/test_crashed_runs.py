"""A run killed with the slot of its model in its hands: the pointer stands, and the next run goes on by itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg

import retrain_assets_tests
from benchmarks.worlds.parcels import make_world, rows_of
from retrain_assets.dagster_glue.crashed_runs import PROCESS_TAG, alive, fail_crashed
from retrain_assets_tests.commanded import CHANGES, FIRST, registry

DAY = f"""
import os, signal
from retrain_assets.cli.main import main
from retrain_assets.registry.journal.chain import Journal
from retrain_assets_tests.past_worlds import undrawn
from retrain_assets_tests.run_records import write_quickly


def retrain(*words):
    try:
        main([*words])
    except SystemExit as end:
        assert end.code == 0, (words, end.code)


def dying(append):
    def die_at(journal, entry, after):
        if entry.action == os.environ["DIES"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return append(journal, entry, after)

    return die_at


write_quickly()
with undrawn():
    if os.environ["DIES"] == "passed":
        for week in ("2024-01-01", "2024-01-08", "{FIRST}"):
            retrain("monitor", "delivery", "--period", week)
    if os.environ["DIES"]:
        Journal.append = dying(Journal.append)
    retrain("run", "delivery", "--period", "{FIRST}")
"""


def test_runs_killed_in_the_middle_of_a_promotion_block_nothing_and_promote_nothing_twice(tmp_path):
    """One run is killed before the verdict is written down, the next before the promotion is."""
    make_world(tmp_path / "models", rows_of(4), None, **CHANGES)
    home = tmp_path / "home"
    environment = os.environ | {
        "RETRAIN_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "RETRAIN_MODELS": str(tmp_path / "models"),
        "RETRAIN_SHIPPED": "0",
        "PYTHONPATH": str(Path(retrain_assets_tests.__file__).parents[1]),
    }
    command = [sys.executable, "-W", "ignore", "-c", DAY]
    for step, written in (("passed", []), ("bootstrap", ["passed"])):
        killed = subprocess.run(command, env=environment | {"DIES": step}, capture_output=True, text=True, timeout=300)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert [event.action for event in registry(home).history()] == written
        assert registry(home).verify() == []

    again = subprocess.run(command, env=environment | {"DIES": ""}, capture_output=True, text=True, timeout=300)

    assert again.returncode == 0, again.stdout + again.stderr
    assert [event.action for event in registry(home).history()] == ["passed", "bootstrap"]
    assert registry(home).verify() == []
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        last, *crashed = instance.get_runs(dg.RunsFilter(job_name="delivery__retrain"))
        storage = instance.event_log_storage
        claimed = [storage.get_concurrency_info(pool).claimed_slots for pool in storage.get_concurrency_keys()]
    assert last.status == dg.DagsterRunStatus.SUCCESS
    assert [run.status for run in crashed] == [dg.DagsterRunStatus.FAILURE] * 2
    assert [slots for slots in claimed if slots] == []
    assert not list((home / "dagster" / "processes").iterdir())


def test_only_runs_whose_process_is_gone_are_failed(instance, started):
    with alive(instance) as living:
        ours, foreign = started(living), started({})
        gone, older = started({PROCESS_TAG: "0" * 32}), started({"retrain/process": "0" * 32})
        assert set(fail_crashed(instance)) == {gone, older}
        statuses = [instance.get_run_by_id(run).status for run in (ours, foreign, gone, older)]
    assert [status.value for status in statuses] == ["STARTED", "STARTED", "FAILURE", "FAILURE"]
    assert fail_crashed(instance) == [ours], "once it has ended without saying so"


def test_a_lock_that_nobody_has_held_for_a_day_is_removed_and_a_younger_or_held_one_stays(instance):
    with alive(instance) as living:
        (held,) = (Path(instance.root_directory) / "processes").glob("*.lock")
        old, young = held.with_name("old.lock"), held.with_name("young.lock")
        for path in (old, young):
            path.touch()
        for path in (old, held):
            os.utime(path, (1, 1))
        fail_crashed(instance)
        assert living
        assert sorted(held.parent.glob("*.lock")) == sorted([held, young])
