"""The fallback: a model that gives every row the training labels' median or class shares.

It is a real LightGBM text model with the first model's own feature contract and profile, so that everything that loads,
scores, probes, monitors or serves a version takes it like any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa

from retrain_assets.registry.training_record import FILE, TrainingRecord
from retrain_assets.scoring.booster import lgb, predict, text_of
from retrain_assets.scoring.feature_contract import FeatureContract

_LEAST_SHARE = 1e-15
_ROWS = 4


def fallback_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the constant model that stands behind a first model.

    Args:
        files: The first model's files; its feature contract, profile and probe rows are kept.
    """
    contract = FeatureContract.from_files(files)
    training = TrainingRecord.from_files(files)
    model = constant_model(contract, training.task, training.baseline)
    rows = json.loads(files["probe.json"])["rows"]
    columns = zip(*rows, strict=True)
    encoded = pa.table([pa.array(column, pa.float64()) for column in columns], names=list(contract.names))
    constant = replace(training, fallback=True, rounds=1, importance={}, selection_loss=None)
    probe = {"rows": rows, "scores": predict(model, encoded).tolist()}
    return {
        **files,
        "model.bst": model,
        FILE: constant.to_bytes(),
        "probe.json": json.dumps(probe, sort_keys=True).encode(),
    }


def constant_model(contract: FeatureContract, task: str, constant: float | Sequence[float]) -> bytes:
    """A LightGBM text model of one leaf per class, which scores every row with the constant.

    Args:
        contract: The features it reads.
        task: "binary", "multiclass" or "regression".
        constant: The value, P(label = 1), or one share per class.

    >>> contract = FeatureContract(("miles",), {"miles": "numeric"}, {})
    >>> predict(constant_model(contract, "binary", 0.2), pa.table({"miles": [1.0, None]})).round(6)
    array([0.2, 0.2])
    """
    raw = _raw_scores(task, constant)
    params: dict[str, Any] = {
        "objective": task,
        "min_data_in_bin": 1,
        "num_threads": 1,
        "deterministic": True,
        "verbose": -1,
        "feature_pre_filter": False,
    }
    if task == "multiclass":
        params["num_class"] = len(raw)
    label = np.arange(_ROWS * len(raw)) % (2 if task == "binary" else len(raw))
    rows = np.tile(np.arange(len(label), dtype=np.float64)[:, None], len(contract.names))
    params["min_data_in_leaf"] = len(label)  # no split leaves that many on a side, so each tree keeps one leaf
    names = [quote(name, safe="") for name in contract.names]
    booster = lgb.train(params, lgb.Dataset(rows, label, feature_name=names, params=params), num_boost_round=1)
    for tree, value in enumerate(raw):
        booster.set_leaf_output(tree, 0, value)
    return text_of(booster)


def _raw_scores(task: str, constant: float | Sequence[float]) -> list[float]:
    """The leaf values that the objective's link turns into the constant."""
    if task == "regression":
        return [float(np.asarray(constant))]
    shares = np.clip(np.atleast_1d(np.asarray(constant, dtype=np.float64)), _LEAST_SHARE, 1 - _LEAST_SHARE)
    raw = np.log(shares / (1 - shares) if task == "binary" else shares)
    return [float(value) for value in raw]
