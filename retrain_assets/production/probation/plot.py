"""The picture of a probation: the loss difference summed so far with its confidence sequence, the e-value and its line.

Drawn from a stored record, so that drawing decides nothing and can be done again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrain_assets.documents.figure import BAD, GOOD, INK, NARROW, UNKNOWN, amount_ticks, drawing, new_figure
from retrain_assets.documents.page import Drawing
from retrain_assets.documents.units import counted
from retrain_assets.production.probation.anytime_valid import Path, follow
from retrain_assets.production.probation.record import ComparedVersions, Measurement, ProbationRecord, Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {Status.HARMED: BAD, Status.CONFIRMED: GOOD}


def probation_drawing(record: ProbationRecord, unit: str = "") -> Drawing | None:
    """The picture; None while no block is closed, and where nothing was compared."""
    if record.comparison is None or record.measurement is None or not record.measurement.blocks:
        return None
    status, compared, found = record.status, record.comparison, record.measurement
    return drawing(lambda narrow: probation_figure(status, compared, found, unit, narrow=narrow))


def probation_figure(
    status: Status, compared: ComparedVersions, found: Measurement, unit: str = "", *, narrow: bool = False
) -> Figure:
    """Two axes: the error of the new model beyond that of the previous one, and the evidence, both after each block.

    On a phone they stand one below the other.
    """
    figure = new_figure(NARROW, 5.6) if narrow else new_figure(10, 3.6)
    left, right = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
    alpha = 1 / (2 * found.line)
    path = follow(np.asarray(found.blocks) - found.tolerance, found.block_days, alpha)
    color = COLORS.get(status, UNKNOWN)
    _difference(left, path, found.tolerance, color)
    amount_ticks(left, "above the line: worse", unit, size=8)
    band = "" if narrow else f" with its {100 * (1 - 2 * alpha):g} % confidence sequence"
    more = f"error of {compared.version} beyond that of {compared.previous}, summed{band}"
    left.set_title(more, fontsize=8, loc="left", color=INK)
    _evidence(right, path, color)
    right.set_title("e-value; dashed: the line at which it is decided", fontsize=8, loc="left", color=INK)
    for axes in (left, right):
        axes.set_xlabel(
            f"blocks of {counted(found.block_days, 'day')} since the promotion in {compared.promoted_in}", fontsize=8
        )
        axes.tick_params(labelsize=8)
        axes.xaxis.get_major_locator().set_params(integer=True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    return figure


def _difference(axes: Axes, path: Path, tolerance: float, color: str) -> None:
    blocks = np.arange(1, path.total.size + 1)
    known = np.isfinite(path.low)
    axes.fill_between(
        blocks[known], ((path.low + tolerance) * blocks)[known], ((path.high + tolerance) * blocks)[known],
        color=color, alpha=0.18, linewidth=0,
    )  # fmt: skip
    axes.plot(blocks, path.total + tolerance * blocks, color=color, linewidth=1.6, marker="o", markersize=3)
    axes.plot(blocks, tolerance * blocks, color=INK, linewidth=0.8, linestyle="-")


def _evidence(axes: Axes, path: Path, color: str) -> None:
    blocks = np.arange(1, path.total.size + 1)
    axes.plot(blocks, path.e_value, color=color, linewidth=1.6, marker="o", markersize=3)
    axes.axhline(path.line, color=BAD, linewidth=1, linestyle="--")
    axes.set_yscale("log")
