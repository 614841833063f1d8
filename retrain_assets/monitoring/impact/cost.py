"""What drift costs: which columns matter to the model, since when they changed, and the loss where they grew.

A column matters by the share of the model's gain that it brings times the share of rows that moved. What it costs is
measured where outcomes are known: the loss of rows in the bins and categories that became more frequent, against all
other rows, as far as that is more than noise. It is an association: a slice may be hard for another reason than its
growth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from retrain_assets.documents.units import LossUnits, counted, percent, plural
from retrain_assets.errors import DataError
from retrain_assets.model import Model
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.impact.grown_share import GrownPart, grown_part, rows_in
from retrain_assets.monitoring.impact.slice_difference import FEWEST_ROWS, slice_difference
from retrain_assets.monitoring.profiles.profile import Edges, Profile
from retrain_assets.store import Json

_SHOWN = 3

UNTOLD = "What it costs cannot be told from these outcomes."


@dataclass(frozen=True)
class Change:
    """One drifted column and how much it matters.

    Attributes:
        since: The first period of its running warning; of a column that broke, that in which it did.
        importance: Share of the model's gain, 0 for a column that is no feature.
        effect: Share of rows that moved: the largest of total variation, missing shift and share of new categories.
        weight: importance × effect, by which changes are ordered.
        grown: What became more frequent; None when nothing did beyond chance.
    """

    column: str
    since: str
    importance: float
    effect: float
    weight: float
    grown: GrownPart | None

    @classmethod
    def from_dict(cls, record: Json) -> Change:
        """The inverse of `dataclasses.asdict`, also after JSON."""
        grown = record["grown"]
        return cls(**{**record, "grown": GrownPart.from_dict(grown) if grown else None})


@dataclass(frozen=True)
class ColumnCost:
    """The loss of a period's rows in the part of a column that grew, against all others.

    Attributes:
        rows: In that part, with a loss.
        loss: Mean there, in loss units a row.
        rest: Mean of the other rows; None where there are too few to compare (`slice_difference`).
        excess: rows · (loss − rest), in loss units summed over the period; 0 without a comparison.
        low: Lower one-sided 95 % limit of loss − rest; None without a comparison, and in records of before it was kept.
    """

    column: str
    words: str
    rows: int
    loss: float | None
    rest: float | None
    excess: float
    low: float | None = None

    @property
    def shows(self) -> bool:
        """Whether the loss there is larger than elsewhere by more than noise explains."""
        return self.excess > 0 if self.low is None else self.low > 0

    @property
    def alone(self) -> bool:
        """Whether it holds nearly all rows of its days, so that nothing is left to compare it with."""
        return self.rest is None and self.rows >= FEWEST_ROWS

    def untold(self, units: LossUnits) -> str:
        """Why it is not told what the part cost; empty where it is."""
        if self.rest is None or self.loss is None:
            others = f"too few other {plural(units.row)} on the same days to compare with"
            return others if self.alone else "too few to compare"
        if not self.shows or units.figure(self.loss) == units.figure(self.rest):
            return "no difference that shows" if self.excess > 0 else "no more than elsewhere"
        return ""


def changes(
    report: DriftReport,
    importance: Mapping[str, float],
    reference: Mapping[str, Profile],
    current: Profile,
    since: Mapping[str, str] | None = None,
) -> tuple[Change, ...]:
    """The columns that warn, those that matter most to the model first; joint drift is in none of them.

    Args:
        report: Drift of the period.
        importance: Share of the model's gain by feature (`scoring.booster.importance`).
        reference: Profiles of the reference periods.
        current: Profile of the period, with the same edges.
        since: Of each column that warned in the period before, the first period of that running warning.
    """
    pooled = _pooled([one for key, one in sorted(reference.items()) if key != report.period and one.rows])
    found = [
        _change(column, report.period, importance.get(column.column, 0.0), pooled, current, since or {})
        for column in report.columns
        if column.outcome is Drift.WARN and column.column in current.columns
    ]
    return tuple(sorted(found, key=lambda one: (-one.weight, -one.effect, one.column)))


def costs(
    found: Sequence[Change],
    columns: Mapping[str, pa.ChunkedArray],
    losses: ArrayLike,
    edges: Edges,
    time: ArrayLike | None = None,
) -> tuple[ColumnCost, ...]:
    """How large the loss of rows in the grown part of each column is, the costliest first.

    Args:
        found: Changes with a grown part; others cost nothing that can be told.
        columns: Values of each column on the rows with a loss.
        losses: Loss per row, shape (n,); a loss that is not finite counts nowhere.
        edges: The bins that the changes were found with.
        time: When each row happened, shape (n,); without it rows count as independent.

    Raises:
        DataError: A column has another length than the losses.
    """
    loss, at = np.asarray(losses, dtype=float), None if time is None else np.asarray(time, dtype="datetime64[D]")
    known = [one for one in found if one.grown is not None and one.column in columns]
    costed = [_cost(one, columns[one.column], loss, edges, at) for one in known]
    return tuple(sorted(costed, key=lambda one: (not one.shows, -one.excess, one.column)))


def changed_sentence(model: Model, found: Sequence[Change], cost: str) -> str:
    """What changed, since when, and what it costs; empty when nothing changed."""
    if not found:
        return ""
    named = [
        f"{one.column} ({_share_of_model(one.importance)}) has changed since {model.calendar.words(one.since)}"
        f"{_growth(one, model.units)}"
        for one in found[:_SHOWN]
    ]
    more = f", and {counted(len(found) - _SHOWN, 'more column')}" if len(found) > _SHOWN else ""
    return f"{', '.join(named)}{more}. {cost}"


def cost_words(model: Model, found: Sequence[ColumnCost], period: str, untold: str = UNTOLD) -> str:
    """How much worse the costliest slice is predicted than the other rows; `untold` where there is no such slice.

    A slice that holds nearly all rows has no others to be compared with, and is told before.
    """
    known = [one for one in found if one.loss is not None]
    alone = [one for one in known if one.alone][:1]
    shown = [one for one in known if one.shows][:1]
    told = [_slice_words(model.units, one) for one in alone + shown or known[:1]]
    if not told:
        return untold
    arrived = f"Of the {plural(model.row_name)} whose outcomes arrived {model.calendar.during(period)}"
    return f"{arrived}, {'; '.join(told)}."


def _slice_words(units: LossUnits, one: ColumnCost) -> str:
    """One slice and its cost: `on the 9 with fare 0 the model was off by $3.00 a ride on average, ...`."""
    part, untold = f"on the {one.rows:,} with {one.words}", one.untold(units)
    if one.rest is None and not one.alone:
        return f"{part}: {untold}"
    if one.rest is None:
        return f"{part} {units.level('the model', one.loss or 0.0)}: {untold}"
    both = units.levels("the model", one.loss or 0.0, "on the others", one.rest)
    return f"{part} {both}: {untold or units.excess(one.excess, 'together')}"


def _change(
    column: ColumnDrift,
    period: str,
    importance: float,
    reference: Profile | None,
    current: Profile,
    since: Mapping[str, str],
) -> Change:
    sizes = (column.total_variation, abs(column.missing_shift or 0.0), column.new_share)
    effect = max(size for size in sizes if size is not None)
    grown = grown_part(reference, current, column.column) if reference else None
    begun = period if column.broken and not column.confirmed else since.get(column.column, period)
    return Change(column.column, begun, importance, effect, importance * effect, grown)


def _pooled(profiles: Sequence[Profile]) -> Profile | None:
    if not profiles:
        return None
    total = profiles[0]
    for one in profiles[1:]:
        total = total.merge(one)
    return total


def _growth(one: Change, units: LossUnits) -> str:
    if one.grown is None:
        return ""
    fault = ", more often a fault in the data than a change of the world"
    return f" ({one.grown.words}: {one.grown.shares} of {plural(units.row)}{fault if one.grown.filled else ''})"


def _share_of_model(importance: float) -> str:
    if not importance > 0:
        return "not used by the model"
    share = percent(importance) if importance >= 0.005 else "under 1 %"
    return f"{share} of the model rests on it"


def _cost(
    one: Change, column: pa.ChunkedArray, loss: NDArray[np.float64], edges: Edges, time: NDArray[np.datetime64] | None
) -> ColumnCost:
    if one.grown is None or len(column) != loss.size:
        raise DataError(f"column {one.column} has {len(column):,} values for {loss.size:,} losses. Join both by key.")
    inside, known = rows_in(one.grown, column, edges, one.column), np.isfinite(loss)
    part, words = loss[inside & known], one.grown.words
    found = slice_difference(loss[known], inside[known], None if time is None else time[known])
    if found is None:
        return ColumnCost(one.column, words, part.size, float(part.mean()) if part.size else None, None, 0.0)
    excess = part.size * (found.loss - found.rest)
    return ColumnCost(one.column, words, part.size, found.loss, found.rest, excess, found.low)
