"""The six tables, and the spec of each: written by the rules of `retrain new`, once, before any result was looked at.

Three ship with the project, three are read from a folder of streams. A spec is told what the tables' cards say (key,
time, label, protected columns), the cadence by the rule below, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retrain_assets.onboarding.draft import drafted
from retrain_assets.onboarding.roles import Named
from retrain_assets.onboarding.spec_text import spec_text
from retrain_assets.onboarding.table import read_table
from retrain_assets.periods import Every
from retrain_assets.spec.loading import load_spec
from retrain_assets.spec.model_spec import ModelSpec

SHIPPED = Path(__file__).parents[2] / "data"
SHUFFLE_SEED = 20240229


@dataclass(frozen=True)
class Stream:
    """One table: its file, what its card says of its columns, and how often decisions are taken.

    Attributes:
        file: Its name.
        key: Names a row.
        time: When a row happened.
        label: The outcome.
        delay: How long after its row it is known.
        every: The cadence: a week where one has 200 rows or more, else the shortest that the table's card names.
        groups: Protected columns.
        shipped: Whether it lies in the project's own `data`.
        left_out: Columns that the card says are no features.
    """

    file: str
    key: str
    time: str
    label: str
    delay: str
    every: Every
    groups: tuple[str, ...] = ()
    shipped: bool = False
    left_out: tuple[str, ...] = ()

    def path(self, folder: Path) -> Path:
        """Where it lies, given the folder of streams."""
        return (SHIPPED if self.shipped else folder) / self.file


STREAMS: Mapping[str, Stream] = {
    "birds": Stream("birds.parquet", "row_id", "strike_date", "affected", "1d", "quarter", ("phase",)),
    "noaa_weather": Stream("noaa_weather.parquet", "day_id", "day", "rain", "1d", "quarter"),
    "employment": Stream(
        "acs_ma_employment.parquet",
        "person_id",
        "survey_date",
        "employed",
        "1d",
        "year",
        ("sex", "race", "disability"),
        shipped=True,
        left_out=("year",),
    ),
    "flight_delays": Stream(
        "nyc_flights.parquet", "flight_id", "sched_dep", "late", "1d", "week", ("origin",), shipped=True
    ),
    "beijing": Stream("beijing.parquet", "row_id", "ts", "pm25", "1d", "week", ("station",)),
    "taxi_charge": Stream(
        "nyc_taxi.parquet", "trip_id", "pickup_at", "charge_usd", "1d", "week", ("pickup_borough",), shipped=True
    ),
}
"""By name, those with the least work first."""


def prepare(name: str, folder: Path, work: Path, *, shuffled: bool) -> ModelSpec:
    """Write a stream's table and spec into a folder of work, and load the spec.

    Args:
        name: Of the stream.
        folder: Of the streams that do not ship.
        work: An empty folder.
        shuffled: Whether the times are dealt out anew among the rows, so that nothing drifts.
    """
    stream = STREAMS[name]
    rows = pq.read_table(stream.path(folder)).drop_columns(list(stream.left_out))
    rows = rows.filter(pc.is_valid(rows[stream.label]))
    if shuffled:
        order = np.random.default_rng(SHUFFLE_SEED).permutation(rows.num_rows)
        place = rows.column_names.index(stream.time)
        rows = rows.set_column(place, stream.time, rows[stream.time].take(pa.array(order)))
    rows = rows.sort_by([(stream.time, "ascending"), (stream.key, "ascending")])
    work.mkdir(parents=True, exist_ok=True)
    data, spec = work / f"{name}.parquet", work / f"{name}.yaml"
    pq.write_table(rows, data)
    named = Named(key=stream.key, time=stream.time, label=stream.label)
    draft = drafted(name, read_table(str(data)), None, named, stream.every, stream.delay)
    for group in stream.groups:
        draft = draft.with_group(group)
    spec.write_text(spec_text(draft, work), encoding="utf-8")
    return load_spec(spec)
