"""The performance record survives its file, and records of older and newer releases are read or refused."""

import json
from dataclasses import replace

import pytest

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.label_drift import Jump
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.estimation.estimate_record import EstimateRecord
from retrain_assets.monitoring.impact.cost import ColumnCost
from retrain_assets.monitoring.performance.business_metrics import BusinessMeasurement
from retrain_assets.monitoring.performance.report import GroupLoss, Quality
from retrain_assets.monitoring.records.performance_record import (
    SCHEMA,
    PerformanceRecord,
    monitored_periods,
    read_performance,
    write_performance,
)
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.stored import estimated, jump, past, performance

LABEL = ColumnDrift("(label)", "numeric", "mean", Drift.WARN, 0.01, 3.0, *[None] * 6, 0.0, False, "moved")
FULL = performance(
    "2019-02",
    2.3,
    outcome="warn",
    labelled_total=9000,
    suspected_excess=12.5,
    loss_since="2019-01",
    worse_before="v0",
    impact=(ColumnCost("fare", "fare above 50", 9, 3.0, None, 0.0),),
    impact_sentence="fare has changed.",
    business=(BusinessMeasurement("late", "share", 0.25, None, None, 0.1, 9, Quality.WARN, "late", periods=2),),
    label_drift=DriftReport("2019-02", 100, 6, 1, (LABEL,), True, "labels moved"),
    label_jump=jump(),
    estimated=estimated(1.5, 1.2, 1.8),
    estimates=(past("2018-12", 1.25, truth=1.375), past("2019-01", 1.5)),
    sentence="All of it.",
)
FULL = replace(FULL, report=replace(FULL.report, by_group=(GroupLoss("zone", "A", 9, 1.0, None, None, 0.5),)))


@pytest.mark.parametrize("record", [FULL, performance("2019-02", None), PerformanceRecord("2019-02")])
def test_a_record_survives_its_file(tmp_path, record):
    store = PeriodStore(tmp_path)
    assert write_performance(store, record) == record
    assert read_performance(store, "2019-02") == record
    assert monitored_periods(store) == ["2019-02"]
    assert read_performance(store, "2019-01") is None


def test_optional_parts_that_are_not_there_take_no_room():
    assert set(PerformanceRecord("2019-02").to_dict()) == {
        "schema", "period", "version", "labelled_total", "accumulated_excess", "suspected_excess",
    }  # fmt: skip


def test_an_infinite_jump_stays_infinite(tmp_path):
    store = PeriodStore(tmp_path)
    endless = Jump("share of label 1", 0.2, 0.0, float("inf"), 1e-9, 2.0, 100, "jumped")
    write_performance(store, PerformanceRecord("2019-02", label_jump=endless))
    assert read_performance(store, "2019-02").label_jump == endless


def test_a_record_without_a_schema_is_read_as_an_older_release_wrote_it(tmp_path):
    store = PeriodStore(tmp_path)
    old = {
        "period": "2019-02", "version": "v1", "labelled_total": 9000, "loss": "mae", "accumulated_excess": 630.5,
        "suspected_excess": 0.0, "label_jump": None, "estimated_excess": 80.0,
        "report": {
            "period": "2019-02", "version": "v1", "rows": 10, "loss": 2.0, "low": 1.9, "high": 2.1, "baseline": 1.5,
            "excess_per_row": 0.5, "excess_sum": 5.0, "accumulated_excess": 630.5, "outcome": "warn",
            "sentence": "2019-02: v1 lost 2 a row",
            "by_group": [{"group": "zone", "value": "A", "rows": 10, "loss": 2.0, "low": None, "high": None,
                          "excess_sum": 5.0}],
        },
        "estimated": {
            "rows": 40, "loss": 3.5, "low": 3.0, "high": 4.0, "method": "direct loss estimation",
            "reference_rows": 2000, "effective_rows": 2000.0, "separation": None, "metrics": {"auc": None},
            "baseline": 1.5, "excess_sum": 80.0, "assumes": "nothing", "outcome": "warn", "sentence": "estimated",
        },
        "estimates": [{"period": "2019-01", "version": "v1", "rows": 40, "periods": ["2019-01", "2019-01"],
                       "estimated": 1.5, "low": 1.0, "high": 2.0, "settled": True, "measured": 1.75,
                       "measured_low": 1.5, "measured_high": 2.0, "error": -0.25, "arrived": 40,
                       "contradicted": False}],
    }  # fmt: skip
    store.write_json("performance_report", "2019-02", old)
    record = read_performance(store, "2019-02")
    assert (record.report.outcome, record.report.by_group[0].value) == (Quality.WARN, "A")
    assert record.estimated_excess == pytest.approx(80.0)
    assert (record.estimates[0].truth.loss, record.estimates[0].error) == (1.75, -0.25)
    again = json.loads(json.dumps(record.to_dict(), default=str))
    assert again["schema"] == SCHEMA


def test_a_reason_for_no_estimate_is_kept_without_numbers():
    nothing = EstimateRecord("Nothing is estimated: all has arrived.")
    assert EstimateRecord.from_dict(nothing.to_dict()) == nothing
    assert nothing.excess_sum == 0.0


def test_a_record_of_a_newer_release_is_refused_with_a_sentence(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_json("performance_report", "2019-02", {"schema": SCHEMA + 1, "period": "2019-02", "version": None})
    with pytest.raises(DataError, match=f"performance_report of 2019-02 has schema {SCHEMA + 1}, this release reads"):
        read_performance(store, "2019-02")
