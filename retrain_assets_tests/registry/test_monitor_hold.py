"""The monitor's hold: it stops promotions, never rollbacks, once per period, and only a person ends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import candidate, fresh, moment, period, promote, promoted, verdict
from retrain_assets.errors import Held
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry, RollbackRequest
from retrain_assets.registry.rulings import Hold, Release, Signature


def suspect(registry: Registry, number: int) -> Event:
    return registry.hold(reason="share of label 1 jumped", at=moment(number), period=period(number))


def ann(number: int) -> Signature:
    return Signature("ann", "the new form asks differently", moment(number), period(number))


@pytest.fixture
def suspected(registry: Registry) -> Registry:
    """A registry with v1 and v2 promoted, and a jump of the outcomes in period 3."""
    promoted(registry, [0, 1])
    suspect(registry, 3)
    return registry


def test_no_candidate_is_promoted_while_the_monitor_holds(suspected: Registry) -> None:
    judged = verdict(suspected, 4, candidate(suspected, "c"))
    with pytest.raises(Held, match="monitor holds the model until somebody releases it: share of label 1 jumped"):
        promote(suspected, judged, 4)
    suspected.rule(Release(ann(5)))
    assert promote(suspected, judged, 5).action == "promoted"


def test_the_monitor_holds_a_model_that_was_never_promoted(registry: Registry) -> None:
    suspect(registry, 0)
    judged = verdict(registry, 1, candidate(registry, "a"))
    with pytest.raises(Held, match="monitor"):
        promote(registry, judged, 1)


def test_a_period_holds_once_also_after_a_person_released_it(suspected: Registry) -> None:
    before = suspected.history()
    assert suspect(suspected, 3) == before[-1]
    suspected.rule(Release(ann(4)))
    suspect(suspected, 3)
    assert suspected.history()[:-1] == before
    assert History(suspected.history()).held(moment(9), deciding=period(9)) is None
    assert suspect(suspected, 4).period == period(4)
    assert History(suspected.history()).held(moment(9), deciding=period(9)) is not None


def test_a_decision_as_of_an_earlier_period_is_not_held(suspected: Registry) -> None:
    judged = verdict(suspected, 2, candidate(suspected, "c"))
    assert promote(suspected, judged, 4).action == "promoted"


def rolled_back(registry: Registry) -> Event:
    request = RollbackRequest("harmed", moment(4), "run 1", period(4), registry.live().digest)
    return registry.rollback(request, lambda files: None)


def test_a_rollback_goes_on_while_the_monitor_holds_but_not_while_a_person_does(suspected: Registry) -> None:
    event = rolled_back(suspected)
    assert (event.action, event.to_version) == ("rolled_back", "v1")


def test_a_persons_hold_behind_the_monitors_still_stops_a_rollback(suspected: Registry) -> None:
    suspected.rule(Hold(ann(3)))
    with pytest.raises(Held, match="ann holds the model"):
        rolled_back(suspected)


def test_the_hold_is_written_down_as_no_persons_and_verifies(suspected: Registry, tmp_path: Path) -> None:
    event = suspected.history()[-1]
    assert (event.action, event.actor, event.person, event.from_version) == ("held", "monitor", False, "v2")
    assert fresh(tmp_path).history() == suspected.history()
    assert suspected.verify() == []
    assert suspected.live() is not None


def test_no_person_goes_by_the_monitors_name_and_no_run_holds_by_another(suspected: Registry) -> None:
    with pytest.raises(ValueError, match="no person"):
        Signature("monitor", "fine", moment(4), period(4))
    with pytest.raises(ValueError, match="only a person decides that"):
        replace(suspected.history()[-1], actor="run 4f2a91bc")
