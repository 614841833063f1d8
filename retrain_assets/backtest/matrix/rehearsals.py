"""With how many rounds a model serves, and which strategy: from the models of earlier origins on rows known by then.

A retrain rehearses at rolling origins of its own. The matrix holds such models already: those of the latest origins
whose selection rows end before the gate of the origin in question, one selection window apart. They are rounded to the
grid of origins, so that one is at most one step older than a retrain's own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from statistics import fmean

from retrain_assets.backtest.matrix.fits import FitRecord
from retrain_assets.backtest.matrix.origins import MatrixOrigin
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.candidates.rolling_origins import prefer, rounds_from
from retrain_assets.candidates.strategies import Recipe
from retrain_assets.periods import Calendar
from retrain_assets.windows.policy import WindowsPolicy


def rehearsed(origins: Sequence[MatrixOrigin], place: int, windows: WindowsPolicy, calendar: Calendar) -> list[int]:
    """The places of the origins that stand for the rolling origins of a retrain, oldest first; none early in history.

    Args:
        origins: Every origin, in order.
        place: Of the retrain.
        windows: Lengths of the gate and the selection windows, and how many rolling origins there are.
        calendar: The model's periods.
    """
    until = windows.gate.start(calendar, origins[place].trained_until)
    ends = [origin.selection.end for origin in origins[:place]]
    found: list[int] = []
    for _ in range(windows.selection_origins):
        at = bisect_right(ends, until) - 1
        earlier = windows.selection_length.start(calendar, until)
        if at < 0 or not earlier < until:
            break
        found.append(at)
        until = earlier
    return sorted(set(found))


def rounds_at(fits: Mapping[int, FitRecord], rehearsals: Sequence[int], place: int, recipe: Recipe) -> int | None:
    """With how many rounds a strategy's model serves; None where nothing tells it.

    The median of the rehearsals' best; without a rehearsal, what a held-out share told last.

    Args:
        fits: What was fitted of the strategy, by the place of the origin.
        rehearsals: Places of the origins that were rehearsed before.
        place: Of the model.
        recipe: The largest number of rounds.
    """
    best = [fits[at].stopped_at for at in rehearsals if at in fits]
    known = [number for number in best if number is not None]
    if known:
        return rounds_from(known, recipe)
    held = (fits[at].held_out_at for at in range(place, -1, -1) if at in fits)
    newest = next((number for number in held if number is not None), None)
    return rounds_from([newest], recipe) if newest is not None else None


def preferred(
    rehearsals: Sequence[Mapping[str, float]], trained: Sequence[str], incumbent: str, policy: TrainingPolicy
) -> str:
    """The strategy that a retrain would have chosen: the lowest mean loss over the rehearsals that all could be in.

    >>> policy = TrainingPolicy(objective="regression")
    >>> preferred([{"recent": 1.0, "history": 2.0}], ["recent", "history"], "history", policy)
    'recent'
    >>> preferred([], ["recent", "history"], "history", policy)
    'history'
    """
    competing: list[str] = [
        name for name in policy.strategies if name in trained or (policy.averages and len(trained) > 1)
    ]
    shared = [losses for losses in rehearsals if all(name in losses for name in competing)]
    if not shared or not competing:
        return incumbent if incumbent in competing else next(iter(trained))
    means = {name: fmean(losses[name] for losses in shared) for name in competing}
    return prefer(means, incumbent, policy.switch_gain)
