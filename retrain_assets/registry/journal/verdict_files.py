"""The verdicts that events quote: `verdicts/<digest>.json`, written before the event, and kept for good."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from retrain_assets.errors import IntegrityError, StorageError
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.storage.disk import sha256
from retrain_assets.registry.storage.protocol import Storage
from retrain_assets.verdict import Verdict

VERDICTS = "verdicts"


class VerdictFiles:
    """The stored verdicts of one model."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def keep(self, verdict: Verdict) -> None:
        """Store a verdict; what stood there in other bytes is replaced, for the name says what they must be."""
        name, data = verdict_name(verdict.digest), verdict.to_json().encode()
        try:
            self._storage.create(name, data)
        except FileExistsError:
            if self._storage.read(name) != data:
                self._storage.replace(name, data)

    def read(self, digest: str, seq: int) -> Verdict:
        """The verdict that event `seq` quotes by its digest.

        Raises:
            IntegrityError: It is missing or changed.
        """
        name = verdict_name(digest)
        try:
            data = self._storage.read(name)
        except FileNotFoundError:
            raise IntegrityError(
                f"{self._storage.where(name)} is missing, event {seq} recorded it. Restore it from a backup."
            ) from None
        if sha256(data) != digest:
            raise IntegrityError(
                f"{self._storage.where(name)} has digest {sha256(data)}, event {seq} recorded {digest}. "
                "Restore it from a backup."
            )
        return Verdict.from_json(data.decode())

    def unquoted(self, quoted: Collection[str]) -> dict[str, Verdict]:
        """The verdicts that no event quotes, by the name of their file; one that is damaged is left to `problems`."""
        names = [verdict_name(digest) for digest in self._digests() if digest not in quoted]
        found = {name: self._whole(name) for name in names}
        return {name: verdict for name, verdict in found.items() if isinstance(verdict, Verdict)}

    def problems(self, quoted: Collection[str]) -> list[str]:
        """One sentence for each damaged verdict that no event quotes; a quoted one is read with its event."""
        found = (self._whole(verdict_name(digest)) for digest in self._digests() if digest not in quoted)
        return [problem for problem in found if isinstance(problem, str)]

    def _digests(self) -> list[str]:
        names = (name.removesuffix(".json") for name in self._storage.names(VERDICTS) if name.endswith(".json"))
        return [name for name in names if re.fullmatch(r"[0-9a-f]{64}", name)]

    def _whole(self, name: str) -> Verdict | str:
        try:
            data = self._storage.read(name)
            if verdict_name(sha256(data)) == name:
                return Verdict.from_json(data.decode())
        except (IntegrityError, StorageError) as damage:
            return str(damage)
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        where = self._storage.where(name)
        return f"{where} is not the verdict of that digest. Restore it from a backup, or move it away."


def quoted(events: Sequence[Event]) -> frozenset[str]:
    """The digests of the verdicts that events rest on."""
    return frozenset(event.evidence for event in events if event.evidence is not None)


def verdict_name(digest: str) -> str:
    """Where a verdict stands.

    >>> verdict_name("9f")
    'verdicts/9f.json'
    """
    return f"{VERDICTS}/{digest}.json"
