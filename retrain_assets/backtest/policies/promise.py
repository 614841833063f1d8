"""The loss that a model is promised to have when it is put in service: what its candidate showed on the gate rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from retrain_assets.backtest.policies.path import Past
from retrain_assets.statistics.long_run_variance import FULL_LEVEL_DAYS, DailySums, mean_error

_ALPHA = 0.05
_MANY_ROWS = 1000


@dataclass(frozen=True)
class Promise:
    """Mean loss per row, and how it scatters from day to day.

    Attributes:
        mean: What the live model is held to.
        day_sd: Standard deviation of the daily means around it.
    """

    mean: float
    day_sd: float


def promise(past: Past) -> Promise | None:
    """What the live model is held to; None where nothing tells it yet.

    The candidate is the model of the latest origin whose training ends where the gate begins, or before. As in the
    product it is held to the lower of its gate loss and its rehearsal loss, and to the upper confidence limit of that
    where the gate is shorter than four weeks or a thousand rows. A first model, before which no candidate could have
    met a gate, is held to its own first days in service, as many as the gate has.
    """
    matrix, origin = past.matrix, past.decided
    gate = matrix.trained_until[origin] - matrix.gate_from[origin]
    candidates = np.flatnonzero(matrix.trained_until <= matrix.gate_from[origin])
    start = matrix.gate_from[origin] if candidates.size else matrix.moments[origin]
    first, last = np.searchsorted(matrix.days.astype("datetime64[us]"), [start, start + gate])
    if last > past.known:
        return None
    judged = int(candidates[-1]) if candidates.size else origin
    losses, rows = matrix.losses[judged, first:last], matrix.rows[first:last]
    held = np.isfinite(losses) & (rows > 0)
    if not held.any():
        return None
    return _with_limit(DailySums(losses[held], rows[held]), float(matrix.rehearsed[origin]))


def _with_limit(gate: DailySums, rehearsed: float) -> Promise:
    means = gate.sums / gate.rows
    sd = float(np.std(means, ddof=1)) if means.size > 1 else math.nan
    held_to = min(gate.mean, rehearsed) if math.isfinite(rehearsed) else gate.mean
    if gate.days < FULL_LEVEL_DAYS or gate.rows.sum() < _MANY_ROWS:
        error = mean_error(gate, None)
        if math.isfinite(error.error):
            held_to += float(special.stdtrit(error.degrees, 1 - _ALPHA * error.level_share)) * error.error
    return Promise(held_to, sd)
