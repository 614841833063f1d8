"""The registry of one model: the authority on which version is live, and the only place that moves the pointer.

A move reads the journal, asks the rules (`rules`), and appends one event. Times, periods and actors come from the
caller; nothing here knows what a model is or how it was judged. What is kept where is said in `records`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from retrain_assets.documents.plain_text import plain
from retrain_assets.documents.units import counted
from retrain_assets.errors import Conflict, IntegrityError, NotFound, StorageError
from retrain_assets.registry.integrity.outer_traces import lost_sentence
from retrain_assets.registry.integrity.repair import mend
from retrain_assets.registry.integrity.verify import LOCK, Inspection
from retrain_assets.registry.journal import chain
from retrain_assets.registry.journal.attempts import ENDINGS, answers, decision_of, gate_use, reason_of
from retrain_assets.registry.journal.checkpoints import CHECKPOINTS
from retrain_assets.registry.journal.claims import PLACES, unended
from retrain_assets.registry.journal.events import MONITOR, PROMOTIONS, Action, Entry, Event, GateUse, Terms
from retrain_assets.registry.journal.heads import Head
from retrain_assets.registry.journal.history import History, Version
from retrain_assets.registry.journal.verdict_files import VERDICTS, quoted
from retrain_assets.registry.reader import Records
from retrain_assets.registry.retention import RetentionPolicy, disposable
from retrain_assets.registry.rules import (
    PromotionRules,
    refuse_automatic,
    refuse_foreign,
    refuse_judging,
    refuse_other_refit,
    refuse_retired,
    refuse_unadoptable,
    refuse_unless_promotable,
    refuse_unservable,
    refuse_without_rows,
)
from retrain_assets.registry.rulings import BeginAnew, Ruling, Signature, refuse_run_name
from retrain_assets.registry.storage import version_folders
from retrain_assets.registry.storage.disk import sha256
from retrain_assets.registry.storage.signatures import SIGNATURES, SIGNING_KEY, SigningKey
from retrain_assets.registry.training_record import trained_until
from retrain_assets.registry.training_span import TrainingSpan, refuse_seen_rows
from retrain_assets.verdict import Verdict

NOTHING = "none"
"""How somebody who expects no version to be live says so."""

__all__ = ["Event", "GateUse", "Registry", "RollbackRequest", "Version"]


@dataclass(frozen=True)
class RollbackRequest:
    """What a rollback asks for.

    Attributes:
        reason: Why; kept for good.
        at: Now, wall clock.
        actor: Who asks: a person or a run.
        period: The period whose evidence asks for it; booked never earlier than the live version's decision.
        expected_live: Digest or name (`v3`) of the version to leave, so that a second or late call hits no other; None
            or `none` where none is live.
        to: Name of an earlier version (`v2`) to return to, None for the last one served before.
        person: The actor is a person, who may do what a hold or an earlier person's rollback forbids a run.
        failed_in: The period that showed the failure, where that is later than `period`.
    """

    reason: str
    at: datetime
    actor: str
    period: str
    expected_live: str | None
    to: str | None = None
    person: bool = False
    failed_in: str | None = None


class Registry(Records):
    """Versions, history and live pointer of `model` under `root`; nothing is created before the first write.

    >>> import tempfile
    >>> from pathlib import Path
    >>> registry = Registry(Path(tempfile.mkdtemp()), "taxi_charge")
    >>> digest = registry.add({"model.bst": b"tree"})
    >>> registry.read(digest)
    {'model.bst': b'tree'}
    >>> registry.live() is None, registry.verify()
    (True, [])
    """

    def add(self, files: Mapping[str, bytes]) -> str:
        """Store a candidate's files for good and return their digest; adding the same files again changes nothing.

        Where RETRAIN_SIGNING_KEY names a key, its signature is stored first.
        """
        self._signatures.write("version", sha256(version_folders.manifest_of(files)))
        return self._folders.add(files)

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
        """Give claimed rows back where an error came before any answer; with a stored answer they stay spent."""
        with self._writing() as history:
            use = self._claims.of(question)
            stored = self._evidence.unquoted(quoted(history.events)).values()
            if use is None or not any(answers(verdict, use) for verdict in stored):
                self._claims.remove(question)

    def promote(
        self,
        verdict: Verdict,
        expected_live: str | None,
        rules: PromotionRules,
        *,
        at: datetime,
        actor: str,
    ) -> Event:
        """Make the verdict's candidate, or what it was refitted to, the live version, or refuse.

        Promoting again what the same verdict made live changes nothing and returns the earlier event. After a rollback
        the candidate's own training record must reach the failure, as the rules say.

        Args:
            verdict: The evidence, which `record` wrote down; its decision is recomputed from the findings.
            expected_live: Digest of the version that the caller believes live, None for none.
            rules: Those in force; a verdict reached by others is stale.
            at: Now, wall clock.
            actor: Who asks: a person or a run.

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
                rules,
                expected_live=expected_live,
                at=at,
                trained_until=lambda: trained_until(self._folders.read(verdict.candidate_digest)),
            )
            refuse_seen_rows(f"{self.model} {verdict.period}", verdict.gate, self._spans(verdict, history.anchor))
            self._signatures.refuse_unsigned_version(verdict.promotes)
            files = self._folders.read(verdict.promotes)
            refuse_other_refit(verdict, history, files)
            refuse_unservable(verdict, history, files, rules.probe)
            action: Action = "promoted" if history.live else "bootstrap"
            pointer, reason = self._named(history, verdict.promotes), reason_of(verdict, approval)
            self._evidence.keep(verdict)
            moved, evidence = _moved(history, pointer), verdict.digest
            entry = Entry(at, verdict.period, action, *moved, actor, reason, evidence, gate=None)
            return self._journal.append(entry, after=history.events)

    def _spans(self, verdict: Verdict, anchor: Version | None) -> dict[str, TrainingSpan | None]:
        """What trained the versions that a verdict compared; one in service whose files are damaged does not say."""
        spans = {"the candidate": TrainingSpan.in_files(self._folders.read(verdict.candidate_digest))}
        before = {"the live version": verdict.champion_digest, "the anchor": anchor.digest if anchor else None}
        for what, digest in before.items():
            if digest is not None:
                with suppress(IntegrityError, NotFound):
                    spans[what] = TrainingSpan.in_files(self._folders.read(digest))
        return spans

    def record(self, verdict: Verdict, *, at: datetime, actor: str) -> Event:
        """Write down an attempt, whatever came out, and spend its gate rows; the live pointer stays.

        A verdict that passed is promoted by `promote`, now or later, at no further charge. Recording the same verdict
        again changes nothing and returns the earlier event. The rows are claimed before the verdict is stored, so that
        a crash before its event is told apart from an event that was taken away.

        Raises:
            WrongCandidate: The verdict is about another model, or a candidate that is not in the store.
            IncompleteVerdict: It names no gate rows.
        """
        with self._writing() as history:
            refuse_foreign(verdict, self.model, self._folders.has)
            refuse_without_rows(verdict)
            earlier = history.attempt(verdict.digest)
            if earlier:
                return earlier
            action, pointer = ENDINGS[decision_of(verdict)], _pointer(history)
            gate = gate_use(verdict, action)
            self._claims.cover(verdict.digest, gate)
            self._evidence.keep(verdict)
            reason = reason_of(verdict)
            entry = Entry(at, verdict.period, action, *_moved(history, pointer), actor, reason, verdict.digest, gate)
            event = self._journal.append(entry, after=history.events)
            self._claims.settle([gate])
            return event

    def adopt(self, verdict: Verdict, signed: Signature, probe: Callable[[Mapping[str, bytes]], None]) -> Event:
        """Make a model that was trained elsewhere the live version, where none is, because a person decides so.

        Args:
            verdict: What was measured of the model alone, on rows that it was not trained on as far as is known. They
                are spent, as those of any model that goes live.
            signed: Who decides, why, when.
            probe: Raises `DataError` when the model in these files does not load or does not score.

        Raises:
            NotPromotable: A version is live, or a decision stands against it.
            WrongCandidate: The verdict is about another model, or one that is not in the store.
        """
        with self._writing() as history:
            refuse_foreign(verdict, self.model, self._folders.has)
            refuse_without_rows(verdict)
            refuse_unadoptable(verdict, history, signed.at)
            files = self._folders.read(verdict.candidate_digest)
            where = f"{self.model} {verdict.period}"
            refuse_seen_rows(where, verdict.gate, {"the model": TrainingSpan.in_files(files)})
            refuse_unservable(verdict, history, files, probe)
            gate, digest = gate_use(verdict, "adopted"), verdict.digest
            self._claims.cover(digest, gate)
            self._evidence.keep(verdict)
            moved = _moved(history, self._named(history, verdict.candidate_digest))
            by, why = signed.person, signed.reason
            entry = Entry(signed.at, verdict.period, "adopted", *moved, by, why, digest, gate, person=True)
            event = self._journal.append(entry, after=history.events)
            self._claims.settle([gate])
            return event

    def rollback(self, request: RollbackRequest, probe: Callable[[Mapping[str, bytes]], None]) -> Event:
        """Return to the version served before, and quarantine the one that is left.

        Where none served before, the target is the fallback that the first model's verdict names (`v0`).

        The target's bytes are checked and `probe` must load and score it before the pointer moves. Asked again in the
        same words (as after a crash between writing and answering) it changes nothing and returns the earlier event;
        asked again by somebody else it is refused, for another version is live by then.

        Args:
            request: Which version is to be left, for which, and why.
            probe: Raises when the model in these files does not load or does not score.

        Raises:
            Retired: The whole model is out of service.
            Held: A person's decision stands against it, and no person asks.
            NotFound: There is nothing to return to.
            IntegrityError: The target's stored bytes are damaged.
            Conflict: Another version than `expected_live` is live.
        """
        with self._writing() as history:
            live, last = history.live, history.moves[-1] if history.moves else None
            if last and _repeats(last, request):
                return last
            if request.expected_live not in ((live.name, live.digest) if live else (None, NOTHING)):
                stands = f"{live.name} ({live.digest[:12]})" if live else "nothing"
                raise Conflict(
                    f"{self.model}: live is {stands}, the rollback was meant for {str(request.expected_live)[:12]}. "
                    "Look at `retrain status`, then decide again."
                )
            where = f"{self.model} {request.period}: rollback"
            refuse_retired(where, history)
            target = self._target(history, request.to)
            if request.person:
                refuse_run_name(request.actor)
            else:
                refuse_automatic(where, history, request.at, live.digest if live else None, target.digest)
            self._signatures.refuse_unsigned_version(target.digest)
            probe(self._folders.read(target.digest))
            pointer = (target.name, target.digest)
            period, failed_in = max(request.period, history.moves[-1].period), request.failed_in
            later = failed_in if failed_in is not None and failed_in > period else None
            moved = _moved(history, pointer)
            entry = Entry(
                request.at, period, "rolled_back", *moved, request.actor, request.reason, evidence=None, gate=None,
                person=request.person, failed_in=later,
            )  # fmt: skip
            return self._journal.append(entry, after=history.events)

    def rule(self, ruling: Ruling) -> Event:
        """Write down what a person decided (`people`): an approval, a hold, a release, a retirement.

        Raises:
            RegistryError: The ruling is about nothing that is there, or may not be made; the sentence says why.
            NotPromotable: An approval that could not lead to a promotion.
        """
        with self._writing(begins=isinstance(ruling, BeginAnew)) as history:
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
            moved, terms = _moved(history, _pointer(history)), Terms(None, None)
            entry = Entry(at, period, "held", *moved, MONITOR, reason, evidence=None, gate=None, terms=terms)
            return self._journal.append(entry, after=history.events)

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
            reason = (
                f"retention: the files of {counted(len(digests), 'model')} out of service were deleted "
                f"({policy.sentence})"
            )
            period, moved = history.events[-1].period, _moved(history, _pointer(history))
            entry = Entry(at, period, "pruned", *moved, actor, reason, evidence=None, gate=None, deleted=digests)
            event = self._journal.append(entry, after=history.events)
            for digest in digests:
                self._folders.remove(digest)
            return event

    # ---- integrity

    def verify(self, expected: Head | None = None) -> list[str]:
        """Every problem, one sentence each, with digests, hash chain, pointer and evidence; empty when all is well.

        Every byte of every version, event and verdict is read, whatever checkpoints say (`integrity`).

        Args:
            expected: An event that the journal is known to hold, kept elsewhere; None when nobody says.
        """
        problems = Inspection(self.model, self._storage).problems(expected)
        trace = None if problems else self.forgotten()
        return [*problems, *([lost_sentence(self.model, self.folder, trace)] if trace else [])]

    def repair(self, expected: Head | None = None) -> list[str]:
        """Mend what can be mended without guessing, and say what was done; `verify` says what is left.

        Interrupted writes are finished or moved aside, derived files are written anew, and an event that was lost or
        damaged is restored where a checkpoint holds it under the hash that its successor names. Nothing is deleted but
        what never had a name. A second call changes nothing.

        Args:
            expected: The last event that was written, as the run history shows it; lost heads are then written anew.

        Raises:
            StorageError: The store cannot be written.
        """
        if not any(map(self._storage.names, (chain.FOLDER, version_folders.FOLDER, VERDICTS))):
            return []
        with self._storage.lock(LOCK), self._storage.lock(version_folders.LOCK):  # in the order of `prune`
            places = (chain.FOLDER, CHECKPOINTS, VERDICTS, SIGNATURES, *PLACES, version_folders.FOLDER)
            swept = [name for place in places for name in self._storage.sweep(place)]
            removed = [f"{self._storage.where(name)}, left by an interrupted write, is removed." for name in swept]
            return [*removed, *mend(self._journal, self._storage, expected=expected, traces=self._shortened)]

    def sign(self) -> int:
        """Sign every event and version that stands, because a person vouches for them; how many were signed.

        For a history from before signing began, and after a key was changed. What is damaged is not signed.

        Raises:
            IntegrityError: Something is damaged; nothing is signed.
            StorageError: No key is set, or it cannot be read.
        """
        if SigningKey.of_environment() is None:
            raise StorageError(f"{SIGNING_KEY} names no key. Name the file of the private key to sign with.")
        problems = Inspection(self.model, self._storage).unsigned_problems()
        if problems:
            raise IntegrityError(f"{problems[0]} Nothing is signed: see `retrain verify {self.model}`.")
        with self._writing() as history:
            for event in history.events:
                self._signatures.write("event", event.hash)
            for digest in self._folders.digests():
                self._signatures.write("version", digest)
                self._folders.sign(digest)
            return len(history.events) + len(self._folders.digests())

    def _shortened(self, events: Sequence[Event]) -> bool:
        """Whether something in the registry speaks of more history than these events."""
        return any(Inspection(self.model, self._storage).traces(History(events)))

    # ---- writing

    @contextmanager
    def _writing(self, *, begins: bool = False) -> Iterator[History]:
        with self._storage.lock(LOCK):
            history = self._current()
            self._refuse_lost(history)
            if not begins and not history.events:
                self.refuse_forgotten(self.forgotten())
            for place in (chain.FOLDER, CHECKPOINTS, VERDICTS, SIGNATURES, *PLACES):
                self._storage.sweep(place)
            self._journal.settle(history.events)
            self._claims.settle(history.spent)
            yield history

    def _refuse_lost(self, history: History) -> None:
        """Refuse to begin a history where something speaks of an earlier one, as after a partial restore.

        Raises:
            IntegrityError: The journal is empty and was not always.
        """
        trace = None if history.events else next(Inspection(self.model, self._storage).traces(history), None)
        if trace is not None:
            raise IntegrityError(
                f"{self.model}: the journal is lost, and with it which version is live, what people decided and which "
                f"rows are spent. {trace} Nothing is decided until then. To begin anew on purpose, move {self.folder} "
                "away: the next retrain then promotes a first model."
            )

    def refuse_forgotten(self, trace: str | None) -> None:
        """Refuse to begin a history, for one that has none, where something outside speaks of an earlier one.

        Args:
            trace: What speaks of it, None where nothing does.

        Raises:
            IntegrityError: Something does.
        """
        if trace is not None:
            raise IntegrityError(f"{self.model}: {lost_sentence(self.model, self.folder, trace)}")

    def _named(self, history: History, digest: str) -> tuple[str, str]:
        return history.names.get(digest, f"v{len(history.names) + 1}"), digest


def _repeats(last: Event, request: RollbackRequest) -> bool:
    """Whether the last move is the very rollback that is asked for; the clock of a second call is later.

    The journal's reason may say more, namely which damaged versions the first call passed over.
    """
    asked = ("rolled_back", plain(request.actor).strip(), request.person)
    return (
        request.to in (None, last.to_version)
        and asked == (last.action, last.actor, last.person)
        and last.reason.startswith(plain(request.reason).strip())
        and request.expected_live in (last.from_digest, last.from_version)
    )


def _pointer(history: History) -> tuple[str | None, str | None]:
    return (history.live.name, history.live.digest) if history.live else (None, None)


def _moved(
    history: History, pointer: tuple[str | None, str | None]
) -> tuple[str | None, str | None, str | None, str | None]:
    """Where the live pointer stands before and after: both names, then both digests, as an entry has them."""
    (from_version, from_digest), (to_version, to_digest) = _pointer(history), pointer
    return from_version, to_version, from_digest, to_digest
