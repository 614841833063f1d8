"""What retention deletes, what it never deletes, and that what is deleted is told from what is lost."""

from __future__ import annotations

import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import (
    RULES,
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
from retrain_assets.errors import IntegrityError, NotFound, StorageError, WrongCandidate
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.retention import Kept, RetentionPolicy
from retrain_assets.registry.rulings import Approve, Hold, Release, Signature
from retrain_assets.registry.storage.disk import LocalStorage
from retrain_assets.registry.storage.version_folders import VersionFolders
from retrain_assets.verdict import Outcome

NOTHING = Kept(newest=0)
LEAST = RetentionPolicy(candidates=NOTHING, versions=NOTHING)


def rejected(registry: Registry, number: int, outcome: Outcome = Outcome.FAIL) -> str:
    """The digest of a candidate whose attempt of a period ended without a promotion."""
    judged = verdict(registry, number, candidate(registry, f"tried in {number}"), findings=findings(outcome))
    registry.record(judged, at=moment(number), actor="run 1")
    return judged.candidate_digest


def pruned(registry: Registry, number: int, policy: RetentionPolicy = LEAST) -> set[str]:
    """Digests that the policy deletes in a period; they are gone, everything else is still there."""
    before = set(VersionFolders(LocalStorage(registry.folder)).digests())
    event = registry.prune(policy, at=moment(number), actor="run 1")
    after = set(VersionFolders(LocalStorage(registry.folder)).digests())
    deleted = set(event.deleted) if event else set()
    assert before - after == deleted
    return deleted


def test_without_a_declaration_everything_is_kept(registry: Registry) -> None:
    promoted(registry, [0, 1, 2, 3])
    rejected(registry, 4)
    rejected(registry, 5)
    assert pruned(registry, 500, RetentionPolicy()) == set()
    assert len(registry.history()) == 10


def test_the_live_version_and_the_one_before_stay_whatever_is_declared(registry: Registry) -> None:
    first, second, third, fourth = (event.to_digest for event in promoted(registry, [0, 1, 2, 3]))
    assert pruned(registry, 9) == {first, second}
    assert rolled_back(registry, 9).to_digest == third
    assert registry.live().digest == third
    assert registry.read(fourth), "what a rollback left stays until the next decision, for the harvest and the review"


def test_after_a_rollback_the_version_a_second_one_returns_to_stays(registry: Registry) -> None:
    first, second, *_ = (event.to_digest for event in promoted(registry, [0, 1, 2, 3]))
    rolled_back(registry, 4)
    assert pruned(registry, 9) == {first}
    assert rolled_back(registry, 9).to_digest == second


def test_a_rollback_passes_over_versions_whose_files_are_gone(registry: Registry) -> None:
    promoted(registry, [0, 1, 2])
    pruned(registry, 3)
    assert rolled_back(registry, 3).to_version == "v2"
    with pytest.raises(NotFound, match="versions served before and not rolled back: none"):
        rolled_back(registry, 4)


def test_the_newest_so_many_of_each_kind_stay(registry: Registry) -> None:
    versions = [event.to_digest for event in promoted(registry, range(6))]
    tried = [rejected(registry, number) for number in range(6, 11)]
    policy = RetentionPolicy(candidates=Kept(newest=2), versions=Kept(newest=3))
    assert pruned(registry, 11, policy) == {*versions[:2], *tried[:3]}
    assert pruned(registry, 11, policy) == set(), "a second time there is nothing left to do"


def test_only_the_kind_that_is_declared_goes(registry: Registry) -> None:
    promoted(registry, range(4))
    tried = [rejected(registry, number) for number in range(4, 7)]
    assert pruned(registry, 9, RetentionPolicy(candidates=NOTHING)) == set(tried[:2])


def test_what_is_younger_than_declared_stays_beyond_the_number(registry: Registry) -> None:
    promoted(registry, [0])
    tried = [rejected(registry, number) for number in (1, 2, 3, 4)]
    policy = RetentionPolicy(candidates=Kept(newest=1, younger_than=timedelta(weeks=3)))
    assert pruned(registry, 5, policy) == {tried[0]}
    assert pruned(registry, 8, policy) == {tried[1], tried[2]}


def test_what_a_person_holds_or_approved_stays_while_that_stands(registry: Registry) -> None:
    promoted(registry, [0])
    held, released = rejected(registry, 1), rejected(registry, 2)
    judged = verdict(registry, 3, candidate(registry, "approved"), findings=findings(Outcome.INSUFFICIENT))
    registry.record(judged, at=moment(3), actor="run 1")
    rejected(registry, 4)
    ann = Signature("ann", "may be wanted", moment(4), period(4))
    registry.rule(Hold(ann, held, moment(9)))
    registry.rule(Hold(ann, released))
    registry.rule(Release(ann, released))
    registry.rule(Approve(ann, judged, moment(7), RULES, True))
    assert pruned(registry, 5) == {released}
    assert pruned(registry, 7) == {judged.candidate_digest}
    assert pruned(registry, 8) == set()
    assert pruned(registry, 9) == {held}


def test_the_candidate_of_the_last_attempt_stays_so_that_a_person_can_still_rule(registry: Registry) -> None:
    promoted(registry, [0])
    last = rejected(registry, 1, Outcome.INSUFFICIENT)
    assert pruned(registry, 9) == set()
    assert registry.read(last)


def test_a_candidate_that_was_never_judged_and_a_folder_nobody_names_stay(registry: Registry) -> None:
    promoted(registry, [0, 1])
    waiting = candidate(registry, "not judged yet")
    fallback = registry.add({"model.bst": b"the trivial baseline"})
    assert pruned(registry, 99) == set()
    assert registry.read(waiting)
    assert registry.read(fallback)


def test_what_was_deleted_is_told_from_what_is_lost(registry: Registry) -> None:
    first, second, _ = (event.to_digest for event in promoted(registry, [0, 1, 2]))
    tried = [rejected(registry, number) for number in (3, 4, 5)]
    pruned(registry, 6)
    assert registry.verify() == []
    assert registry.deleted() == {first, *tried[:2]}
    for digest in (second, tried[2]):
        shutil.rmtree(registry.folder / "versions" / digest)
    assert registry.verify() == [
        f"taxi_charge: the candidate of {period(5)} (rejected) has no folder {tried[2]}. Restore it.",
        f"taxi_charge: v2 (once live) has no folder {second}. Restore it.",
    ]


def test_a_deleted_candidate_that_is_trained_and_promoted_again_and_then_lost_is_lost(registry: Registry) -> None:
    promoted(registry, [0])
    tried = rejected(registry, 1)
    rejected(registry, 2)
    assert pruned(registry, 3) == {tried}
    promote(registry, verdict(registry, 4, candidate(registry, "tried in 1")), 4)
    assert registry.live().digest == tried
    shutil.rmtree(registry.folder / "versions" / tried)
    assert registry.verify() == [f"taxi_charge: v2 (live) has no folder {tried}. Restore it."]


def test_a_deleted_version_says_so_and_keeps_its_verdict(registry: Registry) -> None:
    judged = verdict(registry, 0, candidate(registry, "of 0"))
    promote(registry, judged, 0)
    promoted(registry, [1, 2])
    pruned(registry, 3)
    version = registry.versions()[0]
    assert registry.verdict(version) == judged
    with pytest.raises(NotFound, match=f"{version.digest[:12]} were deleted by retention as of {period(2)}"):
        registry.read(version.digest)
    with pytest.raises(WrongCandidate, match="is not in the registry"):
        promote(registry, verdict(registry, 4, version.digest), 4)


def test_the_record_names_every_digest_and_moves_nothing(registry: Registry) -> None:
    promoted(registry, [0, 1, 2])
    event = registry.prune(LEAST, at=moment(3), actor="run 7")
    assert (event.action, event.from_version, event.to_version, event.actor) == ("pruned", "v3", "v3", "run 7")
    assert event.deleted == (registry.versions()[0].digest,)
    assert "kept are the 0 newest candidates, the 0 newest former versions" in event.reason
    assert fresh(registry.folder.parent).history()[-1] == event


def test_a_crash_between_the_record_and_the_deletion_leaves_files_that_the_next_call_deletes(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_ = (event.to_digest for event in promoted(registry, [0, 1, 2]))
    with monkeypatch.context() as patch:
        patch.setattr(VersionFolders, "remove", lambda self, digest: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            registry.prune(LEAST, at=moment(3), actor="run 1")
    assert registry.read(first)
    assert registry.verify() == []
    assert pruned(registry, 3) == {first}


def test_a_crash_in_the_middle_of_a_deletion_leaves_no_half_version(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(registry, [0, 1, 2])
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path: (_ for _ in ()).throw(OSError(5, "the disk is gone")))
        with pytest.raises(StorageError, match="the disk is gone"):
            registry.prune(LEAST, at=moment(3), actor="run 1")
    assert registry.verify() == []
    promoted(registry, [4])
    assert registry.verify() == []
    assert not list((registry.folder / "versions").glob(".tmp-*")), "the next candidate sweeps the rest away"


def test_a_damaged_live_version_is_still_reported_after_retention(registry: Registry) -> None:
    *_, last = (event.to_digest for event in promoted(registry, [0, 1, 2]))
    pruned(registry, 3)
    path = registry.folder / "versions" / last / "model.bst"
    path.chmod(0o644)
    path.write_bytes(b"")
    with pytest.raises(IntegrityError, match="model.bst has digest"):
        registry.read(last)
    assert len(registry.verify()) == 1


@pytest.mark.parametrize("seed", range(2))
def test_random_histories_never_lose_what_is_live_held_or_to_be_returned_to(tmp_path: Path, seed: int) -> None:
    chance, registry = random.Random(seed), fresh(tmp_path)
    promoted(registry, [0])
    held: set[str] = set()
    served = [registry.live().digest]
    barred: set[str] = set()
    for number in range(1, 16):
        move = chance.choice(["promote", "reject", "reject", "roll back", "hold", "nothing"])
        back = [digest for digest in served if digest not in {*barred, served[-1]}]
        if move == "promote":
            served.append(promoted(registry, [number])[0].to_digest)
        elif move == "reject":
            rejected(registry, number)
        elif move == "roll back" and back:
            barred.add(served[-1])
            served.append(back[-1])
            assert rolled_back(registry, number, person=True).to_digest == back[-1]
        elif move == "hold":
            held.add(rejected(registry, number))
            registry.rule(
                Hold(Signature("ann", "keep", moment(number), period(number)), registry.spent()[-1].candidate)
            )
        gone = pruned(registry, number, RetentionPolicy(candidates=Kept(newest=1), versions=Kept(newest=0)))
        back = [digest for digest in served if digest not in {*barred, served[-1], *registry.deleted()}]
        assert not gone & {served[-1], *held, *back[-1:]}
        served = [digest for digest in served if digest == served[-1] or digest not in gone]
        assert registry.verify() == []
