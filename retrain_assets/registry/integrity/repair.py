"""Mending a journal without guessing: what a crash left half done, and what a hash proves.

Four things are mended. A last event that is torn while the head still names the one before it: its writer never came
to its end, so nobody was told of it. An event that is missing or damaged while a checkpoint holds it under the hash
that its successor, or the head, names. A head that is lost or torn while the other one names the end of an unbroken
chain, or while somebody vouches for that end (`expected`). Heads and checkpoints that lag behind events which all hold.
Everything else (a lost tail, two lost heads) needs a backup or a witness, and stays as it is for `verify` to name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from retrain_assets.registry.journal.chain import Journal, event_name
from retrain_assets.registry.journal.checkpoints import SPAN, checkpoint_name
from retrain_assets.registry.journal.events import Event, content_hash
from retrain_assets.registry.journal.heads import HEADS, Head, head_of
from retrain_assets.registry.storage.protocol import Storage

ASIDE = "aside"


def mend(
    journal: Journal,
    storage: Storage,
    *,
    expected: Head | None = None,
    traces: Callable[[Sequence[Event]], bool] = lambda events: False,
) -> list[str]:
    """Mend a journal under its writers' lock, and say what was done, one sentence each.

    Args:
        journal: The journal.
        storage: Where it is kept.
        expected: The last event that was written, as somebody knows who keeps its number and hash elsewhere.
        traces: Whether something speaks of more history than these events.
    """
    done = [*_set_torn_tail_aside(journal, storage), *_restore_proven(journal, storage)]
    if journal.broken():
        return done
    events = journal.stored()
    if not traces(events):
        done += _mend_heads(journal, storage, events, expected)
    if journal.heads.problem(journal.heads.read(), events):
        return done
    return [*done, *_write_derived(journal, storage)]


def _mend_heads(journal: Journal, storage: Storage, events: Sequence[Event], expected: Head | None) -> Iterator[str]:
    heads = journal.heads
    if not heads.problem(heads.read(), events):
        return
    vouched = expected if expected == head_of(events) and not heads.claims_more(events) else None
    surviving = vouched or heads.surviving(events)
    if surviving is not None:
        heads.put(surviving)
        source = "as you say" if vouched else "as the other head does"
        yield f"{' and '.join(map(storage.where, HEADS))} name event {surviving.seq}, {source}."


def _set_torn_tail_aside(journal: Journal, storage: Storage) -> Iterator[str]:
    last, (head, second) = journal.last(), journal.heads.read()
    torn = journal.load(last) if last else ""
    finished = max(head.seq, second.seq if second else 0)
    if isinstance(torn, Event) or not last or head.seq != last - 1 or finished == last:
        return
    before = journal.load(last - 1) if last > 1 else None
    if before is None or (isinstance(before, Event) and before.hash == head.hash):
        aside = set_aside(storage, event_name(last))
        yield f"{torn} Its writer was interrupted and the head names event {last - 1}: moved to {storage.where(aside)}."


def _restore_proven(journal: Journal, storage: Storage) -> Iterator[str]:
    head, _ = journal.heads.read()
    if head.seq < journal.last() - 1:
        return
    expected = head.hash
    for seq in range(head.seq, 0, -1):
        event = journal.load(seq)
        if not (isinstance(event, Event) and event.hash == expected):
            proven = _proven(journal, seq, expected)
            if proven is None:
                return
            yield _restore(storage, proven)
            event = proven
        expected = event.previous_hash


def _proven(journal: Journal, seq: int, expected: str) -> Event | None:
    """The event of that number in its checkpoint, if its content has the expected hash."""
    gathered = journal.checkpoint(-(-seq // SPAN) * SPAN)
    event = next((event for event in gathered if event.seq == seq), None)
    return event if event and event.hash == expected == content_hash(event.to_dict()) else None


def _restore(storage: Storage, event: Event) -> str:
    name = event_name(event.seq)
    where = storage.where(name)
    present = name.split("/")[-1] in storage.names(name.split("/")[0])
    aside = f"; what stood there is {storage.where(set_aside(storage, name))}" if present else ""
    storage.create(name, event.to_bytes())
    return f"{where} is restored from its checkpoint, hash {event.hash}{aside}."


def _write_derived(journal: Journal, storage: Storage) -> Iterator[str]:
    events = journal.stored()
    for name in journal.heads.lagging(events):
        journal.heads.write(events[-1])
        yield f"{storage.where(name)} names event {events[-1].seq} again."
    for last in range(SPAN, len(events) + 1, SPAN):
        gathered = events[last - SPAN : last]
        if journal.checkpoint(last) != gathered:
            journal.write_checkpoint(gathered)
            yield f"{storage.where(checkpoint_name(last))} is written anew."


def set_aside(storage: Storage, name: str) -> str:
    """Move a file out of the way, to a name that is free, and return that name."""
    data = storage.read(name)
    number = len(storage.names(ASIDE)) + 1
    aside = f"{ASIDE}/{number:04d}-{name.split('/')[-1]}"
    storage.create(aside, data)
    storage.delete(name)
    return aside
