"""Which version is live, which served when, and where a rollback goes."""

from __future__ import annotations

import random
from datetime import UTC, timedelta

import pytest

from benchmarks.worlds.verdicts import (
    candidate,
    findings,
    moment,
    period,
    promote,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.errors import Conflict, DataError, IntegrityError, NotFound
from retrain_assets.registry.registry import Registry
from retrain_assets.verdict import Outcome


def names(registry: Registry, numbers: range) -> list[str | None]:
    served = [registry.served_in(period(number)) for number in numbers]
    return [version.name if version else None for version in served]


def test_a_version_knows_its_number_digest_period_and_moment(registry: Registry) -> None:
    first, second = promoted(registry, [0, 3])
    assert [(v.name, v.number, v.digest, v.period, v.at) for v in registry.versions()] == [
        ("v1", 1, first.to_digest, period(0), moment(0)),
        ("v2", 2, second.to_digest, period(3), moment(3)),
    ]
    assert registry.live() == registry.versions()[1]


def test_a_decision_of_a_period_serves_from_the_next_period_on(registry: Registry) -> None:
    promoted(registry, [1, 3])
    rolled_back(registry, 5)
    assert names(registry, range(8)) == [None, None, "v1", "v1", "v2", "v2", "v1", "v1"]


def test_an_attempt_that_did_not_promote_changes_nothing_about_who_served(registry: Registry) -> None:
    promoted(registry, [1])
    failed = verdict(registry, 3, candidate(registry, "b"), findings=findings(Outcome.FAIL))
    registry.record(failed, at=moment(3), actor="run 1")
    assert names(registry, range(1, 6)) == [None, "v1", "v1", "v1", "v1"]


def test_served_at_answers_by_the_clock(registry: Registry) -> None:
    promoted(registry, [1, 3])
    just_before = moment(3) - timedelta(microseconds=1)
    assert registry.served_at(moment(1) - timedelta(microseconds=1)) is None
    assert [registry.served_at(at).name for at in (moment(1), just_before, moment(3))] == ["v1", "v1", "v2"]


def test_a_rollback_returns_to_the_version_served_before_and_quarantines_the_one_left(registry: Registry) -> None:
    first, _ = promoted(registry, [0, 1])
    event = rolled_back(registry, 2)
    assert (event.action, event.from_version, event.to_version) == ("rolled_back", "v2", "v1")
    assert event.reason == "worse on airport rides"
    assert event.gate is None
    assert event.evidence is None
    assert registry.live().digest == first.to_digest
    assert [version.quarantined for version in registry.versions()] == [False, True]


def test_a_rollback_goes_by_who_served_not_by_number(registry: Registry) -> None:
    """v1 v2 v3, back to v2, v4: what served before v4 is v2, and before that v1; v3 stays out."""
    promoted(registry, [0, 1, 2])
    assert rolled_back(registry, 3).to_version == "v2"
    promoted(registry, [4])
    assert registry.live().name == "v4"
    assert [rolled_back(registry, number).to_version for number in (5, 6)] == ["v2", "v1"]
    with pytest.raises(NotFound, match="live is v1; versions served before and not rolled back: none"):
        rolled_back(registry, 7)


def test_a_rollback_can_name_its_target(registry: Registry) -> None:
    promoted(registry, [0, 1, 2])
    with pytest.raises(NotFound, match="not rolled back: v2, v1, not v3"):
        rolled_back(registry, 3, to="v3")
    assert rolled_back(registry, 3, to="v1").to_version == "v1"


def test_a_rollback_without_a_version_before_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFound, match="live is nothing"):
        rolled_back(registry, 0)
    promoted(registry, [0])
    with pytest.raises(NotFound, match="live is v1"):
        rolled_back(registry, 1)


def test_a_rollback_meant_for_another_version_is_refused(registry: Registry) -> None:
    """So that an alarm that comes twice, or late, does not roll back twice."""
    promoted(registry, [0, 1, 2])
    meant = registry.live().digest
    assert rolled_back(registry, 3, expected_live=meant).to_version == "v2"
    for named in (meant, "v3", None, "none"):
        with pytest.raises(Conflict, match="live is v2"):
            rolled_back(registry, 3, expected_live=named, actor="ben")
    assert [version.name for version in registry.versions() if version.quarantined] == ["v3"]


def test_a_rollback_asked_for_again_in_the_same_words_is_the_one_that_was_done(registry: Registry) -> None:
    """So that a retry after a crash between writing and answering gets its answer."""
    promoted(registry, [0, 1, 2])
    for left in (registry.live().digest, "v3"):
        event = rolled_back(registry, 3, expected_live="v3")
        assert rolled_back(registry, 3, expected_live=left, at=moment(4)) == event
    assert registry.live().name == "v2"
    for change in ({"reason": "another"}, {"actor": "ben"}, {"person": True}):
        with pytest.raises(Conflict, match="live is v2"):
            rolled_back(registry, 3, expected_live=left, **change)


def test_the_probe_sees_the_targets_files_before_the_pointer_moves(registry: Registry) -> None:
    first, second = promoted(registry, [0, 1])
    seen = []
    rolled_back(registry, 2, probe=lambda files: seen.append((files, registry.live().digest)))
    assert seen == [(registry.read(first.to_digest), second.to_digest)]


def test_a_probe_that_refuses_leaves_the_pointer_where_it_was(registry: Registry) -> None:
    promoted(registry, [0, 1])
    before = registry.history()

    def refuse(files: object) -> None:
        raise DataError("2 of 5 probe rows score nan")

    with pytest.raises(DataError, match="score nan"):
        rolled_back(registry, 2, probe=refuse)
    assert registry.history() == before
    assert rolled_back(registry, 2).to_version == "v1", "the lock is free again"


def test_a_rollback_to_damaged_bytes_is_refused(registry: Registry) -> None:
    first, _ = promoted(registry, [0, 1])
    path = registry.folder / "versions" / first.to_digest / "model.bst"
    path.chmod(0o644)
    path.write_bytes(b"")
    with pytest.raises(IntegrityError, match="model.bst has digest"):
        rolled_back(registry, 2)
    assert registry.live().name == "v2"


def test_a_rollback_takes_effect_no_earlier_than_the_decision_it_undoes(registry: Registry) -> None:
    promoted(registry, [0, 4])
    assert rolled_back(registry, 2).period == period(4)
    assert names(registry, range(3, 7)) == ["v1", "v1", "v1", "v1"]


def test_the_verdict_of_a_version_is_the_one_that_promoted_it(registry: Registry) -> None:
    judged = verdict(registry, 0, candidate(registry, "a"))
    promote(registry, judged, 0)
    promoted(registry, [1])
    rolled_back(registry, 2)
    assert registry.verdict(registry.live()) == judged
    with pytest.raises(NotFound, match="rests on no verdict: worse on airport rides"):
        registry.evidence(registry.history()[-1])


def test_an_event_names_its_actor_its_reason_and_a_time_without_zone(registry: Registry) -> None:
    promoted(registry, [0, 1])
    with pytest.raises(ValueError, match="one is empty"):
        rolled_back(registry, 2, reason=" ")
    with pytest.raises(ValueError, match="one is empty"):
        rolled_back(registry, 2, actor="")
    with pytest.raises(ValueError, match="carries a time zone"):
        rolled_back(registry, 2, at=moment(2).replace(tzinfo=UTC))
    assert len(registry.history()) == 4


@pytest.mark.parametrize("seed", range(2))
def test_random_histories_agree_with_a_plain_simulation(registry: Registry, seed: int) -> None:
    """Promotions, rejections and rollbacks in random order, against a list of who served and a set of who may not."""
    chance = random.Random(seed)
    served: list[str] = []
    barred: set[str] = set()
    in_charge: dict[int, str | None] = {}
    for number in range(30):
        in_charge[number] = served[-1] if served else None
        move = chance.choice(["promote", "promote", "reject", "roll back", "nothing"])
        earlier = [digest for digest in served if digest not in {*barred, *served[-1:]}]
        if move == "promote":
            (event,) = promoted(registry, [number])
            served.append(event.to_digest)
        elif move == "reject":
            failed = verdict(registry, number, candidate(registry, f"{number}"), findings=findings(Outcome.FAIL))
            registry.record(failed, at=moment(number), actor="run 1")
        elif move == "roll back" and earlier:
            barred.add(served[-1])
            served.append(earlier[-1])
            rolled_back(registry, number)
        assert (registry.live().digest if registry.live() else None) == (served[-1] if served else None)
    answers = {number: registry.served_in(period(number)) for number in in_charge}
    assert {number: version.digest if version else None for number, version in answers.items()} == in_charge
    assert {version.digest for version in registry.versions() if version.quarantined} == barred
    assert registry.verify() == []


def test_a_snapshot_answers_as_of_one_moment_and_writes_on_what_is_there_now(registry: Registry) -> None:
    promoted(registry, [0])
    then = registry.snapshot()
    promoted(registry, [1])
    assert (then.live().name, len(then.history()), registry.live().name) == ("v1", 2, "v2")
    assert rolled_back(then, 2, expected_live="v2").to_version == "v1"
    assert (then.live().name, len(then.history()), len(registry.history())) == ("v1", 2, 5)
