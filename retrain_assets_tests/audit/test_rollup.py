"""Weeks summed up by month and quarter: every outcome once, in the span in which its period begins."""

from datetime import datetime

import pytest

from benchmarks.worlds.verdicts import MODEL, fresh
from retrain_assets.audit.rollup import HEAD, rolled_up
from retrain_assets.documents.units import LossUnits
from retrain_assets.errors import NotFound
from retrain_assets.monitoring.performance.report import PerformanceReport
from retrain_assets.monitoring.records.performance_record import PerformanceRecord
from retrain_assets.periods import Calendar
from retrain_assets.registry.rulings import Hold, Signature
from retrain_assets.store import PeriodStore

WEEKS = Calendar(every="week", start="2024-01-01")


class Weekly:
    name, calendar = MODEL, WEEKS


@pytest.fixture
def store(tmp_path):
    return PeriodStore(tmp_path / "data")


@pytest.fixture
def registry(tmp_path):
    return fresh(tmp_path / "registry")


def measured(store, week, rows, loss, outcome="quiet"):
    report = None
    if rows:
        report = PerformanceReport(
            week, "v1", rows, loss, loss, loss, 1.0, loss - 1.0, (loss - 1.0) * rows, 0.0, (), outcome, "said"
        )
    store.write_json("performance_report", week, PerformanceRecord(week, "v1", rows, "mae", report=report).to_dict())


def test_months_weigh_their_weeks_by_rows_and_a_week_belongs_to_the_month_in_which_it_begins(store, registry):
    measured(store, "2024-01-22", 100, 1.0)
    measured(store, "2024-01-29", 300, 2.0, "warn")
    measured(store, "2024-02-05", 0, None)
    registry.rule(Hold(Signature("ann", "tariffs", datetime(2024, 2, 6), "2024-02-05")))
    january, february = rolled_up(Weekly, store, registry, "month")
    assert (january.span, january.periods, january.rows, january.warned) == ("2024-01", 2, 400, 1)
    assert (january.loss, january.promised, january.excess) == (1.75, 1.0, 300.0)
    assert january.decisions == ()
    assert (february.rows, february.loss, february.excess, february.decisions) == (0, None, None, ("held",))
    (year,) = rolled_up(Weekly, store, registry, "year")
    assert (year.span, year.periods, year.rows, year.decisions) == ("2024", 3, 400, ("held",))


def test_a_decision_in_a_span_without_a_monitored_period_is_told(store, registry):
    measured(store, "2024-01-22", 100, 1.0)
    registry.rule(Hold(Signature("ann", "tariffs", datetime(2024, 5, 6), "2024-05-06")))
    assert [(one.span, one.periods, one.decisions) for one in rolled_up(Weekly, store, registry, "month")] == [
        ("2024-01", 1, ()),
        ("2024-05", 0, ("held",)),
    ]


def test_a_line_has_a_cell_for_each_head_in_the_models_units(store, registry):
    measured(store, "2024-01-22", 1200, 1.5)
    (month,) = rolled_up(Weekly, store, registry, "month")
    cells = month.cells(LossUnits("ride", "USD"))
    assert dict(zip(HEAD, cells, strict=True)) == {
        "in": "2024-01",
        "periods": "1",
        "outcomes": "1,200",
        "loss": "$1.50",
        "expected": "$1.00",
        "beyond expected": "$600",
        "worse": "0",
        "drifted": "0",
        "decided": "-",
    }
    assert month.to_dict()["excess"] == 600.0


def test_a_model_without_periods_and_a_span_that_is_too_short_are_said(store, registry):
    with pytest.raises(NotFound, match="no period is monitored yet"):
        rolled_up(Weekly, store, registry, "month")
    measured(store, "2024-01-22", 1, 1.0)

    class Yearly:
        name, calendar = MODEL, Calendar(every="year", start="2024-01-01")

    store.path("performance_report", "2024-01-22", "json").rename(store.path("performance_report", "2024", "json"))
    with pytest.raises(ValueError, match="has periods of a year, a month is shorter"):
        rolled_up(Yearly, store, registry, "month")
