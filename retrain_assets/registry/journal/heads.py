"""The heads of a journal: two small files that name its last event, so that a lost tail is noticed.

    journal/head.json        {"hash": ..., "seq": ...}
    checkpoints/head.json    the same outside the journal's folder, so that an emptied folder is noticed

They are derived. Both are written after their event and put right before the next, so each is at most one event behind:
one further behind, or ahead, means that files were lost or mixed. One that is lost or torn is written anew from the
other (`repair`) where that one agrees with an unbroken chain; one that contradicts the chain is evidence, and is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from retrain_assets.errors import IntegrityError
from retrain_assets.registry.journal.checkpoints import CHECKPOINTS
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.storage.disk import canonical
from retrain_assets.registry.storage.protocol import Storage

HEAD = "journal/head.json"
SECOND_HEAD = f"{CHECKPOINTS}/head.json"
HEADS = (HEAD, SECOND_HEAD)
UNREADABLE = -1
"""The number in a head whose file is torn."""


@dataclass(frozen=True)
class Head:
    """The last event that a writer is known to have finished: its number and hash."""

    seq: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> Head:
        """A head as `str` writes it and run records show it, where a gap may stand in the hash.

        Raises:
            ValueError: It is written otherwise.

        >>> str(Head.parse("12:" + "9f" * 16 + " " + "9f" * 16)) == "12:" + "9f" * 32
        True
        >>> Head.parse("12")
        Traceback (most recent call last):
        ValueError: '12' names no event: write its number, a colon and its hash of 64 digits, as model_status \
shows them
        """
        written = "".join(text.split())
        if not re.fullmatch(r"\d+:[0-9a-f]{64}", written):
            raise ValueError(
                f"{text!r} names no event: write its number, a colon and its hash of 64 digits, as model_status "
                "shows them"
            )
        seq, digest = written.split(":")
        return cls(int(seq), digest)

    @classmethod
    def from_json(cls, text: bytes) -> Head:
        """A head as it is stored; the inverse of `to_json`.

        Raises:
            ValueError, TypeError, KeyError: It is none.
        """
        record = json.loads(text)
        return cls(int(record["seq"]), str(record["hash"]))

    def to_json(self) -> bytes:
        """As it is stored."""
        return canonical({"seq": self.seq, "hash": self.hash})

    def __str__(self) -> str:
        """The number, a colon, and the hash."""
        return f"{self.seq}:{self.hash}"


def head_of(events: Sequence[Event]) -> Head | None:
    """Number and hash of the last event; None where there is none."""
    return Head(events[-1].seq, events[-1].hash) if events else None


class Heads:
    """Both heads of one journal; `origin` is the hash that its first event follows."""

    def __init__(self, storage: Storage, origin: str) -> None:
        self._storage = storage
        self._origin = Head(0, origin)

    def read(self) -> tuple[Head, Head | None]:
        """What both say; the second is None where there is none, as before the first event or in an older journal."""
        second = self._at(SECOND_HEAD)  # first, for a writer puts it right last
        return self._at(HEAD) or self._origin, second

    def write(self, event: Event) -> None:
        """Name the last event in both."""
        self.put(Head(event.seq, event.hash))

    def put(self, head: Head) -> None:
        """Write both."""
        for name in HEADS:
            self._storage.replace(name, head.to_json())

    def lagging(self, events: Sequence[Event]) -> list[str]:
        """The heads that do not name the last of these events, which all hold."""
        return [name for name, head in zip(HEADS, self.read(), strict=True) if events and head != head_of(events)]

    def problem(self, heads: tuple[Head, Head | None], events: Sequence[Event]) -> str | None:
        """What is wrong with the first head that does not fit the last of these events; None when both do."""
        last = head_of(events) or self._origin
        ends = f"the journal ends at event {last.seq} with hash {last.hash}" if events else "the journal holds no event"
        for name, head in zip(HEADS, (heads[0], heads[1] or heads[0]), strict=True):
            if not self._fits(head, events):
                says = f"names event {head.seq} with hash {head.hash}" if head.seq != UNREADABLE else head.hash
                return f"{self._storage.where(name)} {says}, {ends}."
        return None

    def surviving(self, events: Sequence[Event]) -> Head | None:
        """The head from which a lost, torn or stale one can be written anew; None where nothing vouches for the end.

        Args:
            events: Every event, an unbroken chain.
        """
        heads = [self._at(name) for name in HEADS]
        fitting = [head for head in heads if head is not None and self._fits(head, events)]
        rest = [head for head in heads if head is not None and head not in fitting]
        return fitting[0] if fitting and all(self._is_past(head, events) for head in rest) else None

    def claims_more(self, events: Sequence[Event]) -> bool:
        """Whether a head names a later event than the last, which is then lost."""
        return any(head is not None and head.seq > len(events) for head in map(self._at, HEADS))

    def _fits(self, head: Head, events: Sequence[Event]) -> bool:
        if not events:
            return head == self._origin
        return head in (head_of(events), Head(events[-1].seq - 1, events[-1].previous_hash))

    def _is_past(self, head: Head, events: Sequence[Event]) -> bool:
        return head.seq == UNREADABLE or self._is_in(head, events)

    def _is_in(self, head: Head, events: Sequence[Event]) -> bool:
        if head.seq <= 0:
            return head == self._origin
        return head.seq <= len(events) and events[head.seq - 1].hash == head.hash

    def _at(self, name: str) -> Head | None:
        try:
            return Head.from_json(self._storage.read(name))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            return Head(UNREADABLE, f"is unreadable ({type(error).__name__}: {error})")
        except IntegrityError as damage:
            return Head(UNREADABLE, f"is unreadable ({damage})")
