"""The timeline of a model as a picture: versions as bars over periods, and below what was tried and found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrain_assets.audit.figures import ABOVE, WITHIN
from retrain_assets.documents.figure import BAD, GOOD, INK, NARROW, UNKNOWN, drawing, new_figure
from retrain_assets.documents.page import Drawing
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import Event, spoken
from retrain_assets.registry.journal.tenure import Tenure, held_spans, tenures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PERIODS, PERIODS_NARROW, LANES, TICKS = 60, 24, 24, 10
SIGN, GAP = 0.065, 0.12
"""Inches that a sign of a period's name takes, and that two names stand apart."""

WIDTH = 10.0
SERVED = "#4c72a4"
MARKS = {
    "bootstrap": ("*", GOOD),
    "promoted": ("^", GOOD),
    "adopted": ("*", GOOD),
    "rejected": ("x", BAD),
    "insufficient": ("o", UNKNOWN),
    "identical": ("s", UNKNOWN),
    "rolled_back": ("v", BAD),
    "approved": ("P", GOOD),
    "held": ("|", INK),
    "released": ("|", INK),
    "retired": ("X", INK),
}
KEY = (
    "versions: green live, blue replaced by a better one, red and hatched withdrawn; shaded: held by a person\n"
    "objective: low and green as expected, high and red surely worse, an empty frame not known"
)
KEY_NARROW = (
    "versions: green live, blue replaced,\nred and hatched withdrawn; shaded: held\n"
    "objective: low and green as expected,\nhigh and red worse, an empty frame not known"
)
OTHER = ("D", INK)
"""How an action that is not in `MARKS` is drawn."""


def timeline(calendar: Calendar, events: Sequence[Event], quality: Mapping[str, str], period: str) -> Drawing:
    """The latest 60 periods up to one, 24 on a phone, each picture below 100 kB.

    Args:
        calendar: Of the model.
        events: Of the journal up to the period, oldest first.
        quality: Per period what its performance report said: quiet, warn or insufficient.
        period: The last period.
    """

    def figure_of(narrow: bool) -> Figure:
        first = max(calendar.first, calendar.shift(period, 1 - (PERIODS_NARROW if narrow else PERIODS)))
        periods = calendar.between(min(first, period), period)
        return draw(calendar, periods, events, quality, NARROW if narrow else WIDTH)

    return drawing(figure_of)


def draw(
    calendar: Calendar,
    periods: Sequence[str],
    events: Sequence[Event],
    quality: Mapping[str, str],
    width: float = WIDTH,
) -> Figure:
    """The figure behind `timeline`; a decision taken at a period's end stands between that period and the next."""
    shown = [tenure for tenure in tenures(events) if tenure.ended is None or tenure.ended.period >= periods[0]][-LANES:]
    lanes = {digest: lane for lane, digest in enumerate(dict.fromkeys(tenure.digest for tenure in shown))}
    narrow = width < WIDTH
    below, above = (0.95, 0.8) if narrow else (0.62, 0.45)
    height = below + 0.73 + above + 0.24 * max(2, len(lanes)) + 0.1
    left = 0.9 / width
    figure = new_figure(width, height, laid_out=False)
    top = figure.add_axes((left, (below + 0.73) / height, 0.98 - left, 1 - (below + 0.73 + above) / height))
    low = figure.add_axes((left, below / height, 0.98 - left, 0.62 / height), sharex=top)
    at = {period: place for place, period in enumerate(periods)}
    for tenure in shown:
        _bar(top, tenure, lanes[tenure.digest], at, len(periods))
    _holds(top, calendar, events, at, len(periods))
    _lanes(top, shown, lanes, KEY_NARROW if narrow else KEY)
    _attempts(low, events, at, columns=4 if narrow else 8)
    _quality(low, quality, at)
    _bottom(low, periods, width - left * width - 0.02 * width)
    return figure


def _bar(axes: Axes, tenure: Tenure, lane: int, at: Mapping[str, int], periods: int) -> None:
    start = at.get(tenure.began.period, -1) + 0.5
    end = at[tenure.ended.period] + 0.5 if tenure.ended else periods - 0.5
    color = GOOD if tenure.ended is None else BAD if tenure.withdrawn else SERVED
    back = tenure.ended is not None and tenure.withdrawn
    axes.barh(
        lane, max(end - start, 0.15), 0.6, left=start, color=color, hatch="///" if back else "", edgecolor="white",
        linewidth=0,
    )  # fmt: skip
    if tenure.ended is not None and tenure.withdrawn:
        late = end > 0.85 * periods  # no room is left on the right
        axes.annotate(
            spoken(tenure.ended.action),
            (start if late else end, lane), (-4 if late else 4, 0), textcoords="offset points",
            fontsize=7, ha="right" if late else "left", va="center", color=BAD,
        )  # fmt: skip


def _holds(axes: Axes, calendar: Calendar, events: Sequence[Event], at: Mapping[str, int], periods: int) -> None:
    """A hold is shaded from its period's end to the release's, or up to the period in which it expires."""
    for span in held_spans(events):
        start = at.get(span.begun.period, -1) + 0.5
        end = periods - 0.5
        if span.released:
            end = at.get(span.released.period, -1) + 0.5
        elif span.until and calendar.key(span.until) <= max(at):
            end = at.get(calendar.key(span.until), -1) + 0.0
        if end >= 0:
            axes.axvspan(start, max(end, start + 0.15), color=UNKNOWN, alpha=0.18, linewidth=0)
            axes.annotate("held", (start, 1.0), (2, -8), xycoords=("data", "axes fraction"),
                          textcoords="offset points", fontsize=7, color=UNKNOWN)  # fmt: skip


def _lanes(axes: Axes, shown: Sequence[Tenure], lanes: Mapping[str, int], key: str) -> None:
    names = {tenure.digest: tenure.version for tenure in shown}
    axes.set_yticks(list(lanes.values()), [names[digest] for digest in lanes], fontsize=8)
    axes.set_ylim(-0.7, max(2, len(lanes)) - 0.3)
    axes.set_title(key if shown else "no version has been live yet", fontsize=8, loc="left", color=INK)
    axes.tick_params(axis="x", labelbottom=False, length=0)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)


def _attempts(axes: Axes, events: Sequence[Event], at: Mapping[str, int], columns: int) -> None:
    """One mark per event; several of one period stand side by side."""
    beside: dict[str, int] = {}
    named: set[str] = set()
    for event in events:
        if event.period not in at:
            continue
        action = str(event.action)
        marker, color = MARKS.get(action, OTHER)
        place = at[event.period] + 0.5 + 0.35 * beside.get(event.period, 0)
        beside[event.period] = beside.get(event.period, 0) + 1
        label = f"_{action}" if action in named else spoken(action)
        axes.plot([place], [1], marker=marker, color=color, markersize=6, linestyle="none", label=label)
        named.add(action)
    if named:
        axes.legend(
            loc="upper left", bbox_to_anchor=(0, -0.42), ncols=columns, fontsize=7, frameon=False, handletextpad=0.2,
            borderaxespad=0, columnspacing=1.4,
        )  # fmt: skip


def _quality(axes: Axes, quality: Mapping[str, str], at: Mapping[str, int]) -> None:
    """Low where the loss was as promised, high where it surely was not, an empty frame where it is not known."""
    looks = {WITHIN: (GOOD, 0.22), ABOVE: (BAD, 0.6)}
    known = [
        (at[period], *looks.get(word, (UNKNOWN, 0.22)), word in looks)
        for period, word in quality.items()
        if period in at
    ]
    axes.bar(
        [place for place, *_ in known], [height for _, _, height, _ in known], 0.9, bottom=-0.3,
        color=[color if filled else "none" for _, color, _, filled in known],
        edgecolor=[color for _, color, *_ in known], linewidth=0.6,
    )  # fmt: skip


def _bottom(axes: Axes, periods: Sequence[str], inches: float) -> None:
    """Names below some periods' beginnings, from which on their bars reach: as many as have room side by side."""
    axes.set_yticks([0, 1], ["objective", "decision"], fontsize=8)
    axes.set_ylim(-0.45, 1.5)
    axes.set_xlim(-0.6, len(periods) + 0.1)
    room = inches / (len(periods) + 0.7)
    step = max(math.ceil((len(periods[-1]) * SIGN + GAP) / room), math.ceil(len(periods) / TICKS))
    ticks = range((len(periods) - 1) % step, len(periods), step)
    axes.set_xticks([tick - 0.5 for tick in ticks], [periods[tick] for tick in ticks], fontsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
