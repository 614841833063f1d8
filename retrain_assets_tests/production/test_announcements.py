"""A rollback is told once, whoever launched it, and never fails because it cannot be told."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest

from benchmarks.worlds.parcels import failure_of
from retrain_assets.alerts import LONGEST, publish
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.dagster_glue.tags import EVENT_TAG, MODEL_TAG
from retrain_assets.pipeline import frame_of
from retrain_assets.production.announcements import notice, rollback_notices
from retrain_assets.production.sensors import publish_all, success_alerts
from retrain_assets.registry.journal.history import History
from retrain_assets_tests.production.bad_deploy import (
    MODEL,
    NEXT_WEEK,
    back,
    launched,
    promote_twin,
    told,
)

ASKED = "Nothing to do now; team:tests looks at v2."

# ---- who is told


@pytest.mark.parametrize("config", [{}, {"person": "ann"}])
def test_a_rollback_that_somebody_launches_is_one_alert_with_and_without_a_daemon(own, config):
    result = launched(own, **config)
    assert result.success, failure_of(result)
    (alert,) = told(own)
    assert (alert.period, alert.sentence) == (own.weeks(7)[-1], f"v2 was rolled back, v1 is live: complaints. {ASKED}")
    home, clock = own.defs.resources["home"], Clock(replay_at=NEXT_WEEK)
    monitor = dg.DagsterRun(f"{MODEL}__monitor", tags={"dagster/partition": own.weeks(8)[-1], MODEL_TAG: MODEL})
    for run in (own.instance.get_run_by_id(result.run_id), monitor):
        publish_all(success_alerts(own.instance, run, frame_of(own.spec), home, clock), home)
    assert told(own) == [alert]


def test_a_rollback_whose_process_died_before_it_told_is_told_with_the_next_monitoring(own):
    back(own)  # the function alone, as a program may call it
    assert told(own) == []
    home, clock = own.defs.resources["home"], Clock(replay_at=NEXT_WEEK)
    monitor = dg.DagsterRun(f"{MODEL}__monitor", tags={"dagster/partition": own.weeks(8)[-1], MODEL_TAG: MODEL})
    for _ in range(2):
        publish_all(success_alerts(own.instance, monitor, frame_of(own.spec), home, clock), home)
    assert [alert.sentence for alert in told(own)] == [f"v2 was rolled back, v1 is live: complaints. {ASKED}"]


def test_a_rollback_that_cannot_be_told_stands_and_is_logged(own, monkeypatch, caplog):
    monkeypatch.setattr(
        "retrain_assets.production.announcements.publish", lambda *_: (_ for _ in ()).throw(OSError("full"))
    )
    result = launched(own)
    assert result.success, failure_of(result)
    assert own.registry.live().name == "v1"
    assert f"{MODEL}: a rollback could not be told: OSError: full" in caplog.text


def test_a_rollback_to_the_very_same_model_is_told_too_for_the_pointer_moved(own):
    promote_twin(own)
    result = launched(own)
    assert "nothing changed for anybody" in failure_of(result)
    assert [alert.sentence for alert in told(own)] == [f"v3 was rolled back, v2 is live: complaints. {ASKED[:-3]}v3."]


def test_a_rollback_to_the_constant_asks_a_person_to_act(own):
    past = own.registry.history()
    event = replace(past[-1], action="rolled_back", from_version="v1", to_version="v0", reason="v1 is bad")
    alert = notice(MODEL, History((*past, event)), event)
    assert alert.sentence == (
        "v1 was rolled back, v0 is live: v1 is bad. "
        "Every row gets the same answer now: restore a version, or train one."
    )
    assert alert.severity == "failure"


def test_a_rollback_is_told_on_a_phone_by_what_was_lost_and_keeps_the_mark_that_it_had(own):
    lost = "on the same 9,645 new rides v2 was off by $1.69 a ride on average, v1 by $1.43"
    evidence = "the evidence is over a million (e-value, 10 decides) after 29 blocks of 1 day; 1 small group"
    week = own.weeks(7)[-1]
    back(own, reason=f"{week}: v2 is worse than v1; {lost}; {evidence}")
    (alert,) = rollback_notices(own.registry)
    assert alert.period == week
    assert alert.sentence == (
        f"v2 was rolled back, v1 is live: v2 is worse than v1; {lost}. "
        "Nothing to do now; look at v2 when there is time."
    )
    assert len(alert.sentence) <= LONGEST
    assert alert.severity == "warning"
    assert alert.fact == f"v1 is live, it was v2: {week}: v2 is worse than v1; {lost}; {evidence}"
    assert publish(replace(alert, sentence=alert.fact, fact=""), own.folder / "home")  # as it was told before
    assert not publish(alert, own.folder / "home")


def test_a_promotion_that_is_read_after_a_rollback_is_told_as_a_promotion(own):
    promotion = next(event for event in own.registry.history() if event.action == "promoted")
    run = dg.DagsterRun(f"{MODEL}__retrain", tags={MODEL_TAG: MODEL, EVENT_TAG: str(promotion.seq)})
    back(own)
    home, clock = own.defs.resources["home"], Clock(replay_at=NEXT_WEEK)
    (alert,) = success_alerts(own.instance, run, frame_of(own.spec), home, clock)
    assert (alert.kind, alert.period, alert.at) == ("promoted", promotion.period, promotion.at.isoformat())
    assert alert.sentence.startswith("v2 is live, it was v1")
    assert success_alerts(own.instance, dg.DagsterRun(f"{MODEL}__retrain"), frame_of(own.spec), home, clock) == []
