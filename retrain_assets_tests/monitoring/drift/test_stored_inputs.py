"""Inputs of the drift report that are read from stored rows: by day, told apart jointly, and with their outcomes."""

import json
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.drift.stored_inputs import arrived_calibration, days_of, joint_step
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets.periods import Calendar
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.facts import delivery

MODEL = delivery(Calendar(every="month", start="2024-01-01"))
VERSION = SimpleNamespace(name="v1", number=1, digest="d1")
ROWS = 620
MONTHS = ("2024-01", "2024-02", "2024-03")


def rows_of(month, correlation=0.0):
    """Twenty rows a day whose two columns may go together."""
    a, b = np.random.default_rng(int(month[-1])).normal(size=(2, ROWS))
    start = datetime.fromisoformat(f"{month}-01")
    time = pa.array([start + timedelta(days=n // 20) for n in range(ROWS)], pa.timestamp("us"))
    return pa.table({"id": np.arange(ROWS), "time": time, "a": a, "b": correlation * a + (1 - correlation) * b})


@pytest.fixture
def access(tmp_path):
    contract = FeatureContract(("a", "b"), dict.fromkeys("ab", "numeric"), {})
    files = {"features.json": json.dumps(contract.to_dict()).encode()}
    access = PeriodAccess(PeriodStore(tmp_path), SimpleNamespace(read={"d1": files}.get), "2024-03")
    for month in MONTHS:
        access.store.write_table("raw_data", month, rows_of(month, 0.9 if month == "2024-03" else 0.0))
    return access


def test_each_day_has_the_profile_of_its_own_rows(access):
    edges = reference_edges(rows_of("2024-01"), ["a", "b"], [])
    days = days_of(access, edges, ["a", "b"], "time", MONTHS[:2])
    assert sorted(days.reference)[:2] == [date(2024, 1, 1), date(2024, 1, 2)]
    assert days.reference[date(2024, 1, 2)] == profile(rows_of("2024-01").slice(20, 20), edges)
    assert len(days.current) == 31
    assert days.current[date(2024, 3, 31)] == profile(rows_of("2024-03", 0.9).slice(600, 20), edges)


def test_without_all_reference_periods_there_are_no_days(access):
    edges = reference_edges(rows_of("2024-01"), ["a", "b"], [])
    access.store.path("raw_data", "2024-01").unlink()
    assert days_of(access, edges, ["a", "b"], "time", MONTHS[:2]) is None
    assert days_of(access, edges, ["a", "b"], "time", []) is None


def test_columns_that_begin_to_go_together_are_told_apart_and_aucs_are_remembered(access):
    joint = joint_step(access, VERSION, MONTHS[:2], {})
    (summary,) = joint.column.summaries
    assert set(joint.aucs) == set(MONTHS[:2])
    assert summary.values[-1] > 0.8 > max(joint.aucs.values())
    known = joint_step(access, VERSION, MONTHS[:2], {"2024-01": 0.6, "2024-02": 0.7})
    assert known.aucs == {"2024-01": 0.6, "2024-02": 0.7}


@pytest.mark.parametrize("harm", ["not stored", "not encoded"])
def test_rows_that_cannot_be_read_leave_joint_drift_without_a_number(access, harm):
    if harm == "not stored":
        access.store.path("raw_data", "2024-01").unlink()
    else:
        text = pa.array(["far"] * ROWS)
        access.store.write_table("raw_data", "2024-03", rows_of("2024-03").set_column(2, "a", text))
    joint = joint_step(access, VERSION, MONTHS[:2], {"2024-02": 0.5})
    assert (joint.column.summaries, joint.aucs) == ((), {"2024-02": 0.5})


def scored(access, scores, version="v1"):
    """Predictions of February, and their outcomes, which arrive in March."""
    rows = rows_of("2024-02")
    label = (np.arange(ROWS) % 4 == 0).astype(float)
    of = pa.array([version] * ROWS).dictionary_encode()
    kept = {"id": rows["id"], "time": rows["time"]}
    access.store.write_table("predictions", "2024-02", pa.table({**kept, "version": of, **scores}))
    access.store.write_table("outcomes", "2024-03", pa.table({**kept, "label": label}))
    return label


def test_the_calibration_is_of_the_outcomes_that_arrived_for_the_versions_rows(access):
    score = np.random.default_rng(5).random(ROWS)
    label = scored(access, {"score": score})
    found = arrived_calibration(MODEL, access, "v1")
    assert found.gap == pytest.approx(label.mean() - score.mean())
    assert found.slope == pytest.approx(np.polyfit(score, label, 1)[0])
    assert found.rows == ROWS
    assert arrived_calibration(MODEL, access, "v2") is None
    assert arrived_calibration(MODEL, access.of("2024-02"), "v1") is None


def test_of_several_classes_the_surest_is_calibrated(access):
    shares = np.random.default_rng(6).dirichlet([1, 1], ROWS)
    label = scored(access, {"score_0": shares[:, 0], "score_1": shares[:, 1]})
    found = arrived_calibration(delivery(MODEL.calendar, task="multiclass"), access, "v1")
    right = label == shares.argmax(axis=1)
    assert found.gap == pytest.approx(right.mean() - shares.max(axis=1).mean())
