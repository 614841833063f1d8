"""The registry of one model: the authority on which version is live, and the only place that moves the pointer.

    <root>/<model>/versions/<digest>/       one folder per candidate ever offered (`folders`)
    <root>/<model>/verdicts/<digest>.json   the evidence that events quote
    <root>/<model>/journal/                 what was decided (`chain`, read by `history`)
    <root>/<model>/checkpoints/             the journal in larger pieces, derived (`checkpoints`)
    <root>/<model>/claims/                  gate rows that are being judged (`claims`)
    <root>/<model>/aside/                   what `repair` took out of the way
    <root>/<model>/*.lock                   held during a write, released by a crash

The files are kept by a `Storage`, by default the local directory above.

A move reads the journal, asks the rules (`rules`), and appends one event. Times, periods and actors come from the
caller; nothing here knows what a model is or how it was judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from retrain_assets.errors import Conflict, IntegrityError, NotFound, StorageError
from retrain_assets.registry import chain, folders
from retrain_assets.registry.chain import Journal
from retrain_assets.registry.checkpoints import CHECKPOINTS
from retrain_assets.registry.claims import CLAIMS, Claims, same_attempt, unended
from retrain_assets.registry.disk import LocalStorage, sha256
from retrain_assets.registry.folders import VersionFolders
from retrain_assets.registry.history import History, Version
from retrain_assets.registry.journal import MONITOR, PROMOTIONS, Action, Entry, Event, GateUse, Terms
from retrain_assets.registry.people import Ruling, refuse_run_name
from retrain_assets.registry.repair import mend
from retrain_assets.registry.retention import RetentionPolicy, disposable
from retrain_assets.registry.rules import (
    ENDINGS,
    Rest,
    contradiction,
    decision_of,
    gate_use,
    reason_of,
    refuse_automatic,
    refuse_foreign,
    refuse_judging,
    refuse_other_refit,
    refuse_retired,
    refuse_unknown,
    refuse_unless_promotable,
)
from retrain_assets.registry.storage import Storage
from retrain_assets.verdict import Verdict

VERDICTS = "verdicts"
LOCK = "journal.lock"
NOTHING = "none"
"""How somebody who expects no version to be live says so."""

OWN_FILES = {
    chain.FOLDER: r"\d{8}\.json|head\.json",
    CHECKPOINTS: r"\d{8}\.jsonl|head\.json",
    VERDICTS: r"[0-9a-f]{64}\.json",
    CLAIMS: r"[0-9a-f]{64}\.json",
}
"""How the files in each folder are called."""

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

    def __init__(self, root: Path, model: str, storage: Storage | None = None) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", model):
            raise ValueError(f"{model!r} is no model name: write lower-case letters, digits and _, a letter first")
        self.model = model
        self.folder = Path(root) / model
        self._storage = storage or LocalStorage(self.folder)
        self._folders = VersionFolders(self._storage)
        self._journal = Journal(self._storage, model)
        self._claims = Claims(self._storage)
        self._last_history = History(())

    # ---- versions

    def add(self, files: Mapping[str, bytes]) -> str:
        """Store a candidate's files for good and return their digest; adding the same files again changes nothing."""
        return self._folders.add(files)

    def read(self, digest: str) -> Mapping[str, bytes]:
        """The files of a version or candidate, every byte checked against the digest.

        Raises:
            NotFound: No such version, or retention deleted its files.
            IntegrityError: A file is missing or its bytes changed; the message names file and both digests.
        """
        if not self._folders.has(digest):
            self._say_if_pruned(digest)
        return self._folders.read(digest)

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
        """The ledger: the gate rows of every attempt, promoted or not, oldest first, then of those being judged."""
        begun = self._claims.uses()
        ended = self._history().spent
        return (*ended, *unended(begun, ended))

    def judged(self, use: GateUse, policy_sha256: str) -> Verdict | None:
        """The verdict in the journal on these rows, for this candidate against this champion, under these rules."""
        attempts = (event for event in reversed(self.history()) if event.gate and same_attempt(event.gate, use))
        verdicts = (self.evidence(attempt) for attempt in attempts)
        return next((verdict for verdict in verdicts if verdict.policy_sha256 == policy_sha256), None)

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
        name = _verdict_name(event.evidence)
        try:
            data = self._storage.read(name)
        except FileNotFoundError:
            raise IntegrityError(
                f"{self._storage.where(name)} is missing, event {event.seq} recorded it. Restore it from a backup."
            ) from None
        if sha256(data) != event.evidence:
            raise IntegrityError(
                f"{self._storage.where(name)} has digest {sha256(data)}, event {event.seq} recorded {event.evidence}. "
                "Restore it from a backup."
            )
        return Verdict.from_json(data.decode())

    def rollback_target(self, to: str | None = None) -> Version:
        """Where a rollback would go now.

        Raises:
            NotFound: There is nothing to return to.
        """
        return self._target(self._history(), to)

    def rollback_targets(self) -> tuple[Version, ...]:
        """Every version that a rollback may go to, the one served last first, the fallback last."""
        return self._targets(self._history())

    # ---- attempts and moves

    def claim(
        self,
        question: str,
        use: GateUse,
        *,
        at: datetime,
        refuse: Callable[[Sequence[GateUse]], None],
    ) -> None:
        """Spend gate rows before anything is compared on them; the same question again changes nothing.

        Of two attempts on the same rows, at the same time or after a crash, the second is refused.

        Args:
            question: Digest of the candidate, champion, rows and rules.
            use: The rows, and for what.
            at: Now, wall clock.
            refuse: Given the rows that other attempts have spent, raises when these may not be used.

        Raises:
            NotPromotable: A person's decision, or `refuse`, stands against it; nothing is spent.
        """
        with self._writing() as history:
            where = f"{self.model} {use.period}"
            refuse_judging(where, history, at, candidate=use.candidate, expected_live=use.champion)
            refuse((*history.spent, *unended(self._claims.uses(besides=question), history.spent)))
            self._claims.write(question, use)

    def withdraw(self, question: str) -> None:
        """Give claimed rows back where an error came before any answer."""
        with self._writing():
            self._claims.remove(question)

    def promote(
        self,
        verdict: Verdict,
        expected_live: str | None,
        *,
        policy_sha256: str,
        at: datetime,
        actor: str,
        approvals: bool = False,
        written_down: bool = False,
        rest: Callable[[str], Rest] | None = None,
        trained_until: Callable[[], datetime | None] | None = None,
    ) -> Event:
        """Make the verdict's candidate, or what it was refitted to, the live version, or refuse.

        Promoting again what the same verdict made live changes nothing and returns the earlier event.

        Args:
            verdict: The evidence; its decision is recomputed from the findings.
            expected_live: Digest of the version that the caller believes live, None for none.
            policy_sha256: Of the rules in force; a verdict reached by others is stale.
            at: Now, wall clock.
            actor: Who asks: a person or a run.
            approvals: Whether the spec lets a person's approval stand in for what is insufficient.
            written_down: Whether the verdict must be one that the journal wrote down when it was reached, as every
                verdict that comes out of a file must.
            rest: From the period of a rollback to what it asks of the next promotion, None when nothing is declared.
            trained_until: Says how far the candidate's training data reach, None when that is not known.

        Raises:
            NotPromotable: The verdict does not allow it; the subclass and the sentence say why.
            IntegrityError: The candidate's stored bytes, or the journal, are damaged.
            Conflict: Somebody else moved the pointer at this moment.
        """
        with self._writing() as history:
            refuse_foreign(verdict, self.model, self._folders.has)
            last = history.moves[-1] if history.moves else None
            if last and last.action in PROMOTIONS and last.evidence == verdict.digest:
                return last
            approval = refuse_unless_promotable(
                verdict,
                history,
                expected_live=expected_live,
                policy_sha256=policy_sha256,
                at=at,
                approvals=approvals,
                rest=rest,
                trained_until=trained_until,
            )
            if written_down:
                refuse_unknown(verdict, history)
            refuse_other_refit(verdict, history, self._folders.read(verdict.promotes))
            action: Action = "promoted" if history.live else "bootstrap"
            pointer = self._named(history, verdict.promotes)
            return self._attempt(verdict, action, pointer, history, at, actor, reason_of(verdict, approval))

    def record(self, verdict: Verdict, *, at: datetime, actor: str) -> Event:
        """Write down an attempt, whatever came out, and spend its gate rows; the live pointer stays.

        A verdict that passed is promoted by `promote`, now or later, at no further charge. Recording the same verdict
        again changes nothing and returns the earlier event.

        Raises:
            WrongCandidate: The verdict is about another model, or a candidate that is not in the store.
        """
        with self._writing() as history:
            refuse_foreign(verdict, self.model, self._folders.has)
            earlier = history.attempt(verdict.digest)
            if earlier:
                return earlier
            action, pointer = ENDINGS[decision_of(verdict)], _pointer(history)
            return self._attempt(verdict, action, pointer, history, at, actor, reason_of(verdict))

    def rollback(
        self,
        *,
        reason: str,
        at: datetime,
        actor: str,
        period: str,
        probe: Callable[[Mapping[str, bytes]], None],
        expected_live: str | None,
        to: str | None = None,
        person: bool = False,
        failed_in: str | None = None,
    ) -> Event:
        """Return to the version served before, and quarantine the one that is left.

        Where none served before, the target is the fallback that the first model's verdict names (`v0`).

        The target's bytes are checked and `probe` must load and score it before the pointer moves. Asked again in the
        same words (as after a crash between writing and answering) it changes nothing and returns the earlier event;
        asked again by somebody else it is refused, for another version is live by then.

        Args:
            reason: Why; kept for good.
            at: Now, wall clock.
            actor: Who asks.
            period: Period whose evidence, or end, this follows; never earlier than the live version's decision.
            probe: Raises when the model in these files does not load or does not score.
            expected_live: Digest or name (`v3`) of the version that is to be left, None or `none` where none is live.
            to: Name of an earlier version (`v2`) to return to, None for the last one served before.
            person: The actor is a person, who may do what a hold or an earlier person's rollback forbids a run.
            failed_in: The period that showed the failure, where that is later than `period`.

        Raises:
            Retired: The whole model is out of service.
            Held: A person's decision stands against it, and no person asks.
            NotFound: There is nothing to return to.
            IntegrityError: The target's stored bytes are damaged.
            Conflict: Another version than `expected_live` is live.
        """
        with self._writing() as history:
            live, last = history.live, history.moves[-1] if history.moves else None
            if last and to in (None, last.to_version) and _repeats(last, expected_live, reason, actor, person):
                return last
            if expected_live not in ((live.name, live.digest) if live else (None, NOTHING)):
                stands = f"{live.name} ({live.digest[:12]})" if live else "nothing"
                raise Conflict(
                    f"{self.model}: live is {stands}, the rollback was meant for {str(expected_live)[:12]}. "
                    "Look at `retrain status`, then decide again."
                )
            where = f"{self.model} {period}: rollback"
            refuse_retired(where, history)
            target = self._target(history, to)
            if person:
                refuse_run_name(actor)
            else:
                refuse_automatic(where, history, at, live.digest if live else None, target.digest)
            probe(self._folders.read(target.digest))
            pointer = (target.name, target.digest)
            period = max(period, history.moves[-1].period)
            later = failed_in if failed_in is not None and failed_in > period else None
            return self._append(
                history, "rolled_back", pointer, period, at, actor, reason, person=person, failed_in=later
            )

    def rule(self, ruling: Ruling) -> Event:
        """Write down what a person decided (`people`): an approval, a hold, a release, a retirement.

        Raises:
            RegistryError: The ruling is about nothing that is there, or may not be made; the sentence says why.
            NotPromotable: An approval that could not lead to a promotion.
        """
        with self._writing() as history:
            return self._journal.append(ruling.entry(history, self._folders.has), after=history.events)

    def hold(self, *, reason: str, at: datetime, period: str) -> Event:
        """Stop promotions of the whole model on the monitor's suspicion, until a person releases it.

        Rollbacks stay possible. A period holds once: asked again, also after a release, the earlier event is returned
        and nothing changes. People hold with `rule`.

        Args:
            reason: What is suspected; kept for good.
            at: Now, wall clock.
            period: Period whose evidence this is.
        """
        with self._writing() as history:
            earlier = history.held_for(period)
            if earlier is not None:
                return earlier
            pointer = _pointer(history)
            return self._append(history, "held", pointer, period, at, MONITOR, reason, terms=Terms(None, None))

    def prune(self, policy: RetentionPolicy, *, at: datetime, actor: str) -> Event | None:
        """Delete the files of models that the policy does not keep; their verdicts and the journal stay.

        The event is written first, so that a crash leaves files that the next call deletes, never files that are gone
        without a word.

        Args:
            policy: What is kept; what is live, may be returned to, or is held is kept whatever it says.
            at: Now, wall clock.
            actor: Who asks.

        Returns:
            The event that names what was deleted, None when there was nothing to delete.
        """
        with self._writing() as history:
            digests = tuple(digest for digest in disposable(history, policy, at) if self._folders.has(digest))
            if not digests:
                return None
            reason = f"retention: the files of {len(digests)} model(s) out of service were deleted ({policy.sentence})"
            event = self._append(
                history, "pruned", _pointer(history), history.events[-1].period, at, actor, reason, deleted=digests
            )
            for digest in digests:
                self._folders.remove(digest)
            return event

    # ---- integrity

    def verify(self) -> list[str]:
        """Every problem, one sentence each, with digests, hash chain, pointer and evidence; empty when all is well.

        Every byte of every version, event and verdict is read, whatever checkpoints say.
        """
        stored = [*self._folders.problems(), *self._foreign()]
        with self._steady():
            chained = self._journal.problems()
            if chained:
                return [*stored, *chained]
            history = History(self._journal.stored())
            derived = self._journal.derived_problems(history.events)
            return [*stored, *derived, *self._pointer_problems(history), *self._evidence_problems(history)]

    def repair(self) -> list[str]:
        """Mend what can be mended without guessing, and say what was done; `verify` says what is left.

        Interrupted writes are finished or moved aside, derived files are written anew, and an event that was lost or
        damaged is restored where a checkpoint holds it under the hash that its successor names. Nothing is deleted but
        what never had a name. A second call changes nothing.

        Raises:
            StorageError: The store cannot be written.
        """
        if not any(map(self._storage.names, (chain.FOLDER, folders.FOLDER, VERDICTS))):
            return []
        with self._storage.lock(LOCK), self._storage.lock(folders.LOCK):  # in the order of `prune`
            places = (chain.FOLDER, CHECKPOINTS, VERDICTS, CLAIMS, folders.FOLDER)
            swept = [name for place in places for name in self._storage.sweep(place)]
            removed = [f"{self._storage.where(name)}, left by an interrupted write, is removed." for name in swept]
            return [*removed, *mend(self._journal, self._storage)]

    def _foreign(self) -> Iterator[str]:
        """What stands in the registry's folders and is none of its files, or a verdict that its name denies."""
        for folder, own in OWN_FILES.items():
            for name in self._storage.names(folder):
                where = self._storage.where(f"{folder}/{name}")
                if not re.fullmatch(own, name):
                    yield f"{where} is no file of the registry. Move it away."
                elif folder == CLAIMS:
                    yield from self._claims.problems(f"{folder}/{name}")
                elif folder == VERDICTS and sha256(self._storage.read(f"{folder}/{name}")) != name.split(".")[0]:
                    yield f"{where} is not the verdict of that digest. Restore it from a backup, or move it away."

    @contextmanager
    def _steady(self) -> Iterator[None]:
        """No writer at work; on a store that cannot be written there is none."""
        with ExitStack() as held:
            if self._storage.names(chain.FOLDER):
                with suppress(StorageError):
                    held.enter_context(self._storage.lock(LOCK))
            yield

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
        judged = {use.candidate: use for use in history.spent}
        for digest in judged.keys() - names.keys() - history.pruned.keys():
            if not self._folders.has(digest):
                use = judged[digest]
                yield f"{self.model}: the candidate of {use.period} ({use.outcome}) has no folder {digest}. Restore it."
        for version in versions:
            if not self._folders.has(version.digest) and version.digest not in history.pruned:
                state = "live" if version == history.live else "once live"
                yield f"{self.model}: {version.name} ({state}) has no folder {version.digest}. Restore it."

    def _evidence_problems(self, history: History) -> Iterator[str]:
        for event in history.events:
            if event.evidence is None:
                continue
            try:
                disagrees = contradiction(event, history, self.evidence(event))
            except IntegrityError as damage:
                yield str(damage)
                continue
            if disagrees:
                yield f"{self.model}: event {event.seq} {disagrees}."

    # ---- writing

    @contextmanager
    def _writing(self) -> Iterator[History]:
        with self._storage.lock(LOCK):
            history = self._history()
            for place in (chain.FOLDER, CHECKPOINTS, VERDICTS, CLAIMS):
                self._storage.sweep(place)
            self._journal.settle(history.events)
            self._claims.settle(history.spent)
            yield history

    def _history(self) -> History:
        events = self._journal.events()
        if events is not self._last_history.events:  # what follows from thousands of events is worked out once
            self._last_history = History(events)
        return self._last_history

    def _named(self, history: History, digest: str) -> tuple[str, str]:
        names = {version.digest: version.name for version in history.versions}
        return names.get(digest, f"v{len(names) + 1}"), digest

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
        reason: str,
    ) -> Event:
        self._keep(verdict)
        gate = gate_use(verdict, action) if history.attempt(verdict.digest) is None else None
        event = self._append(history, action, pointer, verdict.period, at, actor, reason, verdict.digest, gate)
        self._claims.settle([gate] if gate else [])
        return event

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
        *,
        person: bool = False,
        deleted: tuple[str, ...] = (),
        terms: Terms | None = None,
        failed_in: str | None = None,
    ) -> Event:
        (from_version, from_digest), (to_version, to_digest) = _pointer(history), pointer
        entry = Entry(
            at, period, action, from_version, to_version, from_digest, to_digest, actor, reason, evidence, gate,
            person=person, deleted=deleted, terms=terms, failed_in=failed_in,
        )  # fmt: skip
        return self._journal.append(entry, after=history.events)

    def _keep(self, verdict: Verdict) -> None:
        name, data = _verdict_name(verdict.digest), verdict.to_json().encode()
        try:
            self._storage.create(name, data)
        except FileExistsError:
            if self._storage.read(name) != data:
                self._storage.replace(name, data)


def _verdict_name(digest: str) -> str:
    return f"{VERDICTS}/{digest}.json"


def _repeats(last: Event, left: str | None, reason: str, actor: str, person: bool) -> bool:
    """Whether the last move is the very rollback that is asked for; the clock of a second call is later.

    The journal's reason may say more, namely which damaged versions the first call passed over.
    """
    asked = ("rolled_back", actor, person)
    return (
        asked == (last.action, last.actor, last.person)
        and last.reason.startswith(reason)
        and left in (last.from_digest, last.from_version)
    )


def _pointer(history: History) -> tuple[str | None, str | None]:
    return (history.live.name, history.live.digest) if history.live else (None, None)
