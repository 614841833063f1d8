"""Checkpoints: a hundred events in one file, so that a long journal is read with few files and hashed in large pieces.

    {"hash": ..., "last": 200, "sha256": ...}    a header: what the last event's hash is, and the digest of the rest
    {...}                                        one event a line

A checkpoint is derived: a reader who finds it missing or damaged reads the events themselves. Written once, for events
that do not change, it costs the same at the ten thousandth event as at the hundredth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from retrain_assets.registry.disk import canonical, sha256

CHECKPOINTS = "checkpoints"
SPAN = 100
"""How many events a checkpoint gathers, and the most that are read one by one."""


def checkpoint_name(last: int) -> str:
    """Where the checkpoint up to an event stands.

    >>> checkpoint_name(200)
    'checkpoints/00000200.jsonl'
    """
    return f"{CHECKPOINTS}/{last:08d}.jsonl"


def pack(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Some events' records as the bytes of a checkpoint."""
    body = b"\n".join(canonical(record) for record in records)
    header = {"last": records[-1]["seq"], "hash": records[-1]["hash"], "sha256": sha256(body)}
    return canonical(header) + b"\n" + body


def unpack(data: bytes) -> list[dict[str, Any]]:
    """The records in a checkpoint; none when a byte of it is not as it was written.

    >>> unpack(pack([{"seq": 1, "hash": "9f"}]))
    [{'hash': '9f', 'seq': 1}]
    >>> unpack(pack([{"seq": 1, "hash": "9f"}])[:-1])
    []
    """
    header, _, body = data.partition(b"\n")
    try:
        promised = json.loads(header)
    except ValueError:
        return []
    if not isinstance(promised, dict) or promised.get("sha256") != sha256(body):
        return []
    records: list[dict[str, Any]] = json.loads(b"[" + body.replace(b"\n", b",") + b"]")
    end = {"last": records[-1]["seq"], "hash": records[-1]["hash"], "sha256": sha256(body)}
    return records if promised == end else []
