"""The few numbers per column and period that the drift test looks at, on scales where chance has a known size.

Numeric: mean (in reference standard deviations), log standard deviation, and the share of rows up to the reference's
10, 50 and 90 % points. Categorical: the shares of the eight largest categories, of the rest, and of categories that the
other periods do not have. Both: the share of missing values. Shares are put on the arcsine scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrain_assets.monitoring.drift.statistics.distances import shares
from retrain_assets.monitoring.profiles.profile import ColumnProfile, Profile, moments

Floats = NDArray[np.float64]
What = Literal[
    "mean", "spread", "share_up_to", "missing", "share", "rest", "unseen", "joint", "out_of_range", "gap", "slope"
]

LARGEST = 8
SPREAD_FLOOR = 0.25
_FEWEST_FOR_SPREAD = 30
"""Rows of a period below which its standard deviation is taken as unknown: that of one row is always 0."""

_POINTS = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Summary:
    """One number of one column in every reference period and, last, in the current one.

    Attributes:
        what: Which number; summaries of one `what` are alike enough to share what is known of their scatter.
        at: The point or the category it is about.
        values: Shape (K + 1,), on the scale of the test; NaN where a period has no usable value.
        noise: Sampling variance of each value if rows were independent, shape (K + 1,).
        before: The same number over the reference, in the reader's unit.
        after: The same number in the current period, in the reader's unit.
    """

    what: What
    at: str
    values: Floats
    noise: Floats
    before: float
    after: float

    @property
    def varies(self) -> bool:
        """Whether there is anything to test: a number that is the same in every period says nothing."""
        return bool(varying(self.values))


def varying(values: Floats) -> NDArray[np.bool_]:
    """Whether the known ones of some values differ, along the last axis.

    >>> varying(np.array([[1.0, 1.0, np.nan], [1.0, 2.0, np.nan]]))
    array([False,  True])
    """
    known = np.isfinite(values)
    low, high = np.where(known, values, np.inf).min(axis=-1), np.where(known, values, -np.inf).max(axis=-1)
    return np.asarray(high - low > 1e-12)  # of nothing known it is minus infinity


@dataclass(frozen=True)
class Shares:
    """Shares of the groups of categories that are compared, in the reference and now; unseen categories are last."""

    before: Floats
    after: Floats

    @property
    def new(self) -> float:
        """Share of rows whose category the reference does not have."""
        return float(self.after[-1])


def arcsine(count: ArrayLike, rows: ArrayLike) -> Floats:
    """Share on the scale on which its chance variation is 1/(4·rows) whatever the share is; NaN without rows.

    arcsin sqrt((count + 3/8) / (rows + 3/4)).

    Source: Anscombe (1948), Biometrika 35.

    >>> arcsine([0, 50], 100).round(3)
    array([0.061, 0.785])
    """
    hits, total = np.asarray(count, dtype=float), np.asarray(rows, dtype=float)
    angle = np.arcsin(np.sqrt((hits + 0.375) / (total + 0.75)))
    return np.asarray(np.where(total > 0, angle, np.nan))


def missing_summary(profiles: Sequence[ColumnProfile]) -> Summary:
    """The share of rows without a usable value."""
    return share_summary("missing", "", [p.unusable for p in profiles], [p.rows for p in profiles])


def numeric_summaries(profiles: Sequence[Profile], column: str) -> list[Summary]:
    """Mean, log standard deviation and the shares up to three points; none when the reference has no value."""
    seen = [profile.columns[column] for profile in profiles]
    rows = np.array([p.valid for p in seen], dtype=float)
    cells = np.array([p.cells for p in seen])
    if not rows[:-1].any() or cells.shape[1] < 3:
        return []
    low, high = limits = profiles[0].edges.limits_of(column)
    means, variances = np.array([moments([one], limits) for one in seen]).T
    centre, sd = reference_moments(profiles[:-1], column)
    unit = sd if sd > 0 else high - low
    # a quiet week of a column that rarely moves, such as rain, is no outlier on the log scale
    spreads = np.where(rows >= _FEWEST_FOR_SPREAD, 0.5 * np.log(variances + (SPREAD_FLOOR * unit) ** 2), np.nan)
    peakedness = _peakedness(cells[:-1].sum(axis=0), profiles[0].edges.numeric[column], low, high)
    with np.errstate(divide="ignore"):
        noise = np.where(rows > 0, 1 / rows, np.inf)
    return [
        Summary("mean", "", (means - centre) / unit, noise, centre, float(means[-1])),
        Summary("spread", "", spreads, noise * (peakedness - 1) / 4, sd, float(np.sqrt(variances[-1]))),
        *_shares_up_to(cells, rows, profiles[0].edges.numeric[column]),
    ]


def reference_moments(profiles: Sequence[Profile], column: str) -> tuple[float, float]:
    """Mean and standard deviation of all reference rows together, in the column's unit."""
    mean, variance = moments([profile.columns[column] for profile in profiles], profiles[0].edges.limits_of(column))
    return mean, float(np.sqrt(variance))


def category_summaries(profiles: Sequence[ColumnProfile], levels: Sequence[str]) -> tuple[list[Summary], Shares]:
    """Shares of the largest categories, of the rest and of the unseen ones, with the shares for the reader.

    Which categories are largest is asked of all periods alike, the current one included: chosen by the reference alone,
    their shares there would be too high by luck. For the same reason a period's unseen categories are those that none
    of the others has, the current one included: against fewer others more categories are unseen.
    """
    groups, rows, largest = _groups(profiles, len(levels))
    top, rest, unseen = groups[:, :-2], groups[:, -2], groups[:, -1]
    summaries = [share_summary("share", levels[at], top[:, n], rows) for n, at in enumerate(largest)]
    if len(levels) == 2:
        summaries = summaries[:1]  # the second share says nothing that the first does not
    summaries += [share_summary("rest", "", rest, rows), share_summary("unseen", "", unseen, rows)]
    return summaries, _compared(groups, rows)


def category_shares(profiles: Sequence[ColumnProfile], levels: int) -> Shares:
    """The shares for the reader alone, of so many levels."""
    groups, rows, _ = _groups(profiles, levels)
    return _compared(groups, rows)


def _groups(profiles: Sequence[ColumnProfile], levels: int) -> tuple[Floats, Floats, list[int]]:
    """Rows per period of the largest categories, the rest and the unseen ones, all rows, and which are the largest."""
    counts = np.array([p.cells for p in profiles]).reshape(len(profiles), levels)
    rows = np.array([p.valid for p in profiles], dtype=float)
    unseen, counts = _unseen(counts, np.array([p.unseen for p in profiles], dtype=float))
    largest = _largest(counts, rows)
    top = counts[:, largest]
    return np.column_stack([top, rows - top.sum(axis=1) - unseen, unseen]), rows, largest


def _compared(groups: Floats, rows: Floats) -> Shares:
    return Shares(_mean_shares(groups[:-1], rows[:-1]), shares(groups[-1]))


def share_summary(what: What, at: str, count: ArrayLike, rows: ArrayLike) -> Summary:
    """A share of rows per period, on the arcsine scale."""
    hits, total = np.asarray(count, dtype=float), np.asarray(rows, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise, exact = 0.25 / total, hits / total  # without rows infinite, and NaN
    before = hits[:-1].sum() / max(1.0, total[:-1].sum())
    same = bool(exact.min() == exact.max())  # equal shares of unequal rows: no change to test
    values = np.zeros(total.shape) if same else arcsine(hits, total)
    return Summary(what, at, values, noise, float(before), float(exact[-1]))


def _shares_up_to(cells: Floats, rows: Floats, edges: Floats) -> list[Summary]:
    up_to = np.cumsum(cells, axis=1)[:, 1::2]
    pooled = up_to[:-1].sum(axis=0) / rows[:-1].sum()
    at = dict.fromkeys(min(int(np.searchsorted(pooled, point - 1e-12)), edges.size - 1) for point in _POINTS)
    return [share_summary("share_up_to", f"{edges[n]:.4g}", up_to[:, n], rows) for n in at]


def _peakedness(cells: Floats, edges: Floats, low: float, high: float) -> float:
    """Fourth standardised moment of the pooled reference, from the middles of its cells; at least a two-point value."""
    middles = np.repeat(edges, 2)[1:].astype(float)
    middles[1::2] = (edges[1:] + edges[:-1]) / 2
    values = np.clip(np.concatenate([[edges[0]], middles, [edges[-1]]]), low, high)[: cells.size]
    weights = shares(cells)
    centred = values - weights @ values
    variance = float(weights @ centred**2)
    return max(1.2, float(weights @ centred**4) / variance**2) if variance > 0 else 3.0


def _unseen(counts: Floats, outside: Floats) -> tuple[Floats, Floats]:
    """Rows per period in categories of no other period, and the counts without them."""
    lonely = counts == counts.sum(axis=0)
    return outside + np.where(lonely, counts, 0).sum(axis=1), np.where(lonely, 0, counts)


def _largest(counts: Floats, rows: Floats) -> list[int]:
    weight = (counts / np.maximum(rows, 1)[:, None]).sum(axis=0)
    order = np.argsort(-weight, kind="stable")[:LARGEST]
    return [int(at) for at in order if weight[at] > 0]


def _mean_shares(groups: Floats, rows: Floats) -> Floats:
    used = rows > 0
    return (groups[used] / rows[used][:, None]).mean(axis=0) if used.any() else np.full(groups.shape[1], np.nan)
