"""A journal whose events are gone, a checkpoint that was rewritten, files that are none of the registry's."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import (
    MODEL,
    candidate,
    fresh,
    moment,
    period,
    promote,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.errors import IntegrityError
from retrain_assets.registry.journal import chain, heads
from retrain_assets.registry.journal.attempts import gate_use
from retrain_assets.registry.journal.chain import Journal
from retrain_assets.registry.journal.checkpoints import SPAN, pack
from retrain_assets.registry.journal.events import Entry, Event, content_hash
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import Hold, Signature
from retrain_assets.registry.storage.disk import LocalStorage, canonical, sha256
from retrain_assets.verdict import Verdict
from retrain_assets_tests.registry.memory import MemoryStorage


@pytest.fixture
def emptied(registry: Registry) -> Registry:
    """Three versions were promoted; then somebody cleared the journal's folder."""
    promoted(registry, [0, 1, 2])
    for path in (registry.folder / "journal").iterdir():
        path.unlink()
    return fresh(registry.folder.parent)


def test_verify_says_which_events_an_emptied_journal_lacks(emptied: Registry) -> None:
    (problem,) = emptied.verify()
    assert "checkpoints/head.json names event 6 with hash" in problem
    assert problem.endswith("the journal holds no event. Restore events 1 to 6 from a backup.")
    assert emptied.repair() == []
    assert emptied.verify() == [problem]


def test_a_journal_whose_folder_is_gone_is_found_too(emptied: Registry) -> None:
    shutil.rmtree(emptied.folder / "journal")
    assert "Restore events 1 to 6 from a backup." in emptied.verify()[0]


def test_nothing_is_decided_on_an_emptied_journal(emptied: Registry) -> None:
    signed = Signature("ann", "looks", moment(3), period(3))
    digest = candidate(emptied, "late")
    judged = verdict_without_reading(emptied, digest)
    for decision in (
        emptied.live,
        emptied.spent,
        lambda: emptied.served_in(period(9)),
        lambda: promote(emptied, judged, 3),
        lambda: emptied.record(judged, at=moment(3), actor="run 1"),
        lambda: emptied.rule(Hold(signed)),
        lambda: rolled_back(emptied, 3, expected_live="v3"),
    ):
        with pytest.raises(IntegrityError, match="names event 6 .* the journal holds no event"):
            decision()


def verdict_without_reading(registry: Registry, digest: str):
    """A first model's verdict, as a process would reach it that believes the emptied journal."""
    return verdict(fresh(registry.folder.parent / "elsewhere"), 3, digest)


def test_an_older_copy_of_the_whole_journal_is_found(registry: Registry) -> None:
    promoted(registry, [0, 1])
    older = shutil.copytree(registry.folder / "journal", registry.folder.parent / "older")
    promoted(registry, [2, 3])
    shutil.rmtree(registry.folder / "journal")
    shutil.copytree(older, registry.folder / "journal")
    with pytest.raises(IntegrityError, match="names event 8 .* the journal ends at event 4"):
        fresh(registry.folder.parent).live()
    assert any("Restore events 5 to 8 from a backup." in problem for problem in registry.verify())


def crashed_recording(registry: Registry, number: int) -> Verdict:
    """A process ends after it stored a verdict and before it wrote the event."""
    judged = verdict(registry, number, candidate(registry, f"{number}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", ended)
        with pytest.raises(Ended, match="between verdict and event"):
            registry.record(judged, at=moment(number), actor="run 1")
    return judged


class Ended(BaseException):
    """The process is gone."""


def ended(*arguments: object, **named: object) -> None:
    raise Ended("between verdict and event")


def test_verdicts_of_crashed_attempts_are_no_lost_history(registry: Registry) -> None:
    for number in (0, 1):
        crashed_recording(registry, number)
    again = fresh(registry.folder.parent)
    assert (again.live(), again.history(), again.verify()) == (None, (), [])
    assert [use.outcome for use in again.spent()] == ["begun", "begun"]


def test_a_crashed_attempt_is_written_down_by_the_next_process_and_leaves_nothing(registry: Registry) -> None:
    judged = crashed_recording(registry, 0)
    again = fresh(registry.folder.parent)
    again.record(judged, at=moment(1), actor="run 2")
    assert [use.outcome for use in again.spent()] == ["passed"]
    assert (list((again.folder / "claims").iterdir()), again.verify()) == ([], [])


def test_rows_that_have_an_answer_are_not_given_back(registry: Registry) -> None:
    """Judged, stored, crashed; a second try at the same question ends in an error before its answer."""
    judged = verdict(registry, 0, candidate(registry, "0"))
    use = gate_use(judged, "begun")
    registry.claim("a" * 64, use, at=moment(0), refuse=lambda spent: None)
    crashed_recording(registry, 0)
    again = fresh(registry.folder.parent)
    again.withdraw("a" * 64)
    assert (again.spent(), again.verify()) == ((use,), [])


# ---- a shorter journal that looks whole


def shortened(registry: Registry, left: int) -> Registry:
    """The last events are taken away and both heads written to fit; what a reader sees is whole."""
    events = registry.history()
    for event in events[left:]:
        (registry.folder / chain.event_name(event.seq)).unlink()
    Journal(LocalStorage(registry.folder), MODEL).heads.write(events[left - 1])
    again = fresh(registry.folder.parent)
    assert again.history() == events[:left]
    return again


def test_a_journal_whose_folders_are_both_gone_is_found_by_the_verdicts_that_stay(registry: Registry) -> None:
    promoted(registry, [0, 1])
    for folder in ("journal", "checkpoints"):
        shutil.rmtree(registry.folder / folder)
    again = fresh(registry.folder.parent)
    problems = again.verify()
    assert len(problems) == 2
    for number, problem in zip((0, 1), sorted(problems, key=lambda text: text.split(", of ")[1]), strict=True):
        assert f", of {period(number)}, is quoted by no event. The journal held more than event 0." in problem
    assert (again.repair(), again.verify()) == ([], problems)


def test_lost_attempts_are_named_although_both_heads_were_written_to_fit(registry: Registry) -> None:
    promoted(registry, [0, 1, 2])
    (problem,) = shortened(registry, 4).verify()
    assert f"of {period(2)}, is quoted by no event. The journal held more than event 4." in problem


def test_a_claim_against_a_version_that_no_event_made_live_is_named(registry: Registry) -> None:
    promoted(registry, [0, 1])
    wanted = gate_use(verdict(registry, 2, candidate(registry, "c")), "begun")
    registry.claim("b" * 64, wanted, at=moment(2), refuse=lambda spent: None)
    assert registry.verify() == []
    problems = shortened(registry, 2).verify()
    live = str(wanted.champion)[:12]
    assert [problem for problem in problems if f"names {live} as the live version, no event made it so" in problem]


def test_a_checkpoint_or_a_file_set_aside_beyond_the_end_is_named(long_registry: Registry) -> None:
    (long_registry.folder / "aside").mkdir()
    (long_registry.folder / "aside" / f"0001-{SPAN + 6:08d}.json").write_bytes(b"{")
    assert long_registry.verify() == []
    problems = shortened(long_registry, SPAN - 2).verify()
    assert [problem for problem in problems if f"checkpoints/{SPAN:08d}.jsonl speaks of event {SPAN}" in problem]
    assert [problem for problem in problems if f"aside/0001-{SPAN + 6:08d}.json speaks of event {SPAN + 5}" in problem]


@pytest.fixture
def long_registry(registry: Registry) -> Registry:
    """A journal with a checkpoint, most of it without verdicts."""
    promoted(registry, [0])
    journal, live = Journal(LocalStorage(registry.folder), MODEL), registry.live()
    events = list(journal.events())
    for number in range(len(events), SPAN + 5):
        pointer = ("v1", "v1", live.digest, live.digest)
        told = Entry(moment(number), period(number), "identical", *pointer, "run", "the same", None, None)
        events.append(journal.append(told, after=events))
    return fresh(registry.folder.parent)


@pytest.mark.parametrize("event", ["rolled_back", "promoted"])
def test_an_event_that_leaves_no_trace_is_found_by_who_kept_its_number_and_hash(registry: Registry, event: str) -> None:
    """A rollback has no verdict, a promotion shares that of its attempt: the folder alone cannot show them."""
    promoted(registry, [0, 1])
    if event == "rolled_back":
        rolled_back(registry, 2)
    kept = heads.Head(registry.history()[-1].seq, registry.history()[-1].hash)
    assert registry.verify(kept) == []
    again = shortened(registry, kept.seq - 1)
    assert again.verify() == []
    (problem,) = again.verify(kept)
    assert f"{kept.seq:08d}.json is missing. It was expected with hash {kept.hash}." in problem
    promoted(again, [5])
    (problem,) = again.verify(kept)
    assert f"{kept.seq:08d}.json has hash " in problem
    assert f"expected was {kept.hash}. Restore the journal from a backup." in problem


def test_a_journal_of_the_time_before_the_second_head_is_read_and_the_next_event_adds_it(registry: Registry) -> None:
    promoted(registry, [0, 1])
    second = registry.folder / heads.SECOND_HEAD
    second.unlink()
    again = fresh(registry.folder.parent)
    assert again.live().name == "v2"
    assert ["does not name event 4" in problem for problem in again.verify()] == [True]
    promoted(again, [2])
    assert (second.exists(), again.verify()) == (True, [])


# ---- checkpoints


def entry(number: int) -> Entry:
    return Entry(datetime(2019, 1, 1), f"{number}", "rejected", None, None, None, None, "run", "worse", None, None)


@pytest.fixture
def long() -> tuple[MemoryStorage, list[Event]]:
    """A journal with a checkpoint, and its events."""
    storage, events = MemoryStorage(), []
    for number in range(SPAN + 5):
        events.append(Journal(storage, MODEL).append(entry(number), after=events))
    return storage, events


def rechained(records: list[dict]) -> list[dict]:
    """The records with hashes that fit their content and one another."""
    for record, before in zip(records[1:], records, strict=False):
        record["previous_hash"] = before["hash"]
        record["hash"] = content_hash(record)
    return records


@pytest.mark.parametrize("rehash", ["nothing", "its own", "the rest", "all but the last"])
def test_a_checkpoint_rewritten_with_a_header_that_fits_is_not_believed(
    long: tuple[MemoryStorage, list[Event]], rehash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, events = long
    forged = [event.to_dict() for event in events[:SPAN]]
    forged[40] |= {"actor": "eve"}
    if rehash != "nothing":
        forged[40]["hash"] = content_hash(forged[40])
    if rehash in ("the rest", "all but the last"):
        forged[40:] = rechained(forged[40:])
    if rehash == "all but the last":
        forged[-1] = events[SPAN - 1].to_dict()
    storage.objects["checkpoints/00000100.jsonl"] = pack(forged)
    monkeypatch.setattr(chain, "_KNOWN", chain._Known(16))
    assert list(Journal(storage, MODEL).events()) == events


def test_the_hash_of_a_line_is_the_hash_of_its_record(long: tuple[MemoryStorage, list[Event]]) -> None:
    """The short cut by which checkpoints are checked says what hashing each record anew says."""
    tricky = Event.seal(entry(0).__class__(**{**vars(entry(0)), "reason": 'it said "hash":"9f",'}), 1, "0" * 64)
    for event in (*long[1], tricky):
        line = canonical(event.to_dict())
        assert sha256(line.replace(b'"hash":"%s",' % event.hash.encode(), b"", 1)) == content_hash(event.to_dict())


# ---- foreign files


@pytest.mark.parametrize(
    "name",
    ["journal/notes.txt", "journal/00000001.json.bak", "journal/1.json", "verdicts/copy.json", "checkpoints/old.jsonl"],
)
def test_verify_names_a_file_that_is_none_of_the_registrys(registry: Registry, name: str) -> None:
    promoted(registry, [0, 1])
    path: Path = registry.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"{}")
    assert registry.verify() == [f"{path} is no file of the registry. Move it away."]
    assert registry.live().name == "v2"


def places(registry: Registry) -> list[str]:
    """One file of every kind, and the locks."""
    live = registry.live()
    inside = [f"versions/{live.digest}/{name}" for name in ("model.bst", "manifest.json")]
    quoted = f"verdicts/{registry.history()[0].evidence}.json"
    own = ["journal/00000001.json", "journal/00000003.json", *heads.HEADS, f"claims/{'b' * 64}.json", "journal.lock"]
    return [*own, quoted, *inside]


@pytest.mark.parametrize("kind", ["folder", "link"])
@pytest.mark.parametrize("number", range(9))
def test_verify_names_a_folder_or_a_link_in_the_place_of_a_file_and_goes_on(
    registry: Registry, number: int, kind: str
) -> None:
    promoted(registry, [0, 1])
    wanted = gate_use(verdict(registry, 2, candidate(registry, "c")), "begun")
    registry.claim("b" * 64, wanted, at=moment(2), refuse=lambda spent: None)
    (registry.folder / "verdicts" / "notes.txt").write_bytes(b"also wrong")
    path: Path = registry.folder / places(registry)[number]
    aside = path.rename(registry.folder / "moved")
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(aside)
    again = fresh(registry.folder.parent)
    said = f"{path} is a folder, where a file belongs" if kind == "folder" else f"{path} is a symbolic link"
    found = again.verify()
    assert [problem for problem in found if said in problem]
    assert [problem for problem in found if "notes.txt is no file of the registry" in problem]


def test_verify_names_a_verdict_whose_content_is_another(registry: Registry) -> None:
    promoted(registry, [0, 1])
    path = registry.folder / "verdicts" / f"{'0' * 64}.json"
    path.write_bytes(b"{}")
    (problem,) = registry.verify()
    assert problem == f"{path} is not the verdict of that digest. Restore it from a backup, or move it away."


def test_a_planted_number_far_beyond_the_end_is_named_at_once(registry: Registry) -> None:
    promoted(registry, [0, 1])
    (registry.folder / "journal" / "99999999.json").write_bytes(b"{}")
    found = registry.verify()
    assert [problem for problem in found if "00000005.json to 99999998.json are missing" in problem]
    assert registry.live().name == "v2"


def test_a_promotion_on_a_verdict_that_no_attempt_wrote_down_is_named(registry: Registry) -> None:
    promoted(registry, [0])
    judged = verdict(registry, 1, candidate(registry, "b"))
    registry._evidence.keep(judged)
    live = registry.live()
    pointer = ("v1", "v2", live.digest, judged.candidate_digest)
    forged = Entry(moment(1), period(1), "promoted", *pointer, "eve", "every check passed", judged.digest, None)
    journal = Journal(LocalStorage(registry.folder), MODEL)
    journal.append(forged, after=journal.events())
    (problem,) = registry.verify()
    assert problem == f"{MODEL}: event 3 (promoted) rests on a verdict that no attempt before it wrote down."
