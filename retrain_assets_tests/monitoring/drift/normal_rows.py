"""Rows of six normal columns, two of which may be correlated."""

import numpy as np
import pyarrow as pa

from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import reference_edges

POLICY = DriftPolicy()


NAMES = [f"x{n}" for n in range(6)]


EDGES = reference_edges(pa.table({name: np.random.default_rng(0).normal(size=4000) for name in NAMES}), NAMES, [])


def rows(rng, count=3000, correlation=0.0):
    values = rng.normal(size=(len(NAMES), count))
    values[1] = correlation * values[0] + np.sqrt(1 - correlation**2) * values[1]
    return pa.table(dict(zip(NAMES, values, strict=True)))
