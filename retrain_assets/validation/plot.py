"""The forest plot of a verdict: every check's improvement with its interval, against its margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrain_assets.pictures import BAD, GOOD, INK, UNKNOWN, markdown, new_figure
from retrain_assets.verdict import Finding, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = {Outcome.PASS: GOOD, Outcome.FAIL: BAD, Outcome.INSUFFICIENT: UNKNOWN}
LONGEST = 44


def forest(verdict: Verdict) -> str:
    """The picture as Markdown, or a sentence when there is nothing to draw."""
    shown = [finding for finding in in_order(verdict) if finding.improvement is not None]
    if not shown:
        return "No check got as far as an estimate."
    return markdown(forest_figure(verdict, shown), f"every check of {verdict.model} {verdict.period}")


def in_order(verdict: Verdict) -> list[Finding]:
    """The findings check by check, the required checks first."""
    others = sorted({finding.check for finding in verdict.findings} - set(verdict.required))
    return [finding for check in (*verdict.required, *others) for finding in verdict.of(check)]


def forest_figure(verdict: Verdict, shown: Sequence[Finding]) -> Figure:
    """One line for each finding, from the top.

    Each line is one finding, scaled by its own margin (or, without one, by its interval's reach), so that metrics of
    different units stand under one another: 0 is "like the live model", the dotted line is the margin.
    """
    figure = new_figure(9, 0.9 + 0.34 * len(shown))
    axes = figure.add_subplot()
    for row, finding in enumerate(reversed(shown)):
        scale = _scale(finding)
        middle = _value(finding.improvement) / scale
        low, high = (_value(side, finding.improvement) / scale for side in (finding.low, finding.high))
        color = COLORS[finding.outcome]
        axes.plot([max(low, -3), min(high, 3)], [row, row], color=color, linewidth=2.5, solid_capstyle="butt")
        axes.plot([min(max(middle, -3), 3)], [row], "o", color=color, markersize=6)
        if finding.margin:
            axes.plot([-finding.margin / scale] * 2, [row - 0.35, row + 0.35], ":", color=INK, linewidth=1.5)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(shown)), [_label(finding) for finding in reversed(shown)], fontsize=9)
    axes.set_xlim(-3.1, 3.1)
    figure.supxlabel("worse  ←  improvement over the live model, in units of the margin  →  better", fontsize=9)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.set_title(f"{verdict.model} {verdict.period}: {verdict.decision.value}", fontsize=11, loc="left")
    return figure


def _label(finding: Finding) -> str:
    group = f" {finding.group}" if finding.group else ""
    label = f"{finding.check}: {finding.metric}{group}"
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def _scale(finding: Finding) -> float:
    reach = max(abs(_value(side)) for side in (finding.improvement, finding.low, finding.high))
    return abs(finding.margin) if finding.margin else reach / 2 or 1.0


def _value(number: float | None, otherwise: float | None = 0.0) -> float:
    return float(number if number is not None else otherwise or 0.0)
