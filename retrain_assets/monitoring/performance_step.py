"""Write the performance record of a period: the loss of arrived outcomes against the champion's baseline.

The record is one JSON file; the numbers in it are all that triggers, `status` and the asset pages read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.metrics.metric import metric
from retrain_assets.monitoring.drift.label_drift import Labels, label_step, label_table
from retrain_assets.monitoring.estimation.label_free import LabelFree, estimate_step
from retrain_assets.monitoring.impact_step import changed_columns, performance_impact
from retrain_assets.monitoring.pages.performance_text import performance_sentences
from retrain_assets.monitoring.performance.accumulated_excess import carried, suspected
from retrain_assets.monitoring.performance.business_metrics import measure_business
from retrain_assets.monitoring.performance.expression import Expression
from retrain_assets.monitoring.performance.report import Baseline, Quality, measure
from retrain_assets.monitoring.performance.scored_rows import aligned, joined, scored_by
from retrain_assets.monitoring.policy import BusinessMetric
from retrain_assets.monitoring.profiles.files import (
    LABEL_PROFILES,
    keep_profiles,
    kept_profiles,
    label_edges,
)
from retrain_assets.monitoring.profiles.profile import profile
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.scoring.scorer import scores_of
from retrain_assets.store import PeriodStore


def performance_step(
    store: PeriodStore,
    registry: Registry,
    calendar: Calendar,
    loss: str,
    key: str,
    groups: Sequence[str],
    period: str,
    business: Sequence[tuple[BusinessMetric, Expression]] = (),
    label_free: LabelFree | None = None,
    labels: Labels | None = None,
) -> dict[str, Any]:
    """Write the performance record of a period: measured where outcomes arrived in it, estimated where none has yet.

    Only rows that the version in charge scored count, so that a new version does not answer for the old one's errors.
    The excess loss adds up from the last attempt on: what one retrain could not win back does not ask for the next.
    That of outcomes which jumped waits until a person has released the hold for them (`excess`).

    Args:
        store: The model's files.
        registry: Its versions.
        calendar: Its periods.
        loss: Name of the loss per row.
        key: Name of the key column.
        groups: Columns to report the loss by.
        period: As of whose end.
        business: Business metrics with their expressions.
        label_free: What estimating without outcomes needs; None estimates nothing.
        labels: How the outcomes themselves are watched; None does not.
    """
    arrived = store.read_table("outcomes", [period])
    earlier = [known for known in store.periods("performance_report", "json") if known < period]
    before = (store.read_json("performance_report", earlier[-1]) if earlier else None) or {}
    labelled = int(before.get("labelled_total", 0)) + (arrived.num_rows if arrived is not None else 0)
    version = registry.served_in(period)
    record: dict[str, Any] = {"version": None, "labelled_total": labelled}
    if labels is not None:
        record |= _labels(store, labels, arrived, earlier, period)
    if version is None:
        return _write(store, period, record)
    history = History(registry.history())
    begun_with = carried(store, history, version.name, period)
    record |= {"version": version.name, "loss": loss, "accumulated_excess": begun_with.excess}
    scored = _scored(store, calendar, version, arrived, key)
    if scored is not None:
        counts = not suspected({"period": period, **record}, history)
        asked = _Asked(calendar, loss, key, groups, business, begun_with.excess, counts)
        record |= _measured(store, registry, asked, version, scored, before, period)
    own = 0.0 if "report" not in record or record["report"]["counts"] else record["report"]["excess_sum"]
    record["suspected_excess"] = begun_with.suspected + own
    if label_free is not None:
        promised = champion_baseline(registry, version)
        record |= estimate_step(store, registry, label_free, version, promised, period, before)
    record["sentence"] = " ".join(performance_sentences(record))
    return _write(store, period, record)


def _write(store: PeriodStore, period: str, record: dict[str, Any]) -> dict[str, Any]:
    record = {"period": period, **record}
    store.write_json("performance_report", period, record)
    return record


def _labels(
    store: PeriodStore, labels: Labels, arrived: pa.Table | None, earlier: Sequence[str], period: str
) -> dict[str, Any]:
    """What the record says of the outcomes themselves, whose profile is kept; nothing without outcomes."""
    if arrived is None or not arrived.num_rows:
        return {}
    table = label_table(labels.task, arrived["label"])
    seen = profile(table, label_edges(store, table, labels.task == "regression"))
    last = [known for known in earlier if store.path(LABEL_PROFILES, known).exists()][-labels.drift.reference_periods :]
    before = (store.read_json("performance_report", last[-1]) or {}).get("label_drift") if last else None
    keep_profiles(store, LABEL_PROFILES, period, [seen])
    return label_step(labels, kept_profiles(store, LABEL_PROFILES, last, seen.edges), seen, before, period)


@dataclass(frozen=True)
class _Asked:
    """What is measured on rows with outcomes; the excess that the period begins with, and whether its own is added."""

    calendar: Calendar
    loss: str
    key: str
    groups: Sequence[str]
    business: Sequence[tuple[BusinessMetric, Expression]]
    begun_with: float
    counts: bool


def _scored(
    store: PeriodStore, calendar: Calendar, version: Version, arrived: pa.Table | None, key: str
) -> pa.Table | None:
    """The outcomes of a period whose rows the version scored, with the scores; None without one."""
    if arrived is None or not arrived.num_rows:
        return None
    extremes = pc.min_max(arrived["time"]).as_py()
    periods = calendar.between(calendar.key(extremes["min"]), calendar.key(extremes["max"]))
    scored = joined(arrived, scored_by(store, version.name, periods), key)
    return scored if scored is not None and scored.num_rows else None


def _measured(
    store: PeriodStore,
    registry: Registry,
    asked: _Asked,
    version: Version,
    scored: pa.Table,
    before: Mapping[str, Any],
    period: str,
) -> dict[str, Any]:
    """The loss of the outcomes that arrived, by group, its cost in what drifted, and the business metrics."""
    changed = changed_columns(store, version, period)
    wanted = [name for _, expression in asked.business for name in expression.columns]
    names = dict.fromkeys((*asked.groups, *wanted, *(one.column for one in changed)))
    extremes = pc.min_max(scored["time"]).as_py()
    periods = asked.calendar.between(*(asked.calendar.key(extremes[end]) for end in ("min", "max")))
    values = aligned(scored[asked.key], store.read_table("raw_data", periods, [asked.key, *names]), asked.key)
    promised = champion_baseline(registry, version)
    losses = metric(asked.loss).row_losses(scored["label"].to_numpy(), scores_of(scored))
    groups = {name: np.asarray(values[name].to_pylist(), dtype=object) for name in asked.groups if name in values}
    time = scored["time"].to_numpy()
    report = measure(period, version.name, losses, time, promised, asked.begun_with, groups, counts=asked.counts)
    record: dict[str, Any] = {"accumulated_excess": report.accumulated_excess, "report": report.to_dict()}
    if report.outcome is Quality.WARN:
        same = before.get("version") == version.name
        record["loss_since"] = (before.get("loss_since") if same else None) or period
    record |= performance_impact(registry, version, changed, values, losses, period, asked.loss)
    if asked.business:
        columns = {name: values[name] for name in dict.fromkeys((*asked.groups, *wanted)) if name in values}
        measured = _business(asked.business, scored, columns, promised.block_days)
        record["business"] = [one | {"periods": _running(before, version, one)} for one in measured]
    return record


def champion_baseline(registry: Registry, version: Version) -> Baseline:
    """The loss that a version showed on the gate rows that promoted it."""
    return Baseline.from_dict(registry.verdict(version).evidence["baseline"])


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
