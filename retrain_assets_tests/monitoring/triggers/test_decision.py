"""When evidence asks for a retrain, and what stands in its way."""

from dataclasses import replace
from datetime import datetime

import pytest

from retrain_assets.monitoring.policy import TriggerPolicy
from retrain_assets.monitoring.triggers.decision import NoRetrain, Trigger, TriggerEvidence, decide, trigger_id
from retrain_assets.periods import Length
from retrain_assets_tests.monitoring.stored import TAXI

POLICY = TriggerPolicy(
    retrain_cost=2500, on_confirmed_drift=True, max_age_periods=12, cooldown_periods=2, max_per_year=4, min_new_rows=100
)
CALM = TriggerEvidence(
    period="2019-03",
    live_version="v1",
    live_since_period="2018-11",
    accumulated_excess=812.0,
    new_rows=5000,
    last_attempt_period="2018-11",
    attempts_last_year=1,
)
LOSING = replace(CALM, accumulated_excess=2500.0)


ONE_PERIOD = Length(periods=1)


def asked(evidence, policy=POLICY, rollback_cooldown=ONE_PERIOD):
    return decide(TAXI, policy, evidence, rollback_cooldown)


def test_a_column_that_broke_in_this_period_leaves_time_to_mend_the_source():
    waits = asked(replace(LOSING, broken=("miles", "zone")))
    assert isinstance(waits, NoRetrain)
    assert waits.reason == (
        "miles, zone broke in March 2019: no retrain before April 2019 is in, which leaves time to mend the source"
    )
    assert waits.closeness["excess_loss"] == 1.0
    assert isinstance(asked(LOSING), Trigger)


def test_calm_evidence_is_quiet_and_says_how_close_it_is():
    quiet = asked(CALM)
    assert isinstance(quiet, NoRetrain)
    assert (
        quiet.reason == "no retrain due: $812 more error than expected, a retrain pays once the excess reaches $2,500"
    )
    limit = asked(replace(CALM, accumulated_excess=0.0, excess_than="than the most that is expected"))
    assert (
        limit.reason
        == "no retrain due: no more error than the most that is expected, a retrain pays once the excess reaches $2,500"
    )
    usual = asked(replace(CALM, usual_loss=25_000.0), POLICY.model_copy(update={"retrain_cost": None}))
    assert usual.reason.endswith(", a retrain pays once the excess reaches $2,500 (the default, a tenth of a month's)")
    assert quiet.closeness == {"excess_loss": 812 / 2500, "drift": 0.0, "age": 4 / 12, "new_rows": 1.0}


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        (
            {"live_version": None, "live_since_period": None, "last_attempt_period": None},
            "bootstrap",
            "no model is live",
        ),
        (
            {"accumulated_excess": 2500.0},
            "excess_loss",
            "$2,500 more error than expected, all rides together, since the attempt of 2018-12-01; a retrain pays",
        ),
        ({"drift_confirmed": True, "drift_sentence": "fares drifted"}, "drift", "fares drifted"),
        (
            {"live_since_period": "2018-02", "last_attempt_period": "2018-03"},
            "age",
            "the model is 12 months old (since March 2018), 12 periods are allowed",
        ),
    ],
)
def test_each_kind_of_evidence_can_ask_alone(change, kind, reason):
    trigger = asked(replace(CALM, **change))
    assert isinstance(trigger, Trigger)
    assert (trigger.kind, trigger.model, trigger.period) == (kind, "taxi", "2019-03")
    assert reason in trigger.reason


EVERYTHING = POLICY.model_copy(
    update={
        "on_estimated_loss": True,
        "on_uncertainty": True,
        "on_business_metrics": ("revenue",),
        "patience": 3,
        "new_labels": 9000,
    }
)


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        (
            {"estimated_excess": 1688.0},
            "estimated_loss",
            "$812 more error than expected, all rides together, since the attempt of 2018-12-01, and $1,688 more "
            "estimated on rides without outcomes; "
            "a retrain pays once the excess reaches $2,500",
        ),
        ({"business": {"revenue": 3}}, "business", "revenue has been beyond its limit for 3 months in a row"),
        ({"uncertain_periods": 3}, "uncertainty", "the model has been less sure than it was for 3 months in a row"),
        ({"new_rows": 9000}, "new_labels", "9,000 rides with new outcomes since the last attempt, 9,000 are enough"),
    ],
)
def test_what_is_declared_asks_at_its_threshold_and_not_before(change, kind, reason):
    trigger = asked(replace(CALM, **change), EVERYTHING)
    assert (trigger.kind, trigger.reason) == (kind, reason)
    assert isinstance(asked(replace(CALM, **change)), NoRetrain)
    before = {
        "estimated_excess": {"estimated_excess": 1687.0},
        "business": {"business": {"revenue": 2, "other": 9}},
        "uncertain_periods": {"uncertain_periods": 2},
        "new_rows": {"new_rows": 8999},
    }[next(iter(change))]
    assert isinstance(asked(replace(CALM, **before), EVERYTHING), NoRetrain)


def test_an_estimated_gain_never_pays_for_a_measured_loss():
    assert asked(replace(LOSING, estimated_excess=-9000.0), EVERYTHING).kind == "excess_loss"
    assert asked(replace(CALM, estimated_excess=-9000.0), EVERYTHING).closeness["estimated_loss"] == 812 / 2500


def test_every_declared_condition_says_how_close_it_is():
    seen = replace(CALM, business={"revenue": 1}, uncertain_periods=2, new_rows=4500)
    closeness = asked(seen, EVERYTHING).closeness
    assert (closeness["revenue"], closeness["uncertainty"], closeness["new_labels"]) == (1 / 3, 2 / 3, 0.5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"wait": "wait 2 periods, until 2019-05: spent"}, "wait 2 periods, until 2019-05"),
        (
            {"last_rollback_period": "2019-02"},
            "no retrain before 2019-05-01 (cool-down after the rollback of February 2019)",
        ),
        ({"last_attempt_period": "2019-01"}, "no retrain before 2019-05-01 (cool-down)"),
        ({"last_attempt_period": "2019-03"}, "no retrain before 2019-07-01 (cool-down)"),
        ({"attempts_last_year": 4}, "yearly cap: all 4 attempts"),
        ({"new_rows": 99}, "99 rides with new outcomes since the last attempt, 100 are needed"),
    ],
)
def test_each_obstacle_alone_keeps_a_losing_model_from_a_retrain(change, reason):
    assert isinstance(asked(LOSING), Trigger)
    quiet = asked(replace(LOSING, **change))
    assert isinstance(quiet, NoRetrain)
    assert reason in quiet.reason
    assert quiet.closeness["excess_loss"] == 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"last_rollback_period": "2019-01"},
        {"last_attempt_period": "2018-12"},
        {"attempts_last_year": 3},
        {"new_rows": 100},
    ],
)
def test_an_obstacle_ends_exactly_where_it_says(change):
    assert isinstance(asked(replace(LOSING, **change)), Trigger)


def test_a_cooldown_says_when_it_ends_and_no_other_obstacle_does():
    assert asked(replace(LOSING, last_rollback_period="2019-02")).rest_until == datetime(2019, 5, 1)
    assert asked(replace(LOSING, last_attempt_period="2019-03")).rest_until == datetime(2019, 7, 1)
    assert asked(replace(LOSING, wait="wait 2 periods")).rest_until is None
    assert asked(CALM).rest_until is None


def test_a_first_model_is_held_back_by_the_same_obstacles():
    none = replace(CALM, live_version=None, live_since_period=None, last_attempt_period=None)
    assert isinstance(asked(none), Trigger)
    assert asked(replace(none, wait="wait 3 periods")).reason.startswith("wait 3 periods")
    assert asked(replace(none, last_attempt_period="2019-02")).reason == "no retrain before 2019-06-01 (cool-down)"


def test_without_cooldown_one_period_still_allows_one_attempt_only():
    eager = POLICY.model_copy(update={"cooldown": Length(periods=0)})
    assert isinstance(asked(replace(LOSING, last_attempt_period="2019-02"), eager), Trigger)
    assert (
        asked(replace(LOSING, last_attempt_period="2019-03"), eager).reason
        == "no retrain before 2019-05-01 (cool-down)"
    )


def test_an_earlier_period_looked_at_again_starts_nothing_after_a_later_attempt():
    assert isinstance(asked(replace(LOSING, last_attempt_period="2019-08")), NoRetrain)


def test_kinds_that_the_policy_does_not_name_never_ask():
    silent = POLICY.model_copy(update={"on_confirmed_drift": False, "max_age": None})
    old = replace(CALM, drift_confirmed=True, live_since_period="2018-01", last_attempt_period=None)
    assert isinstance(asked(old, silent), NoRetrain)
    assert set(asked(old, silent).closeness) == {"excess_loss", "new_rows"}


def test_an_unknown_excess_never_asks():
    assert isinstance(asked(replace(CALM, accumulated_excess=float("nan"))), NoRetrain)


def test_excess_loss_speaks_before_drift_and_age():
    everything = replace(LOSING, drift_confirmed=True, live_since_period="2018-01", last_attempt_period=None)
    assert asked(everything).kind == "excess_loss"


def test_the_same_evidence_has_the_same_id_and_other_evidence_another():
    ids = {
        trigger_id(model, period, kind)
        for model in ("taxi", "flights")
        for period in ("2019-03", "2019-04")
        for kind in ("age", "drift")
    }
    assert len(ids) == 8
    assert asked(LOSING).id == asked(replace(LOSING, accumulated_excess=9000.0, new_rows=777)).id
    assert len(asked(LOSING).id) == 16


FORGONE = "models aged 9 weeks have lost 4 % against fresh ones"


def test_what_fresh_models_would_have_saved_asks_where_it_is_declared():
    policy = POLICY.model_copy(update={"on_forgone_gain": 0.9})
    known = replace(CALM, forgone_low=2600.0, forgone_sentence=FORGONE)
    due = asked(known, policy)
    assert isinstance(due, Trigger)
    assert (due.kind, due.reason) == ("forgone_gain", f"{FORGONE}; a retrain costs $2,500")
    assert isinstance(asked(known), NoRetrain)
    short = asked(replace(known, forgone_low=1250.0), policy)
    assert short.closeness["forgone_gain"] == 0.5


def test_a_gain_that_nobody_measures_says_how_that_begins():
    begins = "what fresh models would save is not known yet, `retrain backtest taxi` begins to measure it"
    policy = POLICY.model_copy(update={"on_forgone_gain": 0.9})
    assert begins not in asked(CALM, policy).reason, "the excess asks until then"
    alone = policy.model_copy(update={"on_excess_loss": False})
    assert asked(CALM, alone).reason.endswith(begins)


@pytest.mark.parametrize(
    ("said", "kind"), [(False, None), (5000.0, None), (800.0, "excess_loss"), (True, None)], ids=str
)
def test_another_excess_than_the_cost_of_a_retrain_may_ask_or_none(said, kind):
    found = asked(CALM, POLICY.model_copy(update={"on_excess_loss": said}))
    assert (found.kind if isinstance(found, Trigger) else None) == kind
    if said is False:
        assert "no excess loss asks for one (triggers.on_excess_loss is false)" in found.reason
        assert found.closeness["excess_loss"] == 0


def test_the_excess_loss_asks_until_what_is_forgone_is_measured_unless_the_spec_says_otherwise():
    policy = TriggerPolicy(retrain_cost=2500, on_forgone_gain=0.5)
    assert asked(LOSING, policy).kind == "excess_loss"
    measured = replace(LOSING, forgone_low=1250.0, forgone_sentence=FORGONE)
    quiet = asked(measured, policy)
    assert isinstance(quiet, NoRetrain)
    assert quiet.reason.startswith("no retrain due: what is forgone asks in place of the excess loss")
    assert (
        asked(replace(LOSING, forgone_low=None, forgone_sentence="3 days are too few"), policy).closeness["excess_loss"]
        == 0
    )
    both = TriggerPolicy(retrain_cost=2500, on_forgone_gain=0.5, on_excess_loss=True)
    assert asked(measured, both).kind == "excess_loss"
