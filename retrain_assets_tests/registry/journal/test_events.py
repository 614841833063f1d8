"""The journal: append-only, chained, and whole after any crash."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from benchmarks.worlds.crashes import survives
from benchmarks.worlds.verdicts import (
    MODEL,
    candidate,
    findings,
    fresh,
    moment,
    period,
    promote,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.errors import Conflict, IntegrityError
from retrain_assets.registry.journal.chain import Journal
from retrain_assets.registry.journal.events import Entry, Event, GateUse, content_hash
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import Hold, Signature
from retrain_assets.registry.storage.disk import TEMPORARY, LocalStorage, canonical
from retrain_assets.verdict import Outcome


@pytest.fixture
def busy(registry: Registry) -> Registry:
    """Six events: v1 and v2, each passed and promoted, a rejection, back to v1."""
    promoted(registry, [0, 1])
    failed = verdict(registry, 2, candidate(registry, "b"), findings=findings(Outcome.FAIL))
    registry.record(failed, at=moment(2), actor="run 1")
    rolled_back(registry, 3)
    assert registry.verify() == []
    return registry


def event_file(registry: Registry, seq: int) -> Path:
    path = registry.folder / "journal" / f"{seq:08d}.json"
    path.chmod(0o644)
    return path


def edit(registry: Registry, seq: int, **changes: object) -> None:
    path = event_file(registry, seq)
    path.write_bytes(canonical(json.loads(path.read_text()) | changes))


def damaged(registry: Registry, match: str) -> None:
    """Reading and moving both stop, and `verify` says the same without stopping."""
    with pytest.raises(IntegrityError, match=match):
        registry.live()
    with pytest.raises(IntegrityError, match=match):
        rolled_back(registry, 9)
    assert any(problem for problem in registry.verify())


def test_each_event_is_one_numbered_file_that_carries_the_hash_of_the_one_before(busy: Registry) -> None:
    files = sorted(path.name for path in (busy.folder / "journal").glob("0*.json"))
    assert files == [f"{seq:08d}.json" for seq in range(1, 7)]
    events = busy.history()
    assert [event.previous_hash for event in events[1:]] == [event.hash for event in events[:-1]]
    assert [Event.from_dict(json.loads(json.dumps(event.to_dict()))) for event in events] == list(events)


@pytest.mark.parametrize("seq", [1, 2, 5, 6])
@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "bob"},
        {"reason": "better"},
        {"at": "2020-01-01T00:00:00"},
        {"to_digest": "0" * 64},
        {"hash": "0" * 64},
    ],
)
def test_an_edited_event_is_found(busy: Registry, seq: int, changes: dict[str, str]) -> None:
    edit(busy, seq, **changes)
    damaged(busy, f"{seq:08d}.json was edited: its content hashes to")


@pytest.mark.parametrize(("seq", "match"), [(2, "00000003.json follows an event"), (6, "head.json names event 6")])
def test_an_edited_event_with_its_hash_made_to_fit_is_found_by_its_successor_or_the_head(
    busy: Registry, seq: int, match: str
) -> None:
    edit(busy, seq, actor="bob")
    edit(busy, seq, hash=content_hash(json.loads(event_file(busy, seq).read_text())))
    damaged(busy, match)


@pytest.mark.parametrize("seq", [1, 2, 5, 6])
def test_a_torn_event_is_found_at_every_length(busy: Registry, seq: int) -> None:
    whole = event_file(busy, seq).read_bytes()
    for length in range(0, len(whole), 97):
        event_file(busy, seq).write_bytes(whole[:length])
        with pytest.raises(IntegrityError, match=f"{seq:08d}.json is no event"):
            busy.live()
    event_file(busy, seq).write_bytes(whole)
    assert busy.live().name == "v1"


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_missing_event_is_found(busy: Registry, seq: int) -> None:
    event_file(busy, seq).unlink()
    damaged(busy, f"{seq:08d}.json is missing")


def test_a_lost_tail_is_found(busy: Registry) -> None:
    event_file(busy, 6).unlink()
    damaged(busy, "head.json names event 6 .* the journal ends at event 5")


def test_an_event_copied_to_another_number_is_found(busy: Registry) -> None:
    (busy.folder / "journal" / "00000005.json").write_bytes(event_file(busy, 4).read_bytes())
    damaged(busy, "00000005.json holds event 4")


@pytest.mark.parametrize("text", ["", "[]", "5", '{"seq": "x", "hash": ""}', '{"seq": 4}'])
def test_a_broken_head_is_found(busy: Registry, text: str) -> None:
    (busy.folder / "journal" / "head.json").write_text(text)
    damaged(busy, "head.json is unreadable")


def test_another_models_journal_does_not_fit(busy: Registry, tmp_path: Path) -> None:
    (tmp_path / "flight_delays").mkdir()
    for part in ("journal", "verdicts", "versions"):
        os.rename(busy.folder / part, tmp_path / "flight_delays" / part)
    with pytest.raises(IntegrityError, match="00000001.json follows an event"):
        Registry(tmp_path, "flight_delays").live()


def test_a_changed_or_missing_verdict_is_found(busy: Registry) -> None:
    stored = busy.folder / "verdicts" / f"{busy.history()[0].evidence}.json"
    stored.chmod(0o644)
    whole = stored.read_text()
    for text in (whole.replace('"pass"', '"fail"', 1), ""):
        stored.write_text(text)
        with pytest.raises(IntegrityError, match="event 2 recorded"):
            busy.verdict(busy.live())
        assert [problem for problem in busy.verify() if "event 1 recorded" in problem]
    stored.unlink()
    with pytest.raises(IntegrityError, match="event 2 recorded"):
        busy.verdict(busy.live())


def test_a_version_whose_folder_is_gone_is_a_problem(busy: Registry) -> None:
    digest = busy.live().digest
    os.rename(busy.folder / "versions" / digest, busy.folder / "gone")
    assert busy.verify() == [f"{MODEL}: v1 (live) has no folder {digest}. Restore it."]


def test_a_well_chained_journal_that_contradicts_itself_is_a_problem(registry: Registry) -> None:
    """Events written past the rules: a rejection that moves the pointer, a promotion on a failed verdict."""
    promoted(registry, [0])
    failed = verdict(registry, 1, candidate(registry, "b"), findings=findings(Outcome.FAIL))
    rejected = registry.record(failed, at=moment(1), actor="run 1")
    journal = Journal(LocalStorage(registry.folder), MODEL)
    live = registry.live()
    forged = Entry(
        moment(2), period(2), "promoted", "v7", "v2", live.digest, failed.candidate_digest, "eve", "because",
        rejected.evidence, rejected.gate,
    )  # fmt: skip
    journal.append(forged, after=journal.events())
    moved = Entry(
        moment(3), period(3), "rejected", "v2", "v1", failed.candidate_digest, live.digest, "eve", "because", None, None
    )
    journal.append(moved, after=journal.events())
    problems = registry.verify()
    assert [problem for problem in problems if "starts from v7, live was v1" in problem]
    assert [problem for problem in problems if "event 4 is promoted, its verdict says reject" in problem]
    assert [problem for problem in problems if "event 5 (rejected) moved the pointer to v1" in problem]


def test_only_one_of_two_who_saw_the_same_history_appends(registry: Registry) -> None:
    """Without any lock: creating the numbered file is the compare-and-swap."""
    promoted(registry, [0, 1])
    journal = Journal(LocalStorage(registry.folder), MODEL)
    seen = journal.events()
    rolled_back(registry, 2)
    entry = Entry(moment(2), period(2), "rolled_back", "v2", "v1", "b", "a", "bob", "late", None, None)
    with pytest.raises(Conflict, match="somebody else wrote event 5 first"):
        journal.append(entry, after=seen)
    assert registry.history()[-1].actor == "ann"


def test_of_many_who_append_to_the_same_history_without_a_lock_exactly_one_succeeds(tmp_path: Path) -> None:
    journal = Journal(LocalStorage(tmp_path), MODEL)

    def append(actor: str, seen: tuple[Event, ...]) -> str | None:
        entry = Entry(moment(0), period(0), "rolled_back", "v2", "v1", "b", "a", actor, "race", None, None)
        try:
            return journal.append(entry, after=seen).actor
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        for seen in range(25):
            history = journal.events()
            assert len(history) == seen
            actors = list(pool.map(append, "abcdefgh", [history] * 8))
            assert [actor for actor in actors if actor] == [journal.events()[-1].actor]
    assert journal.broken() == []


def test_what_a_crash_left_under_a_temporary_name_is_not_read_and_goes_with_the_next_write(busy: Registry) -> None:
    before = busy.history()
    for folder in ("journal", "verdicts"):
        (busy.folder / TEMPORARY / folder / "abc").write_bytes(b'{"seq": 5')
    (busy.folder / TEMPORARY / "versions" / "def").mkdir()
    (busy.folder / TEMPORARY / "versions" / "def" / "model.bst").write_bytes(b"tr")
    assert busy.history() == before
    assert busy.verify() == []
    promoted(busy, [5])
    assert not list((busy.folder / TEMPORARY).glob("*/*"))


Move = Callable[[Registry], object]


def _promotion(registry: Registry) -> object:
    return promote(registry, verdict(registry, 2, candidate(registry, "crash")), 2)


def _rollback(registry: Registry) -> object:
    return rolled_back(registry, 2, expected_live=History(registry.history()).versions[1].digest)


@pytest.mark.parametrize("move", [_promotion, _rollback])
def test_a_crash_at_any_write_leaves_the_old_state_or_the_new_and_the_move_can_be_repeated(
    tmp_path: Path, move: Move
) -> None:
    """Each fsync, link and replace in turn is the last that the process does; a new process then looks and repeats."""
    outcomes: list[int] = []
    for survived in range(40):
        root = tmp_path / str(survived)
        promoted(fresh(root), [0, 1])
        candidate(fresh(root), "crash")
        finished = survives(partial(move, fresh(root)), survived, ("fsync", "link", "replace"))
        after = fresh(root)
        assert all("a write was interrupted" in problem for problem in after.verify())
        after.repair()
        assert after.verify() == []
        outcomes.append(len(after.history()))
        if len(after.history()) < (6 if move is _promotion else 5):
            move(after)
        assert after.history()[-1].action == ("promoted" if move is _promotion else "rolled_back")
        promoted(after, [3])
        assert after.verify() == []
        assert len(after.history()) == (8 if move is _promotion else 7)
        if finished:
            break
    assert finished
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == ({4, 5, 6} if move is _promotion else {4, 5})


def test_an_event_is_restored_as_it_was_with_and_without_a_persons_terms(busy: Registry) -> None:
    busy.rule(Hold(Signature("ann", "look first", moment(4), period(4))))
    held = busy.history()[-1]
    assert held.terms is not None
    for event in busy.history():
        assert Event.restored(json.loads(json.dumps(event.to_dict()))) == event


def test_gate_rows_are_counted_by_the_wall_clock() -> None:
    with pytest.raises(ValueError, match=r"gate rows of 2024-01: '2024-01-01T00:00:00\+01:00' carries a time zone"):
        GateUse("2024-01", "2024-01-01T00:00:00+01:00", "2024-02-01T00:00:00", 9, "r", "c", None, "rejected")


def test_a_version_that_an_event_calls_by_anothers_name_is_a_problem(registry: Registry) -> None:
    promoted(registry, [0, 1])
    first, live = History(registry.history()).versions
    journal = Journal(LocalStorage(registry.folder), MODEL)
    forged = Entry(
        moment(2), period(2), "rolled_back", "v2", "v7", live.digest, first.digest, "eve", "because", None, None
    )
    journal.append(forged, after=journal.events())
    assert [problem for problem in registry.verify() if f"calls {first.digest[:12]} v7, which is another" in problem]
