"""Which versions a probation compares, which days count, and what follows: the pure part."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.rollback import Judged, ends, misjudged, simulate_judgement
from benchmarks.worlds.verdicts import fresh, promoted, rolled_back
from retrain_assets.errors import NoProbation
from retrain_assets.periods import Calendar
from retrain_assets.production.policy import ProbationPolicy
from retrain_assets.production.probation.anytime_valid import confidence_sequence, enough_blocks
from retrain_assets.production.probation.day_sums import add_days, block_means
from retrain_assets.production.probation.trial import ProbationTerms, Status, closed_until, judge, limit_of, trial_of
from retrain_assets.registry.journal.history import History

DAYS = Calendar(every="day", start="2018-12-01")
POLICY = ProbationPolicy(periods=3)


def history(registry):
    return History(registry.history())


def test_a_period_belongs_to_the_probation_of_the_version_that_served_it(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0, 1])
    first, second = registry.versions()
    later = DAYS.shift(second.period, 1)
    trial = trial_of(history(registry), DAYS, POLICY, later)
    compared = trial.compared
    assert (compared.version, compared.digest) == ("v2", second.digest)
    assert (compared.previous, compared.previous_digest) == ("v1", first.digest)
    assert (compared.promoted_in, compared.last) == (second.period, DAYS.shift(second.period, 3))
    assert trial.first_day == DAYS.bounds(second.period)[1].date()
    with pytest.raises(NoProbation, match="nothing to compare: the model that served .* was the first, v1"):
        trial_of(history(registry), DAYS, POLICY, second.period)
    assert trial_of(history(registry), DAYS, POLICY, DAYS.shift(second.period, 40)) == trial
    with pytest.raises(NoProbation, match="no model was in charge"):
        trial_of(history(registry), DAYS, POLICY, first.period)


def test_a_version_that_came_back_is_not_on_probation_again(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0, 1])
    rolled_back(registry, 2)
    after = DAYS.shift(registry.history()[-1].period, 1)
    with pytest.raises(NoProbation, match="v1 came back"):
        trial_of(history(registry), DAYS, POLICY, after)


def trial(first_day):
    return SimpleNamespace(first_day=first_day)


@pytest.mark.parametrize(
    ("block_days", "delay_days", "expected"),
    [(1, 0, date(2019, 7, 1)), (1, 1, date(2019, 6, 30)), (7, 1, date(2019, 6, 29)), (14, 40, date(2019, 6, 1))],
)
def test_only_whole_blocks_whose_outcomes_are_due_are_closed(block_days, delay_days, expected):
    found = closed_until(trial(date(2019, 6, 1)), block_days, datetime(2019, 7, 1), timedelta(days=delay_days))
    assert found == expected


def test_days_added_in_parts_are_the_days_added_at_once():
    random = np.random.default_rng(2)
    day = np.datetime64("2019-06-01") + random.integers(0, 9, 500)
    excess = random.normal(size=500)
    at_once, parts = add_days({}, day, excess), {}
    for part in np.array_split(np.arange(500), 7):
        parts = add_days(parts, day[part], excess[part])
    assert parts.keys() == at_once.keys()
    for name in at_once:
        assert parts[name] == (pytest.approx(at_once[name][0]), at_once[name][1])


def test_a_block_is_the_mean_over_its_rows_and_a_day_without_rows_is_no_day():
    days = {f"2019-06-{day:02d}": (float(day), day) for day in (1, 2, 3, 5)}
    assert block_means(days, date(2019, 6, 1), date(2019, 6, 7), 3) == [1.0, 1.0]
    assert block_means(days, date(2019, 6, 1), date(2019, 6, 4), 3) == [1.0]
    assert block_means({}, date(2019, 6, 1), date(2019, 6, 4), 3) == []


def test_harm_within_the_tolerance_is_no_harm():
    blocks = [0.5, 0.6, 0.4, 0.5, 0.55, 0.45, 0.5]
    assert judge(blocks, 1, ProbationPolicy(), over=False)[0] is Status.HARMED
    assert judge(blocks, 1, ProbationPolicy(tolerance=0.5), over=False)[0] is Status.OPEN
    assert judge(blocks, 1, ProbationPolicy(tolerance=1.0), over=False)[0] is Status.CONFIRMED


QUIET = [0.1, -0.1] * 7


def test_a_probation_that_rules_harm_out_confirms_and_one_that_ends_in_harm_does_not():
    assert judge(QUIET, 1, ProbationPolicy(), over=True)[0] is Status.CONFIRMED
    assert judge(QUIET, 1, ProbationPolicy(), over=False)[0] is Status.OPEN
    assert judge([0.5, 0.6, 0.4, 0.5, 0.55, 0.45], 1, ProbationPolicy(), over=True)[0] is Status.HARMED


@pytest.mark.parametrize(("block_days", "blocks"), [(1, 0), (1, 2), (1, 12), (7, 2), (14, 0)])
def test_with_too_few_blocks_to_rule_a_harm_out_nothing_is_confirmed(block_days, blocks):
    few = QUIET[:blocks]
    assert judge(few, block_days, ProbationPolicy(), over=True)[0] is Status.OPEN
    assert judge(few, block_days, ProbationPolicy(), over=True, final=True)[0] is Status.UNPROVEN


@pytest.mark.parametrize("rules_out", [0.5, 1.0, 2.0])
def test_what_is_confirmed_is_the_harm_that_the_policy_names(rules_out):
    policy = ProbationPolicy(rules_out=rules_out)
    enough = enough_blocks(1, policy.alpha, rules_out)
    blocks = 2 * math.ceil(enough / 2)  # an even number, whose mean is 0
    series = [0.1, -0.1] * (blocks // 2)
    assert judge(series, 1, policy, over=True)[0] is Status.CONFIRMED
    assert judge(series[:-2], 1, policy, over=True)[0] is Status.OPEN


def test_a_harm_is_ruled_out_by_the_confidence_sequence_and_beyond_the_tolerance():
    random = np.random.default_rng(11)
    for _ in range(50):
        blocks = random.normal(random.uniform(-0.5, 1), 1, random.integers(4, 40))
        path = judge(blocks, 1, ProbationPolicy(), over=True)[1]
        _, high = confidence_sequence(blocks, 1, 0.05)
        assert path.harm_left == pytest.approx(max(high[-1], 0) / blocks.std())
    shifted = [block + 0.4 for block in QUIET]
    assert judge(shifted, 1, ProbationPolicy(tolerance=0.4), over=True)[0] is Status.CONFIRMED
    assert judge(shifted, 1, ProbationPolicy(), over=True)[0] is Status.HARMED


def test_two_models_that_lose_the_same_on_every_row_confirm_each_other():
    assert judge([0.0] * 14, 1, ProbationPolicy(), over=True)[0] is Status.CONFIRMED
    assert judge([0.0] * 2, 1, ProbationPolicy(), over=True)[0] is Status.OPEN


@pytest.mark.parametrize(("block_days", "harm"), [(1, 0.0), (7, 0.5), (1, 1.0)])
def test_the_benchmarks_judgement_of_many_series_is_that_of_the_product_look_by_look(block_days, harm):
    blocks = np.random.default_rng(5).normal(harm, 1, (40, 28))
    policy = ProbationPolicy()
    end, looks = ends(blocks, block_days, policy)
    for series, expected, after in zip(blocks, end, looks, strict=True):
        for number in range(1, 29):
            over = number * block_days >= policy.periods
            status, _ = judge(series[:number], block_days, policy, over=over, final=number == 28)
            if status is not Status.OPEN:
                break
        assert (status.value, number) == (expected, after)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_a_version_with_the_harm_that_confirmation_rules_out_is_confirmed_no_more_often_than_the_level(rho):
    lines = [simulate_judgement(1000, 28, rho, harm) for harm in (0.0, 1.0)]
    assert misjudged(lines) == []
    worse = Judged(28, 0.0, 1.0, 0.2, 0.73, 0.07, 10.0)
    assert misjudged([worse]) == ["judge: gate of 28 days, autocorrelation 0, harm 1: P(confirmed) 0.7300 > 0.05"]


@pytest.mark.parametrize(
    ("every", "block_days"),
    [("hour", 1), ("day", 1), ("day", 3), ("day", 14), ("week", 7), ("month", 14), ("year", 3)],
)
def test_a_probation_ends_at_the_first_period_by_which_twice_the_blocks_it_needs_are_due(every, block_days):
    calendar = Calendar(every=every, start="2018-12-01")
    promoted_in, delay = calendar.key(datetime(2019, 1, 1)), timedelta(hours=30)
    first_day = calendar.bounds(promoted_in)[1].date()
    limit = limit_of(promoted_in, calendar, first_day, block_days, ProbationPolicy(), delay)
    needed = 2 * enough_blocks(block_days, 0.05, 1.0)

    def closed(period):
        until = closed_until(trial(first_day), block_days, calendar.bounds(period)[1], delay)
        return (until - first_day).days // block_days

    assert closed(limit) >= needed > closed(calendar.shift(limit, -1))
    assert limit_of("9999", calendar, first_day, block_days, ProbationPolicy(), delay) == "9999"


def test_a_verdict_without_terms_gets_the_longest_block():
    assert ProbationTerms.from_dict({}) == ProbationTerms(14, None)
