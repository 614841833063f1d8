"""The append-only journal of a model: one numbered file per event, each carrying the hash of the one before.

    journal/00000001.json, 00000002.json, ...   the events
    journal/head.json                            number and hash of the last event, so that a lost tail is noticed

Appending is a compare-and-swap: an event is numbered after the history its decision rested on, and of two writers who
saw the same history one creates the file and the other gets `Conflict`. What the events mean is read in `history`.

The chain shows damage and edits by hand. It holds no secret, so it does not stop somebody who rewrites all of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from retrain_assets.errors import Conflict, IntegrityError
from retrain_assets.registry.disk import canonical, overwrite, sha256, write_new

Action = Literal[
    "bootstrap", "promoted", "rejected", "insufficient", "identical", "rolled_back",
    "approved", "held", "released", "retired", "pruned",
]  # fmt: skip
ACTIONS: tuple[Action, ...] = get_args(Action)
PROMOTIONS: tuple[Action, ...] = ("bootstrap", "promoted")
ATTEMPTS: tuple[Action, ...] = (*PROMOTIONS, "rejected", "insufficient", "identical")
"""What became of a candidate that was judged."""
MOVES: tuple[Action, ...] = (*PROMOTIONS, "rolled_back", "retired")
"""The actions that move the live pointer; after `retired` it names nothing."""
RULINGS: tuple[Action, ...] = ("approved", "held", "released", "retired")
"""What only a person may decide."""


@dataclass(frozen=True)
class GateUse:
    """Rows that decided an attempt: which, for which candidate against which champion, and what came out.

    `start` (included) and `end` (excluded) are ISO 8601 times of the rows.
    """

    period: str
    start: str
    end: str
    rows: int
    rowset_sha256: str
    candidate: str
    champion: str | None
    outcome: Action

    def __post_init__(self) -> None:
        for text in (self.start, self.end):
            if datetime.fromisoformat(text).tzinfo is not None:
                raise ValueError(f"gate rows of {self.period}: {text!r} carries a time zone; times are wall clock")

    def overlaps(self, start: str, end: str) -> bool:
        """Whether some moment lies in both this range and [start, end)."""
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
        return datetime.fromisoformat(self.start) < last and first < datetime.fromisoformat(self.end)


@dataclass(frozen=True)
class Terms:
    """What a person's ruling binds, and how long it stands.

    Args:
        subject: Digest of one candidate or version, None for the whole model.
        until: First moment (wall clock) at which it no longer stands, None for until a person releases it.
    """

    subject: str | None
    until: datetime | None

    def stands(self, at: datetime) -> bool:
        """Whether it has not expired.

        >>> Terms(None, datetime(2026, 3, 1)).stands(datetime(2026, 2, 28)), Terms(None, None).stands(datetime.max)
        (True, True)
        """
        return self.until is None or at < self.until

    def to_dict(self) -> dict[str, Any]:
        """The terms as plain JSON values."""
        return {"subject": self.subject, "until": self.until.isoformat() if self.until else None}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Terms:
        """The inverse of `to_dict`."""
        return cls(**{**record, "until": datetime.fromisoformat(record["until"]) if record["until"] else None})


@dataclass(frozen=True)
class Entry:
    """What somebody decided: who, when, from which live version to which, why, on what evidence.

    `from_*` and `to_*` say where the live pointer stood before and after; an attempt that did not promote leaves them
    equal. `evidence` is the digest of the stored verdict, `gate` the rows that it used; a rollback has neither, and the
    promotion of an approved attempt has no `gate`, for the attempt has spent the rows already.

    `person` says that a person took the decision and not a run; `terms` are those of a ruling (`RULINGS`); `deleted`
    are the digests whose files retention took away (`pruned`). A record without one of these three, as older journals
    hold, has its default, and a default is not written.
    """

    at: datetime
    period: str
    action: Action
    from_version: str | None
    to_version: str | None
    from_digest: str | None
    to_digest: str | None
    actor: str
    reason: str
    evidence: str | None
    gate: GateUse | None
    person: bool = field(default=False, kw_only=True)
    terms: Terms | None = field(default=None, kw_only=True)
    deleted: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if self.action in RULINGS and not (self.person and self.terms):
            raise ValueError(f"{self.action} of {self.period}: only a person decides that, and on terms")
        if self.at.tzinfo is not None:
            raise ValueError(f"at={self.at.isoformat()} carries a time zone; the journal keeps plain wall-clock times")
        if not self.actor.strip() or not self.reason.strip():
            raise ValueError(f"{self.action} of {self.period}: an event names its actor and its reason; one is empty")


@dataclass(frozen=True)
class Event(Entry):
    """An entry in its place in the journal."""

    seq: int
    previous_hash: str
    hash: str

    @classmethod
    def seal(cls, entry: Entry, seq: int, previous_hash: str) -> Event:
        """Number an entry and chain it to the event before."""
        values = {field.name: getattr(entry, field.name) for field in fields(Entry)}
        unsealed = cls(**values, seq=seq, previous_hash=previous_hash, hash="")
        return replace(unsealed, hash=content_hash(unsealed.to_dict()))

    def to_dict(self) -> dict[str, Any]:
        """The event as plain JSON values."""
        record = {**asdict(self), "at": self.at.isoformat(), "deleted": list(self.deleted)}
        record["terms"] = self.terms.to_dict() if self.terms else None
        return {name: value for name, value in record.items() if value or name not in _OPTIONAL}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Event:
        """The inverse of `to_dict`.

        Raises:
            TypeError: A field is missing or unknown.
            ValueError: The time or the action is none.
        """
        if record["action"] not in ACTIONS:
            raise ValueError(f"unknown action {record['action']!r}")
        gate = GateUse(**record["gate"]) if record["gate"] is not None else None
        terms = Terms.from_dict(record["terms"]) if record.get("terms") is not None else None
        read = {"at": datetime.fromisoformat(record["at"]), "gate": gate, "terms": terms}
        return cls(**{**record, **read, "deleted": tuple(record.get("deleted", ()))})


_OPTIONAL = ("person", "terms", "deleted")


def content_hash(record: Mapping[str, Any]) -> str:
    """SHA-256 of everything in an event's record, the previous event's hash included, but its own hash."""
    return sha256(canonical({name: value for name, value in record.items() if name != "hash"}))


class Journal:
    """The events of one model in `folder`."""

    def __init__(self, folder: Path, model: str) -> None:
        self.folder = Path(folder)
        self._origin = sha256(model.encode())

    def events(self) -> tuple[Event, ...]:
        """Every event, oldest first, the whole chain checked.

        Raises:
            IntegrityError: An event is missing, torn or edited, or the tail is lost.
        """
        events, problems = self._scan()
        if problems:
            raise IntegrityError(f"{problems[0]} Restore {self.folder} from a backup; `retrain verify` lists the rest.")
        return events

    def problems(self) -> list[str]:
        """One sentence per broken link of the chain; empty when all is well."""
        return self._scan()[1]

    def append(self, entry: Entry, after: Sequence[Event]) -> Event:
        """Write an entry as the event that follows the history `after`, if nobody else has.

        Raises:
            Conflict: The journal has grown since that history was read.
        """
        event = Event.seal(entry, len(after) + 1, after[-1].hash if after else self._origin)
        path = self._path(event.seq)
        try:
            write_new(path, canonical(event.to_dict()))
        except FileExistsError:
            raise Conflict(
                f"{path}: somebody else wrote event {event.seq} first. Read the live version again, then decide again."
            ) from None
        overwrite(self.folder / "head.json", canonical({"seq": event.seq, "hash": event.hash}))
        return event

    def _path(self, seq: int) -> Path:
        return self.folder / f"{seq:08d}.json"

    def _scan(self) -> tuple[tuple[Event, ...], list[str]]:
        head = self._head()  # before the events: a writer adds the event first, so the head never runs ahead of them
        found = [self._load(seq) for seq in range(1, self._last() + 1)]
        events = tuple(event for event in found if isinstance(event, Event))
        problems = [problem for problem in found if isinstance(problem, str)]
        return events, [*problems, *self._broken_links(events), *self._head_problems(head, events)]

    def _last(self) -> int:
        names = [path.stem for path in self.folder.glob("*.json") if re.fullmatch(r"\d{8}", path.stem)]
        return max(map(int, names), default=0)

    def _load(self, seq: int) -> Event | str:
        path = self._path(seq)
        try:
            record = json.loads(path.read_bytes())
            event, actual = Event.from_dict(record), content_hash(record)
        except FileNotFoundError:
            return f"{path} is missing."
        except (ValueError, TypeError, KeyError) as error:
            return f"{path} is no event ({type(error).__name__}: {error})."
        if event.hash != actual:
            return f"{path} was edited: its content hashes to {actual}, recorded was {event.hash}."
        return event if event.seq == seq else f"{path} holds event {event.seq}."

    def _broken_links(self, events: Sequence[Event]) -> Iterator[str]:
        expected = self._origin
        for number, event in enumerate(events, start=1):
            if event.seq == number and event.previous_hash != expected:
                path = self._path(number)
                yield f"{path} follows an event with hash {event.previous_hash}, the one before it has {expected}."
            expected = event.hash

    def _head(self) -> Mapping[str, Any]:
        try:
            head = json.loads((self.folder / "head.json").read_bytes())
            return {"seq": int(head["seq"]), "hash": str(head["hash"])}
        except FileNotFoundError:
            return {"seq": 0, "hash": self._origin}
        except (ValueError, TypeError, KeyError) as error:
            return {"seq": 0, "hash": f"unreadable: {error}"}

    def _head_problems(self, head: Mapping[str, Any], events: Sequence[Event]) -> Iterator[str]:
        hashes = {0: self._origin, **{event.seq: event.hash for event in events}}
        if hashes.get(head["seq"]) != head["hash"]:
            yield (
                f"{self.folder / 'head.json'} names event {head['seq']} with hash {head['hash']}, the journal "
                f"ends at event {max(hashes)} with hash {hashes[max(hashes)]}."
            )
