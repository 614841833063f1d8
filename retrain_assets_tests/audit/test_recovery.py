"""What is said after a rollback: what was taken back, what is live, and that nothing is to be done."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchmarks.worlds.verdicts import fresh, promoted, rolled_back
from retrain_assets.audit.recovery import recovery
from retrain_assets.registry.journal.history import History
from retrain_assets_tests.audit.journals import journal
from retrain_assets_tests.monitoring.stored import TAXI

PAST = journal(("2019-02", "bootstrap"), ("2019-03", "promoted"), ("2019-04", "rolled_back", "v1"))
SAID = "v2 did harm and was taken back on 2019-05-01; v1, in service before, is live."


def report(digest):
    compared = SimpleNamespace(version="v2", previous="v1", digest=digest)
    measured = SimpleNamespace(rows=9645, loss=1.69, previous_loss=1.43, loss_cap=9.74)
    return SimpleNamespace(period="2019-04", comparison=compared, measurement=measured)


def test_what_was_taken_back_comes_with_the_error_of_both_on_the_same_rows():
    both = "On the same 9,645 rides in April 2019 v1 was off by $1.43 a ride on average, v2 by $1.69"
    assert recovery(History(PAST), report("digest v2"), TAXI) == f"{SAID} {both}, each counted up to $9.74."


@pytest.mark.parametrize("other", [report("digest v3"), None])
def test_without_a_measured_difference_it_is_not_called_harm(other):
    broken = replace(PAST[-1], reason="v2 does not load.")
    said = recovery(History((*PAST[:-1], broken)), other, TAXI)
    assert said == SAID.replace(
        "did harm and was taken back on 2019-05-01", "was taken back on 2019-05-01 (v2 does not load)"
    )


def test_a_person_who_took_it_back_is_named_with_the_reason():
    by_hand = replace(PAST[-1], person=True, reason="complaints.")
    assert recovery(History((*PAST[:-1], by_hand)), None, TAXI).startswith(
        "ada took v2 back on 2019-05-01 (complaints); v1, "
    )


def test_a_version_that_a_person_put_back_where_none_was_live_took_nothing_back():
    again = replace(PAST[-1], from_version=None, from_digest=None, person=True, reason="as before.")
    assert recovery(History((*PAST[:-1], again)), None, TAXI) == (
        "v1 is live again: ada put it back on 2019-05-01 (as before)."
    )


def test_where_no_rollback_put_the_live_version_there_nothing_is_said(tmp_path):
    registry = fresh(tmp_path)
    assert recovery(History(()), None, TAXI) is None
    promoted(registry, [0, 1])
    assert recovery(History(registry.history()), None, TAXI) is None
    rolled_back(registry, 2)
    assert recovery(History(registry.history()), None, TAXI)
    promoted(registry, [9])
    assert recovery(History(registry.history()), None, TAXI) is None


def test_the_trivial_baseline_is_no_recovery():
    none = journal(("2019-02", "bootstrap"), ("2019-03", "rolled_back", "v0"))
    assert recovery(History(none), None, TAXI) is None
