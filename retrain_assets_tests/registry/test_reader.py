"""Reading a registry: as of one moment, by digest, and the decision that a period's candidate was given."""

import pytest

from benchmarks.worlds.verdicts import MODEL, candidate, fresh, period, promote, promoted, rolled_back, verdict
from retrain_assets.errors import IntegrityError, NotFound
from retrain_assets.registry.reader import Records


@pytest.fixture
def registry(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0])
    return registry


def test_a_snapshot_answers_as_of_one_moment(registry):
    before = registry.snapshot()
    promoted(registry, [1])
    assert (before.live().name, registry.live().name) == ("v1", "v2")


def test_what_was_promoted_in_a_period_is_the_answer_to_its_candidate_while_it_is_live(registry):
    digest = candidate(registry, "b")
    judged = verdict(registry, 1, digest)
    assert registry.settled(period(1), digest) is None
    promote(registry, judged, 1)
    assert registry.settled(period(1), digest) == judged
    assert registry.settled(period(2), digest) is None
    assert registry.settled(period(1), candidate(registry, "c")) is None
    rolled_back(registry, 2)
    assert registry.settled(period(1), digest) is None


@pytest.mark.parametrize("name", ["Taxi", "../taxi", "", "1taxi"])
def test_a_name_that_is_no_plain_word_opens_nothing(tmp_path, name):
    with pytest.raises(ValueError, match="is no model name"):
        Records(tmp_path, name)


def test_an_event_that_rests_on_no_verdict_has_no_evidence(registry):
    promoted(registry, [1])
    with pytest.raises(NotFound, match=f"{MODEL}: event 5 .rolled_back. rests on no verdict: worse on airport rides"):
        registry.evidence(rolled_back(registry, 2))


def test_a_damaged_verdict_of_the_first_model_bars_no_version_from_a_rollback(registry):
    def damage():
        path = registry.folder / "verdicts" / f"{registry.history()[0].evidence}.json"
        path.chmod(0o644)
        path.write_bytes(b"{}")

    promoted(registry, [1])
    damage()
    assert registry.rollback_target().name == "v1"
    rolled_back(registry, 2)
    with pytest.raises(IntegrityError, match="Restore it from a backup"):
        registry.rollback_target()
