"""Estimates of rows whose outcomes are out, as of a period, and the later truth beside them."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit

from benchmarks.worlds.training_records import record_of
from benchmarks.worlds.verdicts import content, no_rest
from retrain_assets.metrics.metric import metric
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.estimation.estimator import EstimationPolicy
from retrain_assets.monitoring.performance.report import baseline
from retrain_assets.monitoring.performance_step import PerformancePolicy, performance_step
from retrain_assets.periods import Calendar
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rules import PromotionRules
from retrain_assets.scoring.features import contract_of, encode
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import CHECKS, Finding, GateWindow, Outcome, Verdict

WEEKS = Calendar(every="week", start="2024-01-01")
DELAY = timedelta(days=14)
COLUMNS = Columns(numeric={"x": None, "z": None})
A_WEEK = 1500
PARCELS = Model("parcels", "binary", 2, WEEKS, "id", "at", "late", DELAY, "log_loss")


def week(number):
    return WEEKS.shift(WEEKS.first, number)


def rows_of(number, shift=0.0, concept=0.0):
    """A week's rows with their outcomes."""
    random = np.random.default_rng(100 + number)
    x, z = random.normal(0, 1, A_WEEK), random.normal(shift, 1, A_WEEK)
    label = (random.uniform(size=A_WEEK) < expit(1.5 * x + z - 1 + concept)).astype(float)
    at = WEEKS.bounds(week(number))[0] + np.sort(random.uniform(0, 7 * 86400, A_WEEK)) * np.timedelta64(1, "s").astype(
        timedelta
    )
    ids = np.arange(A_WEEK) + number * A_WEEK
    return pa.table({"id": ids, "at": pa.array(at, pa.timestamp("us")), "x": x, "z": z, "label": label})


class World:
    """A model trained on week 0, judged on week 1, in charge from week 2 on; outcomes are known two weeks later."""

    def __init__(self, folder, weeks, shifted_from=99, concept_from=99, outcome_limit=99):
        self.store, self.registry = PeriodStore(folder / "data"), Registry(folder / "registry", "parcels")
        tables = [
            rows_of(n, 0.5 if n >= shifted_from else 0.0, 1.5 if n >= concept_from else 0.0) for n in range(weeks)
        ]
        self.rows = pa.concat_tables(tables)
        for number, table in enumerate(tables):
            self.store.write_table("raw_data", week(number), table.drop(["label"]))
        self._file_outcomes(outcome_limit)
        self.scorer = self._promote(tables[0], tables[1])
        for number in range(2, weeks):
            scores = self.scorer.scores(tables[number])
            version = pa.array(["v1"] * A_WEEK).dictionary_encode()
            known = {"id": tables[number]["id"], "at": tables[number]["at"], "version": version, "score": scores}
            self.store.write_table("predictions", week(number), pa.table(known))

    def _file_outcomes(self, limit):
        at = self.rows["at"].to_numpy()
        known_at = at + np.timedelta64(DELAY)
        arrived = np.array([WEEKS.key(moment) for moment in known_at.astype("datetime64[us]").astype(object)])
        outcomes = pa.table(
            {"id": self.rows["id"], "label": self.rows["label"], "time": self.rows["at"], "known_at": known_at}
        )
        for name in sorted(set(arrived)):
            if name <= week(limit):
                self.store.write_table("outcomes", name, outcomes.filter(pa.array(arrived == name)))

    def _promote(self, trained, judged):
        contract = contract_of(trained, COLUMNS)
        data = lgb.Dataset(encode(trained, contract).table, trained["label"].to_numpy())
        settings = {"objective": "binary", "num_leaves": 7, "verbose": -1, "num_threads": 1, "deterministic": True}
        files = {
            "model.bst": lgb.train(settings, data, 30).model_to_string().encode(),
            "features.json": json.dumps(contract.to_dict()).encode(),
            "training.json": record_of(task="binary", baseline=0.3).to_bytes(),
        }
        digest, scorer = self.registry.add(files), Scorer.from_files(files)
        losses = metric("log_loss").row_losses(judged["label"], scorer.scores(judged))
        held_to = baseline(losses, judged["at"].to_numpy())
        start, end = WEEKS.bounds(week(1))
        window = GateWindow((week(1),), start.isoformat(), end.isoformat(), A_WEEK, "rows")
        findings = tuple(Finding(check, Outcome.PASS, "fine") for check in CHECKS)
        evidence = {"baseline": held_to.to_dict()}
        verdict = Verdict("parcels", week(1), findings, window, digest, None, "rules", "0", evidence=evidence)
        moved = {"at": datetime(2024, 1, 15), "actor": "run 1"}
        self.registry.record(verdict, **moved)
        self.registry.promote(verdict, None, PromotionRules("rules", content, no_rest), **moved)
        return scorer

    def report(self, number, model=PARCELS):
        at = PeriodAccess(self.store, self.registry, week(number))
        return performance_step(model, at, PerformancePolicy(estimation=EstimationPolicy()))


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("steady"), 12)
    return world, [world.report(number) for number in range(2, 12)]


def test_rows_without_outcomes_are_estimated_and_the_record_says_which_is_which(steady):
    world, records = steady
    last = records[-1]
    waiting = last.estimated.estimate.rows
    assert waiting == pytest.approx(2 * A_WEEK, abs=150)  # two weeks of rows have no outcome yet
    assert last.report.rows == pytest.approx(A_WEEK, abs=200)
    assert last.estimated_excess == pytest.approx(waiting * (last.estimated.estimate.loss - last.report.baseline))
    assert "v1 had a log loss of " in last.sentence
    assert "Estimated, not measured: on " in last.sentence


def test_an_earlier_estimate_is_shown_with_the_loss_of_its_very_rows_once_that_is_known(steady):
    world, records = steady
    series = {entry.period: entry for entry in records[-1].estimates}
    entry = series[week(6)]
    at = world.rows["at"].to_numpy()
    end = np.datetime64(WEEKS.bounds(week(6))[1])
    inside = (at < end) & (at + np.timedelta64(DELAY) >= end) & (at >= np.datetime64(WEEKS.bounds(week(2))[0]))
    rows = world.rows.filter(pa.array(inside))
    losses = metric("log_loss").row_losses(rows["label"], world.scorer.scores(rows))
    assert entry.rows == entry.arrived == len(losses)
    assert entry.truth.loss == pytest.approx(losses.mean())
    assert entry.error == pytest.approx(entry.loss - losses.mean())
    assert not entry.truth.contradicted
    assert not series[week(11)].settled
    assert series[week(11)].error is None


def test_no_steady_estimate_is_contradicted_and_the_mean_error_is_small(steady):
    known = [entry for entry in steady[1][-1].estimates if entry.settled]
    assert len(known) >= 6
    assert not any(entry.truth.contradicted for entry in known)
    assert np.mean([entry.error for entry in known]) == pytest.approx(0.0, abs=0.02)


def test_the_first_weeks_are_estimated_from_the_gate_rows_and_the_candidate_judged_there(tmp_path):
    world = World(tmp_path, 5)
    known = world.report(3).estimated.estimate
    assert known.reference_rows == A_WEEK
    assert known.loss == pytest.approx(world.report(3).estimated.baseline, abs=0.05)


def test_a_shift_of_the_features_is_estimated_right(tmp_path):
    world = World(tmp_path, 12, shifted_from=7)
    for number in range(2, 12):
        record = world.report(number)
    assert record.estimated.estimate.separation > 0.55
    entry = next(one for one in record.estimates if one.period == week(8))
    assert not entry.truth.contradicted
    assert entry.error == pytest.approx(0.0, abs=0.03)


def test_a_change_of_the_concept_is_estimated_wrong_and_the_later_truth_says_so(tmp_path):
    world = World(tmp_path, 12, concept_from=7)
    for number in range(2, 12):
        record = world.report(number)
    entry = next(one for one in record.estimates if one.period == week(8))
    assert entry.truth.contradicted
    assert entry.error < -0.05
    assert "further apart than chance: outcomes no longer follow from the features as before" in record.sentence


def test_nothing_is_estimated_where_every_outcome_has_arrived(tmp_path):
    world = World(tmp_path, 5)
    short = replace(PARCELS, label_delay=timedelta(0))
    for number in range(2, 5):  # every outcome of these rows is filed before the week is looked at
        rows = world.rows.slice(number * A_WEEK, A_WEEK)
        filed = {"id": rows["id"], "label": rows["label"], "time": rows["at"], "known_at": rows["at"]}
        world.store.write_table("outcomes", week(number), pa.table(filed))
    record = world.report(3, short)
    assert record.estimated.estimate is None
    assert "every outcome that could be missing has arrived" in record.estimated.sentence


def test_a_few_rows_without_outcomes_are_counted_not_estimated(tmp_path):
    world = World(tmp_path, 5)
    rows = world.rows.slice(2 * A_WEEK, 2 * A_WEEK - 40)
    filed = {"id": rows["id"], "label": rows["label"], "time": rows["at"], "known_at": rows["at"]}
    world.store.write_table("outcomes", week(3), pa.table(filed))
    record = world.report(3, replace(PARCELS, label_delay=timedelta(days=1)))
    assert "40 rows wait for their outcome, 1,000 are needed" in record.estimated.sentence


def test_nothing_that_came_later_changes_an_estimate(tmp_path, steady):
    fewer = World(tmp_path, 8, outcome_limit=7)
    assert [fewer.report(number) for number in range(2, 8)] == steady[1][:6]


def test_a_report_repeated_says_the_same(steady):
    world, records = steady
    assert world.report(11) == records[-1]


def test_outcomes_that_never_come_close_an_estimate_without_a_truth(tmp_path):
    world = World(tmp_path, 12, outcome_limit=6)
    for number in range(2, 12):
        record = world.report(number)
    entry = next(one for one in record.estimates if one.period == week(6))
    assert entry.settled
    assert entry.arrived == 0
    assert entry.truth is None
