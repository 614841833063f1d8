"""A drift record survives its file, is read without a schema version, and refused with a newer one."""

import json

import pytest

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.drift.serving_series import Calibration, OutOfRange, ServingNumbers
from retrain_assets.monitoring.impact.cost import Change
from retrain_assets.monitoring.records.drift_record import ASSET, DriftRecord, drift_records, read_drift, write_drift
from retrain_assets.store import PeriodStore


def report(name, outcome, triggers=False):
    column = ColumnDrift(
        name, "numeric", "mean", outcome, 0.01, 3.0, *[0.1] * 6, 0.0, False, f"{name} moved", "", ("up",)
    )
    return DriftReport("2024-01", 100, 6, 8, (column,), triggers, f"2024-01: {name} moved.")


FULL = DriftRecord(
    period="2024-01",
    version="v1",
    features=report("fare", Drift.WARN),
    scores=report("(prediction)", Drift.QUIET, triggers=True),
    serving=ServingNumbers(OutOfRange(3, 500), Calibration(0.1, 0.01, 0.9, 0.02, 0.5, 80)),
    joint_aucs={"2023-12": 0.51},
    uncertain_periods=2,
    impact=(Change("fare", "2023-12", 0.4, 0.1, 0.04, None),),
    impact_sentence="2024-01: fare changed.",
    importance={"fare": 0.4, "zone": 0.6},
    reference="the 6 months that v1 was trained on",
    sentence="2024-01: fare changed. fare moved.",
)
LEAST = DriftRecord("2024-01", "v1", features=report("fare", Drift.QUIET), sentence="quiet")
NOBODY = DriftRecord("2024-01", None)


@pytest.mark.parametrize("record", [FULL, LEAST, NOBODY])
@pytest.mark.parametrize("forgotten", [(), ("schema",)])
def test_a_record_survives_its_file_with_and_without_a_schema_version(tmp_path, record, forgotten):
    store = PeriodStore(tmp_path)
    write_drift(store, record)
    stored = store.read_json(ASSET, "2024-01")
    store.write_json(ASSET, "2024-01", {name: value for name, value in stored.items() if name not in forgotten})
    assert read_drift(store, "2024-01") == record


def test_a_record_of_a_newer_release_is_refused_with_the_next_step(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_json(ASSET, "2024-01", FULL.to_dict() | {"schema": 99})
    with pytest.raises(DataError, match="2024-01 has schema 99, .* monitor the period again"):
        read_drift(store, "2024-01")


def test_what_warns_and_whether_it_triggers_stand_in_the_file_for_other_readers():
    stored = json.loads(json.dumps(FULL.to_dict(), allow_nan=False))
    assert (stored["warned"], stored["triggers"]) == (["fare"], True)
    assert not {"scores", "joint", "impact", "impact_sentence", "importance", "reference"} & set(LEAST.to_dict())


def test_the_records_of_a_version_are_those_of_its_scored_periods(tmp_path):
    store = PeriodStore(tmp_path)
    assert read_drift(store, "2024-01") is None
    for period, record in (("2024-01", FULL), ("2024-02", LEAST), ("2024-03", NOBODY)):
        store.write_json(ASSET, period, record.to_dict() | {"period": period})
    found = drift_records(store, ["2023-12", "2024-01", "2024-02", "2024-03"], "v1")
    assert [record.period for record in found] == ["2024-01"]
