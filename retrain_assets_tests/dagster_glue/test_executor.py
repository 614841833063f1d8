"""How runs are carried out: in one process unless the environment asks for more."""

import os
import subprocess
import sys
import time
from contextlib import suppress

import dagster as dg

from retrain_assets.dagster_glue.executor import run_executor


def test_the_executor_is_dagsters_own_in_name_config_and_requirements(monkeypatch):
    assert (run_executor().name, run_executor().get_requirements({})) == ("in_process", [])
    monkeypatch.setenv("RETRAIN_EXECUTOR", "multiprocess")
    assert run_executor().name == "multiprocess"
    assert run_executor().get_requirements({}) == dg.multiprocess_executor.get_requirements({})


def test_every_call_gives_the_very_same_executor(monkeypatch):
    one = run_executor()
    assert run_executor() is one
    monkeypatch.setenv("RETRAIN_EXECUTOR", "multiprocess")
    assert run_executor() is not one
    assert run_executor() is run_executor()


STEPS = """
import multiprocessing, os, signal, sys, time


def step(pid):
    from retrain_assets.dagster_glue.executor import end_with_the_run

    end_with_the_run()
    pid.put(os.getpid())
    time.sleep(60)


if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    pid = context.Queue()
    context.Process(target=step, args=(pid,)).start()
    print(pid.get(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_process_of_a_step_ends_with_the_run_that_began_it(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(STEPS)
    environment = os.environ | {"RETRAIN_EXECUTOR": "multiprocess"}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment) as run:
        step = int(run.stdout.readline())
        run.wait()
        with suppress(ProcessLookupError):
            for _ in range(100):
                os.kill(step, 0)
                time.sleep(0.1)
            raise AssertionError("the step goes on")
