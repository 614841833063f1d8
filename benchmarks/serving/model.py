"""A version of 30 columns, 26 numbers and 4 categories, and rows for it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

NUMERIC = tuple(f"x{number}" for number in range(26))
CATEGORICAL = tuple(f"c{number}" for number in range(4))
LEVELS = tuple(f"level {number:03}" for number in range(40))
TREES = 200


def rows(count: int, seed: int) -> pa.Table:
    """Rows with a key, a time and the columns: two numbers in a hundred are missing, one category in a thousand new."""
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {"id": np.arange(count) + seed * 10**9}
    columns["at"] = pa.array(np.datetime64(datetime(2026, 1, 1), "s") + rng.integers(0, 86_400, count))
    for name in NUMERIC:
        columns[name] = pa.array(np.round(rng.normal(size=count), 6), mask=rng.random(count) < 0.02)
    levels = pa.array([*LEVELS, "new"])
    for name in CATEGORICAL:
        codes = np.where(rng.random(count) < 0.001, len(LEVELS), rng.integers(0, len(LEVELS), count))
        columns[name] = levels.take(pa.array(codes))
    return pa.table(columns)


def version_files(seed: int = 1, trees: int = TREES) -> dict[str, bytes]:
    """The files of a version that was trained on 40,000 such rows."""
    from retrain_assets.scoring.booster import lgb
    from retrain_assets.scoring.feature_contract import FeatureContract
    from retrain_assets.scoring.features import encode

    numeric = dict.fromkeys(NUMERIC, "numeric")
    contract = FeatureContract(
        (*NUMERIC, *CATEGORICAL),
        {**numeric, **dict.fromkeys(CATEGORICAL, "categorical")},  # type: ignore[arg-type]
        dict.fromkeys(CATEGORICAL, LEVELS),
    )
    table = rows(40_000, seed)
    encoded = encode(table, contract).table
    signal = sum(encoded[name].to_numpy() for name in NUMERIC[:8]) + encoded["c0"].to_numpy() / 10
    label = (np.nan_to_num(signal) + np.random.default_rng(seed).normal(size=len(table)) > 2).astype(float)
    data = lgb.Dataset(encoded, label, categorical_feature=list(range(len(NUMERIC), len(contract.names))))
    booster = lgb.train({"objective": "binary", "verbosity": -1, "seed": seed, "num_threads": 2}, data, trees)
    start = datetime(2026, 1, 1)
    training = {"trained_from": start.isoformat(), "trained_until": (start + timedelta(days=1)).isoformat()}
    probe = encoded.slice(0, 5)
    matrix = np.column_stack([column.to_numpy() for column in probe.columns])
    known = [[None if value != value else value for value in row] for row in matrix.tolist()]
    scores = booster.predict(matrix).tolist()
    return {
        "probe.json": json.dumps({"rows": known, "scores": scores}).encode(),
        "model.bst": booster.model_to_string().encode(),
        "features.json": json.dumps(contract.to_dict()).encode(),
        "training.json": json.dumps(training).encode(),
    }
