"""What a model's registry holds and what its journal says: reading only, nothing here writes.

    <root>/<model>/versions/<digest>/       one folder per candidate ever offered (`folders`)
    <root>/<model>/verdicts/<digest>.json   the verdicts that events quote (`evidence`)
    <root>/<model>/journal/                 what was decided (`chain`, read by `history`)
    <root>/<model>/checkpoints/             the journal in larger pieces, derived (`checkpoints`)
    <root>/<model>/claims/, begun/          gate rows that are being judged (`claims`)
    <root>/<model>/signatures/              of events and versions, where a key is set (`signatures`)
    <root>/<model>/aside/                   what `repair` took out of the way
    <root>/<model>/*.lock                   held during a write, released by a crash

The files are kept by a `Storage`, by default the local directory above.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Self

from retrain_assets.errors import IntegrityError, NotFound
from retrain_assets.registry.integrity.outer_traces import outer_traces
from retrain_assets.registry.journal.chain import Journal
from retrain_assets.registry.journal.claims import Claims, same_attempt, unended
from retrain_assets.registry.journal.events import PROMOTIONS, Event, GateUse
from retrain_assets.registry.journal.heads import Head, head_of
from retrain_assets.registry.journal.history import FALLBACK, History, Version
from retrain_assets.registry.journal.verdict_files import VerdictFiles
from retrain_assets.registry.storage.disk import LocalStorage
from retrain_assets.registry.storage.protocol import Storage
from retrain_assets.registry.storage.signatures import Signatures
from retrain_assets.registry.storage.version_folders import VersionFolders
from retrain_assets.verdict import Verdict


class Records:
    """Versions, history and evidence of `model` under `root`, as they are on the disk now."""

    def __init__(self, root: Path, model: str, storage: Storage | None = None) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", model):
            raise ValueError(f"{model!r} is no model name: write lower-case letters, digits and _, a letter first")
        self.model = model
        self.folder = Path(root) / model
        self._storage = storage or LocalStorage(self.folder)
        self._folders = VersionFolders(self._storage, model)
        self._journal = Journal(self._storage, model)
        self._claims = Claims(self._storage)
        self._evidence = VerdictFiles(self._storage)
        self._signatures = Signatures(self._storage, model)
        self._last_history = History(())
        self._pinned: History | None = None

    def snapshot(self, until: str | None = None) -> Self:
        """The same registry, its journal as it stands now: whatever is asked is answered as of one moment, read once.

        What is written through it reads the journal anew.

        Args:
            until: The last period whose events count; by default all do.
        """
        pinned, history = copy(self), self._history()
        later = until is not None and any(event.period > until for event in history.events)
        pinned._pinned = History([e for e in history.events if e.period <= str(until)]) if later else history
        return pinned

    def before(self, event: Event) -> Self:
        """The same registry, its journal as it stood before an event."""
        pinned = copy(self)
        pinned._pinned = History(self._history().events[: event.seq - 1])
        return pinned

    # ---- versions

    def read(self, digest: str) -> Mapping[str, bytes]:
        """The files of a version or candidate, every byte checked against the digest.

        Raises:
            NotFound: No such version, or retention deleted its files.
            IntegrityError: A file is missing or its bytes changed; the message names file and both digests.
        """
        if not self._folders.has(digest):
            self._say_if_pruned(digest)
        return self._folders.read(digest)

    def stored(self) -> tuple[str, ...]:
        """The digest of every version and candidate whose files are there."""
        return self._folders.digests()

    def _say_if_pruned(self, digest: str) -> None:
        event = self._history().pruned.get(digest)
        if event is not None:
            raise NotFound(
                f"{self.model}: the files of {digest[:12]} were deleted by retention as of {event.period}. Its verdict "
                "and its history stay: see `retrain explain`. Restore the folder from a backup to use it again."
            )

    # ---- what is and what was

    def live(self) -> Version | None:
        """The version in service, None before the first promotion."""
        return self._history().live

    def history(self) -> tuple[Event, ...]:
        """Every event, oldest first, the hash chain checked."""
        return tuple(self._history().events)

    def forgotten(self) -> str | None:
        """What in the home speaks of a history where the journal holds none; None where nothing does."""
        return None if self._history().events else next(outer_traces(self.folder.parent.parent, self.model), None)

    def head(self) -> Head | None:
        """Number and hash of the last event, to be kept where the registry is not; None before the first event."""
        return head_of(self.history())

    def mark(self) -> tuple[Head, int]:
        """What differs after every further event: cheap enough to be asked twice a second (`Journal.mark`)."""
        return self._journal.mark()

    def versions(self) -> tuple[Version, ...]:
        """Every version that was ever promoted, by number."""
        return self._history().versions

    def served_at(self, moment: datetime) -> Version | None:
        """The version that was live at a moment (wall clock)."""
        return self._history().served_at(moment)

    def served_in(self, period: str) -> Version | None:
        """The version in charge of a period: the one that the last decision of an earlier period put in service.

        Read by period and not by clock, so that a replay of three years in two minutes, a catch-up after an outage and
        daily operation all score the same rows with the same version.
        """
        return self._history().served_in(period)

    def spent(self) -> tuple[GateUse, ...]:
        """The ledger: the gate rows of every attempt, promoted or not, oldest first, then of those being judged."""
        begun = self._claims.uses()
        ended = self._history().spent
        return (*ended, *unended(begun, ended))

    def judged(self, use: GateUse, policy_sha256: str) -> Verdict | None:
        """The verdict in the journal on these rows, for this candidate against this champion, under these rules."""
        attempts = (event for event in reversed(self.history()) if event.gate and same_attempt(event.gate, use))
        verdicts = (self.evidence(attempt) for attempt in attempts)
        return next((verdict for verdict in verdicts if verdict.policy_sha256 == policy_sha256), None)

    def settled(self, period: str, candidate: str) -> Verdict | None:
        """The verdict on which the live version was promoted, where that was this period's decision on this candidate.

        Asked again, as after a kill that left only the promotion, the answer is that verdict and not another attempt.
        """
        last = self._history().moves[-1:]
        if not last or last[0].period != period or last[0].action not in PROMOTIONS:
            return None
        verdict = self.evidence(last[0])
        return verdict if verdict.candidate_digest == candidate else None

    def signed(self) -> int:
        """How many signatures of events and versions are stored."""
        return self._signatures.count()

    def deleted(self) -> frozenset[str]:
        """Digests whose files retention has deleted."""
        return frozenset(digest for digest in self._history().pruned if not self._folders.has(digest))

    def verdict(self, version: Version) -> Verdict:
        """The verdict that last promoted a version, checked against its digest.

        Raises:
            IntegrityError: The stored verdict is missing or changed.
        """
        return self.evidence(self._history().promotion_of(version))

    def evidence(self, event: Event) -> Verdict:
        """The verdict that an event rests on.

        Raises:
            NotFound: The event has none (a rollback).
            IntegrityError: The stored verdict is missing or changed.
        """
        if event.evidence is None:
            raise NotFound(f"{self.model}: event {event.seq} ({event.action}) rests on no verdict: {event.reason}")
        return self._evidence.read(event.evidence, event.seq)

    def rollback_target(self, to: str | None = None) -> Version:
        """Where a rollback would go now.

        Raises:
            NotFound: There is nothing to return to.
        """
        return self._target(self._history(), to)

    def rollback_targets(self) -> tuple[Version, ...]:
        """Every version that a rollback may go to, the one served last first, the fallback last."""
        return self._targets(self._history())

    def way_back(self) -> str:
        """The commands that put a version back in service, where none is live; empty where none can come back."""
        history = self._history()
        if history.live or not history.moves:
            return ""
        try:
            target = self._target(history, None).name
        except (NotFound, IntegrityError):
            return ""
        lets = f"`retrain release {self.model} --reason TEXT` and then " if history.retired else ""
        to = f" --to {FALLBACK}" if target == FALLBACK else ""
        return f"{lets}`retrain rollback {self.model}{to} --reason TEXT` puts {target} back"

    # ---- what follows from the journal

    def _history(self) -> History:
        return self._pinned or self._current()

    def _current(self) -> History:
        events = self._journal.events()
        if events is not self._last_history.events:  # what follows from thousands of events is worked out once
            self._last_history = History(events)
        return self._last_history

    def _target(self, history: History, to: str | None) -> Version:
        choices = self._targets(history)
        target = next((version for version in choices if to in (None, version.name)), None)
        if target is None:
            live = history.live.name if history.live else "nothing"
            names = ", ".join(version.name for version in choices) or "none"
            raise NotFound(
                f"{self.model}: live is {live}; versions served before and not rolled back: {names}"
                f"{f', not {to}' if to else ''}. Retrain to get another version."
            )
        return target

    def _targets(self, history: History) -> tuple[Version, ...]:
        served = history.served_before
        try:
            behind = self._fallback(history)
        except IntegrityError:  # the verdict that names the fallback is damaged, which bars no other version
            if not served:
                raise
            behind = ()
        barred = history.quarantined | {version.digest for version in served}
        return (*served, *(version for version in behind if version.digest not in barred))

    def _fallback(self, history: History) -> tuple[Version, ...]:
        """The trivial baseline stored with the first model's verdict, unless it is live already."""
        first = next((event for event in history.events if event.action in PROMOTIONS), None)
        digest = self.evidence(first).fallback if first else None
        if first is None or digest is None or (history.live and history.live.digest == digest):
            return ()
        return (Version(0, digest, first.period, first.at),)
