"""What runs a model's jobs: its instance, and what it knows of runs that ended otherwise."""

import os
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
import yaml
from dagster._core.errors import DagsterExecutionInterruptedError

import retrain_assets
from retrain_assets.cli.runner import RunEnd, Runner, actor, prepare_instance
from retrain_assets.dagster_glue.crashed_runs import PROCESS_TAG
from retrain_assets.errors import Conflict
from retrain_assets.registry.storage.disk import exclusive

SHIPPED_SETTINGS = Path(retrain_assets.__file__).parent / "dagster.yaml"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({PROCESS_TAG: "0" * 32}, {"retrain/trigger_id": "x", "retrain/trigger": "excess_loss"}),
        ({PROCESS_TAG: "0" * 32, "retrain/outcome": "rejected"}, None),
        ({PROCESS_TAG: "0" * 32, "dagster/partition": "2024-02-12"}, None),
        ({}, None),
    ],
    ids=["killed", "it had ended", "another period", "under way in another process"],
)
def test_a_replay_knows_the_retrain_whose_process_was_killed(tmp_path, monkeypatch, instance, started, tags, expected):
    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    why = {"retrain/trigger_id": "x", "retrain/trigger": "excess_loss"}
    runner = Runner(SimpleNamespace(name="delivery"), instance)
    assert runner.broken_off("2024-02-05") is None
    started({"dagster/partition": "2024-02-05"} | why | tags)
    assert runner.broken_off("2024-02-05") == expected


@pytest.mark.parametrize(
    ("success", "outcome", "agreed"),
    [(True, "promoted", True), (True, "done", True), (True, "rejected", False), (True, "identical", False),
     (False, "crash", False)],
)  # fmt: skip
def test_a_run_agreed_when_what_was_asked_for_was_done(success, outcome, agreed):
    assert RunEnd("1", success, outcome, "").agreed is agreed


def test_the_instance_is_made_in_its_home_and_says_where_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    with prepare_instance(tmp_path / "home") as instance:
        assert instance.root_directory == os.environ["DAGSTER_HOME"] == str(tmp_path / "home" / "dagster")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="RETRAIN_HOME=.*file: Not a directory. Name a folder that can be written."):
        prepare_instance(tmp_path / "file")


def test_the_run_history_stands_under_the_home_and_every_other_setting_as_it_was_shipped(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_instance(tmp_path).dispose()
    shipped, written = SHIPPED_SETTINGS.read_text(), (tmp_path / "dagster" / "dagster.yaml").read_text()
    assert yaml.safe_load(written) == yaml.safe_load(shipped.replace(".retrain/dagster", f"{tmp_path}/dagster"))


def test_one_process_at_a_time_opens_a_home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    lock, opened = tmp_path / "home" / "dagster" / "open.lock", dg.DagsterInstance.get

    def alone() -> dg.DagsterInstance:
        with pytest.raises(Conflict, match="another"), exclusive(lock, seconds=0):
            pass
        return opened()

    monkeypatch.setattr(dg.DagsterInstance, "get", alone)
    with prepare_instance(tmp_path / "home"), exclusive(lock, seconds=0):
        pass


@pytest.mark.parametrize(("logged_in", "name"), [({"USER": "ada", "LOGNAME": "bob"}, "ada"), ({}, "cli")])
def test_who_types_is_known_by_the_login_name(monkeypatch, logged_in, name):
    for variable in ("USER", "LOGNAME"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in logged_in.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr("getpass.getuser", lambda: {}["no such user"])
    assert actor() == name
    assert actor(datetime(2019, 3, 1)) == f"{name} in a replay"


def test_a_setting_that_cannot_be_written_says_which(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").symlink_to(tmp_path / "gone" / "dagster.yaml")
    with pytest.raises(OSError, match=r"dagster.yaml: No such file or directory. Free some space there, or make it"):
        prepare_instance(tmp_path)


@pytest.mark.parametrize("depth", [0, 1])
def test_a_run_that_is_interrupted_by_hand_ends_the_command(tmp_path, monkeypatch, instance, depth):
    @dg.op
    def interrupted():
        try:
            raise DagsterExecutionInterruptedError
        except DagsterExecutionInterruptedError as by_hand:
            if depth:
                raise OSError("a file was closed") from by_hand
            raise

    @dg.job(name="delivery__rollback")
    def rollback():
        interrupted()

    monkeypatch.setenv("RETRAIN_HOME", str(tmp_path))
    runner = Runner(SimpleNamespace(name="delivery"), instance)
    runner.defs = dg.Definitions(jobs=[rollback])
    with pytest.raises(KeyboardInterrupt, match="^$"):
        runner.run("rollback", None)
