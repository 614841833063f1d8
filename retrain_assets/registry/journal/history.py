"""What the events of a journal mean: versions, the live one, the one that served then, and which gate rows are spent.

Pure functions of a sequence of events; nothing here reads or writes a file. The live pointer is not stored anywhere: it
is where the last event that moved it put it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from retrain_assets.registry.journal.events import FIRSTS, PROMOTIONS, Event, GateUse
from retrain_assets.registry.journal.totals import Facts, facts_of
from retrain_assets.registry.journal.totals import subject as _subject

FALLBACK = "v0"
"""The name of the trivial baseline that stands behind the first model."""


@dataclass(frozen=True)
class Version:
    """A model that was live at some time.

    Args:
        number: 1 for the first version promoted, then counting up, never reused; 0 for the fallback.
        digest: Of its folder.
        period: Period whose decision promoted it.
        at: When that decision was taken.
        quarantined: It was rolled back and may not return.
    """

    number: int
    digest: str
    period: str
    at: datetime
    quarantined: bool = False

    @property
    def name(self) -> str:
        """The number as people write it.

        >>> Version(3, "9f" * 32, "2019-04", datetime(2019, 5, 2)).name
        'v3'
        """
        return f"v{self.number}"


@dataclass(frozen=True)
class History:
    """A journal's events, oldest first, and what follows from them."""

    events: Sequence[Event]

    @cached_property
    def _facts(self) -> Facts:
        return facts_of(self.events)

    @property
    def moves(self) -> Sequence[Event]:
        """The events that moved the live pointer."""
        return self._facts.moves

    @property
    def live(self) -> Version | None:
        """The version in service, None before the first promotion."""
        return self._after(self.moves)

    @property
    def stays(self) -> str:
        """What a refusal ends with: the version that stays live."""
        return f"The live version stays {self.live.name}." if self.live else "No version is live."

    def served_at(self, moment: datetime) -> Version | None:
        """The version that was live at a moment."""
        return self._after([move for move in self.moves if move.at <= moment])

    def served_in(self, period: str) -> Version | None:
        """The version in charge of a period: the one that the last decision of an earlier period put in service."""
        return self._after([move for move in self.moves if move.period < period])

    def _after(self, moves: Sequence[Event]) -> Version | None:
        return self._by_digest[moves[-1].to_digest] if moves and moves[-1].to_digest else None

    @cached_property
    def _by_digest(self) -> dict[str, Version]:
        return {version.digest: version for version in (*self.fallback, *self.versions)}

    @cached_property
    def fallback(self) -> tuple[Version, ...]:
        """The trivial baseline as a version, once a rollback went to it because nothing had served before."""
        used = next((move for move in self.moves if move.to_version == FALLBACK), None)
        if used is None:
            return ()
        digest = str(used.to_digest)
        return (Version(0, digest, used.period, used.at, digest in self.quarantined),)

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """Every version that was ever promoted, by number."""
        promoted = {str(event.to_digest): event for event in self.moves if event.action in PROMOTIONS}
        return tuple(
            Version(number, digest, event.period, event.at, digest in self.quarantined)
            for number, (digest, event) in enumerate(promoted.items(), start=1)
        )

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of the promoted versions by their digest."""
        return {version.digest: version.name for version in self.versions}

    @cached_property
    def quarantined(self) -> frozenset[str]:
        """Digests of the versions that were rolled back."""
        left = (event.from_digest for event in self.moves if event.action == "rolled_back")
        return frozenset(digest for digest in left if digest)

    @property
    def served_before(self) -> tuple[Version, ...]:
        """The versions that a rollback may return to, the one that served last first."""
        barred = {*self.quarantined, *self.pruned, *(move.to_digest for move in self.moves[-1:])}
        digests = dict.fromkeys(move.to_digest for move in reversed(self.moves) if move.to_digest)
        return tuple(self._by_digest[digest] for digest in digests if digest not in barred)

    @property
    def spent(self) -> Sequence[GateUse]:
        """The ledger: which rows decided which attempt, promoted or not."""
        return self._facts.spent

    def spent_on(self, start: str, end: str, own: str, first: bool = False) -> GateUse | None:
        """Rows in [start, end) that decided another attempt than that of the verdict `own`; None for none.

        For a `first` model earlier attempts without a live version have spent nothing.
        """
        return self._facts.by_time.overlapping(start, end, own, first)

    def promoted(self, attempt: Event) -> bool:
        """Whether the verdict of an attempt has moved the live pointer, then or later."""
        return any(event.action in PROMOTIONS and event.evidence == attempt.evidence for event in self.moves)

    def attempt(self, verdict_digest: str) -> Event | None:
        """The event that a verdict led to when it was reached, None when it has led to none yet."""
        return self._facts.attempts.get(verdict_digest)

    # ---- what a person decided, and what is left of it

    @property
    def rulings(self) -> tuple[Event, ...]:
        """Approvals, holds and retirements that no person has released, oldest first, expired ones included.

        A ruling stands from its place in the journal on, whatever the clock says; a clock that goes backwards, or a
        replay of the past, does not undo it.
        """
        return tuple(self._facts.rulings)

    def held(self, at: datetime, digest: str | None = None, *, deciding: str | None = None) -> Event | None:
        """The hold in force on the whole model, or on this candidate or version; None when automation may move.

        A monitor's hold stops promotions only, and only those decided as of its period (`deciding`) or a later one.
        """
        subjects = {None, digest}
        holds = (past for past in self.rulings if past.action == "held" and _subject(past) in subjects)
        return next((hold for hold in holds if _stands(hold, at) and _binds(hold, deciding)), None)

    def held_for(self, period: str) -> Event | None:
        """The hold that monitoring put on the whole model for a period, released since or not."""
        holds = (event for event in self.events if event.action == "held" and not event.person)
        return next((hold for hold in holds if hold.period == period), None)

    def approval(self, verdict_digest: str, at: datetime) -> Event | None:
        """The approval in force of exactly this verdict."""
        approvals = (past for past in self.rulings if past.action == "approved" and past.evidence == verdict_digest)
        return next((approval for approval in approvals if _stands(approval, at)), None)

    @property
    def anchor(self) -> Version | None:
        """The version that later ones may not be worse than by a margin: the last one that a person made the anchor.

        Without such a ruling it is the first version since the model last had none.
        """
        named = [past for past in self.rulings if past.action == "anchored"]
        first = [move for move in self.moves if move.action in FIRSTS]
        last = named[-1] if named else None
        if last is not None and (not first or last.seq > first[-1].seq):
            return self._by_digest.get(str(_subject(last)))
        return self._by_digest.get(str(first[-1].to_digest)) if first else None

    @property
    def retired(self) -> Event | None:
        """The retirement of the whole model, None while it is in use or after a person released it."""
        return next((past for past in self.rulings if past.action == "retired"), None)

    @property
    def chosen(self) -> Event | None:
        """The rollback by which a person put the live version in service; None when a run did, or it was released."""
        last = self.moves[-1] if self.moves else None
        if last is None or last.action != "rolled_back" or not last.person:
            return None
        later = (event for event in self.events[last.seq :] if event.action == "released")
        return None if any(_subject(event) in (None, last.to_digest) for event in later) else last

    @property
    def last_rollback(self) -> Event | None:
        """The newest rollback that took a version out of service, None when there was none."""
        return next((event for event in reversed(self.moves) if event.withdraws), None)

    @property
    def pruned(self) -> Mapping[str, Event]:
        """Digests whose files retention has deleted, with the event that says so.

        A candidate that was trained and judged again afterwards is there again.
        """
        return self._facts.pruned

    def promotion_of(self, version: Version) -> Event:
        """The event that last promoted a version; the fallback answers for what the first model promised."""
        if version.name == FALLBACK:
            return next(event for event in self.moves if event.action in PROMOTIONS)
        return next(e for e in reversed(self.moves) if e.action in PROMOTIONS and e.to_digest == version.digest)


def _binds(hold: Event, deciding: str | None) -> bool:
    return hold.person or (deciding is not None and hold.period <= deciding)


def _stands(ruling: Event, at: datetime) -> bool:
    return ruling.terms is not None and ruling.terms.stands(at)
