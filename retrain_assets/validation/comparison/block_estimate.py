"""How sure an improvement is when only whole sets of rows can be measured: one number per day or fold, and their t."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from retrain_assets.metrics.metric import Array
from retrain_assets.statistics.long_run_variance import DailySums, mean_error
from retrain_assets.validation.comparison.estimate import Estimate
from retrain_assets.validation.comparison.units import GateRows, GateSubset, Units, units_of

FEWEST_BLOCKS = 8
"""Below this many blocks a function without row values gets no answer."""

FOLDS = 16
"""Into how many parts rows or clusters are divided when days do not divide them."""

Rows: TypeAlias = npt.NDArray[np.int64]
"""Positions of some rows."""


def block_units(unit: str, rows: GateRows | GateSubset, metric: str = "") -> Units:
    """The blocks that a function of whole sets of rows is measured in.

    Args:
        unit: `auto` (days), `row`, or a cluster column: rows, or clusters as a whole, are then divided into 16 folds.
        rows: The gate rows, for their days and clusters.
        metric: What is measured, for what the past tells of it.

    >>> times = np.datetime64("2024-01-01", "us") + np.arange(40).astype("m8[D]")
    >>> units = block_units("auto", GateRows(np.zeros(40), np.zeros(40), times, {}))
    >>> units.name, units.count
    ('day', 40)
    """
    if unit == "auto":
        return rows.by_day(metric)
    if unit == "row":
        place = np.empty(len(rows), dtype=np.int64)
        place[np.argsort(rows.day, kind="stable")] = np.arange(len(rows))
        return Units(place * FOLDS // max(len(rows), 1), "fold of rows")
    clusters = units_of(unit, rows)
    return Units(clusters.of_row % FOLDS, f"fold of {unit}")


def block_estimate(gain: Callable[[Rows], float], units: Units) -> Estimate:
    """Mean of `gain` over blocks of rows, with its standard error.

    With d_1 ... d_q the gains of q folds, se² = sum (d - mean)² / (q(q - 1)), degrees of freedom q - 1; of days that of
    `statistics.long_run_variance.mean_error`, each day counting alike. The design effect compares the variance between
    the blocks with that between equally many folds of every q-th row; it is 1 where the blocks are folds of rows.

    Source: Ibragimov & Müller (2010), Journal of Business & Economic Statistics 28.

    >>> label = np.tile([1.0, 3.0], 20)
    >>> found = block_estimate(lambda part: float(label[part].mean()), Units(np.arange(40), "vehicle"))
    >>> found.units, found.improvement, found.fewest_units
    (40, 2.0, 8)
    """
    rows, gains = units.of_row.size, by_block(gain, units)
    mean, error = _mean_and_error(gains)
    degrees, by_day = float(max(units.count - 1, 0)), None
    if units.in_time and math.isfinite(error):
        by_day = mean_error(DailySums(gains, np.ones(gains.size)), units.known)
        error, degrees = by_day.error, by_day.degrees
    design_effect = 1.0
    if units.name != "fold of rows":
        apart = by_block(gain, Units(np.arange(rows, dtype=np.int64) % max(units.count, 1), "fold"))
        independent = _mean_and_error(apart)[1]
        design_effect = (error / independent) ** 2 if independent > 0 else math.nan
    return Estimate(
        mean,
        error,
        degrees,
        rows,
        float(rows),
        units.name,
        units.count,
        design_effect,
        fewest_units=FEWEST_BLOCKS,
        by_day=by_day,
    )


def by_block(value: Callable[[Rows], float], units: Units) -> Array:
    """The value of each block of rows, shape (count,)."""
    order = np.argsort(units.of_row, kind="stable")
    ends = np.cumsum(units.sizes.astype(np.int64))
    return np.array([value(part) for part in np.split(order, ends[:-1])] if units.count else [], dtype=np.float64)


def block_mean(value: Callable[[Rows], float], units: Units) -> float:
    """Mean of the blocks' values; NaN without a block, or where the value of one cannot be known."""
    return _mean_and_error(by_block(value, units))[0]


def _mean_and_error(gains: Array) -> tuple[float, float]:
    if gains.size < 2 or not np.isfinite(gains).all():
        return (float(gains.mean()) if gains.size else math.nan), math.nan
    return float(gains.mean()), float(gains.std(ddof=1)) / math.sqrt(gains.size)
