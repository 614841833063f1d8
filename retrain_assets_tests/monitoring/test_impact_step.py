"""What drift costs, from stored records: only of the version in charge, and only of the latest known losses."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.drift.report import drift
from retrain_assets.monitoring.impact.cost import ColumnCost
from retrain_assets.monitoring.impact_step import (
    DriftImpact,
    changed_columns,
    drift_impact,
    impact_sentence,
    loss_impact,
)
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.files import reference_files
from retrain_assets.monitoring.records.drift_record import DriftRecord, write_drift
from retrain_assets.monitoring.records.performance_record import write_performance
from retrain_assets.scoring.booster import importance
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.facts import trained
from retrain_assets_tests.monitoring.impact.worlds import ROWS, rows_of, watched
from retrain_assets_tests.monitoring.stored import TAXI, performance

VERSION = SimpleNamespace(name="v1", digest="d1")
MODEL_BYTES = trained(["fare", "weight", "vehicle", "zone"])


@pytest.fixture(scope="module")
def bikes():
    """A September in which twice as many parcels go by bike: its rows, changes, edges and profiles."""
    rows = rows_of(99, bike=0.6)
    found, edges, reference, present = watched(rows)
    return rows, found, edges, reference, present


@pytest.fixture
def access(tmp_path, bikes):
    files = {**reference_files(bikes[2], bikes[3]), "model.bst": MODEL_BYTES}
    return PeriodAccess(PeriodStore(tmp_path), SimpleNamespace(read={"d1": files}.get), "2024-09")


def impact_of(access, bikes, before=None):
    reference, present = bikes[3:]
    report = drift(DriftPolicy(), reference, present, "2024-09", None)
    return drift_impact(TAXI, access.registry, VERSION, report, (reference, present), before)


def test_a_drifted_feature_weighs_by_its_share_of_the_models_gain(access, bikes):
    found = impact_of(access, bikes)
    (vehicle,) = found.changes
    assert vehicle.importance == pytest.approx(importance(MODEL_BYTES)["vehicle"])
    assert vehicle.weight == pytest.approx(vehicle.importance * vehicle.effect)
    assert found.sentence.endswith("What it costs is in the performance report once outcomes are there.")


def test_a_change_goes_on_where_the_versions_last_record_began_it(access, bikes):
    (change,) = bikes[1]
    before = DriftRecord("2024-08", "v1", impact=(replace(change, since="2024-05"),))
    assert [one.since for one in impact_of(access, bikes, before).changes] == ["2024-05"]
    assert [one.since for one in impact_of(access, bikes).changes] == ["2024-09"]


def test_the_cost_of_an_earlier_period_is_left_to_its_own_report(access, bikes):
    cost = ColumnCost("vehicle", "vehicle 'bike'", 900, 3.0, 1.0, 1800.0)
    write_performance(access.store, performance("2024-08", 1.0, version="v1", impact=(cost,)))
    (change,) = bikes[1]
    before = DriftRecord("2024-08", "v1", impact=(replace(change, since="2024-05"),))
    assert "$" not in impact_of(access, bikes, before).sentence


def test_where_nothing_drifted_nothing_is_said(access, bikes):
    reference = bikes[3]
    quiet = drift(DriftPolicy(), reference, reference["2024-08"], "2024-09", None)
    assert drift_impact(TAXI, access.registry, VERSION, quiet, (reference, bikes[4]), None) == DriftImpact()


def test_changes_of_another_versions_record_are_none_of_this_one(access, bikes):
    found = bikes[1]
    assert changed_columns(access.store, VERSION, "2024-09") == ()
    write_drift(access.store, DriftRecord("2024-09", "v1", impact=found))
    assert changed_columns(access.store, VERSION, "2024-09") == found
    assert changed_columns(access.store, SimpleNamespace(name="v2"), "2024-09") == ()


def test_changed_rows_cost_what_they_lose_beyond_the_others(access, bikes):
    rows, found = bikes[:2]
    bike = rows["vehicle"].to_numpy(zero_copy_only=False) == "bike"
    losses = np.where(bike, 3.0, 1.0)
    (cost,) = loss_impact(access.registry, VERSION, found, {"vehicle": rows["vehicle"]}, losses)
    assert (cost.rows, cost.excess) == (bike.sum(), 2.0 * bike.sum())
    assert loss_impact(access.registry, VERSION, (), {}, np.ones(ROWS)) == ()


def test_the_costliest_change_is_named_first(bikes):
    (change,) = bikes[1]
    found = [change, replace(change, column="zone", weight=0.0)]
    costed = [ColumnCost("zone", "zone 'D'", 9, 3.0, 1.0, 18.0), ColumnCost("vehicle", "bike", 9, 2.0, 1.0, 9.0)]
    assert impact_sentence(TAXI, "2024-09", found, costed).startswith("zone (")
    assert impact_sentence(TAXI, "2024-09", found, costed[1:]).startswith("vehicle (")
    alone = ColumnCost("vehicle", "bike", 900, 2.0, None, 0.0)
    assert impact_sentence(TAXI, "2024-09", found, [costed[0], alone]).startswith("vehicle (")
    assert impact_sentence(TAXI, "2024-09", [], []) == ""
