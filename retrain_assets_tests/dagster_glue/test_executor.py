"""How runs are carried out: in one process unless the environment asks for more."""

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
