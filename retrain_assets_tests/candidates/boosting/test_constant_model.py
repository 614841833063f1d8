"""The constant model: it says the same of every row, and stands behind a first version as a version of its own."""

import json

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.worlds.training_records import record_of
from retrain_assets.candidates.boosting.constant_model import constant_model, fallback_files
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.scoring.booster import predict
from retrain_assets.scoring.feature_contract import FeatureContract

CONTRACT = FeatureContract(("miles", "zone [é]"), {"miles": "numeric", "zone [é]": "categorical"}, {"zone [é]": ("A",)})
ROWS = pa.table({"miles": [0.0, None, 1e9], "zone [é]": [0.0, 5.0, None]})


@pytest.mark.parametrize(
    ("task", "constant"),
    [
        ("regression", 12.5),
        ("regression", -3.0),
        ("binary", 0.2),
        ("binary", 0.0),
        ("multiclass", (0.5, 0.25, 0.25)),
        ("multiclass", (1.0, 0.0, 0.0)),
    ],
)
def test_every_row_gets_the_constant_whatever_it_holds(task, constant):
    found = predict(constant_model(CONTRACT, task, constant), ROWS)
    assert found == pytest.approx(np.tile(constant, (3, 1)).reshape(found.shape), abs=1e-12)


def test_the_same_constant_gives_the_same_bytes():
    assert constant_model(CONTRACT, "binary", 0.2) == constant_model(CONTRACT, "binary", 0.2)


def test_the_fallback_keeps_contract_and_profile_and_says_the_baseline_of_the_first_model():
    files = {
        "model.bst": b"trees",
        "features.json": json.dumps(CONTRACT.to_dict()).encode(),
        "training.json": record_of(baseline=12.5, importance={"miles": 1.0}).to_bytes(),
        "edges.parquet": b"edges",
        "probe.json": json.dumps({"rows": [[1.0, 0.0], [None, None]], "scores": [3.0, 4.0]}).encode(),
    }
    found = fallback_files(files)
    assert found.keys() == files.keys()
    assert {name: found[name] for name in ("features.json", "edges.parquet")} == {
        name: files[name] for name in ("features.json", "edges.parquet")
    }
    assert json.loads(found["probe.json"])["scores"] == pytest.approx([12.5, 12.5])
    assert predict(found["model.bst"], ROWS) == pytest.approx([12.5] * 3)
    record = TrainingRecord.from_files(found)
    assert (record.fallback, record.rounds, record.importance, record.baseline) == (True, 1, {}, 12.5)
