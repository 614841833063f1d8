"""The manifest of a version for tools that know nothing of us: every file with its digest, and who signed.

    manifest.intoto.json        an in-toto statement whose predicate is that of OpenSSF model signing
    manifest.intoto.dsse.json   the same in a DSSE envelope, signed with Ed25519, where RETRAIN_SIGNING_KEY names a key

Both stand in a version's folder in the registry and in an export. The subject's digest is the SHA-256 of the files'
digests, in the order of their names.
Source: in-toto attestation framework v1 (statement), DSSE v1 (envelope), OpenSSF model signing specification v1.0.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from retrain_assets.registry.storage.signatures import SigningKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

STATEMENT, ENVELOPE = "manifest.intoto.json", "manifest.intoto.dsse.json"
_PAYLOAD = "application/vnd.in-toto+json"


def signed_manifest(model: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The manifest's files, for files by their path below the folder.

    Raises:
        StorageError: RETRAIN_SIGNING_KEY is set, and the key cannot be read.

    >>> sorted(signed_manifest("taxi", {"model.bst": b"tree"}))
    ['manifest.intoto.json']
    """
    payload = json.dumps(statement(model, files), indent=1, sort_keys=True).encode()
    own = SigningKey.of_environment()
    if own is None:
        return {STATEMENT: payload}
    signature = {"keyid": own.name, "sig": _base64(own.key.sign(signed_bytes(payload)))}
    envelope = {"payload": _base64(payload), "payloadType": _PAYLOAD, "signatures": [signature]}
    return {STATEMENT: payload, ENVELOPE: json.dumps(envelope, indent=1, sort_keys=True).encode()}


def statement(model: str, files: Mapping[str, bytes]) -> dict[str, object]:
    """The in-toto statement that names every file with its digest."""
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    whole = hashlib.sha256(b"".join(map(bytes.fromhex, digests.values()))).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": model, "digest": {"sha256": whole}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []},
            "resources": [{"name": name, "algorithm": "sha256", "digest": digest} for name, digest in digests.items()],
        },
    }


@dataclass(frozen=True)
class _Envelope:
    """A DSSE envelope: what was signed, of which kind it is, and each signature by the name of its key."""

    payload: bytes
    kind: object
    signatures: Mapping[str, bytes]

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read an envelope.

        Raises:
            KeyError: A part is missing.
            TypeError: A part is of another kind.
            ValueError: It is no JSON, or a part is not Base64.
        """
        record = json.loads(data)
        made = {str(one["keyid"]): base64.b64decode(one["sig"], validate=True) for one in record["signatures"]}
        return cls(base64.b64decode(record["payload"], validate=True), record.get("payloadType"), made)


def signed_bytes(payload: bytes) -> bytes:
    """What the signature of an envelope is of: DSSE's pre-authentication encoding."""
    parts = (b"DSSEv1", str(len(_PAYLOAD)).encode(), _PAYLOAD.encode(), str(len(payload)).encode(), payload)
    return b" ".join(parts)


def manifest_problem(model: str, files: Mapping[str, bytes], stored: bytes) -> str | None:
    """What is wrong with the stored manifest of a model's files, as the end of a sentence; None where it holds."""
    return None if _read(stored) == statement(model, files) else f"{STATEMENT} does not name the files as they are"


def envelope_problem(payload: bytes | None, stored: bytes, trusted: Mapping[str, Ed25519PublicKey]) -> str | None:
    """What is wrong with the signed manifest of a version, as the end of a sentence; None where a trusted key made it.

    Args:
        payload: The manifest beside it, None where there is none.
        stored: The envelope.
        trusted: The public keys whose signatures count, by name.
    """
    from cryptography.exceptions import InvalidSignature

    try:
        envelope = _Envelope.from_json(stored)
    except (KeyError, TypeError, ValueError, RecursionError):
        return f"has a {ENVELOPE} that cannot be read"
    said, signatures = envelope.payload, envelope.signatures
    if said != payload or envelope.kind != _PAYLOAD:
        return f"has a {ENVELOPE} that is of another manifest"
    known = sorted(signatures.keys() & trusted.keys())
    for name in known:
        try:
            trusted[name].verify(signatures[name], signed_bytes(said))
        except InvalidSignature:
            return f"has a {ENVELOPE} with a signature that the key {name} did not make"
    return None if known else f"has a {ENVELOPE} that none of the trusted keys signed"


def _read(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
