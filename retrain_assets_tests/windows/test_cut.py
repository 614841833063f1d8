"""The cut by its invariants, and waiting against trying every later period."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from retrain_assets.model import Model
from retrain_assets.periods import Calendar, Length
from retrain_assets.windows.cut import Span, UsedRows, Wait, Windows, cut
from retrain_assets.windows.policy import WindowsPolicy

MONTHS = Calendar(every="month", start="2018-01-01")
STORED = MONTHS.between("2018-01", "2019-12")
DAY = timedelta(days=1)
POLICY = WindowsPolicy(recent_periods=3, half_life_periods=4, selection_origins=3, min_train_periods=5)


RIDES = Model("rides", "regression", 2, MONTHS, "id", "at", "fare", DAY, "mae")


def policy(**changes):
    return POLICY.model_copy(update={name: Length.parse(length) for name, length in changes.items()})


def at(text):
    return datetime.fromisoformat(text)


def trained(until, *spent):
    return UsedRows(spent, at(until))


def late(days):
    return replace(RIDES, label_delay=timedelta(days=days))


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
    unit = draw(st.sampled_from(["periods", "d"]))
    lengths = WindowsPolicy(
        recent=drawn_length(draw, unit, 5),
        selection_origins=draw(st.integers(1, 4)),
        gate=drawn_length(draw, unit, 3),
        min_train=drawn_length(draw, unit, 8),
        selection=drawn_length(draw, unit, 2),
    )
    spent = tuple((min(pair), max(pair)) for pair in ranges)
    return {
        "model": replace(RIDES, calendar=calendar, label_delay=delay),
        "policy": lengths,
        "as_of": last,
        "available": [period for period in everything if period not in holes],
        "used": UsedRows(spent, draw(st.none() | moments)),
    }


def drawn_length(draw, unit, most):
    """Some periods, or a number of days."""
    return f"{draw(st.integers(1, most))} periods" if unit == "periods" else f"{draw(st.integers(1, 20 * most))}d"


def spans(windows):
    yield from (windows.gate, windows.recent, windows.history, windows.immature)
    for origin in windows.origins:
        yield from (origin.train_recent, origin.train_history, origin.selection)
        if origin.early_stop:
            yield origin.early_stop


@given(situations())
@settings(max_examples=60)
def test_training_ends_where_the_gate_begins_and_rehearsals_leave_the_label_delay_out(situation):
    windows = cut(**situation)
    assume(isinstance(windows, Windows))
    delay, calendar = situation["model"].label_delay, situation["model"].calendar
    end = calendar.bounds(situation["as_of"])[1]
    assert windows.history.start <= windows.recent.start
    assert windows.recent.end == windows.history.end == windows.gate.start
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
    assert all(selection.end <= windows.gate.start for selection in selections)


@given(situations())
@settings(max_examples=60)
def test_a_span_names_exactly_the_stored_periods_up_to_the_present_that_hold_its_rows(situation):
    windows = cut(**situation)
    assume(isinstance(windows, Windows))
    calendar = situation["model"].calendar
    known = [period for period in situation["available"] if period <= situation["as_of"]]
    for span in spans(windows):
        touching = [known_one for known_one in known if span.touches(*calendar.bounds(known_one))]
        assert list(span.periods) == touching
    assert set(windows.missing) | set(known) == set(calendar.between(calendar.first, situation["as_of"]))
    assert not set(windows.missing) & set(known)


@given(situations())
@settings(max_examples=60)
def test_a_gate_is_always_fresh_and_a_first_model_has_enough_to_train_on(situation):
    windows = cut(**situation)
    assume(isinstance(windows, Windows))
    champion = situation["used"].trained_until
    assert windows.gate.periods
    assert windows.recent.periods
    assert champion is None or champion <= windows.gate.start
    assert not any(
        start < windows.gate.end and windows.gate.start < end for start, end in situation["used"].spent if start < end
    )
    needed = situation["policy"].min_train
    if champion is None and needed.periods:
        assert len(windows.history.periods) >= needed.periods
    if needed.time:
        assert windows.gate.end - windows.gate.start == situation["policy"].gate.time or not windows.gate.start


@given(situations())
@settings(max_examples=60)
def test_periods_after_the_present_change_nothing(situation):
    known = [period for period in situation["available"] if period <= situation["as_of"]]
    assert cut(**situation) == cut(**{**situation, "available": known})


@given(situations())
@settings(max_examples=60)
def test_a_wait_is_the_first_later_period_at_which_trying_again_succeeds(situation):
    waiting = cut(**situation)
    assume(isinstance(waiting, Wait))
    calendar, as_of = situation["model"].calendar, situation["as_of"]
    stored = [period for period in situation["available"] if period <= as_of]
    begun, tried = bool(stored), []
    for later in range(1, waiting.periods + 1):
        stored.append(calendar.shift(as_of, later))
        tried.append(isinstance(cut(**{**situation, "as_of": stored[-1], "available": stored}), Windows))
    assert tried == [False] * (waiting.periods - 1) + [True]
    assert (f"until {stored[-1]}:" if begun else "is ingested yet: `retrain replay ") in waiting.reason


def test_the_windows_of_a_year_of_months_are_these():
    windows = cut(RIDES, POLICY, "2019-03", STORED, trained("2018-11-30"))
    assert windows.gate == Span(("2019-03",), at("2019-03-01"), at("2019-03-31"))
    assert windows.recent == Span(("2018-12", "2019-01", "2019-02"), at("2018-12-01"), at("2019-03-01"))
    assert windows.history == Span(tuple(STORED[:14]), at("2018-01-01"), at("2019-03-01"))
    assert windows.immature == Span(("2019-03",), at("2019-03-31"), at("2019-04-01"))
    assert windows.missing == ()
    assert [origin.selection.periods for origin in windows.origins] == [("2018-12",), ("2019-01",), ("2019-02",)]
    last = windows.origins[-1]
    assert last.selection == Span(("2019-02",), at("2019-02-01"), at("2019-03-01"))
    assert last.early_stop == Span(("2019-01",), at("2019-01-01"), at("2019-01-31"))
    assert last.train_recent == Span(("2018-10", "2018-11", "2018-12"), at("2018-10-01"), at("2018-12-31"))
    assert last.train_history == Span(tuple(STORED[:12]), at("2018-01-01"), at("2018-12-31"))


def test_a_delay_of_more_than_a_period_moves_the_gate_back_to_rows_with_outcomes():
    windows = cut(late(40), POLICY, "2019-03", STORED, trained("2018-01-01"))
    assert windows.gate == Span(("2019-02",), at("2019-02-01"), at("2019-02-20"))
    assert windows.immature.periods == ("2019-02", "2019-03")
    assert windows.history.end == at("2019-02-01")


def test_without_a_delay_every_row_of_the_period_judges():
    windows = cut(late(0), POLICY, "2019-03", STORED, trained("2018-01-01"))
    assert windows.gate.end == windows.immature.start == windows.immature.end == at("2019-04-01")
    assert windows.immature.periods == ()


@pytest.mark.parametrize(("as_of", "wait"), [("2018-01", 5), ("2018-03", 3), ("2018-05", 1)])
def test_a_first_model_waits_until_it_has_enough_to_train_on(as_of, wait):
    waiting = cut(RIDES, POLICY, as_of, STORED, UsedRows())
    assert waiting.periods == wait
    assert f"{5 - wait} of 5 training periods are there" in waiting.reason
    assert isinstance(cut(RIDES, POLICY, "2018-06", STORED, UsedRows()), Windows)


def test_a_champion_trained_through_the_gate_makes_it_stale():
    waiting = cut(RIDES, POLICY, "2019-03", STORED, trained("2019-04-15"))
    assert waiting == Wait(
        2,
        "wait 2 months, until 2019-05: the champion was trained on rows up to 2019-04-15, after the gate window "
        "2019-03-01 to 2019-03-31 begins",
    )


def test_rows_that_judged_before_do_not_judge_again():
    used = (at("2019-03-01"), at("2019-03-31"))
    waiting = cut(RIDES, POLICY, "2019-03", STORED, trained("2018-12-01", used))
    assert waiting.periods == 1
    assert "has rows that decided an earlier attempt (2019-03-01 to 2019-03-31)" in waiting.reason
    assert isinstance(cut(RIDES, POLICY, "2019-04", STORED, trained("2018-12-01", used)), Windows)


def test_a_gate_of_two_periods_waits_two_periods_after_an_attempt():
    used = (at("2019-02-01"), at("2019-03-31"))
    waiting = cut(RIDES, policy(gate="2 periods"), "2019-03", STORED, trained("2018-12-01", used))
    assert waiting.periods == 2


def test_a_range_that_only_touches_the_gate_does_not_spend_it():
    used = [(at("2019-02-01"), at("2019-03-01")), (at("2019-03-31"), at("2019-04-01"))]
    assert isinstance(cut(RIDES, POLICY, "2019-03", STORED, trained("2019-03-01", *used)), Windows)


def test_missing_periods_are_skipped_and_named():
    stored = [period for period in STORED if period not in ("2018-04", "2019-01")]
    windows = cut(RIDES, POLICY, "2019-03", stored, trained("2018-11-30"))
    assert windows.missing == ("2018-04", "2019-01")
    assert windows.recent.periods == ("2018-12", "2019-02")
    assert [origin.selection.periods for origin in windows.origins] == [("2018-12",), ("2019-02",)]
    assert windows.origins[-1].early_stop is None
    assert windows.origins[-1].train_history.end == at("2019-01-31")


def test_a_gate_without_rows_waits_for_the_next_period():
    waiting = cut(RIDES, POLICY, "2019-03", [p for p in STORED if p != "2019-03"], trained("2018-11-30"))
    assert waiting.periods == 1
    assert "no rows are stored for the gate window" in waiting.reason


def test_origins_without_anything_to_train_on_are_dropped():
    windows = cut(RIDES, policy(min_train="4 periods"), "2018-05", STORED, UsedRows())
    assert [origin.selection.periods for origin in windows.origins] == [("2018-03",), ("2018-04",)]
    assert cut(RIDES, policy(min_train="2 periods"), "2018-03", STORED, UsedRows()).origins == ()


def test_spans_that_share_a_moment_touch():
    span = Span((), at("2019-01-01"), at("2019-02-01"))
    assert span.touches(at("2019-01-31"), at("2019-03-01"))
    assert not span.touches(at("2019-02-01"), at("2019-03-01"))
    assert not replace(span, end=span.start).touches(at("2018-01-01"), at("2020-01-01"))


@pytest.mark.parametrize("days", [0, 1, 10, 40, 75])
def test_a_gate_of_two_weeks_is_whole_under_any_label_delay(days):
    windows = cut(late(days), WindowsPolicy(gate="2w"), "2019-03", STORED, trained("2018-06-01"))
    assert windows.gate.end == at("2019-04-01") - timedelta(days=days)
    assert windows.gate.end - windows.gate.start == timedelta(weeks=2)
    assert windows.history.end == windows.recent.end == windows.gate.start


def test_a_shorter_period_changes_no_window():
    """The same moment, reached by days, by weeks and by months: Sunday, 31 March 2019."""
    found = []
    for every, as_of in (("day", "2019-03-30"), ("week", "2019-03-25"), ("month", "2019-03")):
        calendar = Calendar(every=every, start="2018-01-01")
        end = calendar.bounds(as_of)[1]
        model = replace(RIDES, calendar=calendar, label_delay=end - at("2019-03-30"))
        stored = calendar.between(calendar.first, as_of)
        windows = cut(model, WindowsPolicy(), as_of, stored, UsedRows(trained_until=at("2018-06-01")))
        found.append([(span.start, span.end) for span in (windows.gate, windows.recent, windows.history)])
        assert len(windows.origins) == 3
    assert found[0] == found[1] == found[2]


def test_after_an_attempt_weekly_decisions_wait_until_two_weeks_are_fresh():
    weeks = Calendar(every="week", start="2018-01-01")
    model = replace(RIDES, calendar=weeks)
    stored = weeks.between("2018-01-01", "2018-12-31")
    first = cut(model, WindowsPolicy(), "2018-12-03", stored, trained("2018-06-01"))
    used = (first.gate.start, first.gate.end)
    assert cut(model, WindowsPolicy(), "2018-12-10", stored, trained("2018-06-01", used)).periods == 1
    assert cut(model, WindowsPolicy(), "2018-12-17", stored, trained("2018-06-01", used)).gate.start == first.gate.end
