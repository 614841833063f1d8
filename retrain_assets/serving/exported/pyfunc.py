"""An exported model as MLflow's `python_function` flavor loads it: a data frame of raw columns in, scores out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retrain_assets.scoring.scorer import Scorer
from retrain_assets.serving.exported.folder import load


class PyfuncModel:
    """What MLflow calls."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    def predict(
        self, model_input: Mapping[str, Sequence[object]], params: Mapping[str, object] | None = None
    ) -> NDArray[np.float64]:
        """Score the rows of a data frame, or of columns by name."""
        return self.scorer.scores({name: model_input[name] for name in model_input})


def _load_pyfunc(path: str) -> PyfuncModel:
    return PyfuncModel(load(path))
