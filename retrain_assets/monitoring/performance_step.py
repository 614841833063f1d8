"""Write the performance record of a period: the loss of arrived outcomes against the champion's baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from retrain_assets.metrics.metric import metric
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.drift.label_drift import Jump, Labels, label_step, label_table
from retrain_assets.monitoring.drift.report import DriftReport
from retrain_assets.monitoring.estimation.estimator import EstimationPolicy
from retrain_assets.monitoring.estimation.label_free import estimate_step
from retrain_assets.monitoring.impact_step import changed_columns, impact_sentence, loss_impact
from retrain_assets.monitoring.pages.performance_text import measured_sentence, performance_sentences
from retrain_assets.monitoring.performance.business_metrics import BusinessMeasurement, measure_business
from retrain_assets.monitoring.performance.expression import Expression
from retrain_assets.monitoring.performance.report import Baseline, Quality, ScoredLosses, measure
from retrain_assets.monitoring.performance.scored_rows import aligned, joined, periods_of, scored_by
from retrain_assets.monitoring.policy import BusinessMetric
from retrain_assets.monitoring.profiles.files import (
    LABEL_PROFILES,
    keep_profiles,
    kept_profiles,
    label_edges,
)
from retrain_assets.monitoring.profiles.profile import profile
from retrain_assets.monitoring.records.performance_record import (
    PerformanceRecord,
    monitored_periods,
    read_performance,
    write_performance,
)
from retrain_assets.monitoring.triggers.accumulated_excess import excess_before, last_attempt, outcomes_suspected
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.scoring.scorer import scores_of
from retrain_assets.store import OUTCOME, OUTCOME_TIME, own


@dataclass(frozen=True)
class PerformancePolicy:
    """What a performance record holds besides the loss.

    Attributes:
        groups: Columns to report the loss by.
        business: Business metrics with their expressions.
        estimation: How rows without outcomes are estimated; None estimates nothing.
        labels: How the outcomes themselves are watched; None does not.
        group_minimum: Rows from which on a group has a loss of its own.
    """

    groups: Sequence[str] = ()
    business: Sequence[tuple[BusinessMetric, Expression]] = ()
    estimation: EstimationPolicy | None = None
    labels: Labels | None = None
    group_minimum: int = 0


@dataclass(frozen=True)
class _Scored:
    """The outcomes that arrived in a period for rows that the version in charge scored.

    Attributes:
        promised: The loss that the version was promoted with.
        earlier: The record before, where it is about the same version.
        counts: Whether their excess is added up; not while they are suspected of a fault.
    """

    version: Version
    rows: pa.Table
    promised: Baseline
    earlier: PerformanceRecord | None
    counts: bool


def performance_step(model: Model, at: PeriodAccess, policy: PerformancePolicy, written: str = "") -> PerformanceRecord:
    """Write the performance record of a period: measured where outcomes arrived in it, estimated where none has yet.

    Only rows that the version in charge scored count, so that a new version does not answer for the old one's errors.
    The excess loss adds up from the last attempt on: what one retrain could not win back does not ask for the next.
    That of outcomes which jumped waits until a person has released the hold for them (`accumulated_excess`).

    Args:
        model: Its facts.
        at: The period.
        policy: What the record holds besides the loss.
        written: The day on which it is written.
    """
    arrived = at.store.read_table("outcomes", [at.period])
    earlier = [known for known in monitored_periods(at.store) if known < at.period]
    before = read_performance(at.store, earlier[-1]) if earlier else None
    labelled = (before.labelled_total if before else 0) + (arrived.num_rows if arrived is not None else 0)
    record = PerformanceRecord(at.period, labelled_total=labelled, written=written)
    if policy.labels is not None:
        drifted, jump = _labels(at, policy.labels, arrived, earlier)
        record = replace(record, label_drift=drifted, label_jump=jump)
    version = at.registry.served_in(at.period)
    if version is None:
        return write_performance(at.store, record)
    history = History(at.registry.history())
    begun_with = excess_before(at.store, history, version.name, at.period)
    record = replace(record, version=version.name, loss=model.loss, accumulated_excess=begun_with.excess)
    promised = champion_baseline(at.registry, version)
    rows = _scored_rows(model, at, version, arrived)
    counts = not outcomes_suspected(record, history)
    if rows is not None:
        earlier_own = before if before and before.version == version.name else None
        record = _measured(model, at, policy, _Scored(version, rows, promised, earlier_own, counts), record)
    own = 0.0 if counts or record.report is None else record.report.excess_sum
    record = replace(record, suspected_excess=begun_with.suspected + own)
    record = replace(record, worse_before=_worse_before(record, before))
    if record.report is not None:
        attempt = last_attempt(history, at.period)
        sentence = measured_sentence(model, record, promised, model.calendar.decided_on(attempt) if attempt else "")
        record = replace(record, report=replace(record.report, sentence=sentence))
    if policy.estimation is not None:
        past = before.estimates if before else ()
        estimated, series = estimate_step(model, at, policy.estimation, version, promised, past)
        record = replace(record, estimated=estimated, estimates=series)
    return write_performance(at.store, replace(record, sentence=" ".join(performance_sentences(record))))


def _worse_before(record: PerformanceRecord, before: PerformanceRecord | None) -> str:
    """The version before, where the running warning began under it; empty where it began under this one, or is none."""
    if before is None or record.loss_since is None:
        return ""
    if before.version == record.version:
        return before.worse_before if before.loss_since == record.loss_since else ""
    return before.version or "" if before.report and before.report.outcome is Quality.WARN else ""


def champion_baseline(registry: Registry, version: Version) -> Baseline:
    """The loss that a version showed on the gate rows that promoted it."""
    return Baseline.of(registry.verdict(version))


def _labels(
    at: PeriodAccess, labels: Labels, arrived: pa.Table | None, earlier: Sequence[str]
) -> tuple[DriftReport | None, Jump | None]:
    """What the record says of the outcomes themselves, whose profile is kept; nothing without outcomes."""
    if arrived is None or not arrived.num_rows:
        return None, None
    store, table = at.store, label_table(labels.task, arrived[OUTCOME])
    seen = profile(table, label_edges(store, table, labels.task == "regression"))
    last = [known for known in earlier if store.path(LABEL_PROFILES, known).exists()][-labels.drift.reference_periods :]
    before = read_performance(store, last[-1]) if last else None
    keep_profiles(store, LABEL_PROFILES, at.period, [seen])
    known = kept_profiles(store, LABEL_PROFILES, last, seen.edges)
    return label_step(labels, known, seen, before.label_drift if before else None, at.period)


def _scored_rows(model: Model, at: PeriodAccess, version: Version, arrived: pa.Table | None) -> pa.Table | None:
    """The outcomes of a period whose rows the version scored, with the scores; None without one."""
    if arrived is None or not arrived.num_rows:
        return None
    scored = joined(
        arrived, scored_by(at.store, version.name, periods_of(model.calendar, arrived[OUTCOME_TIME])), model.key
    )
    return scored if scored is not None and scored.num_rows else None


def _measured(
    model: Model, at: PeriodAccess, policy: PerformancePolicy, scored: _Scored, record: PerformanceRecord
) -> PerformanceRecord:
    """The loss of the outcomes that arrived, by group, its cost in what drifted, and the business metrics."""
    rows, version = scored.rows, scored.version
    changed = changed_columns(at.store, version, at.period)
    wanted = [name for _, expression in policy.business for name in expression.columns]
    names = dict.fromkeys((*policy.groups, *wanted, *(one.column for one in changed)))
    stored = at.store.read_table("raw_data", periods_of(model.calendar, rows[OUTCOME_TIME]), [model.key, *names])
    values = aligned(rows[model.key], stored, model.key)
    losses = metric(model.loss).row_losses(rows[OUTCOME].to_numpy(), scores_of(rows))
    groups = {name: np.asarray(values[name].to_pylist(), dtype=object) for name in policy.groups if name in values}
    times = rows[OUTCOME_TIME].to_numpy()
    of_rows = ScoredLosses(losses, times, groups, policy.group_minimum)
    report = measure(at.period, version.name, of_rows, scored.promised, record.accumulated_excess, scored.counts)
    begun = np.datetime64(model.calendar.bounds(at.period)[0], "us")
    report = replace(report, own_rows=int(np.count_nonzero((times >= begun) & np.isfinite(losses))))
    since = (scored.earlier.loss_since if scored.earlier else None) or at.period
    costed = loss_impact(at.registry, version, changed, values, losses, times)
    columns = {name: values[name] for name in dict.fromkeys((*policy.groups, *wanted)) if name in values}
    return replace(
        record,
        accumulated_excess=report.accumulated_excess,
        report=report,
        loss_since=since if report.outcome is Quality.WARN else None,
        impact=costed,
        impact_sentence=impact_sentence(model, at.period, changed, costed),
        business=_business(policy.business, scored, columns),
    )


def _business(
    business: Sequence[tuple[BusinessMetric, Expression]], scored: _Scored, values: Mapping[str, pa.ChunkedArray]
) -> tuple[BusinessMeasurement, ...]:
    """Every business metric on the scored rows; with several classes `score` is the class of the largest share."""
    scores = scores_of(scored.rows)
    rows: dict[str, np.ndarray] = {
        own("label"): scored.rows[OUTCOME].to_numpy(),
        own("score"): scores if scores.ndim == 1 else scores.argmax(axis=1).astype(float),
    }
    for name, column in values.items():
        number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        rows[name] = column.cast(pa.float64()).to_numpy() if number else np.asarray(column.to_pylist(), dtype=object)
    time, days = scored.rows[OUTCOME_TIME].to_numpy(), scored.promised.block_days
    found = [measure_business(one, expression, rows, time, days) for one, expression in business]
    return tuple(replace(one, periods=_running(scored.earlier, one)) for one in found)


def _running(earlier: PerformanceRecord | None, measured: BusinessMeasurement) -> int:
    """For how many periods in a row, this one included, a business metric has been beyond its threshold."""
    if measured.outcome is not Quality.WARN:
        return 0
    same = earlier.business if earlier else ()
    return 1 + next((one.periods for one in same if one.name == measured.name), 0)
