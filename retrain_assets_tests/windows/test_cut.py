"""The cut by its invariants, and waiting against trying every later period."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from retrain_assets.periods import Calendar
from retrain_assets.windows.cut import Span, Wait, Windows, cut
from retrain_assets.windows.policy import WindowsPolicy

MONTHS = Calendar(every="month", start="2018-01-01")
STORED = MONTHS.between("2018-01", "2019-12")
DAY = timedelta(days=1)
POLICY = WindowsPolicy(recent_periods=3, half_life_periods=4, selection_origins=3, min_train_periods=5)


def policy(**changes):
    return POLICY.model_copy(update=changes)


def at(text):
    return datetime.fromisoformat(text)


@st.composite
def situations(draw):
    every, start = draw(st.sampled_from([("day", "2018-02-20"), ("week", "2017-12-25"), ("month", "2018-01-01")]))
    calendar = Calendar(every=every, start=start)
    last = calendar.shift(calendar.first, draw(st.integers(0, 30)))
    everything = calendar.between(calendar.first, calendar.shift(last, 5))
    holes = draw(st.sets(st.sampled_from(everything), max_size=3))
    length = (calendar.bounds(calendar.first)[1] - calendar.bounds(calendar.first)[0]).days
    delay = timedelta(hours=draw(st.integers(0, 60 * length)))
    moments = st.datetimes(calendar.start, calendar.bounds(everything[-1])[1])
    ranges = draw(st.lists(st.tuples(moments, moments), max_size=3))
    lengths = WindowsPolicy(
        recent_periods=draw(st.integers(1, 5)),
        half_life_periods=4,
        selection_origins=draw(st.integers(1, 4)),
        gate_periods=draw(st.integers(1, 3)),
        min_train_periods=draw(st.integers(1, 8)),
    )
    return {
        "calendar": calendar,
        "policy": lengths,
        "as_of": last,
        "available": [period for period in everything if period not in holes],
        "label_delay": delay,
        "spent": [(min(pair), max(pair)) for pair in ranges],
        "champion_trained_until": draw(st.none() | moments),
    }


def spans(windows):
    yield from (windows.gate, windows.recent, windows.history, windows.immature)
    for origin in windows.origins:
        yield from (origin.train_recent, origin.train_history, origin.selection)
        if origin.early_stop:
            yield origin.early_stop


@given(situations())
@settings(max_examples=60, deadline=None)
def test_windows_follow_one_another_with_the_label_delay_between(situation):
    windows = cut(**situation)
    assume(isinstance(windows, Windows))
    delay, calendar = situation["label_delay"], situation["calendar"]
    end = calendar.bounds(situation["as_of"])[1]
    assert windows.history.start <= windows.recent.start
    assert windows.recent.end == windows.history.end == windows.gate.start - delay
    assert windows.gate.end == windows.immature.start == end - delay
    assert windows.immature.end == end
    for origin in windows.origins:
        assert origin.train_recent.end == origin.train_history.end
        before_selection = origin.early_stop or origin.train_history
        assert before_selection.end == origin.selection.start - delay
        if origin.early_stop:
            assert origin.train_history.end == origin.early_stop.start - delay
    selections = [origin.selection for origin in windows.origins]
    assert all(one.end <= other.start for one, other in zip(selections, selections[1:], strict=False))
    assert all(selection.end <= windows.gate.start - delay for selection in selections)


@given(situations())
@settings(max_examples=60, deadline=None)
def test_a_span_names_exactly_the_stored_periods_up_to_the_present_that_hold_its_rows(situation):
    windows = cut(**situation)
    assume(isinstance(windows, Windows))
    calendar = situation["calendar"]
    known = [period for period in situation["available"] if period <= situation["as_of"]]
    for span in spans(windows):
        touching = [known_one for known_one in known if span.touches(*calendar.bounds(known_one))]
        assert list(span.periods) == touching
    assert set(windows.missing) | set(known) == set(calendar.between(calendar.first, situation["as_of"]))
    assert not set(windows.missing) & set(known)


@given(situations())
@settings(max_examples=60, deadline=None)
def test_a_gate_is_always_fresh_and_a_first_model_has_enough_to_train_on(situation):
    windows = cut(**situation)
    assume(isinstance(windows, Windows))
    champion = situation["champion_trained_until"]
    assert windows.gate.periods
    assert windows.recent.periods
    assert champion is None or champion <= windows.gate.start
    assert not any(
        start < windows.gate.end and windows.gate.start < end for start, end in situation["spent"] if start < end
    )
    if champion is None:
        assert len(windows.history.periods) >= situation["policy"].min_train_periods


@given(situations())
@settings(max_examples=60, deadline=None)
def test_periods_after_the_present_change_nothing(situation):
    known = [period for period in situation["available"] if period <= situation["as_of"]]
    assert cut(**situation) == cut(**{**situation, "available": known})


@given(situations())
@settings(max_examples=60, deadline=None)
def test_a_wait_is_the_first_later_period_at_which_trying_again_succeeds(situation):
    waiting = cut(**situation)
    assume(isinstance(waiting, Wait))
    calendar, as_of = situation["calendar"], situation["as_of"]
    stored = [period for period in situation["available"] if period <= as_of]
    tried = []
    for later in range(1, waiting.periods + 1):
        stored.append(calendar.shift(as_of, later))
        tried.append(isinstance(cut(**{**situation, "as_of": stored[-1], "available": stored}), Windows))
    assert tried == [False] * (waiting.periods - 1) + [True]
    assert f"for {stored[-1]}:" in waiting.reason


def test_the_windows_of_a_year_of_months_are_these():
    windows = cut(MONTHS, POLICY, "2019-03", STORED, DAY, [], at("2018-11-30"))
    assert windows.gate == Span(("2019-03",), at("2019-03-01"), at("2019-03-31"))
    assert windows.recent == Span(("2018-12", "2019-01", "2019-02"), at("2018-12-01"), at("2019-02-28"))
    assert windows.history == Span(tuple(STORED[:14]), at("2018-01-01"), at("2019-02-28"))
    assert windows.immature == Span(("2019-03",), at("2019-03-31"), at("2019-04-01"))
    assert windows.missing == ()
    assert [origin.selection.periods for origin in windows.origins] == [("2018-12",), ("2019-01",), ("2019-02",)]
    last = windows.origins[-1]
    assert last.selection == Span(("2019-02",), at("2019-02-01"), at("2019-02-28"))
    assert last.early_stop == Span(("2019-01",), at("2019-01-01"), at("2019-01-31"))
    assert last.train_recent == Span(("2018-10", "2018-11", "2018-12"), at("2018-10-01"), at("2018-12-31"))
    assert last.train_history == Span(tuple(STORED[:12]), at("2018-01-01"), at("2018-12-31"))


def test_a_delay_of_more_than_a_period_moves_the_gate_back_to_rows_with_outcomes():
    windows = cut(MONTHS, POLICY, "2019-03", STORED, timedelta(days=40), [], at("2018-01-01"))
    assert windows.gate == Span(("2019-02",), at("2019-02-01"), at("2019-02-20"))
    assert windows.immature.periods == ("2019-02", "2019-03")
    assert windows.history.end == at("2018-12-23")


def test_without_a_delay_every_row_of_the_period_judges():
    windows = cut(MONTHS, POLICY, "2019-03", STORED, timedelta(0), [], at("2018-01-01"))
    assert windows.gate.end == windows.immature.start == windows.immature.end == at("2019-04-01")
    assert windows.immature.periods == ()


@pytest.mark.parametrize(("as_of", "wait"), [("2018-01", 5), ("2018-03", 3), ("2018-05", 1)])
def test_a_first_model_waits_until_it_has_enough_to_train_on(as_of, wait):
    waiting = cut(MONTHS, POLICY, as_of, STORED, DAY, [], None)
    assert waiting.periods == wait
    assert f"{5 - wait} of 5 training periods stand before the gate window" in waiting.reason
    assert isinstance(cut(MONTHS, POLICY, "2018-06", STORED, DAY, [], None), Windows)


def test_a_champion_trained_through_the_gate_makes_it_stale():
    waiting = cut(MONTHS, POLICY, "2019-03", STORED, DAY, [], at("2019-04-15"))
    assert waiting == Wait(
        2,
        "wait 2 periods, for 2019-05: the champion was trained on rows up to 2019-04-15 00:00, after the gate window "
        "2019-03-01 00:00 to 2019-03-31 00:00 begins",
    )


def test_rows_that_judged_before_do_not_judge_again():
    used = (at("2019-03-01"), at("2019-03-31"))
    waiting = cut(MONTHS, POLICY, "2019-03", STORED, DAY, [used], at("2018-12-01"))
    assert waiting.periods == 1
    assert "has rows that decided an earlier attempt (2019-03-01 00:00 to 2019-03-31 00:00)" in waiting.reason
    assert isinstance(cut(MONTHS, POLICY, "2019-04", STORED, DAY, [used], at("2018-12-01")), Windows)


def test_a_gate_of_two_periods_waits_two_periods_after_an_attempt():
    used = (at("2019-02-01"), at("2019-03-31"))
    waiting = cut(MONTHS, policy(gate_periods=2), "2019-03", STORED, DAY, [used], at("2018-12-01"))
    assert waiting.periods == 2


def test_a_range_that_only_touches_the_gate_does_not_spend_it():
    used = [(at("2019-02-01"), at("2019-03-01")), (at("2019-03-31"), at("2019-04-01"))]
    assert isinstance(cut(MONTHS, POLICY, "2019-03", STORED, DAY, used, at("2019-03-01")), Windows)


def test_missing_periods_are_skipped_and_named():
    stored = [period for period in STORED if period not in ("2018-04", "2019-01")]
    windows = cut(MONTHS, POLICY, "2019-03", stored, DAY, [], at("2018-11-30"))
    assert windows.missing == ("2018-04", "2019-01")
    assert windows.recent.periods == ("2018-12", "2019-02")
    assert [origin.selection.periods for origin in windows.origins] == [("2018-12",), ("2019-02",)]
    assert windows.origins[-1].early_stop is None
    assert windows.origins[-1].train_history.end == at("2019-01-31")


def test_a_gate_without_rows_waits_for_the_next_period():
    waiting = cut(MONTHS, POLICY, "2019-03", [p for p in STORED if p != "2019-03"], DAY, [], at("2018-11-30"))
    assert waiting.periods == 1
    assert "no rows are stored for the gate window" in waiting.reason


def test_origins_without_anything_to_train_on_are_dropped():
    windows = cut(MONTHS, policy(min_train_periods=4), "2018-05", STORED, DAY, [], None)
    assert [origin.selection.periods for origin in windows.origins] == [("2018-03",), ("2018-04",)]
    assert cut(MONTHS, policy(min_train_periods=2), "2018-03", STORED, DAY, [], None).origins == ()


def test_spans_that_share_a_moment_touch():
    span = Span((), at("2019-01-01"), at("2019-02-01"))
    assert span.touches(at("2019-01-31"), at("2019-03-01"))
    assert not span.touches(at("2019-02-01"), at("2019-03-01"))
    assert not replace(span, end=span.start).touches(at("2018-01-01"), at("2020-01-01"))
