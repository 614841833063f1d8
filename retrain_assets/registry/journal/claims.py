"""Gate rows that are being judged: claimed before the first score, so that a crash cannot make them free again.

    claims/<question>.json    which rows, for which candidate against which champion
    begun/<question>.json     the same, so that a claim that is taken away is noticed, and its rows stay spent

A claim is written before anything is compared and goes when the attempt stands in the journal. Killed in between, it
stays: the rows and the year's attempt are spent, and only the same question (the same candidate, champion, rows and
rules), whose answer would be the same, may go on with them. So a stored verdict that no event quotes is one whose event
a crash prevented if it has a claim, and one whose event was taken away if it has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace

from retrain_assets.errors import IntegrityError, StorageError
from retrain_assets.registry.journal.events import GateUse
from retrain_assets.registry.storage.disk import canonical
from retrain_assets.registry.storage.protocol import Storage

CLAIMS = "claims"
BEGUN = "begun"
PLACES = (CLAIMS, BEGUN)
"""Where each claim stands, in the order in which it is written; it goes in the other order."""


class Claims:
    """The claims of one model; all but reading under the lock of the journal's writers."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def write(self, question: str, use: GateUse) -> None:
        """Claim rows for a question; the same question again changes nothing."""
        for name in _names_of(question):
            if name not in self._names():
                self._storage.create(name, canonical(asdict(use)))

    def cover(self, question: str, use: GateUse) -> None:
        """Claim the rows of an attempt that is about to be written down, unless they are claimed for it already."""
        if not _attempted(use, self.uses()):
            self.write(question, replace(use, outcome="begun"))

    def of(self, question: str) -> GateUse | None:
        """The rows claimed for a question, None where there are none."""
        stored = self._names()
        return next((self._read(name) for name in _names_of(question) if name in stored), None)

    def remove(self, question: str) -> None:
        """Give the rows of a question back; nothing happens where none are claimed."""
        for name in reversed(_names_of(question)):
            self._storage.delete(name)

    def settle(self, ended: Sequence[GateUse]) -> None:
        """Remove the claims of attempts that stand in the journal by now."""
        for name in reversed(self._names()):
            if _attempted(self._read(name), ended):
                self._storage.delete(name)

    def uses(self, besides: str = "") -> list[GateUse]:
        """The rows that are claimed, but for those of the question `besides`; some may have ended (`unended`)."""
        found = {}
        for name in self._names():
            with suppress(FileNotFoundError):  # its attempt ended at this moment, and stands in the journal
                if name not in _names_of(besides):
                    found[name.split("/")[-1]] = self._read(name)
        return list(found.values())

    def missing(self) -> Iterator[str]:
        """One sentence for each claim that was taken away: its second record is there."""
        for name in self._storage.names(BEGUN):
            if name not in self._storage.names(CLAIMS) and name in self._storage.names(BEGUN):
                yield (
                    f"{self._storage.where(f'{CLAIMS}/{name}')} is missing: the rows were being judged when a run was "
                    f"killed, as {self._storage.where(f'{BEGUN}/{name}')} says. They stay spent. Copy that file back."
                )

    def each(self) -> Iterator[tuple[str, GateUse | str]]:
        """Every claim by name, or a sentence that says what is wrong with it."""
        for name in self._names():
            try:
                yield name, self._read(name)
            except FileNotFoundError:  # its attempt ended at this moment
                continue
            except (IntegrityError, StorageError) as damage:
                yield name, str(damage)

    def _names(self) -> tuple[str, ...]:
        return tuple(f"{place}/{name}" for place in PLACES for name in self._storage.names(place))

    def _read(self, name: str) -> GateUse:
        try:
            return GateUse(**json.loads(self._storage.read(name)))
        except (ValueError, TypeError) as error:
            raise IntegrityError(
                f"{self._storage.where(name)} is no claim of gate rows ({type(error).__name__}: {error}). Restore it "
                "from a backup; if there is none, move it away, and spend no rows of that time again."
            ) from None


def same_attempt(use: GateUse, other: GateUse) -> bool:
    """Whether two uses are of the same rows, for the same candidate against the same champion."""
    return (use.candidate, use.champion, use.rowset_sha256) == (other.candidate, other.champion, other.rowset_sha256)


def unended(begun: Sequence[GateUse], ended: Sequence[GateUse]) -> tuple[GateUse, ...]:
    """The claims whose attempt is not among those in the journal, which is to be read after the claims."""
    return tuple(use for use in begun if not _attempted(use, ended))


def _attempted(use: GateUse, ended: Sequence[GateUse]) -> bool:
    return any(same_attempt(use, other) for other in reversed(ended))


def _names_of(question: str) -> tuple[str, ...]:
    return tuple(f"{place}/{question or '_'}.json" for place in PLACES)
