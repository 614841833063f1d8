"""The loss of rows whose outcomes have not arrived as of a period, and how right such estimates have turned out.

Outcomes that arrived come first: what is measured is never estimated. Known rows are those of the version's own
finished periods, whose outcomes are all due, and of the gate that promoted it; early outcomes of an unfinished period
would be a choice of the quick ones. Everything is as of the period: predictions up to it, outcomes filed up to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import NotFound
from retrain_assets.metrics.metric import metric
from retrain_assets.model import Task
from retrain_assets.monitoring.estimation.estimator import (
    ASSUMES,
    FEWEST_ROWS,
    Estimate,
    Known,
    Unknown,
    Waiting,
    estimate,
)
from retrain_assets.monitoring.performance.report import Baseline, Quality, mean_limits
from retrain_assets.monitoring.performance.scored_rows import (
    aligned,
    finite_scores,
    joined,
    outcome_files,
    scored_by,
    without,
)
from retrain_assets.periods import Calendar
from retrain_assets.raw.labels import latest_per_key
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.scoring.features import encode
from retrain_assets.scoring.scorer import Scorer, scores_of
from retrain_assets.store import PeriodStore
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import load_window

MOST_ROWS = 50_000
"""Known rows that an estimate reads at most, the newest first."""

REMEMBERED = 24
"""Estimates whose later truth a record keeps."""

ALL_THERE = 0.95
"""Share of the awaited outcomes with which an estimate is compared before all are due."""


@dataclass(frozen=True)
class LabelFree:
    """What estimating without outcomes needs to know about a model.

    Args:
        label_delay: How long after its row an outcome is due.
        threshold: From which score on a row counts as class 1.
        costs: Per name a cost matrix whose expectation is wanted, `matrix[outcome][decision]`.
    """

    task: Task
    calendar: Calendar
    key: str
    time: str
    loss: str
    label_delay: timedelta
    threshold: float = 0.5
    costs: Mapping[str, Sequence[Sequence[float]]] | None = None
    seed: int = 7

    def awaited(self, period: str, version: Version) -> list[str]:
        """The periods with rows whose outcome may still come: as far back as the label delay, and one more."""
        end = self.calendar.bounds(period)[1]
        oldest = self.calendar.shift(self.calendar.key(end - max(self.label_delay, timedelta(microseconds=1))), -1)
        return [known for known in self.calendar.between(oldest, period) if known > version.period]

    def due(self, period: str) -> datetime:
        """When the last outcome of a period's rows is due."""
        return self.calendar.bounds(period)[1] + self.label_delay


def estimate_step(
    store: PeriodStore,
    registry: Registry,
    about: LabelFree,
    version: Version,
    baseline: Baseline,
    period: str,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """What a performance record of a period says of rows without outcomes.

    Args:
        store: The model's files.
        registry: Its versions.
        about: What is estimated.
        version: The version in charge.
        baseline: The loss it was promoted with.
        period: As of whose end.
        before: The performance record before.

    Returns:
        `estimated` with the numbers, a sentence and an outcome, `warn` when the loss to be expected is above the
        baseline's limit (only the sentence when nothing is estimated); `estimated_excess`,
        the expected loss beyond the baseline summed over those rows, only when there is an estimate; and `estimates`,
        the latest estimates with the later truth where it is known.
    """
    earlier = [settled(store, about, entry, period, baseline) for entry in before.get("estimates", ())]
    rows = _waiting_rows(store, about, version, period)
    found = _estimated(store, registry, about, version, rows, period)
    if rows is None or isinstance(found, Unknown):
        reason = found.reason if isinstance(found, Unknown) else "no row waits"
        sentence = f"{period}: nothing is estimated: {reason}."
        return {"estimated": {"sentence": sentence}, "estimates": earlier[-REMEMBERED:]}
    excess = (found.loss - baseline.mean) * found.rows
    entry = {
        "period": period,
        "version": version.name,
        "rows": found.rows,
        "periods": [about.calendar.key(moment) for moment in _ends(rows, about.time)],
        "estimated": found.loss,
        "low": found.low,
        "high": found.high,
        "settled": False,
    }
    series = [*earlier, entry][-REMEMBERED:]
    record = found.to_dict() | {"baseline": baseline.mean, "excess_sum": excess, "assumes": ASSUMES}
    record["outcome"] = str(Quality.WARN if found.low > baseline.high else Quality.QUIET)
    record["sentence"] = _sentence(found, version, baseline, period, series)
    return {"estimated": record, "estimated_excess": excess, "estimates": series}


def settled(
    store: PeriodStore, about: LabelFree, entry: Mapping[str, Any], period: str, baseline: Baseline
) -> dict[str, Any]:
    """An earlier estimate with its later truth: the measured loss of the very rows that had no outcome then.

    It stays open until 95 % of the outcomes are there or all are due. `contradicted` says that the limits of estimate
    and truth do not meet: then outcomes no longer followed from features as they had.
    """
    if entry["settled"]:
        return dict(entry)
    scored = scored_by(store, entry["version"], about.calendar.between(*entry["periods"]))
    now, first = about.calendar.bounds(period)[1], entry["periods"][0]
    known_then = store.read_table("outcomes", outcome_files(store, first, entry["period"]), [about.key])
    later = [known for known in outcome_files(store, first, period) if known > entry["period"]]
    outcomes = store.read_table("outcomes", later) if later else None
    if scored is None or outcomes is None:
        return {**entry, "settled": now >= about.due(about.calendar.shift(entry["period"], 1)), "arrived": 0}
    awaited = without(scored, known_then, about.key)
    found = joined(latest_per_key(outcomes, about.key), awaited, about.key)
    arrived = found.num_rows if found is not None else 0
    if found is None or not (arrived >= ALL_THERE * entry["rows"] or now >= about.due(entry["period"])):
        return {**entry, "arrived": arrived}
    losses = metric(about.loss).row_losses(found["label"].to_numpy(), scores_of(found))
    measured, low, high = mean_limits(losses, found["time"].to_numpy(), baseline)
    if measured is None:
        return {**entry, "arrived": arrived}
    apart = low is not None and high is not None and (low > entry["high"] or high < entry["low"])
    truth = {"measured": measured, "measured_low": low, "measured_high": high, "error": entry["estimated"] - measured}
    return {**entry, **truth, "arrived": arrived, "contradicted": apart, "settled": True}


def _waiting_rows(store: PeriodStore, about: LabelFree, version: Version, period: str) -> pa.Table | None:
    """The rows that the version scored and whose outcome has not arrived, oldest first; None when all have."""
    periods = about.awaited(period, version)
    scored = scored_by(store, version.name, periods)
    if scored is None:
        return None
    arrived = store.read_table("outcomes", outcome_files(store, periods[0], period), [about.key])
    rows = without(scored, arrived, about.key)
    return rows.sort_by(about.time) if rows.num_rows else None


def _estimated(
    store: PeriodStore, registry: Registry, about: LabelFree, version: Version, rows: pa.Table | None, period: str
) -> Estimate | Unknown:
    if rows is None:
        return Unknown("every outcome that could be missing has arrived, so that all is measured")
    if rows.num_rows < FEWEST_ROWS:
        return Unknown(f"{rows.num_rows:,} rows wait for their outcome, {FEWEST_ROWS:,} are needed for an estimate")
    scorer = Scorer.from_files(registry.read(version.digest))
    known = _known(store, registry, about, version, scorer, period)
    if known is None:
        return Unknown("no row with a known outcome that the model was not trained on")
    waiting = Waiting(_features(store, about, rows, scorer), scores_of(rows))
    return estimate(
        about.task, about.loss, known, waiting, threshold=about.threshold, costs=about.costs or {}, seed=about.seed
    )


def _known(
    store: PeriodStore, registry: Registry, about: LabelFree, version: Version, scorer: Scorer, period: str
) -> Known | None:
    """The newest rows with outcomes that the version scored without having been trained on them, at most 50,000."""
    end = about.calendar.bounds(period)[1]
    finished = [
        known for known in store.periods("predictions") if version.period < known < period and about.due(known) <= end
    ]
    parts: list[Known] = []
    for known in reversed(finished):
        if sum(len(part.label) for part in parts) >= MOST_ROWS:
            break
        part = _served(store, about, version, scorer, known, period)
        parts += [part] if part is not None else []
    if sum(len(part.label) for part in parts) < MOST_ROWS:
        gate = _gate(store, registry, about, version, scorer, period)
        parts += [gate] if gate is not None else []
    if not parts:
        return None
    return Known(
        pa.concat_tables([part.features for part in parts], promote_options="permissive").slice(0, MOST_ROWS),
        np.concatenate([part.scores for part in parts])[:MOST_ROWS],
        np.concatenate([part.label for part in parts])[:MOST_ROWS],
    )


def _served(
    store: PeriodStore, about: LabelFree, version: Version, scorer: Scorer, known: str, period: str
) -> Known | None:
    """The rows of a finished period with the outcomes filed up to another."""
    scored = scored_by(store, version.name, [known])
    outcomes = store.read_table("outcomes", outcome_files(store, known, period))
    if scored is None or outcomes is None:
        return None
    rows = joined(latest_per_key(outcomes, about.key), scored, about.key)
    if rows is None or not rows.num_rows:
        return None
    rows = finite_scores(rows, ["label"])
    return Known(_features(store, about, rows, scorer), scores_of(rows), rows["label"].to_numpy())


def _gate(
    store: PeriodStore, registry: Registry, about: LabelFree, version: Version, scorer: Scorer, period: str
) -> Known | None:
    """The gate rows that promoted the version, scored by the candidate that was tested there.

    A model that was refitted has trained on these rows, the tested candidate has not.
    """
    verdict = registry.verdict(version)
    if version.digest not in (verdict.candidate_digest, verdict.promotes):
        return None  # the fallback answers for another model's gate
    try:
        tested = Scorer.from_files(registry.read(verdict.candidate_digest))
    except NotFound:
        return None
    window = verdict.gate
    span = Span(window.periods, datetime.fromisoformat(window.start), datetime.fromisoformat(window.end))
    columns = list(dict.fromkeys((*scorer.contract.names, *tested.contract.names)))
    rows = load_window(store, span, columns, about.key, about.time, period)
    if not rows.num_rows:
        return None
    return Known(encode(rows, scorer.contract).table, tested.scores(rows), rows["label"].to_numpy())


def _features(store: PeriodStore, about: LabelFree, rows: pa.Table, scorer: Scorer) -> pa.Table:
    """The model's features of some scored rows, as numbers, in their order."""
    names = list(scorer.contract.names)
    time = about.time if about.time in rows.column_names else "time"
    ends = [about.calendar.key(moment) for moment in _ends(rows, time)]
    stored = store.read_table("raw_data", about.calendar.between(*ends), [about.key, *names])
    return encode(pa.table(aligned(rows[about.key], stored, about.key)), scorer.contract).table


def _ends(rows: pa.Table, time: str) -> tuple[datetime, datetime]:
    """When the first and the last of the rows happened."""
    ends = pc.min_max(rows[time]).as_py()
    return ends["min"], ends["max"]


def _sentence(
    found: Estimate, version: Version, baseline: Baseline, period: str, series: Sequence[Mapping[str, Any]]
) -> str:
    also = ", ".join(f"{name} {value:.3f}" for name, value in found.metrics.items() if value == value)
    return (
        f"{period}: estimated, not measured: {version.name} is expected to lose {found.loss:.4g} a row "
        f"({found.low:.4g} to {found.high:.4g}) on {found.rows:,} rows without outcome, promoted with "
        f"{baseline.mean:.4g}{f'; {also}' if also else ''}. By {found.method} from {found.reference_rows:,} rows with "
        f"outcomes. {ASSUMES}{_record_so_far(series)}"
    )


def _record_so_far(series: Sequence[Mapping[str, Any]]) -> str:
    """How right the earlier estimates were."""
    known = [entry for entry in series if entry.get("error") is not None]
    if not known:
        return " No earlier estimate has met its truth yet."
    last, off = known[-1], sum(abs(entry["error"]) for entry in known) / len(known)
    wrong = (
        ", apart beyond chance: outcomes no longer followed from the features as before" if last["contradicted"] else ""
    )
    return (
        f" Of {len(known)} earlier estimate(s) the mean error was {off:.3g}; that of {last['period']} said "
        f"{last['estimated']:.4g}, later measured {last['measured']:.4g}{wrong}."
    )
