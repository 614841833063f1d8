"""The pictures of a backtest: loss against retrains, cost against that of a retrain, and the loss over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from retrain_assets.backtest.pages.text import shown_policies
from retrain_assets.documents.figure import BAD, GOOD, INK, UNKNOWN, bare, literal, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from retrain_assets.backtest.record import BacktestRecord, PolicyResult
    from retrain_assets.documents.units import LossUnits

OTHER = "#8a919c"
LINES = ("#4c72a4", "#8a5a9e", "#2f8f8f", "#a0713a", "#7a8f2f", "#5b6fd0", "#b05c8a")
MOST_LINES, MOST_LANES = 7, 10


def trade_off(record: BacktestRecord, units: LossUnits) -> Figure:
    """Mean loss against the number of retrains: every policy, the clocks as a line, and what hindsight allows."""
    figure = new_figure(7.5, 3.8)
    axes = figure.subplots()
    rows = record.rows
    most = max((len(one.retrains) for one in record.policies), default=0)
    counts = np.arange(min(len(record.front), most + 1))
    axes.plot(counts, np.array(record.front[: counts.size]) / rows, color=UNKNOWN, linewidth=1.2, label="hindsight")
    clocks = sorted({(len(one.retrains), one.mean_loss) for one in record.policies if one.family.startswith("clock")})
    if clocks:
        axes.plot(*zip(*clocks, strict=True), color=OTHER, linewidth=1.2, marker="o", markersize=3, label="clocks")
    drawn = ("clock", "spec", "oracle")
    others = [one for one in record.policies if not one.family.startswith(drawn)]
    axes.plot(
        [len(one.retrains) for one in others],
        [one.mean_loss for one in others],
        "x",
        color=LINES[0],
        markersize=5,
        label="other policies",
    )
    _mark(axes, record.declared, "your triggers", BAD)
    chosen = record.named(record.recommendation.policy)
    if chosen.name != record.declared.name:
        _mark(axes, chosen, literal(chosen.name), GOOD)
    axes.set_xscale("symlog", linthresh=10)
    ticks = [count for count in (0, 2, 4, 6, 8, 10, 20, 50, 100, 200, 500) if count <= max(most, 2)]
    axes.set_xticks(ticks, [str(count) for count in ticks])
    axes.minorticks_off()
    axes.set_xlabel(f"retrains in {len(record.timeline.starts)} {record.unit}s")
    axes.set_ylabel(literal(f"mean {record.loss} a {units.row}"))
    axes.legend(fontsize=8, frameon=False)
    bare(axes, "top", "right")
    return figure


def cost_curves(record: BacktestRecord, units: LossUnits) -> Figure:
    """Total cost, beyond that of the cheapest, against the cost of a retrain; of each family the chosen policy."""
    figure = new_figure(7.5, 3.8)
    axes = figure.subplots()
    shown = [one for one in shown_policies(record) if not one.hindsight]
    own = [one for one in shown if one.family == "spec" or one.name == record.recommendation.policy]
    drawn = [*own, *(one for one in shown if one not in own)][:MOST_LINES]
    costs = np.linspace(0, 4 * record.retrain_cost, 60)
    totals = {one.name: one.loss + costs * len(one.retrains) for one in shown}
    least = np.min(list(totals.values()), axis=0)
    for number, one in enumerate(drawn):
        color = BAD if one.family == "spec" else GOOD if one in own else LINES[number % len(LINES)]
        axes.plot(costs, totals[one.name] - least, color=color, linewidth=1.4, label=literal(one.name))
    axes.axvline(record.retrain_cost, color=INK, linewidth=0.8, linestyle="--")
    axes.set_ylim(0, float(np.quantile([totals[one.name] - least for one in drawn], 0.95)) * 1.1 + 1e-9)
    axes.set_xlabel(literal(f"cost of a retrain ({units.loss or 'loss'}; dashed: in force)"))
    axes.set_ylabel(literal(f"cost beyond the cheapest ({units.loss or 'loss'})"))
    axes.legend(fontsize=8, frameon=False)
    bare(axes, "top", "right")
    return figure


def timeline(record: BacktestRecord, units: LossUnits) -> Figure:
    """The loss of the first model, never retrained, and of always fresh ones; below when each policy retrained."""
    shown = shown_policies(record)[:MOST_LANES]
    own = record.declared
    lanes = [own, *(one for one in shown if one is not own and one.retrains)]
    figure = new_figure(10, 3.4 + 0.22 * len(lanes))
    top, low = figure.subplots(2, 1, sharex=True, height_ratios=[3, 0.35 * len(lanes) + 0.3])
    starts = np.array(record.timeline.starts, dtype="datetime64[D]")
    top.plot(starts, _series(record.timeline.never), color=BAD, linewidth=1.1, label="never retrained")
    top.plot(starts, _series(record.timeline.fresh), color=GOOD, linewidth=1.1, label="always fresh")
    top.axvline(np.datetime64(record.middle_day), color=OTHER, linewidth=0.8, linestyle=":")
    top.set_ylabel(literal(f"{record.loss} a {units.row}"))
    top.legend(fontsize=8, frameon=False, ncols=2)
    bare(top, "top", "right")
    for lane, one in enumerate(lanes):
        color = BAD if one is own else UNKNOWN if one.hindsight else INK
        days = np.array(one.retrains, dtype="datetime64[D]")
        low.plot(days, np.full(days.size, lane), "|", color=color, markersize=8, markeredgewidth=1.4)
    low.set_yticks(range(len(lanes)), [literal(one.name) for one in lanes], fontsize=7)
    low.set_ylim(len(lanes) - 0.4, -0.6)
    bare(low, "top", "right", "left")
    return figure


def _mark(axes: Axes, one: PolicyResult, label: str, color: str) -> None:
    axes.plot([len(one.retrains)], [one.mean_loss], "o", color=color, markersize=8, label=label)


def _series(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)
