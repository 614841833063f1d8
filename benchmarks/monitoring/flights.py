"""The shipped flights of 2013 by week, and the verdict on one week against others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retrain_assets.monitoring.drift.report import DriftReport, drift
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import profile, reference_profiles

DATA = Path(__file__).parents[2] / "data"
NUMERIC = (
    "distance_mi", "dow", "dep_minute", "arr_minute", "deps_same_hour", "dest_lat", "dest_lon", "plane_built",
    "plane_seats", "wx_temp_f", "wx_dewpoint_f", "wx_humidity_pct", "wx_wind_dir_deg", "wx_wind_mph", "wx_gust_mph",
    "wx_precip_in", "wx_pressure_mb", "wx_visib_mi",
)  # fmt: skip
CATEGORICAL = ("carrier", "origin", "dest", "plane_maker", "plane_engine")
MONDAY_ZERO = np.datetime64("2012-12-31")


@cache
def weeks() -> tuple[tuple[str, pa.Table], ...]:
    """The 52 whole weeks, each by its Monday; the columns are those of the shipped model."""
    table = pq.read_table(DATA / "nyc_flights.parquet", columns=["sched_dep", *NUMERIC, *CATEGORICAL])
    week = (table["sched_dep"].to_numpy() - MONDAY_ZERO) // np.timedelta64(7, "D")
    return tuple((str(MONDAY_ZERO + 7 * n), table.filter(pa.array(week == n))) for n in range(52))


def against(
    reference: Sequence[pa.Table],
    current: pa.Table,
    policy: DriftPolicy,
    key: str = "999",
    previous: DriftReport | None = None,
) -> DriftReport:
    """The verdict on one week against others, in bins from the rows of those."""
    named = {f"{n:03}": one for n, one in enumerate(reference)}
    edges, profiles = reference_profiles(named, list(NUMERIC), list(CATEGORICAL))
    return drift(policy, profiles, profile(current, edges), key, previous)
