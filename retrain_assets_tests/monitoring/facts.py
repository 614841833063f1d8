"""The facts of a model and the files of a version, as tests of monitoring need them."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from benchmarks.worlds.training_records import record_of
from retrain_assets.candidates.boosting.constant_model import constant_model
from retrain_assets.model import Model
from retrain_assets.periods import Calendar
from retrain_assets.scoring.booster import lgb
from retrain_assets.scoring.feature_contract import FeatureContract


def delivery(calendar: Calendar, **changed: Any) -> Model:
    """A binary model of deliveries, with some facts changed."""
    facts: dict[str, Any] = {
        "name": "delivery", "task": "binary", "classes": 2, "calendar": calendar, "key": "id", "time": "time",
        "label": "late", "label_delay": timedelta(0), "loss": "log_loss",
    }  # fmt: skip
    return Model(**facts | changed)


def constant_files(score: float, feature: str = "miles") -> dict[str, bytes]:
    """A version that reads one number and gives every row the same probability."""
    contract = FeatureContract((feature,), {feature: "numeric"}, {})
    return {
        "model.bst": constant_model(contract, "binary", score),
        "features.json": json.dumps(contract.to_dict()).encode(),
        "training.json": record_of(task="binary", baseline=score).to_bytes(),
    }


def trained(features: Sequence[str]) -> bytes:
    """A model that uses each feature."""
    values = np.random.default_rng(0).normal(size=(200, len(features)))
    data = lgb.Dataset(values, values.sum(axis=1), feature_name=list(features))
    return lgb.train({"objective": "regression", "verbosity": -1, "num_threads": 1}, data, 3).model_to_string().encode()
