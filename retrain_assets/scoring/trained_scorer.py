"""A version with the record of what trained it: what judges it needs that, what scores with it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.scoring.scorer import Scorer


@dataclass(frozen=True, kw_only=True)
class TrainedScorer(Scorer):
    """One loaded version and its training record."""

    training: TrainingRecord

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], version: str = "", digest: str = "") -> Self:
        """Load a version from its files, as the registry hands them out verified; its name and digest go along.

        Raises:
            DataError: A newer release wrote the record.
        """
        scorer = Scorer.from_files(files, version, digest)
        loaded = {field.name: getattr(scorer, field.name) for field in fields(scorer)}
        return cls(**loaded, training=TrainingRecord.from_files(files))

    def baseline_scores(self, rows: int) -> NDArray[np.float64]:
        """What the trivial baseline (the training labels' median or class shares) says for each row."""
        constant = np.asarray(self.training.baseline, dtype=float)
        return np.full(rows, constant) if constant.ndim == 0 else np.tile(constant, (rows, 1))
