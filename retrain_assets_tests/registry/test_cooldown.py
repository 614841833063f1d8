"""After a rollback nothing is promoted for a while, and then only what has learnt from the failure."""

from datetime import datetime

import pytest

from benchmarks.worlds.verdicts import fresh, moment, period, promoted, rolled_back
from retrain_assets.errors import CoolingDown, FailureNotSeen
from retrain_assets.registry.cooldown import Rest, refuse_resting
from retrain_assets.registry.journal.history import History


def asked(failed):
    """Two weeks of rest, and training up to the end of the week that failed."""
    assert failed == period(2)
    return Rest(period(5), moment(2))


@pytest.fixture
def history(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0, 1])
    rolled_back(registry, 2)
    return History(registry.history())


def test_a_period_before_the_first_allowed_one_is_refused(history):
    with pytest.raises(CoolingDown, match=f"{period(5)} is the first period that may promote"):
        refuse_resting("here", period(4), history, asked, lambda: datetime.max)


@pytest.mark.parametrize(("reached", "said"), [(moment(1), "2019-01-15 00:00"), (None, "to no known time")])
def test_a_candidate_that_has_not_seen_the_failure_is_refused(history, reached, said):
    with pytest.raises(FailureNotSeen, match=f"its training data reach {said}, 2019-01-22 00:00 is needed"):
        refuse_resting("here", period(5), history, asked, lambda: reached)


def test_the_first_allowed_period_may_promote_what_has_seen_the_failure(history):
    refuse_resting("here", period(5), history, asked, lambda: moment(2))


def test_without_a_rollback_there_is_nothing_to_wait_for(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0])
    refuse_resting("here", period(1), History(registry.history()), asked, lambda: None)
