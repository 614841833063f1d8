"""What every stage knows of the model it works for, as one value, and its access to one period as another.

Both are built once, from the spec and from the run, and passed whole. What a stage is told besides is its own policy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Protocol

from retrain_assets.documents.units import LossUnits, loss_unit
from retrain_assets.periods import Calendar

if TYPE_CHECKING:
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import PeriodStore

Task = Literal["binary", "multiclass", "regression"]
"""What a model predicts: one of two classes, one of several, a number."""


class RowNames(Protocol):
    """Names of the two columns that every stored table of rows has; a `Model` knows them."""

    @property
    def key(self) -> str:
        """Name of the column that tells rows apart."""

    @property
    def time(self) -> str:
        """Name of the column that says when a row happened."""


@dataclass(frozen=True)
class Model:
    """The facts of one model that several stages need.

    Attributes:
        name: Its name, the prefix of its assets and files.
        task: What it predicts.
        classes: How many classes; 2 for a regression too, where the number means nothing.
        calendar: Its periods.
        key: Name of the column that tells rows apart.
        time: Name of the column that says when a row happened.
        label: Name of the outcome's column in the source; stored outcomes call it `label`.
        label_delay: How long after a row its outcome can be known.
        loss: Name of the mean loss per row that monitoring, the choice of a strategy and probation follow.
        label_unit: What the label is counted in, such as `USD`; empty where that was not declared.
        row_name: What one row is: `ride`.
    """

    name: str
    task: Task
    classes: int
    calendar: Calendar
    key: str
    time: str
    label: str
    label_delay: timedelta
    loss: str
    label_unit: str = ""
    row_name: str = "row"

    @property
    def units(self) -> LossUnits:
        """How sentences about the model name its rows and its loss."""
        return LossUnits(self.row_name, loss_unit(self.loss, self.label_unit), self.loss)


@dataclass(frozen=True)
class PeriodAccess:
    """One period of one model: its stored files, its registry, and the period as of whose end everything is read."""

    store: PeriodStore
    registry: Registry
    period: str

    def of(self, period: str) -> PeriodAccess:
        """The same model's access to another period."""
        return replace(self, period=period)
