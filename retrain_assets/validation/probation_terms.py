"""What a promotion settles for the time after it: the block length, the cap of a row's loss, the fallback model.

They are measured on the gate rows, before the first day of probation, so that nothing the new model does in service
can move the rule it is held to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.metrics.metric import Array, metric
from retrain_assets.statistics.day_blocks import block_length_days, daily_means, lag1_autocorrelation

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


def terms(
    loss: str, label: Array, candidate: Array, champion: Array, time: npt.NDArray[np.datetime64]
) -> dict[str, Any]:
    """Block length and cap for the probation of a candidate, from the gate rows.

    Args:
        loss: The mean loss that monitoring follows.
        label: Outcomes, shape (n,).
        candidate: Its scores, shape (n,) or (n, k).
        champion: The live version's scores, same shape.
        time: When each row happened, shape (n,).
    """
    cap = loss_cap(loss, *(metric(loss).row_losses(label, scores) for scores in (candidate, champion)))
    excess = capped_losses(loss, label, candidate, cap) - capped_losses(loss, label, champion, cap)
    daily = daily_means(excess, time)
    return {"block_days": block_length_days(daily), "autocorrelation": lag1_autocorrelation(daily), "loss_cap": cap}
