"""Inputs of the drift report that are read from stored rows: joint drift, daily profiles, calibration of outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import DataError
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.drift.column_change import Measured, Sizes
from retrain_assets.monitoring.drift.day_permutation import Days
from retrain_assets.monitoring.drift.domain_classifier import JOINT, ROWS, joint_series
from retrain_assets.monitoring.drift.serving_series import Calibration, calibration
from retrain_assets.monitoring.performance.scored_rows import joined, periods_of, scored_by
from retrain_assets.monitoring.profiles.profile import Edges, Profile, profile
from retrain_assets.registry.registry import Version
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.features import encode
from retrain_assets.scoring.scorer import scores_of
from retrain_assets.store import OUTCOME, OUTCOME_TIME, PeriodStore


@dataclass(frozen=True)
class Joint:
    """The joint column of a period, and the AUC of each reference period to remember for the next."""

    column: Measured
    aucs: Mapping[str, float]


def joint_step(access: PeriodAccess, version: Version, used: Sequence[str], known: Mapping[str, float]) -> Joint:
    """Measure how well a classifier tells the period's rows from the reference.

    Args:
        access: The period.
        version: The version in charge, whose feature contract encodes the rows.
        used: The reference periods.
        known: AUCs of reference periods from the last report on the same reference, which are not computed again.

    Returns:
        The joint column; without a number when rows cannot be encoded or a reference period is no longer stored.
    """
    contract = FeatureContract.from_files(access.registry.read(version.digest))
    try:
        reference = {name: _encoded(access.store, name, contract) for name in used}
        column, aucs = joint_series(
            reference,
            _encoded(access.store, access.period, contract),
            [name for name in contract.names if contract.kinds[name] == "categorical"],
            seed=version.number,
            known=known,
        )
    except (DataError, FileNotFoundError):
        return Joint(Measured(JOINT, "numeric", Sizes(), ()), known)
    return Joint(column, aucs)


def _encoded(store: PeriodStore, period: str, contract: FeatureContract) -> pa.Table:
    rows = store.require_table("raw_data", period, list(contract.names))
    step = max(1, rows.num_rows // ROWS)
    return encode(rows.take(list(range(0, rows.num_rows, step))), contract).table


def days_of(access: PeriodAccess, edges: Edges, names: Sequence[str], time: str, used: Sequence[str]) -> Days | None:
    """Profile each day of the reference periods and of the period; None when a reference period is no longer stored."""
    names = list(dict.fromkeys((*names, time)))
    reference = [access.store.read_table("raw_data", [name], names) for name in used]
    present = [table for table in reference if table is not None]
    if not present or len(present) < len(reference):
        return None
    rows = access.store.require_table("raw_data", access.period, names)
    earlier = {day: one for table in present for day, one in _by_day(table, edges, time).items()}
    return Days(earlier, _by_day(rows, edges, time))


def _by_day(rows: pa.Table, edges: Edges, time: str) -> dict[date, Profile]:
    day = rows[time].cast(pa.date32())
    return {one: profile(rows.filter(pc.equal(day, one)), edges) for one in sorted(pc.unique(day).to_pylist())}


def arrived_calibration(model: Model, access: PeriodAccess, version: str) -> Calibration | None:
    """Measure the calibration on the outcomes that arrived in a period, of rows that the version scored.

    With several classes the score is the largest share, and the outcome whether that class came true. None without
    such rows.
    """
    arrived = access.store.read_table("outcomes", [access.period])
    if arrived is None or not arrived.num_rows:
        return None
    scored = scored_by(access.store, version, periods_of(model.calendar, arrived[OUTCOME_TIME]))
    if scored is None:
        return None
    rows = joined(scored, arrived.select([model.key, OUTCOME]), model.key)
    assert rows is not None
    label, scores = rows[OUTCOME].to_numpy(), scores_of(rows)
    if model.task == "multiclass":
        label, scores = label == scores.argmax(axis=1), scores.max(axis=1)
    return calibration(label, scores)
