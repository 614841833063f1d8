"""The forest plot of a verdict: every finding's improvement with its interval, against what was asked of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retrain_assets.documents.figure import BAD, GOOD, INK, NARROW, UNKNOWN, markdown, new_figure, svg
from retrain_assets.documents.page import Drawing, marked
from retrain_assets.metrics.names import metric_words
from retrain_assets.validation.pages.text import cases_of, in_order, margin_told, told
from retrain_assets.verdict import Decision, Finding, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OPEN = (Outcome.INSUFFICIENT, Outcome.WATCHED)
_UNKNOWN = (*_OPEN, Outcome.NOT_ASKED)
COLORS = {Outcome.PASS: GOOD, Outcome.FAIL: BAD} | dict.fromkeys(_UNKNOWN, UNKNOWN)
MARKERS = {Outcome.PASS: "o", Outcome.FAIL: "X", Outcome.INSUFFICIENT: "D", Outcome.WATCHED: "s"}
"""Shapes of what is measured; of what is not asked nothing is."""
LONGEST = 50
MOST = 60
"""Findings that a picture has room for."""

ASKED_FIRST = ("primary", "guardrail", "floor")
"""Roles that a promotion hangs on by themselves."""

_CLEAR: dict[str, Any] = {"bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.8}, "zorder": 4}
UNDRAWN = "no interval: counted or refused, see the tables"
EDGE = 3.0
"""How many margins fit to either side; what lies further out is drawn at the edge as an arrow."""
_INSIDE = EDGE - 0.2
"""Where the middle of an interval stands that lies further out, so that its arrow is seen."""


@dataclass(frozen=True)
class ForestLine:
    """One finding as it is drawn, in units of its scale; `asked` is where its interval must lie beyond."""

    middle: float
    low: float
    high: float
    asked: float


@dataclass(frozen=True)
class ForestPictures:
    """The pictures of a verdict from one figure: `drawing` is SVG for an HTML page, `markdown` a PNG for the UI."""

    drawing: Drawing
    markdown: str


def forest_pictures(verdict: Verdict, label_unit: str = "") -> ForestPictures:
    """Both pictures; a sentence in place of the second when there is nothing to draw."""
    if not verdict.findings:
        return ForestPictures(Drawing(""), "No check was asked.")
    wide = forest_figure(verdict, label_unit)
    shown = markdown(wide, f"every check of {verdict.model} {verdict.period}")
    return ForestPictures(_drawing(wide, verdict, label_unit), shown)


def forest_drawing(verdict: Verdict, label_unit: str = "") -> Drawing:
    """The picture as SVG for an HTML page, empty when there is nothing to draw. The same verdict, the same bytes."""
    if not verdict.findings:
        return Drawing("")
    return _drawing(forest_figure(verdict, label_unit), verdict, label_unit)


def _drawing(wide: Figure, verdict: Verdict, label_unit: str) -> Drawing:
    return Drawing(svg(wide), svg(narrow_figure(verdict, label_unit)))


def line_of(finding: Finding) -> ForestLine | None:
    """A finding in units of its margin, or without one in a scale of its own that shows it whole; None if unmeasured.

    >>> at = line_of(Finding("guardrails", Outcome.PASS, "", role="guardrail", improvement=.1, low=0., margin=.2))
    >>> at.middle, at.asked
    (0.5, -1.0)
    """
    if finding.improvement is None:
        return None
    middle = finding.improvement
    low, high = (side if side is not None else middle for side in (finding.low, finding.high))
    if margin := _margin(finding):
        scale, asked = margin, -1.0
    else:
        scale, asked = max(abs(middle), abs(low), abs(high)) / (EDGE - 0.5) or 1.0, 0.0
    return ForestLine(middle / scale, low / scale, high / scale, asked)


def forest_figure(verdict: Verdict, label_unit: str = "") -> Figure:
    """One line for each finding under the name of its check, from the top.

    Colour and mark both tell the outcome. Lines stand in units of their own margin, so that metrics of different units
    can stand under one another; the numbers in the metric's own unit are written at the right.
    """
    rows = _rows(verdict)
    figure = new_figure(13, 1.5 + 0.27 * len(rows), laid_out=False)
    height = figure.get_size_inches()[1]
    axes = figure.add_axes((0.3, 0.75 / height, 0.34, 1 - 1.3 / height))
    axes.set_xlim(-EDGE - 0.15, EDGE + 0.15)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(0, color=INK, linewidth=0.8)
    for place, row in enumerate(rows):
        if isinstance(row, str):
            _write(axes, -0.86, place, row.replace("_", " "), weight="bold")
            axes.axhspan(place - 0.5, place + 0.5, color="#f1f3f5", zorder=0)
        else:
            _draw(axes, place, row, label_unit)
    _finish(axes, verdict)
    return figure


def narrow_figure(verdict: Verdict, label_unit: str = "") -> Figure:
    """The same lines for a phone: the name of a finding above its interval, its numbers below."""
    rows = _rows(verdict)
    places = np.cumsum([0.75 if isinstance(row, str) else 0.95 for row in rows])
    figure = new_figure(NARROW, 1.35 + 0.56 * float(places[-1]), laid_out=False)
    height = figure.get_size_inches()[1]
    axes = figure.add_axes((0.03, 0.95 / height, 0.94, 1 - 1.3 / height))
    axes.set_xlim(-EDGE - 0.15, EDGE + 0.15)
    axes.set_ylim(places[-1] + 0.5, -0.15)
    axes.axvline(0, color=INK, linewidth=0.8, zorder=0)
    for place, row in zip(places, rows, strict=True):
        if isinstance(row, str):
            _write(axes, 0, place, row.replace("_", " "), weight="bold")
        else:
            sign = marked(row.outcome.value).split()[0]
            _interval(axes, place, row)
            _write(axes, 0.01, place - 0.28, f"{sign} {_label(row)}", color=COLORS[row.outcome], size=8, **_CLEAR)
            said = _numbers(row, label_unit)
            _write(axes, 0.01, place + 0.26, said, size=7, **_CLEAR)
    _legend(axes, columns=3, below=0.42)
    axes.set_title(f"{verdict.period}: {_decided(verdict)}", fontsize=9, loc="left", pad=6, parse_math=False)
    return figure


def _rows(verdict: Verdict) -> list[str | Finding]:
    """The findings under their checks; of very many those that hold nothing up are left to the tables."""
    found = in_order(verdict)
    shown = sorted(found, key=lambda each: (each.outcome is Outcome.PASS, each.role not in ASKED_FIRST))[:MOST]
    rows: list[str | Finding] = []
    for finding in (each for each in found if any(each is one for one in shown)):
        if not rows or _check_of(rows[-1]) != finding.check:
            rows.append(finding.check)
        rows.append(finding)
    return [*rows, f"and {len(found) - MOST:,} more, which the tables list"] if len(found) > MOST else rows


def _check_of(row: str | Finding) -> str:
    return row if isinstance(row, str) else row.check


def _draw(axes: Axes, place: int, finding: Finding, label_unit: str) -> None:
    sign = marked(finding.outcome.value).split()[0]
    _write(axes, -0.86, place, _label(finding))
    _write(axes, -0.02, place, sign, color=COLORS[finding.outcome], ha="right")
    _write(axes, 1.02, place, _numbers(finding, label_unit))
    _interval(axes, place, finding)


def _interval(axes: Axes, place: float, finding: Finding) -> None:
    """The interval of a finding, its middle by shape, and the mark that it is held against."""
    line, color = line_of(finding), COLORS[finding.outcome]
    if line is None:
        return
    middle = _clipped(line.middle, _INSIDE if abs(line.middle) > EDGE else EDGE)
    ends = (_clipped(line.low), middle, _clipped(line.high))
    axes.plot([min(ends), max(ends)], [place, place], color=color, linewidth=2.2)
    for end in sorted({_clipped(end) for end in (line.low, line.high) if abs(end) > EDGE}):
        axes.plot([end], [place], ">" if end > 0 else "<", color=color, markersize=5)
    axes.plot(
        [middle],
        [place],
        MARKERS.get(finding.outcome, "D"),
        color=color,
        markersize=6,
        fillstyle="none" if finding.outcome in _OPEN else "full",
    )
    axes.plot([line.asked] * 2, [place - 0.4, place + 0.4], ":", color=INK, linewidth=1.6)


def _legend(axes: Axes, columns: int, below: float) -> None:
    """What shapes and colours mean, so many inches below the axes, and the bare axes themselves."""
    for outcome, marker in MARKERS.items():
        fill = "none" if outcome in _OPEN else "full"
        axes.plot([], [], marker, color=COLORS[outcome], fillstyle=fill, label=outcome.value)
    axes.plot([], [], ":", color=INK, label="margin (-1), or limit (0; own scale)")
    place = (0.5, -below / _inches(axes))
    axes.legend(loc="upper center", bbox_to_anchor=place, ncols=columns, frameon=False, fontsize=8)
    axes.set_xlabel("worse  ←  0: like the live model, -1: worse by the margin  →  better", fontsize=8.5)
    axes.set_yticks([])
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _finish(axes: Axes, verdict: Verdict) -> None:
    _legend(axes, columns=4, below=0.32)
    title = f"{verdict.model} {verdict.period}: {_decided(verdict)}"
    axes.set_title(title, fontsize=11, loc="left", x=-0.86, pad=14, parse_math=False)
    head = "improvement [interval], margin, in the metric's own unit"
    axes.annotate(head, (1.02, 1), xytext=(0, 5), xycoords="axes fraction", textcoords="offset points", fontsize=8)


def _decided(verdict: Verdict) -> str:
    return "may be promoted" if verdict.decision is Decision.PROMOTE else "not promoted"


def _inches(axes: Axes) -> float:
    return float(axes.bbox.height / axes.figure.dpi)


def _write(axes: Axes, x: float, place: float, words: str, size: float = 8.5, **look: Any) -> None:
    """Text beside the axes, at a share of their width; never read as mathematics."""
    beside = axes.get_yaxis_transform()
    axes.text(x, place, words, transform=beside, va="center", fontsize=size, parse_math=False, **look)


def _margin(finding: Finding) -> float:
    """The loss that may not be reached, 0 without one; a floor's is the limit itself, and its distance is judged."""
    return abs(finding.margin) if finding.margin and finding.role != "floor" else 0.0


def _numbers(finding: Finding, label_unit: str) -> str:
    """What stands beside a line: its numbers, or why none is drawn."""
    if finding.outcome is Outcome.NOT_ASKED:
        return "not asked"
    return _own_units(finding, label_unit) if line_of(finding) else UNDRAWN


def _own_units(finding: Finding, label_unit: str) -> str:
    low, high, better = (
        told(value, finding.metric, label_unit, change=True)
        for value in (finding.low, finding.high, finding.improvement)
    )
    interval = f" [{low}, {high}]" if finding.low is not None else ""
    word = "limit" if finding.role == "floor" else "margin"
    asked = f", {word} {margin_told(finding, label_unit)}" if _margin(finding) or finding.role == "floor" else ""
    return f"{better}{interval}{asked}"


def _label(finding: Finding) -> str:
    role = f" ({finding.role})" if finding.role in ("primary", "floor", "slice") else ""
    role += f" against {finding.against}" if finding.against else ""
    role += f", {cases_of(finding)}" if cases_of(finding) else ""
    what = metric_words(finding.metric) or finding.role or finding.check.replace("_", " ")
    label = f"{what}{role} {finding.group}".strip()
    label = "".join(sign if sign.isprintable() else " " for sign in label)
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def _clipped(value: float, edge: float = EDGE) -> float:
    return min(max(value, -edge), edge) if math.isfinite(value) else 0.0
