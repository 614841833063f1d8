"""The timeline of a model as a Markdown picture: versions as bars over periods, and below what was tried and found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrain_assets.audit.figures import ABOVE, WITHIN
from retrain_assets.documents.figure import BAD, GOOD, INK, UNKNOWN, markdown, new_figure
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.journal.tenure import Tenure, held_spans, tenures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PERIODS, LANES, TICKS = 60, 24, 10
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
    "versions: green live, blue replaced by a better one, red withdrawn; shaded: held by a person\n"
    "objective: green within the promised loss, red surely above it, ochre not known"
)
OTHER = ("D", INK)
"""How an action that is not in `MARKS` is drawn."""


def timeline(model: str, calendar: Calendar, events: Sequence[Event], quality: Mapping[str, str], period: str) -> str:
    """The latest 60 periods up to one, as a Markdown image below 100 kB.

    Args:
        model: For the alternative text.
        calendar: Of the model.
        events: Of the journal up to the period, oldest first.
        quality: Per period what its performance report said: quiet, warn or insufficient.
        period: The last period.
    """
    first = max(calendar.first, calendar.shift(period, 1 - PERIODS))
    periods = calendar.between(min(first, period), period)
    return markdown(draw(calendar, periods, events, quality), f"versions and decisions of {model} up to {period}")


def draw(calendar: Calendar, periods: Sequence[str], events: Sequence[Event], quality: Mapping[str, str]) -> Figure:
    """The figure behind `timeline`; a decision taken at a period's end stands between that period and the next."""
    shown = [tenure for tenure in tenures(events) if tenure.ended is None or tenure.ended.period >= periods[0]][-LANES:]
    lanes = {digest: lane for lane, digest in enumerate(dict.fromkeys(tenure.digest for tenure in shown))}
    height = 1.9 + 0.24 * max(2, len(lanes))
    figure = new_figure(10, height, laid_out=False)
    top = figure.add_axes((0.09, 1.35 / height, 0.89, (height - 1.8) / height))
    low = figure.add_axes((0.09, 0.62 / height, 0.89, 0.62 / height), sharex=top)
    at = {period: place for place, period in enumerate(periods)}
    for tenure in shown:
        _bar(top, tenure, lanes[tenure.digest], at, len(periods))
    _holds(top, calendar, events, at, len(periods))
    _lanes(top, shown, lanes)
    _attempts(low, events, at)
    _quality(low, quality, at)
    _bottom(low, periods)
    return figure


def _bar(axes: Axes, tenure: Tenure, lane: int, at: Mapping[str, int], periods: int) -> None:
    start = at.get(tenure.began.period, -1) + 0.5
    end = at[tenure.ended.period] + 0.5 if tenure.ended else periods - 0.5
    color = GOOD if tenure.ended is None else BAD if tenure.withdrawn else SERVED
    axes.barh(lane, max(end - start, 0.15), 0.6, left=start, color=color)
    if tenure.ended is not None and tenure.withdrawn:
        late = end > 0.85 * periods  # no room is left on the right
        axes.annotate(
            str(tenure.ended.action).replace("_", " "), (start if late else end, lane), (-4 if late else 4, 0),
            textcoords="offset points", fontsize=7, ha="right" if late else "left", va="center", color=BAD,
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


def _lanes(axes: Axes, shown: Sequence[Tenure], lanes: Mapping[str, int]) -> None:
    names = {tenure.digest: tenure.version for tenure in shown}
    axes.set_yticks(list(lanes.values()), [names[digest] for digest in lanes], fontsize=8)
    axes.set_ylim(-0.7, max(2, len(lanes)) - 0.3)
    axes.set_title(KEY if shown else "no version has been live yet", fontsize=8, loc="left", color=INK)
    axes.tick_params(axis="x", labelbottom=False, length=0)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)


def _attempts(axes: Axes, events: Sequence[Event], at: Mapping[str, int]) -> None:
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
        label = f"_{action}" if action in named else action.replace("_", " ")
        axes.plot([place], [1], marker=marker, color=color, markersize=6, linestyle="none", label=label)
        named.add(action)
    if named:
        axes.legend(
            loc="upper left", bbox_to_anchor=(0, -0.42), ncols=8, fontsize=7, frameon=False, handletextpad=0.2,
            borderaxespad=0, columnspacing=1.4,
        )  # fmt: skip


def _quality(axes: Axes, quality: Mapping[str, str], at: Mapping[str, int]) -> None:
    colors = {WITHIN: GOOD, ABOVE: BAD}
    known = [(at[period], colors.get(word, UNKNOWN)) for period, word in quality.items() if period in at]
    axes.bar([place for place, _ in known], 0.5, 0.9, bottom=-0.25, color=[color for _, color in known], alpha=0.75)


def _bottom(axes: Axes, periods: Sequence[str]) -> None:
    axes.set_yticks([0, 1], ["objective", "decision"], fontsize=8)
    axes.set_ylim(-0.45, 1.5)
    axes.set_xlim(-0.6, len(periods) + 0.1)
    step = -(-len(periods) // TICKS)
    ticks = range((len(periods) - 1) % step, len(periods), step)
    axes.set_xticks(ticks, [periods[tick] for tick in ticks], fontsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
