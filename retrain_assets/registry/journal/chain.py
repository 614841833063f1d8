"""The append-only journal of a model: one numbered file per event, each carrying the hash of the one before.

    journal/00000001.json, 00000002.json, ...   the events
    journal/head.json, checkpoints/head.json     number and hash of the last event (`heads`)
    checkpoints/00000100.jsonl, ...              each gathers a hundred events in one file (`checkpoints`)

Appending is a compare-and-swap: an event is numbered after the history its decision rested on, and of two writers who
saw the same history one creates the file and the other gets `Conflict`. What an event says is in `journal`, what the
events mean in `history`.

Only the events decide; heads and checkpoints are derived.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from threading import Lock

from retrain_assets.errors import Conflict, IntegrityError, StorageError
from retrain_assets.registry.journal.checkpoints import CHECKPOINTS, SPAN, checkpoint_name, pack, unpack
from retrain_assets.registry.journal.events import Entry, Event, content_hash
from retrain_assets.registry.journal.heads import Head, Heads
from retrain_assets.registry.storage.disk import canonical, sha256
from retrain_assets.registry.storage.protocol import Storage
from retrain_assets.registry.storage.signatures import Signatures

FOLDER = "journal"


class Journal:
    """The events of one model.

    Reading takes the heads, the events since the last checkpoint, each read and checked anew, and what stands before
    them from checkpoints. `stored` and `broken` read and check every event.
    """

    def __init__(self, storage: Storage, model: str) -> None:
        self._storage = storage
        self._signatures = Signatures(storage, model)
        self._origin = sha256(model.encode())
        self.heads = Heads(storage, self._origin)

    def events(self) -> tuple[Event, ...]:
        """Every event, oldest first, the chain checked from the last checkpoint on.

        Raises:
            IntegrityError: An event is missing, torn or edited, or the tail is lost.
        """
        heads = self.heads.read()
        while True:
            try:
                return self._read(*heads)
            except IntegrityError as damage:
                heads, before = self.heads.read(), heads
                if heads == before:  # else a writer went on meanwhile, and what was read belongs to no one moment
                    folder = self._storage.where(FOLDER)
                    raise IntegrityError(
                        f"{damage} Restore {folder} from a backup; `retrain verify` lists the rest."
                    ) from None

    def mark(self) -> tuple[Head, int]:
        """Find what differs after every further event, by reading a few small files: the head and the last number."""
        head, _ = self.heads.read()
        return head, self._last_from(head)

    def append(self, entry: Entry, after: Sequence[Event]) -> Event:
        """Write an entry as the event that follows the history `after`, if nobody else has.

        Raises:
            Conflict: The journal has grown since that history was read.
            StorageError: Nothing was written, or, where the sentence says so, all but what can be made again.
        """
        event = Event.seal(entry, len(after) + 1, after[-1].hash if after else self._origin)
        name = event_name(event.seq)
        self._signatures.write("event", event.hash)
        try:
            self._storage.create(name, event.to_bytes())
        except FileExistsError:
            if self._storage.read(name) != event.to_bytes():  # else it is this very event, and only the answer was lost
                raise Conflict(
                    f"{self._storage.where(name)}: somebody else wrote event {event.seq} first. Read the live version "
                    "again, then decide again."
                ) from None
        try:
            self.heads.write(event)
            if event.seq % SPAN == 0:
                self.write_checkpoint((*after[1 - SPAN :], event))
        except StorageError as error:
            raise StorageError(
                f"event {event.seq} ({event.action}) is written and counts, but {error} "
                "Then run `retrain verify --repair`."
            ) from error
        return event

    def settle(self, events: Sequence[Event]) -> None:
        """Write what an interrupted append left unwritten; call it under the writers' lock, before the next append."""
        if self.heads.lagging(events):
            self.heads.write(events[-1])
        known = set(self._storage.names(CHECKPOINTS))
        for last in range(SPAN, len(events) + 1, SPAN):
            if checkpoint_name(last).split("/")[-1] not in known:
                self.write_checkpoint(events[last - SPAN : last])

    def write_checkpoint(self, events: Sequence[Event]) -> None:
        """Gather `SPAN` events in one file."""
        self._storage.replace(checkpoint_name(events[-1].seq), pack([event.to_dict() for event in events]))

    def checkpoint(self, last: int) -> tuple[Event, ...]:
        """The events that a checkpoint gathers; none where it is missing or damaged."""
        try:
            records = unpack(self._storage.read(checkpoint_name(last)))
        except (FileNotFoundError, IntegrityError):
            return ()
        return tuple(Event.restored(record) for record in records)

    def load(self, seq: int) -> Event | str:
        """An event, its content checked against its hash, or a sentence that says what is wrong with it."""
        name = event_name(seq)
        try:
            found = _parsed(self._storage.read(name))
        except FileNotFoundError:
            found = "is missing."
        except IntegrityError as damage:
            return str(damage)
        if isinstance(found, Event) and found.seq == seq:
            return found
        return f"{self._storage.where(name)} {found if isinstance(found, str) else f'holds event {found.seq}.'}"

    def last(self) -> int:
        """The highest number among the events' names."""
        return max(self.numbers(), default=0)

    def numbers(self) -> list[int]:
        """The numbers among the events' names, ascending."""
        names = [name.removesuffix(".json") for name in self._storage.names(FOLDER)]
        return sorted(int(name) for name in names if re.fullmatch(r"\d{8}", name))

    # ---- reading

    def _read(self, head: Head, second: Head | None) -> tuple[Event, ...]:
        last = self._last_from(head)
        first = (last - 1) // SPAN * SPAN + 1 if last else 1
        tail = [self._sound(seq) for seq in range(first, last + 1)]
        problem = next(self._broken_links(tail), None) or self.heads.problem((head, second), tail)
        if problem is not None:
            raise IntegrityError(problem)
        if not tail:
            return ()
        known = _KNOWN.get(tail[-1].hash)
        if known is None:
            known = (*self._before(first - 1, tail[0].previous_hash), *tail)
            _KNOWN.put(tail[-1].hash, known)
        return known

    def _last_from(self, head: Head) -> int:
        """The last event's number: at or after the head, found without listing ten thousand names."""
        last = head.seq
        if last < 1 or not self._there(last):
            return self.last()
        while self._there(last + 1):
            last += 1
        return last

    def _there(self, seq: int) -> bool:
        try:
            self._storage.read(event_name(seq))
        except FileNotFoundError:
            return False
        return True

    def _sound(self, seq: int) -> Event:
        found = self.load(seq)
        if isinstance(found, str):
            raise IntegrityError(found)
        return found

    def _before(self, seq: int, expected: str) -> tuple[Event, ...]:
        """The events up to number `seq`, a multiple of `SPAN`, of which the last has the expected hash."""
        spans: list[tuple[Event, ...]] = []
        number, wanted = seq, expected
        known = _KNOWN.get(wanted)
        while number and known is None:
            spans.append(self._span(number, wanted))
            number, wanted = number - SPAN, spans[-1][0].previous_hash
            known = _KNOWN.get(wanted)
        if not number and wanted != self._origin:
            path = self._storage.where(event_name(1))
            raise IntegrityError(f"{path} follows an event with hash {wanted}, the one before it has {self._origin}.")
        events = (*(known or ()), *(event for span in reversed(spans) for event in span))
        if events:
            _KNOWN.put(expected, events)
        return events

    def _span(self, last: int, expected: str) -> tuple[Event, ...]:
        """The `SPAN` events up to number `last`: from the checkpoint where that fits, else from their own files."""
        gathered = self.checkpoint(last)
        if gathered and (gathered[-1].seq, gathered[-1].hash) == (last, expected):
            return gathered
        events = [self._sound(seq) for seq in range(last - SPAN + 1, last + 1)]
        for problem in self._broken_links(events):
            raise IntegrityError(problem)
        if events[-1].hash != expected:
            path = self._storage.where(event_name(last + 1))
            raise IntegrityError(f"{path} follows an event with hash {expected}, event {last} has {events[-1].hash}.")
        return tuple(events)

    def _broken_links(self, events: Sequence[Event]) -> Iterator[str]:
        hashes = {0: self._origin, **{event.seq: event.hash for event in events}}
        for event in events:
            expected = hashes.get(event.seq - 1, event.previous_hash)
            if event.previous_hash != expected:
                path = self._storage.where(event_name(event.seq))
                yield f"{path} follows an event with hash {event.previous_hash}, the one before it has {expected}."

    # ---- every event, whatever checkpoints say

    def stored(self) -> tuple[Event, ...]:
        """Every event that can be read from its own file, oldest first; no checkpoint is believed."""
        found = map(self.load, self.numbers())
        return tuple(event for event in found if isinstance(event, Event))

    def broken(self) -> list[str]:
        """One sentence per missing or damaged event and per broken link; empty when every event holds."""
        numbers = self.numbers()
        found = [self.load(seq) for seq in numbers]
        events = [event for event in found if isinstance(event, Event)]
        damaged = (problem for problem in found if isinstance(problem, str))
        return [*damaged, *self._gaps(numbers), *self._broken_links(events)]

    def _gaps(self, numbers: Sequence[int]) -> Iterator[str]:
        for before, after in zip((0, *numbers), numbers, strict=False):
            first, last = (self._storage.where(event_name(seq)) for seq in (before + 1, after - 1))
            if after > before + 1:
                yield f"{first} is missing." if first == last else f"{first} to {last.split('/')[-1]} are missing."


def event_name(seq: int) -> str:
    """Where an event stands.

    >>> event_name(7)
    'journal/00000007.json'
    """
    return f"{FOLDER}/{seq:08d}.json"


@lru_cache(maxsize=1024)
def _parsed(data: bytes) -> Event | str:
    """The event in a file, or what is wrong with it; the same bytes are parsed and hashed once."""
    try:
        record = json.loads(data)
        event, actual = Event.from_dict(record), content_hash(record)
    except (ValueError, TypeError, KeyError) as error:
        return f"is no event ({type(error).__name__}: {error})."
    if event.hash != actual:
        return f"was edited: its content hashes to {actual}, recorded was {event.hash}."
    if canonical(record) != data:
        return "was edited: it says the same in other bytes than an event is written in."
    return event


class _Known:
    """Journals up to some event, by its hash, which speaks for all before it; the ones used last."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, Lock()
        self._events: dict[str, tuple[Event, ...]] = {}

    def get(self, digest: str) -> tuple[Event, ...] | None:
        with self._lock:
            events = self._events.pop(digest, None)
            if events is not None:
                self._events[digest] = events
            return events

    def put(self, digest: str, events: tuple[Event, ...]) -> None:
        with self._lock:
            self._events[digest] = events
            if len(self._events) > self._size:
                del self._events[next(iter(self._events))]


_KNOWN = _Known(16)
