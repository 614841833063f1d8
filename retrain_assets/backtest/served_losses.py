"""The loss by day of what a version answered while it served, beside which fresh models are held."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import numpy as np

from retrain_assets.backtest.matrix.loss_matrix import Floats, LossMatrix
from retrain_assets.metrics.metric import metric
from retrain_assets.model import Model
from retrain_assets.monitoring.performance.scored_rows import joined, scored_by
from retrain_assets.scoring.scorer import scores_of
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import load_window


def served_losses(
    model: Model,
    store: PeriodStore,
    matrix: LossMatrix,
    version: str,
    since: datetime,
    excluded: Collection[str],
) -> Floats:
    """Loss, summed by day, of the scores that a version gave in service.

    Args:
        model: The model's facts.
        store: Its rows, outcomes and predictions.
        matrix: Its days and rows; a day on which the version has not scored every one of these rows is NaN.
        version: Name of the version.
        since: When it was put in service.
        excluded: Keys that are not among the rows of the matrix.
    """
    lost = np.full(matrix.days.size, np.nan)
    bounds = model.calendar.bounds
    periods = tuple(period for period in store.periods("predictions") if bounds(period)[1] > since)
    scored = scored_by(store, version, periods) if periods else None
    if scored is None:
        return lost
    span = Span(periods, datetime.min, datetime.max)
    rows = load_window(store, model, span, [], max(store.periods("outcomes"), default=""), excluded)
    served = joined(rows, scored, model.key) if rows.num_rows else None
    if served is None or not served.num_rows:
        return lost
    losses = metric(model.loss).row_losses(served[LABEL].to_numpy(), scores_of(served))
    day = np.asarray(served[model.time].to_numpy(), dtype="datetime64[D]")
    held = np.isin(day, matrix.days)
    place = np.searchsorted(matrix.days, day[held])
    counts = np.bincount(place, minlength=lost.size)
    sums = np.bincount(place, weights=np.asarray(losses, dtype=np.float64)[held], minlength=lost.size)
    return np.where((counts > 0) & (counts >= matrix.rows), sums, np.nan)
