"""A model is started by a person: by a period taken in, or by a decision in its journal."""

from datetime import datetime

from benchmarks.worlds.verdicts import fresh, promoted
from retrain_assets.monitoring.first_run import how_to_start, started
from retrain_assets.periods import Calendar
from retrain_assets.production.jobs import job_name
from retrain_assets.store import PeriodStore


def test_a_model_is_started_once_a_period_is_taken_in(tmp_path):
    store, registry = PeriodStore(tmp_path / "data"), fresh(tmp_path)
    assert not started(store, registry)
    path = store.path("raw_data", "2024-01")
    path.parent.mkdir(parents=True)
    path.touch()
    assert started(store, registry)


def test_a_model_with_a_version_is_started_without_any_period(tmp_path):
    store, registry = PeriodStore(tmp_path / "data"), fresh(tmp_path)
    promoted(registry, [0])
    assert started(store, registry)


def test_the_sentence_names_the_command_and_the_job_as_it_is_called():
    said = how_to_start("churn", Calendar(every="month", start=datetime(2024, 1, 1)))
    assert "`retrain replay churn`" in said
    assert f"run {job_name('churn', 'monitor')} for 2024-01 in the UI;" in said
