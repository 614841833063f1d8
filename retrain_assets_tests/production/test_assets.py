"""`production_model`: every decision is a run that ends well, and no way of showing the checks promotes a candidate."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime

import dagster as dg
import pytest

from benchmarks.worlds.parcels import SPEC, failure_of, make_world, open_world, rows_of
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.pipeline import frame_of
from retrain_assets.production.sensors import success_alerts
from retrain_assets.validation import assets as validation
from retrain_assets.validation.checks import recorded
from retrain_assets.verdict import CHECKS, Finding, Outcome, Verdict
from retrain_assets_tests.past_worlds import past, undrawn
from retrain_assets_tests.served import TWO_WEEKS

UNJUDGED = ["feature_windows", "candidate_recent", "candidate_history", "candidate_model"]
REPORT = dg.AssetKey(["delivery", "validation_report"])
WEEK = "2024-01-08"


@pytest.fixture(scope="module")
def candidate(past_worlds, tmp_path_factory):
    """A world with a trained candidate that nobody has judged, and the instance of its runs."""
    with dg.DagsterInstance.ephemeral() as instance:
        with undrawn():
            two_weeks = past(3, **TWO_WEEKS).up_to(2, ())
            built = past_worlds.copy(two_weeks, tmp_path_factory.mktemp("candidate"), instance)
            result = built.run("retrain", WEEK, assets=UNJUDGED)
            assert result.success, failure_of(result)
        yield built


@pytest.fixture
def unjudged(candidate, tmp_path, pictures):
    """The same in files and with a run history of its own."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield open_world(shutil.copytree(candidate.folder, tmp_path / "world"), instance)


def judged(built):
    result = built.run("retrain", WEEK, assets=["validation_report"])
    assert result.success, failure_of(result)
    return result


def decided(built):
    return built.run("retrain", WEEK, assets=["production_model"])


def report_of(built):
    return Verdict.from_dict(built.store.read_json("validation_report", WEEK))


def summary_of(result):
    (made,) = result.asset_materializations_for_node("delivery__production_model")
    return made.metadata["summary"].value


def refused_with(built, sentence):
    result = decided(built)
    assert not result.success
    assert f"promotion refused: IncompleteVerdict: delivery {WEEK}: {sentence}" in failure_of(result)
    assert built.instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "refused"
    assert built.registry.live() is None
    return result


# ---- a kept champion is a run that ends well


def failing(built):
    """The spec asks for a floor that no model reaches."""
    floors = [{"metric": "mae", "at_most": 0.001}]
    return make_world(built.folder, rows_of(3), built.instance, **TWO_WEEKS, validation=SPEC["validation"] | {
        "floors": floors})  # fmt: skip


def undecided(built):
    """A third of the gate rows have no outcome."""
    arrived = built.store.read_table("outcomes", [WEEK])
    built.store.write_table("outcomes", WEEK, arrived.slice(0, arrived.num_rows * 2 // 3))
    return built


@pytest.mark.parametrize(
    ("spoil", "outcome", "severity"),
    [(failing, "rejected", dg.AssetCheckSeverity.ERROR), (undecided, "insufficient", dg.AssetCheckSeverity.WARN)],
)
def test_a_candidate_that_is_kept_out_ends_its_run_well_and_shows_the_check_that_failed(
    unjudged, spoil, outcome, severity
):
    built = spoil(unjudged)
    result = built.run("retrain", WEEK, assets=["validation_report", "production_model", "model_status"])
    assert result.success, failure_of(result)
    run = built.instance.get_run_by_id(result.run_id)
    assert run.tags[OUTCOME_TAG] == outcome
    assert summary_of(result).startswith("**no version is live yet**: ")
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert failed
    assert {check.severity for check in failed} == {severity}
    assert result.asset_materializations_for_node("delivery__model_status")
    assert built.registry.live() is None
    home, clock = built.defs.resources["home"], Clock(replay_at="2024-01-15T00:00:00")
    (alert,) = success_alerts(built.instance, run, frame_of(built.spec), home, clock)
    assert (alert.kind, alert.sentence) == (outcome, report_of(built).reason)


# ---- and nothing promotes what was not shown to pass


def test_a_candidate_that_passed_is_promoted_by_a_later_run_and_again_changes_nothing(unjudged):
    """So that the tests below can fail."""
    judged(unjudged)
    for _ in range(2):
        result = decided(unjudged)
        assert result.success, failure_of(result)
        assert summary_of(result).startswith("**v1** is the first live version")
    assert [event.action for event in unjudged.registry.history()] == ["passed", "bootstrap"]


def test_a_report_without_checks_promotes_nothing(unjudged):
    """A report that somebody wrote into the store and the journal, with the checks of another one in the records."""
    judged(unjudged)
    other = replace(report_of(unjudged), code_version="by hand", gate=replace(report_of(unjudged).gate, rows=99))
    unjudged.registry.record(other, at=datetime(2024, 1, 15), actor="ada")
    unjudged.store.write_json("validation_report", WEEK, other.to_dict())
    assert recorded(unjudged.instance, frame_of(unjudged.spec), other) == {}
    refused_with(unjudged, "4 of 4 checks of this report were not recorded with it")


def test_results_that_are_reported_from_outside_count_for_nothing(unjudged):
    judged(unjudged)
    other = replace(report_of(unjudged), code_version="reported")
    unjudged.registry.record(other, at=datetime(2024, 1, 15), actor="ada")
    unjudged.store.write_json("validation_report", WEEK, other.to_dict())
    for name in CHECKS:
        forged = dg.AssetCheckEvaluation(REPORT, name, True, metadata={"verdict": other.digest})
        unjudged.instance.report_runless_asset_event(forged)
    refused_with(unjudged, "4 of 4 checks of this report were not recorded with it")


def test_a_check_that_is_not_yielded_promotes_nothing(unjudged, instance, monkeypatch):
    built = open_world(unjudged.folder, instance)  # whose run records know no earlier report
    monkeypatch.setattr(validation, "CHECKS", tuple(name for name in CHECKS if name != "fairness"))
    built.run("retrain", WEEK, assets=["validation_report"])
    assert "fairness" not in recorded(instance, frame_of(built.spec), report_of(built))
    refused_with(built, "1 of 4 checks of this report were not recorded with it: fairness")


def failed_report(built):
    """The report of a candidate that fails on fairness, in the place of the one that passed."""
    judged(built)
    verdict = report_of(built)
    fair = Finding("fairness", Outcome.FAIL, "district=north: worse", group="district=north")
    found = tuple(finding for finding in verdict.findings if finding.check != "fairness")
    return replace(verdict, findings=(*found, fair))


def test_a_failed_check_that_is_shown_as_a_warning_keeps_the_candidate_out(unjudged, monkeypatch):
    verdict = failed_report(unjudged)
    forge(unjudged, monkeypatch, verdict, severity=dg.AssetCheckSeverity.WARN)
    result = decided(unjudged)
    assert result.success, failure_of(result)
    assert "the candidate failed the check fairness" in summary_of(result)
    assert unjudged.registry.live() is None


def test_a_failed_check_that_is_shown_as_passed_is_refused(unjudged, monkeypatch):
    verdict = failed_report(unjudged)
    forge(unjudged, monkeypatch, verdict, passed=True)
    refused_with(unjudged, "fairness was recorded otherwise than the report says")


def test_a_passed_report_whose_check_was_shown_as_failed_is_refused(unjudged, monkeypatch):
    judged(unjudged)
    forge(unjudged, monkeypatch, report_of(unjudged), passed=False)
    refused_with(unjudged, "fairness was recorded otherwise than the report says")


def forge(built, monkeypatch, verdict, **changes):
    """Materialize a report that says this, with the fairness check changed."""
    honest = validation.shown

    def shown(_, name, *words):
        result = honest(verdict, name, *words)
        values = {field: getattr(result, field) for field in ("check_name", "passed", "severity", "metadata")}
        return dg.AssetCheckResult(**values | (changes if name == "fairness" else {}))

    monkeypatch.setattr(validation, "shown", shown)
    judged(built)
    built.store.write_json("validation_report", WEEK, verdict.to_dict())
