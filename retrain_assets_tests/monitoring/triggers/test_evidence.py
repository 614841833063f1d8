"""The evidence for a retrain as of a period, from a real journal and stored reports."""

from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from benchmarks.worlds import verdicts
from benchmarks.worlds.verdicts import candidate, findings, fresh, moment, period, verdict
from retrain_assets.monitoring.performance.report import Baseline
from retrain_assets.monitoring.policy import TriggerPolicy
from retrain_assets.monitoring.records.drift_record import DriftRecord, write_drift
from retrain_assets.monitoring.records.performance_record import write_performance
from retrain_assets.monitoring.triggers.decision import NoRetrain
from retrain_assets.monitoring.triggers.evidence import Watch, spent_ranges, trained_until
from retrain_assets.periods import Calendar, Length
from retrain_assets.registry.rulings import Hold, Release, Retire, Signature
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import Outcome
from retrain_assets.windows.cut import Wait
from retrain_assets.windows.policy import WindowsPolicy
from retrain_assets_tests.monitoring.facts import delivery
from retrain_assets_tests.monitoring.stored import broken_drift, performance

DAYS = Calendar(every="day", start="2018-12-01")
WATCH = Watch(
    delivery(DAYS, name=verdicts.MODEL, loss="mae", label_delay=timedelta(days=1)),
    WindowsPolicy(recent="2w", half_life="2w", gate="1w", min_train="1w", selection_origins=1, selection="1w"),
    TriggerPolicy(retrain_cost=100.0),
    Length.parse("0w"),
)
LAST = period(4)
"""The day on which the evidence is gathered; the journal's attempts are weeks apart."""


@pytest.fixture
def registry(tmp_path):
    return fresh(tmp_path / "registry")


@pytest.fixture
def store(tmp_path):
    """Rows of two months, as far as their names matter."""
    store = PeriodStore(tmp_path / "store")
    for day in DAYS.between("2018-12-01", "2019-02-28"):
        store.write_table("raw_data", day, pa.table({"id": [7]}))
    return store


def rejected(registry, number):
    """An attempt that promoted nothing and used the gate rows of its week."""
    judged = verdict(registry, number, candidate(registry, f"of {number}"), findings=findings(Outcome.FAIL))
    return registry.record(judged, at=moment(number), actor="run 1")


def test_before_any_model_there_is_no_evidence_of_one(store, registry):
    found = WATCH.evidence(store, registry, LAST)
    assert (found.live_version, found.last_attempt_period, found.new_rows) == (None, None, 0)
    assert found.wait == ""
    assert trained_until(registry) is None


def test_the_numbers_are_those_of_the_live_versions_records(store, registry):
    verdicts.promoted(registry, [1])
    report = performance(LAST, 2.0, excess=40.0, labelled_total=900, suspected_excess=7.0)
    write_performance(store, report)
    write_performance(store, performance(period(1), 1.0, labelled_total=600))
    write_drift(store, DriftRecord(LAST, "v1", uncertain_periods=2, sentence="fares drifted"))
    found = WATCH.evidence(store, registry, LAST)
    assert (found.live_version, found.live_since_period) == ("v1", period(1))
    assert (found.accumulated_excess, found.suspected_excess) == (40.0, 7.0)
    assert found.usual_loss == 100 * 1.0  # rows of the report, and the loss a row that was promised
    assert (found.uncertain_periods, found.drift_sentence) == (2, "fares drifted")
    assert found.new_rows == 900 - 600  # since the attempt in week 1


def test_a_column_counts_as_newly_broken_only_in_the_period_in_which_it_broke(store, registry):
    verdicts.promoted(registry, [1])
    write_drift(store, broken_drift(LAST))
    assert WATCH.evidence(store, registry, LAST).broken == ("zone",)
    write_drift(store, broken_drift(DAYS.shift(LAST, -1)))
    assert WATCH.evidence(store, registry, LAST).broken == ()


@pytest.mark.parametrize(("rows", "than"), [(400, "than the most that is expected"), (4000, "than expected")])
def test_what_an_excess_is_more_than_follows_from_what_the_live_version_is_held_to(store, registry, rows, than):
    held_to = Baseline(1.0, rows, 0.9, 1.1, "gate rows", blocks=28).to_dict()
    judged = verdict(registry, 1, candidate(registry, "one"))
    verdicts.promote(registry, replace(judged, evidence={**judged.evidence, "baseline": held_to}), 1)
    write_performance(store, performance(LAST, 2.0, excess=40.0))
    assert WATCH.evidence(store, registry, LAST).excess_than == than


def test_a_period_with_few_outcomes_does_not_make_a_retrain_cheap(store, registry):
    verdicts.promoted(registry, [1])
    write_performance(store, performance(LAST, 2.0))
    for day in DAYS.between(DAYS.shift(LAST, -3), LAST):
        store.write_table("raw_data", day, pa.table({"id": range(500)}))
    assert WATCH.evidence(store, registry, LAST).usual_loss == 500 * 1.0


def test_what_an_earlier_version_lost_is_no_evidence_against_the_live_one(store, registry):
    verdicts.promoted(registry, [1])
    write_performance(store, performance(LAST, 2.0, version="v0", excess=40.0, labelled_total=900))
    found = WATCH.evidence(store, registry, LAST)
    assert (found.accumulated_excess, found.usual_loss, found.new_rows) == (0.0, 0.0, 900)


def test_an_attempt_in_vain_counts_and_a_promotion_rests_from_nothing(store, registry):
    verdicts.promoted(registry, [1])
    assert WATCH.evidence(store, registry, LAST).last_attempt_period is None
    rejected(registry, 3)
    found = WATCH.evidence(store, registry, LAST)
    assert (found.last_attempt_period, found.attempts_last_year) == (period(3), 2)
    assert WATCH.evidence(store, registry, period(2)).attempts_last_year == 1  # as of then


def test_gate_rows_are_spent_for_every_other_period(registry):
    rejected(registry, 1)
    rejected(registry, 2)
    weeks = [(moment(number - 1), moment(number)) for number in (1, 2)]
    assert spent_ranges(registry, before=LAST) == weeks
    assert spent_ranges(registry, before=period(2)) == weeks[:1]


def test_rows_that_the_live_version_saw_judge_no_candidate(store, registry):
    verdicts.promoted(registry, [3])
    assert trained_until(registry) == moment(2)
    assert isinstance(WATCH.windows_at(store, registry, period(3)), Wait)  # its gate would reach back to week 2
    windows = WATCH.windows_at(store, registry, "2019-02-10")
    assert (windows.gate.start, windows.gate.end) == (datetime(2019, 2, 3), datetime(2019, 2, 10))


def test_after_a_rollback_the_candidate_must_have_learnt_from_the_failure(store, registry):
    verdicts.promoted(registry, [0, 1])
    verdicts.rolled_back(registry, 5)
    found = WATCH.evidence(store, registry, "2019-02-10")
    assert found.last_rollback_period == period(5) == "2019-02-05"
    assert found.wait == (
        "a candidate would be trained until 2019-02-03 00:00, after the rollback of 2019-02-05 2019-02-05 00:00 "
        "is needed"
    )
    assert WATCH.evidence(store, registry, "2019-02-12").wait == ""


def test_a_version_put_back_where_none_was_live_is_no_failure_to_learn_from(store, registry):
    verdicts.promoted(registry, [0, 1])
    for ruling in (Retire, Release):
        registry.rule(ruling(Signature("ann", "holiday", moment(4), period(4))))
    verdicts.rolled_back(registry, 5, person=True)
    assert registry.live().name == "v2"
    assert WATCH.evidence(store, registry, "2019-02-10").last_rollback_period is None


@pytest.mark.parametrize(
    ("ruling", "said"),
    [(Hold, "held by ann until somebody releases it: holiday"), (Retire, "retired by ann: holiday")],
)
def test_a_decision_of_a_person_stands_in_the_way_and_is_named(store, registry, ruling, said):
    verdicts.promoted(registry, [1])
    registry.rule(ruling(Signature("ann", "holiday", moment(3), period(3))))
    assert WATCH.evidence(store, registry, LAST).wait == said
    write_performance(store, performance(LAST, 2.0, excess=1000.0, labelled_total=900))
    found = WATCH.decide(store, registry, LAST)
    assert isinstance(found, NoRetrain)
    assert said in found.reason
