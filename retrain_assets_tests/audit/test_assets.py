"""`model_status` through real Dagster runs: fresh after each decision, whatever it was."""

import re
from functools import partial
from types import SimpleNamespace

import dagster as dg
import pandas as pd
import pytest

from benchmarks.worlds.parcels import SPEC, failure_of
from retrain_assets.audit.assets import LONGEST_CAUSE, _row, fault_of
from retrain_assets.audit.status import last_fault, last_period
from retrain_assets.dagster_glue.tags import PARTITION_TAG
from retrain_assets.pipeline import frame_of, watch
from retrain_assets.production.sensors import tell_killed
from retrain_assets.registry.journal.heads import Head
from retrain_assets.registry.journal.tenure import tenures
from retrain_assets.store import PeriodStore
from retrain_assets_tests.audit.journals import MONTHS, journal

KEY = dg.AssetKey(["delivery", "model_status"])


def latest(world, period):
    """What the asset's page says of a period."""
    chosen = dg.AssetRecordsFilter(KEY, asset_partitions=[period])
    (record,) = world.instance.fetch_materializations(chosen, limit=1).records
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_it_is_fresh_after_monitoring_a_promotion_a_refusal_and_a_rollback(world_after):
    built = world_after(6, slower_from=5)
    weeks = built.weeks(8)
    before = latest(built, weeks[0])
    assert before["summary"].splitlines()[2] == "- **what is live**: none yet"
    assert before["so_far"].startswith("No model was trained yet.")
    assert latest(built, weeks[4])["promoted"] == 1
    assert latest(built, weeks[5])["age_periods"] == 1
    kept = built.run("retrain", weeks[5])  # nothing was trained on a slower week yet
    assert kept.success, failure_of(kept)
    assert (latest(built, weeks[5])["rejected"], latest(built, weeks[5])["attempts"]) == (1, 2)

    built.monitor(weeks[6:])
    promoted = built.run("retrain", weeks[7])
    assert promoted.success, failure_of(promoted)
    shown = latest(built, weeks[7])
    assert (shown["versions"], shown["promoted"], shown["periods_to_promotion"]) == (2, 2, 2.0)
    well, asked, live, last, following = shown["summary"].splitlines()
    assert asked == "- **what to do now**: nothing"
    assert live == "- **what is live**: v2, since 2024-02-26"
    assert well.startswith("- **is it well**: just went live: no period is measured yet; before it, v1 has been worse")
    assert last.startswith("- **what happened last**: 2024-02-26: promoted v2, ")
    assert following.startswith("- **what comes next**: ")
    assert shown["so_far"].startswith("3 candidates judged: 2 promoted, 1 rejected")
    assert shown["validation_report"] == "/assets/delivery/validation_report?view=partitions&partition=2024-02-19"

    config = {"reason": "drivers complain", "expected_live": built.registry.live().digest}
    ops = {"delivery__roll_back": {"config": config}}
    back = built.run("rollback", None, run_config={"ops": ops})
    assert back.success, failure_of(back)
    shown = latest(built, weeks[7])
    assert shown["rollbacks"] == 1
    kept = Head.parse(shown["journal_head"])
    assert (kept.seq, built.registry.verify(kept)) == (len(built.registry.history()), [])
    assert shown["age_periods"] == 3  # since its promotion, not since it came back
    assert shown["summary"].startswith("- **is it well**: no: v1 has been worse")  # of v2 no period was measured
    assert "- **what is live**: v1, first live on " in shown["summary"]
    assert "rolled back to v1, " in shown["summary"]


@pytest.mark.drawn
def test_its_numbers_are_those_of_the_journal_the_reports_and_the_runs(world_after):
    built = world_after(7, slower_from=5)
    weeks = built.weeks(7)
    assert built.run("monitor", weeks[6], assets=["model_status"]).success
    shown = latest(built, weeks[6])
    judged = [built.store.read_json("performance_report", week)["report"] for week in weeks[5:]]
    assert [report["outcome"] for report in judged] == ["warn", "warn"]  # half an hour slower
    assert (shown["judged_periods"], shown["share_within_objective"]) == (2, 0.0)
    spent = [built.store.read_json(name, weeks[4])["seconds"] for name in ("candidate_recent", "candidate_history")]
    assert shown["training_cpu_seconds"] == sum(spent)
    (run,) = built.instance.get_run_records(dg.RunsFilter(job_name="delivery__retrain"))
    assert shown["run_seconds"] == run.end_time - run.start_time
    assert shown["seconds_to_promotion"] >= shown["run_seconds"]
    picture = re.match(r"!\[Status: delivery\]\(data:image/png;base64,(.*)\)", shown["picture"])
    assert len(picture[1]) < 100_000
    stored = built.store.read_json("model_status", weeks[6])
    assert stored["figures"]["live"] == built.registry.live().name
    assert {name: stored["figures"][name] for name in ("attempts", "promoted")} == {"attempts": 1, "promoted": 1}


def test_an_earlier_period_written_again_knows_nothing_of_what_came_later(world_after):
    built = world_after(8, slower_from=5)
    weeks = built.weeks(8)
    before = latest(built, weeks[5])
    assert built.run("retrain", weeks[7]).success
    assert built.run("monitor", weeks[5], assets=["model_status"]).success
    again = latest(built, weeks[5])
    times = {"seconds_to_promotion", "run_seconds", "journal_head"}
    assert {name: value for name, value in again.items() if name not in times} == {
        name: value for name, value in before.items() if name not in times
    }


def test_a_fault_in_the_history_does_not_change_how_a_rollback_ends(world_after, monkeypatch):
    built = world_after(8, retrained=(5, 8), slower_from=5)
    monkeypatch.setattr("retrain_assets.audit.pages.plot.timeline", lambda *_: 1 / 0)
    config = {"reason": "drivers complain", "expected_live": built.registry.live().digest}
    ops = {"delivery__roll_back": {"config": config}}
    assert built.run("rollback", None, run_config={"ops": ops}).success
    assert built.registry.live().name == "v1"


def test_a_run_in_which_several_checks_fail_reports_once(world_after):
    tight = SPEC["validation"] | {"guardrails": [{"metric": "rmse", "margin": 1e-9}]}
    built = world_after(6, slower_from=5, validation=tight)
    weeks = built.weeks(6)
    kept = built.run("retrain", weeks[5])
    assert kept.success, failure_of(kept)
    assert len([check for check in kept.get_asset_check_evaluations() if not check.passed]) > 1
    chosen = dg.AssetRecordsFilter(KEY, asset_partitions=[weeks[5]])
    reports = built.instance.fetch_materializations(chosen, limit=20).records
    assert len(reports) == 2, "one after monitoring, one after the decision"


def test_a_run_that_broke_is_what_the_status_tells_first_until_the_period_is_run_again(world_after):
    built = world_after(6)
    week = built.weeks(6)[-1]
    rows = built.folder / "rows.parquet"
    sound = pd.read_parquet(rows)
    sound.assign(id=1).to_parquet(rows)
    assert not built.run("monitor", week).success

    assert (
        latest(built, week)["summary"].splitlines()[0].startswith("- **is it well**: not known: the run of the week ")
    )
    fault = last_fault(built.store, week)
    assert fault.period == week
    assert "rows.parquet" in fault.cause
    assert last_period(built.store, built.registry) == week

    sound.to_parquet(rows)
    assert built.run("monitor", week).success
    assert last_fault(built.store, week) is None
    assert latest(built, week)["summary"].splitlines()[0].startswith("- **is it well**: yes: ")


def test_a_period_of_the_past_that_broke_is_told_on_the_newest_status_which_stays_on_top(world_after):
    built = world_after(6)
    broken, newest = built.weeks(6)[3], built.weeks(6)[-1]
    rows = built.folder / "rows.parquet"
    pd.read_parquet(rows).assign(id=1).to_parquet(rows)
    assert not built.run("monitor", broken).success
    top = built.instance.get_latest_materialization_event(dg.AssetKey(["delivery", "model_status"]))
    assert top.asset_materialization.partition == newest
    assert "the run of the week of 22 January 2024 failed" in latest(built, newest)["summary"]


def test_a_launch_that_asked_for_what_it_may_not_have_broke_nothing(world_after):
    built = world_after(5, retrained=())
    week = built.weeks(5)[-1]
    assert not built.run("retrain", week, assets=["production_model"]).success
    assert last_fault(built.store, week) is None


def test_a_run_that_was_killed_is_told_until_a_run_succeeds_whatever_is_refused_or_rolled_back_meanwhile(world_after):
    built = world_after(5, retrained=())
    week, frame, home = built.weeks(5)[-1], frame_of(built.spec), built.defs.resources["home"]
    run = dg.DagsterRun("delivery__monitor", tags={PARTITION_TAG: week}, status=dg.DagsterRunStatus.NOT_STARTED)
    built.instance.add_run(run)
    built.instance.report_run_failed(run, "gone")
    failed = built.instance.get_run_by_id(run.run_id)

    tell_killed(built.instance, failed, frame, home, partial(watch, built.spec))

    killed = f"delivery__monitor of {week} was killed before it ended. It is started again by itself"
    assert last_fault(built.store, week).cause == killed
    assert not built.run("retrain", week, assets=["production_model"]).success
    assert last_fault(built.store, week).cause == killed, "a refused launch breaks nothing and mends nothing"
    assert built.run("monitor", week).success
    assert last_fault(built.store, week) is None


def test_a_cause_is_one_line_that_fits():
    assert fault_of(ValueError("first\nsecond")) == "ValueError: first"
    assert len(fault_of(ValueError("word " * 100))) <= LONGEST_CAUSE
    assert fault_of(None) == "unknown"


def test_a_version_that_has_served_no_period_is_dated_by_the_one_after_its_decision(tmp_path):
    past = journal(("2019-02", "bootstrap"), ("2019-03", "promoted"), ("2019-04", "rolled_back", "v1"))
    first, *_, last = tenures(past)
    frame, store = SimpleNamespace(calendar=MONTHS), PeriodStore(tmp_path)
    assert [_row(one, frame, {}, store, "2019-04")["from"] for one in (first, last)] == ["2019-03", "2019-05"]
