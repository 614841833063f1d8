"""The success figures of made-up journals, counted by hand."""

import pytest

from retrain_assets.audit.figures import RunTime, figures, periods_to_promotion, quality_until, training_seconds_until
from retrain_assets.candidates.candidate_record import CandidateRecord, write_candidate
from retrain_assets.candidates.coverage import Coverage
from retrain_assets.candidates.strategy_record import StrategyRecord, write_strategy
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, write_performance
from retrain_assets.store import PeriodStore
from retrain_assets.windows.cut import Span
from retrain_assets_tests.audit.journals import MONTHS, journal
from retrain_assets_tests.monitoring.stored import measured

YEAR = journal(
    ("2019-01", "bootstrap"),
    ("2019-03", "rejected"),
    ("2019-04", "insufficient"),
    ("2019-05", "promoted"),
    ("2019-06", "held"),
    ("2019-07", "released"),
    ("2019-08", "promoted"),
    ("2019-09", "rolled_back", "v2"),
    ("2019-10", "identical"),
)
RUNS = [RunTime("promoted", 12.0, 10.0), RunTime("rejected", 30.0, 4.0), RunTime("promoted", 14.0, 9.0)]
QUALITY = {"2019-02": "quiet", "2019-03": "warn", "2019-04": "insufficient", "2019-05": "quiet"}


def test_the_figures_of_a_year():
    found = figures("2019-12", MONTHS, YEAR, QUALITY, [3.0, 5.0], RUNS)
    assert (found.live, found.live_since, found.age_periods, found.versions) == ("v2", "2019-09", 7, 3)
    assert (found.attempts, found.promoted, found.rejected, found.insufficient, found.identical) == (6, 3, 1, 1, 1)
    assert found.promotion_rate == pytest.approx(3 / 6)
    assert found.rejection_rate == pytest.approx(1 / 6)
    assert found.rollbacks == 1
    assert found.periods_to_promotion == pytest.approx((2 + 0) / 2)  # asked in 2019-03 for 2019-05; 2019-08 at once
    assert found.seconds_to_promotion == 13.0
    assert found.run_seconds == 9.0
    assert found.training_cpu_seconds == 4.0


def test_a_period_with_too_little_to_tell_is_not_within_the_objective():
    assert figures("2019-05", MONTHS, YEAR[:4], QUALITY, [], []).share_within_objective == 2 / 4


def test_a_period_without_outcomes_is_counted_apart_and_is_not_within_the_objective():
    found = figures("2019-06", MONTHS, YEAR[:4], QUALITY | {"2019-06": "blind"}, [], [])
    assert (found.judged_periods, found.blind_periods, found.share_within_objective) == (4, 1, 2 / 5)


def test_what_nothing_is_known_about_is_none_and_not_zero():
    found = figures("2019-02", MONTHS, (), {}, [], []).to_dict()
    unknown = {name for name, value in found.items() if value is None}
    assert unknown == {
        "live", "live_since", "age_periods", "promotion_rate", "rejection_rate", "periods_to_promotion",
        "seconds_to_promotion", "share_within_objective", "training_cpu_seconds", "run_seconds",
    }  # fmt: skip
    assert (found["attempts"], found["judged_periods"]) == (0, 0)


def test_after_a_retirement_nothing_is_live_and_nothing_ages():
    found = figures("2019-12", MONTHS, journal(("2019-01", "bootstrap"), ("2019-04", "retired")), {}, [], [])
    assert (found.live, found.age_periods, found.promoted) == (None, None, 1)


def test_the_wait_for_a_promotion_counts_from_the_first_attempt_after_the_move_before_it():
    events = journal(
        ("2019-01", "bootstrap"),
        ("2019-02", "rejected"),
        ("2019-04", "rolled_back", "v1"),
        ("2019-06", "rejected"),
        ("2019-09", "promoted"),
        ("2019-10", "promoted"),
    )
    assert periods_to_promotion(events, MONTHS) == [3, 0]


def trained(store, period, strategy, seconds):
    span = Span((period,), *MONTHS.bounds(period))
    record = StrategyRecord(strategy, Coverage({}, {}, 1, ("no season",)), span, seconds=seconds)
    write_strategy(store, period, record)


def test_quality_and_training_are_read_as_of_the_period(tmp_path):
    store = PeriodStore(tmp_path)
    for period, outcome in QUALITY.items():
        write_performance(store, measured(period, 1.0, outcome=outcome))
    write_performance(store, measured("2018-12", None, 0, outcome="insufficient"))
    write_performance(store, PerformanceRecord("2019-01"))
    assert quality_until(store, "2019-03") == {"2018-12": "blind", "2019-02": "quiet", "2019-03": "warn"}
    for period, seconds in (("2019-01", 1.5), ("2019-04", 9.0)):
        trained(store, period, "recent", seconds)
        trained(store, period, "history", 2 * seconds)
        write_candidate(store, period, CandidateRecord("5ac1"))
    trained(store, "2019-02", "recent", 99.0)  # a retrain that got no further
    assert training_seconds_until(store, "2019-03") == [4.5]
