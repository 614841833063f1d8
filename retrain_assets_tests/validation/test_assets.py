"""`validation_report` in Dagster: one run leaves the record, its page, its checks and its outcome as a tag."""

from dataclasses import replace

import dagster as dg
import pytest

from benchmarks.worlds.verdicts import MODEL, candidate, findings, fresh, period, verdict
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.errors import GateRowsSpent
from retrain_assets.periods import Calendar
from retrain_assets.validation.assets import validation_assets
from retrain_assets.verdict import CHECKS, Outcome, Verdict

FRAME = Frame(MODEL, ("team:tests",), Calendar(every="day", start="2019-01-01"))
DAY = period(0)


@pytest.fixture
def home(tmp_path):
    return Home(path=str(tmp_path))


def run(instance, home, judge):
    resources = {"home": home, "clock": Clock(replay_at="2019-01-08T00:00:00")}
    assets = validation_assets(FRAME, judge)
    return dg.materialize(
        assets, instance=instance, resources=resources, partition_key=DAY, raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "tag"), [(Outcome.PASS, "passed"), (Outcome.FAIL, "rejected"), (Outcome.INSUFFICIENT, "insufficient")]
)
def test_a_verdict_is_stored_shown_and_tagged_and_never_fails_its_run(instance, home, tmp_path, outcome, tag):
    registry = fresh(tmp_path / "world")
    judged = verdict(registry, 0, candidate(registry, "a"), findings=findings(outcome))
    result = run(instance, home, lambda *at: judged)
    assert result.success
    assert instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == tag
    store = home.store(MODEL)
    assert Verdict.from_dict(store.read_json("validation_report", DAY)) == judged
    assert store.read_bytes("validation_report", DAY, "html").startswith(b"<!DOCTYPE html>")
    passed = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert passed == {check: check != "fairness" or outcome is Outcome.PASS for check in CHECKS}
    (made,) = result.asset_materializations_for_node(f"{MODEL}__validation_report")
    assert made.metadata["decision"].value == judged.decision.value
    assert made.metadata["verdict"].value == judged.digest[:12]
    assert made.metadata["gate"].value == "2019-01-01 to 2019-01-08"


def test_the_judge_is_told_the_period_the_moment_and_who_asks(instance, home, tmp_path):
    registry, told = fresh(tmp_path / "world"), []

    def judge(access, moment, actor):
        told.append((access.period, moment.isoformat(), actor))
        return verdict(registry, 0, candidate(registry, "a"))

    result = run(instance, home, judge)
    assert told == [(DAY, "2019-01-08T00:00:00", f"run {result.run_id[:8]}")]


def test_a_judgement_that_the_rules_forbid_is_a_refused_run_and_leaves_no_report(instance, home):
    def judge(*at):
        raise GateRowsSpent("these rows decided before")

    result = run(instance, home, judge)
    assert not result.success
    assert instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "refused"
    (failed,) = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    assert "judgement refused: GateRowsSpent: these rows decided before" in str(failed)
    assert home.store(MODEL).read_json("validation_report", DAY) is None


def test_a_primary_with_numbers_is_a_series_and_one_without_is_none(instance, home, tmp_path):
    registry = fresh(tmp_path / "world")
    plain = verdict(registry, 0, candidate(registry, "a"))
    first, *others = plain.findings
    measured = replace(first, role="primary", metric="mae", improvement=0.5, low=0.25, p_value=0.01)
    for judged, shown in (
        (plain, {}),
        (replace(plain, findings=(measured, *others)), {"improvement": 0.5, "improvement_low": 0.25}),
    ):
        (made,) = run(instance, home, lambda *at, judged=judged: judged).asset_materializations_for_node(
            f"{MODEL}__validation_report"
        )
        found = {
            name: made.metadata[name].value for name in ("improvement", "improvement_low") if name in made.metadata
        }
        assert found == shown
