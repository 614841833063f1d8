"""A step that begins to wait at the very moment at which the slot is given back is woken, in every kind of run."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from retrain_assets.cli.runner import prepare_instance
from retrain_assets.dagster_glue.pools import PATIENCE_SECONDS, long_waits, wake, waking

POOL, HOLDER = "delivery__live", "0" * 32


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A persistent instance whose one slot another run holds."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    with prepare_instance(tmp_path) as instance:
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default(POOL)
        assert storage.claim_concurrency_slot(POOL, HOLDER, "promote").is_claimed
        yield instance


@pytest.fixture
def raced(kept, monkeypatch):
    """The slot is given back after the next step has looked for one, and before it is written down as waiting."""
    write_down = SqlEventLogStorage.add_pending_step

    def late(self, *arguments, **options):
        self.free_concurrency_slots_for_run(HOLDER)
        write_down(self, *arguments, **options)

    monkeypatch.setattr(SqlEventLogStorage, "add_pending_step", late)
    return kept


def test_dagster_alone_never_wakes_such_a_step_and_one_look_does(raced):
    storage = raced.event_log_storage
    claims = [storage.claim_concurrency_slot(POOL, "1" * 32, "promote").is_claimed for _ in range(5)]
    assert claims == [False] * 5
    assert storage.get_concurrency_info(POOL).claimed_slots == []
    assert wake(raced) == [POOL]
    assert storage.claim_concurrency_slot(POOL, "1" * 32, "promote").is_claimed
    assert wake(raced) == []


def test_a_step_that_waits_for_a_slot_in_use_is_not_woken(kept):
    storage = kept.event_log_storage
    assert not storage.claim_concurrency_slot(POOL, "1" * 32, "promote").is_claimed
    assert wake(kept) == []
    assert storage.get_concurrency_info(POOL).pending_run_ids == {"1" * 32}


def test_a_free_slot_that_somebody_was_given_already_is_not_given_twice(raced):
    storage = raced.event_log_storage
    claims = [storage.claim_concurrency_slot(POOL, run, "promote").is_claimed for run in ("1" * 32, "2" * 32)]
    assert claims == [False, True], "the second comes when the slot is free"
    storage.free_concurrency_slots_for_run("3" * 32)
    assert wake(raced) == []
    storage.free_concurrency_slots_for_run("2" * 32)
    assert storage.claim_concurrency_slot(POOL, "1" * 32, "promote").is_claimed


def test_who_waits_long_is_told_for_whom_and_what_to_do(kept):
    kept.event_log_storage.claim_concurrency_slot(POOL, "1" * 32, "promote")
    assert long_waits(kept, time.time()) == []
    (sentence,) = long_waits(kept, time.time() + PATIENCE_SECONDS + 2)
    assert sentence.startswith(
        "run 11111111 waits for the pool delivery__live, which run 00000000 holds. If no process"
    )
    assert "Deployment > Concurrency" in sentence


def test_one_long_wait_is_said_once(kept, monkeypatch, caplog):
    monkeypatch.setattr("retrain_assets.dagster_glue.pools.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("retrain_assets.dagster_glue.pools.PATIENCE_SECONDS", -10)
    kept.event_log_storage.claim_concurrency_slot(POOL, "1" * 32, "promote")
    looks = threading.Semaphore(0)
    monkeypatch.setattr("retrain_assets.dagster_glue.pools.wake", lambda instance: looks.release())
    with waking(kept):
        assert all(looks.acquire(timeout=60) for _ in range(4))  # three whole looks, and the begin of a fourth
    assert [record.message[:18] for record in caplog.records] == ["run 11111111 waits"]


SCRIPT = """
import dagster as dg
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from retrain_assets.dagster_glue.executor import run_executor

write_down = SqlEventLogStorage.add_pending_step

def late(self, *arguments, **options):
    self.free_concurrency_slots_for_run("{holder}")
    write_down(self, *arguments, **options)

SqlEventLogStorage.add_pending_step = late

@dg.op(pool="{pool}")
def promote(): ...

@dg.job(executor_def=run_executor())
def promotion():
    promote()

if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        with dg.execute_job(dg.reconstructable(promotion), instance) as result:
            assert result.success
"""


def test_a_run_that_the_ui_launches_is_woken_by_its_own_executor(kept, tmp_path):
    (tmp_path / "raced.py").write_text(SCRIPT.format(holder=HOLDER, pool=POOL))
    root = str(Path(sys.modules["retrain_assets"].__file__).parents[1])
    here = {"DAGSTER_HOME": str(tmp_path / "dagster"), "RETRAIN_HOME": str(tmp_path), "PYTHONPATH": root, "PATH": ""}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "raced.py"], cwd=tmp_path, env=here, capture_output=True, text=True, timeout=90
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
