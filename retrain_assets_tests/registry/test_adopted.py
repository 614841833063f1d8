"""Putting a model that was trained elsewhere in service: a person's decision, where no other stands against it."""

from dataclasses import replace
from datetime import datetime

import pytest

from benchmarks.worlds.verdicts import (
    candidate,
    content,
    files_of,
    findings,
    gate,
    moment,
    period,
    promote_only,
    promoted,
    verdict,
)
from retrain_assets.errors import (
    GateRowsSpent,
    Held,
    IncompleteVerdict,
    NotAdoptable,
    Retired,
    TrainedOnGate,
    WrongCandidate,
)
from retrain_assets.registry.journal.events import Entry
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import Hold, Release, Retire, Signature
from retrain_assets.verdict import Outcome


def ann(number: int) -> Signature:
    return Signature("ann", "in use since 2018", moment(number), period(number))


def measured(registry: Registry, number: int, text: str = "theirs", **changes):
    """What was measured of a stored model alone, which need not have passed."""
    given = {"champion_digest": None, "findings": findings(Outcome.FAIL, "significance")} | changes
    return verdict(registry, number, candidate(registry, text), **given)


def test_it_is_v1_by_the_persons_name_whatever_was_measured(registry):
    event = registry.adopt(measured(registry, 0), ann(0), content)
    assert (event.action, event.to_version, event.actor, event.person) == ("adopted", "v1", "ann", True)
    assert registry.live().name == "v1"
    assert registry.verdict(registry.live()).gate == gate(0)
    assert History(registry.history()).anchor == registry.live()
    assert registry.verify() == []


def test_the_next_candidate_is_compared_with_it_and_takes_its_place(registry):
    registry.adopt(measured(registry, 0), ann(0), content)
    event = promoted(registry, [2])[-1]
    assert (event.action, event.from_version, event.to_version) == ("promoted", "v1", "v2")
    assert registry.rollback_target().name == "v1"
    assert registry.verify() == []


def test_its_rows_are_spent(registry):
    registry.adopt(measured(registry, 0), ann(0), content)
    later = verdict(registry, 1, candidate(registry, "later"), gate=gate(0, periods=2))
    registry.record(later, at=moment(1), actor="run 1")
    with pytest.raises(GateRowsSpent, match=r"decided the attempt of 2019-01-01 \(adopted\)"):
        promote_only(registry, later, 1)


def test_no_version_that_is_live_is_displaced(registry):
    promoted(registry, [0])
    with pytest.raises(NotAdoptable, match="v1 is live, and a model from elsewhere does not take its place unjudged"):
        registry.adopt(measured(registry, 1), ann(1), content)


def test_after_a_retirement_and_its_release_it_follows_the_versions_before(registry):
    promoted(registry, [0])
    registry.rule(Retire(ann(1)))
    with pytest.raises(Retired, match="ann retired the model"):
        registry.adopt(measured(registry, 2), ann(2), content)
    registry.rule(Release(ann(2)))
    with pytest.raises(NotAdoptable, match="a decision of 2019-01-08 stands, which is not before 2019-01-08"):
        registry.adopt(measured(registry, 1), ann(2), content)
    assert registry.adopt(measured(registry, 2), ann(2), content).to_version == "v2"
    assert registry.verify() == []


def test_a_hold_stands_against_it(registry):
    registry.rule(Hold(ann(0)))
    with pytest.raises(Held, match="ann holds the model"):
        registry.adopt(measured(registry, 0), ann(0), content)


def test_rows_that_it_may_have_seen_do_not_measure_it(registry):
    files = files_of("theirs")
    seen = files["training.json"].replace(b"2099-01-01", b"2018-01-01", 1)
    digest = registry.add({**files, "training.json": seen})
    judged = replace(measured(registry, 0), candidate_digest=digest)
    with pytest.raises(TrainedOnGate, match="the model was trained on rows up to"):
        registry.adopt(judged, ann(0), content)


def test_what_cannot_be_booked_or_is_not_stored_is_refused(registry):
    with pytest.raises(IncompleteVerdict, match="it names 0 gate rows"):
        registry.adopt(measured(registry, 0, gate=gate(0, rows=0)), ann(0), content)
    with pytest.raises(WrongCandidate, match="is not in the registry"):
        registry.adopt(replace(measured(registry, 0), candidate_digest="0" * 64), ann(0), content)
    assert registry.history() == ()


def test_a_run_adopts_nothing(registry):
    event = registry.adopt(measured(registry, 0), ann(0), content)
    values = {name: getattr(event, name) for name in Entry.__dataclass_fields__}
    with pytest.raises(ValueError, match="only a person decides that"):
        Entry(**values | {"person": False})
    assert event.at == datetime(2019, 1, 8)
