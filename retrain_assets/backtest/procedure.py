"""Does retraining work at all? Fresh models against ones that are older by the usual interval, on rows neither saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from scipy import special

from retrain_assets.backtest.matrix.loss_matrix import LossMatrix
from retrain_assets.backtest.policies.path import PolicyPath
from retrain_assets.statistics.long_run_variance import DailySums, mean_error
from retrain_assets.validation.criteria.procedure_evidence import FEWEST_ORIGINS, MOST_ORIGINS, ProcedureEvidence

ALPHA = 0.05


def procedure_evidence(matrix: LossMatrix, usual: PolicyPath, unit: str = "week") -> ProcedureEvidence | None:
    """Join the last origins' days, and test the gain of the fresh models by the t of dependent days.

    Args:
        matrix: All losses.
        usual: The spec's own triggers, whose mean distance between retrains is the age that is compared.
        unit: What lies between two decisions.

    Returns:
        None where fewer than 6 origins have a model that is so much older.
    """
    interval = max(1, round(matrix.origins / (usual.count + 1)))
    interval = min(interval, matrix.origins - FEWEST_ORIGINS)
    fresh = range(max(interval, matrix.origins - MOST_ORIGINS), matrix.origins)
    if interval < 1 or len(fresh) < FEWEST_ORIGINS:
        return None
    return _compared(matrix, [(origin - interval, origin) for origin in fresh], int(matrix.days.size), ALPHA, unit)


def evidence_since(
    matrix: LossMatrix, since: datetime, aged: timedelta, until: datetime, alpha: float, unit: str
) -> ProcedureEvidence:
    """The same over the last origins from a moment on, against models that are older by an amount of time.

    An origin counts once a day of its interval is known, and no outcome counts that was not known yet.

    Args:
        matrix: All losses.
        since: Earlier origins do not count.
        aged: How much older the others are, at least; of the origins that are, the newest is taken.
        until: What is known then counts.
        alpha: Level of the limit.
        unit: What lies between two decisions.
    """
    known = int(matrix.known_by(np.array([np.datetime64(until, "us")]))[0])
    moments = matrix.moments.astype("datetime64[us]")
    pairs = []
    for origin in np.flatnonzero(moments >= np.datetime64(since, "us")).tolist():
        older = np.flatnonzero(moments <= moments[origin] - np.timedelta64(aged)).tolist()
        if older and matrix.served_from[origin] < min(known, _end(matrix, origin)):
            pairs.append((older[-1], origin))
    text = since.isoformat()
    if not pairs:
        problem = f"no {unit} since {text[:10]} has outcomes, {FEWEST_ORIGINS} are needed"
        return ProcedureEvidence.none(problem, alpha, text)
    return _compared(matrix, pairs[-MOST_ORIGINS:], known, alpha, unit, text)


def _compared(
    matrix: LossMatrix, pairs: Sequence[tuple[int, int]], known: int, alpha: float, unit: str, since: str = ""
) -> ProcedureEvidence:
    """Pairs of an older and a fresh origin, each in the interval after the fresh one's decision."""
    gains, counts, aged = [], [], 0.0
    for older, fresh in pairs:
        first, last = int(matrix.served_from[fresh]), min(known, _end(matrix, fresh))
        gain, rows = matrix.losses[older, first:last] - matrix.losses[fresh, first:last], matrix.rows[first:last]
        held = np.isfinite(gain) & (rows > 0)
        gains.append(gain[held])
        counts.append(rows[held])
        aged += float(matrix.losses[older, first:last][held].sum())
    days = DailySums(np.concatenate(gains), np.concatenate(counts))
    total, rows_behind = float(days.sums.sum()), float(days.rows.sum())
    interval = round(float(np.mean([fresh - older for older, fresh in pairs])))
    found = ProcedureEvidence(
        len(pairs),
        interval,
        total / aged if aged else 0.0,
        None,
        None,
        days.days,
        alpha,
        aged / rows_behind if rows_behind else 0.0,
        int(rows_behind),
        unit,
        since,
    )
    error = mean_error(days, None)
    if not (math.isfinite(error.error) and error.degrees > 0 and error.error > 0 and aged):
        return found
    reach = float(special.stdtrit(error.degrees, 1 - alpha * error.level_share)) * error.error
    p_value = min(float(special.stdtr(error.degrees, -days.mean / error.error)) / error.level_share, 1.0)
    low = (days.mean - reach) * rows_behind / aged
    return ProcedureEvidence.from_dict({**found.to_dict(), "low": low, "p_value": p_value})


def _end(matrix: LossMatrix, origin: int) -> int:
    """The place of the day on which the next origin's model takes over."""
    return int(matrix.served_from[origin + 1]) if origin + 1 < matrix.origins else int(matrix.days.size)
