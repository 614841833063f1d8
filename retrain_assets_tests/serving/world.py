"""A small version of a model of rides, rows to score with what they must get, and a registry of such versions."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache

import numpy as np
import pyarrow as pa

from benchmarks.worlds.verdicts import MODEL, files_of, promote, verdict
from retrain_assets.registry.journal.history import Version
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.booster import lgb
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.features import encode
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.serving.live import LiveModel

CONTRACT = FeatureContract(("x", "c"), {"x": "numeric", "c": "categorical"}, {"c": ("11", "12", "N", "Y")})
ROWS = pa.table(
    {"id": [1, 2, 3, 4], "c": ["11", "12", None, "new"], "at": [datetime(2024, 1, 1)] * 4, "x": [0.5, 1.5, None, 2.5]}
)
STEP = 100.0
"""How much more each version says of a row than the one with the number before."""


@cache
def booster(number: int = 0) -> lgb.Booster:
    rows = pa.table({"x": [float(n % 7) for n in range(400)], "c": [("11", "12", "N", "Y")[n % 4] for n in range(400)]})
    label = [n % 4 + n % 7 + STEP * number for n in range(400)]
    data = lgb.Dataset(encode(rows, CONTRACT).table, label, categorical_feature=[1], params={"verbosity": -1})
    return lgb.train({"objective": "regression", "verbosity": -1, "min_data_in_leaf": 5}, data, 20)


def live_model():
    version = Version(3, "9f" * 32, "2024-01", datetime(2024, 2, 1))
    return LiveModel("rides", version, Scorer(booster(), CONTRACT, version.name, version.digest))


def expected(live):
    codes = {"11": 0, "12": 1, "N": 2, "Y": 3}
    rows = [[x, codes.get(c, float("nan"))] for x, c in zip(ROWS["x"].to_pylist(), ROWS["c"].to_pylist(), strict=True)]
    return live.scorer.booster.predict(np.array(rows, dtype=float)).tolist()


def version_files(number: int) -> dict[str, bytes]:
    """The files of a version whose scores are about `STEP` times the number."""
    text = booster(number).model_to_string().encode()
    rows = [[0.5, 0], [1.5, 1], [None, None], [2.5, None]]
    scores = booster(number).predict(np.array(rows, dtype=float)).tolist()
    own = {"features.json": CONTRACT.to_dict(), "probe.json": {"rows": rows, "scores": scores}}
    return files_of(str(number)) | {"model.bst": text} | {name: json.dumps(one).encode() for name, one in own.items()}


def promoted(registry: Registry, number: int) -> str:
    """Promote the version with a number, in the period with that number; its digest."""
    digest = registry.add(version_files(number))
    promote(registry, verdict(registry, number, digest), number)
    return digest


def number_of(score: float) -> int:
    """The number of the version that gave a score to the first of `ROWS`."""
    return round((score - booster().predict(np.array([[0.5, 0.0]]))[0]) / STEP)


def registry_in(home) -> Registry:
    """The registry of a home."""
    return Registry(home / "registry", MODEL)
