"""Scoring a period: by the version that served it, from its stored rows, or not at all."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.errors import DataError
from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.predictions import Predicted, predict_period
from retrain_assets.periods import Calendar
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.facts import constant_files, delivery

MODEL = delivery(Calendar(every="month", start="2024-01-01"))
ROWS = pa.table({"id": [7, 8], "time": pa.array([0, 1], pa.timestamp("us")), "miles": [1.0, None]})


@pytest.fixture
def access(tmp_path):
    """A period with two rows, in charge of which is a version that gives every row .25."""
    versions = {"2024-02": SimpleNamespace(name="v3", digest="d3")}
    registry = SimpleNamespace(served_in=versions.get, read={"d3": constant_files(0.25)}.get)
    access = PeriodAccess(PeriodStore(tmp_path), registry, "2024-02")
    access.store.write_table("raw_data", "2024-02", ROWS)
    return access


def test_the_scores_are_stored_beside_key_time_and_version(access):
    predicted = predict_period(MODEL, access)
    stored = access.store.read_table("predictions", ["2024-02"])
    assert stored.to_pydict() == predicted.table.to_pydict()
    assert stored.select(["id", "time"]).to_pydict() == ROWS.select(["id", "time"]).to_pydict()
    assert stored["version"].to_pylist() == ["v3", "v3"]
    assert stored["score"].to_pylist() == pytest.approx([0.25, 0.25])


def test_a_period_that_no_version_served_is_not_scored(access):
    assert predict_period(MODEL, access.of("2024-01")) == Predicted(None, None)
    assert access.store.periods("predictions") == []


def test_a_period_without_rows_has_a_version_and_no_scores(access):
    access.store.path("raw_data", "2024-02").unlink()
    predicted = predict_period(MODEL, access)
    assert (predicted.version.name, predicted.table) == ("v3", None)


def test_scores_that_are_no_numbers_are_refused_and_not_stored(access, monkeypatch):
    monkeypatch.setattr(Scorer, "scores", lambda self, rows: np.array([0.5, np.nan]))
    with pytest.raises(DataError, match="2024-02: v3 gave 1 non-finite scores for 2 rows. Roll it back."):
        predict_period(MODEL, access)
    assert access.store.periods("predictions") == []
