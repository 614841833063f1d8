"""What a performance record says, in words and in order."""

from dataclasses import replace

import numpy as np
import pytest

from retrain_assets.documents.units import amount
from retrain_assets.monitoring.impact.cost import ColumnCost
from retrain_assets.monitoring.pages.performance_text import (
    measured_sentence,
    performance_facts,
    performance_sentences,
)
from retrain_assets.monitoring.performance.business_metrics import BusinessMeasurement
from retrain_assets.monitoring.performance.report import (
    PerformanceReport,
    Quality,
    ScoredLosses,
    measure,
)
from retrain_assets.monitoring.records.performance_record import PerformanceRecord
from retrain_assets_tests.monitoring.performance.losses import KNOWN, times
from retrain_assets_tests.monitoring.stored import TAXI, estimated, jump, performance


def test_a_loss_above_the_baseline_is_told_with_its_beginning_and_whether_drifted_rows_lose_more():
    report = measure("2019-03", "v1", ScoredLosses(np.full(14, 1.5), times(7, 2)), KNOWN, 3.0)
    cost = ColumnCost("fare", "fare 0", 2, 1.6, 1.5, 0.14)
    record = PerformanceRecord("2019-03", "v1", loss_since="2019-02", report=report, impact=(cost,))
    assert measured_sentence(TAXI, record, KNOWN) == (
        "v1 has been worse than expected since February 2019: off by $1.50 a ride on average over the month (14 rides"
        "); expected $1.00, at most $1.10. With 95 % confidence it is at least $1.50; $7.00 more error than "
        "expected, all rides together; where features drifted the error is larger."
    )
    gained = measured_sentence(TAXI, replace(record, impact=(replace(cost, excess=-1.0),)), KNOWN)
    assert "$7.00 more error than expected, all rides together; no larger error shows where features drifted." in gained
    noise = measured_sentence(TAXI, replace(record, impact=(replace(cost, low=-0.01),)), KNOWN)
    assert noise == gained
    alone = measured_sentence(TAXI, replace(record, impact=(replace(cost, rest=None, excess=0.0),)), KNOWN)
    assert alone.endswith("; whether drift explains it cannot be told.")
    assert "; no drifted feature explains it." in measured_sentence(TAXI, replace(record, impact=()), KNOWN)
    gone = replace(record, impact=(), impact_sentence="fare has changed.")
    assert measured_sentence(TAXI, gone, KNOWN).endswith("all rides together."), "what drifted has no slice"
    inherited = measured_sentence(TAXI, replace(record, worse_before="v0"), KNOWN)
    assert inherited.startswith(
        "v1 has been worse than expected since February 2019, as v0 was before it: off by $1.50"
    )
    began = measured_sentence(TAXI, replace(record, loss_since=None), KNOWN)
    assert began.startswith("v1 was worse than expected in March 2019: ")


def test_a_promise_of_the_rehearsal_is_named_as_one_for_the_test_showed_another_loss():
    report = measure("2019-03", "v1", ScoredLosses(np.full(14, 1.5), times(7, 2)), KNOWN, 3.0)
    record = PerformanceRecord("2019-03", "v1", report=report)
    said = measured_sentence(TAXI, record, replace(KNOWN, source="rehearsal"))
    assert "; expected $1.00, from its rehearsal on older months; at most $1.10." in said


def test_a_loss_within_chance_of_the_baseline_is_as_promised():
    quiet = measure("2019-03", "v1", ScoredLosses(np.full(14, 1.0), times(7, 2)), KNOWN, 630.2)
    record = PerformanceRecord("2019-03", "v1", accumulated_excess=630.2, report=quiet)
    level = "v1 was off by $1.00 a ride on average in March 2019 (14 rides); expected $1.00, at most $1.10"
    said = f"{level}; $630 more error than expected since the attempt of 2019-02-01."
    assert measured_sentence(TAXI, record, KNOWN, "2019-02-01") == said
    assert measured_sentence(TAXI, record, KNOWN) == f"{level}; $630 more error than expected so far."


def test_a_loss_that_is_not_surely_more_is_at_least_nothing():
    report = replace(measure("2019-03", "v1", ScoredLosses(np.full(14, 1.5), times(7, 2)), KNOWN, 0.0), low=-0.29)
    record = PerformanceRecord("2019-03", "v1", report=replace(report, outcome="quiet"))
    assert ": not surely more, at least $0 with 95 % confidence" in measured_sentence(TAXI, record, KNOWN)


def test_a_loss_of_few_rows_says_what_they_do_not_exclude():
    losses = np.tile([0.2, 1.6], 7)
    few = measure("2019-03", "v1", ScoredLosses(losses, times(7, 2)), replace(KNOWN, ratio=1.0, degrees=30.0), 0.0)
    assert not few.few, "their days are alike"
    scattered = np.repeat([0.2, 1.6, 0.4, 1.4, 0.9, 0.3, 1.5], 2)
    few = measure("2019-03", "v1", ScoredLosses(scattered, times(7, 2)), KNOWN, 0.0)
    assert few.few
    assert few.high - few.loss > 2 * (KNOWN.high - KNOWN.mean)
    said = measured_sentence(TAXI, PerformanceRecord("2019-03", "v1", report=few), KNOWN)
    assert said == (
        "v1 was off by $0.90 a ride on average in March 2019 (14 rides); expected $1.00, at most $1.10: so few "
        f"rides do not exclude {amount(few.high, 'USD')}."
    )
    assert PerformanceReport.from_dict(few.to_dict()) == few


def test_an_excess_that_counts_from_the_limit_is_more_than_the_most_that_is_expected_and_follows_from_the_numbers():
    short = replace(KNOWN, rows=400, blocks=14)
    report = measure("2019-03", "v1", ScoredLosses(np.full(14, 1.5), times(7, 2)), short, 0.0)
    record = PerformanceRecord("2019-03", "v1", accumulated_excess=report.excess_sum, report=report)
    assert report.excess_sum == pytest.approx((1.5 - 1.1) * 14)
    said = measured_sentence(TAXI, record, short)
    assert "at most $1.10. With 95 % confidence it is at least $1.50; $5.60 more error than the most that is e" in said
    assert said.endswith(
        "$5.60 more error than the most that is expected, all rides together; no drifted feature explains it."
    )
    longer = measured_sentence(TAXI, replace(record, accumulated_excess=report.excess_sum + 4), short)
    assert longer.endswith("; $9.60 more error than the most that is expected so far."), "of more than this period"


def test_outcomes_of_earlier_rows_are_said_to_have_arrived_in_the_period_not_to_be_its_rows():
    quiet = measure("2019-03", "v1", ScoredLosses(np.full(14, 1.0), times(7, 2)), KNOWN, 0.0)
    record = PerformanceRecord("2019-03", "v1", report=replace(quiet, own_rows=6))
    said = measured_sentence(TAXI, record, KNOWN)
    assert said.startswith("v1 was off by $1.00 a ride on average on 14 rides whose outcomes arrived in March 2019; ex")
    half = measured_sentence(TAXI, replace(record, report=replace(quiet, own_rows=7)), KNOWN)
    assert half.startswith("v1 was off by $1.00 a ride on average in March 2019 (14 rides); expected")
    worse = measure("2019-03", "v1", ScoredLosses(np.full(14, 1.5), times(7, 2)), KNOWN, 0.0)
    said = measured_sentence(TAXI, PerformanceRecord("2019-03", "v1", report=replace(worse, own_rows=0)), KNOWN)
    assert ": off by $1.50 a ride on average on 14 rides whose outcomes arrived in the month; expected $1.00" in said


def test_a_loss_that_is_no_average_error_is_called_by_its_name():
    quiet = measure("2019-03", "v1", ScoredLosses(np.full(14, 1.0), times(7, 2)), KNOWN, 0.0)
    said = measured_sentence(replace(TAXI, loss="log_loss"), PerformanceRecord("2019-03", "v1", report=quiet), KNOWN)
    assert said == "v1 had a log loss of 1 in March 2019 (14 rides); expected 1, at most 1.1."


def test_a_loss_above_what_is_within_chance_is_never_called_as_promised():
    noisy = measure(
        "2019-03", "v1", ScoredLosses(np.repeat([0.9, 1.7, 1.3, 0.9, 1.7, 1.3, 1.3], 2), times(7, 2)), KNOWN, 0.0
    )
    assert noisy.outcome is Quality.QUIET
    said = measured_sentence(TAXI, PerformanceRecord("2019-03", "v1", report=noisy), KNOWN)
    assert said.startswith(
        "v1 was off by $1.30 a ride on average in March 2019 (14 rides); expected $1.00, at most $1.10: not "
        "surely more, at least $1.0"
    )


def test_where_nothing_can_be_compared_the_sentence_says_what_is_lacking():
    report = measure("2019-01", "v1", ScoredLosses([], np.array([], "datetime64[us]")), KNOWN, 12.0)
    said = measured_sentence(TAXI, PerformanceRecord("2019-01", "v1", report=report), KNOWN)
    assert said == "In January 2019 no outcome of v1 arrived: nothing to compare."
    assert measured_sentence(TAXI, PerformanceRecord("2019-01", "v1"), KNOWN) == ""


def test_rows_without_a_finite_loss_are_told():
    report = measure("2019-01", "v1", ScoredLosses(np.array([1.5, np.nan, np.inf, 1.5]), times(4, 1)), KNOWN, 0.0)
    said = measured_sentence(TAXI, PerformanceRecord("2019-01", report=report), KNOWN)
    assert said.endswith(" 2 rides had no finite loss.")


def test_an_excess_that_does_not_count_is_told_beside_the_one_that_does():
    aside = measure("2019-01", "v1", ScoredLosses(np.full(14, 1.5), times(7, 2)), KNOWN, 3.0, counts=False)
    record = PerformanceRecord("2019-01", "v1", accumulated_excess=3.0, report=aside)
    said = "; $3.00 more error than expected so far, without the $7.00 of suspected outcomes."
    assert measured_sentence(TAXI, record, KNOWN).endswith(said)


def test_a_promise_without_a_known_limit_is_not_compared_with():
    unknown = replace(KNOWN, low=float("nan"), high=float("nan"))
    report = measure("2019-01", "v1", ScoredLosses(np.full(14, 9.0), times(7, 2)), unknown, 0.0)
    said = measured_sentence(TAXI, PerformanceRecord("2019-01", "v1", report=report), unknown)
    assert said == (
        "v1 was off by $9.00 a ride on average in January 2019 (14 rides); too little is known of what to expect to "
        "compare."
    )


def test_the_sentences_stand_in_the_order_fault_loss_place_estimate():
    record = performance(
        "2019-02", 2.3, label_jump=jump(), impact_sentence="fare changed.", estimated=estimated(1.5, 1.2, 1.8)
    )
    assert performance_sentences(record) == [
        "mean label jumped; promotion is held until a person releases it.",
        "2019-02: v1 lost 2.3",
        "fare changed.",
        "estimated, not measured: 1.5",
    ]
    assert performance_sentences(performance("2019-02", None)) == [
        "Nothing is measured: no outcome of its rows arrived."
    ]


def test_only_what_is_beyond_its_limit_is_told_as_an_alert_and_each_by_its_kind():
    late = BusinessMeasurement("late", "share", 0.25, 0.2, 0.3, 0.1, 9, Quality.WARN, "late 0.25")
    worse = replace(estimated(1.5, 1.2, 1.8), outcome=Quality.WARN)
    bad = performance("2019-02", 2.3, outcome="warn", label_jump=jump(), estimated=worse, business=(late,))
    assert performance_facts(bad) == [
        ("performance", "2019-02: v1 lost 2.3"),
        ("label_jump", "mean label jumped. Promotion is held until a person releases it."),
        ("estimate", "estimated, not measured: 1.5"),
        ("business", "late 0.25"),
    ]
    good = performance("2019-02", 1.0, estimated=estimated(1.0, 0.5, 1.5), business=(replace(late, outcome="quiet"),))
    assert performance_facts(good) == []
