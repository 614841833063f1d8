"""What `verify` finds: every byte that is kept is read, whatever checkpoints say, and every problem gets a sentence.

Four questions are asked. Is every file whole, and the registry's own? Do the events form one unbroken chain that ends
where the heads say? Do the live pointer, the versions and the verdicts agree with the events? And does anything speak
of more history than the events hold (`Inspection.traces`)?

Without a signing key the folder holds no secret, so it cannot show everything: whoever takes the last events away, the
verdicts and claims that belong to them, and writes both heads anew, leaves a whole and shorter registry. What shows
that is a number and hash kept elsewhere, as `model_status` puts it into the run records: `expected`. Where keys are
trusted (`storage.signatures`), every event and version must be signed by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from retrain_assets.errors import IntegrityError, StorageError
from retrain_assets.registry.integrity.repair import ASIDE
from retrain_assets.registry.journal import chain
from retrain_assets.registry.journal.attempts import answers, contradiction
from retrain_assets.registry.journal.chain import Journal, event_name
from retrain_assets.registry.journal.checkpoints import CHECKPOINTS, SPAN, checkpoint_name
from retrain_assets.registry.journal.claims import BEGUN, CLAIMS, Claims
from retrain_assets.registry.journal.events import MOVES, PROMOTIONS, Event, GateUse
from retrain_assets.registry.journal.heads import Head, head_of
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.journal.verdict_files import VERDICTS, VerdictFiles, quoted
from retrain_assets.registry.storage.protocol import Storage
from retrain_assets.registry.storage.signatures import SIGNATURES, Signatures, trusted_keys
from retrain_assets.registry.storage.version_folders import VersionFolders

LOCK = "journal.lock"
OWN_FILES = {
    chain.FOLDER: r"\d{8}\.json|head\.json",
    CHECKPOINTS: r"\d{8}\.jsonl|head\.json",
    VERDICTS: r"[0-9a-f]{64}\.json",
    CLAIMS: r"[0-9a-f]{64}\.json",
    BEGUN: r"[0-9a-f]{64}\.json",
    SIGNATURES: r"[0-9a-f]{64}\.json",
}
"""How the files in each folder are called."""


class Inspection:
    """Looks through the registry of one model, and changes nothing."""

    def __init__(self, model: str, storage: Storage) -> None:
        self._model = model
        self._storage = storage
        self._folders = VersionFolders(storage, model)
        self._journal = Journal(storage, model)
        self._claims = Claims(storage)
        self._evidence = VerdictFiles(storage)

    def problems(self, expected: Head | None = None) -> list[str]:
        """One sentence per problem; empty when all is well.

        Args:
            expected: An event that the journal is known to hold, None when nobody says.
        """
        return [*self.unsigned_problems(expected), *_told(self._signature_problems)]

    def unsigned_problems(self, expected: Head | None = None) -> list[str]:
        """The problems that have nothing to do with signatures."""
        stored = [*_told(self._folders.problems), *_told(self._foreign)]
        with self._steady() as hindered:
            return [*stored, *hindered, *_told(lambda: self._absent(expected)), *self._decided()]

    def traces(self, history: History) -> Iterator[str]:
        """What speaks of more history than these events.

        A verdict is written before its event, so a crash can leave one that no event quotes; its rows are then still
        claimed. Without a claim the event was there, for it goes only when the event stands.
        """
        advice = f"The journal held more than event {len(history.events)}. Restore its folder from a backup."
        claims = {name: use for name, use in self._claims.each() if isinstance(use, GateUse)}
        for name, verdict in self._evidence.unquoted(quoted(history.events)).items():
            if not any(answers(verdict, use) for use in claims.values()):
                yield f"{self._storage.where(name)}, of {verdict.period}, is quoted by no event. {advice}"
        served = {event.to_digest for event in history.events}
        for name, use in claims.items():
            if use.champion is not None and use.champion not in served:
                where = self._storage.where(name)
                yield f"{where} names {use.champion[:12]} as the live version, no event made it so. {advice}"
        for name, last in self._kept_numbers():
            if last > len(history.events):
                yield f"{self._storage.where(name)} speaks of event {last}. {advice}"

    def _kept_numbers(self) -> Iterator[tuple[str, int]]:
        """Files that are left of events, with the number of an event that there was."""
        for folder, pattern, less in ((CHECKPOINTS, r"(\d{8})\.jsonl", 0), (ASIDE, r"\d{4}-(\d{8})\.json", 1)):
            for name in self._storage.names(folder):
                if number := re.fullmatch(pattern, name):
                    yield f"{folder}/{name}", int(number[1]) - less

    # ---- files

    def _foreign(self) -> Iterator[str]:
        """What stands in the registry's folders and is none of its files."""
        for folder, own in OWN_FILES.items():
            for name in self._storage.names(folder):
                if not re.fullmatch(own, name):
                    yield f"{self._storage.where(f'{folder}/{name}')} is no file of the registry. Move it away."
        yield from (problem for _, problem in self._claims.each() if isinstance(problem, str))
        yield from self._claims.missing()

    @contextmanager
    def _steady(self) -> Iterator[list[str]]:
        """No writer at work; on a store that cannot be written there is none. Yields what is wrong with the lock."""
        hindered = []
        with ExitStack() as held:
            if self._storage.names(chain.FOLDER):
                try:
                    with suppress(StorageError):
                        held.enter_context(self._storage.lock(LOCK))
                except IntegrityError as damage:
                    hindered.append(str(damage))
            yield hindered

    def _signature_problems(self) -> Iterator[str]:
        """Events and versions that no trusted key signed, where keys are trusted; the files themselves are checked."""
        trusted = trusted_keys()
        if not trusted:
            return
        signatures = Signatures(self._storage, self._model)
        advice = (
            "If you know that it is right, as one from before signing began or before the key was changed, "
            f"`retrain sign {self._model}` signs all that stands; else restore the registry from a backup, and find "
            "out who could write there."
        )
        found: dict[str, list[str]] = {}
        for event in self._journal.stored():
            if problem := signatures.problem("event", event.hash, trusted):
                found.setdefault(f"event {problem}", []).append(str(event.seq))
        for digest in self._folders.digests():
            problem = signatures.problem("version", digest, trusted)
            if problem := problem or self._folders.signature_problem(digest, trusted):
                found.setdefault(f"version {problem}", []).append(digest[:12])
        for problem, names in found.items():
            what, _, wrong = problem.partition(" ")
            more = f", like {len(names) - 1} more" if len(names) > 1 else ""
            yield f"{self._model}: the {what} {names[0]} {wrong}{more}. {advice}"

    # ---- events

    def _absent(self, expected: Head | None) -> Iterator[str]:
        event = self._journal.load(expected.seq) if expected else None
        if isinstance(event, Event) and expected and event.hash != expected.hash:
            where = self._storage.where(event_name(expected.seq))
            yield f"{where} has hash {event.hash}, expected was {expected.hash}. Restore the journal from a backup."
        elif isinstance(event, str):
            yield f"{event} It was expected with hash {expected.hash if expected else ''}. Restore it from a backup."

    def _decided(self) -> list[str]:
        chained = _told(self._chain_problems)
        if chained:
            return chained
        history = History(self._journal.stored())
        found = (self._derived_problems, self._pointer_problems, self._evidence_problems, self.traces)
        damaged = self._evidence.problems(quoted(history.events))
        return [*(problem for ask in found for problem in _told(lambda ask=ask: ask(history))), *damaged]  # type: ignore[misc]

    def _chain_problems(self) -> Iterator[str]:
        broken = self._journal.broken()
        yield from (f"{problem} Restore it from a backup." for problem in broken)
        heads, events = self._journal.heads, self._journal.stored()
        problem = heads.problem(heads.read(), events)
        if problem:
            yield f"{problem} {self._advice(events, whole=not broken)}"

    def _advice(self, events: tuple[Event, ...], whole: bool) -> str:
        heads, last = self._journal.heads, events[-1].seq if events else 0
        named = max(head.seq for head in heads.read() if head)
        if named > last:
            missing = f"events {last + 1} to {named}" if named > last + 1 else f"event {named}"
            return f"Restore {missing} from a backup."
        if whole and heads.surviving(events):
            return "`retrain verify --repair` writes it anew from the other head."
        return (
            "Restore it from a backup. Only if the run history shows that no later event was written: "
            f"`retrain verify {self._model} --repair --expect {head_of(events)}`."
        )

    def _derived_problems(self, history: History) -> Iterator[str]:
        """Files that an interrupted write left behind the events, or that differ from them."""
        mend, events = "`retrain verify --repair` writes it anew.", history.events
        for name in self._journal.heads.lagging(events):
            path = self._storage.where(name)
            yield f"{path} does not name event {len(events)}, the last one: a write was interrupted. {mend}"
        for number in range(SPAN, len(events) + 1, SPAN):
            if self._journal.checkpoint(number) != tuple(events[number - SPAN : number]):
                yield f"{self._storage.where(checkpoint_name(number))} is missing or differs. {mend}"

    # ---- what the events say

    def _pointer_problems(self, history: History) -> Iterator[str]:
        pointer: tuple[str | None, str | None] = (None, None)
        versions = (*history.fallback, *history.versions)
        names = {version.digest: version.name for version in versions}
        for event in history.events:
            where = f"{self._model}: event {event.seq} ({event.action})"
            if (event.from_version, event.from_digest) != pointer:
                yield f"{where} starts from {event.from_version}, live was {pointer[0]}."
            if event.action not in MOVES and event.to_digest != event.from_digest:
                yield f"{where} moved the pointer to {event.to_version}."
            if event.action in PROMOTIONS and not self._attempted(event, history):
                yield f"{where} rests on a verdict that no attempt before it wrote down."
            if event.action in MOVES and names.get(str(event.to_digest)) != event.to_version:
                yield f"{where} calls {str(event.to_digest)[:12]} {event.to_version}, which is another version's name."
            pointer = (event.to_version, event.to_digest)
        judged = {use.candidate: use for use in history.spent}
        for digest in judged.keys() - names.keys() - history.pruned.keys():
            if not self._folders.has(digest):
                tried = f"the candidate of {judged[digest].period} ({judged[digest].outcome})"
                yield f"{self._model}: {tried} has no folder {digest}. Restore it."
        for version in versions:
            if not self._folders.has(version.digest) and version.digest not in history.pruned:
                state = "live" if version == history.live else "once live"
                yield f"{self._model}: {version.name} ({state}) has no folder {version.digest}. Restore it."

    def _attempted(self, promotion: Event, history: History) -> bool:
        attempt = history.attempt(str(promotion.evidence))
        return attempt is not None and attempt.seq <= promotion.seq

    def _evidence_problems(self, history: History) -> Iterator[str]:
        for event in history.events:
            if event.evidence is None:
                continue
            try:
                disagrees = contradiction(event, history, self._evidence.read(event.evidence, event.seq))
            except (IntegrityError, StorageError) as damage:
                yield str(damage)
                continue
            if disagrees:
                yield f"{self._model}: event {event.seq} {disagrees}."


def _told(ask: Callable[[], Iterable[str]]) -> list[str]:
    """The sentences of one question; one that the disk does not let be answered says why, and the others go on."""
    told = []
    try:
        for problem in ask():
            told.append(problem)
    except (IntegrityError, StorageError) as damage:
        told.append(str(damage))
    return told
