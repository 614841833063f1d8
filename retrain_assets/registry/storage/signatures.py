"""Signatures of events and versions by a local Ed25519 key, so that whoever may write here can forge no history alone.

    signatures/<sha256>.json   {"key": ..., "signature": ...}: of the event or version with that hash or digest

RETRAIN_SIGNING_KEY names the file of the private key (PEM) of whoever writes; without it nothing is signed.
RETRAIN_TRUSTED_KEYS names a public key, or a folder of them, and `verify` then asks a signature of every event and
version; without it the signing key itself is the trusted one, and without both nothing is asked. What is signed says
what it is and of which model, so that no signature fits elsewhere. An event's hash speaks for every event before it.

A signature is written before what it signs: a crash leaves one that signs nothing, never an event without one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from retrain_assets.errors import IntegrityError, StorageError, require_extra
from retrain_assets.registry.storage.disk import canonical, sha256
from retrain_assets.registry.storage.protocol import Storage

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURES = "signatures"
SIGNING_KEY, TRUSTED_KEYS = "RETRAIN_SIGNING_KEY", "RETRAIN_TRUSTED_KEYS"

Kind = Literal["event", "version"]
"""What a signature is of."""

_HOW = "`openssl genpkey -algorithm ed25519 -out key.pem` makes one, `openssl pkey -in key.pem -pubout` its public key"


@dataclass(frozen=True)
class Signed:
    """What is stored of a signature: the name of the key that made it, and its bytes."""

    key: str
    signature: bytes

    @classmethod
    def from_json(cls, text: bytes) -> Signed:
        """The inverse of `to_json`.

        Raises:
            ValueError, TypeError, KeyError: It is no signature.
        """
        record = json.loads(text)
        return cls(str(record["key"]), bytes.fromhex(record["signature"]))

    def to_json(self) -> bytes:
        """As it is stored, the signature in hexadecimal digits."""
        return canonical({"key": self.key, "signature": self.signature.hex()})


@dataclass(frozen=True)
class SigningKey:
    """A private key, and the name of its public one."""

    key: Ed25519PrivateKey
    name: str

    @classmethod
    def of_environment(cls) -> SigningKey | None:
        """The key that RETRAIN_SIGNING_KEY names, None without the variable.

        Raises:
            StorageError: The file cannot be read, or holds no Ed25519 key.
        """
        named = _named(SIGNING_KEY)
        if named is None:
            return None
        require_extra("cryptography", "signing", SIGNING_KEY)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(Path(named).read_bytes(), password=None)
        except OSError as error:
            raise StorageError(
                f"{SIGNING_KEY}={named}: {error.strerror}. Nothing is written unsigned. {_HOW}."
            ) from None
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise StorageError(f"{SIGNING_KEY}={named} holds no unencrypted Ed25519 key in PEM. {_HOW}.")
        return cls(key, name_of(key.public_key()))

    def sign(self, kind: Kind, model: str, digest: str) -> bytes:
        """The signature of a digest."""
        return self.key.sign(_said(kind, model, digest))


def trusted_keys() -> Mapping[str, Ed25519PublicKey]:
    """The public keys by name whose signatures count; none where nothing is to be asked.

    Raises:
        StorageError: A file cannot be read, or holds no Ed25519 key; a folder holds none.
    """
    named = _named(TRUSTED_KEYS)
    if named is None:
        own = SigningKey.of_environment()
        return {own.name: own.key.public_key()} if own else {}
    require_extra("cryptography", "signing", TRUSTED_KEYS)
    place = Path(named)
    paths = sorted(place.glob("*.pem")) if place.is_dir() else [place]
    if not paths:
        raise StorageError(f"{TRUSTED_KEYS}={named} holds no *.pem. Put the public keys there. {_HOW}.")
    return {name_of(key): key for key in map(_public_key, paths)}


def _named(variable: str) -> str | None:
    """What an environment variable names, None where it is not set.

    Raises:
        StorageError: It is set and empty, so that nobody can tell what was meant.
    """
    named = os.environ.get(variable)
    if named is not None and not named.strip():
        raise StorageError(f"{variable} is empty. Name a file, or unset it.")
    return named


def name_of(key: Ed25519PublicKey) -> str:
    """The name of a key: the start of the SHA-256 of its 32 bytes."""
    return sha256(key.public_bytes_raw())[:16]


class Signatures:
    """The signatures of one model."""

    def __init__(self, storage: Storage, model: str) -> None:
        self._storage = storage
        self._model = model

    def write(self, kind: Kind, digest: str) -> None:
        """Sign a digest with the key of this environment; nothing happens without one.

        Raises:
            StorageError: The key cannot be read.
        """
        own = SigningKey.of_environment()
        if own is None:
            return
        signed = Signed(own.name, own.sign(kind, self._model, digest))
        self._storage.replace(signature_name(digest), signed.to_json())

    def problem(self, kind: Kind, digest: str, trusted: Mapping[str, Ed25519PublicKey]) -> str | None:
        """What is wrong with the signature of a digest, as the end of a sentence; None when a trusted key signed it."""
        from cryptography.exceptions import InvalidSignature

        try:
            signed = Signed.from_json(self._storage.read(signature_name(digest)))
        except FileNotFoundError:
            return "is not signed"
        except (ValueError, TypeError, KeyError, IntegrityError):
            return f"has a signature that cannot be read ({self._storage.where(signature_name(digest))})"
        if signed.key not in trusted:
            return (
                f"is signed by the key {signed.key}, which is none of the trusted ones ({', '.join(sorted(trusted))})"
            )
        try:
            trusted[signed.key].verify(signed.signature, _said(kind, self._model, digest))
        except InvalidSignature:
            return f"has a signature that the key {signed.key} did not make"
        return None

    def refuse_unsigned_version(self, digest: str) -> None:
        """Refuse a version that no trusted key signed, where RETRAIN_TRUSTED_KEYS names keys, before it is loaded.

        Raises:
            IntegrityError: None did.
        """
        if _named(TRUSTED_KEYS) is None:
            return
        if problem := self.problem("version", digest, trusted_keys()):
            raise IntegrityError(
                f"{self._model}: the version {digest[:12]} {problem}, so nothing moves to it. If you know that it is "
                f"right, `retrain sign {self._model}` signs all that stands; else see `retrain verify {self._model}`."
            )

    def count(self) -> int:
        """How many signatures are stored."""
        return len(self._storage.names(SIGNATURES))


def signature_name(digest: str) -> str:
    """Where the signature of a digest stands.

    >>> signature_name("9f")
    'signatures/9f.json'
    """
    return f"{SIGNATURES}/{digest}.json"


def _said(kind: Kind, model: str, digest: str) -> bytes:
    return f"retrain-assets signature 1\n{kind}\n{model}\n{digest}\n".encode()


def _public_key(path: Path) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise StorageError(f"{TRUSTED_KEYS}: {path}: {error.strerror}. Name a public key. {_HOW}.") from None
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise StorageError(f"{TRUSTED_KEYS}: {path} holds no public Ed25519 key in PEM. {_HOW}.")
    return key
