"""The two heads of a journal: what each may say of an unbroken chain, and what only a lost tail explains."""

import pytest

from benchmarks.worlds.verdicts import fresh, promoted
from retrain_assets.registry.journal.heads import HEAD, HEADS, SECOND_HEAD, Head, Heads, head_of


@pytest.fixture
def written(tmp_path):
    """A journal of four events, and its heads."""
    registry = fresh(tmp_path)
    promoted(registry, [0, 1])
    return registry.history(), Heads(registry._storage, registry.history()[0].previous_hash), registry.folder


def test_both_heads_name_the_last_event(written):
    events, heads, _ = written
    assert heads.read() == (head_of(events), head_of(events))
    assert (heads.lagging(events), heads.problem(heads.read(), events)) == ([], None)


def test_a_head_one_event_behind_is_an_interrupted_write_and_two_are_a_lost_one(written):
    events, heads, _ = written
    heads.put(head_of(events[:-1]))
    assert heads.problem(heads.read(), events) is None
    assert heads.lagging(events) == list(HEADS)
    heads.put(head_of(events[:-2]))
    assert "names event 2" in heads.problem(heads.read(), events)


def test_a_head_ahead_of_the_events_says_that_they_are_lost(written):
    events, heads, _ = written
    assert heads.claims_more(events[:-1])
    assert not heads.claims_more(events)
    assert "names event 4" in heads.problem(heads.read(), events[:-2])


@pytest.mark.parametrize(("torn", "other"), [(HEAD, SECOND_HEAD), (SECOND_HEAD, HEAD)])
def test_a_torn_head_is_known_from_the_other(written, torn, other):
    events, heads, folder = written
    (folder / torn).write_bytes(b"{")
    assert "is unreadable" in heads.problem(heads.read(), events)
    assert heads.surviving(events) == head_of(events)
    (folder / other).write_bytes(b"{")
    assert heads.surviving(events) is None


def test_a_head_reads_back_as_it_is_shown():
    head = Head(12, "9f" * 32)
    assert Head.parse(str(head)) == head
    with pytest.raises(ValueError, match="names no event"):
        Head.parse("12:9f")
