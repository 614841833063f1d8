"""Checkpoints: a hundred events in one file, so that a long journal is read with few files and hashed in large pieces.

    {"hash": ..., "last": 200, "sha256": ...}    a header: what the last event's hash is, and the digest of the rest
    {...}                                        one event a line

A checkpoint is derived: a reader who finds it missing or damaged reads the events themselves. Written once, for events
that do not change, it costs the same at the ten thousandth event as at the hundredth.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from retrain_assets.registry.journal.events import Link
from retrain_assets.registry.storage.disk import canonical, sha256
from retrain_assets.store import Json

CHECKPOINTS = "checkpoints"
SPAN = 100
"""How many events a checkpoint gathers, and the most that are read one by one."""


def checkpoint_name(last: int) -> str:
    """Where the checkpoint up to an event stands.

    >>> checkpoint_name(200)
    'checkpoints/00000200.jsonl'
    """
    return f"{CHECKPOINTS}/{last:08d}.jsonl"


def pack(records: Sequence[Json]) -> bytes:
    """Some events' records as the bytes of a checkpoint."""
    body = b"\n".join(canonical(record) for record in records)
    return canonical(_header(records, body)) + b"\n" + body


def unpack(data: bytes) -> list[Json]:
    """The records in a checkpoint, each checked against its own hash and the hash of the one before.

    None when a byte of it is not as it was written, or when somebody wrote it anew with other content.

    >>> first = {"previous_hash": "9f", "seq": 1}
    >>> first["hash"] = sha256(canonical(first))
    >>> [record["seq"] for record in unpack(pack([first]))]
    [1]
    >>> unpack(pack([first])[:-1]), unpack(pack([{**first, "seq": 2}]))
    ([], [])
    """
    header, _, body = data.partition(b"\n")
    try:
        promised = json.loads(header)
    except ValueError:
        return []
    if not isinstance(promised, dict) or promised.get("sha256") != sha256(body):
        return []
    records: list[Json] = json.loads(b"[" + body.replace(b"\n", b",") + b"]")
    return records if promised == _header(records, body) and _chained(body.split(b"\n"), records) else []


def _header(records: Sequence[Json], body: bytes) -> Json:
    last = Link.from_dict(records[-1])
    return {"last": last.seq, "hash": last.hash, "sha256": sha256(body)}


def _chained(lines: Sequence[bytes], records: Sequence[Json]) -> bool:
    """Whether every record's content has the hash that it names, and follows the one before it.

    A line is the canonical text of its record, so cutting the hash out of it gives the text that was hashed; written
    anew, the same check takes ten times as long.
    """
    links = [Link.from_dict(record) for record in records]
    previous = links[0].previous_hash
    for line, link in zip(lines, links, strict=True):
        own = b'"hash":"%s",' % link.hash.encode()
        if link.previous_hash != previous or sha256(line.replace(own, b"", 1)) != link.hash:
            return False
        previous = link.hash
    return True
