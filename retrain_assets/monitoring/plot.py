"""Pictures of the two monitoring reports: what moved and since when, and what the live model has cost.

Each is drawn from stored records, so that drawing decides nothing and can be done again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrain_assets.monitoring.distances import shares
from retrain_assets.monitoring.drift import ColumnDrift, Drift, DriftReport
from retrain_assets.monitoring.performance import Baseline, PerformanceReport, Quality
from retrain_assets.monitoring.profile import ColumnProfile, Edges, Profile, profile
from retrain_assets.pictures import BAD, GOOD, INK, UNKNOWN, markdown, new_figure
from retrain_assets.registry.journal import ATTEMPTS, MOVES
from retrain_assets.registry.registry import Event, Registry
from retrain_assets.store import PeriodStore

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

HISTOGRAMS = 6
PERIODS = 36
ROWS = 18
BINS = 20
CATEGORIES = 8
FEW_VALUES = 12
WORTH_A_BAR = 0.002
LONGEST = 14
BEFORE, AFTER = "#b4bac4", "#2b6cb0"
SHADES = {Drift.QUIET: "#e6efe8", Drift.INSUFFICIENT: "#f1f2f4", Drift.SMALL: "#f0d9a0", Drift.WARN: "#e3935f"}
MARKS = {Quality.QUIET: GOOD, Quality.WARN: BAD, Quality.INSUFFICIENT: UNKNOWN}


@dataclass(frozen=True)
class Bars:
    """One column before and after: the share of rows of each bin or category, with the bins' names."""

    column: ColumnDrift
    labels: tuple[str, ...]
    before: Floats
    after: Floats
    low: float = 0.0
    high: float = 0.0


def drift_picture(store: PeriodStore, registry: Registry, period: str) -> str:
    """The columns that moved most, before and after, beside every column's outcome in the periods so far."""
    stored = [store.read_json("drift_report", known) for known in _until(store, "drift_report", period)]
    records = [record for record in stored if record and record.get("version")]
    bars = [bars_of(*each) for each in _moved(store, registry, records)]
    return markdown(drift_figure(records, bars), f"drift of every column up to {period}")


def drift_figure(records: Sequence[Mapping[str, Any]], bars: Sequence[Bars]) -> Figure:
    """The heat map of the records, oldest first, and one histogram each of the bars."""
    columns = [column.column for column in columns_of(records[-1])][:ROWS]
    figure = new_figure(11, max(3.6, 1.2 + 0.27 * len(columns)), laid_out=False)
    heat, *small = _axes(figure, max(len(name) for name in columns), len(bars))
    heat_map(heat, records, columns)
    for axes, shown in zip(small, bars, strict=True):
        histogram(axes, shown)
    figure.text(0.985, 0.01, "grey: what the model was trained on; colour: this period", fontsize=7, ha="right")
    return figure


def heat_map(axes: Axes, records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Outcome by column and period; a bar marks where another version, and so another reference, took over."""
    from matplotlib.colors import to_rgb

    cells = np.ones((len(columns), len(records), 3))
    for at, record in enumerate(records):
        for column in columns_of(record):
            if column.column in columns:
                shade = BAD if column.confirmed else SHADES[column.outcome]
                cells[columns.index(column.column), at] = to_rgb(shade)
    axes.imshow(cells, aspect="auto", interpolation="nearest")
    for at, (left, right) in enumerate(pairwise(records)):
        if left["version"] != right["version"]:
            axes.axvline(at + 0.5, color=INK, linewidth=1)
    step = -(-len(records) // 6)
    ticks = range((len(records) - 1) % step, len(records), step)
    axes.set_xticks(ticks, [records[at]["period"] for at in ticks], fontsize=7)
    axes.set_yticks(range(len(columns)), columns, fontsize=8)
    axes.tick_params(length=0)
    legend = "grey: cannot tell · orange: warns · red: confirmed · bar: new model"
    axes.set_title(legend, fontsize=7.5, loc="left", color=INK)
    _bare(axes, "top", "right", "left", "bottom")


def histogram(axes: Axes, bars: Bars) -> None:
    """One column: filled what the live model was trained on, outlined this period."""
    place = np.arange(len(bars.labels) or bars.before.size)
    color = {Drift.WARN: BAD, Drift.SMALL: UNKNOWN}.get(bars.column.outcome, AFTER)
    if bars.labels or not place.size:
        axes.barh(place - 0.2, bars.before, 0.4, color=BEFORE)
        axes.barh(place + 0.2, bars.after, 0.4, color=color)
        axes.set_yticks(place, bars.labels, fontsize=6)
        axes.set_xticks([])
        axes.invert_yaxis()
        _bare(axes, "top", "right", "bottom")
    else:
        axes.stairs(bars.before, np.arange(place.size + 1) - 0.5, color=BEFORE, fill=True)
        axes.stairs(bars.after, np.arange(place.size + 1) - 0.5, color=color, linewidth=1.4)
        axes.set_xticks([-0.5, place.size - 0.5], [f"{bars.low:.4g}", f"{bars.high:.4g}"], fontsize=6)
        axes.set_yticks([])
        _bare(axes, "top", "right", "left")
    axes.tick_params(length=0)
    psi = "" if bars.column.psi is None else f"  psi {bars.column.psi:.3f}"
    axes.set_title(f"{bars.column.column}{psi}", fontsize=8, loc="left", color=color)


def bars_of(column: ColumnDrift, edges: Edges, before: ColumnProfile, after: ColumnProfile) -> Bars:
    """The shares to draw: equal steps over a numeric column's usual range, or each of few values, or large categories.

    Values beyond the range count in the outermost bins.

    >>> edges = Edges({}, {"vehicle": ("bike", "car")})
    >>> quiet = ColumnDrift("vehicle", "categorical", "", Drift.QUIET, *[None] * 8, 0.0, False, "")
    >>> then, now = ColumnProfile("categorical", 4, (3, 1)), ColumnProfile("categorical", 4, (1, 1), unseen=2)
    >>> bars = bars_of(quiet, edges, then, now)
    >>> bars.labels, bars.after.tolist()
    (('bike', 'car', '(new)'), [0.25, 0.25, 0.5])
    """
    name = column.column
    if edges.kind(name) == "categorical":
        return _categories(column, edges.categories[name], before, after)
    points = edges.numeric[name]
    if points.size <= FEW_VALUES:
        return _few_values(column, points, before, after)
    low, high = _range(points, edges.limits_of(name))
    then, now = (_rebinned(seen, points, low, high) for seen in (before, after))
    return Bars(column, (), then, now, low, high)


def performance_picture(
    records: Sequence[PerformanceReport],
    baselines: Mapping[str, Baseline],
    events: Sequence[Event],
    loss: str,
    retrain_cost: float,
) -> str:
    """Loss by period against the band each version was promoted with, and the excess summed so far, as Markdown."""
    figure = performance_figure(records, baselines, events, loss, retrain_cost)
    return markdown(figure, f"{loss} by period up to {records[-1].period}")


def performance_figure(
    records: Sequence[PerformanceReport],
    baselines: Mapping[str, Baseline],
    events: Sequence[Event],
    loss: str,
    retrain_cost: float,
) -> Figure:
    """Two axes: the losses, and the excess as bars against what a retrain costs."""
    figure = new_figure(9.5, 4.2)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    at = np.arange(len(records))
    top.plot(at, [_number(record.loss) for record in records], color=INK, linewidth=1.4, zorder=3)
    for place, record in enumerate(records):
        low, high = _number(record.low), _number(record.high)
        top.plot([place, place], [low, high], color=MARKS[record.outcome], linewidth=3, alpha=0.35)
        top.plot([place], [_number(record.loss)], "o", color=MARKS[record.outcome], markersize=4.5, zorder=4)
        known = baselines.get(record.version)
        if known is not None:
            top.fill_between([place - 0.5, place + 0.5], known.low, known.high, color=AFTER, alpha=0.16, linewidth=0)
            top.plot([place - 0.5, place + 0.5], [known.mean] * 2, color=AFTER, linewidth=1.2)
    _decisions(top, [record.period for record in records], events)
    top.set_ylabel(loss, fontsize=9)
    top.set_title(
        "loss with 95 % limits (red: surely above its baseline); blue: what the version was promoted with",
        fontsize=8, loc="left", color=INK, pad=14,
    )  # fmt: skip
    bottom.bar(at, [record.accumulated_excess for record in records], 0.7, color=UNKNOWN)
    bottom.axhline(retrain_cost, color=BAD, linewidth=1, linestyle="--")
    bottom.set_ylabel("excess", fontsize=9)
    bottom.set_title(
        "excess loss summed since the last attempt; dashed: what a retrain costs", fontsize=8, loc="left", color=INK
    )
    step = -(-len(records) // 9)
    ticks = range((len(records) - 1) % step, len(records), step)
    bottom.set_xticks(ticks, [records[tick].period for tick in ticks], fontsize=8)
    for axes in (top, bottom):
        axes.tick_params(axis="y", labelsize=8)
        _bare(axes, "top", "right")
    return figure


def performance_history(
    store: PeriodStore, registry: Registry, period: str
) -> tuple[list[PerformanceReport], dict[str, Baseline], list[Event]]:
    """What `performance_picture` draws: the latest reports up to a period, each version's baseline, the decisions."""
    records = [store.read_json("performance_report", known) for known in _until(store, "performance_report", period)]
    reports = [PerformanceReport.from_dict(record["report"]) for record in records if record and "report" in record]
    baselines = {
        version.name: Baseline.from_dict(registry.verdict(version).evidence["baseline"])
        for version in registry.versions()
        if version.name in {report.version for report in reports}
    }
    shown = (*ATTEMPTS, *MOVES)
    events = [event for event in registry.history() if event.period <= period and event.action in shown]
    return reports, baselines, events


def _decisions(axes: Axes, periods: Sequence[str], events: Sequence[Event]) -> None:
    """A decision taken at a period's end stands after it: a new version as a line with its name, the rest as a dot."""
    for event in events:
        if event.period in periods:
            moved = event.action in MOVES
            place = periods.index(event.period) + 0.5
            axes.axvline(place, color=INK if moved else BEFORE, linewidth=1, linestyle="-" if moved else ":")
            text = event.to_version if moved and event.to_version else event.action
            axes.annotate(
                text, (place, 1.0), xycoords=("data", "axes fraction"), fontsize=7, ha="center", va="bottom",
                color=INK if moved else UNKNOWN,
            )  # fmt: skip


def _moved(
    store: PeriodStore, registry: Registry, records: Sequence[Mapping[str, Any]]
) -> list[tuple[ColumnDrift, Edges, ColumnProfile, ColumnProfile]]:
    """The columns that warn, then those that moved most, in the last record, with their profiles before and after."""
    record = records[-1]
    chosen = sorted(columns_of(record), key=lambda column: (column.outcome is not Drift.WARN, -(column.psi or 0)))
    chosen = chosen[:HISTOGRAMS]
    version = registry.served_in(record["period"])
    assert version is not None
    stored = json.loads(registry.read(version.digest)["profile.json"])
    edges = Edges.from_dict(stored["edges"])
    features = [Profile.from_dict(each) for each in stored["profiles"].values()]
    rows = store.read_table("raw_data", [record["period"]], [c.column for c in chosen if not _is_score(c)])
    now = profile(rows, _only(edges, rows.column_names)) if rows is not None else None
    found = []
    for column in chosen:
        served = [other for other in records[:-1] if other["version"] == record["version"] and "score_profile" in other]
        scores = [Profile.from_dict(each["score_profile"]) for each in served]
        reference, current = (
            (scores, Profile.from_dict(record["score_profile"])) if _is_score(column) else (features, now)
        )
        if reference and current is not None and column.column in current.columns:
            before = _merged([each.columns[column.column] for each in reference])
            found.append((column, current.edges, before, current.columns[column.column]))
    return found


def _merged(columns: Sequence[ColumnProfile]) -> ColumnProfile:
    first, *rest = columns
    for column in rest:
        first = first.merge(column)
    return first


def _only(edges: Edges, names: Sequence[str]) -> Edges:
    return Edges(
        {name: values for name, values in edges.numeric.items() if name in names},
        {name: levels for name, levels in edges.categories.items() if name in names},
        edges.limits,
    )


def columns_of(record: Mapping[str, Any]) -> list[ColumnDrift]:
    """Every column of a record, those that warn first, features before scores."""
    reports = [DriftReport.from_dict(record[part]) for part in ("features", "scores") if part in record]
    found = [column for report in reports for column in report.columns]
    return sorted(found, key=lambda column: column.outcome is not Drift.WARN)


def _is_score(column: ColumnDrift) -> bool:
    return column.column.startswith("(")


def _categories(column: ColumnDrift, levels: Sequence[str], before: ColumnProfile, after: ColumnProfile) -> Bars:
    both = np.array([before.counts, after.counts], dtype=float).reshape(2, len(levels))
    return _largest(column, levels, both, np.array([before.unseen, after.unseen], dtype=float))


def _few_values(column: ColumnDrift, points: Floats, before: ColumnProfile, after: ColumnProfile) -> Bars:
    both = np.array([before.counts, after.counts], dtype=float)
    return _largest(column, [f"{point:.4g}" for point in points], both[:, 1::2], both[:, ::2].sum(axis=1))


def _largest(column: ColumnDrift, names: Sequence[str], counts: Floats, new: Floats) -> Bars:
    """The largest categories in the order of their names, and the new ones; the many small ones are left out."""
    rows = np.maximum(1, counts.sum(axis=1) + new)
    parts = counts / rows[:, None]
    kept = np.sort(np.argsort(-parts.sum(axis=0), kind="stable")[:CATEGORIES])
    labels = [names[at] if len(names[at]) < LONGEST else f"{names[at][: LONGEST - 1]}…" for at in kept]
    shown = parts[:, kept]
    if np.any(new > WORTH_A_BAR * rows):
        labels, shown = [*labels, "(new)"], np.column_stack([shown, new / rows])
    return Bars(column, tuple(labels), shown[0], shown[1])


def _range(points: Floats, limits: tuple[float, float]) -> tuple[float, float]:
    low, high = max(limits[0], points[0]), min(limits[1], points[-1])
    return (float(low), float(high)) if low < high else limits


def _rebinned(column: ColumnProfile, points: Floats, low: float, high: float) -> Floats:
    """The profile's cells (below, at and between its points) in equal steps from low to high."""
    cells = np.array(column.counts, dtype=float)
    inner = np.linspace(low, high, BINS + 1)[1:-1]
    at, between = cells[1::2], cells[2:-1:2]
    up_to = np.concatenate([[0.0], np.cumsum(at)])[np.searchsorted(points, inner, side="left")]
    up_to = cells[0] + up_to + np.interp(inner, points, np.concatenate([[0.0], np.cumsum(between)]))
    return shares(np.diff(up_to, prepend=0.0, append=cells.sum()))


def _axes(figure: Figure, longest: int, small: int) -> list[Axes]:
    """One wide place for the heat map and small ones beside it; fixed, which draws twice as fast as fitted."""
    edge = {"bottom": 0.1, "top": 0.92}
    heat = figure.add_gridspec(1, 1, left=0.01 + 0.0066 * longest, right=0.42, **edge)
    grid = figure.add_gridspec(2, 3, left=0.485, right=0.985, wspace=0.42, hspace=0.32, **edge)
    return [figure.add_subplot(place) for place in (heat[0, 0], *[grid[at // 3, at % 3] for at in range(small)])]


def _until(store: PeriodStore, asset: str, period: str) -> list[str]:
    return [known for known in store.periods(asset, "json") if known <= period][-PERIODS:]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _bare(axes: Axes, *sides: str) -> None:
    for side in sides:
        axes.spines[side].set_visible(False)
