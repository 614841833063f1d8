"""The registry of one model: the authority on which version is live, and the only place that moves the pointer.

    <root>/<model>/versions/<digest>/       one folder per candidate ever offered (`folders`)
    <root>/<model>/verdicts/<digest>.json   the evidence that events quote
    <root>/<model>/journal/                 what was decided (`journal`, read by `history`)
    <root>/<model>/*.lock                   held during a write, released by a crash

A move reads the journal, asks the rules (`rules`), and appends one event. Times, periods and actors come from the
caller; nothing here knows what a model is or how it was judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from retrain_assets.errors import Conflict, IntegrityError, NotFound, RegistryError
from retrain_assets.registry.disk import exclusive, sha256, sweep, write_new
from retrain_assets.registry.folders import VersionFolders
from retrain_assets.registry.history import History, Version
from retrain_assets.registry.journal import PROMOTIONS, Action, Entry, Event, GateUse, Journal
from retrain_assets.registry.rules import (
    ENDINGS,
    decision_of,
    gate_use,
    reason_of,
    refuse_foreign,
    refuse_unless_promotable,
)
from retrain_assets.verdict import Decision, Verdict

__all__ = ["Event", "GateUse", "Registry", "Version"]


class Registry:
    """Versions, history and live pointer of `model` under `root`; nothing is created before the first write.

    >>> import tempfile
    >>> registry = Registry(Path(tempfile.mkdtemp()), "taxi_charge")
    >>> digest = registry.add({"model.bst": b"tree"})
    >>> registry.read(digest)
    {'model.bst': b'tree'}
    >>> registry.live() is None, registry.verify()
    (True, [])
    """

    def __init__(self, root: Path, model: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", model):
            raise ValueError(f"{model!r} is no model name: write lower-case letters, digits and _, a letter first")
        self.model = model
        self.folder = Path(root) / model
        self._folders = VersionFolders(self.folder / "versions")
        self._journal = Journal(self.folder / "journal", model)

    # ---- versions

    def add(self, files: Mapping[str, bytes]) -> str:
        """Store a candidate's files for good and return their digest; adding the same files again changes nothing."""
        return self._folders.add(files)

    def read(self, digest: str) -> Mapping[str, bytes]:
        """The files of a version or candidate, every byte checked against the digest.

        Raises:
            NotFound: No such version.
            IntegrityError: A file is missing or its bytes changed; the message names file and both digests.
        """
        return self._folders.read(digest)

    # ---- what is and what was

    def live(self) -> Version | None:
        """The version in service, None before the first promotion."""
        return self._history().live

    def history(self) -> tuple[Event, ...]:
        """Every event, oldest first, the hash chain checked."""
        return self._journal.events()

    def versions(self) -> tuple[Version, ...]:
        """Every version that was ever promoted, by number."""
        return self._history().versions

    def served_at(self, moment: datetime) -> Version | None:
        """The version that was live at a moment (wall clock)."""
        return self._history().served_at(moment)

    def served_in(self, period: str) -> Version | None:
        """The version in charge of a period: the one that the last decision of an earlier period put in service."""
        return self._history().served_in(period)

    def spent(self) -> tuple[GateUse, ...]:
        """The ledger: the gate rows of every attempt, promoted or not, oldest first."""
        return self._history().spent

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
        path = self._verdict_path(event.evidence)
        data = path.read_bytes() if path.exists() else b""
        if sha256(data) != event.evidence:
            raise IntegrityError(
                f"{path} has digest {sha256(data)}, event {event.seq} recorded {event.evidence}. "
                "Restore it from a backup."
            )
        return Verdict.from_json(data.decode())

    def rollback_target(self, to: str | None = None) -> Version:
        """Where a rollback would go now.

        Raises:
            NotFound: There is nothing to return to.
        """
        return self._target(self._history(), to)

    # ---- moves

    def promote(
        self, verdict: Verdict, expected_live: str | None, *, policy_sha256: str, at: datetime, actor: str
    ) -> Event:
        """Make the verdict's candidate the live version, or refuse.

        Promoting again what the same verdict made live changes nothing and returns the earlier event.

        Args:
            verdict: The evidence; its decision is recomputed from the findings.
            expected_live: Digest of the version that the caller believes live, None for none.
            policy_sha256: Of the rules in force; a verdict reached by others is stale.
            at: Now, wall clock.
            actor: Who asks: a person or a run.

        Raises:
            NotPromotable: The verdict does not allow it; the subclass and the sentence say why.
            IntegrityError: The candidate's stored bytes, or the journal, are damaged.
            Conflict: Somebody else moved the pointer at this moment.
        """
        with self._writing() as history:
            refuse_foreign(verdict, self.model, self._folders.has)
            earlier = history.attempt(verdict.digest)
            if earlier and earlier.action in PROMOTIONS and earlier == history.moves[-1]:
                return earlier
            refuse_unless_promotable(verdict, history, expected_live=expected_live, policy_sha256=policy_sha256)
            self._folders.read(verdict.candidate_digest)
            action: Action = "promoted" if history.live else "bootstrap"
            return self._attempt(verdict, action, self._named(history, verdict.candidate_digest), history, at, actor)

    def record(self, verdict: Verdict, *, at: datetime, actor: str) -> Event:
        """Write down an attempt that did not promote; its gate rows are spent too.

        Recording the same verdict again changes nothing and returns the earlier event.

        Raises:
            WrongCandidate: The verdict is about another model, or a candidate that is not in the store.
            RegistryError: The verdict passed, so it is for `promote`.
        """
        with self._writing() as history:
            refuse_foreign(verdict, self.model, self._folders.has)
            earlier = history.attempt(verdict.digest)
            if earlier:
                return earlier
            decision = decision_of(verdict)
            if decision is Decision.PROMOTE:
                raise RegistryError(
                    f"{self.model} {verdict.period}: the verdict passed. Promote it; only attempts that did not pass "
                    "are recorded without a move."
                )
            return self._attempt(verdict, ENDINGS[decision], _pointer(history), history, at, actor)

    def rollback(
        self,
        *,
        reason: str,
        at: datetime,
        actor: str,
        period: str,
        probe: Callable[[Mapping[str, bytes]], None],
        expected_live: str | None = None,
        to: str | None = None,
    ) -> Event:
        """Return to the version served before, and quarantine the one that is left.

        Where none served before, the target is the fallback that the first model's verdict names (`v0`).

        The target's bytes are checked and `probe` must load and score it before the pointer moves. Without
        `expected_live` a repeated call goes back a further version.

        Args:
            reason: Why; kept for good.
            at: Now, wall clock.
            actor: Who asks.
            period: Period whose evidence, or end, this follows; never earlier than the live version's decision.
            probe: Raises when the model in these files does not load or does not score.
            expected_live: Digest of the version that is to be left, None for whichever is live.
            to: Name of an earlier version (`v2`) to return to, None for the last one served before.

        Raises:
            NotFound: There is nothing to return to.
            IntegrityError: The target's stored bytes are damaged.
            Conflict: Another version than `expected_live` is live.
        """
        with self._writing() as history:
            live = history.live
            if live and expected_live not in (None, live.digest):
                raise Conflict(
                    f"{self.model}: live is {live.name} ({live.digest[:12]}), the rollback was meant for "
                    f"{str(expected_live)[:12]}. Look at `retrain status`, then decide again."
                )
            target = self._target(history, to)
            probe(self._folders.read(target.digest))
            pointer = (target.name, target.digest)
            period = max(period, history.moves[-1].period)
            return self._append(history, "rolled_back", pointer, period, at, actor, reason)

    # ---- integrity

    def verify(self) -> list[str]:
        """Every problem, one sentence each, with digests, hash chain, pointer and evidence; empty when all is well."""
        stored, chained = self._folders.problems(), self._journal.problems()
        if chained:
            return [*stored, *chained]
        history = self._history()
        return [*stored, *self._pointer_problems(history), *self._evidence_problems(history)]

    def _pointer_problems(self, history: History) -> Iterator[str]:
        pointer: tuple[str | None, str | None] = (None, None)
        versions = (*history.fallback, *history.versions)
        names = {version.digest: version.name for version in versions}
        for event in history.events:
            where = f"{self.model}: event {event.seq} ({event.action})"
            if (event.from_version, event.from_digest) != pointer:
                yield f"{where} starts from {event.from_version}, live was {pointer[0]}."
            if event not in history.moves and event.to_digest != event.from_digest:
                yield f"{where} moved the pointer to {event.to_version}."
            if event in history.moves and names.get(str(event.to_digest)) != event.to_version:
                yield f"{where} calls {str(event.to_digest)[:12]} {event.to_version}, which is another version's name."
            pointer = (event.to_version, event.to_digest)
        for version in versions:
            if not self._folders.has(version.digest):
                state = "live" if version == history.live else "once live"
                yield f"{self.model}: {version.name} ({state}) has no folder {version.digest}. Restore it."

    def _evidence_problems(self, history: History) -> Iterator[str]:
        for event in history.events:
            if event.evidence is None:
                continue
            try:
                decision = decision_of(self.evidence(event))
            except IntegrityError as damage:
                yield str(damage)
                continue
            if (decision is Decision.PROMOTE) != (event.action in PROMOTIONS):
                yield f"{self.model}: event {event.seq} is {event.action}, its verdict says {decision.value}."

    # ---- writing

    @contextmanager
    def _writing(self) -> Iterator[History]:
        with exclusive(self.folder / "journal.lock"):
            history = self._history()
            sweep(self._journal.folder)
            sweep(self.folder / "verdicts")
            yield history

    def _history(self) -> History:
        return History(self._journal.events())

    def _named(self, history: History, digest: str) -> tuple[str, str]:
        names = {version.digest: version.name for version in history.versions}
        return names.get(digest, f"v{len(names) + 1}"), digest

    def _target(self, history: History, to: str | None) -> Version:
        choices = history.served_before or self._fallback(history)
        target = next((version for version in choices if to in (None, version.name)), None)
        if target is None:
            live = history.live.name if history.live else "nothing"
            names = ", ".join(version.name for version in choices) or "none"
            raise NotFound(
                f"{self.model}: live is {live}; versions served before and not rolled back: {names}"
                f"{f', not {to}' if to else ''}. Retrain to get another version."
            )
        return target

    def _fallback(self, history: History) -> tuple[Version, ...]:
        """The trivial baseline stored with the first model's verdict, unless it is live already."""
        first = next((event for event in history.events if event.action in PROMOTIONS), None)
        digest = self.evidence(first).evidence.get("fallback") if first else None
        if first is None or digest is None or (history.live and history.live.digest == digest):
            return ()
        return (Version(0, str(digest), first.period, first.at),)

    def _attempt(
        self,
        verdict: Verdict,
        action: Action,
        pointer: tuple[str | None, str | None],
        history: History,
        at: datetime,
        actor: str,
    ) -> Event:
        self._keep(verdict)
        reason, gate = reason_of(verdict), gate_use(verdict, action)
        return self._append(history, action, pointer, verdict.period, at, actor, reason, verdict.digest, gate)

    def _append(
        self,
        history: History,
        action: Action,
        pointer: tuple[str | None, str | None],
        period: str,
        at: datetime,
        actor: str,
        reason: str,
        evidence: str | None = None,
        gate: GateUse | None = None,
    ) -> Event:
        (from_version, from_digest), (to_version, to_digest) = _pointer(history), pointer
        entry = Entry(
            at, period, action, from_version, to_version, from_digest, to_digest, actor, reason, evidence, gate
        )
        return self._journal.append(entry, after=history.events)

    def _keep(self, verdict: Verdict) -> None:
        path, data = self._verdict_path(verdict.digest), verdict.to_json().encode()
        if not path.exists() or path.read_bytes() != data:
            path.unlink(missing_ok=True)
            write_new(path, data)

    def _verdict_path(self, digest: str) -> Path:
        return self.folder / "verdicts" / f"{digest}.json"


def _pointer(history: History) -> tuple[str | None, str | None]:
    return (history.live.name, history.live.digest) if history.live else (None, None)
