"""`raw_data` and `outcomes` in Dagster: what a run stores and shows, and what it refuses."""

import dagster as dg
import pytest

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.raw.assets import CONTRACT_CHECKS, raw_assets
from retrain_assets_tests.raw.rides import COLUMNS, MONTHS, intake, rides, source, written

PERIOD = "2019-02"


@pytest.fixture
def run(instance, tmp_path):
    """Materializes both assets of February from some columns."""

    def materialize(columns):
        declared = source(written(tmp_path / "rides.parquet", columns))
        resources = {"home": Home(path=str(tmp_path / "home")), "clock": Clock(replay_at="2019-03-01T00:00:00")}
        frame = Frame("rides", ("team:tests",), MONTHS)
        config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        return dg.materialize(
            raw_assets(frame, declared, COLUMNS, lambda: intake(declared)), instance=instance, resources=resources,
            partition_key=PERIOD, raise_on_error=False, run_config=config,
        ), resources["home"].store("rides")  # fmt: skip

    return materialize


def shown(result, asset):
    (made,) = result.asset_materializations_for_node(f"rides__{asset}")
    return {name: value.value for name, value in made.metadata.items()}


def test_a_good_period_is_stored_and_every_check_passes(run):
    columns = rides()
    columns["riders"][4] = 99
    result, store = run(columns)
    assert result.success
    raw = shown(result, "raw_data")
    assert (raw["rows"], raw["rejected_rows"], raw["dagster/row_count"]) == (99, 1, 99)
    assert raw["summary"].startswith("**99 rows** of 2019-02, 1 set aside.")
    assert store.read_table("raw_data", [PERIOD]).num_rows == 99
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == dict.fromkeys(CONTRACT_CHECKS, True)
    arrived = shown(result, "outcomes")
    known = store.read_table("outcomes", [PERIOD])
    assert arrived["outcomes"] == known.num_rows
    assert arrived["mean_label"] == pytest.approx(known["label"].to_numpy().mean())


def test_a_broken_period_fails_its_check_with_the_count_and_the_earlier_file_stays(run):
    _, store = run(rides())
    before = store.path("raw_data", PERIOD).read_bytes()
    columns = rides()
    columns["id"][1] = columns["id"][0]
    result, _ = run(columns)
    assert not result.success
    failed = {check.check_name: check for check in result.get_asset_check_evaluations() if not check.passed}
    assert list(failed) == ["keys"]
    assert failed["keys"].severity is dg.AssetCheckSeverity.ERROR
    assert failed["keys"].metadata["count"].value == 1
    assert "The earlier data stays." in str([e.step_failure_data.error for e in result.all_events if e.is_step_failure])
    assert store.path("raw_data", PERIOD).read_bytes() == before


def test_the_schema_of_the_asset_says_what_each_column_is_for():
    raw, _ = raw_assets(Frame("rides", (), MONTHS), source("r.parquet"), COLUMNS, lambda: None)
    (metadata,) = raw.metadata_by_key.values()
    described = {column.name: column.description for column in metadata["dagster/column_schema"].columns}
    assert described["miles"] == "feature, possible 0..100"
    assert described["borough"] == "group, not a feature"
    assert described["at"] == "When the row happened; decides its period"


def test_a_file_that_cannot_be_read_is_told_by_a_check_of_the_period(run, tmp_path, monkeypatch):
    monkeypatch.setattr("retrain_assets_tests.raw.test_assets.written", lambda path, _: torn(path))
    result, store = run(rides())
    assert not result.success
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("schema", False)
    assert "cannot be read" in check.description
    (failed,) = [event for event in result.all_events if event.is_step_failure and "raw_data" in event.step_key]
    assert "The earlier data stays." in failed.step_failure_data.error.message
    assert store.periods("raw_data") == []


def torn(path):
    path.write_bytes(b"PAR1 and then nothing")
    return path
