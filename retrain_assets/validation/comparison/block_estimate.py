"""How sure an improvement is when only whole sets of rows can be measured: one number per block, and their t test."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from retrain_assets.metrics.metric import Array
from retrain_assets.validation.comparison.estimate import Estimate
from retrain_assets.validation.comparison.units import GateRows, Part, Units, blocks_for, units_of

FEWEST_BLOCKS = 8
"""Below this many blocks a function without row values gets no answer."""

FOLDS = 16
"""Into how many parts rows or clusters are divided when days do not divide them."""

Rows: TypeAlias = npt.NDArray[np.int64]
"""Positions of some rows."""


def block_units(gain: Callable[[Rows], float], unit: str, rows: GateRows | Part) -> Units:
    """The blocks that a function of whole sets of rows is measured in.

    Args:
        gain: The improvement on some rows, given by position; NaN where it cannot be known.
        unit: `auto` (blocks of days by the autocorrelation of the daily gains), `row`, or a cluster column: rows, or
            clusters as a whole, are then divided into 16 folds.
        rows: The gate rows, for their days and clusters.

    >>> times = np.datetime64("2024-01-01", "us") + np.arange(40).astype("m8[D]")
    >>> label = np.tile([1.0, 3.0], 20)
    >>> units = block_units(lambda part: float(label[part].mean()), "auto", GateRows(label, label, times, {}))
    >>> units.name, units.count
    ('day', 40)
    """
    if unit == "auto":
        daily = np.full(int(rows.day.max()) + 1 if len(rows) else 0, np.nan)
        daily[np.unique(rows.day)] = by_block(gain, rows.blocks(1))
        return blocks_for(daily, rows)
    if unit == "row":
        place = np.empty(len(rows), dtype=np.int64)
        place[np.argsort(rows.day, kind="stable")] = np.arange(len(rows))
        return Units(place * FOLDS // max(len(rows), 1), "fold of rows")
    clusters = units_of(unit, np.empty(0), rows)
    return Units(clusters.of_row % FOLDS, f"fold of {unit}")


def block_estimate(gain: Callable[[Rows], float], units: Units) -> Estimate:
    """Mean of `gain` over blocks of rows, with the standard error of Ibragimov and Müller.

    With d_1 ... d_q the gains of the q blocks, se² = sum (d - mean)² / (q(q - 1)), degrees of freedom q - 1. The design
    effect compares the variance between the blocks with that between equally many folds of every q-th row; it is 1
    where the blocks are folds of rows.

    Source: Ibragimov & Müller (2010), Journal of Business & Economic Statistics 28.

    >>> label = np.tile([1.0, 3.0], 20)
    >>> found = block_estimate(lambda part: float(label[part].mean()), Units(np.arange(40), "day"))
    >>> found.units, found.improvement, found.fewest_units
    (40, 2.0, 8)
    """
    rows = units.of_row.size
    mean, error = _mean_and_error(by_block(gain, units))
    error *= units.inflation
    design_effect = 1.0
    if units.name != "fold of rows":
        apart = by_block(gain, Units(np.arange(rows, dtype=np.int64) % max(units.count, 1), "fold"))
        independent = _mean_and_error(apart)[1]
        design_effect = (error / independent) ** 2 if independent > 0 else math.nan
    return Estimate(
        mean,
        error,
        max(units.count - 1, 0),
        rows,
        float(rows),
        units.name,
        units.count,
        design_effect,
        fewest_units=FEWEST_BLOCKS,
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
