"""Small worlds with a known truth, cut by month, for the tests of training and choosing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.candidates.strategies import Recipe
from retrain_assets.model import Model
from retrain_assets.periods import Calendar, Length
from retrain_assets.raw.policy import Columns
from retrain_assets.store import LABEL
from retrain_assets.windows.cut import Span, UsedRows, Windows, cut
from retrain_assets.windows.policy import WindowsPolicy

CALENDAR = Calendar(every="month", start="2018-01-01")
PER_MONTH = 300
DELAY = timedelta(days=1)

TRIPS = Model("trips", "regression", 2, CALENDAR, "trip", "at", "fare", DELAY, "mae")
RECIPE = Recipe(
    model=TRIPS,
    columns=Columns(numeric=["miles"], categorical=["zone"]),
    training=TrainingPolicy(objective="regression_l1", num_leaves=7, max_rounds=60, early_stopping_rounds=10),
    half_life=Length(periods=4),
)
LATE = replace(
    RECIPE, model=replace(TRIPS, task="binary", loss="log_loss"), training=TrainingPolicy(objective="binary")
)


def fares(months: int, price: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray], seed: int = 1) -> pa.Table:
    """Trips whose fare is `price(month, miles, zone)` plus noise of .3 dollars, in time order.

    >>> fares(2, lambda month, miles, zone: miles).num_rows
    600
    """
    rng = np.random.default_rng(seed)
    month = np.repeat(np.arange(months), PER_MONTH)
    start = np.array([CALENDAR.bounds(CALENDAR.shift("2018-01", int(m)))[0] for m in range(months)], "M8[us]")[month]
    at = np.sort(start + (rng.random(len(month)) * 28 * 86_400e6).astype("m8[us]"))
    miles, zone = rng.uniform(0, 10, len(month)), rng.integers(0, 5, len(month))
    return pa.table(
        {
            "trip": np.arange(len(month)),
            "at": at,
            "miles": miles.astype(np.float32),
            "zone": pa.array([f"Z{code}" for code in zone]).dictionary_encode(),
            LABEL: price(month, miles, zone) + rng.normal(0, 0.3, len(month)),
        }
    )


def abrupt_change(months: int, seed: int) -> pa.Table:
    """Everything costs six dollars more from the eighth month on."""
    return fares(months, lambda month, miles, zone: 3 + 2 * miles + 6.0 * (month >= 7), seed)


def rare_cases(months: int, seed: int) -> pa.Table:
    """Long trips cost extra by zone: cases of which the recent months hold too few."""
    return fares(months, lambda month, miles, zone: 3 + 2 * miles + 4.0 * zone * (miles > 8.5), seed)


def seasons(months: int, seed: int) -> pa.Table:
    """Each season drives in a zone of its own, at its own price, and comes back a third of a year later."""
    rows = fares(months, lambda month, miles, zone: 3 + 2 * miles, seed)
    season = (rows["at"].to_numpy().astype("M8[M]").astype(int) % 12) % 4
    zone = pa.array([f"Z{number}" for number in season]).dictionary_encode()
    rows = rows.set_column(rows.column_names.index("zone"), "zone", zone)
    return rows.set_column(rows.column_names.index(LABEL), LABEL, pa.array(rows[LABEL].to_numpy() + 4.0 * season))


def windows(months: int, origins: int = 3, recent: int = 2) -> Windows:
    """The windows of a first retrain as of that month, one gate month."""
    policy = WindowsPolicy(recent_periods=recent, half_life_periods=4, selection_origins=origins, min_train_periods=1)
    stored = CALENDAR.between("2018-01", CALENDAR.shift("2018-01", months - 1))
    found = cut(TRIPS, policy, stored[-1], stored, UsedRows())
    assert isinstance(found, Windows)
    return found


def span(start: str, end: str) -> Span:
    """A span by ISO dates."""
    begin, stop = datetime.fromisoformat(start), datetime.fromisoformat(end)
    return Span(
        tuple(CALENDAR.between(CALENDAR.key(begin), CALENDAR.key(stop - timedelta(microseconds=1)))), begin, stop
    )
