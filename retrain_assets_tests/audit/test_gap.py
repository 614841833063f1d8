"""Since when a model is without rows, and what was measured of it last."""

from types import SimpleNamespace

import pyarrow as pa

from retrain_assets.audit.gap import gap_until, measured_last
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, write_performance
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.stored import TAXI


def months(tmp_path, *rows):
    store = PeriodStore(tmp_path)
    for month, count in enumerate(rows, start=1):
        store.write_table("raw_data", f"2019-0{month}", pa.table({"fare": [1.0] * count}))
        write_performance(store, PerformanceRecord(f"2019-0{month}", "v1"))
    return store


def test_a_gap_is_counted_in_periods_from_the_day_on_which_it_began(tmp_path):
    store = months(tmp_path, 2, 0, 0)
    assert gap_until(store, TAXI, "2019-03") == "no rides came for 2 months, since 2019-02-01"
    assert gap_until(store, TAXI, "2019-02") == "no rides came for 1 month, since 2019-02-01"


def test_rows_in_the_last_period_are_no_gap(tmp_path):
    assert gap_until(months(tmp_path, 2, 0, 3), TAXI, "2019-03") is None


def test_the_newest_report_with_outcomes_up_to_the_period_is_what_was_measured_last(tmp_path, monkeypatch):
    store = months(tmp_path, 1, 1, 1)
    assert measured_last(store, "2019-03") is None
    told = {"2019-01": "January", "2019-02": "February"}

    def read(store, period):
        said = told.get(period)
        return SimpleNamespace(version="v1", report=SimpleNamespace(sentence=said) if said else None)

    monkeypatch.setattr("retrain_assets.audit.gap.read_performance", read)
    newest = [measured_last(store, period) for period in ("2019-03", "2019-01")]
    assert [report.sentence for report in newest] == ["February", "January"]
    assert measured_last(store, "2019-03", "v1").sentence == "February"
    assert measured_last(store, "2019-03", "v9") is None
