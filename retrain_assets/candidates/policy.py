"""How a candidate is trained, and what its training window must hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from retrain_assets.policy import LengthsPolicy, Policy, PositiveLength

Base = Literal["recent", "history"]
"""A strategy that trains a model of its own."""

BASES: tuple[Base, ...] = ("recent", "history")

AVERAGE = "average"
"""The strategy that merges the two trained models into one."""


class RareType(Policy):
    """A type of row that is rare and matters: a `value` of a `column`, or a class of the `label`.

    A training window must hold `min_rows` of it. With `keep`, rows of the type that are older than the recent window
    train the recent strategy too, whatever their age.
    """

    column: str | None = None
    value: str | int | float | None = None
    label: int | None = Field(default=None, ge=0)
    min_rows: int = Field(gt=0)
    keep: bool = True

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        by_column = self.column is not None and self.value is not None and self.label is None
        by_label = self.column is None and self.value is None and self.label is not None
        if not (by_column or by_label):
            raise ValueError("a rare type is declared by column and value, or by label alone")
        return self

    def __str__(self) -> str:
        return f"label = {self.label}" if self.column is None else f"{self.column} = {self.value}"


class CoveragePolicy(LengthsPolicy):
    """What a strategy's training window must hold for the strategy to be eligible; nothing by default.

    `categories` are categorical columns of which the window must know every level that `min_gate_rows` or more gate
    rows show; `season` is how much must be stored to make a full season; `rare` are types of rows of
    which it must hold enough.
    """

    categories: tuple[str, ...] = ()
    min_gate_rows: int = Field(default=1, gt=0)
    season: PositiveLength | None = None
    season_periods: int | None = Field(default=None, gt=0)
    rare: tuple[RareType, ...] = ()

    @property
    def kept(self) -> tuple[RareType, ...]:
        """The rare types of which no row is too old for the recent strategy."""
        return tuple(rare for rare in self.rare if rare.keep)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the rare types are told by."""
        return tuple(dict.fromkeys(rare.column for rare in self.rare if rare.column is not None))

    def misfit(self, task: str, classes: int, categorical: Collection[str], columns: Collection[str]) -> str | None:
        """What does not fit the model, in words that begin with the key; None when all does.

        Args:
            task: The model's task.
            classes: Its number of classes.
            categorical: Its categorical features.
            columns: Every column that it stores.
        """
        for name in self.categories:
            if name not in categorical:
                return f"training.coverage.categories: {name} is not under columns.categorical"
        for rare in self.rare:
            if rare.column is not None and rare.column not in columns:
                return f"training.coverage.rare: {rare.column} is not under columns"
            if rare.label is not None and task == "regression":
                return f"training.coverage.rare: label {rare.label}: a regression has no classes. Name a column"
            if rare.label is not None and rare.label >= classes:
                return f"training.coverage.rare: label {rare.label} is no class from 0 to {classes - 1}"
        return None


class RefitPolicy(Policy):
    """How far a refitted model may be from the tested one on the gate rows, where that is declared.

    `tolerance` is the largest mean absolute difference of the scores, in their own unit (a probability, or the label's
    unit); `min_correlation` is the smallest Pearson correlation. The tolerance has no default: it is a business choice.
    """

    tolerance: float = Field(gt=0)
    min_correlation: float = Field(default=0.9, gt=0, le=1)


class TrainingPolicy(Policy):
    """LightGBM's parameters that a model may set; the rest is fixed so that the same window gives the same bytes.

    `lightgbm` passes any further parameter on, like `scale_pos_weight` or `monotone_constraints: {tenure: 1}`.
    The objective `quantile` forecasts the declared `quantile`, a share between 0 and 1. `switch_gain` is the share of
    its own loss by which another strategy must beat that of the live model. With `refit` a candidate that passes the
    gate is trained again through the gate window; it serves if its scores lie closer to the tested candidate's than the
    live model's do, or within `agreement` where that is declared.
    """

    objective: Literal["binary", "multiclass", "regression", "regression_l1", "huber", "poisson", "quantile"]
    quantile: float | None = Field(default=None, gt=0, lt=1)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    num_leaves: int = Field(default=31, gt=1, le=131_072)
    min_data_in_leaf: int = Field(default=20, gt=0)
    max_rounds: int = Field(default=200, gt=0, le=100_000)
    early_stopping_rounds: int = Field(default=20, gt=0, le=100_000)
    feature_fraction: float = Field(default=1.0, gt=0, le=1)
    lambda_l2: float = Field(default=0.0, ge=0)
    max_cat_to_onehot: int = Field(default=4, gt=0)
    lightgbm: Mapping[str, Any] = Field(default_factory=dict)
    seed: int = 7
    threads: int = Field(default=2, gt=0, le=1024)
    strategies: tuple[Literal["recent", "history", "average"], ...] = Field(default=("recent", "history"), min_length=1)
    switch_gain: float = Field(default=0.001, ge=0, lt=1)
    coverage: CoveragePolicy = CoveragePolicy()
    refit: bool = True
    agreement: RefitPolicy | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.objective == "quantile") != (self.quantile is not None):
            raise ValueError("objective quantile and the key quantile go together: declare both or none")
        if len(set(self.strategies)) != len(self.strategies):
            raise ValueError("strategies: one stands twice. Keep one")
        if AVERAGE in self.strategies and not {"recent", "history"} <= set(self.strategies):
            raise ValueError("strategies: average is of recent and history. Declare both")
        if self.lightgbm:
            from retrain_assets.candidates.boosting.passed_parameters import misfits

            if faults := misfits(self.lightgbm):
                raise ValueError("\n".join(f"lightgbm: {fault}" for fault in faults))
        return self

    @property
    def trained(self) -> tuple[Base, ...]:
        """The strategies that train a model of their own."""
        return tuple(name for name in BASES if name in self.strategies)

    @property
    def averages(self) -> bool:
        """Whether the average of the two strategies competes."""
        return AVERAGE in self.strategies
