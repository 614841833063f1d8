"""Losses of rows whose days share an effect, and a promise that they are held to."""

import numpy as np

from retrain_assets.monitoring.performance.report import (
    Baseline,
)

START = np.datetime64("2013-02-04", "us")


def times(days, per_day, start=START):
    return np.repeat(start + np.arange(days) * np.timedelta64(1, "D"), per_day)


def losses(rng, days, per_day, mean=1.0, day_sd=0.2, rho=0.0):
    """Losses whose days share an effect that fades with autocorrelation rho."""
    effect = np.empty(days)
    effect[0] = rng.normal()
    for day in range(1, days):
        effect[day] = rho * effect[day - 1] + np.sqrt(1 - rho**2) * rng.normal()
    return rng.gamma(4, 0.25, days * per_day) - 1 + mean + np.repeat(day_sd * effect, per_day)


KNOWN = Baseline(mean=1.0, rows=2800, low=0.9, high=1.1, source="gate 2013-01", blocks=28, block_days=1, day_sd=0.3)
