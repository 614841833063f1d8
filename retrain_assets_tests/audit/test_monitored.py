"""What the monitoring of one period left, in words."""

import pyarrow as pa
import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.audit.model_status import ModelStatus
from retrain_assets.audit.monitored import MonitoredPeriod, monitored
from retrain_assets.errors import NotFound
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, write_performance
from retrain_assets.store import PeriodStore

PERIOD = "2024-01"


class Loans:
    """What `monitored` needs of a model."""

    name = MODEL


def told(store):
    status = ModelStatus(MODEL, last_period=PERIOD, next_retrain="wait for February")
    return monitored(Loans, store, PERIOD, ("income", "plan"), status)


def test_a_period_before_the_first_model_says_what_was_taken_in(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_table("raw_data", PERIOD, pa.table({"income": [1, 2], "plan": pa.nulls(2, pa.string())}))
    store.write_table("rejected_rows", PERIOD, pa.table({"income": [3]}))
    write_performance(store, PerformanceRecord(PERIOD))
    found = told(store)
    assert found.answers("loan") == {
        "watched": "2 loans (1 set aside by the data contract), scored by nothing: no model is live yet; 0 outcomes "
        "became known; no value of plan",
        "drift": "no model is live yet, so there is nothing to compare with",
        "quality": "no model is live yet",
        "what comes next": "wait for February",
    }
    assert found.to_dict()["empty"] == ["plan"]


def test_a_gap_is_said_in_what_rows_are_called():
    found = MonitoredPeriod(MODEL, PERIOD, 0, 0, (), 7, "v1", "none", "none", "v1 is ahead", "nothing")
    assert found.answers("delivery")["watched"] == "no deliveries came, a gap; 7 outcomes became known"
    assert found.answers("delivery")["probation"] == "v1 is ahead"


def test_a_period_that_was_not_monitored_names_the_command(tmp_path):
    with pytest.raises(NotFound, match=f"retrain monitor {MODEL} --period {PERIOD}"):
        told(PeriodStore(tmp_path))
