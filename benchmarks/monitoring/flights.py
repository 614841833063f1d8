"""The shipped flights of 2013 by week, as profiles with the edges of the whole year."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retrain_assets.monitoring.profile import Profile, profile, reference_edges

DATA = Path(__file__).parents[2] / "data"
NUMERIC = (
    "distance_mi", "dow", "dep_minute", "arr_minute", "deps_same_hour", "dest_lat", "dest_lon", "plane_built",
    "plane_seats", "wx_temp_f", "wx_dewpoint_f", "wx_humidity_pct", "wx_wind_dir_deg", "wx_wind_mph", "wx_gust_mph",
    "wx_precip_in", "wx_pressure_mb", "wx_visib_mi",
)  # fmt: skip
CATEGORICAL = ("carrier", "origin", "dest", "plane_maker", "plane_engine")
MONDAY_ZERO = np.datetime64("2012-12-31")


@cache
def weeks() -> tuple[tuple[str, Profile], ...]:
    """The 52 whole weeks, each by its Monday; the columns are those of the shipped model."""
    table = pq.read_table(DATA / "nyc_flights.parquet", columns=["sched_dep", *NUMERIC, *CATEGORICAL])
    week = (table["sched_dep"].to_numpy() - MONDAY_ZERO) // np.timedelta64(7, "D")
    parts = [table.filter(pa.array(week == n)) for n in range(52)]
    edges = reference_edges(pa.concat_tables(parts), list(NUMERIC), list(CATEGORICAL))
    return tuple((str(MONDAY_ZERO + 7 * n), profile(part, edges)) for n, part in enumerate(parts))
