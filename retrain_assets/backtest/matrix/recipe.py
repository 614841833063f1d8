"""What the evaluation matrix of one model depends on, besides its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrain_assets.backtest.matrix.stored_digests import digest_of
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.model import Model
from retrain_assets.raw.policy import Columns
from retrain_assets.windows.policy import WindowsPolicy

if TYPE_CHECKING:
    from retrain_assets.candidates.strategies import Recipe

SCHEMA = 1
"""Raised when code changes what a fit or a score is, so that what is stored is made again."""


@dataclass(frozen=True)
class MatrixRecipe:
    """How the models of the matrix are trained.

    Attributes:
        model: The model's facts.
        columns: Its features.
        training: How LightGBM is fitted.
        windows: Lengths of the windows.
        dated: Whether the outcomes say when they became known.
        excluded: Keys that never train.
    """

    model: Model
    columns: Columns
    training: TrainingPolicy
    windows: WindowsPolicy
    dated: bool = False
    excluded: frozenset[str] = frozenset()

    @property
    def recipe(self) -> Recipe:
        """How a model is trained."""
        from retrain_assets.candidates.strategies import Recipe

        return Recipe(self.model, self.columns, self.training, self.windows.half_life)

    @property
    def single(self) -> Recipe:
        """The recipe for a process that has one thread."""
        training = self.recipe.training.model_copy(update={"threads": 1})
        return replace(self.recipe, training=training)

    @property
    def digest(self) -> str:
        """Digest of everything that a fit depends on; what only chooses between fits is not in it."""
        chooses = {"threads", "strategies", "switch_gain", "refit", "agreement"}
        model, windows = self.model, self.windows
        return digest_of(
            {
                "schema": SCHEMA,
                "model": [model.task, model.classes, str(model.label_delay), model.loss, self.dated],
                "columns": [list(self.columns.numeric), list(self.columns.categorical)],
                "training": self.training.model_dump(mode="json", exclude=chooses),
                "windows": [str(length) for length in (windows.recent, windows.half_life, windows.selection_length)],
                "excluded": sorted(self.excluded),
            }
        )
