"""Picture of the drift report: what moved and since when, and the columns that matter before and after.

Drawn from stored records, so that drawing decides nothing and can be done again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrain_assets.documents.figure import (
    BAD,
    INK,
    LETTER_INCHES,
    NARROW,
    UNKNOWN,
    bare,
    drawing,
    literal,
    new_figure,
    period_ticks,
)
from retrain_assets.documents.page import Drawing
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift
from retrain_assets.monitoring.drift.statistics.distances import shares
from retrain_assets.monitoring.impact.cost import Change
from retrain_assets.monitoring.profiles.column_reader import quoted
from retrain_assets.monitoring.profiles.files import DRIFT_PROFILES, kept_profiles, reference_of, score_edges
from retrain_assets.monitoring.profiles.profile import ColumnProfile, Edges
from retrain_assets.monitoring.records.drift_record import ASSET, DriftRecord, read_drift
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

Floats = NDArray[np.float64]
Corner = Literal["upper left", "upper right"]

HISTOGRAMS = 6
PERIODS = 36
WIDTH = 11.0
SENTENCE = 41
ROWS = 18
BINS = 20
CATEGORIES = 8
FEW_VALUES = 12
WORTH_A_BAR = 0.002
LONGEST = 14
NEW, NO_VALUE = "(new)", "no value"
NO_VALUE_APART = 4
"""Bins between a histogram and its bar of rows without a value."""
NAME = 32
"""Signs of a column's name that are drawn."""
REFERENCE = "the reference"
BEFORE, AFTER = "#b4bac4", "#2b6cb0"
SHADES = {Drift.QUIET: "#e6efe8", Drift.INSUFFICIENT: "#dcdfe4", Drift.SMALL: "#f0d9a0", Drift.WARN: "#e3935f"}
SIGNS, CONFIRMED, BROKEN = {Drift.INSUFFICIENT: "?", Drift.WARN: "!"}, "x", "B"
"""What stands in a cell besides its colour."""

MENDED = "#5c1a0a"
"""Colour of a column that broke, darker than every change that is none of the source's."""

LINES = {Drift.QUIET: AFTER, Drift.INSUFFICIENT: AFTER, Drift.SMALL: UNKNOWN, Drift.WARN: "#c4621b"}


@dataclass(frozen=True)
class Bars:
    """One column before and after: the share of rows of each bin or category, with the bins' names, and what moved.

    `without` is the share of rows without a value of a column that is drawn over its range.
    """

    column: ColumnDrift
    labels: tuple[str, ...]
    before: Floats
    after: Floats
    low: float = 0.0
    high: float = 0.0
    moved: str = ""
    without: tuple[float, float] = (0.0, 0.0)


def drift_drawing(store: PeriodStore, registry: Registry, period: str) -> Drawing:
    """The columns that matter most, before and after, beside every column's outcome in the periods so far."""
    stored = [read_drift(store, known) for known in until(store, ASSET, period)]
    records = [record for record in stored if record and record.version]
    bars = [
        replace(bars_of(*each), moved=what_moved(each[0], records[-1].impact))
        for each in _moved(store, registry, records)
    ]
    return drawing(lambda narrow: (narrow_figure if narrow else drift_figure)(records, bars))


def drift_figure(records: Sequence[DriftRecord], bars: Sequence[Bars]) -> Figure:
    """The heat map of the records, oldest first, and one histogram each of the bars."""
    columns = [column.column for column in records[-1].columns][:ROWS]
    height = max(4.0, 1.1 + 0.25 * len(columns))
    figure = new_figure(WIDTH, height, laid_out=False)
    heat, *small = _axes(figure, min(NAME, max(len(name) for name in columns)), len(bars), height)
    heat_map(heat, records, columns)
    for axes, shown in zip(small, bars, strict=True):
        histogram(axes, shown)
    _legend(figure, height)
    return figure


def narrow_figure(records: Sequence[DriftRecord], bars: Sequence[Bars]) -> Figure:
    """The same for a phone: the histograms below the heat map, two in a row."""
    columns = [column.column for column in records[-1].columns][:ROWS]
    map_height, row, top = max(1.2, 0.25 * len(columns)), 1.75, 0.75
    rows = -(-len(bars) // 2)
    height = top + map_height + 0.35 + row * rows + 0.1
    figure = new_figure(NARROW, height, laid_out=False)
    left = 0.03 + LETTER_INCHES * 8 * min(NAME, max(len(name) for name in columns)) / NARROW
    heat_map(
        figure.add_axes((left, 1 - (top + map_height) / height, 0.97 - left, map_height / height)), records, columns
    )
    for at, shown in enumerate(bars):
        bottom = 0.25 + row * (rows - 1 - at // 2)
        histogram(figure.add_axes((0.16 + 0.5 * (at % 2), bottom / height, 0.32, (row - 0.75) / height)), shown)
    outcomes, both = _patches()
    _key(figure, outcomes, "upper left", (0.02, 1 - 0.06 / height), 3)
    _key(figure, both, "upper left", (0.02, 1 - 0.4 / height), 3)
    return figure


def heat_map(axes: Axes, records: Sequence[DriftRecord], columns: Sequence[str]) -> None:
    """Outcome by column and period; a bar marks where another version, and so another reference, took over."""
    from matplotlib.colors import to_rgb

    cells = np.ones((len(columns), len(records), 3))
    signs = np.full(cells.shape[:2], "", dtype="<U1")
    for at, record in enumerate(records):
        for column in record.columns:
            if column.column in columns:
                place = columns.index(column.column), at
                cells[place], signs[place] = to_rgb(_shade(column, SHADES)), _sign(column)
    axes.imshow(cells, aspect="auto", interpolation="nearest")
    for sign in (*SIGNS.values(), CONFIRMED, BROKEN):
        rows, columns_at = np.nonzero(signs == sign)
        ink = "white" if sign == BROKEN else INK
        axes.plot(columns_at, rows, marker=f"${sign}$", linestyle="none", color=ink, markersize=4, label=sign)
    for at, (left, right) in enumerate(pairwise(records)):
        if left.version != right.version:
            axes.axvline(at + 0.5, color=INK, linewidth=1)
    period_ticks(axes, [record.period for record in records], axes.bbox.width / axes.figure.dpi)
    axes.set_yticks(range(len(columns)), [literal(name, NAME) for name in columns], fontsize=8)
    axes.tick_params(length=0)
    bare(axes, "top", "right", "left", "bottom")


def _shade(column: ColumnDrift, by_outcome: Mapping[Drift, str]) -> str:
    """The colour of a column: what broke before what came again, the others by their outcome."""
    return MENDED if column.broken else BAD if column.confirmed else by_outcome[column.outcome]


def _sign(column: ColumnDrift) -> str:
    return BROKEN if column.broken else CONFIRMED if column.confirmed else SIGNS.get(column.outcome, "")


def histogram(axes: Axes, bars: Bars) -> None:
    """One column: grey the reference, in colour this period, and what moved in words."""
    place = np.arange(len(bars.labels) or bars.before.size)
    color = _shade(bars.column, LINES)
    if bars.labels or not place.size:
        axes.barh(place - 0.2, bars.before, 0.4, color=BEFORE)
        axes.barh(place + 0.2, bars.after, 0.4, color=color)
        axes.set_yticks(place, [literal(label, LONGEST) for label in bars.labels], fontsize=6)
        axes.set_xticks([])
        axes.invert_yaxis()
        bare(axes, "top", "right", "bottom")
    else:
        axes.stairs(bars.before, np.arange(place.size + 1) - 0.5, color=BEFORE, fill=True)
        axes.stairs(bars.after, np.arange(place.size + 1) - 0.5, color=color, linewidth=1.4)
        ticks = {-0.5: f"{bars.low:.4g}", place.size - 0.5: f"{bars.high:.4g}"}
        if max(bars.without) > WORTH_A_BAR:
            at = place.size + NO_VALUE_APART
            axes.bar([at - 1, at + 1], bars.without, 2, color=[BEFORE, color])
            ticks = {-0.5: ticks[-0.5], at: NO_VALUE}
        axes.set_xticks([*ticks], [*ticks.values()], fontsize=6)
        axes.set_yticks([])
        bare(axes, "top", "right", "left")
    axes.tick_params(length=0)
    axes.set_title(literal(bars.column.column, NAME), fontsize=8, loc="left", color=color, pad=13)
    said = (bars.moved or what_moved(bars.column)).split(" (p ")[0]
    axes.text(0, 1, f"{literal(said, SENTENCE)}\n", transform=axes.transAxes, fontsize=6, color=INK, va="center")


def what_moved(column: ColumnDrift, impact: Sequence[Change] = ()) -> str:
    """What moved in a column: the part that grew, as the first sentence names it, else the column's own sentence.

    A column with a fault keeps its sentence, which names the fault.

    >>> what_moved(ColumnDrift("fare", "numeric", "mean", Drift.QUIET, *[None] * 8, 0.0, False, "fare: mean 2 -> 3"))
    'mean 2 → 3'
    """
    grown = next((one.grown for one in impact if one.column == column.column), None)
    said = (
        column.sentence.removeprefix(f"{column.column}: ")
        if not grown or column.problem
        else grown.moved(column.column)
    )
    return said.replace(" -> ", " → ")


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
    gone = before.unusable / max(1, before.rows), after.unusable / max(1, after.rows)
    shown = zip((before, after), gone, strict=True)
    then, now = (np.nan_to_num(_rebinned(seen, points, low, high)) * (1 - without) for seen, without in shown)
    return Bars(column, (), then, now, low, high, without=gone)


def _moved(
    store: PeriodStore, registry: Registry, records: Sequence[DriftRecord]
) -> list[tuple[ColumnDrift, Edges, ColumnProfile, ColumnProfile]]:
    """The columns that matter most in the last record, with their profiles before and after."""
    record = records[-1]
    period, chosen = record.period, record.columns[:HISTOGRAMS]
    version = registry.served_in(period)
    assert version is not None
    edges, features = reference_of(registry, version)
    now = kept_profiles(store, DRIFT_PROFILES, [period], edges)[period]
    found = []
    for column in chosen:
        reference, current = [*features.values()], now
        if _is_score(column):
            served = [other.period for other in records if other.version == record.version and other.scores]
            scores = kept_profiles(store, DRIFT_PROFILES, served, score_edges(store, version))
            reference, current = [one for known, one in scores.items() if known != period], scores[period]
        if reference and column.column in current.columns:
            before = _merged([each.columns[column.column] for each in reference])
            found.append((column, current.edges, before, current.columns[column.column]))
    return found


def _merged(columns: Sequence[ColumnProfile]) -> ColumnProfile:
    first, *rest = columns
    for column in rest:
        first = first.merge(column)
    return first


def _is_score(column: ColumnDrift) -> bool:
    return column.column.startswith("(")


def _categories(column: ColumnDrift, levels: Sequence[str], before: ColumnProfile, after: ColumnProfile) -> Bars:
    both = np.array([before.counts, after.counts], dtype=float).reshape(2, len(levels))
    others = {NEW: [before.unseen, after.unseen], NO_VALUE: [before.unusable, after.unusable]}
    return _largest(column, levels, both, others)


def _few_values(column: ColumnDrift, points: Floats, before: ColumnProfile, after: ColumnProfile) -> Bars:
    both = np.array([before.counts, after.counts], dtype=float)
    others: dict[str, ArrayLike] = {NEW: both[:, ::2].sum(axis=1), NO_VALUE: [before.unusable, after.unusable]}
    return _largest(column, [f"{point:.4g}" for point in points], both[:, 1::2], others)


def _largest(column: ColumnDrift, names: Sequence[str], counts: Floats, others: Mapping[str, ArrayLike]) -> Bars:
    """The largest categories and the one that decided, in the order of their names, then the others; none is small."""
    rows = np.maximum(1, counts.sum(axis=1) + sum(np.asarray(other, dtype=float) for other in others.values()))
    parts = counts / rows[:, None]
    kept = np.argsort(-parts.sum(axis=0), kind="stable")[:CATEGORIES]
    named = [at for at, name in enumerate(names) if column.summary == f"share of {quoted(name)}" and at not in kept]
    kept = np.sort([*kept[: kept.size - len(named)], *named]).astype(int)
    labels = [names[at] for at in kept]
    shown = parts[:, kept]
    for name, other in others.items():
        share = np.asarray(other, dtype=float) / rows
        if np.any(share > WORTH_A_BAR):
            labels, shown = [*labels, name], np.column_stack([shown, share])
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


def _axes(figure: Figure, longest: int, small: int, height: float) -> list[Axes]:
    """One wide place for the heat map and small ones beside it; fixed, which draws twice as fast as fitted."""
    edge = {"bottom": 0.3 / height}
    heat = figure.add_gridspec(
        1, 1, left=0.015 + LETTER_INCHES * 8 * longest / WIDTH, right=0.41, top=1 - 0.32 / height, **edge
    )
    grid = figure.add_gridspec(
        2, 3, left=0.488, right=0.955, wspace=0.53, hspace=1.7 / height, top=1 - 0.6 / height, **edge
    )
    return [figure.add_subplot(place) for place in (heat[0, 0], *[grid[at // 3, at % 3] for at in range(small)])]


def _patches() -> tuple[list[Patch], list[Patch]]:
    """What the colours of the heat map, and of the histograms, mean."""
    from matplotlib.patches import Patch

    outcomes = {"quiet": Drift.QUIET, "cannot tell": Drift.INSUFFICIENT, "too small": Drift.SMALL, "warns": Drift.WARN}
    patches = [
        Patch(color=SHADES[kind], label=f"{name} {SIGNS.get(kind, '')}".strip()) for name, kind in outcomes.items()
    ]
    patches += [Patch(color=BAD, label=f"confirmed {CONFIRMED}"), Patch(color=MENDED, label=f"broken {BROKEN}")]
    drifted = Patch(color=LINES[Drift.WARN], label="this period, drifted")
    return patches, [Patch(color=BEFORE, label=REFERENCE), Patch(color=AFTER, label="this period"), drifted]


def _legend(figure: Figure, height: float) -> None:
    """What the colours mean, above both parts."""
    outcomes, both = _patches()
    place = 1 - 0.06 / height
    _key(figure, outcomes, "upper left", (0.01, place), len(outcomes))
    _key(figure, both, "upper right", (0.99, place), len(both))


def _key(figure: Figure, patches: Sequence[Patch], corner: Corner, place: tuple[float, float], columns: int) -> None:
    figure.legend(
        handles=patches, loc=corner, bbox_to_anchor=place, ncols=columns, fontsize=7, frameon=False, borderaxespad=0,
        handlelength=1.2, columnspacing=1.2,
    )  # fmt: skip


def until(store: PeriodStore, asset: str, period: str) -> list[str]:
    """The latest periods of an asset's records up to a period, as many as a picture shows."""
    return [known for known in store.periods(asset, "json") if known <= period][-PERIODS:]
