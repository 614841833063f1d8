"""The two monitoring reports of a period, from stored rows to stored records.

`drift_report` compares the period's rows with the champion's own training periods, and its scores with the periods that
the champion served before. `performance_report` compares the loss of the outcomes that arrived with the champion's
baseline. Both write one JSON record; the numbers in it are all that triggers, `status` and the asset pages read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.metrics import metric
from retrain_assets.monitoring.beside import arrived_calibration, days_of, joint_step
from retrain_assets.monitoring.business import measure_business
from retrain_assets.monitoring.comparable import comparable
from retrain_assets.monitoring.drift import Drift, DriftReport, drift
from retrain_assets.monitoring.expression import Expression
from retrain_assets.monitoring.performance import Baseline, PerformanceReport, Quality, measure
from retrain_assets.monitoring.period_test import FEWEST_PERIODS
from retrain_assets.monitoring.policy import BusinessMetric, DriftPolicy
from retrain_assets.monitoring.profile import Edges, Profile, profile, reference_edges
from retrain_assets.monitoring.served import out_of_range, served_series
from retrain_assets.monitoring.uncertainty import Task, margin, uncertainty
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.scoring.scorer import scores_of
from retrain_assets.store import PeriodStore
from retrain_assets.windows.periods import Calendar

PREDICTION, UNCERTAINTY, MARGIN = "(prediction)", "(uncertainty)", "(margin)"


def drift_step(
    store: PeriodStore,
    registry: Registry,
    policy: DriftPolicy,
    columns: Columns,
    task: Task,
    period: str,
    calendar: Calendar,
    key: str,
    time: str,
) -> dict[str, Any]:
    """Write the drift record of a period: the features' report, the scores' report, and the scores' profile.

    Features and scores are two families of tests, each held at half of the policy's level, so that the report as a
    whole keeps it.
    """
    version = registry.served_in(period)
    if version is None:
        return _write(store, "drift_report", period, {"version": None})
    reference = json.loads(registry.read(version.digest)["profile.json"])
    edges = Edges.from_dict(reference["edges"])
    rows = store.require_table("raw_data", period, list(columns.features))
    half = policy.model_copy(update={"alpha": policy.alpha / 2, "immediate_alpha": policy.immediate_alpha / 2})
    before = _records(store, "drift_report", version, period)
    used = comparable(policy, calendar, reference["profiles"], period)
    seen = profile(rows, edges)
    record: dict[str, Any] = {
        "version": version.name,
        "out_of_range": out_of_range(seen),
        "calibration": arrived_calibration(store, calendar, version.name, task, key, period),
    }
    joint = joint_step(store, registry, version, columns, used, rows, before) if policy.joint else None
    if joint is not None:
        record["joint"] = joint.aucs
    features = drift(
        half,
        {name: Profile.from_dict(reference["profiles"][name]) for name in used},
        seen,
        period,
        DriftReport.from_dict(before[-1]["features"]) if before else None,
        [joint.column] if joint is not None else (),
        days_of(store, edges, columns, time, used, period) if 0 < len(used) < FEWEST_PERIODS else None,
    )
    record["features"] = features.to_dict()
    reports = [features]
    predictions = store.read_table("predictions", [period])
    if predictions is not None:
        scored = score_table(task, scores_of(predictions))
        score_edges = (
            Edges.from_dict(before[0]["score_edges"]) if before else reference_edges(scored, scored.column_names, [])
        )
        current = profile(scored, score_edges)
        first = [one for one in before if one["score_profile"]["rows"]][: policy.reference_periods]
        served = {one["period"]: Profile.from_dict(one["score_profile"]) for one in first}
        last = DriftReport.from_dict(before[-1]["scores"]) if before else None
        reports.append(drift(half, served, current, period, last, served_series(first, record)))
        record["scores"] = reports[-1].to_dict()
        record["score_profile"] = current.to_dict()
        record["score_edges"] = score_edges.to_dict()
    record["uncertain_periods"] = _less_sure(reports[1:], before)
    record["warned"] = [name for report in reports for name in report.warned]
    record["triggers"] = any(report.triggers for report in reports)
    record["sentence"] = " Scores: ".join(report.sentence.removeprefix(f"{period}: ") for report in reports)
    return _write(store, "drift_report", period, record)


def _less_sure(scores: Sequence[DriftReport], before: Sequence[Mapping[str, Any]]) -> int:
    """For how many periods in a row, this one included, the mean uncertainty has warned upwards."""
    found = [column for report in scores for column in report.columns if column.column == UNCERTAINTY]
    if not any(column.outcome is Drift.WARN and "mean up" in column.signals for column in found):
        return 0
    return 1 + (int(before[-1].get("uncertain_periods", 0)) if before else 0)


def score_table(task: Task, scores: np.ndarray) -> pa.Table:
    """The scores as columns to watch: the prediction, and its uncertainty and margin where the task has them."""
    prediction = scores if scores.ndim == 1 else scores.max(axis=1)
    columns = {PREDICTION: prediction}
    doubt = uncertainty(task, scores)
    if doubt is not None:
        columns[UNCERTAINTY] = doubt
    lead = margin(task, scores)
    if lead is not None:
        columns[MARGIN] = lead
    return pa.table(columns)


def performance_step(
    store: PeriodStore,
    registry: Registry,
    calendar: Calendar,
    loss: str,
    key: str,
    groups: Sequence[str],
    period: str,
    business: Sequence[tuple[BusinessMetric, Expression]] = (),
) -> dict[str, Any]:
    """Write the performance record of a period: the loss of the outcomes that arrived in it, against the baseline.

    Only rows that the version in charge scored count, so that a new version does not answer for the old one's errors.
    The excess loss adds up from the last attempt on: what one retrain could not win back does not ask for the next.
    """
    arrived = store.read_table("outcomes", [period])
    earlier = [known for known in store.periods("performance_report", "json") if known < period]
    before = (store.read_json("performance_report", earlier[-1]) if earlier else None) or {}
    labelled = int(before.get("labelled_total", 0)) + (arrived.num_rows if arrived is not None else 0)
    version = registry.served_in(period)
    record: dict[str, Any] = {"version": None, "labelled_total": labelled}
    if version is None:
        return _write(store, "performance_report", period, record)
    carried = _carried(before, version, last_attempt(registry, period))
    record |= {"version": version.name, "accumulated_excess": carried}
    if arrived is None or not arrived.num_rows:
        return _write(store, "performance_report", period, record)
    extremes = pc.min_max(arrived["time"]).as_py()
    periods = calendar.between(calendar.key(extremes["min"]), calendar.key(extremes["max"]))
    scored = _joined(arrived, store.read_table("predictions", periods), key)
    scored = scored.filter(pc.equal(scored["version"].cast(pa.string()), version.name)) if scored is not None else None
    if scored is None or not scored.num_rows:
        return _write(store, "performance_report", period, record)
    wanted = [name for _, expression in business for name in expression.columns]
    values = _aligned(
        scored[key], store.read_table("raw_data", periods, [key, *dict.fromkeys((*groups, *wanted))]), key
    )
    promised = champion_baseline(registry, version)
    report = measure(
        period,
        version.name,
        metric(loss).row_losses(scored["label"].to_numpy(), scores_of(scored)),
        scored["time"].to_numpy(),
        promised,
        carried,
        {name: np.asarray(values[name].to_pylist(), dtype=object) for name in groups if name in values},
    )
    record |= {"accumulated_excess": report.accumulated_excess, "report": report.to_dict()}
    if business:
        measured = _business(business, scored, values, promised.block_days)
        record["business"] = [one | {"periods": _running(before, version, one)} for one in measured]
    return _write(store, "performance_report", period, record)


def last_attempt(registry: Registry, period: str) -> str:
    """The period of the last retrain that was judged before a period; empty without one."""
    return max((event.period for event in registry.history() if event.gate and event.period < period), default="")


def champion_baseline(registry: Registry, version: Version) -> Baseline:
    """The loss that a version showed on the gate rows that promoted it."""
    return Baseline.from_dict(registry.verdict(version).evidence["baseline"])


def read_performance(record: Mapping[str, Any]) -> PerformanceReport | None:
    """The measured report inside a performance record, when there was something to measure."""
    return PerformanceReport.from_dict(record["report"]) if "report" in record else None


def _carried(before: Mapping[str, Any], version: Version, attempt: str) -> float:
    """The excess loss carried into a period: what no retrain has been judged on yet."""
    if before.get("version") != version.name or before["period"] <= attempt:
        return 0.0
    return float(before.get("accumulated_excess", 0.0))


def _business(
    business: Sequence[tuple[BusinessMetric, Expression]],
    scored: pa.Table,
    values: Mapping[str, pa.ChunkedArray],
    block_days: int,
) -> list[dict[str, Any]]:
    """Every business metric on the scored rows; with several classes `score` is the class of the largest share."""
    scores = scores_of(scored)
    rows: dict[str, np.ndarray] = {
        "label": scored["label"].to_numpy(),
        "score": scores if scores.ndim == 1 else scores.argmax(axis=1).astype(float),
    }
    for name, column in values.items():
        number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        rows[name] = column.cast(pa.float64()).to_numpy() if number else np.asarray(column.to_pylist(), dtype=object)
    time = scored["time"].to_numpy()
    return [asdict(measure_business(one, expression, rows, time, block_days)) for one, expression in business]


def _running(before: Mapping[str, Any], version: Version, measured: Mapping[str, Any]) -> int:
    """For how many periods in a row, this one included, a business metric has been beyond its threshold."""
    if measured["outcome"] != Quality.WARN:
        return 0
    same = before.get("business", []) if before.get("version") == version.name else []
    return 1 + next((one["periods"] for one in same if one["name"] == measured["name"]), 0)


def _aligned(keys: pa.ChunkedArray, rows: pa.Table | None, key: str) -> dict[str, pa.ChunkedArray]:
    """The columns of the rows with these keys, in their order; null where the row is not stored."""
    if rows is None:
        return {}
    at = pc.index_in(keys, value_set=rows[key].combine_chunks())
    return {name: rows[name].take(at) for name in rows.column_names if name != key}


def _joined(left: pa.Table, right: pa.Table | None, key: str) -> pa.Table | None:
    if right is None:
        return None
    at = pc.index_in(left[key], value_set=right[key].combine_chunks())
    found = pc.is_valid(at)
    left, at = left.filter(found), at.filter(found)
    for name in right.column_names:
        if name not in left.column_names:
            left = left.append_column(name, right[name].take(at))
    return left


def _records(store: PeriodStore, asset: str, version: Version, period: str) -> list[dict[str, Any]]:
    """The records of earlier periods that the same version served, oldest first."""
    earlier = [known for known in store.periods(asset, "json") if version.period < known < period]
    records = [store.read_json(asset, known) for known in earlier]
    return [record for record in records if record and record.get("version") == version.name and "scores" in record]


def _write(store: PeriodStore, asset: str, period: str, record: dict[str, Any]) -> dict[str, Any]:
    record = {"period": period, **record}
    store.write_json(asset, period, record)
    return record
