"""The summaries of every column tested together, and whether the reference holds a period as odd as the current one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from retrain_assets.monitoring.drift.statistics.moderated_variance import moderated
from retrain_assets.monitoring.drift.statistics.prediction_t import FEWEST_PERIODS, Scatters, period_tests, scatters
from retrain_assets.monitoring.drift.summaries import Summary, varying
from retrain_assets.statistics.multiple_testing import holm

Floats = NDArray[np.float64]

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
    asked = _asked(columns)
    tests = [period_tests(asked.values, asked.noise, scatter) for scatter in (_borrowed(asked), None)]
    adjusted = [holm(p_values) for _, p_values in tests]
    found: list[list[PeriodTest]] = [[] for _ in columns]
    for n, (column, summary) in enumerate(zip(asked.column, asked.summaries, strict=True)):
        if np.isfinite(adjusted[0][n]):
            p_value, p_alone = (float(p_values[n]) for p_values in adjusted)
            found[column].append(PeriodTest(summary, float(tests[0][0][n]), p_value, p_alone))
    return found


def as_odd_before(columns: Sequence[Sequence[Summary]]) -> int:
    """How many reference periods stand out from all other periods at least as much as the current one does.

    Each period in turn is tested against the others. It stands out by its smallest p-value, or by breadth: the sum over
    columns of −ln of each one's smallest p-value; the lesser of the two counts of precedents is given. Where periods
    are exchangeable the current one leads a ranking of K + 1 with a probability of 1/(K + 1), whatever their
    distribution: holidays, storms and bursts of faults make real summaries heavier in the tails than a t test expects.

    Source: Vovk, Gammerman & Shafer (2005), Algorithmic Learning in a Random World, section 2.2.
    """
    asked = _asked(columns)
    if not asked.summaries:
        return 0
    p_values = np.nan_to_num(_alone_p(asked.values, asked.noise), nan=1.0)
    by_column = np.minimum.reduceat(p_values, np.flatnonzero(np.diff(asked.column, prepend=-1)), axis=0)
    smallest = by_column.min(axis=0)
    breadth = -np.log(np.maximum(by_column, LEAST_P)).sum(axis=0)
    return min(int((smallest[:-1] <= smallest[-1]).sum()), int((breadth[:-1] >= breadth[-1]).sum()))


@dataclass(frozen=True)
class _Asked:
    """The summaries that vary, the column of each, and their values and noise, shape (summaries, K + 1) both."""

    summaries: list[Summary]
    column: NDArray[np.int64]
    values: Floats
    noise: Floats


def _asked(columns: Sequence[Sequence[Summary]]) -> _Asked:
    pairs = [(column, summary) for column, summaries in enumerate(columns) for summary in summaries]
    if not pairs:
        return _Asked([], np.empty(0, np.int64), np.empty((0, 1)), np.empty((0, 1)))
    values = np.array([summary.values for _, summary in pairs])
    varies = varying(values)
    summaries = [summary for (_, summary), kept in zip(pairs, varies.tolist(), strict=True) if kept]
    noise = np.array([summary.noise for summary in summaries]).reshape(-1, values.shape[1])
    return _Asked(summaries, np.array([column for column, _ in pairs])[varies], values[varies], noise)


def _borrowed(asked: _Asked) -> Scatters:
    """Scatter of each summary, borrowed among summaries of one kind over as many periods."""
    own, df = scatters(asked.values[:, :-1])
    groups: dict[tuple[str, float], list[int]] = {}
    for at, summary in enumerate(asked.summaries):
        groups.setdefault((summary.what, float(df[at])), []).append(at)
    for (_, one_df), members in groups.items():
        if one_df + 1 >= FEWEST_PERIODS:
            moved = moderated(own[members], int(one_df) + 1)
            own[members], df[members] = zip(*((one.variance, one.df) for one in moved), strict=True)
    return own, df


def _alone_p(values: Floats, noise: Floats) -> Floats:
    """The p-value of each period against all others, shape (summaries, K + 1); NaN where its value is unknown."""
    known = np.isfinite(values)
    periods = known.sum(axis=1, keepdims=True)
    enough = periods > FEWEST_PERIODS
    others = np.where(enough, periods - 1, FEWEST_PERIODS)
    noise = np.where(known, noise, 0.0)
    from_mean = np.where(known, values, 0.0)
    from_mean = np.where(known, values - from_mean.sum(axis=1, keepdims=True) / np.maximum(periods, 1), 0.0)
    gap = from_mean * periods / others
    squares = (from_mean**2).sum(axis=1, keepdims=True)
    scatter = np.maximum(squares - gap**2 * others / np.maximum(periods, 1), 0) / (others - 1)
    floor = (noise.sum(axis=1, keepdims=True) - noise) / others
    spread = np.maximum(scatter, floor) * (1 + 1 / others) + np.maximum(noise - floor, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(gap == 0, 0.0, gap / np.sqrt(spread))
    return np.asarray(np.where(known & enough, 2 * special.stdtr(others - 1.0, -np.abs(t)), np.nan))
