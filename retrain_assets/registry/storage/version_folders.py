"""Version folders: named by the digest of what they hold, written once, checked at every load.

    versions/<digest>/manifest.json   {"model.bst": {"sha256": ..., "size": ...}, ...}
    versions/<digest>/model.bst ...   the files themselves, read-only
    versions/<digest>/manifest.intoto.json   all of these for tools that know nothing of us (`signed_manifest`)

The digest is the SHA-256 of manifest.json, so it speaks for every byte of every file. Which version is live is not
known here (`history`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from retrain_assets.errors import IntegrityError, NotFound
from retrain_assets.registry.storage.disk import canonical, sha256
from retrain_assets.registry.storage.protocol import Storage
from retrain_assets.registry.storage.signed_manifest import (
    ENVELOPE,
    STATEMENT,
    envelope_problem,
    manifest_problem,
    signed_manifest,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MANIFEST = "manifest.json"
FOLDER = "versions"
LOCK = "versions.lock"
FOR_OTHERS = (STATEMENT, ENVELOPE)
"""What says the same once more for other tools; a version of an earlier release has none, and reading asks none."""


class VersionFolders:
    """The version folders of one model."""

    def __init__(self, storage: Storage, model: str) -> None:
        self._storage = storage
        self._model = model

    def add(self, files: Mapping[str, bytes]) -> str:
        """Store files as one immutable folder and return its digest; the same files again change nothing.

        A crash leaves the folder whole or absent.

        Args:
            files: Name to content. A name is a plain file name; `manifest.json` is taken.

        Raises:
            IntegrityError: A folder of this digest is there and damaged.
        """
        manifest = manifest_of(files)
        digest = sha256(manifest)
        with self._storage.lock(LOCK):
            if self.has(digest):
                self.read(digest)
                return digest
            self._storage.sweep(FOLDER)
            whole = {**files, MANIFEST: manifest}
            self._storage.create_folder(f"{FOLDER}/{digest}", whole | signed_manifest(self._model, whole))
        return digest

    def sign(self, digest: str) -> None:
        """Write the manifest for other tools anew, signed with the key of this environment.

        Raises:
            IntegrityError: A file of the version is damaged.
            StorageError: The key cannot be read.
        """
        for name, data in signed_manifest(self._model, self._whole(digest)).items():
            self._storage.replace(f"{FOLDER}/{digest}/{name}", data)

    def remove(self, digest: str) -> None:
        """Delete a folder: it is gone under its name at once; nothing happens where there is none."""
        with self._storage.lock(LOCK):
            self._storage.delete(f"{FOLDER}/{digest}")

    def has(self, digest: str) -> bool:
        """Whether a folder of this digest is there."""
        return bool(re.fullmatch(r"[0-9a-f]{64}", digest) and self._storage.names(f"{FOLDER}/{digest}"))

    def read(self, digest: str) -> dict[str, bytes]:
        """The files of a version, every one checked against the digest.

        Raises:
            NotFound: No such version.
            IntegrityError: A file is missing or its bytes changed.
        """
        if not self.has(digest):
            raise NotFound(
                f"{self._storage.where(FOLDER)}: no version {digest!r} among {len(self.digests())}. "
                "See `retrain history`."
            )
        manifest = self._checked(digest, MANIFEST, digest)
        expected = {name: entry["sha256"] for name, entry in json.loads(manifest).items()}
        return {name: self._checked(digest, name, wanted) for name, wanted in expected.items()}

    def _whole(self, digest: str) -> dict[str, bytes]:
        """The files of a version and its manifest."""
        return {**self.read(digest), MANIFEST: self._checked(digest, MANIFEST, digest)}

    def _checked(self, digest: str, name: str, expected: str) -> bytes:
        place = f"{FOLDER}/{digest}/{name}"
        path = self._storage.where(place)
        advice = "Restore the folder from a backup, or roll back to another version."
        try:
            data = self._storage.read(place)
        except FileNotFoundError:
            raise IntegrityError(f"{path} is missing; its digest should be {expected}. {advice}") from None
        if sha256(data) != expected:
            raise IntegrityError(f"{path} has digest {sha256(data)}, recorded was {expected}. {advice}")
        return data

    def digests(self) -> tuple[str, ...]:
        """Every stored version, live or never promoted, sorted by digest."""
        return self._storage.names(FOLDER)

    def problems(self) -> list[str]:
        """One sentence per damaged, foreign or incomplete folder; empty when all is well."""
        return [problem for digest in self.digests() for problem in self._problems_of(digest)]

    def _problems_of(self, digest: str) -> list[str]:
        folder = self._storage.where(f"{FOLDER}/{digest}")
        try:
            if not self.has(digest):
                return [f"{folder} is no version folder. Move it away."]
            whole, names = self._whole(digest), set(self._storage.names(f"{FOLDER}/{digest}"))
            stored = self._stored(digest, STATEMENT)
            wrong = None if stored is None else manifest_problem(self._model, whole, stored)
        except IntegrityError as damage:
            return [str(damage)]
        extra = sorted(names - whole.keys() - set(FOR_OTHERS))
        told = [f"{folder}/{wrong}. Restore it from a backup, or delete it: nothing of ours reads it."] if wrong else []
        return [*(f"{folder}/{name} is not in the manifest. Move it away." for name in extra), *told]

    def signature_problem(self, digest: str, trusted: Mapping[str, Ed25519PublicKey]) -> str | None:
        """What is wrong with what is signed for other tools, as the end of a sentence; None where nothing is there."""
        envelope = self._stored(digest, ENVELOPE)
        return None if envelope is None else envelope_problem(self._stored(digest, STATEMENT), envelope, trusted)

    def _stored(self, digest: str, name: str) -> bytes | None:
        try:
            return self._storage.read(f"{FOLDER}/{digest}/{name}")
        except FileNotFoundError:
            return None


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """The canonical manifest of a set of files; its SHA-256 is the version's digest.

    Raises:
        ValueError: There is no file, or a name is not a plain file name.

    >>> manifest_of({"model.bst": b"tree"})[:32]
    b'{"model.bst":{"sha256":"dc9c5edb'
    """
    refused = [
        name
        for name in files
        if name in (MANIFEST, *FOR_OTHERS) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name)
    ]
    if refused or not files:
        raise ValueError(f"a version holds plainly named files other than {MANIFEST}; refused: {refused or 'no file'}")
    return canonical({name: {"sha256": sha256(data), "size": len(data)} for name, data in files.items()})
