"""Picture of the performance report: what the live model has cost, measured and estimated, and what was decided.

Drawn from stored records, so that drawing decides nothing and can be done again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrain_assets.documents.figure import (
    BAD,
    GOOD,
    INK,
    NARROW,
    UNKNOWN,
    amount_ticks,
    bare,
    drawing,
    literal,
    new_figure,
    period_ticks,
)
from retrain_assets.documents.page import Drawing
from retrain_assets.monitoring.estimation.estimator import LossEstimate
from retrain_assets.monitoring.pages.drift_plot import AFTER, BEFORE, until
from retrain_assets.monitoring.performance.business_metrics import BusinessMeasurement
from retrain_assets.monitoring.performance.report import Baseline, PerformanceReport, Quality
from retrain_assets.monitoring.records.performance_record import ASSET, PerformanceRecord, read_performance
from retrain_assets.registry.journal.events import ATTEMPTS, MOVES, spoken
from retrain_assets.registry.registry import Event, Registry
from retrain_assets.store import PeriodStore

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LEFT, RIGHT = 11.0, 0.075, 0.985
LOSS, EXCESS, METRIC, GAP, EDGE = 2.7, 0.8, 0.9, 0.34, 0.45
"""Inches: the height of each kind of axes, the space above each, and that below the last one."""

METRICS = 4
"""Business metrics that are drawn; the table has them all."""

ESTIMATED = "#7a4fa3"
MARKS = {Quality.QUIET: (GOOD, "o"), Quality.WARN: (BAD, "X"), Quality.INSUFFICIENT: (UNKNOWN, "d")}
"""Colour and shape of a period's loss."""

SIGNS = {"rejected": "×", "insufficient": "?", "identical": "="}


@dataclass(frozen=True)
class PerformanceHistory:
    """What the picture shows: the latest performance records, oldest first, and what their versions promised.

    Attributes:
        records: As `performance_step` writes them; a record without a measured report has none to show.
        baselines: By version the loss it was promoted with.
        events: The journal's attempts and moves up to the last record.
    """

    records: Sequence[PerformanceRecord]
    baselines: Mapping[str, Baseline]
    events: Sequence[Event]

    @property
    def periods(self) -> list[str]:
        """The period of each record."""
        return [record.period for record in self.records]

    @property
    def reports(self) -> list[PerformanceReport | None]:
        """What was measured in each period."""
        return [record.report for record in self.records]

    @property
    def estimates(self) -> list[LossEstimate | None]:
        """What was estimated in each period."""
        return [record.estimate for record in self.records]

    @property
    def truths(self) -> list[float | None]:
        """The loss that was measured later on of the rows that an estimate was about, in each period."""
        later = {one.period: one.truth for record in self.records for one in record.estimates}
        found = [later.get(period) for period in self.periods]
        return [truth.loss if truth else None for truth in found]

    def metric(self, name: str) -> list[BusinessMeasurement | None]:
        """A business metric in each period; None where it was not measured."""
        return [next((one for one in record.business if one.name == name), None) for record in self.records]


def performance_history(store: PeriodStore, registry: Registry, period: str) -> PerformanceHistory:
    """The latest records up to a period, from the first one that a model served, with baselines and decisions."""
    read = [read_performance(store, known) for known in until(store, ASSET, period)]
    records = [record for record in read if record and record.version]
    served = {record.version for record in records}
    baselines = {
        version.name: Baseline.of(registry.verdict(version))
        for version in registry.versions()
        if version.name in served
    }
    shown = (*ATTEMPTS, *MOVES)
    events = [event for event in registry.history() if event.period <= period and event.action in shown]
    return PerformanceHistory(records, baselines, events)


def performance_drawing(history: PerformanceHistory, loss: str, retrain_cost: float | None, unit: str = "") -> Drawing:
    """Loss by period against the band each version was promoted with, and the excess summed so far."""

    def figure_of(narrow: bool) -> Figure:
        return performance_figure(history, loss, retrain_cost, unit, width=NARROW if narrow else WIDTH)

    return drawing(figure_of)


def performance_figure(
    history: PerformanceHistory, loss: str, retrain_cost: float | None, unit: str = "", *, width: float = WIDTH
) -> Figure:
    """The losses, the excess as bars against what a retrain costs, and each business metric, one below the other.

    A narrow one has shorter titles; the words that stand beside it say the rest.

    Args:
        history: What is drawn.
        loss: What the loss is called.
        retrain_cost: The excess that pays for a retrain; None where it is not known.
        unit: Of the loss; empty for a pure number.
        width: In inches.
    """
    narrow = width < WIDTH
    left, right = LEFT * WIDTH / width, RIGHT - 0.04 if narrow else RIGHT
    names = [one.name for one in history.records[-1].business][:METRICS]
    heights = [LOSS, EXCESS, *[METRIC] * len(names)]
    total = sum(heights) + GAP * len(heights) + EDGE
    figure = new_figure(width, total, laid_out=False)
    axes, above = [], total
    for height in heights:
        above -= GAP + height
        axes.append(figure.add_axes((left, above / total, right - left, height / total), xlim=_limits(history)))
    _losses(axes[0], history)
    amount_ticks(axes[0], loss, unit)
    _excess(axes[1], history, retrain_cost, unit)
    if narrow:
        _title(axes[0], "loss with 95 % limits; blue: expected", pad=14)
        _title(axes[1], f"excess loss{_costs(retrain_cost)}")
    for each, name in zip(axes[2:], names, strict=True):
        _metric(each, name, history.metric(name))
    for each in axes:
        each.tick_params(axis="y", labelsize=8)
        each.set_xticks([])
        bare(each, "top", "right")
    period_ticks(axes[-1], history.periods, width * (right - left), size=8)
    return figure


def _losses(axes: Axes, history: PerformanceHistory) -> None:
    place = np.arange(len(history.records))
    _baselines(axes, history)
    found = [(report and report.loss, report and report.low, report and report.high) for report in history.reports]
    middle, low, high = (np.array([_number(value) for value in values]) for values in zip(*found, strict=True))
    outcomes = [report.outcome if report else Quality.INSUFFICIENT for report in history.reports]
    axes.plot(place, middle, color=INK, linewidth=1.4)
    low = np.maximum(low, 0.0)  # no mean loss is below it; NaN stays
    axes.vlines(place, low, high, colors=[MARKS[outcome][0] for outcome in outcomes], linewidth=3, alpha=0.35)
    _dots(axes, middle, outcomes)
    said = "loss with 95 % limits: ● measured, ✖ surely above what was expected"
    if any(history.estimates):
        _estimates(axes, history)
        said += ", □ estimated without outcomes, – their later truth"
    _decisions(axes, history.periods, history.events)
    _title(axes, f"{said}; blue: expected", pad=14)


def _baselines(axes: Axes, history: PerformanceHistory) -> None:
    """For each period the band of the version in charge; one area, so that drawing stays cheap."""
    bands = [history.baselines.get(record.version or "") for record in history.records]
    ends = np.arange(len(bands))[:, None] + [-0.5, 0.5]
    low, mean, high = (
        np.array([_number(getattr(band, part, None)) for band in bands]) for part in ("low", "mean", "high")
    )
    low, high = np.repeat(np.maximum(low, 0.0), 2), np.repeat(high, 2)
    axes.fill_between(ends.ravel(), low, high, color=AFTER, alpha=0.16, linewidth=0)
    axes.hlines(mean, ends[:, 0], ends[:, 1], color=AFTER, linewidth=1.2)


def _dots(axes: Axes, values: NDArray[np.float64], outcomes: Sequence[Quality | None]) -> None:
    """A mark for each value in the colour and shape of its outcome."""
    for outcome, (color, marker) in MARKS.items():
        at = np.array([found == outcome for found in outcomes])
        if at.any():
            axes.plot(np.flatnonzero(at), values[at], marker, color=color, markersize=5.5, zorder=4)


def _estimates(axes: Axes, history: PerformanceHistory) -> None:
    """A square with its limits a little to the right of the measured loss, and a dash where the truth came out."""
    at = np.arange(len(history.records)) + 0.2
    found = [(one.loss, one.low, one.high) if one else (None, None, None) for one in history.estimates]
    middle, low, high = (np.array([_number(value) for value in values]) for values in zip(*found, strict=True))
    truth = np.array([_number(value) for value in history.truths])
    axes.vlines(at, np.maximum(low, 0.0), high, color=ESTIMATED, linewidth=1, alpha=0.6)
    axes.plot(at, middle, "s", color=ESTIMATED, markerfacecolor="white", markersize=4, zorder=5)
    axes.plot(at, truth, "_", color=INK, markersize=8, markeredgewidth=1.6, zorder=6)


def _excess(axes: Axes, history: PerformanceHistory, retrain_cost: float | None, unit: str) -> None:
    excess = [record.accumulated_excess for record in history.records]
    axes.stairs(excess, np.arange(len(excess) + 1) - 0.5, color=UNKNOWN, fill=True)
    if retrain_cost is not None:
        axes.axhline(retrain_cost, color=BAD, linewidth=1, linestyle="--")
    amount_ticks(axes, "excess", unit)
    refused = [action for action in SIGNS if any(event.action == action for event in history.events)]
    signs = "; dotted above: a candidate was " + ", ".join(f"{SIGNS[action]} {spoken(action)}" for action in refused)
    line = _costs(retrain_cost)
    _title(axes, f"excess loss summed since the last attempt{line}{signs if refused else ''}")


def _costs(retrain_cost: float | None) -> str:
    return "; dashed: what a retrain costs" if retrain_cost is not None else ""


def _metric(axes: Axes, name: str, values: Sequence[BusinessMeasurement | None]) -> None:
    """One business metric with its interval and the declared threshold."""
    found = [(one.value, one.low, one.high) if one else (None, None, None) for one in values]
    middle, low, high = (np.array([_number(value) for value in each]) for each in zip(*found, strict=True))
    place = np.arange(len(values))
    axes.fill_between(place, low, high, color=AFTER, alpha=0.16, linewidth=0)
    axes.plot(place, middle, color=INK, linewidth=1.2)
    _dots(axes, middle, [one.outcome if one else None for one in values])
    last = values[-1]
    if last is not None:
        axes.axhline(last.threshold, color=BAD, linewidth=1, linestyle="--")
        axes.set_ylabel(literal(last.unit[:12]), fontsize=8)
    _title(axes, name if last is None else f"{name}; dashed: the declared threshold")


def _decisions(axes: Axes, periods: Sequence[str], events: Sequence[Event]) -> None:
    """A decision taken at a period's end stands after it: a new version as a line with its name, the rest as a sign."""
    for event in events:
        if event.period not in periods:
            continue
        moved, back = event.action in MOVES, event.action == "rolled_back"
        color = BAD if back else INK if moved else BEFORE
        place = periods.index(event.period) + 0.5
        axes.axvline(place, color=color, linewidth=1, linestyle="-" if moved else ":")
        name = f"back to {event.to_version}" if back else event.to_version or event.action
        axes.annotate(
            name if moved else SIGNS.get(event.action, event.action), (place, 1.0),
            xycoords=("data", "axes fraction"), fontsize=7, ha="center", va="bottom", color=color if moved else INK,
        )  # fmt: skip


def _limits(history: PerformanceHistory) -> tuple[float, float]:
    return -0.7, len(history.records) - 0.3


def _title(axes: Axes, said: str, pad: float = 4) -> None:
    axes.set_title(literal(said), fontsize=8, loc="left", color=INK, pad=pad)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
