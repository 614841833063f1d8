"""The performance record of a period, from stored predictions and outcomes: whose rows count, and what piles up."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.performance.business_metrics import parsed_metrics
from retrain_assets.monitoring.performance.report import Baseline, Quality
from retrain_assets.monitoring.performance_step import PerformancePolicy, champion_baseline, performance_step
from retrain_assets.monitoring.policy import BusinessMetric
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, read_performance
from retrain_assets.periods import Calendar
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.facts import delivery

MODEL = delivery(Calendar(every="month", start="2024-01-01"), loss="brier")
PROMISED = Baseline(0.125, 2800, 0.0625, 0.1875, "gate", blocks=28, block_days=1, day_sd=0.3, ratio=1.0, degrees=26.0)
DAYS = 28


@pytest.fixture
def access(tmp_path):
    """No version in January, v1 from February on."""
    version = SimpleNamespace(name="v1", digest="d1")
    registry = SimpleNamespace(
        served_in=lambda period: version if period >= "2024-02" else None,
        history=lambda: [],
        verdict=lambda version: SimpleNamespace(evidence={"baseline": PROMISED.to_dict()}),
    )
    return PeriodAccess(PeriodStore(tmp_path), registry, "2024-02")


def stored(access, score, of="v1", district="north"):
    """A period whose rows, four a day, were all scored alike and of which every second was late."""
    start = datetime.fromisoformat(f"{access.period}-01")
    time = pa.array([start + timedelta(days=n // 4) for n in range(4 * DAYS)], pa.timestamp("us"))
    key = [f"{access.period}-{n}" for n in range(4 * DAYS)]
    label = np.tile([1.0, 0.0], 2 * DAYS)
    of = [of] * len(key) if isinstance(of, str) else of
    predictions = {"id": key, "time": time, "version": pa.array(of).dictionary_encode(), "score": [score] * len(key)}
    access.store.write_table("predictions", access.period, pa.table(predictions))
    outcomes = {"id": key, "label": label, "time": time, "known_at": time}
    access.store.write_table("outcomes", access.period, pa.table(outcomes))
    access.store.write_table("raw_data", access.period, pa.table({"id": key, "district": [district] * len(key)}))


def test_the_loss_is_the_mean_over_the_outcomes_that_arrived_and_its_excess_piles_up(access):
    for period, score in (("2024-02", 0.5), ("2024-03", 1.0)):
        stored(access.of(period), score)
    first = performance_step(MODEL, access, PerformancePolicy())
    assert (first.report.loss, first.report.baseline) == (0.25, 0.125)
    assert first.accumulated_excess == pytest.approx(112 * 0.125)
    second = performance_step(MODEL, access.of("2024-03"), PerformancePolicy())
    assert second.report.loss == 0.5
    assert second.accumulated_excess == pytest.approx(112 * (0.125 + 0.375))
    assert (first.labelled_total, second.labelled_total) == (112, 224)
    assert (second.report.outcome, second.loss_since) == (Quality.WARN, "2024-02")
    assert read_performance(access.store, "2024-03") == second


def test_outcomes_that_come_a_month_late_are_not_called_those_of_the_month_in_which_they_come(access):
    march = access.of("2024-03")
    for each in (access, march):
        stored(each, 0.5)
    late, prompt = (access.store.read_table("outcomes", [each.period]) for each in (access, march))
    access.store.write_table("outcomes", march.period, pa.concat_tables([late, prompt.slice(0, 8)]))
    report = performance_step(MODEL, march, PerformancePolicy()).report
    assert (report.rows, report.own_rows) == (120, 8)
    assert report.sentence.startswith("v1 was worse than expected in March 2024: ")
    assert " on 120 rows whose outcomes arrived in the month; expected " in report.sentence
    february = performance_step(MODEL, access, PerformancePolicy()).report
    assert (february.own_rows, "arrived" in february.sentence) == (112, False)


def test_rows_that_another_version_scored_do_not_count(access):
    stored(access, 0.5, of=["v1"] * 56 + ["v0"] * 56)
    record = performance_step(MODEL, access, PerformancePolicy())
    assert (record.report.rows, record.labelled_total) == (56, 112)
    stored(access, 0.5, of="v0")
    assert performance_step(MODEL, access, PerformancePolicy()).report is None


def test_a_period_without_a_version_only_counts_its_outcomes(access):
    january = access.of("2024-01")
    stored(january, 0.5)
    assert performance_step(MODEL, january, PerformancePolicy()) == PerformanceRecord("2024-01", labelled_total=112)


def test_a_period_without_outcomes_has_no_report_and_keeps_the_excess_before(access):
    stored(access, 0.5)
    before = performance_step(MODEL, access, PerformancePolicy())
    record = performance_step(MODEL, access.of("2024-03"), PerformancePolicy())
    assert record.report is None
    assert record.accumulated_excess == before.accumulated_excess
    assert record.sentence == "Nothing is measured: no outcome of its rows arrived."


def test_groups_come_from_the_stored_rows(access):
    stored(access, 0.5, district="south")
    record = performance_step(MODEL, access, PerformancePolicy(groups=("district",)))
    (group,) = record.report.by_group
    assert (group.group, group.value, group.rows, group.loss) == ("district", "south", 112, 0.25)


@pytest.mark.parametrize(("scores", "periods"), [((1.0, 1.0), (1, 2)), ((0.0, 1.0), (0, 1)), ((1.0, 0.0), (1, 0))])
def test_a_business_metric_counts_the_periods_beyond_its_threshold_in_a_row(access, scores, periods):
    late = BusinessMetric(name="late", expression="share(score >= 0.5)", unit="share", better="lower", threshold=0.5)
    policy = PerformancePolicy(business=parsed_metrics([late], [], [], 0.5))
    found = []
    for period, score in zip(("2024-02", "2024-03"), scores, strict=True):
        stored(access.of(period), score)
        (one,) = performance_step(MODEL, access.of(period), policy).business
        assert one.value == score
        found.append(one.periods)
    assert tuple(found) == periods


def test_the_promise_is_that_of_the_verdict_that_promoted_the_version(access):
    assert champion_baseline(access.registry, access.registry.served_in("2024-02")) == PROMISED


def test_a_warning_that_began_under_the_version_before_is_not_laid_on_the_one_in_charge(access):
    stored(access.of("2024-02"), 1.0)
    performance_step(MODEL, access, PerformancePolicy())
    later = SimpleNamespace(name="v2", digest="d2")
    for period in ("2024-03", "2024-04"):
        at = access.of(period)
        at = replace(at, registry=SimpleNamespace(**{**vars(at.registry), "served_in": lambda period: later}))
        stored(at, 1.0, of="v2")
        found = performance_step(MODEL, at, PerformancePolicy())
        assert (found.loss_since, found.worse_before) == ("2024-03", "v1")
        assert found.report.sentence.startswith("v2 ")
        assert "as v1 was before it: " in found.report.sentence


def test_a_version_whose_loss_rose_while_it_served_began_the_warning_itself(access):
    for period, score in (("2024-02", 0.4), ("2024-03", 1.0), ("2024-04", 1.0)):
        stored(access.of(period), score)
        found = performance_step(MODEL, access.of(period), PerformancePolicy())
        assert found.worse_before == ""
