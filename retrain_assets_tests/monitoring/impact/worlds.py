"""Rides of eight quiet months and of one that may differ, and what changed in it."""

import numpy as np
import pyarrow as pa

from retrain_assets.monitoring.drift.report import drift
from retrain_assets.monitoring.impact.cost import (
    changes,
)
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import profile, reference_edges

ROWS = 3000


def rows_of(seed, fare=10.0, bike=0.3, missing=0.0, zone="C"):
    random = np.random.default_rng(seed)
    weight = random.normal(0, 1, ROWS)
    weight[random.uniform(size=ROWS) < missing] = np.nan
    return pa.table(
        {
            "fare": random.gamma(4, fare / 4, ROWS),
            "weight": weight,
            "vehicle": np.where(random.uniform(size=ROWS) < bike, "bike", "car"),
            "zone": np.where(random.uniform(size=ROWS) < 0.5, "A", zone),
        }
    )


def watched(current, since=None):
    """The changes of a period against eight quiet ones, with its edges."""
    quiet = {f"2024-{month:02}": rows_of(month) for month in range(1, 9)}
    edges = reference_edges(pa.concat_tables(quiet.values()), ["fare", "weight"], ["vehicle", "zone"])
    reference, present = {name: profile(table, edges) for name, table in quiet.items()}, profile(current, edges)
    report = drift(DriftPolicy(), reference, present, "2024-09", None)
    importance = {"fare": 0.6, "vehicle": 0.1, "zone": 0.3, "weight": 0.0}
    return changes(report, importance, reference, present, since), edges, reference, present
