"""A version's files as something that scores rows.

model.bst         LightGBM's text format, what model servers read
features.json     feature contract: names, order, kinds, category levels
training.json     what trained it: windows, parameters, rows, the trivial baseline
rolling_origins.json  losses by day of the models it was chosen by
edges.parquet     the bins that monitoring counts rows in
profiles.parquet  its last training periods counted in them
probe.json        a few encoded rows with the scores they must get
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.scoring.features import FeatureContract, encode


@dataclass(frozen=True)
class Scored:
    """The scores of some rows, who gave them, and how many rows had a category that the version never saw."""

    scores: np.ndarray
    unseen: Mapping[str, int]
    version: str
    digest: str


@dataclass(frozen=True)
class Scorer:
    """One loaded version."""

    booster: Any
    contract: FeatureContract
    training: TrainingRecord
    version: str = ""
    digest: str = ""

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], version: str = "", digest: str = "") -> Scorer:
        """Load a version from its files, as the registry hands them out verified; its name and digest go along."""
        from retrain_assets.scoring.booster import load

        contract = FeatureContract.from_dict(json.loads(files["features.json"]))
        return cls(load(files["model.bst"]), contract, TrainingRecord.from_files(files), version, digest)

    def score(self, rows: pa.Table | Mapping[str, Any]) -> Scored:
        """Score rows by the names of their columns, in any order: categories as text, missing values as null.

        Args:
            rows: A table, or columns by name, with at least the model's features.

        Raises:
            DataError: A feature is missing or of the wrong kind; it is named.
        """
        from retrain_assets.scoring.booster import predict

        table = rows if isinstance(rows, pa.Table) else pa.table(dict(rows))
        encoded = encode(table, self.contract)
        unseen = {name: count for name, count in encoded.unseen.items() if count}
        return Scored(predict(self.booster, encoded.table), unseen, self.version, self.digest)

    def scores(self, table: pa.Table) -> np.ndarray:
        """Scores of the rows: shape (n,), or (n, k) for k classes; whether they are finite is for the caller to judge.

        Raises:
            DataError: A feature is missing or of the wrong kind.
        """
        return self.score(table).scores

    def baseline_scores(self, rows: int) -> np.ndarray:
        """What the trivial baseline (the training labels' median or class shares) says for each row."""
        constant = np.asarray(self.training.baseline, dtype=float)
        return np.full(rows, constant) if constant.ndim == 0 else np.tile(constant, (rows, 1))


def score_columns(scores: np.ndarray) -> dict[str, np.ndarray]:
    """Scores as table columns: `score`, or `score_0`, `score_1`, … for several classes."""
    if scores.ndim == 1:
        return {"score": scores}
    return {f"score_{number}": scores[:, number] for number in range(scores.shape[1])}


def scores_of(table: pa.Table) -> np.ndarray:
    """The inverse of `score_columns`."""
    if "score" in table.column_names:
        return np.asarray(table["score"].to_numpy())
    names = [name for name in table.column_names if name.startswith("score_")]
    return np.column_stack([table[name].to_numpy() for name in sorted(names, key=lambda name: int(name[6:]))])
