"""What the drift verdict says of the shipped real data, period by period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.monitoring.flights import DATA, against, weeks
from retrain_assets.monitoring.drift.report import DriftReport, drift
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import Profile, profile, reference_edges

CHRISTMAS = "2013-12-23"
LARGEST_SHARE = 0.25
TRIP_NUMBERS, TRIP_NAMES = (
    ("dow", "minute_of_day", "passengers", "distance_mi"),
    ("vendor", "rate_code", "pickup_zone", "dropoff_zone"),
)

EXPECTED = {"2019-07": {"vendor", "rate_code"}, "2020-03": {"minute_of_day"}}
"""Columns that must warn for the first time in that month: nulls where there were none, and the first lockdown."""


@dataclass(frozen=True)
class Period:
    """One period and the columns that warn in it."""

    key: str
    warned: tuple[str, ...]
    sentence: str


def flight_weeks(rolling: int = 12) -> list[Period]:
    """Every week of 2013 against the twelve before it."""
    known, found = weeks(), list[Period]()
    previous: DriftReport | None = None
    for n in range(rolling, len(known)):
        key, current = known[n]
        previous = against([week for _, week in known[n - rolling : n]], current, DriftPolicy(), key, previous)
        found.append(Period(key, previous.warned, previous.sentence))
    return found


def taxi_months() -> list[Period]:
    """Every month of 2019 and the spring of 2020 against the months of 2018."""
    known, found = _months(), list[Period]()
    previous: DriftReport | None = None
    for key, current in known[12:28]:
        previous = drift(DriftPolicy(), dict(known[:12]), current, key, previous)
        found.append(Period(key, previous.warned, previous.sentence))
    return found


def _months() -> Sequence[tuple[str, Profile]]:
    table = pq.read_table(DATA / "nyc_taxi.parquet", columns=["pickup_at", *TRIP_NUMBERS, *TRIP_NAMES])
    month = pc.strftime(table["pickup_at"], format="%Y-%m")
    keys = sorted(pc.unique(month).to_pylist())
    parts = [table.filter(pc.equal(month, key)).drop_columns(["pickup_at"]) for key in keys]
    edges = reference_edges(pa.concat_tables(parts[:12]).unify_dictionaries(), list(TRIP_NUMBERS), list(TRIP_NAMES))
    return [(key, profile(part, edges)) for key, part in zip(keys, parts, strict=True)]
