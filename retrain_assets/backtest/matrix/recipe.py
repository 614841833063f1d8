"""What the evaluation matrix of one model depends on, besides its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from retrain_assets.backtest.matrix.stored_digests import digest_of
from retrain_assets.candidates.strategies import Recipe
from retrain_assets.windows.policy import WindowsPolicy

SCHEMA = 1
"""Raised when code changes what a fit or a score is, so that what is stored is made again."""


@dataclass(frozen=True)
class MatrixRecipe:
    """How the models of the matrix are trained.

    Attributes:
        recipe: How a model is trained.
        windows: Lengths of the windows.
        dated: Whether the outcomes say when they became known.
        excluded: Keys that never train.
    """

    recipe: Recipe
    windows: WindowsPolicy
    dated: bool = False
    excluded: frozenset[str] = frozenset()

    @property
    def single(self) -> Recipe:
        """The recipe for a process that has one thread."""
        training = self.recipe.training.model_copy(update={"threads": 1})
        return replace(self.recipe, training=training)

    @property
    def digest(self) -> str:
        """Digest of everything that a fit depends on; what only chooses between fits is not in it."""
        chooses = {"threads", "strategies", "switch_gain", "refit", "agreement"}
        model, recipe = self.recipe.model, self.recipe
        return digest_of(
            {
                "schema": SCHEMA,
                "model": [model.task, model.classes, str(model.label_delay), model.loss, self.dated],
                "columns": [list(recipe.columns.numeric), list(recipe.columns.categorical)],
                "training": recipe.training.model_dump(mode="json", exclude=chooses),
                "windows": [
                    str(length) for length in (self.windows.recent, recipe.half_life, self.windows.selection_length)
                ],
                "excluded": sorted(self.excluded),
            }
        )
