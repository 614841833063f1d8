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
from retrain_assets.registry.retention import RetainedVersions, RetentionPolicy
from retrain_assets.registry.rulings import Anchor, Approve, Hold, Release, Signature
from retrain_assets.registry.storage.disk import LocalStorage
from retrain_assets.registry.storage.version_folders import VersionFolders
from retrain_assets.verdict import Outcome

NOTHING = RetainedVersions(newest=0)
LEAST = RetentionPolicy(candidates=NOTHING, versions=NOTHING)


def rejected(registry: Registry, number: int, outcome: Outcome = Outcome.FAIL) -> str:
    """The digest of a candidate whose attempt of a period ended without a promotion."""
    judged = verdict(registry, number, candidate(registry, f"tried in {number}"), findings=findings(outcome))
    registry.record(judged, at=moment(number), actor="run 1")
    return judged.candidate_digest


def pruned(registry: Registry, number: int, policy: RetentionPolicy = LEAST) -> set[str]:
    """Digests that the policy deletes in a period; they are gone, everything else is still there."""
    before = set(VersionFolders(LocalStorage(registry.folder), registry.model).digests())
    event = registry.prune(policy, at=moment(number), actor="run 1")
    after = set(VersionFolders(LocalStorage(registry.folder), registry.model).digests())
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
    _, second, third, fourth, fifth = (event.to_digest for event in promoted(registry, range(5)))
    assert pruned(registry, 9) == {second, third}
    assert rolled_back(registry, 9).to_digest == fourth
    assert registry.live().digest == fourth
    assert registry.read(fifth), "what a rollback left stays until the next decision, for the harvest and the review"


def test_the_anchor_stays_until_a_person_names_another(registry: Registry) -> None:
    first, second, third, *_ = (event.to_digest for event in promoted(registry, range(6)))
    policy = RetentionPolicy(candidates=NOTHING, versions=RetainedVersions(newest=3))
    assert pruned(registry, 6, policy) == {second}
    assert registry.read(first), "the first version is the anchor where nobody named one"
    registry.rule(Anchor(Signature("ann", "as good as agreed", moment(7), period(7)), third))
    assert first in pruned(registry, 8)
    assert registry.read(third)


def test_after_a_rollback_the_version_a_second_one_returns_to_stays(registry: Registry) -> None:
    _, second, third, *_ = (event.to_digest for event in promoted(registry, range(5)))
    rolled_back(registry, 5)
    assert pruned(registry, 9) == {second}
    assert rolled_back(registry, 9).to_digest == third


def test_a_rollback_passes_over_versions_whose_files_are_gone(registry: Registry) -> None:
    promoted(registry, range(4))
    pruned(registry, 4)
    assert [rolled_back(registry, number).to_version for number in (4, 5)] == ["v3", "v1"]
    with pytest.raises(NotFound, match="versions served before and not rolled back: none"):
        rolled_back(registry, 6)


def test_the_newest_so_many_of_each_kind_stay(registry: Registry) -> None:
    versions = [event.to_digest for event in promoted(registry, range(7))]
    tried = [rejected(registry, number) for number in range(7, 12)]
    policy = RetentionPolicy(candidates=RetainedVersions(newest=2), versions=RetainedVersions(newest=3))
    assert pruned(registry, 12, policy) == {*versions[1:3], *tried[:3]}
    assert pruned(registry, 12, policy) == set(), "a second time there is nothing left to do"


def test_only_the_kind_that_is_declared_goes(registry: Registry) -> None:
    promoted(registry, range(4))
    tried = [rejected(registry, number) for number in range(4, 7)]
    assert pruned(registry, 9, RetentionPolicy(candidates=NOTHING)) == set(tried[:2])


def test_what_is_younger_than_declared_stays_beyond_the_number(registry: Registry) -> None:
    promoted(registry, [0])
    tried = [rejected(registry, number) for number in (1, 2, 3, 4)]
    policy = RetentionPolicy(candidates=RetainedVersions(newest=1, younger_than=timedelta(weeks=3)))
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
    _, second, third, _ = (event.to_digest for event in promoted(registry, range(4)))
    tried = [rejected(registry, number) for number in (4, 5, 6)]
    pruned(registry, 7)
    assert registry.verify() == []
    assert registry.deleted() == {second, *tried[:2]}
    for digest in (third, tried[2]):
        shutil.rmtree(registry.folder / "versions" / digest)
    assert registry.verify() == [
        f"taxi_charge: the candidate of {period(6)} (rejected) has no folder {tried[2]}. Restore it.",
        f"taxi_charge: v3 (once live) has no folder {third}. Restore it.",
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
    promoted(registry, [0])
    judged = verdict(registry, 1, candidate(registry, "of 1"))
    promote(registry, judged, 1)
    promoted(registry, [2, 3])
    pruned(registry, 4)
    version = registry.versions()[1]
    assert registry.verdict(version) == judged
    with pytest.raises(NotFound, match=f"{version.digest[:12]} were deleted by retention as of {period(3)}"):
        registry.read(version.digest)
    with pytest.raises(WrongCandidate, match="is not in the registry"):
        promote(registry, verdict(registry, 5, version.digest), 5)


def test_the_record_names_every_digest_and_moves_nothing(registry: Registry) -> None:
    promoted(registry, range(5))
    event = registry.prune(LEAST, at=moment(5), actor="run 7")
    assert (event.action, event.from_version, event.to_version, event.actor) == ("pruned", "v5", "v5", "run 7")
    assert event.deleted == tuple(version.digest for version in registry.versions()[1:3])
    assert "kept are the 0 newest candidates, the 0 newest former versions" in event.reason
    assert fresh(registry.folder.parent).history()[-1] == event


def test_a_crash_between_the_record_and_the_deletion_leaves_files_that_the_next_call_deletes(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, second, *_ = (event.to_digest for event in promoted(registry, range(4)))
    with monkeypatch.context() as patch:
        patch.setattr(VersionFolders, "remove", lambda self, digest: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            registry.prune(LEAST, at=moment(4), actor="run 1")
    assert registry.read(second)
    assert registry.verify() == []
    assert pruned(registry, 4) == {second}


def test_a_crash_in_the_middle_of_a_deletion_leaves_no_half_version(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(registry, range(4))
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path: (_ for _ in ()).throw(OSError(5, "the disk is gone")))
        with pytest.raises(StorageError, match="the disk is gone"):
            registry.prune(LEAST, at=moment(4), actor="run 1")
    assert registry.verify() == []
    promoted(registry, [5])
    assert registry.verify() == []
    assert not list((registry.folder / "versions").glob(".tmp-*")), "the next candidate sweeps the rest away"


def test_a_damaged_live_version_is_still_reported_after_retention(registry: Registry) -> None:
    *_, last = (event.to_digest for event in promoted(registry, range(4)))
    assert pruned(registry, 4)
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
    served = [anchor := registry.live().digest]
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
        gone = pruned(
            registry,
            number,
            RetentionPolicy(candidates=RetainedVersions(newest=1), versions=RetainedVersions(newest=0)),
        )
        back = [digest for digest in served if digest not in {*barred, served[-1], *registry.deleted()}]
        assert not gone & {anchor, served[-1], *held, *back[-1:]}
        served = [digest for digest in served if digest == served[-1] or digest not in gone]
        assert registry.verify() == []
