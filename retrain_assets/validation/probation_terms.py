"""What a promotion settles for the time after it: the block length, the cap of a row's loss, the fallback model.

They are measured on the gate rows, before the first day of probation, so that nothing the new model does in service
can move the rule it is held to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrain_assets.metrics.metric import Array, metric
from retrain_assets.statistics.day_blocks import block_length_days, daily_means, lag1_autocorrelation
from retrain_assets.statistics.long_run_variance import LEAST_HISTORY_DAYS, DailySums
from retrain_assets.store import Json
from retrain_assets.validation.comparison.units import GateRows

PROBABILITY_LIMITS = (0.01, 0.99)
"""One certain and wrong row must not decide: a probability counts as at most this certain."""
MONEY_QUANTILE = 0.995
"""A row's loss of a regression counts as at most this quantile of the gate rows' losses."""


def capped_losses(loss: str, label: Array, scores: Array, cap: float | None) -> Array:
    """One loss per row, shape (n,), with no row able to outweigh all others.

    Args:
        loss: A mean loss: log_loss or brier (probabilities are clipped to [.01, .99]), mae or mse (capped at `cap`).
        label: Outcomes, shape (n,).
        scores: Shape (n,), or (n, k) for k classes.
        cap: In units of the loss; None for none.

    >>> capped_losses("log_loss", np.array([1.0, 0.0]), np.array([0.0, 0.5]), None).round(3)
    array([4.605, 0.693])
    >>> capped_losses("mae", np.array([10.0, 10.0]), np.array([12.0, 400.0]), 50.0)
    array([ 2., 50.])
    """
    if loss in ("log_loss", "brier"):
        return metric(loss).row_losses(label, np.clip(scores, *PROBABILITY_LIMITS))
    losses = metric(loss).row_losses(label, scores)
    return losses if cap is None else np.minimum(losses, cap)


def loss_cap(loss: str, *losses: Array) -> float | None:
    """The 99.5th percentile of the gate rows' losses; None for a loss of probabilities, which needs none.

    >>> loss_cap("mae", np.arange(1001.0)), loss_cap("log_loss", np.arange(1001.0))
    (995.0, None)
    """
    known = np.concatenate(losses)
    known = known[np.isfinite(known)]
    return None if loss in ("log_loss", "brier") or not known.size else float(np.quantile(known, MONEY_QUANTILE))


def terms(loss: str, rows: GateRows, candidate: Array, champion: Array) -> Json:
    """Block length and cap for the probation of a candidate.

    The block length follows from the autocorrelation of the daily differences, as six weeks or more of history tell
    it; where there are fewer, as the gate rows do.

    Args:
        loss: The mean loss that monitoring follows.
        rows: The gate rows, with the history of daily differences.
        candidate: The candidate's scores, shape (n,) or (n, k).
        champion: The live version's scores, same shape.
    """
    label = rows.label
    cap = loss_cap(loss, *(metric(loss).row_losses(label, scores) for scores in (candidate, champion)))
    excess = capped_losses(loss, label, candidate, cap) - capped_losses(loss, label, champion, cap)
    parts = rows.history.parts(loss)
    days = sum(part.days for part in parts)
    known = days >= LEAST_HISTORY_DAYS
    daily = _centred_means(parts) if known else daily_means(excess, rows.time)
    return {
        "block_days": block_length_days(daily),
        "autocorrelation": lag1_autocorrelation(daily),
        "history_days": days if known else 0,
        "loss_cap": cap,
    }


def _centred_means(parts: Sequence[DailySums]) -> Array:
    """Daily means of the history, each part around its own mean and by its own deviation, apart by an unknown day."""
    found: list[Array] = []
    for part in parts:
        means = part.sums / part.rows - part.mean
        deviation = float(means.std())
        found += [means / deviation if deviation > 0 else means, np.array([np.nan])]
    return np.concatenate(found)
