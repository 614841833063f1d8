"""Who was live when: tenures of made-up journals, against the registry's own reading of them."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.registry.journal.events import Terms
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.journal.tenure import held_spans, live_at, tenures
from retrain_assets_tests.audit.journals import MONTHS, journal, until

TURNED = journal(
    ("2019-01", "bootstrap"),
    ("2019-03", "rejected"),
    ("2019-04", "promoted"),
    ("2019-06", "rolled_back", "v1"),
    ("2019-09", "promoted"),
)


def test_each_tenure_ends_where_the_next_begins_and_a_version_that_came_back_has_two():
    found = tenures(TURNED)
    assert [tenure.version for tenure in found] == ["v1", "v2", "v1", "v3"]
    assert [tenure.ended for tenure in found] == [tenure.began for tenure in found[1:]] + [None]
    assert [tenure.withdrawn for tenure in found] == [False, True, False, False]


def test_a_version_serves_the_periods_after_its_decision_up_to_the_one_that_ended_it():
    periods = [tenure.periods(MONTHS, "2019-11") for tenure in tenures(TURNED)]
    assert periods == [
        ["2019-02", "2019-03", "2019-04"],
        ["2019-05", "2019-06"],
        ["2019-07", "2019-08", "2019-09"],
        ["2019-10", "2019-11"],
    ]
    history = History(TURNED)
    for tenure, served in zip(tenures(TURNED), periods, strict=True):
        assert {history.served_in(period).name for period in served} == {tenure.version}


def test_a_retirement_ends_the_last_tenure_and_begins_none():
    found = tenures(journal(("2019-01", "bootstrap"), ("2019-05", "retired")))
    assert [(tenure.version, tenure.ended.period, tenure.withdrawn) for tenure in found] == [("v1", "2019-05", True)]


def test_nothing_was_live_before_the_first_model_or_in_an_empty_journal():
    assert live_at(TURNED, datetime(2019, 1, 31, 23, 59)) is None
    assert live_at((), datetime(2019, 1, 1)) is None
    assert tenures(()) == ()


actions = st.lists(st.sampled_from(["promoted", "rejected", "insufficient", "rolled_back", "held"]), max_size=12)


@given(actions, st.integers(0, 400))
def test_the_tenure_of_a_moment_is_the_version_that_the_registry_says_was_live(steps, day):
    made = [("2019-01", "bootstrap")]
    versions = 1
    for number, action in enumerate(steps, start=1):
        versions += action == "promoted"
        made.append((MONTHS.shift("2019-01", number), action, f"v{max(1, versions - 1)}"))
    events = journal(*made)
    moment = datetime(2019, 1, 1) + timedelta(days=day)
    tenure, version = live_at(events, moment), History(events).served_at(moment)
    assert (tenure and tenure.version) == (version and version.name)


@pytest.mark.parametrize(
    ("steps", "spans"),
    [
        ((), []),
        ((("2019-02", "held"), ("2019-04", "released")), [("2019-02", "2019-04")]),
        ((("2019-02", "held"), ("2019-03", "held"), ("2019-04", "released")), [("2019-02", "2019-04")]),
        ((("2019-02", "released"), ("2019-03", "held")), [("2019-03", None)]),
    ],
)
def test_a_hold_lasts_until_it_is_released(steps, spans):
    found = list(held_spans(journal(("2019-01", "bootstrap"), *steps)))
    assert [(span.begun.period, span.released and span.released.period) for span in found] == spans
    assert [span.until for span in found] == [None] * len(spans)


def test_a_hold_that_expired_before_its_release_ended_then_and_one_that_is_renewed_goes_on():
    held = journal(("2019-01", "bootstrap"), ("2019-02", "held"), ("2019-06", "released"))
    (span,) = held_spans(until(held, datetime(2019, 4, 1)))
    assert (span.released, span.until) == (None, datetime(2019, 4, 1))
    (span,) = held_spans(until(held, datetime(2019, 9, 1)))
    assert (span.released.period, span.until) == ("2019-06", None)
    twice = journal(("2019-01", "bootstrap"), ("2019-02", "held"), ("2019-03", "held"))
    renewed = (*twice[:2], *until(twice[2:], datetime(2019, 9, 1)))
    assert [span.until for span in held_spans(renewed)] == [None]
    assert [span.until for span in held_spans(until(twice, datetime(2019, 9, 1)))] == [datetime(2019, 9, 1)]
    assert len(list(held_spans(until(twice, datetime(2019, 3, 15))))) == 2  # the second began after the first was over


def test_a_release_ends_the_holds_on_its_own_subject_alone():
    events = journal(("2019-01", "bootstrap"), ("2019-02", "held"), ("2019-03", "held"), ("2019-04", "released"))
    of_a_version = replace(events[1], terms=Terms("digest v1", None))
    found = [(span.begun.period, span.released) for span in held_spans((events[0], of_a_version, *events[2:]))]
    assert found == [("2019-03", events[3]), ("2019-02", None)]
