"""The report of a probation through real runs: what is compared, what is kept, and how a probation ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks.worlds.parcels import failure_of, rows_of
from retrain_assets.audit.explanation import explained
from retrain_assets.audit.pages.explanation_text import in_words
from retrain_assets.dagster_glue.resources import Clock
from retrain_assets.dagster_glue.tags import MODEL_TAG
from retrain_assets.model import PeriodAccess
from retrain_assets.pipeline import frame_of, probation
from retrain_assets.production.policy import ProbationPolicy
from retrain_assets.production.probation.record import ProbationRecord
from retrain_assets.production.sensors import success_alerts
from retrain_assets.scoring.scorer import Scorer
from retrain_assets_tests.production.bad_deploy import (
    MODEL,
    NEXT_WEEK,
    damage,
    report,
)


def probed(built, week, spec):
    """The record of a week, made anew on the day of the last one."""
    written = (built.store.read_json("probation_report", week) or {}).get("written", "")
    return probation(spec).report(PeriodAccess(built.store, built.registry, week), written)


# ---- the report


def test_the_report_holds_what_both_models_lose_on_the_same_newly_labelled_rows(story):
    week = story.weeks(7)[-1]
    record = report(story, week)
    rows = rows_of(9)
    start, end = story.spec.period.bounds(week)
    known = rows[(rows["at"] >= start) & (rows["at"] < end) & (rows["at"] + np.timedelta64(1, "D") < end)]
    bad, good = (
        Scorer.from_files(story.registry.read(version.digest)) for version in reversed(story.registry.versions())
    )
    table = pa.Table.from_pandas(known)
    losses = [np.minimum(np.abs(model.scores(table) - known.minutes), 200.0) for model in (bad, good)]
    daily = (losses[0] - losses[1]).groupby(known["at"].dt.date).mean()
    assert record["rows"] == len(known)
    assert [record["loss"], record["previous_loss"]] == pytest.approx([losses[0].mean(), losses[1].mean()])
    assert record["blocks"] == pytest.approx(daily.tolist())
    assert record["status"] == "harmed"
    assert "v2 is worse than v1; on the same" in record["sentence"]


def test_a_report_made_again_is_the_same(own):
    week = own.weeks(7)[-1]
    before = report(own, week)
    probed(own, week, own.spec)
    assert report(own, week) == before


def test_a_week_without_a_comparison_says_why_and_scores_nothing(story):
    weeks = story.weeks(6)
    first = f"the model that served {story.spec.period.during(weeks[5])} was the first, v1"
    assert report(story, weeks[0])["sentence"] == f"{weeks[0]}: no probation: no model was in charge"
    assert report(story, weeks[5])["sentence"] == f"{weeks[5]}: nothing to compare: {first}"
    assert "blocks" not in report(story, weeks[5])


def test_the_next_week_adds_only_what_is_new(own):
    weeks = own.weeks(8)
    result = own.run("monitor", weeks[7], assets=["raw_data", "outcomes", "probation_report"])
    assert result.success, failure_of(result)
    before, after = report(own, weeks[6]), report(own, weeks[7])
    assert after["blocks"][: len(before["blocks"])] == before["blocks"]
    assert len(after["blocks"]) == len(before["blocks"]) + 7
    assert after["rows_total"] == before["rows_total"] + after["rows"]
    assert after["late_rows"] == 0


def test_an_outcome_for_a_closed_day_is_counted_and_left_out(own):
    weeks = own.weeks(8)
    first = report(own, weeks[6])
    own.run("monitor", weeks[7], assets=["raw_data", "outcomes"])
    arrived = own.store.require_table("outcomes", weeks[7])
    seen = own.store.require_table("outcomes", weeks[6])
    late = seen.filter(pc.greater_equal(seen["time"], own.spec.period.bounds(weeks[6])[0]))
    kept = seen.filter(pc.invert(pc.is_in(seen["id"], late.slice(0, 5)["id"].combine_chunks())))
    own.store.write_table("outcomes", weeks[6], kept)
    probed(own, weeks[6], own.spec)
    own.store.write_table("outcomes", weeks[7], pa.concat_tables([arrived, late.slice(0, 5)]))
    record = probed(own, weeks[7], own.spec)
    assert record.sums.late_rows == 5
    assert list(record.measurement.blocks[: len(first["blocks"])]) == report(own, weeks[6])["blocks"]
    assert record.measurement.rows == arrived.num_rows


# ---- the end of a probation


def with_one_day_of_outcomes(built, week):
    """The outcomes of a week are those of its first day alone."""
    seen = built.store.require_table("outcomes", week)
    start = built.spec.period.bounds(week)[0]
    few = pc.and_(pc.greater_equal(seen["time"], start), pc.less(seen["time"], start + timedelta(days=1)))
    built.store.write_table("outcomes", week, seen.filter(few))


def test_a_probation_without_enough_blocks_goes_on_and_then_ends_unproven_with_an_alert(own):
    weeks = own.weeks(12)
    spec = own.spec.model_copy(update={"probation": ProbationPolicy(periods=1)})
    with_one_day_of_outcomes(own, weeks[6])
    asked = [probed(own, week, spec).to_dict() for week in weeks[6:]]
    assert [record["status"] for record in asked] == ["open", "open", "open", "open", "unproven", "idle"]
    assert [len(record["blocks"]) for record in asked[:5]] == [1] * 5
    doubt = "so few blocks rule out no harm, 14 do where they show none; "
    assert f"goes on beyond {weeks[6]}, at the latest until {weeks[10]}: {doubt}" in asked[0]["sentence"]
    assert asked[4]["sentence"].startswith(f"{weeks[10]}: v2 stays live, its probation ends unproven: {doubt}")
    assert asked[4]["sentence"].endswith("after 1 block of 1 day")
    assert asked[5]["sentence"] == f"{weeks[11]}: no probation: that of v2 ended unproven in {weeks[10]}"
    assert own.registry.live().name == "v2"
    run = dg.DagsterRun(f"{MODEL}__monitor", tags={"dagster/partition": weeks[10], MODEL_TAG: MODEL})
    (alert,) = success_alerts(own.instance, run, frame_of(spec), own.defs.resources["home"], Clock(replay_at=NEXT_WEEK))
    assert (alert.kind, alert.sentence) == ("probation", asked[4]["sentence"])
    told = in_words(explained(MODEL, own.registry, own.store, own.spec.period, "v2"))
    assert f"Its probation ended unproven in {weeks[10]}" in told


def test_a_probation_that_was_too_short_is_decided_as_soon_as_the_blocks_are_there(own):
    weeks = own.weeks(8)
    spec = own.spec.model_copy(update={"probation": ProbationPolicy(periods=1)})
    with_one_day_of_outcomes(own, weeks[6])
    probed(own, weeks[6], spec)
    own.run("monitor", weeks[7], assets=["raw_data", "outcomes"])
    record = probed(own, weeks[7], spec)
    assert record.status == "harmed"


def test_a_probation_that_is_blind_at_its_end_has_proved_nothing(own):
    week = own.weeks(7)[-1]
    spec = own.spec.model_copy(update={"probation": ProbationPolicy(periods=1)})
    damage(own, own.registry.versions()[0])
    record = probed(own, week, spec)
    assert record.status == "unproven"
    assert record.sentence.endswith("; its probation ends unproven")


# ---- groups that the gate left open


def test_a_group_that_the_gate_left_open_is_held_against_the_version_before_and_its_harm_takes_the_new_one_back(
    own, monkeypatch
):
    week, rows = own.weeks(7)[-1], rows_of(9)
    district = str(rows["district"].iloc[0])
    left = {"group": f"district={district}", "metric": "mae", "attribute": "district", "values": [district]}
    known = type(own.registry).evidence

    def evidence(self, event):
        verdict = known(self, event)
        watched = [left | {"margin": 1.0, "threshold": 0.5}]
        return replace(verdict, evidence={**verdict.evidence, "watched_groups": watched})

    monkeypatch.setattr(type(own.registry), "evidence", evidence)
    patient = replace(probation(own.spec), policy=ProbationPolicy(tolerance=1000.0))
    record = patient.report(PeriodAccess(own.store, own.registry, week))
    start, end = own.spec.period.bounds(week)
    inside = (rows["at"] >= start) & (rows["at"] < end) & (rows["at"] + np.timedelta64(1, "D") < end)
    mine = rows[inside & (rows["district"] == district)]
    bad, good = (Scorer.from_files(own.registry.read(version.digest)) for version in reversed(own.registry.versions()))
    lost = [np.abs(model.scores(pa.Table.from_pandas(mine)) - mine.minutes).mean() for model in (bad, good)]
    (account,) = record.groups
    assert (account.rows, account.reference) == (len(mine), "v1")
    assert account.harm == pytest.approx(lost[0] - lost[1])
    assert record.status.asks_rollback
    assert f"v2 harms a protected group, district={district} (mae)" in record.sentence
    assert ProbationRecord.from_dict(report(own, week)) == record
