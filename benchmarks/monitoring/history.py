"""What the drift verdict says of the shipped real data, period by period."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.monitoring.flights import DATA, weeks
from retrain_assets.monitoring.drift import DriftReport, drift
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profile import Profile, profile, reference_edges

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
    known = weeks()
    return _followed(known, range(rolling, len(known)), lambda n: known[n - rolling : n])


def taxi_months() -> list[Period]:
    """Every month of 2019 and the spring of 2020 against the months of 2018."""
    known = _months()
    return _followed(known, range(12, 28), lambda n: known[:12])


def _followed(
    known: Sequence[tuple[str, Profile]],
    asked: Iterable[int],
    reference_of: Callable[[int], Sequence[tuple[str, Profile]]],
) -> list[Period]:
    found: list[Period] = []
    previous: DriftReport | None = None
    for n in asked:
        key, current = known[n]
        previous = drift(DriftPolicy(), dict(reference_of(n)), current, key, previous)
        found.append(Period(key, previous.warned, previous.sentence))
    return found


def _months() -> Sequence[tuple[str, Profile]]:
    table = pq.read_table(DATA / "nyc_taxi.parquet", columns=["pickup_at", *TRIP_NUMBERS, *TRIP_NAMES])
    month = pc.strftime(table["pickup_at"], format="%Y-%m")
    keys = sorted(pc.unique(month).to_pylist())
    parts = [table.filter(pc.equal(month, key)).drop_columns(["pickup_at"]) for key in keys]
    edges = reference_edges(pa.concat_tables(parts[:12]).unify_dictionaries(), list(TRIP_NUMBERS), list(TRIP_NAMES))
    return [(key, profile(part, edges)) for key, part in zip(keys, parts, strict=True)]
