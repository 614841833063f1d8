"""The jobs of a model: what each materializes, how long it may take, and what a rollback needs to be told."""

from retrain_assets.pipeline import build_model_defs
from retrain_assets.production.jobs import MONITOR, RETRAIN, job_name, rollback_config
from retrain_assets.spec.loading import load_specs

MODEL = "taxi_charge"


def jobs():
    return {job.name: job for job in build_model_defs(load_specs()[MODEL]).jobs}


def test_each_job_names_its_model_and_ends_after_a_declared_time():
    found = jobs()
    assert found.keys() == {job_name(MODEL, job) for job in ("monitor", "retrain", "rollback", "backtest")}
    seconds = {name: int(job.tags["dagster/max_runtime_seconds"]) for name, job in found.items()}
    assert (
        seconds[job_name(MODEL, "rollback")] < seconds[job_name(MODEL, "monitor")] < seconds[job_name(MODEL, "retrain")]
    )
    assert {job.tags["retrain/model"] for job in found.values()} == {MODEL}


def test_no_run_both_serves_and_decides():
    assert set(MONITOR) & set(RETRAIN) == {"model_status"}


def test_a_rollback_is_told_which_version_to_leave():
    config = rollback_config(MODEL, "complaints", "v3", to="v1")
    assert config["ops"][f"{MODEL}__roll_back"]["config"] == {
        "reason": "complaints", "expected_live": "v3", "to": "v1",
    }  # fmt: skip
