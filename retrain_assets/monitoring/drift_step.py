"""Write the drift record of a period.

The period's rows are compared with the champion's own training periods, and its scores with the periods that the
champion served before. The record is one JSON file; the numbers in it are all that triggers, `status` and the asset
pages read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from retrain_assets.model import Task
from retrain_assets.monitoring.drift.reference_periods import comparable
from retrain_assets.monitoring.drift.report import Drift, DriftReport, drift
from retrain_assets.monitoring.drift.score_columns import UNCERTAINTY, score_table
from retrain_assets.monitoring.drift.serving_series import out_of_range, served_series
from retrain_assets.monitoring.drift.statistics.prediction_t import FEWEST_PERIODS
from retrain_assets.monitoring.drift.stored_inputs import arrived_calibration, days_of, joint_step
from retrain_assets.monitoring.impact.step import drift_impact
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.column_reader import stored_rows
from retrain_assets.monitoring.profiles.files import (
    DRIFT_PROFILES,
    keep_profiles,
    kept_profiles,
    reference_of,
    score_edges,
)
from retrain_assets.monitoring.profiles.profile import profile
from retrain_assets.monitoring.records import write_record
from retrain_assets.periods import Calendar
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.scoring.scorer import scores_of
from retrain_assets.store import PeriodStore


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
    """Write the drift record of a period: the features' report and the scores' report, and the profile of both.

    Features and scores are two families of tests, each held at half of the policy's level, so that the report as a
    whole keeps it. The period's rows are read once, a column at a time; of the past only profiles are read, of no more
    periods than the reference has.
    """
    version = registry.served_in(period)
    if version is None:
        return write_record(store, "drift_report", period, {"version": None})
    edges, reference = reference_of(registry, version)
    half = policy.model_copy(update={"alpha": policy.alpha / 2, "immediate_alpha": policy.immediate_alpha / 2})
    past = [known for known in store.periods("drift_report", "json") if version.period < known < period]
    before = next(_served(store, version, reversed(past)), None)
    used = comparable(policy, calendar, reference, period)
    seen = profile(stored_rows(store, "raw_data", [period]), edges)
    record: dict[str, Any] = {
        "version": version.name,
        "out_of_range": out_of_range(seen),
        "calibration": arrived_calibration(store, calendar, version.name, task, key, period),
    }
    joint = joint_step(store, registry, version, used, period, before) if policy.joint else None
    if joint is not None:
        record["joint"] = joint.aucs
    features = drift(
        half,
        {name: reference[name] for name in used},
        seen,
        period,
        DriftReport.from_dict(before["features"]) if before else None,
        [joint.column] if joint is not None else (),
        days_of(store, edges, columns, time, used, period) if 0 < len(used) < FEWEST_PERIODS else None,
    )
    record["features"] = features.to_dict()
    reports, profiles = [features], [seen]
    predictions = store.read_table("predictions", [period])
    if predictions is not None:
        scored = score_table(task, scores_of(predictions))
        profiles.append(profile(scored, score_edges(store, version, scored)))
        counted = (one for one in _served(store, version, past) if one["scores"]["rows"])
        first = list(islice(counted, policy.reference_periods))
        earlier = kept_profiles(store, DRIFT_PROFILES, [one["period"] for one in first], profiles[-1].edges)
        last = DriftReport.from_dict(before["scores"]) if before else None
        reports.append(drift(half, earlier, profiles[-1], period, last, served_series(first, record)))
        record["scores"] = reports[-1].to_dict()
    keep_profiles(store, DRIFT_PROFILES, period, profiles)
    record["uncertain_periods"] = _less_sure(reports[1:], before)
    record["warned"] = [name for report in reports for name in report.warned]
    record["triggers"] = any(report.triggers for report in reports)
    sentence = " Scores: ".join(report.sentence.removeprefix(f"{period}: ") for report in reports)
    record |= drift_impact(store, registry, version, features, (reference, seen), before)
    record["sentence"] = f"{record.get('impact_sentence') or f'{period}:'} {sentence}"
    return write_record(store, "drift_report", period, record)


def _less_sure(scores: Sequence[DriftReport], before: Mapping[str, Any] | None) -> int:
    """For how many periods in a row, this one included, the mean uncertainty has warned upwards."""
    found = [column for report in scores for column in report.columns if column.column == UNCERTAINTY]
    if not any(column.outcome is Drift.WARN and "mean up" in column.signals for column in found):
        return 0
    return 1 + (int(before.get("uncertain_periods", 0)) if before else 0)


def _served(store: PeriodStore, version: Version, periods: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The drift records of those periods that the version served, read one by one as they are asked for."""
    for period in periods:
        record = store.read_json("drift_report", period)
        if record and record.get("version") == version.name and "scores" in record:
            yield record
