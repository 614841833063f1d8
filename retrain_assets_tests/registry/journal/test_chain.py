"""A long journal: read from checkpoints, checked to the end, repaired where a hash proves what was there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import MODEL, moment, period
from retrain_assets.errors import IntegrityError
from retrain_assets.registry.integrity.repair import mend
from retrain_assets.registry.journal import chain, heads
from retrain_assets.registry.journal.chain import Journal
from retrain_assets.registry.journal.checkpoints import SPAN, pack, unpack
from retrain_assets.registry.journal.events import Entry, Event, GateUse, content_hash
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.storage.disk import LocalStorage, canonical
from retrain_assets.registry.storage.protocol import Storage
from retrain_assets_tests.registry.memory import MemoryStorage

LENGTH = 2 * SPAN + 30


class Counting(MemoryStorage):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def read(self, name: str) -> bytes:
        self.reads.append(name)
        return super().read(name)


HEADS = heads.HEADS


def entry(number: int) -> Entry:
    gate = GateUse(
        period(number), moment(number - 1).isoformat(), moment(number).isoformat(), 9, "r", "c", None, "rejected"
    )
    return Entry(
        moment(number), period(number), "rejected", None, None, None, None, "run", "worse", f"{number:064d}", gate
    )


def filled(storage: Storage, length: int = LENGTH) -> list[Event]:
    journal, events = Journal(storage, MODEL), []
    for number in range(length):
        events.append(journal.append(entry(number), after=events))
    return events


def problems(storage: Storage) -> list[str]:
    """What is wrong with journal, heads and checkpoints; the entries here rest on verdicts that nobody stored."""
    found = Registry(Path("nowhere"), MODEL, storage).verify()
    return [problem for problem in found if "verdicts/" not in problem and "the candidate of" not in problem]


@pytest.fixture
def storage() -> Counting:
    return Counting()


@pytest.fixture
def events(storage: Counting) -> list[Event]:
    return filled(storage)


@pytest.fixture(autouse=True)
def as_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_KNOWN", chain._Known(16))


def test_a_long_journal_reads_as_it_was_written(storage: Counting, events: list[Event]) -> None:
    journal = Journal(storage, MODEL)
    assert list(journal.events()) == events
    assert [event.hash for event in events] == [content_hash(event.to_dict()) for event in journal.events()]
    assert problems(storage) == []


def test_reading_opens_the_tail_and_one_file_per_hundred_before_it(storage: Counting, events: list[Event]) -> None:
    storage.reads.clear()
    journal = Journal(storage, MODEL)
    journal.events()
    single = [name for name in storage.reads if name.startswith("journal/0")]
    assert len(set(single)) == LENGTH % SPAN + 1  # and one look for a next event
    assert [name for name in storage.reads if name.startswith("checkpoints")] == [
        heads.SECOND_HEAD,
        "checkpoints/00000200.jsonl",
        "checkpoints/00000100.jsonl",
    ]
    storage.reads.clear()
    assert journal.events() is journal.events()
    assert {name for name in storage.reads if name.startswith("checkpoints")} == {heads.SECOND_HEAD}


def test_an_append_reads_and_writes_as_much_at_the_end_of_a_long_journal_as_of_a_short_one() -> None:
    def work(length: int) -> tuple[int, int]:
        storage = Counting()
        events = filled(storage, length)
        journal = Journal(storage, MODEL)
        journal.events()
        storage.reads.clear()
        before = dict(storage.objects)
        journal.append(entry(length), after=journal.events())
        written = {name: data for name, data in storage.objects.items() if before.get(name) != data}
        assert len(events) == length
        return len(storage.reads), len(written)

    assert work(30) == work(SPAN * 5 + 30)


@pytest.mark.parametrize("length", [1, SPAN - 1, SPAN, SPAN + 1, 2 * SPAN])
def test_every_length_reads_back(length: int) -> None:
    storage = MemoryStorage()
    events = filled(storage, length)
    assert list(Journal(storage, MODEL).events()) == events
    assert len([name for name in storage.names("checkpoints") if name != "head.json"]) == length // SPAN


def test_a_lost_or_damaged_checkpoint_costs_time_and_nothing_else(storage: Counting, events: list[Event]) -> None:
    journal = Journal(storage, MODEL)
    whole = storage.objects["checkpoints/00000100.jsonl"]
    for position in (0, 5, 40, 200, len(whole) // 2, len(whole) - 1):
        storage.objects["checkpoints/00000100.jsonl"] = (
            whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]
        )
        chain._KNOWN = chain._Known(16)
        assert list(journal.events()) == events
        assert ["00000100.jsonl is missing or differs" in problem for problem in problems(storage)] == [True]
    del storage.objects["checkpoints/00000100.jsonl"]
    chain._KNOWN = chain._Known(16)
    assert list(journal.events()) == events
    assert mend(journal, storage) == ["memory://checkpoints/00000100.jsonl is written anew."]
    assert storage.objects["checkpoints/00000100.jsonl"] == whole
    assert mend(journal, storage) == []


def test_a_checkpoint_of_another_past_is_not_believed(storage: Counting, events: list[Event]) -> None:
    forged = [replace(event, actor="eve").to_dict() for event in events[:SPAN]]
    storage.objects["checkpoints/00000100.jsonl"] = pack([*forged[:-1], events[SPAN - 1].to_dict() | {"actor": "eve"}])
    journal = Journal(storage, MODEL)
    assert [problem for problem in problems(storage) if "00000100.jsonl is missing or differs" in problem]
    storage.objects["checkpoints/00000100.jsonl"] = pack([event | {"hash": "0" * 64} for event in forged])
    assert list(journal.events()) == events, "its last hash is not the one that event 101 follows"


def test_verify_believes_no_checkpoint_that_was_packed_anew(storage: Counting, events: list[Event]) -> None:
    forged = [event.to_dict() | {"actor": "eve"} for event in events[: SPAN - 1]]
    storage.objects["checkpoints/00000100.jsonl"] = pack([*forged, events[SPAN - 1].to_dict()])
    chain._KNOWN = chain._Known(16)
    assert [problem for problem in problems(storage) if "00000100.jsonl is missing or differs" in problem]


@pytest.mark.parametrize("text", [b"", b"\n", b"{}", b"[]\n[]", b"5\n", b'{"sha256": "x"}\n{}'])
def test_a_file_that_is_no_checkpoint_holds_nothing(text: bytes) -> None:
    assert unpack(text) == []


def spoiled(storage: MemoryStorage, seq: int) -> Iterator[tuple[str, bytes | None]]:
    whole = storage.objects[chain.event_name(seq)]
    record = json.loads(whole)
    edited = record | {"actor": "eve"}
    yield "missing", None
    yield "torn", whole[: len(whole) // 2]
    yield "the same in other bytes", json.dumps(record).encode()
    yield "edited", canonical(edited)
    yield "edited with its hash made to fit", canonical(edited | {"hash": content_hash(edited)})


@pytest.mark.parametrize("seq", [1, 2, SPAN - 1, SPAN, SPAN + 1, 2 * SPAN])
def test_an_event_that_a_checkpoint_holds_is_found_by_verify_and_restored_byte_for_byte(
    storage: Counting, events: list[Event], seq: int
) -> None:
    journal, name = Journal(storage, MODEL), chain.event_name(seq)
    whole = storage.objects[name]
    for kind, data in spoiled(storage, seq):
        storage.delete(name)
        if data is not None:
            storage.objects[name] = data
        assert journal.broken(), kind
        (done,) = mend(journal, storage)
        assert f"{seq:08d}.json is restored from its checkpoint" in done
        assert storage.objects[name] == whole
        assert problems(storage) == []
    kept = [storage.objects[f"aside/{name}"] for name in storage.names("aside")]
    assert len(kept) == 4, "what was damaged is kept aside"


@pytest.mark.parametrize("seq", [2 * SPAN + 1, LENGTH - 1, LENGTH])
def test_an_event_that_no_checkpoint_holds_is_never_guessed(storage: Counting, events: list[Event], seq: int) -> None:
    journal, name = Journal(storage, MODEL), chain.event_name(seq)
    whole = storage.objects[name]
    for kind, data in spoiled(storage, seq):
        storage.delete(name)
        if data is not None:
            storage.objects[name] = data
        with pytest.raises(IntegrityError, match="retrain verify"):
            journal.events()
        before = dict(storage.objects)
        assert mend(journal, storage) == [], kind
        assert storage.objects == before
        assert all("Restore" in problem for problem in problems(storage))
    storage.objects[name] = whole
    assert list(journal.events()) == events


def test_the_last_event_of_a_checkpoint_is_restored_when_it_is_lost(storage: Counting) -> None:
    events = filled(storage, SPAN)
    journal = Journal(storage, MODEL)
    storage.delete(chain.event_name(SPAN))
    with pytest.raises(IntegrityError, match="head.json names event 100"):
        journal.events()
    (done,) = mend(journal, storage)
    assert "00000100.json is restored" in done
    assert list(journal.events()) == events


@pytest.mark.parametrize("lost", [1, 3])
def test_a_lost_tail_is_named_and_not_mended(storage: Counting, events: list[Event], lost: int) -> None:
    journal = Journal(storage, MODEL)
    for seq in range(LENGTH - lost + 1, LENGTH + 1):
        storage.delete(chain.event_name(seq))
    with pytest.raises(IntegrityError, match=f"head.json names event {LENGTH} .* ends at event {LENGTH - lost}"):
        journal.events()
    assert mend(journal, storage) == []
    missing = f"event {LENGTH}" if lost == 1 else f"events {LENGTH - lost + 1} to {LENGTH}"
    assert f"Restore {missing} from a backup." in problems(storage)[0]


def naming(event: Event) -> bytes:
    return canonical({"seq": event.seq, "hash": event.hash})


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("text", [None, b"", b"{}", b'{"seq": "x"}', "an old one"])
@pytest.mark.parametrize("behind", [0, 1])
def test_a_lost_torn_or_old_head_is_written_anew_from_the_other(
    storage: Counting, events: list[Event], name: str, text: bytes | str | None, behind: int
) -> None:
    journal = Journal(storage, MODEL)
    journal.heads.write(events[-1 - behind])
    storage.delete(name)
    if text is not None:
        storage.objects[name] = naming(events[3]) if isinstance(text, str) else text
    if (name, text) != (heads.SECOND_HEAD, None):
        with pytest.raises(IntegrityError, match=f"{name} (names event|is unreadable)"):
            journal.events()
        assert "`retrain verify --repair` writes it anew from the other head." in problems(storage)[0]
    mend(journal, storage)
    assert [storage.objects[each] for each in HEADS] == [naming(events[-1])] * 2
    assert (list(journal.events()), problems(storage), mend(journal, storage)) == (events, [], [])


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("seq", [5, LENGTH, LENGTH + 1])
def test_a_head_that_contradicts_the_chain_is_evidence_and_stays(
    storage: Counting, events: list[Event], name: str, seq: int
) -> None:
    """It may be the one file that somebody forgot who wrote the last event, or the whole tail, anew."""
    storage.objects[name] = canonical({"seq": seq, "hash": "0" * 64})
    journal = Journal(storage, MODEL)
    before = dict(storage.objects)
    assert mend(journal, storage) == []
    assert storage.objects == before
    assert f"{name} names event {seq} with hash {'0' * 64}" in problems(storage)[0]


@pytest.mark.parametrize("text", [None, b"{"])
def test_two_lost_heads_are_written_anew_only_for_who_knows_the_last_event(
    storage: Counting, events: list[Event], text: bytes | None
) -> None:
    journal = Journal(storage, MODEL)
    for name in HEADS:
        storage.delete(name)
        if text is not None:
            storage.objects[name] = text
    assert mend(journal, storage) == []
    (problem,) = problems(storage)
    last = heads.Head(LENGTH, events[-1].hash)
    assert problem.endswith(f"`retrain verify {MODEL} --repair --expect {last}`.")
    for wrong in (heads.Head(LENGTH - 1, events[-2].hash), heads.Head(LENGTH, "0" * 64), heads.Head(LENGTH + 1, "0")):
        assert mend(journal, storage, expected=wrong) == []
    assert len(mend(journal, storage, expected=heads.Head.parse(str(last)))) == 1
    assert (list(journal.events()), problems(storage)) == (events, [])


def test_nobody_can_vouch_for_an_end_that_a_head_denies(storage: Counting, events: list[Event]) -> None:
    storage.objects[heads.HEAD] = canonical({"seq": LENGTH + 1, "hash": "0" * 64})
    journal = Journal(storage, MODEL)
    assert mend(journal, storage, expected=heads.Head(LENGTH, events[-1].hash)) == []


def test_a_head_is_not_written_anew_while_something_speaks_of_more_events(
    storage: Counting, events: list[Event]
) -> None:
    journal = Journal(storage, MODEL)
    storage.delete(heads.HEAD)
    assert mend(journal, storage, traces=lambda events: True) == []
    assert len(mend(journal, storage, traces=lambda events: False)) == 1


def test_a_head_one_event_behind_is_what_an_interrupted_write_leaves(storage: Counting, events: list[Event]) -> None:
    journal = Journal(storage, MODEL)
    journal.heads.write(events[-2])
    assert list(journal.events()) == events
    for problem in problems(storage):
        assert f"does not name event {LENGTH}, the last one: a write was interrupted" in problem
    assert mend(journal, storage) == [f"memory://{name} names event {LENGTH} again." for name in HEADS]
    assert problems(storage) == []


def test_a_head_two_events_behind_means_that_files_of_two_times_were_mixed(
    storage: Counting, events: list[Event]
) -> None:
    journal = Journal(storage, MODEL)
    journal.heads.write(events[-3])
    with pytest.raises(IntegrityError, match=f"names event {LENGTH - 2} .* ends at event {LENGTH}"):
        journal.events()


def test_a_torn_last_event_that_the_head_does_not_name_is_moved_aside(storage: Counting, events: list[Event]) -> None:
    journal, name = Journal(storage, MODEL), chain.event_name(LENGTH)
    torn = storage.objects[name][:50]
    storage.objects[name] = torn
    journal.heads.write(events[-2])
    (done,) = mend(journal, storage)
    assert f"{LENGTH:08d}.json is no event" in done
    assert "moved to memory://aside/0001-00000230.json" in done
    assert storage.objects["aside/0001-00000230.json"] == torn
    assert list(journal.events()) == events[:-1]


def test_a_torn_first_event_of_a_journal_without_a_head_is_moved_aside(storage: Counting) -> None:
    filled(storage, 1)
    for name in HEADS:
        storage.delete(name)
    storage.objects[chain.event_name(1)] = b"{"
    journal = Journal(storage, MODEL)
    assert len(mend(journal, storage)) == 1
    assert journal.events() == ()
    assert problems(storage) == []


def test_a_writer_finishes_what_the_one_before_it_left(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / MODEL)
    events = filled(storage, SPAN)
    journal = Journal(storage, MODEL)
    journal.heads.write(events[-2])
    storage.delete("checkpoints/00000100.jsonl")
    journal.settle(journal.events())
    assert problems(storage) == []


def test_repair_of_a_registry_without_a_fault_changes_nothing(tmp_path: Path) -> None:
    registry = Registry(tmp_path, MODEL)
    assert registry.repair() == []
    assert not registry.folder.exists()
    filled(LocalStorage(registry.folder), 3)
    before = {
        path: path.read_bytes() for path in registry.folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    }
    assert registry.repair() == []
    after = {
        path: path.read_bytes() for path in registry.folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    }
    assert after == before


def forge(storage: MemoryStorage, seq: int) -> None:
    """Edit an event, with its own hash made to fit."""
    name = f"journal/{seq:08d}.json"
    record = json.loads(storage.objects[name]) | {"actor": "bob"}
    storage.objects[name] = canonical(record | {"hash": content_hash(record)})


@pytest.mark.parametrize("seq", [SPAN // 2, SPAN])
def test_an_edited_event_behind_a_lost_checkpoint_is_found_by_its_successor(
    storage: Counting, events: list[Event], seq: int
) -> None:
    forge(storage, seq)
    storage.delete(f"checkpoints/{SPAN:08d}.jsonl")
    with pytest.raises(
        IntegrityError, match=f"journal/{seq + 1:08d}.json follows an event with hash {events[seq - 1].hash}"
    ):
        Journal(storage, MODEL).events()


def test_a_long_journal_of_another_model_does_not_fit(storage: Counting, events: list[Event]) -> None:
    with pytest.raises(IntegrityError, match="journal/00000001.json follows an event with hash .*, the one before it"):
        Journal(storage, "flight_delays").events()
