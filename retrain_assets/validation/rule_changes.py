"""Which rules each verdict was reached by, where they differ from those of the verdict before it.

A verdict that was reached honestly by rules that somebody loosened for it comes out when it is reached again. What
shows the loosening is the change itself, and that it was taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from retrain_assets.documents.plain_text import plain
from retrain_assets.documents.yaml_file import tree_of
from retrain_assets.errors import RetrainError
from retrain_assets.registry.registry import Registry
from retrain_assets.validation.gate import RULES

SPEC, SUITE = "spec.yaml", "suite.yaml"
_NAMED, _LONGEST = 4, 60


def rule_changes(registry: Registry, in_force: Mapping[str, bytes]) -> Iterator[str]:
    """One sentence for each change of rules between two verdicts, and between the last one and the spec of today.

    Args:
        registry: The model's.
        in_force: The spec and the suite of today as files; none where they stand in no file.
    """
    before: tuple[str, Mapping[str, bytes]] | None = None
    for event in registry.history():
        if event.gate is None:
            continue
        where = f"event {event.seq} ({event.action}, {event.period})"
        try:
            kept = registry.evidence(event).evidence.get(RULES)
            files = registry.read(str(kept)) if kept else None
        except RetrainError:  # what cannot be read is named where verdicts are reached again
            continue
        if files is None:
            continue
        if before is not None and (changed := changes(before[1], files)):
            yield f"{where} was judged by other rules than {before[0]}: {changed}. See who changed the spec in between."
        before = where, files
    if before is not None and in_force and (changed := changes(before[1], in_force)):
        yield f"{before[0]}, the last one, was judged by other rules than those of today: {changed}."


def changes(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """What differs between two sets of rules, in words; empty when nothing does.

    >>> changes({SPEC: b"validation: {alpha: 0.05}"}, {SPEC: b"validation: {alpha: 0.5}"})
    'validation.alpha was 0.05, is 0.5'
    """
    one, other = (_flat(files.get(SPEC, b"")) for files in (before, after))
    keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
    told = [f"{key} was {one.get(key, 'absent')}, is {other.get(key, 'absent')}" for key in keys[:_NAMED]]
    if len(keys) > _NAMED:
        told.append(f"{len(keys) - _NAMED} more keys")
    if before.get(SUITE) != after.get(SUITE):
        told.append("the suite's cases")
    return "; ".join(told)


def _flat(data: bytes) -> dict[str, str]:
    """The values of a spec by their dotted keys; a text that is no spec is one value."""
    try:
        _, record = tree_of(data.decode(errors="replace"), Path(SPEC))
    except RetrainError:
        return {"spec": "unreadable"}
    return dict(_values(record, ""))


def _values(value: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _values(inner, f"{key}.{name}" if key else str(name))
        return
    said = plain(str(value))
    yield plain(key), said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
