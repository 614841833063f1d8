"""Every refusal through real Dagster runs: however the run is launched, the live pointer stays where it is."""

import json
import shutil
from dataclasses import replace
from datetime import datetime

import dagster as dg
import pytest

from benchmarks.worlds.parcels import SPEC, failure_of, open_world
from benchmarks.worlds.verdicts import content, no_rest
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.errors import InsufficientVerdict
from retrain_assets.monitoring.triggers.decision import NoRetrain
from retrain_assets.pipeline import build_model_defs, frame_of, promotion, watch
from retrain_assets.production.jobs import AUTOMATIC
from retrain_assets.production.policy import RollbackPolicy
from retrain_assets.production.sensors import success_alerts
from retrain_assets.registry.registry import RollbackRequest
from retrain_assets.registry.rules import PromotionRules
from retrain_assets.registry.rulings import Approve, Hold, Release, Retire, Signature
from retrain_assets.verdict import Verdict
from retrain_assets_tests.past_worlds import past, undrawn

BEFORE_JUDGEMENT = ["feature_windows", "candidate_recent", "candidate_history", "candidate_model"]
BEFORE_PROMOTION = [*BEFORE_JUDGEMENT, "validation_report"]
HUMAN = {"validation": SPEC["validation"] | {"insufficient": "human"}}
WEEK = 7
"""The week whose verdict waits to be promoted: v1 is live since the fifth, the world is another since the sixth."""


@pytest.fixture(scope="module")
def passing(past_worlds, tmp_path_factory):
    """The folder of a world with v1 live and a passed verdict that waits: its candidate has learnt the change."""
    with dg.DagsterInstance.ephemeral() as instance, undrawn():
        eight = past(slower_from=5).up_to(WEEK + 1, (5,))
        built = past_worlds.copy(eight, tmp_path_factory.mktemp("passing"), instance)
        result = built.run("retrain", week(built), assets=BEFORE_PROMOTION)
        assert result.success, failure_of(result)
    return built.folder


@pytest.fixture
def waiting(passing, tmp_path, instance):
    """A copy of the world in which a passed verdict waits, its checks shown in run records of its own."""
    built = open_world(shutil.copytree(passing, tmp_path / "world"), instance)
    result = built.run("retrain", week(built), assets=["validation_report"])
    assert result.success, failure_of(result)
    return built


@pytest.fixture
def unjudged(world_after):
    """The world just before its second retrain."""
    return world_after(WEEK + 1, slower_from=5)


def week(built, number=WEEK):
    return built.weeks(9)[number]


def ann(built, number=WEEK):
    return Signature("ann", "tariffs change", datetime(2024, 3, 1), week(built, number))


def held(built):
    built.registry.rule(Hold(ann(built)))


def candidate_held(built):
    built.registry.rule(Hold(ann(built), built.store.read_json("candidate_model", week(built))["digest"]))


def live_held(built):
    built.registry.rule(Hold(ann(built), built.registry.live().digest, datetime(2999, 1, 1)))


def retired(built):
    built.registry.rule(Retire(ann(built)))


def resting(built):
    """Another version was promoted in the sixth week and rolled back in the seventh; the verdict is of the eighth."""
    verdict = Verdict.from_dict(built.store.read_json("validation_report", week(built)))
    files = dict(built.registry.read(verdict.candidate_digest)) | {"note.txt": b"another"}
    gate = replace(verdict.gate, start="2023-12-01T00:00:00", end="2023-12-02T00:00:00", rowset_sha256="another")
    other = replace(verdict, candidate_digest=built.registry.add(files), period=week(built, 5), gate=gate)
    moves = {"at": datetime(2024, 3, 1), "actor": "run 1"}
    built.registry.record(other, **moves)
    built.registry.promote(other, other.champion_digest, PromotionRules(other.policy_sha256, content, no_rest), **moves)
    request = RollbackRequest(**moves, expected_live="v2", reason="worse on vans", period=week(built, 6))
    built.registry.rollback(request, lambda files: None)


def quarantined(built):
    result = built.run("retrain", week(built), assets=["production_model"])
    assert result.success, failure_of(result)
    moves = {"at": datetime(2024, 3, 1), "actor": "ann", "person": True}
    request = RollbackRequest(**moves, expected_live="v2", reason="worse on vans", period=week(built))
    built.registry.rollback(request, lambda files: None)


STATES = {
    "Held: delivery 2024-02-19: ann holds the model until somebody releases it: tariffs change": held,
    "Held: delivery 2024-02-19: ann holds the candidate": candidate_held,
    "Held: delivery 2024-02-19: ann holds the live version": live_held,
    "Retired: delivery 2024-02-19: ann retired the model in 2024-02-19": retired,
    "CoolingDown: delivery 2024-02-19: after the rollback of v2 in 2024-02-12 the model rests; 2024-02-26 is": resting,
    "Quarantined: delivery 2024-02-19: candidate": quarantined,
}


def alone(built, tags):
    return [built.run("retrain", week(built), assets=["production_model"], tags=tags)]


def whole_job(built, tags):
    """Everything again, from the windows on: training and judging give the same candidate and the same verdict."""
    return [built.run("retrain", week(built), tags=tags)]


def by_hand(built, tags):
    """A job that somebody has put together."""
    keys = [dg.AssetKey(["delivery", name]) for name in ("validation_report", "production_model")]
    job = dg.define_asset_job("by_hand", selection=dg.AssetSelection.assets(*keys))
    defs = dg.Definitions.merge(built.defs, dg.Definitions(jobs=[job]))
    return [
        defs.resolve_job_def("by_hand").execute_in_process(
            instance=built.instance, partition_key=week(built), raise_on_error=False, tags=tags
        )
    ]


def backfill(built, tags):
    """A run for each of several partitions, as a backfill starts them."""
    marked = tags | {"dagster/backfill": "abcdefgh"}
    return [
        built.run("retrain", period, assets=["production_model"], tags=marked) for period in built.weeks(8)[WEEK - 1 :]
    ]


WAYS = [alone, by_hand, backfill]


def moves(built):
    return [(event.action, event.to_version) for event in built.registry.history() if event.action != "passed"]


@pytest.mark.parametrize(
    ("sentence", "state", "way"),
    [
        pytest.param(sentence, state, way, id=f"{state.__name__}-{way.__name__}")
        for sentence, state in STATES.items()
        for way in (WAYS if state in (held, resting) else [alone])
    ],
)
def test_no_launch_gets_around_a_refusal(waiting, sentence, state, way):
    state(waiting)
    before = moves(waiting)
    results = way(waiting, {"dagster/user": "ada"})
    assert not any(result.success for result in results)
    assert f"promotion refused: {sentence}" in failure_of(results[-1])
    tags = waiting.instance.get_run_by_id(results[-1].run_id).tags
    assert tags[OUTCOME_TAG] == "refused"
    assert moves(waiting) == before
    assert waiting.registry.verify() == []


@pytest.mark.parametrize("way", [*WAYS, whole_job])
def test_the_same_launches_promote_when_nothing_stands_against_it(waiting, way):
    """So that the test above can fail."""
    results = way(waiting, {})
    assert results[-1].success, failure_of(results[-1])
    assert moves(waiting) == [("bootstrap", "v1"), ("promoted", "v2")]


def test_the_whole_job_again_does_not_get_around_a_hold(waiting):
    held(waiting)
    held_back(waiting)
    assert waiting.registry.live().name == "v1"
    waiting.registry.rule(Release(ann(waiting)))
    (result,) = whole_job(waiting, {})
    assert result.success, "the verdict that waited still counts once the hold is released"


def test_one_run_over_a_range_of_partitions_is_refused(waiting):
    """The form of a backfill in which one run gets several partitions."""
    job = waiting.defs.resolve_implicit_global_asset_job_def()
    bounds = {"start": week(waiting, 6), "end": week(waiting)}
    marked = {f"dagster/asset_partition_range_{end}": period for end, period in bounds.items()}
    result = job.execute_in_process(
        instance=waiting.instance,
        asset_selection=[dg.AssetKey(["delivery", "production_model"])],
        tags=marked,
        raise_on_error=False,
    )
    assert not result.success
    assert moves(waiting) == [("bootstrap", "v1")]


def test_a_candidate_trained_before_the_failure_is_refused(waiting):
    """A candidate whose training ended before the sixth week, judged on fresh rows, after a rollback of that week."""
    record = waiting.store.read_json("candidate_model", week(waiting))
    files = dict(waiting.registry.read(record["digest"]))
    training = json.loads(files["training.json"]) | {"trained_until": "2024-02-05T00:00:00"}
    early = waiting.registry.add(files | {"training.json": json.dumps(training).encode()})
    waiting.store.write_json("candidate_model", week(waiting), record | {"digest": early})
    resting(waiting)
    spent = waiting.registry.spent()
    spec = waiting.spec.model_copy(update={"rollback": RollbackPolicy(cooldown_periods=0)})
    built = replace(waiting, spec=spec, defs=rebuilt(waiting, spec))
    result = built.run("retrain", week(built), assets=["validation_report"])
    assert built.registry.spent() == spent
    assert (
        "judgement refused: FailureNotSeen: delivery 2024-02-19: after the rollback of v2 in 2024-02-12 a candidate "
        "must have learnt from the failure: its training data reach 2024-02-05 00:00, 2024-02-18 00:00 is needed"
    ) in failure_of(result)
    assert moves(built) == [("bootstrap", "v1"), ("promoted", "v2"), ("rolled_back", "v1")]


def rebuilt(built, spec):
    resources = {name: built.defs.resources[name] for name in ("home", "clock")}
    return dg.Definitions.merge(build_model_defs(spec, resources), dg.Definitions(executor=dg.in_process_executor))


# ---- what could not be decided


def insufficient(world_after, **changes):
    """A world whose first candidate could not be decided: a third of the gate rows have no outcome."""
    built = world_after(5, retrained=(), **changes)
    weeks = built.weeks(5)
    arrived = built.store.read_table("outcomes", [weeks[-1]])
    built.store.write_table("outcomes", weeks[-1], arrived.slice(0, arrived.num_rows * 2 // 3))
    result = built.run("retrain", weeks[-1])
    assert result.success, failure_of(result)
    assert moves(built) == [("insufficient", None)]
    return built, weeks[-1]


def test_an_approved_candidate_is_promoted_by_the_next_run_of_production_model(world_after):
    built, period = insufficient(world_after, **HUMAN)
    (kept,) = built.run("retrain", period, assets=["production_model"]).asset_materializations_for_node(
        "delivery__production_model"
    )
    assert kept.metadata["summary"].value.startswith("**no version is live yet**: the evidence could not decide.")
    assert "ask a person for a `retrain approve`" in kept.metadata["summary"].value
    rules = promotion(built.spec)
    verdict = rules.verdict(built.store, period)
    signed = Signature("ann", "outcomes were lost, not chosen", datetime(2024, 2, 5), period)
    built.registry.rule(Approve(signed, verdict, datetime(2024, 3, 1), rules.policy_sha256, rules.approvals))
    result = built.run("retrain", period, assets=["production_model"])
    assert result.success, failure_of(result)
    assert moves(built) == [("insufficient", None), ("approved", None), ("bootstrap", "v1")]
    assert built.registry.history()[-1].reason.startswith("approved by ann (outcomes were lost, not chosen)")
    assert built.registry.verify() == []
    again = built.run("retrain", period, assets=["validation_report"])
    assert again.success, failure_of(again)
    assert rules.verdict(built.store, period) == verdict, "the answer is that decision"
    assert len(built.registry.history()) == 3, "judging again is no second attempt"


def test_an_approval_written_past_the_spec_promotes_nothing(world_after):
    built, period = insufficient(world_after)
    rules = promotion(built.spec)
    verdict = rules.verdict(built.store, period)
    signed = Signature("ann", "let it through", datetime(2024, 2, 5), period)
    built.registry.rule(Approve(signed, verdict, datetime(2024, 3, 1), rules.policy_sha256, allowed=True))
    result = built.run("retrain", period, assets=["production_model"])
    assert result.success, failure_of(result)
    assert built.registry.live() is None
    with pytest.raises(InsufficientVerdict, match="insufficient: "):
        built.registry.promote(
            verdict, None, PromotionRules(rules.policy_sha256, content, no_rest), at=datetime(2024, 2, 6), actor="run 1"
        )


# ---- the trigger waits, so that no gate rows are spent for nothing


def trigger_of(built, number=WEEK):
    return watch(built.spec).decide(built.store, built.registry, week(built, number))


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (held, "held by ann until somebody releases it: tariffs change"),
        (live_held, "held by ann until the end of 2998-12-31: tariffs change"),
        (retired, "retired by ann: tariffs change"),
    ],
)
def test_no_retrain_starts_while_a_person_stands_against_a_promotion(unjudged, state, sentence):
    assert trigger_of(unjudged).kind == "excess_loss"
    state(unjudged)
    assert trigger_of(unjudged).reason == sentence


def held_back(built, number=WEEK):
    """The retrain run of a period, which ended well after its first step; what is live was kept, and why is told."""
    result = built.run("retrain", week(built, number))
    assert result.success, failure_of(result)
    run = built.instance.get_run_by_id(result.run_id)
    assert run.tags[OUTCOME_TAG] == "held_back"
    assert [event.step_key for event in result.all_events if event.is_step_success] == ["delivery__feature_windows"]
    return run


def decision_of(built, number=WEEK):
    """What the page of a period's decision says first."""
    wanted = dg.AssetRecordsFilter(dg.AssetKey(["delivery", "production_model"]), [week(built, number)])
    (record,) = built.instance.fetch_materializations(wanted, limit=1).records
    return record.asset_materialization.metadata["summary"].value


@pytest.mark.parametrize("state", [held, live_held, retired])
def test_a_retrain_that_a_person_stands_against_keeps_what_is_live_before_anything_is_trained_or_spent(unjudged, state):
    state(unjudged)
    before = (unjudged.registry.spent(), unjudged.registry.live(), moves(unjudged))
    run = held_back(unjudged)
    assert (unjudged.registry.spent(), unjudged.registry.live(), moves(unjudged)) == before
    (alert,) = success_alerts(unjudged.instance, run, frame_of(unjudged.spec), unjudged.defs.resources["home"], Clock())
    assert (alert.kind, alert.severity) == ("held_back", "info")
    assert alert.sentence.startswith("ann retired the model" if state is retired else "ann holds the "), alert.sentence
    assert "tariffs change" in alert.sentence


def test_a_retrain_during_the_rest_after_a_rollback_keeps_what_is_live(waiting):
    resting(waiting)
    held_back(waiting)
    assert decision_of(waiting).startswith(
        "**kept v1**, nothing was trained: after the rollback of v2 in 2024-02-12 the model rests; 2024-02-26 is the "
        "first period that may promote."
    )


def test_a_retrain_beyond_the_years_attempts_keeps_what_is_live(waiting):
    triggers = waiting.spec.triggers.model_copy(update={"max_per_year": 1})
    spec = waiting.spec.model_copy(update={"triggers": triggers})
    built = replace(waiting, spec=spec, defs=rebuilt(waiting, spec))
    built.monitor([week(built, WEEK + 1)])
    held_back(built, WEEK + 1)
    assert "2 attempts in the last year, and the spec declares 1" in decision_of(built, WEEK + 1)


@pytest.mark.parametrize("state", [held, live_held, retired])
def test_a_judgement_alone_is_refused_where_a_person_stands_against_it(unjudged, state):
    unjudged.run("retrain", week(unjudged), assets=BEFORE_JUDGEMENT)
    state(unjudged)
    spent = unjudged.registry.spent()
    result = unjudged.run("retrain", week(unjudged), assets=["validation_report"])
    error = "Retired" if state is retired else "Held"
    assert f"judgement refused: {error}: delivery 2024-02-19" in failure_of(result)
    assert unjudged.instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "refused"
    assert unjudged.store.read_json("validation_report", week(unjudged)) is None
    assert unjudged.registry.spent() == spent


def test_a_verdict_that_passed_and_is_not_promoted_has_spent_its_rows_and_its_attempt(waiting):
    use = waiting.registry.spent()[-1]
    assert (use.period, use.outcome) == (week(waiting), "passed")
    assert isinstance(trigger_of(waiting), NoRetrain), "the same evidence does not ask for a second attempt"
    waiting.monitor([week(waiting, WEEK + 1)])
    later = watch(waiting.spec).windows_at(waiting.store, waiting.registry, week(waiting, WEEK + 1))
    assert datetime.fromisoformat(use.end) <= later.gate.start


# ---- a person's rollback through a run


@pytest.fixture
def twice(waiting):
    """v2 is live after v1, so that there is something to roll back to."""
    (result,) = alone(waiting, {})
    assert result.success, failure_of(result)
    return waiting


def roll_back(built, tags=None, **config):
    ops = {"delivery__roll_back": {"config": {"reason": "drivers complain", "expected_live": "v2", **config}}}
    return built.run("rollback", None, run_config={"ops": ops}, tags=tags or {})


def test_a_hold_stops_a_rollback_run_unless_a_person_names_themselves(twice):
    held(twice)
    refused = roll_back(twice, {"dagster/user": "ada"})
    assert "rollback refused: delivery 2024-02-19: rollback: ann holds the model" in failure_of(refused)
    assert twice.registry.live().name == "v2"
    result = roll_back(twice, person="bob")
    assert result.success, failure_of(result)
    event = twice.registry.history()[-1]
    assert (event.action, event.actor, event.person) == ("rolled_back", "bob", True)


@pytest.mark.parametrize("tag", AUTOMATIC)
def test_a_run_that_automation_started_cannot_act_as_a_person(twice, tag):
    refused = roll_back(twice, {tag: "delivery__probation"}, person="ann")
    assert f"the run was started by automation ({tag}), not ann" in failure_of(refused)
    assert twice.registry.live().name == "v2"


@pytest.mark.parametrize("name", ["", " ", "run 4f2a91bc"])
def test_a_rollback_run_without_a_persons_name_cannot_act_as_one(twice, name):
    refused = roll_back(twice, {"dagster/user": "ada"}, person=name)
    assert "rollback refused" in failure_of(refused)
    assert twice.registry.live().name == "v2"


def test_a_rollback_by_a_run_is_recorded_as_no_persons(twice):
    assert roll_back(twice, {"dagster/user": "ada"}).success
    event = twice.registry.history()[-1]
    assert (event.actor, event.person) == ("ada", False)


# ---- retention in the pipeline


def test_a_run_deletes_what_the_spec_does_not_keep_and_no_more(world_after):
    keep = {"retention": {"candidates": {"newest": 0}, "versions": {"newest": 0}}}
    built = world_after(9, retrained=(5, 7, 9), **keep)
    actions = [event.action for event in built.registry.history()]
    assert actions == ["passed", "bootstrap", "rejected", "rejected", "pruned"]
    first, second = (use.candidate for use in built.registry.spent()[1:])
    assert built.registry.history()[-1].deleted == (first,)
    assert built.registry.read(second)
    assert built.registry.read(built.registry.live().digest)
    assert built.registry.verify() == []
