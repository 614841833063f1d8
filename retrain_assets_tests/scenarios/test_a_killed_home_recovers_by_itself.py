"""Everything killed in the middle of a judgement, under the real webserver and daemon: a restart is all it takes."""

import os
import signal
import time

import pytest

from benchmarks.worlds.parcels import SPEC, make_world, rows_of
from retrain_assets.cli.runner import prepare_instance
from retrain_assets.dagster_glue.tags import AGAIN_TAG, KEPT
from retrain_assets.production.jobs import rollback_config
from retrain_assets.registry.registry import Registry
from retrain_assets_tests.served import TWO_WEEKS, serve

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]

WEEKS = ["2024-01-01", "2024-01-08", "2024-01-15"]
METRIC = {"unit": "", "callable": "retrain_assets_tests.scenarios.waiting_metric:mean_error", "higher_is_better": False}
GUARDRAILS = [*SPEC["validation"]["guardrails"], {"metric": "bias", "margin": 50.0}]
CHANGES = TWO_WEEKS | {
    "period": {"every": "week", "start": "2024-01-01", "end": "2024-01-22"},
    "validation": SPEC["validation"] | {"metrics": {"bias": METRIC}, "guardrails": GUARDRAILS},
}


def run_of(running, run_id, job="delivery__retrain"):
    return next(run for run in running.runs(job) if run["runId"] == run_id)


def test_a_rollback_waits_for_no_retrain_and_a_killed_judgement_is_failed_and_taken_up_again(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # so that what `prepare_instance` sets is undone
    with prepare_instance(tmp_path / "home") as instance:
        built = make_world(tmp_path, rows_of(4), instance, **CHANGES)
        built.monitor(WEEKS[:2])
        assert built.run("retrain", WEEKS[1]).success
        built.monitor(WEEKS[2:])
    registry = Registry(tmp_path / "home" / "registry", "delivery")
    claims, wait = registry.folder / "claims", tmp_path / "home" / "wait"
    wait.touch()

    with serve(tmp_path) as running:
        running.first_tick("delivery__new_data")
        retrain = running.launch("delivery__retrain", WEEKS[2])
        running.wait(lambda: list(claims.glob("*.json")) or None, "the judgement did not begin", 90)
        running.launch("delivery__rollback", None, rollback_config("delivery", "complaints", "v9"))
        rolled_back = running.finished("delivery__rollback", 60)
        assert rolled_back["tags"]["retrain/outcome"] == "refused", "for v9 is not live: it ran, and waited for nothing"
        assert run_of(running, retrain)["status"] == "STARTED"
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
    wait.unlink()
    restarted = time.monotonic()

    with serve(tmp_path) as running:

        def failed():
            return run_of(running, retrain)["status"] == "FAILURE" or None

        running.wait(failed, "the killed run was not failed", 60 - (time.monotonic() - restarted))

        def taken_up():
            again = [run for run in running.runs("delivery__retrain") if run["tags"].get(AGAIN_TAG) == retrain]
            return again[0] if again and again[0]["status"] in ("SUCCESS", "FAILURE") else None

        again = running.wait(taken_up, "the retrain was not asked for again", 120)
    assert again["status"] == "SUCCESS"
    assert again["tags"]["retrain/outcome"] in ("promoted", *KEPT)
    assert [event.period for event in registry.history() if event.gate] == WEEKS[1:]
    assert list(claims.glob("*.json")) == []
    assert registry.verify() == []
