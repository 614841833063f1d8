"""How far one column of a period has moved from the reference: its summaries to test, and its distances to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrain_assets.monitoring.drift.statistics import distances
from retrain_assets.monitoring.drift.summaries import (
    Shares,
    Summary,
    category_shares,
    category_summaries,
    missing_summary,
    numeric_summaries,
    reference_moments,
)
from retrain_assets.monitoring.profiles.column_reader import quoted
from retrain_assets.monitoring.profiles.profile import Kind, Profile

_DECILES = 10


@dataclass(frozen=True)
class Sizes:
    """Effect sizes of one column, as `drift.ColumnDrift` explains them; None where one does not apply."""

    psi: float | None = None
    jensen_shannon: float | None = None
    ks: float | None = None
    wasserstein: float | None = None
    total_variation: float | None = None
    missing_shift: float | None = None
    new_share: float = 0.0


@dataclass(frozen=True)
class Measured:
    """One column, measured but not judged; `example` is a category that the reference does not have."""

    name: str
    kind: Kind
    sizes: Sizes
    summaries: tuple[Summary, ...]
    example: str = ""


def measure(profiles: Sequence[Profile], name: str) -> Measured:
    """Sizes of the change of one column, and its summaries; the current period is the last of the profiles."""
    seen = [profile.columns[name] for profile in profiles]
    kind = seen[-1].kind
    if len(profiles) == 1 or not profiles[-1].rows:
        return Measured(name, kind, Sizes(), ())
    missing, sizes = missing_summary(seen), sizes_of(profiles, name)
    if kind == "numeric":
        return Measured(name, kind, sizes, (*numeric_summaries(profiles, name), missing))
    summaries = category_summaries(seen, profiles[-1].edges.categories[name])[0]
    newest = sorted(seen[-1].new.items(), key=lambda item: (-item[1], item[0]))
    example = quoted(newest[0][0]) if newest else ""
    return Measured(name, kind, sizes, (*summaries, missing), example)


def sizes_of(profiles: Sequence[Profile], name: str) -> Sizes:
    """Sizes alone of the change of one column, without the summaries that a test needs."""
    seen = [profile.columns[name] for profile in profiles]
    if len(profiles) == 1 or not profiles[-1].rows:
        return Sizes()
    before = sum(one.unusable for one in seen[:-1]) / max(1.0, sum(one.rows for one in seen[:-1]))
    common = Sizes(missing_shift=float(seen[-1].unusable / seen[-1].rows - before))
    if seen[-1].kind == "numeric":
        return _numeric_sizes(profiles, name, common)
    groups = category_shares(seen, len(profiles[-1].edges.categories[name]))
    return _category_sizes(groups, seen[-1].valid, common)


def _numeric_sizes(profiles: Sequence[Profile], name: str, common: Sizes) -> Sizes:
    cells = np.array([profile.columns[name].cells for profile in profiles])
    before, after = cells[:-1].sum(axis=0), cells[-1]
    if not before.sum() or not after.sum():
        return common
    edges = profiles[-1].edges.numeric[name]
    was, now = distances.shares(before), distances.shares(after)
    sd = reference_moments(profiles[:-1], name)[1]
    in_deciles = _deciles(before)
    coarse_before, coarse_after = (np.bincount(in_deciles, weights=counts) for counts in (before, after))
    return replace(
        common,
        psi=distances.psi(distances.smoothed(coarse_before), distances.smoothed(coarse_after)),
        jensen_shannon=distances.jensen_shannon(distances.shares(coarse_before), distances.shares(coarse_after)),
        ks=distances.ks(was, now),
        wasserstein=distances.wasserstein(was, now, edges) / sd if sd > 0 else None,
        total_variation=distances.total_variation(distances.shares(coarse_before), distances.shares(coarse_after)),
    )


def _deciles(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which tenth of the reference each cell belongs to; what lies outside the reference's range stays apart."""
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    group = 1 + np.minimum((middle * _DECILES).astype(int), _DECILES - 1)
    group[0], group[-1] = 0, _DECILES + 1
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _category_sizes(groups: Shares, rows: int, common: Sizes) -> Sizes:
    if not (np.isfinite(groups.before).all() and np.isfinite(groups.after).all()):
        return common
    before, after = (distances.smoothed(np.maximum(part, 0) * rows) for part in (groups.before, groups.after))
    return replace(
        common,
        psi=distances.psi(before, after),
        jensen_shannon=distances.jensen_shannon(groups.before, groups.after),
        total_variation=distances.total_variation(groups.before, groups.after),
        new_share=groups.new,
    )


def label(summary: Summary) -> str:
    """What a summary is, in words."""
    labels = {
        "mean": "mean",
        "spread": "standard deviation",
        "share_up_to": f"share up to {summary.at}",
        "missing": "missing share",
        "share": f"share of {quoted(summary.at)}",
        "rest": "share of the smaller categories",
        "unseen": "share of new categories",
        "out_of_range": "share of values beyond the reference",
        "gap": "mean outcome minus score",
        "slope": "slope of outcome against score",
        "joint": "AUC of telling its rows from the reference",
    }
    return labels[summary.what]


def change(one: Measured, summary: Summary) -> str:
    """How a summary moved, in the unit of the reader."""
    if summary.what in ("mean", "spread"):
        size = f", moved {one.sizes.wasserstein:.2f} sd" if one.sizes.wasserstein is not None else ""
        return f"{label(summary)} {summary.before:.4g} -> {summary.after:.4g}{size}"
    if summary.what in ("gap", "slope"):
        return f"{label(summary)} {summary.before:.4g} -> {summary.after:.4g}"
    if summary.what == "joint":
        return f"{label(summary)} {summary.before:.3f} -> {summary.after:.3f}, mostly by {one.example}"
    like = f", like {one.example}" if summary.what == "unseen" and one.example else ""
    return f"{label(summary)}: {100 * summary.before:.1f} -> {100 * summary.after:.1f} %{like}"
