"""The manifest of an exported version for tools that know nothing of us: every file with its digest, and who signed.

    manifest.intoto.json        an in-toto statement whose predicate is that of OpenSSF model signing
    manifest.intoto.dsse.json   the same in a DSSE envelope, signed with Ed25519, where RETRAIN_SIGNING_KEY names a key

The subject's digest is the SHA-256 of the files' digests, in the order of their names.
Source: in-toto attestation framework v1 (statement), DSSE v1 (envelope), OpenSSF model signing specification v1.0.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

from retrain_assets.registry.storage.signatures import SigningKey

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


def signed_bytes(payload: bytes) -> bytes:
    """What the signature of an envelope is of: DSSE's pre-authentication encoding."""
    parts = (b"DSSEv1", str(len(_PAYLOAD)).encode(), _PAYLOAD.encode(), str(len(payload)).encode(), payload)
    return b" ".join(parts)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
