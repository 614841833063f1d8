"""The summaries of every column tested together, and whether the reference holds a period as odd as the current one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy import special

from retrain_assets.monitoring.period_test import FEWEST_PERIODS, Scatter, holm, moderated, prediction_t
from retrain_assets.monitoring.summaries import Summary

LEAST_P = 1e-12
"""P-values below it add no more to the breadth of a change, so that one broken column does not outweigh all others."""


@dataclass(frozen=True)
class PeriodTest:
    """One summary's t, with its adjusted p-value, and the p-value that borrows nothing from the other columns."""

    summary: Summary
    statistic: float
    p_value: float
    p_alone: float


def all_tests(columns: Sequence[Sequence[Summary]]) -> list[list[PeriodTest]]:
    """Test every summary of every column by the period t, and adjust all p-values together by Holm.

    Args:
        columns: The summaries of each column; those that never vary and those of an unknown value are left out.

    Returns:
        What was tested of each column.
    """
    pairs = [(at, summary) for at, summaries in enumerate(columns) for summary in summaries if summary.varies]
    summaries = [summary for _, summary in pairs]
    borrowing, alone = _tests(summaries, borrow=True), _tests(summaries, borrow=False)
    p_values, p_alone = holm([p for _, p in borrowing]), holm([p for _, p in alone])
    found: list[list[PeriodTest]] = [[] for _ in columns]
    for n, (at, summary) in enumerate(pairs):
        if np.isfinite(p_values[n]):
            found[at].append(PeriodTest(summary, borrowing[n][0], float(p_values[n]), float(p_alone[n])))
    return found


def as_odd_before(columns: Sequence[Sequence[Summary]]) -> int:
    """How many reference periods stand out from all other periods at least as much as the current one does.

    Each period in turn is tested against the others. It stands out by its smallest p-value, or by breadth: the sum over
    columns of −ln of each one's smallest p-value; the lesser of the two counts of precedents is given. Where periods
    are exchangeable the current one leads a ranking of K + 1 with a probability of 1/(K + 1), whatever their
    distribution: holidays, storms and bursts of faults make real summaries heavier in the tails than a t test expects.

    Source: Vovk, Gammerman & Shafer (2005), Algorithmic Learning in a Random World, section 2.2.
    """
    varying = [[_alone_p(summary) for summary in summaries if summary.varies] for summaries in columns]
    by_column = np.array([np.nan_to_num(found, nan=1.0).min(axis=0) for found in varying if found])
    if not by_column.size:
        return 0
    smallest = by_column.min(axis=0)
    breadth = -np.log(np.maximum(by_column, LEAST_P)).sum(axis=0)
    return min(int((smallest[:-1] <= smallest[-1]).sum()), int((breadth[:-1] >= breadth[-1]).sum()))


def _alone_p(summary: Summary) -> NDArray[np.float64]:
    """The p-value of each period against all others, shape (K + 1,); NaN where its value is unknown."""
    known = np.isfinite(summary.values)
    p_values = np.full(known.shape, np.nan)
    values, noise = summary.values[known], summary.noise[known]
    others = values.size - 1
    if others < FEWEST_PERIODS:
        return p_values
    gap = (values - values.mean()) * values.size / others
    scatter = np.maximum(((values - values.mean()) ** 2).sum() - gap**2 * others / values.size, 0) / (others - 1)
    floor = (noise.sum() - noise) / others
    spread = np.maximum(scatter, floor) * (1 + 1 / others) + np.maximum(noise - floor, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(gap == 0, 0.0, gap / np.sqrt(spread))
    p_values[known] = 2 * special.stdtr(others - 1, -np.abs(t))
    return p_values


def _tests(summaries: Sequence[Summary], borrow: bool) -> list[tuple[float, float]]:
    """The t and p of each summary; scatter may be borrowed among summaries of one kind over as many periods."""
    results = [(float("nan"), float("nan"))] * len(summaries)
    known = [np.isfinite(summary.values[:-1]) for summary in summaries]
    key = {at: (summary.what, int(known[at].sum())) for at, summary in enumerate(summaries)}
    for (_, periods), members in groupby(sorted(key, key=lambda at: key[at]), key=lambda at: key[at]):
        at = list(members)
        if periods < FEWEST_PERIODS:
            continue
        own = [summaries[n].values[:-1][known[n]].var(ddof=1) for n in at]
        scatters = moderated(own, periods) if borrow else [Scatter(float(variance), periods - 1) for variance in own]
        for n, scatter in zip(at, scatters, strict=True):
            results[n] = _test(summaries[n], known[n], scatter)
    return results


def _test(summary: Summary, known: NDArray[np.bool_], scatter: Scatter) -> tuple[float, float]:
    return prediction_t(
        summary.values[:-1][known],
        float(summary.values[-1]),
        noise=summary.noise[:-1][known],
        current_noise=float(summary.noise[-1]),
        scatter=scatter,
    )
