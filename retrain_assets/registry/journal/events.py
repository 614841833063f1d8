"""The events of a journal: who decided what, when, from which live version to which, why, on what evidence.

Each event carries a number and the hash of the one before. How they are kept and read is in `chain`, what they mean in
`history`. Order is by number. `at` is what the writer's clock said: a clock that goes backwards is recorded as it was,
and moves no pointer.

The chain shows damage and edits by hand. It holds no secret, so it does not stop somebody who rewrites all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, TypeVar, get_args

from retrain_assets.documents.plain_text import plain
from retrain_assets.registry.storage.disk import canonical, sha256
from retrain_assets.store import Json

Action = Literal[
    "bootstrap", "promoted", "adopted", "passed", "rejected", "insufficient", "identical", "rolled_back",
    "approved", "anchored", "held", "released", "retired", "pruned",
]  # fmt: skip
ACTIONS: tuple[Action, ...] = get_args(Action)
KEPT: Mapping[Action, str] = {
    "rejected": "the candidate failed a check",
    "insufficient": "the evidence could not decide",
    "identical": "the candidate is the same model in other words",
}
"""Why the live version stayed, by how the attempt ended."""
_SPOKEN: Mapping[str, str] = {"bootstrap": "first model", "rolled_back": "rolled back", "insufficient": "undecided"}
PROMOTIONS: tuple[Action, ...] = ("bootstrap", "promoted", "adopted")
"""The actions that put another model in service: a run's by its verdict, or a person's, of one trained elsewhere."""
FIRSTS: tuple[Action, ...] = ("bootstrap", "adopted")
"""The promotions where no version was live before."""
ATTEMPTS: tuple[Action, ...] = (*PROMOTIONS, "rejected", "insufficient", "identical")
"""What became of a candidate that was judged; one that only `passed` waits for its promotion."""
MOVES: tuple[Action, ...] = (*PROMOTIONS, "rolled_back", "retired")
"""The actions that move the live pointer; after `retired` it names nothing."""
RULINGS: tuple[Action, ...] = ("approved", "anchored", "held", "released", "retired")
"""What only a person may decide; the monitor may hold too, which a person alone ends."""
MONITOR = "monitor"
"""In whose name monitoring holds promotions; no person goes by it."""


def spoken(action: str) -> str:
    """An action as a person says it.

    >>> spoken("bootstrap"), spoken("promoted")
    ('first model', 'promoted')
    """
    return _SPOKEN.get(action, action)


def in_short(event: Event) -> str:
    """What a decision did, in two or three words, such as `promoted v2`, `kept v1` or `rolled back v2`."""
    if event.action == "rolled_back":
        return f"rolled back {event.from_version}" if event.withdraws else f"{event.to_version} is live again"
    if event.action in KEPT:
        return f"kept {event.from_version}" if event.from_version else "no model yet"
    if event.action in PROMOTIONS:
        return f"{spoken(event.action)} {event.to_version}"
    return spoken(event.action)


@dataclass(frozen=True)
class GateUse:
    """Rows that decided an attempt: which, for which candidate against which champion, and what came out.

    `start` (included) and `end` (excluded) are ISO 8601 times of the rows. An attempt that is `begun` has not ended.
    """

    period: str
    start: str
    end: str
    rows: int
    rowset_sha256: str
    candidate: str
    champion: str | None
    outcome: Action | Literal["begun"]

    def __post_init__(self) -> None:
        for text in (self.start, self.end):
            if datetime.fromisoformat(text).tzinfo is not None:
                raise ValueError(f"gate rows of {self.period}: {text!r} carries a time zone; times are wall clock")

    @property
    def is_free(self) -> bool:
        """Whether it spends nothing: no version was live that luck could have displaced, and none came of it."""
        return self.champion is None and self.outcome in ("rejected", "insufficient", "begun")

    def overlaps(self, start: str, end: str) -> bool:
        """Whether some moment lies in both this range and [start, end)."""
        own_start, own_end = self.bounds
        return own_start < wall_clock(end) and wall_clock(start) < own_end

    @cached_property
    def bounds(self) -> tuple[datetime, datetime]:
        """Start (included) and end (excluded)."""
        return wall_clock(self.start), wall_clock(self.end)


@lru_cache(maxsize=64)
def wall_clock(text: str) -> datetime:
    """A time in ISO 8601 without its zone, in UTC where it had one, as a source with zones is read.

    >>> wall_clock("2019-06-01T02:00:00+02:00") == wall_clock("2019-06-01")
    True
    """
    moment = datetime.fromisoformat(text)  # kept, for a whole ledger is compared with the same two texts
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


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

    def to_dict(self) -> Json:
        """The terms as plain JSON values."""
        return {"subject": self.subject, "until": self.until.isoformat() if self.until else None}

    @classmethod
    def from_dict(cls, record: Json) -> Terms:
        """The inverse of `to_dict`."""
        return cls(**{**record, "until": datetime.fromisoformat(record["until"]) if record["until"] else None})


@dataclass(frozen=True)
class Entry:
    """What somebody decided: who, when, from which live version to which, why, on what evidence.

    `from_*` and `to_*` say where the live pointer stood before and after; an attempt that did not promote leaves them
    equal. `evidence` is the digest of the stored verdict, `gate` the rows that it used; a rollback has neither, and the
    promotion of an attempt that was written down before (`passed`, or approved) has no `gate`: the rows are spent.

    `person` says that a person took the decision and not a run; `terms` are those of a ruling (`RULINGS`); `deleted`
    are the digests whose files retention took away (`pruned`); `failed_in` is the period that showed why a rollback was
    needed, where it is booked in an earlier one. A record without one of these four, as older journals hold, has its
    default, and a default is not written.
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
    failed_in: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        decides = self.person or (self.action == "held" and self.actor == MONITOR)
        if self.action in RULINGS and not (decides and self.terms):
            raise ValueError(f"{self.action} of {self.period}: only a person decides that, and on terms")
        if self.action == "adopted" and not self.person:
            raise ValueError(f"{self.action} of {self.period}: only a person decides that")
        if self.at.tzinfo is not None:
            raise ValueError(f"at={self.at.isoformat()} carries a time zone; the journal keeps plain wall-clock times")
        if not self.actor.strip() or not self.reason.strip():
            raise ValueError(f"{self.action} of {self.period}: an event names its actor and its reason; one is empty")


class Link(NamedTuple):
    """An event's place in the chain."""

    seq: int
    previous_hash: str
    hash: str

    @classmethod
    def from_dict(cls, record: Json) -> Link:
        """The place of a stored event, without reading the rest of it."""
        return cls(record["seq"], record["previous_hash"], str(record["hash"]))


@dataclass(frozen=True)
class Event(Entry):
    """An entry in its place in the journal."""

    seq: int
    previous_hash: str
    hash: str

    @property
    def failure_period(self) -> str:
        """The period whose rows showed why a rollback was needed: its own, or a later one than it is booked in."""
        return self.failed_in or self.period

    @property
    def withdraws(self) -> bool:
        """Whether it is a rollback that took a version out of service; where none was live, nothing failed."""
        return self.action == "rolled_back" and self.from_version is not None

    @classmethod
    def seal(cls, entry: Entry, seq: int, previous_hash: str) -> Event:
        """Number an entry and chain it to the event before; what it says stands on one line, of signs that show."""
        values = {field.name: getattr(entry, field.name) for field in fields(Entry)}
        values |= {"actor": plain(entry.actor).strip(), "reason": plain(entry.reason).strip()}
        unsealed = cls(**values, seq=seq, previous_hash=previous_hash, hash="")
        return replace(unsealed, hash=content_hash(unsealed.to_dict()))

    def to_dict(self) -> Json:
        """The event as plain JSON values."""
        record = {**asdict(self), "at": self.at.isoformat(), "deleted": list(self.deleted)}
        record["terms"] = self.terms.to_dict() if self.terms else None
        return {name: value for name, value in record.items() if value or name not in _OPTIONAL}

    def to_bytes(self) -> bytes:
        """The event as it stands in its file."""
        return canonical(self.to_dict())

    @classmethod
    def from_dict(cls, record: Json) -> Event:
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

    @classmethod
    def restored(cls, record: Json) -> Event:
        """The event that a record was before, much faster than `from_dict`: unchecked, and the record is used up."""
        if record.keys() != _PLAIN:
            return cls.from_dict(record)
        record["at"] = datetime.fromisoformat(record["at"])
        if record["gate"] is not None:
            record["gate"] = _with_fields(GateUse, record["gate"])
        return _with_fields(cls, record)


_Kind = TypeVar("_Kind")


def _with_fields(kind: type[_Kind], values: Json) -> _Kind:
    made = object.__new__(kind)
    object.__setattr__(made, "__dict__", values)
    return made


_OPTIONAL = ("person", "terms", "deleted", "failed_in")
_PLAIN = {field.name for field in fields(Event) if field.default is MISSING}
"""What every event's record holds; the others add what has a default."""


def content_hash(record: Json) -> str:
    """SHA-256 of everything in an event's record, the previous event's hash included, but its own hash."""
    return sha256(canonical({name: value for name, value in record.items() if name != "hash"}))
