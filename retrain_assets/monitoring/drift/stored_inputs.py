"""What the drift report looks at beside columns and scores, read from the store: joint drift and calibration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import DataError
from retrain_assets.model import Task
from retrain_assets.monitoring.drift.column_change import Measured, Sizes
from retrain_assets.monitoring.drift.day_permutation import Days
from retrain_assets.monitoring.drift.domain_classifier import JOINT, ROWS, joint_series
from retrain_assets.monitoring.drift.serving_series import Numbers, calibration
from retrain_assets.monitoring.profiles.profile import Edges, Profile, profile
from retrain_assets.periods import Calendar
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.scoring.features import FeatureContract, encode
from retrain_assets.scoring.scorer import scores_of
from retrain_assets.store import PeriodStore


@dataclass(frozen=True)
class Joint:
    """The joint column of a period, and the AUC of each reference period to remember for the next."""

    column: Measured
    aucs: Mapping[str, float]


def joint_step(
    store: PeriodStore,
    registry: Registry,
    version: Version,
    used: Sequence[str],
    period: str,
    before: Mapping[str, Any] | None,
) -> Joint:
    """Ask the classifier about rows of a period; what it cannot read, and a reference that is gone, leave it out."""
    contract = FeatureContract.from_dict(json.loads(registry.read(version.digest)["features.json"]))
    known = before.get("joint", {}) if before else {}
    try:
        reference = {name: _encoded(store, name, contract) for name in used}
        column, aucs = joint_series(
            reference,
            _encoded(store, period, contract),
            [name for name in contract.names if contract.kinds[name] == "categorical"],
            seed=version.number,
            known=known,
        )
    except DataError:
        return Joint(Measured(JOINT, "numeric", Sizes(), ()), known)
    return Joint(column, aucs)


def _encoded(store: PeriodStore, period: str, contract: FeatureContract) -> pa.Table:
    rows = store.require_table("raw_data", period, list(contract.names))
    step = max(1, rows.num_rows // ROWS)
    return encode(rows.take(list(range(0, rows.num_rows, step))), contract).table


def days_of(
    store: PeriodStore, edges: Edges, columns: Columns, time: str, used: Sequence[str], period: str
) -> Days | None:
    """Daily profiles of the reference periods and of a period; None when a reference period is no longer stored."""
    names = list(dict.fromkeys((*columns.features, time)))
    reference = [store.read_table("raw_data", [name], names) for name in used]
    present = [table for table in reference if table is not None]
    if not present or len(present) < len(reference):
        return None
    rows = store.require_table("raw_data", period, names)
    earlier = {day: one for table in present for day, one in _by_day(table, edges, time).items()}
    return Days(earlier, _by_day(rows, edges, time))


def _by_day(rows: pa.Table, edges: Edges, time: str) -> dict[date, Profile]:
    day = rows[time].cast(pa.date32())
    return {one: profile(rows.filter(pc.equal(day, one)), edges) for one in sorted(pc.unique(day).to_pylist())}


def arrived_calibration(
    store: PeriodStore, calendar: Calendar, version: str, task: Task, key: str, period: str
) -> Numbers | None:
    """Calibration on the outcomes that arrived in a period, of rows that the version scored; None without them.

    With several classes the score is the largest share, and the outcome whether that class came true.
    """
    arrived = store.read_table("outcomes", [period])
    if arrived is None or not arrived.num_rows:
        return None
    extremes = pc.min_max(arrived["time"]).as_py()
    scored = store.read_table(
        "predictions", calendar.between(calendar.key(extremes["min"]), calendar.key(extremes["max"]))
    )
    if scored is None:
        return None
    scored = scored.filter(pc.equal(scored["version"].cast(pa.string()), version))
    at = pc.index_in(scored[key], value_set=arrived[key].combine_chunks())
    found = pc.is_valid(at)
    scores = scores_of(scored.filter(found))
    label = arrived["label"].take(at.filter(found)).to_numpy()
    if task == "multiclass":
        label, scores = label == scores.argmax(axis=1), scores.max(axis=1)
    return calibration(label, scores)
