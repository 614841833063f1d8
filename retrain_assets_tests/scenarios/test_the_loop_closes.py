"""The loop through real Dagster runs: first model, quiet weeks, a changed world, and every way around the gate."""

import json
from dataclasses import replace

import dagster as dg
import pytest
import yaml
from dagster._core.errors import DagsterInvalidDefinitionError

from benchmarks.worlds.parcels import SPEC, failure_of, make_world, open_world, rows_of
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.verdict import CHECKS

TRAINED = ["feature_windows", "candidate_recent", "candidate_history", "candidate_model"]


def outcome(world, result):
    return world.instance.get_run_by_id(result.run_id).tags.get(OUTCOME_TAG)


def rejected(world_after):
    """A world in which nothing changed, with a candidate that the gate has refused; the week of the attempt."""
    built = world_after(7, retrained=(5, 7))
    retrain, _ = built.instance.get_runs(dg.RunsFilter(job_name="delivery__retrain"))
    assert retrain.tags[OUTCOME_TAG] == "rejected"
    return built, built.weeks(7)[-1]


def test_first_model_is_promoted_as_bootstrap_and_serves_the_next_week(world_after):
    built = world_after(5)
    week = built.weeks(5)[-1]
    judged, event = built.registry.history()
    assert (judged.action, judged.gate.outcome, event.gate, event.evidence) == (
        "passed",
        "passed",
        None,
        judged.evidence,
    )
    assert (event.action, event.period, event.to_version) == ("bootstrap", week, "v1")
    assert built.registry.served_in(week) is None
    assert built.registry.served_in(built.weeks(6)[-1]).name == "v1"


def test_a_retrain_asked_for_too_early_keeps_no_first_model_from_coming(world):
    built = world(5)
    weeks = built.weeks(5)
    built.monitor(weeks[:1])
    early = built.run("retrain", weeks[0])
    assert early.success, failure_of(early)
    assert not built.registry.history()
    built.monitor(weeks[1:])
    run = built.run("retrain", weeks[-1])
    assert run.success, failure_of(run)
    assert built.registry.live().name == "v1"


def test_all_four_checks_are_shown_and_all_pass_for_the_first_model(world_after):
    built = world_after(5, retrained=())
    weeks = built.weeks(5)
    shown = {check.check_name: check.passed for check in built.run("retrain", weeks[-1]).get_asset_check_evaluations()}
    assert shown == dict.fromkeys(CHECKS, True)


def test_a_better_candidate_is_promoted_after_the_world_changed(world_after):
    built = world_after(8, retrained=(5, 8), slower_from=5)
    assert [event.action for event in built.registry.history()] == ["passed", "bootstrap", "passed", "promoted"]
    assert built.registry.live().name == "v2"


def test_an_equal_candidate_is_rejected_and_the_live_model_stays(world_after):
    built, week = rejected(world_after)
    assert [event.action for event in built.registry.history()] == ["passed", "bootstrap", "rejected"]
    assert built.registry.live().name == "v1"
    assert built.registry.history()[-1].period == week


def test_loss_beyond_its_baseline_starts_the_retrain_once(world_after):
    built = world_after(6, slower_from=5)
    week = built.weeks(6)[-1]
    sensor = built.defs.resolve_sensor_def("delivery__retrain_trigger")

    def tick(cursor=None):
        resources = {"home": built.defs.resources["home"], "clock": Clock()}
        context = dg.build_sensor_context(
            built.instance, cursor=cursor, definitions=built.defs, sensor_name=sensor.name, resources=resources
        )
        return sensor.evaluate_tick(context)

    (request,) = tick().run_requests
    assert (request.partition_key, request.tags["retrain/trigger"]) == (week, "excess_loss")
    assert outcome(built, built.run("retrain", week, tags=dict(request.tags))) == "rejected"  # trained before
    quiet = tick()
    assert quiet.run_requests == []
    assert "cool-down" in quiet.skip_message


# ---- ways around the gate


def kept(built, result):
    """Whether a run ended with the decision to keep the first version."""
    (made,) = result.asset_materializations_for_node("delivery__production_model")
    says = made.metadata["summary"].value.startswith("**kept v1**: the new model was not ")
    return says and outcome(built, result) == "rejected" and built.registry.live().name == "v1"


def test_production_model_alone_keeps_the_live_version_with_the_reason(world_after):
    built, week = rejected(world_after)
    assert kept(built, built.run("retrain", week, assets=["production_model"]))


def test_production_model_without_any_verdict_is_refused(world_after):
    built = world_after(6)
    week = built.weeks(6)[-1]
    alone = built.run("retrain", week, assets=["production_model"])
    assert "promotion refused: IncompleteVerdict" in failure_of(alone)


def test_a_check_reported_green_from_outside_promotes_nothing(world_after):
    built, week = rejected(world_after)
    for check in CHECKS:
        forged = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(["delivery", "validation_report"]), check_name=check, passed=True, metadata={}
        )
        built.instance.report_runless_asset_event(forged)
    assert kept(built, built.run("retrain", week, assets=["production_model"]))


def test_a_job_cannot_leave_the_checks_out(world):
    built = world()
    keys = [dg.AssetKey(["delivery", name]) for name in ("validation_report", "production_model")]
    job = dg.define_asset_job("no_checks", selection=dg.AssetSelection.assets(*keys).without_checks())
    defs = dg.Definitions.merge(built.defs, dg.Definitions(jobs=[job]))
    with pytest.raises(DagsterInvalidDefinitionError, match="Failed to resolve asset job no_checks"):
        defs.resolve_job_def("no_checks")


def test_judging_again_gives_the_same_verdict_not_another_chance(world_after):
    built, week = rejected(world_after)
    before = built.store.read_json("validation_report", week)
    again = built.run("retrain", week, assets=["validation_report", "production_model"])
    assert kept(built, again)
    assert built.store.read_json("validation_report", week) == before
    assert [event.action for event in built.registry.history()] == ["passed", "bootstrap", "rejected"]


def test_another_candidate_cannot_be_judged_on_the_same_rows(world_after):
    built, week = rejected(world_after)
    record = built.store.read_json("candidate_model", week)
    other = built.registry.add(dict(built.registry.read(record["digest"])) | {"note.txt": b"tuned"})
    built.store.write_json("candidate_model", week, record | {"digest": other})
    again = built.run("retrain", week, assets=["validation_report"])
    assert "GateRowsSpent" in failure_of(again)


def test_a_newer_candidate_than_the_report_is_refused(world_after):
    built = world_after(8, slower_from=5)
    weeks = built.weeks(8)
    result = built.run("retrain", weeks[-1], assets=[*TRAINED, "validation_report"])
    assert result.success, failure_of(result)
    record = built.store.read_json("candidate_model", weeks[-1])
    newer = built.registry.add(dict(built.registry.read(record["digest"])) | {"note.txt": b"newer"})
    built.store.write_json("candidate_model", weeks[-1], record | {"digest": newer})
    assert "WrongCandidate" in failure_of(built.run("retrain", weeks[-1], assets=["production_model"]))
    assert built.registry.live().name == "v1"


def test_a_verdict_under_older_rules_is_refused(world_after):
    built = world_after(8, slower_from=5)
    weeks = built.weeks(8)
    result = built.run("retrain", weeks[-1], assets=[*TRAINED, "validation_report"])
    assert result.success, failure_of(result)
    spec = yaml.safe_load((built.folder / "delivery.yaml").read_text())
    spec["validation"]["guardrails"][0]["margin"] = 2.0
    (built.folder / "delivery.yaml").write_text(yaml.safe_dump(spec))
    later = open_world(built.folder, built.instance)
    assert "StaleVerdict" in failure_of(later.run("retrain", weeks[-1], assets=["production_model"]))


def test_promoting_the_promoted_again_changes_nothing(world_after):
    built = world_after(5)
    week = built.weeks(5)[-1]
    result = built.run("retrain", week, assets=["production_model"])
    assert result.success, failure_of(result)
    assert [event.action for event in built.registry.history()] == ["passed", "bootstrap"]


def test_a_run_without_a_period_is_refused(world):
    built = world()
    job = built.defs.resolve_implicit_global_asset_job_def()
    run = job.execute_in_process(
        instance=built.instance,
        asset_selection=[dg.AssetKey(["delivery", "drift_report"])],
        raise_on_error=False,
    )
    assert "belongs to a period" in failure_of(run)


def test_a_rollback_run_puts_the_former_version_back(world_after):
    built = world_after(8, retrained=(5, 8), slower_from=5)
    ops = {"delivery__roll_back": {"config": {"reason": "drivers complain", "expected_live": "v2"}}}
    result = built.run("rollback", None, run_config={"ops": ops})
    assert result.success, failure_of(result)
    event = built.registry.history()[-1]
    assert (event.action, event.to_version, event.reason) == ("rolled_back", "v1", "drivers complain")
    assert built.registry.verify() == []


def test_the_same_history_gives_the_same_model_bytes(world_after, tmp_path, instance):
    lived = make_world(tmp_path / "again", rows_of(9), instance)
    lived.bootstrapped()
    assert lived.registry.live().digest == world_after(5).registry.live().digest


@pytest.mark.parametrize("asset", ["validation_report", "candidate_model", "feature_windows"])
def test_records_are_plain_json(world_after, asset):
    built = world_after(5)
    week = built.weeks(5)[-1]
    record = built.store.read_json(asset, week)
    assert json.loads(json.dumps(record)) == record


def test_a_verdict_changed_on_disk_after_promotion_is_noticed(world_after):
    built = world_after(5)
    (path,) = (built.registry.folder / "verdicts").glob("*.json")
    verdict = built.registry.evidence(built.registry.history()[0])
    path.write_text(replace(verdict, code_version="9").to_json())
    assert any("digest" in problem for problem in built.registry.verify())


def test_a_suite_case_that_cannot_be_scored_asks_nothing_of_the_first_model(world_after):
    built = world_after(5, retrained=())
    path = built.folder / "delivery.suite.yaml"
    cases = yaml.safe_load(path.read_text())["cases"]
    cases.append(cases[0] | {"id": "x9", "period": "2023-12-25"})  # a week before the data begin
    path.write_text(yaml.safe_dump({"cases": cases}))
    first = built.run("retrain", built.weeks(5)[-1])
    assert outcome(built, first) == "promoted"
    assert built.registry.verdict(built.registry.live()).outcome("regression_suite") == "not asked"


def test_a_suite_case_that_cannot_be_scored_holds_a_later_model(world_after):
    built = world_after(9, retrained=(), slower_from=5)
    weeks = built.weeks(9)
    assert outcome(built, built.run("retrain", weeks[4])) == "promoted"
    path = built.folder / "delivery.suite.yaml"
    cases = yaml.safe_load(path.read_text())["cases"]
    cases.append(cases[0] | {"id": "x9", "period": "2023-12-25"})  # a week before the data begin
    path.write_text(yaml.safe_dump({"cases": cases}))
    assert outcome(built, built.run("retrain", weeks[-1])) == "insufficient"
    assert "cannot be scored" in built.registry.history()[-1].reason


def test_gate_rows_without_outcomes_hold_the_first_model(world_after):
    built = world_after(5, retrained=())
    weeks = built.weeks(5)
    arrived = built.store.read_table("outcomes", [weeks[-1]])
    built.store.write_table("outcomes", weeks[-1], arrived.slice(0, arrived.num_rows * 2 // 3))
    held = built.run("retrain", weeks[-1])
    assert outcome(built, held) == "insufficient"
    (event,) = built.registry.history()
    assert "gate rows have no outcome" in event.reason


def test_the_yearly_number_of_attempts_binds_a_person_too(world_after):
    triggers = SPEC["triggers"] | {"max_per_year": 1}
    built = world_after(6, triggers=triggers)
    week = built.weeks(6)[-1]
    result = built.run("retrain", week)
    assert result.success, failure_of(result)
    (decision,) = result.asset_materializations_for_node("delivery__feature_windows")
    assert "1 attempt in the last year, and the spec declares 1" in decision.metadata["reason"].value
    assert decision.metadata["decision"].value == "held_back"


def test_a_week_that_was_missed_loses_neither_excess_nor_labels(world_after):
    built = world_after(5, slower_from=5)
    weeks = built.weeks(8)
    built.monitor([weeks[5], weeks[7]])
    reports = [built.store.read_json("performance_report", week) for week in weeks[4:6] + weeks[7:]]
    totals = [report["labelled_total"] for report in reports]
    assert totals == sorted(totals)
    assert reports[2]["accumulated_excess"] > reports[1]["accumulated_excess"] > 0
