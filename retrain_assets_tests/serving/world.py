"""A small version of a model of rides, and rows to score with what they must get."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

from retrain_assets.registry.journal.history import Version
from retrain_assets.scoring.booster import lgb
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.features import encode
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.serving.live import LiveModel

CONTRACT = FeatureContract(("x", "c"), {"x": "numeric", "c": "categorical"}, {"c": ("11", "12", "N", "Y")})
ROWS = pa.table(
    {"id": [1, 2, 3, 4], "c": ["11", "12", None, "new"], "at": [datetime(2024, 1, 1)] * 4, "x": [0.5, 1.5, None, 2.5]}
)


def live_model():
    rows = pa.table({"x": [float(n % 7) for n in range(400)], "c": [("11", "12", "N", "Y")[n % 4] for n in range(400)]})
    label = [float(n % 4 + n % 7) for n in range(400)]
    data = lgb.Dataset(encode(rows, CONTRACT).table, label, categorical_feature=[1], params={"verbosity": -1})
    booster = lgb.train({"objective": "regression", "verbosity": -1, "min_data_in_leaf": 5}, data, 20)
    version = Version(3, "9f" * 32, "2024-01", datetime(2024, 2, 1))
    return LiveModel("rides", version, Scorer(booster, CONTRACT, version.name, version.digest))


def expected(live):
    codes = {"11": 0, "12": 1, "N": 2, "Y": 3}
    rows = [[x, codes.get(c, float("nan"))] for x, c in zip(ROWS["x"].to_pylist(), ROWS["c"].to_pylist(), strict=True)]
    return live.scorer.booster.predict(np.array(rows, dtype=float)).tolist()
