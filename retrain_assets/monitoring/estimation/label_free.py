"""The loss of rows whose outcomes have not arrived as of a period, and how right such estimates have turned out.

Outcomes that arrived come first: what is measured is never estimated. Known rows are those of the version's own
finished periods, whose outcomes are all due, and of the gate that promoted it; early outcomes of an unfinished period
would be a choice of the quick ones. Everything is as of the period: predictions up to it, outcomes filed up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from retrain_assets.documents.units import amount, called
from retrain_assets.errors import NotFound
from retrain_assets.metrics.metric import metric
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.estimation.estimate_record import EstimateRecord, PastEstimate, Truth
from retrain_assets.monitoring.estimation.estimator import (
    FEWEST_ROWS,
    EstimationPolicy,
    LabelledRows,
    LossEstimate,
    NoEstimate,
    UnlabelledRows,
    estimate,
)
from retrain_assets.monitoring.performance.report import Baseline, Quality, mean_limits
from retrain_assets.monitoring.performance.scored_rows import (
    aligned,
    finite_scores,
    joined,
    outcome_files,
    periods_of,
    scored_by,
    time_span,
    without,
)
from retrain_assets.raw.labels import latest_per_key
from retrain_assets.registry.registry import Version
from retrain_assets.scoring.features import encode
from retrain_assets.scoring.scorer import Scorer, scores_of
from retrain_assets.store import LABEL, OUTCOME, OUTCOME_TIME, PeriodStore
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import load_window

MOST_ROWS = 50_000
"""Known rows that an estimate reads at most, the newest first."""

REMEMBERED = 24
"""Estimates whose later truth a record keeps."""

ALL_THERE = 0.95
"""Share of the awaited outcomes with which an estimate is compared before all are due."""


def estimate_step(
    model: Model,
    at: PeriodAccess,
    policy: EstimationPolicy,
    version: Version,
    baseline: Baseline,
    past: Sequence[PastEstimate],
) -> tuple[EstimateRecord, tuple[PastEstimate, ...]]:
    """Estimate the loss of rows without outcomes, and settle earlier estimates whose truth has arrived.

    Args:
        model: Its facts.
        at: The period, as of whose end everything is read.
        policy: What is estimated.
        version: The version in charge.
        baseline: The loss it was promoted with.
        past: The estimates so far, oldest first.

    Returns:
        The estimate, or why there is none; and the latest estimates, this one included.
    """
    earlier = [with_truth(model, at, one, baseline) for one in past]
    rows = _waiting_rows(model, at, version)
    found = _estimated(model, at, policy, version, rows)
    if rows is None or isinstance(found, NoEstimate):
        reason = called(found.reason if isinstance(found, NoEstimate) else "no row waits", model.row_name)
        return EstimateRecord(f"Nothing is estimated: {reason}."), tuple(earlier[-REMEMBERED:])
    first, last = (model.calendar.key(moment) for moment in time_span(rows[model.time]))
    own = PastEstimate(at.period, version.name, found.rows, (first, last), found.loss, found.low, found.high)
    series = tuple([*earlier, own][-REMEMBERED:])
    outcome = Quality.WARN if found.low > baseline.high else Quality.QUIET
    sentence = _sentence(model, found, version, baseline, series)
    return EstimateRecord(sentence, found, baseline.mean, outcome), series


def with_truth(model: Model, at: PeriodAccess, past: PastEstimate, baseline: Baseline) -> PastEstimate:
    """An earlier estimate with its later truth: the measured loss of the very rows that had no outcome then.

    It stays open until 95 % of the outcomes are there or all are due.
    """
    if past.settled:
        return past
    calendar, store, key = model.calendar, at.store, model.key
    scored = scored_by(store, past.version, calendar.between(*past.periods))
    now, first = calendar.bounds(at.period)[1], past.periods[0]
    known_then = store.read_table("outcomes", outcome_files(store, first, past.period), [key])
    later = [known for known in outcome_files(store, first, at.period) if known > past.period]
    outcomes = store.read_table("outcomes", later) if later else None
    if scored is None or outcomes is None:
        return replace(past, settled=now >= outcomes_due(model, calendar.shift(past.period, 1)), arrived=0)
    found = joined(latest_per_key(outcomes, key), without(scored, known_then, key), key)
    arrived = found.num_rows if found is not None else 0
    past = replace(past, arrived=arrived)
    if found is None or not (arrived >= ALL_THERE * past.rows or now >= outcomes_due(model, past.period)):
        return past
    losses = metric(model.loss).row_losses(found[OUTCOME].to_numpy(), scores_of(found))
    measured, low, high = mean_limits(losses, found[OUTCOME_TIME].to_numpy(), baseline)
    if measured is None:
        return past
    apart = low is not None and high is not None and (low > past.high or high < past.low)
    return replace(past, truth=Truth(measured, low, high, apart), settled=True)


def awaited_periods(model: Model, period: str, version: Version) -> list[str]:
    """The periods with rows whose outcome may still come: as far back as the label delay, and one more."""
    calendar = model.calendar
    end = calendar.bounds(period)[1]
    oldest = calendar.shift(calendar.key(end - max(model.label_delay, timedelta(microseconds=1))), -1)
    return [known for known in calendar.between(oldest, period) if known > version.period]


def outcomes_due(model: Model, period: str) -> datetime:
    """When the last outcome of a period's rows is due."""
    return model.calendar.bounds(period)[1] + model.label_delay


def _waiting_rows(model: Model, at: PeriodAccess, version: Version) -> pa.Table | None:
    """The rows that the version scored and whose outcome has not arrived, oldest first; None when all have."""
    periods = awaited_periods(model, at.period, version)
    scored = scored_by(at.store, version.name, periods)
    if scored is None:
        return None
    arrived = at.store.read_table("outcomes", outcome_files(at.store, periods[0], at.period), [model.key])
    rows = without(scored, arrived, model.key)
    return rows.sort_by(model.time) if rows.num_rows else None


def _estimated(
    model: Model, at: PeriodAccess, policy: EstimationPolicy, version: Version, rows: pa.Table | None
) -> LossEstimate | NoEstimate:
    if rows is None:
        return NoEstimate("every outcome that could be missing has arrived, so that all is measured")
    if rows.num_rows < FEWEST_ROWS:
        waiting = model.units.rows(rows.num_rows)
        return NoEstimate(f"{waiting} wait for their outcome, {FEWEST_ROWS:,} are needed for an estimate")
    scorer = Scorer.from_files(at.registry.read(version.digest))
    known = _known(model, at, version, scorer)
    if known is None:
        return NoEstimate("no row with a known outcome that the model was not trained on")
    unlabelled = UnlabelledRows(_features(model, at.store, rows, scorer), scores_of(rows))
    return estimate(model.task, model.loss, known, unlabelled, policy)


def _known(model: Model, at: PeriodAccess, version: Version, scorer: Scorer) -> LabelledRows | None:
    """The newest rows with outcomes that the version scored without having been trained on them, at most 50,000."""
    end = model.calendar.bounds(at.period)[1]
    finished = [
        known
        for known in at.store.periods("predictions")
        if version.period < known < at.period and outcomes_due(model, known) <= end
    ]
    parts: list[LabelledRows] = []
    for known in reversed(finished):
        if sum(len(part.label) for part in parts) >= MOST_ROWS:
            break
        part = _served(model, at, version, scorer, known)
        parts += [part] if part is not None else []
    if sum(len(part.label) for part in parts) < MOST_ROWS:
        gate = _gate(model, at, version, scorer)
        parts += [gate] if gate is not None else []
    if not parts:
        return None
    return LabelledRows(
        pa.concat_tables([part.features for part in parts], promote_options="permissive").slice(0, MOST_ROWS),
        np.concatenate([part.scores for part in parts])[:MOST_ROWS],
        np.concatenate([part.label for part in parts])[:MOST_ROWS],
    )


def _served(model: Model, at: PeriodAccess, version: Version, scorer: Scorer, known: str) -> LabelledRows | None:
    """The rows of a finished period with the outcomes filed up to another."""
    scored = scored_by(at.store, version.name, [known])
    outcomes = at.store.read_table("outcomes", outcome_files(at.store, known, at.period))
    if scored is None or outcomes is None:
        return None
    rows = joined(latest_per_key(outcomes, model.key), scored, model.key)
    if rows is None or not rows.num_rows:
        return None
    rows = finite_scores(rows, [OUTCOME])
    return LabelledRows(_features(model, at.store, rows, scorer), scores_of(rows), rows[OUTCOME].to_numpy())


def _gate(model: Model, at: PeriodAccess, version: Version, scorer: Scorer) -> LabelledRows | None:
    """The gate rows that promoted the version, scored by the candidate that was tested there.

    A model that was refitted has trained on these rows, the tested candidate has not.
    """
    verdict = at.registry.verdict(version)
    if version.digest not in (verdict.candidate_digest, verdict.promotes):
        return None  # the fallback answers for another model's gate
    try:
        tested = Scorer.from_files(at.registry.read(verdict.candidate_digest))
    except NotFound:
        return None
    columns = list(dict.fromkeys((*scorer.contract.names, *tested.contract.names)))
    rows = load_window(at.store, model, Span.of_gate(verdict.gate), columns, at.period)
    if not rows.num_rows:
        return None
    return LabelledRows(encode(rows, scorer.contract).table, tested.scores(rows), rows[LABEL].to_numpy())


def _features(model: Model, store: PeriodStore, rows: pa.Table, scorer: Scorer) -> pa.Table:
    """The model's features of some scored rows, as numbers, in their order."""
    names = list(scorer.contract.names)
    time = model.time if model.time in rows.column_names else OUTCOME_TIME
    stored = store.read_table("raw_data", periods_of(model.calendar, rows[time]), [model.key, *names])
    return encode(pa.table(aligned(rows[model.key], stored, model.key)), scorer.contract).table


def _sentence(
    model: Model, found: LossEstimate, version: Version, baseline: Baseline, series: Sequence[PastEstimate]
) -> str:
    units = model.units
    low, high = units.figure(max(found.low, 0.0)), units.figure(found.high)
    also = ", ".join(f"{name} {value:.3f}" for name, value in found.metrics.items() if value == value)
    return (
        f"Estimated, not measured: on {units.rows(found.rows)} whose outcomes are still out "
        f"{units.level(version.name, found.loss)} ({low} to {high}); expected {units.figure(baseline.mean)}"
        f"{f' ({also})' if also else ''}. {_record_so_far(model, series)}"
    )


def _record_so_far(model: Model, series: Sequence[PastEstimate]) -> str:
    """How right the earlier estimates were."""
    known = [(one, one.truth) for one in series if one.truth is not None]
    if not known:
        return "No earlier estimate has met its truth yet."
    last, truth = known[-1]
    unit = model.units.loss
    off = sum(abs(one.loss - met.loss) for one, met in known) / len(known)
    apart = ", further apart than chance: outcomes no longer follow from the features as before"
    return (
        f"Earlier estimates ({len(known)}) were off by {amount(off, unit)} on average; that of "
        f"{model.calendar.words(last.period)} said {amount(last.loss, unit)}, the truth was {amount(truth.loss, unit)}"
        f"{apart if truth.contradicted else ''}."
    )
