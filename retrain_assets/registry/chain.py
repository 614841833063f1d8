"""The append-only journal of a model: one numbered file per event, each carrying the hash of the one before.

    journal/00000001.json, 00000002.json, ...   the events
    journal/head.json                            number and hash of the last event, so that a lost tail is noticed
    checkpoints/head.json                        the same outside the folder, so that an emptied journal is noticed
    checkpoints/00000100.jsonl, ...              each gathers a hundred events in one file (`checkpoints`)

Appending is a compare-and-swap: an event is numbered after the history its decision rested on, and of two writers who
saw the same history one creates the file and the other gets `Conflict`. What an event says is in `journal`, what the
events mean in `history`.

Only the events decide; heads and checkpoints are derived. The heads are written after their event and put right before
the next, so they are at most one event behind: a head further behind, or ahead, means that files were lost. Without a
second head nothing is claimed of it, so that a journal written before there was one can be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from retrain_assets.errors import Conflict, IntegrityError, StorageError
from retrain_assets.registry.checkpoints import CHECKPOINTS, SPAN, checkpoint_name, pack, unpack
from retrain_assets.registry.disk import canonical, sha256
from retrain_assets.registry.journal import Entry, Event, content_hash
from retrain_assets.registry.storage import Storage

FOLDER = "journal"
HEAD = f"{FOLDER}/head.json"
SECOND_HEAD = f"{CHECKPOINTS}/head.json"


@dataclass(frozen=True)
class Head:
    """The last event that a writer is known to have finished: its number and hash."""

    seq: int
    hash: str


class Journal:
    """The events of one model.

    Reading takes the head, the events since the last checkpoint, each read and checked anew, and what stands before
    them from checkpoints. `problems` reads and checks every event.
    """

    def __init__(self, storage: Storage, model: str) -> None:
        self._storage = storage
        self._origin = sha256(model.encode())

    def events(self) -> tuple[Event, ...]:
        """Every event, oldest first, the chain checked from the last checkpoint on.

        Raises:
            IntegrityError: An event is missing, torn or edited, or the tail is lost.
        """
        heads = self.heads()
        while True:
            try:
                return self._read(*heads)
            except IntegrityError as damage:
                heads, before = self.heads(), heads
                if heads == before:  # else a writer went on meanwhile, and what was read belongs to no one moment
                    folder = self._storage.where(FOLDER)
                    raise IntegrityError(
                        f"{damage} Restore {folder} from a backup; `retrain verify` lists the rest."
                    ) from None

    def append(self, entry: Entry, after: Sequence[Event]) -> Event:
        """Write an entry as the event that follows the history `after`, if nobody else has.

        Raises:
            Conflict: The journal has grown since that history was read.
            StorageError: Nothing was written, or, where the sentence says so, all but what can be made again.
        """
        event = Event.seal(entry, len(after) + 1, after[-1].hash if after else self._origin)
        name = event_name(event.seq)
        try:
            self._storage.create(name, event.to_bytes())
        except FileExistsError:
            if self._storage.read(name) != event.to_bytes():  # else it is this very event, and only the answer was lost
                raise Conflict(
                    f"{self._storage.where(name)}: somebody else wrote event {event.seq} first. Read the live version "
                    "again, then decide again."
                ) from None
        try:
            self.write_head(event)
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
        if self.lagging(events):
            self.write_head(events[-1])
        known = set(self._storage.names(CHECKPOINTS))
        for last in range(SPAN, len(events) + 1, SPAN):
            if checkpoint_name(last).split("/")[-1] not in known:
                self.write_checkpoint(events[last - SPAN : last])

    # ---- what is written

    def head(self) -> Head:
        """What `head.json` says; event 0 where there is none."""
        return self._head_at(HEAD) or Head(0, self._origin)

    def heads(self) -> tuple[Head, Head | None]:
        """Both heads; the second is None where none was written yet. A writer puts the first right before it."""
        second = self._head_at(SECOND_HEAD)
        return self.head(), second

    def lagging(self, events: Sequence[Event]) -> list[str]:
        """The heads that do not name the last of these events, which all hold."""
        heads = zip((HEAD, SECOND_HEAD), self.heads(), strict=True)
        return [name for name, head in heads if events and head != Head(events[-1].seq, events[-1].hash)]

    def _head_at(self, name: str) -> Head | None:
        try:
            head = json.loads(self._storage.read(name))
            return Head(int(head["seq"]), str(head["hash"]))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            return Head(0, f"unreadable: {error}")

    def write_head(self, event: Event) -> None:
        """Name the last event, in the journal's folder and outside it."""
        for name in (HEAD, SECOND_HEAD):
            self._storage.replace(name, canonical({"seq": event.seq, "hash": event.hash}))

    def write_checkpoint(self, events: Sequence[Event]) -> None:
        """Gather `SPAN` events in one file."""
        self._storage.replace(checkpoint_name(events[-1].seq), pack([event.to_dict() for event in events]))

    def checkpoint(self, last: int) -> tuple[Event, ...]:
        """The events that a checkpoint gathers; none where it is missing or damaged."""
        try:
            records = unpack(self._storage.read(checkpoint_name(last)))
        except FileNotFoundError:
            return ()
        return tuple(Event.restored(record) for record in records)

    def load(self, seq: int) -> Event | str:
        """An event, its content checked against its hash, or a sentence that says what is wrong with it."""
        name = event_name(seq)
        try:
            found = _parsed(self._storage.read(name))
        except FileNotFoundError:
            found = "is missing."
        if isinstance(found, Event) and found.seq == seq:
            return found
        return f"{self._storage.where(name)} {found if isinstance(found, str) else f'holds event {found.seq}.'}"

    def last(self) -> int:
        """The highest number among the events' names."""
        names = [name.removesuffix(".json") for name in self._storage.names(FOLDER)]
        return max((int(name) for name in names if re.fullmatch(r"\d{8}", name)), default=0)

    # ---- reading

    def _read(self, head: Head, second: Head | None) -> tuple[Event, ...]:
        last = self._last_from(head)
        first = (last - 1) // SPAN * SPAN + 1 if last else 1
        tail = [self._sound(seq) for seq in range(first, last + 1)]
        for problem in (*self._broken_links(tail), *self._head_problems(head, second, tail)):
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

    # ---- problems

    def stored(self) -> tuple[Event, ...]:
        """Every event that can be read from its own file, oldest first; no checkpoint is believed."""
        found = (self.load(seq) for seq in range(1, self.last() + 1))
        return tuple(event for event in found if isinstance(event, Event))

    def problems(self) -> list[str]:
        """One sentence per missing or damaged event and per broken link; empty when every event holds."""
        head, second = self.heads()
        found = [self.load(seq) for seq in range(1, self.last() + 1)]
        events = [event for event in found if isinstance(event, Event)]
        damaged = [problem for problem in found if isinstance(problem, str)]
        broken = [f"{problem} Restore it from a backup." for problem in (*damaged, *self._broken_links(events))]
        lost = self._lost(max(head, second or head, key=lambda each: each.seq), events)
        return [*broken, *(f"{problem} {lost}" for problem in self._head_problems(head, second, events))]

    def _lost(self, head: Head, events: Sequence[Event]) -> str:
        last = events[-1] if events else None
        if last is None or head.seq > last.seq:
            first = last.seq + 1 if last else 1
            missing = f"events {first} to {head.seq}" if first < head.seq else f"event {first}"
            return f"Restore {missing} from a backup."
        content = canonical({"seq": last.seq, "hash": last.hash}).decode()
        return (
            "Restore it from a backup. Only if the run history shows that no later event was written, put there: "
            f"{content}"
        )

    def _head_problems(self, head: Head, second: Head | None, events: Sequence[Event]) -> Iterator[str]:
        """What is wrong with the first head that does not fit the events."""
        last, before = (events[-1].seq, events[-1].previous_hash) if events else (0, "")
        digest = events[-1].hash if events else self._origin
        for name, named in ((HEAD, head), (SECOND_HEAD, second or head)):
            if (named.seq, named.hash) not in ((last, digest), (last - 1, before)):
                ends = (
                    f"the journal ends at event {last} with hash {digest}" if events else "the journal holds no event"
                )
                yield f"{self._storage.where(name)} names event {named.seq} with hash {named.hash}, {ends}."
                return

    def derived_problems(self, events: Sequence[Event]) -> list[str]:
        """One sentence per file that an interrupted write left behind the events, or that differs from them."""
        mend = "`retrain verify --repair` writes it anew."
        found = []
        for name in self.lagging(events):
            path, last = self._storage.where(name), events[-1].seq
            found.append(f"{path} does not name event {last}, the last one: a write was interrupted. {mend}")
        for number in range(SPAN, len(events) + 1, SPAN):
            if self.checkpoint(number) != tuple(events[number - SPAN : number]):
                found.append(f"{self._storage.where(checkpoint_name(number))} is missing or differs. {mend}")
        return found


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
