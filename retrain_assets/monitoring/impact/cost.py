"""What drift costs: which columns matter to the model, since when they changed, and the loss where they grew.

A column matters by the share of the model's gain that it brings times the share of rows that moved. What it costs is
measured where outcomes are known: the loss of rows in the bins and categories that became more frequent, against all
other rows. It is an association: a slice may be hard for another reason than its growth.
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
        rest: Mean of the other rows; None without any.
        excess: rows · (loss − rest), in loss units summed over the period; 0 when one side is empty.
    """

    column: str
    words: str
    rows: int
    loss: float | None
    rest: float | None
    excess: float


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
    found: Sequence[Change], columns: Mapping[str, pa.ChunkedArray], losses: ArrayLike, edges: Edges
) -> tuple[ColumnCost, ...]:
    """How large the loss of rows in the grown part of each column is, the costliest first.

    Args:
        found: Changes with a grown part; others cost nothing that can be told.
        columns: Values of each column on the rows with a loss.
        losses: Loss per row, shape (n,); a loss that is not finite counts nowhere.
        edges: The bins that the changes were found with.

    Raises:
        DataError: A column has another length than the losses.
    """
    loss = np.asarray(losses, dtype=float)
    known = [one for one in found if one.grown is not None and one.column in columns]
    costed = [_cost(one, columns[one.column], loss, edges) for one in known]
    return tuple(sorted(costed, key=lambda one: (-one.excess, one.column)))


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
    """How much worse the costliest slice is predicted than the other rows, as a sentence; `untold` where it is not."""
    told = next((one for one in found if one.loss is not None and one.rest is not None), None)
    if told is None or told.loss is None or told.rest is None:
        return untold
    units = model.units
    when, both = model.calendar.during(period), units.levels("the model", told.loss, "on the others", told.rest)
    rows = f"{when[0].upper()}{when[1:]}, on the {units.rows(told.rows)} with {told.words}, {both}"
    if not told.excess > 0 or units.figure(told.loss) == units.figure(told.rest):
        return f"{rows}: it costs nothing so far."
    return f"{rows}: {units.excess(told.excess, 'together')}."


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


def _cost(one: Change, column: pa.ChunkedArray, loss: NDArray[np.float64], edges: Edges) -> ColumnCost:
    if one.grown is None or len(column) != loss.size:
        raise DataError(f"column {one.column} has {len(column):,} values for {loss.size:,} losses. Join both by key.")
    inside, known = rows_in(one.grown, column, edges, one.column), np.isfinite(loss)
    part, rest = loss[inside & known], loss[~inside & known]
    if not part.size or not rest.size:
        mean = float(part.mean()) if part.size else None
        return ColumnCost(one.column, one.grown.words, part.size, mean, None, 0.0)
    gap = float(part.mean() - rest.mean())
    return ColumnCost(one.column, one.grown.words, part.size, float(part.mean()), float(rest.mean()), part.size * gap)
