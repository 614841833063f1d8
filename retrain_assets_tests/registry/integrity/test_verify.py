"""`verify` against random changes to what is stored: no byte, no event and no verdict changes without a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from benchmarks.worlds.verdicts import MODEL, candidate, findings, moment, promoted, rolled_back, verdict
from retrain_assets.registry.journal import chain, heads
from retrain_assets.registry.journal.events import content_hash
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.storage.disk import canonical
from retrain_assets.registry.storage.signed_manifest import STATEMENT
from retrain_assets.verdict import Outcome
from retrain_assets_tests.registry.memory import MemoryStorage

EVENTS = 11


def build() -> MemoryStorage:
    """v1, v2, a rejection, back to v1, v3, v4 (each passed, then promoted), another rejection; one nobody judged."""
    storage = MemoryStorage()
    registry = Registry(Path("nowhere"), MODEL, storage)
    promoted(registry, [0, 1])
    for number in (2, 6):
        failed = verdict(registry, number, candidate(registry, f"bad {number}"), findings=findings(Outcome.FAIL))
        registry.record(failed, at=moment(number), actor="run")
        if number == 2:
            rolled_back(registry, 3)
            promoted(registry, [4, 5])
    candidate(registry, "waiting")
    return storage


WHOLE = build().objects
MANY = settings(max_examples=150, suppress_health_check=list(HealthCheck))


def problems(objects: dict[str, bytes]) -> list[str]:
    """What a process that has just started finds."""
    chain._KNOWN = chain._Known(16)
    storage = MemoryStorage()
    storage.objects = dict(objects)
    return Registry(Path("nowhere"), MODEL, storage).verify()


def test_the_registry_that_is_changed_below_is_whole() -> None:
    assert problems(WHOLE) == []
    assert len([name for name in WHOLE if name.startswith("journal/0")]) == EVENTS


@MANY
@given(data=st.data())
def test_any_other_byte_in_any_file_is_found(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WHOLE)))
    at = data.draw(st.integers(0, len(WHOLE[name]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != WHOLE[name][at]))
    changed = WHOLE[name][:at] + bytes([byte]) + WHOLE[name][at + 1 :]
    found = problems(WHOLE | {name: changed})
    assert found
    assert any(name.split("/")[-1].split(".")[0] in problem or name.split("/")[1] in problem for problem in found)


@MANY
@given(data=st.data())
def test_any_truncated_lengthened_or_lost_file_is_found(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(set(WHOLE) - {heads.HEAD, heads.SECOND_HEAD})))  # white space is no change
    whole = WHOLE[name]
    changed = data.draw(
        st.one_of(
            st.none(),
            st.integers(0, max(len(whole) - 1, 0)).map(lambda length: whole[:length]),
            st.binary(min_size=1, max_size=9).map(lambda more: whole + more),
        )
    )
    assume(changed is not None or not name.endswith(STATEMENT))  # versions of earlier releases have none
    rest = {key: value for key, value in WHOLE.items() if key != name}
    assert problems(rest if changed is None else rest | {name: changed})


def numbered(order: list[int]) -> dict[str, bytes]:
    """The journal with its files renamed: position i gets what event `order[i]` was."""
    rest = {name: data for name, data in WHOLE.items() if not name.startswith("journal/0")}
    return rest | {chain.event_name(place): WHOLE[chain.event_name(seq)] for place, seq in enumerate(order, start=1)}


def renumbered(order: list[int]) -> dict[str, bytes]:
    """The same with the numbers inside made to fit, each event's own hash too, but not the chain."""
    objects = numbered(order)
    for place in range(1, len(order) + 1):
        record = json.loads(objects[chain.event_name(place)]) | {"seq": place}
        objects[chain.event_name(place)] = canonical(record | {"hash": content_hash(record)})
    return objects


@pytest.mark.parametrize("written", [numbered, renumbered])
@MANY
@given(order=st.permutations(range(1, EVENTS + 1)).filter(lambda order: order != list(range(1, EVENTS + 1))))
def test_reordered_events_are_found(written: Callable[[list[int]], dict[str, bytes]], order: list[int]) -> None:
    assert problems(written(order))


@pytest.mark.parametrize("written", [numbered, renumbered])
@MANY
@given(left=st.sets(st.integers(1, EVENTS), max_size=EVENTS - 1))
def test_removed_events_are_found_also_when_the_others_move_up(
    written: Callable[[list[int]], dict[str, bytes]], left: set[int]
) -> None:
    assert problems(written(sorted(left)))


EDITS = {
    "actor": st.text(min_size=1, max_size=5),
    "reason": st.text(min_size=1, max_size=5),
    "at": st.datetimes().map(lambda moment: moment.isoformat()),
    "period": st.text(max_size=10),
    "action": st.sampled_from(["bootstrap", "promoted", "rejected", "insufficient", "rolled_back"]),
    "to_digest": st.text("0123456789abcdef", min_size=64, max_size=64),
    "to_version": st.sampled_from(["v1", "v2", "v3", "v9", None]),
    "evidence": st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
    "gate": st.none(),
    "seq": st.integers(-1, 99),
    "previous_hash": st.text("0123456789abcdef", min_size=64, max_size=64),
}


@MANY
@given(data=st.data())
def test_an_edited_event_is_found_whether_or_not_its_hash_is_made_to_fit(data: st.DataObject) -> None:
    name = chain.event_name(data.draw(st.integers(1, EVENTS)))
    key = data.draw(st.sampled_from(sorted(EDITS)))
    record = json.loads(WHOLE[name])
    value = data.draw(EDITS[key].filter(lambda value: value != record[key]))
    edited = record | {key: value}
    if data.draw(st.booleans()):
        edited |= {"hash": content_hash(edited)}
    assert problems(WHOLE | {name: canonical(edited)})
