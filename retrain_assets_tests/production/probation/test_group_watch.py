"""Groups left to probation: harm is found over several promotions, and neither luck nor a few rows find it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from retrain_assets.production.probation.group_watch import (
    LONGEST_DAYS,
    GroupAccount,
    Opening,
    WatchStatus,
    group_sentence,
    open_accounts,
    overall,
)
from retrain_assets.validation.watched_groups import WatchedGroup

FIRST = date(2024, 1, 1)
BRONX = WatchedGroup("borough=Bronx", "mae", "borough", ("Bronx",), 1.0, 0.5)
WOMEN = WatchedGroup("sex=F", "tpr", "sex", ("F",), 0.1, 0.5)


def account(watched: WatchedGroup = BRONX) -> GroupAccount:
    return GroupAccount(watched, "v1", "1" * 64, FIRST.isoformat(), 1, 0.05, FIRST.isoformat())


def after(known: GroupAccount, harm, first: int = 0) -> GroupAccount:
    """The account with one row a day from a day on, judged at their end."""
    days = np.datetime64(FIRST, "us") + (first + np.arange(len(harm))).astype("m8[D]")
    return known.with_rows(days, np.asarray(harm, dtype=float)).judged(FIRST + timedelta(days=first + len(harm)))


@pytest.mark.parametrize(
    ("mean", "days", "status"),
    [
        (2.0, 60, WatchStatus.HARMED),
        (0.0, 60, WatchStatus.UNHARMED),
        (0.6, 60, WatchStatus.OPEN),
        (3.0, 9, WatchStatus.OPEN),
        (1.0, LONGEST_DAYS, WatchStatus.HARMED),
        (0.97, LONGEST_DAYS, WatchStatus.UNPROVEN),
    ],
)
def test_a_group_is_harmed_when_harm_is_certain_and_reaches_the_margin_and_unharmed_when_it_cannot_reach_it(
    mean, days, status
):
    noise = np.resize([1.5, -1.5, 0.5, -0.5], days)
    assert after(account(), mean + noise - noise.mean()).status is status


def test_the_account_goes_on_over_the_next_promotion_against_the_same_version_and_closed_ones_end():
    half = after(account(), np.tile([2.0, -0.6], 6))
    assert half.status is WatchStatus.OPEN
    opening = Opening("v2", "2" * 64, FIRST + timedelta(days=12), 7, 0.05)
    done = after(account(WOMEN), np.zeros(30))
    assert done.status is WatchStatus.UNHARMED
    going_on, fresh = open_accounts((half, done), (BRONX, WOMEN), opening)
    assert going_on == half
    assert (fresh.watched, fresh.reference, fresh.since, fresh.block_days) == (WOMEN, "v2", "2024-01-13", 7)
    assert after(going_on, np.tile([2.0, 0.6], 20), first=12).status is WatchStatus.HARMED


def test_new_accounts_share_the_level():
    opened = open_accounts((), (BRONX, WOMEN), Opening("v2", "2" * 64, FIRST, 1, 0.05))
    assert [each.alpha for each in opened] == [0.025, 0.025]


def test_what_comes_for_a_closed_day_or_is_no_harm_changes_nothing():
    known = after(account(), np.tile([1.0, -1.0], 10))
    again = after(known, [50.0], first=3)
    assert (again.days, again.closed_until) == (known.days, known.closed_until)
    late = known.with_rows(np.array(["2024-02-01"], "M8[us]"), np.array([np.nan]))
    assert late.days == known.days


def test_an_account_reads_back_as_it_was_written():
    for known in (account(), after(account(WOMEN), np.tile([1.0, 0.0], 10))):
        assert GroupAccount.from_dict(known.to_dict()) == known


def test_the_sentence_names_the_group_its_harm_in_its_unit_and_what_follows():
    open_, harmed = after(account(), [0.5] * 4), after(account(), 2.0 + np.tile([0.5, -0.5], 20))
    assert group_sentence((open_,), "v3", "USD", "ride") == (
        "1 small group watched, borough=Bronx (mae): $0.50 worse than with v1 on 4 rides, margin $1.00"
    )
    better = after(account(), [-0.5] * 4)
    assert group_sentence((better, open_, account()), "v3", "USD", "ride") == (
        "3 small groups watched, the worst off borough=Bronx (mae): $0.50 worse than with v1 on 4 rides, margin $1.00"
    )
    said = group_sentence((open_, harmed), "v3", "USD", "ride")
    assert said.startswith("v3 harms a protected group, borough=Bronx (mae): $2.00 worse than with v1 on 40 rides")
    assert said.endswith("Roll it back")
    women = after(account(WOMEN), np.tile([1.0, -1.0, 0.0, 0.0], 5))
    assert "sex=F (tpr): 0 points worse than with v1 on 20 people, margin 10 points" in group_sentence(
        (women,), "v3", "", "person"
    )


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "2024-02: v2 has proved itself and is confirmed; 9 rides",
            "is confirmed overall, 1 group still open; 9 rides",
        ),
        ("2024-02: v2 is confirmed: without harm", "v2 is confirmed overall, 1 group still open: without harm"),
        ("2024-03: no probation: v2 was confirmed in 2024-02", "was confirmed overall in 2024-02, 1 group still open"),
        ("2024-02: the probation of v2 goes on", "2024-02: the probation of v2 goes on"),
    ],
)
def test_a_confirmed_version_is_confirmed_overall_while_a_group_is_open(sentence, said):
    unharmed = replace(account(), status=WatchStatus.UNHARMED)
    assert overall(sentence, [account(), unharmed]).endswith(said)
    assert overall(sentence, [unharmed]) == sentence


def test_a_group_stands_in_the_units_of_its_metric_and_without_outcomes_says_so():
    assert account().words("USD", "ride") == "borough=Bronx (mae): no outcome yet, margin $1.00"
    assert after(account(), [0.25] * 8).words("USD", "ride") == (
        "borough=Bronx (mae): $0.25 worse than with v1 on 8 rides, margin $1.00"
    )
